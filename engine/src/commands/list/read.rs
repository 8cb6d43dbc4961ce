//! Reading.

use super::{from_head, list_of, range, reply_item};
use crate::context::Context;
use crate::error::Error;
use graven_store::Side;
use std::ops::ControlFlow;

/// `LLEN key`
pub fn llen(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let len = match cx.engine.read(cx.session, key) {
        Some(entry) => list_of(entry)?.len(),
        None => 0,
    };
    cx.reply.int(len as i64);
    Ok(())
}

/// `LINDEX key index`
pub fn lindex(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let index = cx.int(2);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.null();
        return Ok(());
    };
    let list = list_of(entry)?;
    let reply = &mut cx.reply;
    let found = from_head(index?, list.len()).and_then(|index| list.get(index, |item| reply_item(reply, item)));
    if found.is_none() {
        reply.null();
    }
    Ok(())
}

/// `LRANGE key start stop`
pub fn lrange(cx: &mut Context<'_>) -> Result<(), Error> {
    let (start, end) = (cx.int(2)?, cx.int(3)?);
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.array(0);
        return Ok(());
    };
    let list = list_of(entry)?;
    let (first, count) = range(start, end, list.len());
    let reply = &mut cx.reply;
    reply.array(count);
    let mut left = count;
    if count > 0 {
        let _ = list.walk(first, Side::Left, |item| {
            reply_item(reply, item);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    Ok(())
}
