//! Parts of strings, and reading with a side effect: `APPEND`, `SETRANGE`, `GETRANGE`, `GETDEL`, `GETEX`.

use super::set::Unit;
use super::{reply_string, string_of};
use crate::context::Context;
use crate::error::{Error, STRING_TOO_LONG, SYNTAX};
use crate::notify::EventClass;
use graven_store::{Key, Slot};

/// Whether a string of `len + more` bytes is allowed. The log is obeyed.
fn check_length(limit: usize, is_replay: bool, len: usize, more: usize) -> Result<(), Error> {
    match len.checked_add(more) {
        Some(total) if total <= limit || is_replay => Ok(()),
        _ => Err(STRING_TOO_LONG.into()),
    }
}

/// `APPEND key value`
pub fn append(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, tail) = (cx.key(1), cx.args.at(2));
    let (limit, is_replay, access) = (cx.engine.settings.max_bulk_bytes, cx.session.is_replay(), cx.engine.fresh_access());
    let len = match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(place) => {
            place.insert_string(tail, None, access);
            cx.notify(EventClass::NEW, "new", key.bytes);
            tail.len()
        }
        Slot::Occupied(mut place) => {
            check_length(limit, is_replay, string_of(place.entry())?.len(), tail.len())?;
            place.append(tail)
        }
    };
    cx.changed(key.bytes);
    cx.notify(EventClass::STRING, "append", key.bytes);
    cx.reply.int(len as i64);
    Ok(())
}

/// `SETRANGE key offset value`
pub fn setrange(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, value) = (cx.key(1), cx.args.at(3));
    let Ok(offset) = usize::try_from(cx.int(2)?) else {
        return Err("ERR offset is out of range".into());
    };
    let (limit, is_replay, access) = (cx.engine.settings.max_bulk_bytes, cx.session.is_replay(), cx.engine.fresh_access());
    let len = match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(_) if value.is_empty() => 0,
        Slot::Vacant(place) => {
            check_length(limit, is_replay, offset, value.len())?;
            let len = place.insert_bytes(b"", None, access).set_range(offset, value);
            cx.notify(EventClass::NEW, "new", key.bytes);
            len
        }
        Slot::Occupied(mut place) => {
            let len = string_of(place.entry())?.len();
            if value.is_empty() {
                len
            } else {
                check_length(limit, is_replay, offset, value.len())?;
                place.set_range(offset, value)
            }
        }
    };
    if !value.is_empty() {
        cx.changed(key.bytes);
        cx.notify(EventClass::STRING, "setrange", key.bytes);
    }
    cx.reply.int(len as i64);
    Ok(())
}

/// `GETRANGE key start end`, and `SUBSTR`
pub fn getrange(cx: &mut Context<'_>) -> Result<(), Error> {
    let (start, end) = (cx.int(2)?, cx.int(3)?);
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.bulk(b"");
        return Ok(());
    };
    let mut scratch = [0; 20];
    let string = string_of(entry)?.to_bytes(&mut scratch);
    cx.reply.bulk(slice(string, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative positions count from the end.
fn slice(string: &[u8], start: i64, end: i64) -> &[u8] {
    let len = string.len() as i64;
    let from_front = |position: i64| if position < 0 { (position + len).max(0) } else { position };
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let (start, end) = (from_front(start), from_front(end).min(len - 1));
    if start > end { b"" } else { &string[start as usize..=end as usize] }
}

/// `GETDEL key`
pub fn getdel(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.null();
        return Ok(());
    };
    reply_string(&mut cx.reply, string_of(entry)?);
    let lazily = cx.engine.settings.lazy_user_del;
    delete(cx, key, lazily);
    cx.log(&[b"DEL", key.bytes]);
    Ok(())
}

fn delete(cx: &mut Context<'_>, key: Key<'_>, lazily: bool) {
    if let Some(entry) = cx.engine.remove(cx.session.db, key) {
        cx.engine.drop_entry(entry, lazily);
        cx.changed(key.bytes);
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
}

/// What `GETEX` does to the deadline.
enum Change<'a> {
    Nothing,
    Remove,
    Set(Unit, &'a [u8]),
}

impl<'a> Change<'a> {
    fn parse(cx: &Context<'a>) -> Result<Change<'a>, Error> {
        let mut change = Change::Nothing;
        let mut i = 2;
        while let Some(word) = cx.args.get(i) {
            let unit = Unit::of(word);
            change = match (change, unit, cx.args.get(i + 1)) {
                (Change::Nothing | Change::Remove, None, _) if word.eq_ignore_ascii_case(b"persist") => Change::Remove,
                (Change::Nothing, Some(unit), Some(number)) => Change::Set(unit, number),
                (Change::Set(other, _), Some(unit), Some(number)) if other == unit => Change::Set(unit, number),
                _ => return Err(SYNTAX.into()),
            };
            i += if unit.is_some() { 2 } else { 1 };
        }
        Ok(change)
    }
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT unix-time | PXAT unix-time-ms | PERSIST]`
pub fn getex(cx: &mut Context<'_>) -> Result<(), Error> {
    let change = Change::parse(cx)?;
    let key = cx.key(1);
    let now_ms = cx.engine.now_ms();
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.null();
        return Ok(());
    };
    let string = string_of(entry)?;
    let deadline = match change {
        Change::Set(unit, number) => Some(unit.deadline(number, now_ms, "getex")?),
        Change::Remove => None,
        Change::Nothing => {
            reply_string(&mut cx.reply, string);
            return Ok(());
        }
    };
    reply_string(&mut cx.reply, string);
    match deadline {
        None if entry.deadline().is_none() => {}
        None => {
            set_deadline(cx, key, None);
            cx.notify(EventClass::GENERIC, "persist", key.bytes);
            cx.log(&[b"PERSIST", key.bytes]);
        }
        Some(ms) if ms <= now_ms && !cx.engine.loading => {
            let lazily = cx.engine.settings.lazy_expire;
            delete(cx, key, lazily);
            cx.log(&[if lazily { b"UNLINK" as &[u8] } else { b"DEL" }, key.bytes]);
        }
        Some(ms) => {
            set_deadline(cx, key, Some(ms));
            cx.notify(EventClass::GENERIC, "expire", key.bytes);
            let mut digits = itoa::Buffer::new();
            cx.log(&[b"PEXPIREAT", key.bytes, digits.format(ms).as_bytes()]);
        }
    }
    Ok(())
}

fn set_deadline(cx: &mut Context<'_>, key: Key<'_>, deadline: Option<u64>) {
    if let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) {
        place.set_deadline(deadline);
    }
    cx.changed(key.bytes);
}
