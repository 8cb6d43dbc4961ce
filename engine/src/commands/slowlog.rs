//! `SLOWLOG`: the last commands that took long.

use crate::context::Context;
use crate::error::{Error, wrong_subcommand};
use graven_resp::number;

/// `SLOWLOG GET [count]`; -1 for all.
pub fn get(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() > 3 {
        return Err(wrong_subcommand(cx.args));
    }
    let count = match cx.args.get(2) {
        None => 10,
        Some(count) => number::parse_i64(count)
            .filter(|count| (-1..=i32::MAX as i64).contains(count))
            .ok_or("ERR count should be greater than or equal to -1")?,
    };
    let entries = cx.engine.slowlog.entries();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(entries.len());
    let reply = &mut cx.reply;
    reply.array(count);
    for entry in entries.iter().take(count) {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.unix_time as i64);
        reply.int(entry.micros as i64);
        reply.bulks(&entry.args);
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(entry.name.as_bytes());
    }
    Ok(())
}

/// `SLOWLOG LEN`
pub fn len(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(cx.engine.slowlog.entries().len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`
pub fn reset(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.engine.slowlog.clear();
    cx.reply.ok();
    Ok(())
}
