//! `ZREM` and `ZREMRANGEBY…`: members taken out by name, or by where they are.

use crate::commands::sorted_set::bounds::{By, Interval};
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE};
use crate::notify::EventClass;
use graven_store::{Occupied, Slot};

/// `ZREM key member [member …]`
pub fn zrem(cx: &mut Context<'_>) -> Result<(), Error> {
    let members = cx.args.skip(2);
    remove(cx, "zrem", |place| {
        let mut set = place.sorted_set_mut().ok_or(WRONG_TYPE)?;
        let mut removed = 0;
        for member in members {
            removed += usize::from(set.remove(member).is_some());
            if set.as_ref().is_empty() {
                break;
            }
        }
        Ok(removed)
    })
}

/// `ZREMRANGEBYRANK key start stop`
pub fn zremrangebyrank(cx: &mut Context<'_>) -> Result<(), Error> {
    remove_interval(cx, By::Rank, "zremrangebyrank")
}

/// `ZREMRANGEBYSCORE key min max`
pub fn zremrangebyscore(cx: &mut Context<'_>) -> Result<(), Error> {
    remove_interval(cx, By::Score, "zremrangebyscore")
}

/// `ZREMRANGEBYLEX key min max`
pub fn zremrangebylex(cx: &mut Context<'_>) -> Result<(), Error> {
    remove_interval(cx, By::Lex, "zremrangebylex")
}

fn remove_interval(cx: &mut Context<'_>, by: By, event: &str) -> Result<(), Error> {
    let interval = Interval::parse(cx, by, 2, 3)?;
    remove(cx, event, |place| {
        let mut set = place.sorted_set_mut().ok_or(WRONG_TYPE)?;
        let ranks = interval.ranks(set.as_ref(), false);
        Ok(set.remove_ranks(ranks))
    })
}

/// Has `take` take members out of the sorted set at argument 1, and replies how many it took.
fn remove(cx: &mut Context<'_>, event: &str, take: impl FnOnce(&mut Occupied<'_>) -> Result<usize, Error>) -> Result<(), Error> {
    let key = cx.key(1);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let removed = take(&mut place)?;
    let emptied = place.sorted_set().is_some_and(|set| set.is_empty());
    if emptied {
        drop(place.remove());
    }
    if removed > 0 {
        cx.changed_by(key.bytes, removed as u64);
        cx.notify(EventClass::ZSET, event, key.bytes);
        if emptied {
            cx.notify(EventClass::GENERIC, "del", key.bytes);
        }
    }
    cx.reply.int(removed as i64);
    Ok(())
}
