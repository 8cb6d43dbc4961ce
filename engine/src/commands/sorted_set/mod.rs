//! Sorted sets: members with scores.
//!
//! `add` gives scores, `remove` and `pop` take members out, `range` and this file read, `bounds` says which members a command
//! means, `combine` makes unions, intersections and differences, `random` and `scan` walk.
//!
//! Invariants: everything is checked before the first change; a sorted set that is emptied goes with its key.

mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;
mod remove;
mod scan;

pub(crate) use add::{Options as AddOptions, add_pairs};
pub use add::{zadd, zincrby};
pub use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub use random::zrandmember;
pub use range::{zcount, zlexcount, zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore};
pub use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};
pub use scan::zscan;

use crate::commands::destination;
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE, wrong_arity};
use crate::notify::EventClass;
use graven_resp::{Protocol, Reply};
use graven_store::{Entry, Key, Members, SortedSetBuilder, SortedSetRef, StringRef};

/// The sorted set that an entry holds, or the error of a command that wants one.
#[inline]
fn sorted_set_of(entry: &Entry) -> Result<SortedSetRef<'_>, Error> {
    entry.sorted_set().ok_or(Error::from(WRONG_TYPE))
}

/// `ZCARD key`
pub fn zcard(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let len = match cx.engine.read(cx.session, key) {
        None => 0,
        Some(entry) => sorted_set_of(entry)?.len(),
    };
    cx.reply.int(len as i64);
    Ok(())
}

fn reply_score(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// `ZSCORE key member`
pub fn zscore(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let score = match cx.engine.read(cx.session, key) {
        None => None,
        Some(entry) => sorted_set_of(entry)?.score(cx.args.at(2)),
    };
    reply_score(&mut cx.reply, score);
    Ok(())
}

/// `ZMSCORE key member [member …]`
pub fn zmscore(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let set = cx.engine.read(cx.session, key).map(sorted_set_of).transpose()?;
    let members = cx.args.skip(2);
    cx.reply.array(members.len());
    for member in members {
        reply_score(&mut cx.reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

/// `ZRANK key member [WITHSCORE]`
pub fn zrank(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_rank(cx, false)
}

/// `ZREVRANK key member [WITHSCORE]`
pub fn zrevrank(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_rank(cx, true)
}

fn reply_rank(cx: &mut Context<'_>, reverse: bool) -> Result<(), Error> {
    let with_score = cx.args.len() == 4;
    if cx.args.len() > 4 {
        return Err(wrong_arity(cx.spec.name));
    }
    if with_score && !cx.is(3, "withscore") {
        return Err(SYNTAX.into());
    }
    let key = cx.key(1);
    let set = cx.engine.read(cx.session, key).map(sorted_set_of).transpose()?;
    let found = set.and_then(|set| {
        let (rank, score) = set.rank(cx.args.at(2))?;
        Some((if reverse { set.len() - 1 - rank } else { rank }, score))
    });
    match found {
        None if with_score => cx.reply.null_array(),
        None => cx.reply.null(),
        Some((rank, score)) => {
            if with_score {
                cx.reply.array(2);
            }
            cx.reply.int(rank as i64);
            if with_score {
                cx.reply.double(score);
            }
        }
    }
    Ok(())
}

/// Replies a member and its score as two elements: in RESP3 as a pair.
fn reply_pair(reply: &mut Reply<'_>, member: StringRef<'_>, score: f64) {
    if reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply_string(reply, member);
    reply.double(score);
}

/// Begins an array of so many pairs.
fn begin_pairs(reply: &mut Reply<'_>, pairs: usize) {
    let flat = reply.protocol() == Protocol::Resp2;
    reply.array(if flat { 2 * pairs } else { pairs });
}

/// Replies members, and their scores if they are wanted.
fn reply_members(reply: &mut Reply<'_>, members: Members<'_>, with_scores: bool) {
    if with_scores {
        begin_pairs(reply, members.len());
        members.for_each(|(member, score)| reply_pair(reply, member, score));
    } else {
        reply.array(members.len());
        members.for_each(|(member, _)| reply_string(reply, member));
    }
}

/// Puts a result in the place of a key and of what it held, and replies how many members it has. An empty result deletes
/// the key.
pub(crate) fn store(cx: &mut Context<'_>, key: Key<'_>, result: SortedSetBuilder, event: &str) {
    let len = result.len();
    let entry = (len > 0).then(|| result.into_entry(key.bytes, None, cx.engine.fresh_access()));
    destination::store(cx, key, entry, EventClass::ZSET, event);
    cx.reply.int(len as i64);
}
