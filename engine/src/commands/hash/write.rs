//! Setting and removing fields.

use super::removed_empty;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE, wrong_arity};
use crate::notify::EventClass;
use graven_store::{FieldDeadline, HashBuilder, Slot};

/// `HSET key field value [field value …]`
pub fn hset(cx: &mut Context<'_>) -> Result<(), Error> {
    let created = set_fields(cx)?;
    cx.reply.int(created as i64);
    Ok(())
}

/// `HMSET key field value [field value …]`
pub fn hmset(cx: &mut Context<'_>) -> Result<(), Error> {
    set_fields(cx)?;
    cx.reply.ok();
    Ok(())
}

/// Sets all fields of the command; returns how many are new.
fn set_fields(cx: &mut Context<'_>) -> Result<usize, Error> {
    if cx.args.len() % 2 == 1 {
        return Err(wrong_arity(cx.spec.name));
    }
    let (key, args, db) = (cx.key(1), cx.args, cx.session.db);
    let fields = (2..args.len()).step_by(2).map(|i| (args.at(i), args.at(i + 1)));
    cx.engine.expire_named_fields(db, key, fields.clone().map(|(field, _)| field));
    let limits = cx.engine.settings.thresholds;
    let access = cx.engine.fresh_access();
    let (created, new_key) = match cx.engine.slot(db, key) {
        Slot::Occupied(mut place) => (place.hash_mut().ok_or(WRONG_TYPE)?.set_all(fields, &limits), false),
        Slot::Vacant(place) => {
            let mut hash = HashBuilder::new(place.hasher(), &limits);
            let created = fields.filter(|(field, value)| hash.set(field, value, None)).count();
            place.insert_entry(hash.finish(key.bytes, None, access));
            (created, true)
        }
    };
    if new_key {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.notify(EventClass::HASH, "hset", key.bytes);
    cx.changed_by(key.bytes, (args.len() / 2 - 1) as u64);
    Ok(created)
}

/// Sets one field, whether or not it or the key is there; its deadline becomes what `deadline` says.
pub(super) fn set_one(
    cx: &mut Context<'_>,
    key: graven_store::Key<'_>,
    field: &[u8],
    value: &[u8],
    deadline: FieldDeadline,
    event: &str,
) -> Result<bool, Error> {
    let limits = cx.engine.settings.thresholds;
    let access = cx.engine.fresh_access();
    let (created, new_key) = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => (place.hash_mut().ok_or(WRONG_TYPE)?.set(field, value, deadline, &limits), false),
        Slot::Vacant(place) => {
            let mut hash = HashBuilder::new(place.hasher(), &limits);
            let at = if let FieldDeadline::At(ms) = deadline { Some(ms) } else { None };
            let created = hash.set(field, value, at);
            place.insert_entry(hash.finish(key.bytes, None, access));
            (created, true)
        }
    };
    if new_key {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.notify(EventClass::HASH, event, key.bytes);
    cx.changed(key.bytes);
    Ok(created)
}

/// `HSETNX key field value`
pub fn hsetnx(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, field, value) = (cx.key(1), cx.args.at(2), cx.args.at(3));
    let db = cx.session.db;
    cx.engine.expire_named_fields(db, key, std::iter::once(field));
    if let Slot::Occupied(place) = cx.engine.slot(db, key)
        && place.entry().hash().ok_or(WRONG_TYPE)?.get(field).is_some()
    {
        cx.reply.int(0);
        return Ok(());
    }
    set_one(cx, key, field, value, FieldDeadline::Clear, "hset")?;
    cx.reply.int(1);
    Ok(())
}

/// `HDEL key field [field …]`
pub fn hdel(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, db) = (cx.key(1), cx.session.db);
    cx.engine.expire_named_fields(db, key, cx.args.skip(2));
    let Slot::Occupied(mut place) = cx.engine.slot(db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let mut hash = place.hash_mut().ok_or(WRONG_TYPE)?;
    let (mut removed, mut left) = (0, true);
    for field in cx.args.skip(2) {
        if hash.remove(field) {
            removed += 1;
            left = hash.len() > 0;
            if !left {
                break;
            }
        }
    }
    let emptied = (!left).then(|| place.remove());
    if removed > 0 {
        cx.notify(EventClass::HASH, "hdel", key.bytes);
        cx.changed_by(key.bytes, removed);
    }
    if let Some(entry) = emptied {
        removed_empty(cx, key, entry);
    }
    cx.reply.int(removed as i64);
    Ok(())
}
