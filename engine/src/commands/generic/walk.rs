//! Commands that look at a whole database: `KEYS`, `SCAN`, `RANDOMKEY`.
//!
//! What they show may depend on any write, so their replies wait for the database's last one.

use crate::commands::scan::{Own, ScanOptions, Scanned, cursor_at};
use crate::context::Context;
use crate::error::Error;
use crate::glob;

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

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub fn scan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = cursor_at(cx, 1)?;
    let mut kind = None;
    let options = ScanOptions::parse(cx, 2, |word, value| match value {
        Some(_) if word.eq_ignore_ascii_case(b"type") => {
            kind = value;
            Own::WordAndValue
        }
        _ => Own::No,
    })?;
    let db = cx.session.db;
    cx.engine.depends_on_db(db);
    let (mut found, mut due) = (Scanned::default(), Vec::new());
    let engine = &*cx.engine;
    let next = engine.keyspace.db(db).scan(cursor, options.count, &mut |entry| {
        let key = entry.key();
        if !options.wants(key) {
            return;
        }
        if engine.is_due(entry.deadline()) {
            due.push(key.to_vec());
        } else if kind.is_none_or(|kind| kind.eq_ignore_ascii_case(entry.object_type().name().as_bytes())) {
            found.push(key);
        }
    });
    for key in due {
        let key = cx.engine.keyspace.key(&key);
        cx.engine.expire_if_due(db, key);
    }
    found.reply(cx, next);
    Ok(())
}
