//! Changing lists elsewhere than at their ends.

use super::{from_head, limits, list_of, range};
use crate::context::Context;
use crate::error::{Error, NO_SUCH_KEY, NOT_INTEGER, OUT_OF_RANGE, SYNTAX};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Side, Slot};

/// `LSET key index element`
pub fn lset(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, string, limits) = (cx.key(1), cx.args.at(3), limits(cx));
    let index = parse_i64(cx.args.at(2));
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Err(NO_SUCH_KEY.into()) };
    let len = list_of(place.entry())?.len();
    let index = from_head(index.ok_or(NOT_INTEGER)?, len).filter(|index| *index < len).ok_or(OUT_OF_RANGE)?;
    place.list_set(index, string, limits);
    cx.reply.ok();
    cx.changed(key.bytes);
    cx.notify(EventClass::LIST, "lset", key.bytes);
    Ok(())
}

/// `LINSERT key BEFORE|AFTER pivot element`
pub fn linsert(cx: &mut Context<'_>) -> Result<(), Error> {
    let side = match cx.args.at(2) {
        word if word.eq_ignore_ascii_case(b"after") => Side::Right,
        word if word.eq_ignore_ascii_case(b"before") => Side::Left,
        _ => return Err(SYNTAX.into()),
    };
    let (key, pivot, string, limits) = (cx.key(1), cx.args.at(3), cx.args.at(4), limits(cx));
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    list_of(place.entry())?;
    match place.list_insert(pivot, side, string, limits) {
        Some(len) => {
            cx.reply.int(len as i64);
            cx.changed(key.bytes);
            cx.notify(EventClass::LIST, "linsert", key.bytes);
        }
        None => cx.reply.int(-1),
    }
    Ok(())
}

/// `LREM key count element`
pub fn lrem(cx: &mut Context<'_>) -> Result<(), Error> {
    let count = cx.int(2)?;
    let side = if count < 0 { Side::Right } else { Side::Left };
    let most = match count {
        0 => usize::MAX,
        count => count.unsigned_abs() as usize,
    };
    let (key, string, limits) = (cx.key(1), cx.args.at(3), limits(cx));
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    list_of(place.entry())?;
    let (removed, left) = place.list_remove(string, most, side, limits);
    if left == 0 {
        let entry = place.remove();
        cx.engine.drop_entry(entry, false);
    }
    cx.reply.int(removed as i64);
    if removed > 0 {
        cx.changed_by(key.bytes, removed as u64);
        cx.notify(EventClass::LIST, "lrem", key.bytes);
    }
    if left == 0 {
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
    Ok(())
}

/// `LTRIM key start stop`
pub fn ltrim(cx: &mut Context<'_>) -> Result<(), Error> {
    let (start, end) = (cx.int(2)?, cx.int(3)?);
    let (key, limits) = (cx.key(1), limits(cx));
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.ok();
        return Ok(());
    };
    let len = list_of(place.entry())?.len();
    let (first, count) = range(start, end, len);
    let removed = len - count;
    if count == 0 {
        let entry = place.remove();
        cx.engine.drop_entry(entry, false);
    } else if removed > 0
        && let Some(cut) = place.list_trim(first, len - count - first, limits)
    {
        cx.engine.drop_entry(cut, true);
    }
    cx.reply.ok();
    if removed > 0 {
        cx.changed_by(key.bytes, removed as u64);
    } else {
        // As in Redis: watchers are told also of a trim that leaves everything.
        cx.engine.signal(cx.session.db, key.bytes);
    }
    cx.notify(EventClass::LIST, "ltrim", key.bytes);
    if count == 0 {
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
    Ok(())
}
