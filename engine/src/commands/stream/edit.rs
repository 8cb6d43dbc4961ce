//! `XDEL` and `XSETID`.

use super::ids::strict_id;
use crate::context::Context;
use crate::error::{Error, NO_SUCH_KEY, SYNTAX, WRONG_TYPE};
use crate::notify::EventClass;
use graven_store::{Slot, StreamId};

/// `XDEL key id [id …]`
pub fn xdel(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, args) = (cx.key(1), cx.args);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    let ids = args.skip(2).map(strict_id).collect::<Result<Vec<_>, _>>()?;
    let deleted = stream.delete(ids.into_iter());
    cx.reply.int(deleted as i64);
    if deleted > 0 {
        cx.changed_by(key.bytes, deleted);
        cx.notify(EventClass::STREAM, "xdel", key.bytes);
    }
    Ok(())
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
pub fn xsetid(cx: &mut Context<'_>) -> Result<(), Error> {
    let id = strict_id(cx.args.at(2))?;
    let (mut entries_added, mut max_deleted) = (None, None);
    let mut i = 3;
    while i < cx.args.len() {
        let has_value = i + 1 < cx.args.len();
        if has_value && cx.is(i, "entriesadded") {
            let added = u64::try_from(cx.count(i + 1)?);
            entries_added = Some(added.map_err(|_| "ERR entries_added must be positive")?);
        } else if has_value && cx.is(i, "maxdeletedid") {
            let deleted = strict_id(cx.args.at(i + 1))?;
            if id < deleted {
                return Err("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id".into());
            }
            max_deleted = Some(deleted).filter(|id| *id != StreamId::MIN);
        } else {
            return Err(SYNTAX.into());
        }
        i += 2;
    }
    let key = cx.key(1);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Err(NO_SUCH_KEY.into()) };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    if id < stream.max_deleted_id() {
        return Err("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id".into());
    }
    if let Some(last) = stream.last_entry() {
        if id < last.id {
            return Err("ERR The ID specified in XSETID is smaller than the target stream top item".into());
        }
        if entries_added.is_some_and(|added| added < stream.len()) {
            return Err("ERR The entries_added specified in XSETID is smaller than the target stream length".into());
        }
    }
    stream.set_id(id, entries_added, max_deleted);
    cx.reply.ok();
    cx.group_changed("xsetid", key.bytes);
    Ok(())
}
