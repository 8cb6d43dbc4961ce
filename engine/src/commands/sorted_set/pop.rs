//! Members taken from either end: `ZPOPMIN`, `ZPOPMAX`, `ZMPOP`, and those that wait for one.
//!
//! The log gets the `ZPOPMIN` or `ZPOPMAX` that happened, with the count where one was given.

use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, NOT_POSITIVE, SYNTAX, WRONG_TYPE};
use crate::notify::EventClass;
use crate::session::TimeoutReply;
use graven_resp::{Protocol, number};
use graven_store::{Key, Slot};

/// The end that members are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lowest,
    Highest,
}

impl End {
    fn command(self) -> &'static str {
        match self {
            End::Lowest => "ZPOPMIN",
            End::Highest => "ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Lowest => "zpopmin",
            End::Highest => "zpopmax",
        }
    }
}

/// How members are replied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Members and scores in one array.
    Flat,
    /// An array of pairs.
    Pairs,
    /// The key, a member and its score.
    KeyAndMember,
    /// The key and an array of pairs.
    KeyAndPairs,
}

/// `ZPOPMIN key [count]`
pub fn zpopmin(cx: &mut Context<'_>) -> Result<(), Error> {
    pop_one_key(cx, End::Lowest)
}

/// `ZPOPMAX key [count]`
pub fn zpopmax(cx: &mut Context<'_>) -> Result<(), Error> {
    pop_one_key(cx, End::Highest)
}

fn pop_one_key(cx: &mut Context<'_>, end: End) -> Result<(), Error> {
    let count = match cx.args.len() {
        2 => None,
        3 => Some(cx.int(2).ok().and_then(|count| usize::try_from(count).ok()).ok_or(NOT_POSITIVE)?),
        _ => return Err(SYNTAX.into()),
    };
    let shape = if count.is_some() && cx.reply.protocol() == Protocol::Resp3 { Shape::Pairs } else { Shape::Flat };
    let key = cx.key(1);
    if pop(cx, key, end, count.unwrap_or(1), shape)?.is_none() {
        cx.reply.array(0);
    }
    Ok(())
}

/// Takes up to `count` members and replies them; returns how many, or `None` if the key is missing, without a reply then.
fn pop(cx: &mut Context<'_>, key: Key<'_>, end: End, count: usize, shape: Shape) -> Result<Option<usize>, Error> {
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Ok(None) };
    let set = place.sorted_set().ok_or(WRONG_TYPE)?;
    let len = set.len();
    let count = count.min(len);
    let ranks = match end {
        End::Lowest => 0..count,
        End::Highest => len - count..len,
    };
    match shape {
        Shape::Flat => cx.reply.array(2 * count),
        Shape::Pairs => cx.reply.array(count),
        Shape::KeyAndMember => {
            cx.reply.array(1 + 2 * count);
            cx.reply.bulk(key.bytes);
        }
        Shape::KeyAndPairs => {
            cx.reply.array(2);
            cx.reply.bulk(key.bytes);
            cx.reply.array(count);
        }
    }
    for (member, score) in set.range(ranks.clone(), end == End::Highest) {
        if matches!(shape, Shape::Pairs | Shape::KeyAndPairs) {
            cx.reply.array(2);
        }
        reply_string(&mut cx.reply, member);
        cx.reply.double(score);
    }
    if count == 0 {
        return Ok(Some(0));
    }
    if count == len {
        let entry = place.remove();
        cx.engine.drop_entry(entry, false);
    } else {
        place.sorted_set_mut().expect("it is a sorted set").remove_ranks(ranks);
    }
    cx.changed_by(key.bytes, count as u64);
    cx.notify(EventClass::ZSET, end.event(), key.bytes);
    if count == len {
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
    Ok(Some(count))
}

/// Logs what was popped as a pop from one key.
fn log_pop(cx: &mut Context<'_>, key: &[u8], end: End, count: Option<usize>) {
    match count {
        None => cx.log(&[end.command().as_bytes(), key]),
        Some(count) => cx.log(&[end.command().as_bytes(), key, itoa::Buffer::new().format(count).as_bytes()]),
    }
}

/// What several keys are asked for.
struct Request {
    /// The argument with the first key.
    first_key: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl Request {
    /// Reads `numkeys key [key …] <MIN | MAX> [COUNT count]` from argument `at` on.
    fn parse(cx: &Context<'_>, at: usize) -> Result<Request, Error> {
        let positive = |i: usize| number::parse_i64(cx.args.at(i)).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let keys = positive(at).ok_or("ERR numkeys should be greater than 0")?;
        let end_at = (at + 1).saturating_add(keys);
        let end = match cx.args.get(end_at) {
            Some(word) if word.eq_ignore_ascii_case(b"min") => End::Lowest,
            Some(word) if word.eq_ignore_ascii_case(b"max") => End::Highest,
            _ => return Err(SYNTAX.into()),
        };
        let mut count = None;
        let mut i = end_at + 1;
        while i < cx.args.len() {
            if count.is_some() || !cx.is(i, "count") || i + 1 == cx.args.len() {
                return Err(SYNTAX.into());
            }
            count = Some(positive(i + 1).ok_or("ERR count should be greater than 0")?);
            i += 2;
        }
        Ok(Request { first_key: at + 1, keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that exists. False if none does.
    fn pop_first(&self, cx: &mut Context<'_>, shape: Shape) -> Result<bool, Error> {
        for i in self.first_key..self.first_key + self.keys {
            let key = cx.key(i);
            if let Some(popped) = pop(cx, key, self.end, self.count, shape)? {
                log_pop(cx, key.bytes, self.end, (shape == Shape::KeyAndPairs).then_some(popped));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same, waiting if none does.
    fn pop_or_wait(&self, cx: &mut Context<'_>, deadline_ms: u64, shape: Shape) -> Result<(), Error> {
        if self.pop_first(cx, shape)? {
            return Ok(());
        }
        if cx.may_block() {
            let keys = cx.args.skip(self.first_key).take(self.keys);
            cx.block(keys, deadline_ms, TimeoutReply::NullArray, None);
        } else {
            cx.reply.null_array();
        }
        Ok(())
    }
}

/// `ZMPOP numkeys key [key …] <MIN | MAX> [COUNT count]`
pub fn zmpop(cx: &mut Context<'_>) -> Result<(), Error> {
    let request = Request::parse(cx, 1)?;
    if !request.pop_first(cx, Shape::KeyAndPairs)? {
        cx.reply.null_array();
    }
    Ok(())
}

/// `BZMPOP timeout numkeys key [key …] <MIN | MAX> [COUNT count]`
pub fn bzmpop(cx: &mut Context<'_>) -> Result<(), Error> {
    let request = Request::parse(cx, 2)?;
    let deadline_ms = cx.timeout(1)?;
    request.pop_or_wait(cx, deadline_ms, Shape::KeyAndPairs)
}

/// `BZPOPMIN key [key …] timeout`
pub fn bzpopmin(cx: &mut Context<'_>) -> Result<(), Error> {
    pop_one_or_wait(cx, End::Lowest)
}

/// `BZPOPMAX key [key …] timeout`
pub fn bzpopmax(cx: &mut Context<'_>) -> Result<(), Error> {
    pop_one_or_wait(cx, End::Highest)
}

fn pop_one_or_wait(cx: &mut Context<'_>, end: End) -> Result<(), Error> {
    let last = cx.args.len() - 1;
    let deadline_ms = cx.timeout(last)?;
    let request = Request { first_key: 1, keys: last - 1, end, count: 1 };
    request.pop_or_wait(cx, deadline_ms, Shape::KeyAndMember)
}
