//! `SET` and its relatives.
//!
//! Relative times become absolute ones in the log, and conditions that held are dropped with them, so that a
//! replay at any later time does the same.

use super::{reply_string, string_of};
use crate::commands::many_keys::for_each_key;
use crate::context::Context;
use crate::error::{Error, NOT_INTEGER, SYNTAX, invalid_expire, wrong_arity};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Entry, Key, ObjectType, Slot};

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// The key lives on without one.
    Clear,
    /// It stays as it is.
    Keep,
    /// This one, Unix milliseconds.
    At(u64),
}

/// Makes a key this string, whatever it was. Of the events, only `new` is told: the rest depends on the command.
#[inline]
pub fn put(cx: &mut Context<'_>, key: Key<'_>, value: &[u8], deadline: Deadline) {
    let access = cx.engine.fresh_access();
    match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => {
            if place.entry().object_type() != ObjectType::String {
                // It may take long to drop.
                let old = place.replace(Entry::new_bytes(key.bytes, b"", place.entry().deadline(), place.entry().access()));
                let lazily = cx.engine.settings.lazy_server_del;
                cx.engine.drop_entry(old, lazily);
                return put(cx, key, value, deadline);
            }
            let old = place.entry().deadline();
            let new = match deadline {
                Deadline::Clear => None,
                Deadline::Keep => old,
                Deadline::At(ms) => Some(ms),
            };
            if old.is_some() == new.is_some() {
                place.set_string(value);
                place.set_deadline(new);
            } else {
                // One allocation for both changes.
                let access = place.entry().access();
                place.replace(Entry::new_string(key.bytes, value, new, access));
            }
        }
        Slot::Vacant(place) => {
            let deadline = match deadline {
                Deadline::At(ms) => Some(ms),
                Deadline::Clear | Deadline::Keep => None,
            };
            place.insert_string(value, deadline, access);
            cx.notify(EventClass::NEW, "new", key.bytes);
        }
    }
    cx.changed(key.bytes);
}

/// How an expiry option counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) seconds: bool,
    pub(crate) relative: bool,
}

impl Unit {
    /// The unit that an option's word stands for.
    pub(crate) fn of(word: &[u8]) -> Option<Unit> {
        let units: [(&[u8], bool, bool); 4] = [(b"ex", true, true), (b"px", false, true), (b"exat", true, false), (b"pxat", false, false)];
        let &(_, seconds, relative) = units.iter().find(|(name, ..)| word.eq_ignore_ascii_case(name))?;
        Some(Unit { seconds, relative })
    }

    /// The deadline that a number of this unit stands for; it must be positive and fit.
    pub(crate) fn deadline(self, number: &[u8], now_ms: u64, command: &str) -> Result<u64, Error> {
        let number = parse_i64(number).ok_or(NOT_INTEGER)?;
        let invalid = || invalid_expire(command);
        if number <= 0 {
            return Err(invalid());
        }
        let ms = if self.seconds { number.checked_mul(1000).ok_or_else(invalid)? } else { number };
        let ms = if self.relative { ms.checked_add(now_ms as i64).ok_or_else(invalid)? } else { ms };
        Ok(ms as u64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Missing,
    Existing,
}

#[derive(Default)]
struct Options<'a> {
    condition: Option<Condition>,
    get: bool,
    keep: bool,
    expiry: Option<(Unit, &'a [u8])>,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        let mut i = 3;
        while let Some(word) = cx.args.get(i) {
            let unit = Unit::of(word);
            if word.eq_ignore_ascii_case(b"nx") && options.condition != Some(Condition::Existing) {
                options.condition = Some(Condition::Missing);
            } else if word.eq_ignore_ascii_case(b"xx") && options.condition != Some(Condition::Missing) {
                options.condition = Some(Condition::Existing);
            } else if word.eq_ignore_ascii_case(b"get") {
                options.get = true;
            } else if word.eq_ignore_ascii_case(b"keepttl") && options.expiry.is_none() {
                options.keep = true;
            } else if let (Some(unit), Some(number)) = (unit, cx.args.get(i + 1))
                && !options.keep
                && options.expiry.is_none_or(|(other, _)| other == unit)
            {
                options.expiry = Some((unit, number));
                i += 1;
            } else {
                return Err(SYNTAX.into());
            }
            i += 1;
        }
        Ok(options)
    }
}

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time | PXAT unix-time-ms | KEEPTTL]`
pub fn set(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() > 3 {
        return set_with_options(cx);
    }
    let key = cx.key(1);
    let value = cx.args.at(2);
    put(cx, key, value, Deadline::Clear);
    cx.notify(EventClass::STRING, "set", key.bytes);
    cx.reply.ok();
    Ok(())
}

#[cold]
fn set_with_options(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx)?;
    let deadline = match options.expiry {
        Some((unit, number)) => Deadline::At(unit.deadline(number, cx.engine.now_ms(), "set")?),
        None if options.keep => Deadline::Keep,
        None => Deadline::Clear,
    };
    let (key, value) = (cx.key(1), cx.args.at(2));
    if options.get {
        match cx.engine.read(cx.session, key) {
            None => cx.reply.null(),
            Some(entry) => reply_string(&mut cx.reply, string_of(entry)?),
        }
    }
    if let Some(condition) = options.condition {
        let exists = cx.engine.peek(cx.session.db, key).is_some();
        if exists != (condition == Condition::Existing) {
            if !options.get {
                cx.reply.null();
            }
            return Ok(());
        }
    }
    put(cx, key, value, deadline);
    notify_set(cx, key.bytes, deadline);
    if !options.get {
        cx.reply.ok();
    }
    match deadline {
        Deadline::At(ms) => log_with_deadline(cx, key.bytes, value, ms),
        _ if options.get => log_without_get(cx),
        _ => {}
    }
    Ok(())
}

/// Tells that a key was set, and given a deadline.
fn notify_set(cx: &mut Context<'_>, key: &[u8], deadline: Deadline) {
    cx.notify(EventClass::STRING, "set", key);
    if let Deadline::At(_) = deadline {
        cx.notify(EventClass::GENERIC, "expire", key);
    }
}

/// Logs a `SET` with an absolute deadline.
fn log_with_deadline(cx: &mut Context<'_>, key: &[u8], value: &[u8], deadline_ms: u64) {
    let mut digits = itoa::Buffer::new();
    cx.log(&[b"SET", key, value, b"PXAT", digits.format(deadline_ms).as_bytes()]);
}

/// Replay has nobody to show the old value to.
fn log_without_get(cx: &mut Context<'_>) {
    let options = cx.args.skip(3).filter(|arg| !arg.eq_ignore_ascii_case(b"get"));
    let parts: Vec<&[u8]> = [&b"SET"[..], cx.args.at(1), cx.args.at(2)].into_iter().chain(options).collect();
    cx.log(&parts);
}

/// `SETNX key value`
pub fn setnx(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, value) = (cx.key(1), cx.args.at(2));
    let access = cx.engine.fresh_access();
    let Slot::Vacant(place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    place.insert_string(value, None, access);
    cx.changed(key.bytes);
    cx.notify(EventClass::NEW, "new", key.bytes);
    cx.notify(EventClass::STRING, "set", key.bytes);
    cx.reply.int(1);
    Ok(())
}

/// `SETEX key seconds value`
pub fn setex(cx: &mut Context<'_>) -> Result<(), Error> {
    set_expiring(cx, Unit { seconds: true, relative: true }, "setex")
}

/// `PSETEX key milliseconds value`
pub fn psetex(cx: &mut Context<'_>) -> Result<(), Error> {
    set_expiring(cx, Unit { seconds: false, relative: true }, "psetex")
}

fn set_expiring(cx: &mut Context<'_>, unit: Unit, command: &str) -> Result<(), Error> {
    let deadline = unit.deadline(cx.args.at(2), cx.engine.now_ms(), command)?;
    let (key, value) = (cx.key(1), cx.args.at(3));
    put(cx, key, value, Deadline::At(deadline));
    notify_set(cx, key.bytes, Deadline::At(deadline));
    log_with_deadline(cx, key.bytes, value, deadline);
    cx.reply.ok();
    Ok(())
}

/// `GETSET key value`
pub fn getset(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, value) = (cx.key(1), cx.args.at(2));
    match cx.engine.read(cx.session, key) {
        None => cx.reply.null(),
        Some(entry) => reply_string(&mut cx.reply, string_of(entry)?),
    }
    put(cx, key, value, Deadline::Clear);
    cx.notify(EventClass::STRING, "set", key.bytes);
    cx.log(&[b"SET", key.bytes, value]);
    Ok(())
}

/// `MSET key value [key value …]`
pub fn mset(cx: &mut Context<'_>) -> Result<(), Error> {
    put_pairs(cx, "mset")?;
    cx.reply.ok();
    Ok(())
}

/// `MSETNX key value [key value …]`: all or nothing.
pub fn msetnx(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len().is_multiple_of(2) {
        return Err(wrong_arity("msetnx"));
    }
    for i in (1..cx.args.len()).step_by(2) {
        let key = cx.key(i);
        if cx.engine.peek(cx.session.db, key).is_some() {
            cx.reply.int(0);
            return Ok(());
        }
    }
    put_pairs(cx, "msetnx")?;
    cx.reply.int(1);
    Ok(())
}

fn put_pairs(cx: &mut Context<'_>, command: &str) -> Result<(), Error> {
    if cx.args.len().is_multiple_of(2) {
        return Err(wrong_arity(command));
    }
    for_each_key(cx, 1, 2, |cx, i, key| {
        put(cx, key, cx.args.at(i + 1), Deadline::Clear);
        cx.notify(EventClass::STRING, "set", key.bytes);
    });
    Ok(())
}
