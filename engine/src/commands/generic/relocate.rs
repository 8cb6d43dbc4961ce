//! Commands that give a value another name or another database: `RENAME`, `COPY`, `MOVE`.
//!
//! A value keeps its deadline on the way. All checks come before the first change.

use crate::context::Context;
use crate::error::{Error, INVALID_DB, NO_SUCH_KEY, SYNTAX};
use crate::notify::EventClass;
use graven_store::{Entry, Key, Slot};

const SAME_OBJECT: &str = "ERR source and destination objects are the same";

/// `RENAME key newkey`
pub fn rename(cx: &mut Context<'_>) -> Result<(), Error> {
    relocate(cx, false)?;
    cx.reply.ok();
    Ok(())
}

/// `RENAMENX key newkey`
pub fn renamenx(cx: &mut Context<'_>) -> Result<(), Error> {
    let renamed = relocate(cx, true)?;
    cx.reply.int(renamed as i64);
    Ok(())
}

fn relocate(cx: &mut Context<'_>, only_if_missing: bool) -> Result<bool, Error> {
    let db = cx.session.db;
    let (old, new) = (cx.key(1), cx.key(2));
    if let Slot::Vacant(_) = cx.engine.slot(db, old) {
        return Err(NO_SUCH_KEY.into());
    }
    if old.bytes == new.bytes || only_if_missing && cx.engine.peek(db, new).is_some() {
        return Ok(old.bytes == new.bytes && !only_if_missing);
    }
    let entry = cx.engine.remove(db, old).expect("the key was there").rename(new.bytes);
    put_entry(cx, db, new, entry);
    cx.engine.signal(db, old.bytes);
    cx.changed(new.bytes);
    cx.notify(EventClass::NEW, "new", new.bytes);
    cx.notify(EventClass::GENERIC, "rename_from", old.bytes);
    cx.notify(EventClass::GENERIC, "rename_to", new.bytes);
    Ok(true)
}

/// Puts an entry in its key's place and drops what was there.
fn put_entry(cx: &mut Context<'_>, db: usize, key: Key<'_>, entry: Entry) {
    let lazily = cx.engine.settings.lazy_server_del;
    let old = match cx.engine.slot(db, key) {
        Slot::Occupied(mut place) => place.replace(entry),
        Slot::Vacant(place) => {
            place.insert_entry(entry);
            return;
        }
    };
    cx.engine.drop_entry(old, lazily);
}

/// Argument `i` as the number of a database.
fn database(cx: &Context<'_>, i: usize) -> Result<usize, Error> {
    let index = cx.int(i)?;
    if i32::try_from(index).is_err() {
        return Err(format!("ERR value is out of range, value must between {} and {}", i32::MIN, i32::MAX).into());
    }
    match usize::try_from(index) {
        Ok(index) if index < cx.engine.keyspace.databases() => Ok(index),
        _ => Err(INVALID_DB.into()),
    }
}

/// `COPY source destination [DB destination-db] [REPLACE]`
pub fn copy(cx: &mut Context<'_>) -> Result<(), Error> {
    let source_db = cx.session.db;
    let (mut target_db, mut replace) = (source_db, false);
    let mut i = 3;
    while i < cx.args.len() {
        if cx.is(i, "replace") {
            replace = true;
        } else if cx.is(i, "db") && i + 1 < cx.args.len() {
            target_db = database(cx, i + 1)?;
            i += 1;
        } else {
            return Err(SYNTAX.into());
        }
        i += 1;
    }
    let (source, target) = (cx.key(1), cx.key(2));
    if source_db == target_db && source.bytes == target.bytes {
        return Err(SAME_OBJECT.into());
    }
    let Some(entry) = cx.engine.read(cx.session, source) else {
        cx.reply.int(0);
        return Ok(());
    };
    let entry = entry.clone_as(target.bytes);
    if !replace && cx.engine.peek(target_db, target).is_some() {
        cx.reply.int(0);
        return Ok(());
    }
    entry.set_access(cx.engine.fresh_access());
    put_entry(cx, target_db, target, entry);
    cx.engine.changed(target_db, target.bytes);
    cx.engine.notify(EventClass::NEW, "new", target_db, target.bytes);
    cx.engine.notify(EventClass::GENERIC, "copy_to", target_db, target.bytes);
    cx.reply.int(1);
    Ok(())
}

/// `MOVE key db`
pub fn move_key(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, source_db) = (cx.key(1), cx.session.db);
    let target_db = database(cx, 2)?;
    if source_db == target_db {
        return Err(SAME_OBJECT.into());
    }
    if matches!(cx.engine.slot(source_db, key), Slot::Vacant(_)) || cx.engine.peek(target_db, key).is_some() {
        cx.reply.int(0);
        return Ok(());
    }
    let entry = cx.engine.remove(source_db, key).expect("the key was there");
    put_entry(cx, target_db, key, entry);
    cx.engine.signal(target_db, key.bytes);
    cx.changed(key.bytes);
    cx.engine.notify(EventClass::NEW, "new", target_db, key.bytes);
    cx.notify(EventClass::GENERIC, "move_from", key.bytes);
    cx.engine.notify(EventClass::GENERIC, "move_to", target_db, key.bytes);
    cx.reply.int(1);
    Ok(())
}
