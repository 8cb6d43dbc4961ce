//! Deadlines: setting them, asking for them, removing them.
//!
//! All of the setters are logged as `PEXPIREAT` with the absolute time, or as a deletion if that has passed: a
//! replay must not depend on when it happens.

use crate::context::Context;
use crate::error::{Error, invalid_expire, quotable};
use crate::notify::EventClass;
use graven_store::Slot;

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub fn expire(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadline(cx, 1000, true)
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub fn pexpire(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadline(cx, 1, true)
}

/// `EXPIREAT key unix-time [NX | XX | GT | LT]`
pub fn expireat(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadline(cx, 1000, false)
}

/// `PEXPIREAT key unix-time-ms [NX | XX | GT | LT]`
pub fn pexpireat(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadline(cx, 1, false)
}

#[derive(Clone, Copy, Default)]
struct Conditions {
    missing: bool,
    existing: bool,
    greater: bool,
    less: bool,
}

impl Conditions {
    fn parse(cx: &Context<'_>) -> Result<Conditions, Error> {
        let mut conditions = Conditions::default();
        for word in cx.args.skip(3) {
            let known: [(&[u8], &mut bool); 4] = [
                (b"nx", &mut conditions.missing),
                (b"xx", &mut conditions.existing),
                (b"gt", &mut conditions.greater),
                (b"lt", &mut conditions.less),
            ];
            match known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
                Some((_, flag)) => *flag = true,
                None => return Err([b"ERR Unsupported option ", quotable(word, usize::MAX)].concat().into()),
            }
        }
        if conditions.missing && (conditions.existing || conditions.greater || conditions.less) {
            return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
        }
        if conditions.greater && conditions.less {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(conditions)
    }

    /// Whether a key with the deadline `old` may get `new`. No deadline counts as one that never comes.
    fn allow(self, old: Option<u64>, new: i64) -> bool {
        let old_ms = old.map_or(i64::MAX, |ms| ms as i64);
        !(self.missing && old.is_some()
            || self.existing && old.is_none()
            || self.greater && (old.is_none() || new <= old_ms)
            || self.less && old.is_some() && new >= old_ms)
    }
}

fn set_deadline(cx: &mut Context<'_>, unit_ms: i64, relative: bool) -> Result<(), Error> {
    let conditions = Conditions::parse(cx)?;
    let now_ms = cx.engine.now_ms() as i64;
    let invalid = || invalid_expire(cx.spec.name);
    let when = cx.int(2)?.checked_mul(unit_ms).ok_or_else(invalid)?;
    let when = if relative { when.checked_add(now_ms).ok_or_else(invalid)? } else { when };
    let key = cx.key(1);
    let loading = cx.engine.loading;
    let lazily = cx.engine.settings.lazy_expire;
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    if !conditions.allow(place.entry().deadline(), when) {
        cx.reply.int(0);
        return Ok(());
    }
    let event = if when <= now_ms && !loading {
        let entry = place.remove();
        cx.engine.drop_entry(entry, lazily);
        cx.log(&[if lazily { b"UNLINK" as &[u8] } else { b"DEL" }, key.bytes]);
        "del"
    } else {
        let when = when.max(0) as u64;
        place.set_deadline(Some(when));
        let mut digits = itoa::Buffer::new();
        cx.log(&[b"PEXPIREAT", key.bytes, digits.format(when).as_bytes()]);
        "expire"
    };
    cx.changed(key.bytes);
    cx.notify(EventClass::GENERIC, event, key.bytes);
    cx.reply.int(1);
    Ok(())
}

/// `TTL key`
pub fn ttl(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadline(cx, |deadline, now| (deadline.saturating_sub(now) + 500) / 1000)
}

/// `PTTL key`
pub fn pttl(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadline(cx, |deadline, now| deadline.saturating_sub(now))
}

/// `EXPIRETIME key`
pub fn expiretime(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadline(cx, |deadline, _| (deadline + 500) / 1000)
}

/// `PEXPIRETIME key`
pub fn pexpiretime(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadline(cx, |deadline, _| deadline)
}

/// −2 for no key, −1 for no deadline.
fn reply_deadline(cx: &mut Context<'_>, show: impl Fn(u64, u64) -> u64) -> Result<(), Error> {
    let key = cx.key(1);
    let now_ms = cx.engine.now_ms();
    let number = match cx.engine.inspect(cx.session.db, key) {
        None => -2,
        Some(entry) => entry.deadline().map_or(-1, |deadline| show(deadline, now_ms) as i64),
    };
    cx.reply.int(number);
    Ok(())
}

/// `PERSIST key`
pub fn persist(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let removed = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) if place.entry().deadline().is_some() => {
            place.set_deadline(None);
            true
        }
        _ => false,
    };
    if removed {
        cx.changed(key.bytes);
        cx.notify(EventClass::GENERIC, "persist", key.bytes);
    }
    cx.reply.int(removed as i64);
    Ok(())
}
