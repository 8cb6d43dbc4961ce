//! Commands of lists.
//!
//! All checks come before the first change. What a command pops or moves is logged as it arrived if that says which end and
//! how many; commands that choose among keys, or wait, are logged as the pop that happened.

mod blocking;
mod edit;
mod ends;
mod moves;
mod position;
mod read;

pub use blocking::{blmove, blmpop, blpop, brpop, brpoplpush};
pub use edit::{linsert, lrem, lset, ltrim};
pub use ends::{lmpop, lpop, lpush, lpushx, rpop, rpush, rpushx};
pub use moves::{lmove, rpoplpush};
pub use position::lpos;
pub use read::{lindex, llen, lrange};

use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE};
use graven_resp::Reply;
use graven_store::{Entry, Item, ListLimits, ListRef, Side};

/// The list of an entry.
#[inline]
fn list_of(entry: &Entry) -> Result<ListRef<'_>, Error> {
    entry.list().ok_or(WRONG_TYPE.into())
}

#[inline]
fn limits(cx: &Context<'_>) -> ListLimits {
    ListLimits::of(&cx.engine.settings.thresholds)
}

#[inline]
fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(number) => reply.bulk_int(number),
    }
}

/// `LEFT` or `RIGHT`
fn parse_side(word: &[u8]) -> Result<Side, Error> {
    match word {
        _ if word.eq_ignore_ascii_case(b"left") => Ok(Side::Left),
        _ if word.eq_ignore_ascii_case(b"right") => Ok(Side::Right),
        _ => Err(SYNTAX.into()),
    }
}

/// The events of a push.
fn push_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpush",
        Side::Right => "rpush",
    }
}

/// The events of a pop.
fn pop_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpop",
        Side::Right => "rpop",
    }
}

/// The command that a pop is logged as.
fn pop_command(side: Side) -> &'static [u8] {
    match side {
        Side::Left => b"LPOP",
        Side::Right => b"RPOP",
    }
}

/// An index as counted from the head: negative ones count from the tail. `None` before the head.
fn from_head(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok()
}

/// The items from `start` to `end`, both included, as the first one's index and their number; negative ones count from the tail.
fn range(start: i64, end: i64, len: usize) -> (usize, usize) {
    let start = from_head(start, len).unwrap_or(0);
    let Some(end) = from_head(end, len) else { return (0, 0) };
    let end = end.saturating_add(1).min(len);
    if start >= end { (0, 0) } else { (start, end - start) }
}
