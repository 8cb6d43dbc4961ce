//! Values and deadlines at once: `HGETDEL`, `HGETEX`, `HSETEX`.

use super::deadline::{Condition, Moment, check_fields, expire_fields, persist_fields};
use super::{check_is_hash, log_fields, read_hash, removed_empty};
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE, quoting, wrong_arity};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{FieldDeadline, HashBuilder, HashRef, Key, Slot};

/// `HGETDEL key FIELDS numfields field [field …]`
pub fn hgetdel(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    check_is_hash(cx, key)?;
    check_fields(cx, 2)?;
    reply_and_remove(cx, key, 4);
    Ok(())
}

/// Replies the fields from argument `first` on and removes them. The key is missing or a hash.
fn reply_and_remove(cx: &mut Context<'_>, key: Key<'_>, first: usize) {
    let db = cx.session.db;
    let fields = cx.args.skip(first);
    cx.engine.expire_named_fields(db, key, fields.clone());
    cx.reply.array(fields.len());
    let Slot::Occupied(mut place) = cx.engine.slot(db, key) else {
        fields.for_each(|_| cx.reply.null());
        return;
    };
    let mut hash = place.hash_mut().expect("the caller has checked the type");
    let mut removed = Vec::new();
    for field in fields {
        match hash.view().get(field) {
            None => cx.reply.null(),
            Some(found) => {
                reply_string(&mut cx.reply, found.value);
                hash.remove(field);
                removed.push(field);
            }
        }
    }
    let emptied = (hash.len() == 0).then(|| place.remove());
    if !removed.is_empty() {
        log_fields(cx, &[b"HDEL", key.bytes], &removed);
        cx.notify(EventClass::HASH, "hdel", key.bytes);
        cx.changed(key.bytes);
    }
    if let Some(entry) = emptied {
        removed_empty(cx, key, entry);
    }
}

/// `HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field
/// [field …]`
pub fn hgetex(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    check_is_hash(cx, key)?;
    let moment = Moment::of(cx.args.at(2));
    let deadline = moment.map(|moment| moment.parse(cx, 3)).transpose()?;
    let persist = cx.is(2, "persist");
    let at = match (deadline, persist) {
        (Some(_), _) => 4,
        (None, true) => 3,
        (None, false) => 2,
    };
    check_fields(cx, at)?;
    if deadline.is_some_and(|ms| ms <= cx.engine.now_ms()) && !cx.engine.loading {
        reply_and_remove(cx, key, at + 2);
        return Ok(());
    }
    let before = cx.engine.due_before();
    let fields = cx.args.skip(at + 2);
    let hash = read_hash(cx.engine, cx.session, key)?;
    cx.reply.array(fields.len());
    for name in fields.clone() {
        match hash.and_then(|hash| hash.get(name)).filter(|field| !field.is_due(before)) {
            None => cx.reply.null(),
            Some(field) => reply_string(&mut cx.reply, field.value),
        }
    }
    if let Some(deadline) = deadline {
        expire_fields(cx, key, fields, deadline, Condition::Always, |_| {});
    } else if persist {
        persist_fields(cx, key, fields, |_, _| {});
    }
    Ok(())
}

/// The options of `HSETEX`.
struct Options {
    /// Only if all of the fields exist, or none of them does.
    existing: Option<bool>,
    deadline: FieldDeadline,
    /// Where the first field is.
    first: usize,
}

impl Options {
    fn parse(cx: &Context<'_>) -> Result<Options, Error> {
        let mut options = Options { existing: None, deadline: FieldDeadline::Clear, first: 0 };
        let mut i = 2;
        while let Some(word) = cx.args.get(i) {
            if word.eq_ignore_ascii_case(b"fields") {
                options.first = check_pairs(cx, i)?;
                return Ok(options);
            }
            let keep = word.eq_ignore_ascii_case(b"keepttl");
            let existing = word.eq_ignore_ascii_case(b"fxx");
            if let Some(moment) = Moment::of(word) {
                only_one_deadline(&options)?;
                i += 1;
                if i == cx.args.len() {
                    return Err("ERR missing expire time".into());
                }
                options.deadline = FieldDeadline::At(moment.parse(cx, i)?);
            } else if keep {
                only_one_deadline(&options)?;
                options.deadline = FieldDeadline::Keep;
            } else if existing || word.eq_ignore_ascii_case(b"fnx") {
                if options.existing.is_some() {
                    return Err("ERR Only one of FXX or FNX arguments can be specified".into());
                }
                options.existing = Some(existing);
            } else {
                return Err(quoting("ERR unknown argument: ", word, ""));
            }
            i += 1;
        }
        Err("ERR missing FIELDS argument".into())
    }
}

fn only_one_deadline(options: &Options) -> Result<(), Error> {
    match options.deadline {
        FieldDeadline::Clear => Ok(()),
        _ => Err("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified".into()),
    }
}

/// Checks `FIELDS numfields field value …` at argument `at`; returns where the first field is.
fn check_pairs(cx: &Context<'_>, at: usize) -> Result<usize, Error> {
    let arity = || wrong_arity(cx.spec.name);
    let count = cx.args.get(at + 1).filter(|_| at + 2 < cx.args.len()).ok_or_else(arity)?;
    let count = parse_i64(count).filter(|count| (1..=i64::from(i32::MAX)).contains(count)).ok_or("ERR invalid number of fields")?;
    let rest = cx.args.len() - at - 2;
    if rest != 2 * count as usize {
        return Err(arity());
    }
    Ok(at + 2)
}

/// `HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS
/// numfields field value [field value …]`
pub fn hsetex(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx)?;
    let (key, args, db) = (cx.key(1), cx.args, cx.session.db);
    check_is_hash(cx, key)?;
    let fields = (options.first..args.len()).step_by(2).map(|i| (args.at(i), args.at(i + 1)));
    cx.engine.expire_named_fields(db, key, fields.clone().map(|(field, _)| field));
    if let Some(existing) = options.existing {
        let hash = cx.engine.peek(db, key).and_then(graven_store::Entry::hash);
        let exists = |field| hash.is_some_and(|hash: HashRef<'_>| hash.get(field).is_some());
        if !fields.clone().all(|(field, _)| exists(field) == existing) {
            cx.reply.int(0);
            return Ok(());
        }
    }
    match options.deadline {
        FieldDeadline::At(ms) if ms <= cx.engine.now_ms() && !cx.engine.loading => remove_set(cx, key, fields.map(|(field, _)| field)),
        deadline => {
            set_with_deadline(cx, key, fields, deadline)?;
            if let FieldDeadline::At(ms) = deadline {
                log_with_deadline(cx, key, ms, options.first);
            }
        }
    }
    cx.reply.int(1);
    Ok(())
}

fn set_with_deadline<'f>(
    cx: &mut Context<'_>,
    key: Key<'_>,
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    deadline: FieldDeadline,
) -> Result<(), Error> {
    let limits = cx.engine.settings.thresholds;
    let access = cx.engine.fresh_access();
    let new_key = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => {
            let mut hash = place.hash_mut().ok_or(WRONG_TYPE)?;
            for (field, value) in fields {
                hash.set(field, value, deadline, &limits);
            }
            false
        }
        Slot::Vacant(place) => {
            let at = if let FieldDeadline::At(ms) = deadline { Some(ms) } else { None };
            let mut hash = HashBuilder::new(place.hasher(), &limits);
            for (field, value) in fields {
                hash.set(field, value, at);
            }
            place.insert_entry(hash.finish(key.bytes, None, access));
            true
        }
    };
    if new_key {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.notify(EventClass::HASH, "hset", key.bytes);
    if let FieldDeadline::At(_) = deadline {
        cx.notify(EventClass::HASH, "hexpire", key.bytes);
    }
    cx.changed(key.bytes);
    Ok(())
}

fn log_with_deadline(cx: &mut Context<'_>, key: Key<'_>, ms: u64, first: usize) {
    let (mut digits, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    let count = count.format((cx.args.len() - first) / 2);
    let head = [b"HSETEX", key.bytes, b"PXAT", digits.format(ms).as_bytes(), b"FIELDS", count.as_bytes()];
    let parts: Vec<&[u8]> = head.into_iter().chain(cx.args.skip(first)).collect();
    cx.log(&parts);
}

/// Fields that are set with a deadline in the past are not there afterwards.
fn remove_set<'f>(cx: &mut Context<'_>, key: Key<'_>, fields: impl Iterator<Item = &'f [u8]>) {
    let mut removed = Vec::new();
    let mut emptied = None;
    if let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) {
        let mut hash = place.hash_mut().expect("the caller has checked the type");
        removed.extend(fields.filter(|field| hash.remove(field)));
        emptied = (hash.len() == 0).then(|| place.remove());
    }
    if removed.is_empty() {
        return;
    }
    log_fields(cx, &[b"HDEL", key.bytes], &removed);
    cx.notify(EventClass::HASH, "hset", key.bytes);
    cx.notify(EventClass::HASH, "hdel", key.bytes);
    cx.changed(key.bytes);
    if let Some(entry) = emptied {
        removed_empty(cx, key, entry);
    }
}
