//! Commands that look at a whole database: `KEYS`, `SCAN`, `RANDOMKEY`.
//!
//! What they show may depend on any write, so their replies wait for the database's last one.

use crate::context::Context;
use crate::error::{Error, INVALID_CURSOR, NOT_INTEGER, SYNTAX};
use crate::glob;
use graven_resp::push_bulk;

/// Elements that `SCAN` looks at if it is not told.
const DEFAULT_COUNT: usize = 10;

/// Due keys that `RANDOMKEY` comes upon before it looks for another key in order. It deletes them, except during a pause.
const RANDOM_TRIES: usize = 100;

/// `KEYS pattern`
pub fn keys(cx: &mut Context<'_>) -> Result<(), Error> {
    let (pattern, db) = (cx.args.at(1), cx.session.db);
    cx.engine.depends_on_db(db);
    let everything = pattern == b"*";
    let entries = cx.engine.keyspace.db(db).iter();
    let wanted = entries.filter(|entry| everything || glob::matches(pattern, entry.key(), false));
    let keys: Vec<&[u8]> = wanted.filter(|entry| !cx.engine.is_due(entry.deadline())).map(|entry| entry.key()).collect();
    cx.reply.bulks(&keys);
    Ok(())
}

/// `RANDOMKEY`
pub fn randomkey(cx: &mut Context<'_>) -> Result<(), Error> {
    let db = cx.session.db;
    cx.engine.depends_on_db(db);
    for _ in 0..RANDOM_TRIES {
        let random = cx.engine.random.next_u64();
        let Some(entry) = cx.engine.keyspace.db(db).random(random) else {
            cx.reply.null();
            return Ok(());
        };
        if !cx.engine.is_due(entry.deadline()) {
            cx.reply.bulk(entry.key());
            return Ok(());
        }
        let key = entry.key().to_vec();
        let key = cx.engine.keyspace.key(&key);
        cx.engine.expire_if_due(db, key);
    }
    // Hardly anything but due keys.
    let engine = &*cx.engine;
    match engine.keyspace.db(db).iter().find(|entry| !engine.is_due(entry.deadline())) {
        Some(entry) => cx.reply.bulk(entry.key()),
        None => cx.reply.null(),
    }
    Ok(())
}

/// A cursor as C's `strtoul` reads it, which accepts a sign and an empty string.
pub(crate) fn parse_cursor(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        digit.is_ascii_digit().then_some(())?;
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub fn scan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = parse_cursor(cx.args.at(1)).ok_or(INVALID_CURSOR)?;
    let (mut pattern, mut count, mut kind) = (None, DEFAULT_COUNT, None);
    let mut i = 2;
    while let (Some(word), value) = (cx.args.get(i), cx.args.get(i + 1)) {
        match value {
            Some(value) if word.eq_ignore_ascii_case(b"match") => pattern = (value != b"*").then_some(value),
            Some(_) if word.eq_ignore_ascii_case(b"count") => match cx.int(i + 1).map_err(|_| NOT_INTEGER)? {
                number @ 1.. => count = number as usize,
                _ => return Err(SYNTAX.into()),
            },
            Some(value) if word.eq_ignore_ascii_case(b"type") => kind = Some(value),
            _ => return Err(SYNTAX.into()),
        }
        i += 2;
    }

    let db = cx.session.db;
    cx.engine.depends_on_db(db);
    let (mut found, mut encoded, mut due) = (0, Vec::new(), Vec::new());
    let engine = &*cx.engine;
    let next = engine.keyspace.db(db).scan(cursor, count, &mut |entry| {
        let key = entry.key();
        if pattern.is_some_and(|pattern| !glob::matches(pattern, key, false)) {
            return;
        }
        if engine.is_due(entry.deadline()) {
            due.push(key.to_vec());
        } else if kind.is_none_or(|kind| kind.eq_ignore_ascii_case(entry.object_type().name().as_bytes())) {
            found += 1;
            push_bulk(&mut encoded, key);
        }
    });
    for key in due {
        let key = cx.engine.keyspace.key(&key);
        cx.engine.expire_if_due(db, key);
    }
    let mut digits = itoa::Buffer::new();
    cx.reply.array(2);
    cx.reply.bulk(digits.format(next).as_bytes());
    cx.reply.array(found);
    cx.reply.raw(&encoded);
    Ok(())
}
