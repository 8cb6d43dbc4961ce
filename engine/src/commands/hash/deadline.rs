//! Deadlines of fields. <https://redis.io/docs/latest/commands/hexpire/>

use super::{check_is_hash, log_fields, read_hash, removed_empty};
use crate::context::Context;
use crate::error::{Error, NOT_INTEGER, invalid_expire};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Field, Key, Slot};

/// Deadlines lie before this moment, in milliseconds since the Unix epoch: 46 bits.
const MAX_DEADLINE_MS: i64 = (1 << 46) - 1;

const NO_FIELDS: &str = "ERR Mandatory argument FIELDS is missing or not at the right position";
const COUNT_NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";
const COUNT_NOT_POSITIVE_HEXPIRE: &str = "ERR Parameter `numFields` should be greater than 0";
const COUNT_MISMATCH: &str = "ERR The `numfields` parameter must match the number of arguments";

/// What became of a field, in the numbers of the replies.
const MISSING: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_MET: i64 = 0;
const DONE: i64 = 1;
const DELETED: i64 = 2;

/// In which unit a moment is given, and from when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) unit_ms: i64,
    pub(super) relative: bool,
}

impl Moment {
    pub(super) fn of(word: &[u8]) -> Option<Moment> {
        let forms: [(&[u8], i64, bool); 4] = [(b"ex", 1000, true), (b"px", 1, true), (b"exat", 1000, false), (b"pxat", 1, false)];
        let &(_, unit_ms, relative) = forms.iter().find(|(name, ..)| word.eq_ignore_ascii_case(name))?;
        Some(Moment { unit_ms, relative })
    }

    /// The deadline that an argument stands for.
    pub(super) fn parse(self, cx: &Context<'_>, i: usize) -> Result<u64, Error> {
        let number = parse_i64(cx.args.at(i)).ok_or(NOT_INTEGER)?;
        if number < 0 {
            return Err("ERR invalid expire time, must be >= 0".into());
        }
        let base = if self.relative { cx.engine.now_ms() as i64 } else { 0 };
        let ms = number.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(base));
        match ms {
            Some(ms) if ms <= MAX_DEADLINE_MS => Ok(ms as u64),
            _ => Err(invalid_expire(cx.spec.name)),
        }
    }
}

/// Checks `FIELDS numfields field …` from argument `at` on; the fields are what follows them.
pub(super) fn check_fields(cx: &Context<'_>, at: usize) -> Result<(), Error> {
    check_fields_as(cx, at, COUNT_NOT_POSITIVE)
}

fn check_fields_as(cx: &Context<'_>, at: usize, not_positive: &'static str) -> Result<(), Error> {
    if !cx.is(at, "fields") {
        return Err(NO_FIELDS.into());
    }
    let count = cx.args.get(at + 1).and_then(parse_i64).filter(|count| *count > 0).ok_or(not_positive)?;
    if count as u64 != (cx.args.len() - at - 2) as u64 {
        return Err(COUNT_MISMATCH.into());
    }
    Ok(())
}

/// `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field …]`
pub fn hexpire(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadlines(cx, Moment { unit_ms: 1000, relative: true })
}

/// `HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field …]`
pub fn hpexpire(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadlines(cx, Moment { unit_ms: 1, relative: true })
}

/// `HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field …]`
pub fn hexpireat(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadlines(cx, Moment { unit_ms: 1000, relative: false })
}

/// `HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field …]`
pub fn hpexpireat(cx: &mut Context<'_>) -> Result<(), Error> {
    set_deadlines(cx, Moment { unit_ms: 1, relative: false })
}

/// When a deadline may be set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    Missing,
    Existing,
    Greater,
    Less,
}

impl Condition {
    fn of(word: &[u8]) -> Condition {
        let known: [(&[u8], Condition); 4] =
            [(b"nx", Condition::Missing), (b"xx", Condition::Existing), (b"gt", Condition::Greater), (b"lt", Condition::Less)];
        known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map_or(Condition::Always, |(_, condition)| condition)
    }

    /// No deadline counts as one that never comes.
    fn allows(self, old: Option<u64>, new: u64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Missing => old.is_none(),
            Condition::Existing => old.is_some(),
            Condition::Greater => old.is_some_and(|old| new > old),
            Condition::Less => old.is_none_or(|old| new < old),
        }
    }
}

fn set_deadlines(cx: &mut Context<'_>, moment: Moment) -> Result<(), Error> {
    let key = cx.key(1);
    check_is_hash(cx, key)?;
    let deadline = moment.parse(cx, 2)?;
    let condition = Condition::of(cx.args.at(3));
    let at = if condition == Condition::Always { 3 } else { 4 };
    check_fields_as(cx, at, COUNT_NOT_POSITIVE_HEXPIRE)?;
    let mut results = Vec::with_capacity(cx.args.len() - at - 2);
    expire_fields(cx, key, cx.args.skip(at + 2), deadline, condition, |result| results.push(result));
    cx.reply.array(results.len());
    results.into_iter().for_each(|result| cx.reply.int(result));
    Ok(())
}

/// Gives fields a deadline, or deletes them if it has passed; records it, and tells `on_result` of each what became of it.
/// The key is missing or a hash.
pub(super) fn expire_fields<'f>(
    cx: &mut Context<'_>,
    key: Key<'_>,
    fields: impl Iterator<Item = &'f [u8]> + Clone,
    deadline: u64,
    condition: Condition,
    mut on_result: impl FnMut(i64),
) {
    let db = cx.session.db;
    cx.engine.expire_named_fields(db, key, fields.clone());
    let passed = deadline <= cx.engine.now_ms() && !cx.engine.loading;
    let (mut updated, mut deleted) = (Vec::new(), Vec::new());
    let Slot::Occupied(mut place) = cx.engine.slot(db, key) else {
        fields.for_each(|_| on_result(MISSING));
        return;
    };
    let mut hash = place.hash_mut().expect("the caller has checked the type");
    for field in fields {
        let result = match hash.view().get(field) {
            None => MISSING,
            Some(found) if !condition.allows(found.deadline, deadline) => NOT_MET,
            Some(_) if passed => {
                hash.remove(field);
                deleted.push(field);
                DELETED
            }
            Some(_) => {
                hash.set_deadline(field, Some(deadline));
                updated.push(field);
                DONE
            }
        };
        on_result(result);
    }
    let emptied = (hash.len() == 0).then(|| place.remove());
    if !updated.is_empty() {
        let (mut ms, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, count) = (ms.format(deadline).as_bytes(), count.format(updated.len()).as_bytes());
        log_fields(cx, &[b"HPEXPIREAT", key.bytes, ms, b"FIELDS", count], &updated);
    }
    log_fields(cx, &[b"HDEL", key.bytes], &deleted);
    if !deleted.is_empty() || !updated.is_empty() {
        cx.notify(EventClass::HASH, if deleted.is_empty() { "hexpire" } else { "hdel" }, key.bytes);
        cx.changed(key.bytes);
    }
    if let Some(entry) = emptied {
        removed_empty(cx, key, entry);
    }
}

/// `HPERSIST key FIELDS numfields field [field …]`
pub fn hpersist(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    check_is_hash(cx, key)?;
    check_fields(cx, 2)?;
    cx.reply.array(cx.args.len() - 4);
    persist_fields(cx, key, cx.args.skip(4), |cx, result| cx.reply.int(result));
    Ok(())
}

/// Takes deadlines away, and records it. The key is missing or a hash.
pub(super) fn persist_fields<'a, 'f>(
    cx: &mut Context<'a>,
    key: Key<'_>,
    fields: impl Iterator<Item = &'f [u8]> + Clone,
    mut on_result: impl FnMut(&mut Context<'a>, i64),
) {
    let db = cx.session.db;
    cx.engine.expire_named_fields(db, key, fields.clone());
    let mut persisted = Vec::new();
    for field in fields {
        let result = match cx.engine.slot(db, key) {
            Slot::Vacant(_) => MISSING,
            Slot::Occupied(mut place) => {
                let mut hash = place.hash_mut().expect("the caller has checked the type");
                match hash.view().get(field) {
                    None => MISSING,
                    Some(Field { deadline: None, .. }) => NO_DEADLINE,
                    Some(_) => {
                        hash.set_deadline(field, None);
                        persisted.push(field);
                        DONE
                    }
                }
            }
        };
        on_result(cx, result);
    }
    if !persisted.is_empty() {
        let mut count = itoa::Buffer::new();
        log_fields(cx, &[b"HPERSIST", key.bytes, b"FIELDS", count.format(persisted.len()).as_bytes()], &persisted);
        cx.notify(EventClass::HASH, "hpersist", key.bytes);
        cx.changed(key.bytes);
    }
}

/// `HTTL key FIELDS numfields field [field …]`
pub fn httl(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadlines(cx, |deadline, now| (deadline + 999).saturating_sub(now) / 1000)
}

/// `HPTTL key FIELDS numfields field [field …]`
pub fn hpttl(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadlines(cx, u64::saturating_sub)
}

/// `HEXPIRETIME key FIELDS numfields field [field …]`
pub fn hexpiretime(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadlines(cx, |deadline, _| deadline.div_ceil(1000))
}

/// `HPEXPIRETIME key FIELDS numfields field [field …]`
pub fn hpexpiretime(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_deadlines(cx, |deadline, _| deadline)
}

fn reply_deadlines(cx: &mut Context<'_>, show: fn(u64, u64) -> u64) -> Result<(), Error> {
    let key = cx.key(1);
    let (now, before) = (cx.engine.now_ms(), cx.engine.due_before());
    let checked = check_fields(cx, 2);
    let hash = read_hash(cx.engine, cx.session, key)?;
    checked?;
    cx.reply.array(cx.args.len() - 4);
    for name in cx.args.skip(4) {
        let field = hash.and_then(|hash| hash.get(name)).filter(|field| !field.is_due(before));
        cx.reply.int(match field {
            None => MISSING,
            Some(Field { deadline: None, .. }) => NO_DEADLINE,
            Some(Field { deadline: Some(deadline), .. }) => show(deadline, now) as i64,
        });
    }
    Ok(())
}
