//! Whole databases: `DBSIZE`, `FLUSHDB`, `FLUSHALL`, `SWAPDB`.
//!
//! Flushes are logged even if there was nothing to remove, as Redis does: they mark a point in the log.

use crate::context::Context;
use crate::error::{Error, INVALID_DB, SYNTAX};
use crate::garbage::Garbage;
use graven_resp::number::parse_i64;

/// `DBSIZE`
pub fn dbsize(cx: &mut Context<'_>) -> Result<(), Error> {
    let db = cx.session.db;
    cx.engine.depends_on_db(db);
    cx.reply.int(cx.engine.keyspace.db(db).len() as i64);
    Ok(())
}

/// `FLUSHDB [ASYNC | SYNC]`
pub fn flushdb(cx: &mut Context<'_>) -> Result<(), Error> {
    let lazily = flush_lazily(cx)?;
    flush(cx, cx.session.db, lazily);
    cx.log_as_called();
    cx.reply.ok();
    Ok(())
}

/// `FLUSHALL [ASYNC | SYNC]`, what the engine does of it. The host may have files that still hold what was removed.
pub fn flushall(cx: &mut Context<'_>) -> Result<(), Error> {
    let lazily = flush_lazily(cx)?;
    for db in 0..cx.engine.keyspace.databases() {
        flush(cx, db, lazily);
    }
    cx.log_as_called();
    cx.reply.ok();
    Ok(())
}

fn flush_lazily(cx: &Context<'_>) -> Result<bool, Error> {
    match cx.args.len() {
        1 => Ok(cx.engine.settings.lazy_user_flush),
        2 if cx.is(1, "async") => Ok(true),
        2 if cx.is(1, "sync") => Ok(false),
        _ => Err(SYNTAX.into()),
    }
}

fn flush(cx: &mut Context<'_>, db: usize, lazily: bool) {
    cx.engine.touch_flushed(db);
    let old = cx.engine.db_mut(db).clear();
    cx.engine.dirty += old.len() as u64;
    if lazily && !old.is_empty() {
        cx.engine.stats.lazy_freed += old.len() as u64;
        cx.engine.garbage.push(Garbage::Table(old));
    }
}

/// `SWAPDB index1 index2`
pub fn swapdb(cx: &mut Context<'_>) -> Result<(), Error> {
    let number = |i: usize, otherwise: &'static str| {
        let number = parse_i64(cx.args.at(i)).and_then(|number| i32::try_from(number).ok());
        number.ok_or(Error::from(otherwise))
    };
    let a = number(1, "ERR invalid first DB index")?;
    let b = number(2, "ERR invalid second DB index")?;
    let databases = cx.engine.keyspace.databases();
    let index = |number: i32| usize::try_from(number).ok().filter(|index| *index < databases).ok_or(Error::from(INVALID_DB));
    let (a, b) = (index(a)?, index(b)?);
    if a != b {
        cx.engine.touch_swapped(a, b);
        // Marks everything in both as being written.
        cx.engine.db_mut(a);
        cx.engine.db_mut(b);
        cx.engine.keyspace.swap(a, b);
    }
    cx.engine.dirty += 1;
    cx.reply.ok();
    Ok(())
}
