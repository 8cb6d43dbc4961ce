//! `XLEN`, `XRANGE`, `XREVRANGE`: reading by identifier.

use super::ids::{interval_end, interval_start};
use super::{limit, reply_entries, stream_of};
use crate::context::Context;
use crate::error::{Error, SYNTAX};

/// `XLEN key`
pub fn xlen(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let len = match cx.engine.read(cx.session, key) {
        None => 0,
        Some(entry) => stream_of(entry)?.len(),
    };
    cx.reply.int(len as i64);
    Ok(())
}

/// `XRANGE key start end [COUNT count]`
pub fn xrange(cx: &mut Context<'_>) -> Result<(), Error> {
    read_range(cx, false)
}

/// `XREVRANGE key end start [COUNT count]`
pub fn xrevrange(cx: &mut Context<'_>) -> Result<(), Error> {
    read_range(cx, true)
}

fn read_range(cx: &mut Context<'_>, reverse: bool) -> Result<(), Error> {
    let (start, end) = if reverse { (3, 2) } else { (2, 3) };
    let start = interval_start(cx.args.at(start))?;
    let end = interval_end(cx.args.at(end))?;
    // `COUNT 0` and less asks for nothing; without it there is no limit.
    let mut count = None;
    for i in (4..cx.args.len()).step_by(2) {
        if !cx.is(i, "count") || i + 1 == cx.args.len() {
            return Err(SYNTAX.into());
        }
        count = Some(cx.int(i + 1)?);
    }
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.array(0);
        return Ok(());
    };
    let stream = stream_of(entry)?;
    let most = match count {
        Some(..=0) => {
            cx.reply.null_array();
            return Ok(());
        }
        Some(count) => limit(count as u64),
        None => usize::MAX,
    };
    let reply = &mut cx.reply;
    if reverse {
        reply_entries(reply, stream.range_reversed(start, end).take(most));
    } else {
        reply_entries(reply, stream.range(start, end).take(most));
    }
    Ok(())
}
