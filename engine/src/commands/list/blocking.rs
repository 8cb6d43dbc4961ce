//! Pops and moves that wait until there is something.
//!
//! Each tries, and waits only if there is nothing; when a key has changed it is executed again. What is logged is the pop or move
//! that happened.

use super::ends::{ManyKeys, is_list, take};
use super::moves::transfer;
use super::{parse_side, pop_command};
use crate::context::Context;
use crate::error::Error;
use crate::session::TimeoutReply;
use graven_store::Side;

/// `BLPOP key [key …] timeout`
pub fn blpop(cx: &mut Context<'_>) -> Result<(), Error> {
    pop(cx, Side::Left)
}

/// `BRPOP key [key …] timeout`
pub fn brpop(cx: &mut Context<'_>) -> Result<(), Error> {
    pop(cx, Side::Right)
}

fn pop(cx: &mut Context<'_>, side: Side) -> Result<(), Error> {
    let last = cx.args.len() - 1;
    let deadline_ms = cx.timeout(last)?;
    for i in 1..last {
        let key = cx.key(i);
        let taken = take(cx, key, side, 1, |reply, _| {
            reply.array(2);
            reply.bulk(key.bytes);
        })?;
        if taken.is_some() {
            cx.log(&[pop_command(side), key.bytes]);
            return Ok(());
        }
    }
    wait(cx, 1, last - 1, deadline_ms);
    Ok(())
}

/// Waits for `keys` keys from argument `first` on; where that cannot be, time is up at once.
fn wait(cx: &mut Context<'_>, first: usize, keys: usize, deadline_ms: u64) {
    if cx.may_block() {
        let keys = cx.args.skip(first).take(keys);
        cx.block(keys, deadline_ms, TimeoutReply::NullArray, None);
    } else {
        cx.reply.null_array();
    }
}

/// `BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT count]`
pub fn blmpop(cx: &mut Context<'_>) -> Result<(), Error> {
    let wanted = ManyKeys::parse(cx, 2)?;
    let deadline_ms = cx.timeout(1)?;
    if !wanted.pop(cx)? {
        wait(cx, wanted.first, wanted.keys, deadline_ms);
    }
    Ok(())
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
pub fn blmove(cx: &mut Context<'_>) -> Result<(), Error> {
    let (from, to) = (parse_side(cx.args.at(3))?, parse_side(cx.args.at(4))?);
    let deadline_ms = cx.timeout(5)?;
    if wait_for_source(cx, deadline_ms)? {
        return Ok(());
    }
    transfer(cx, from, to)?;
    let args = cx.args;
    cx.log(&[b"LMOVE", args.at(1), args.at(2), args.at(3), args.at(4)]);
    Ok(())
}

/// `BRPOPLPUSH source destination timeout`
pub fn brpoplpush(cx: &mut Context<'_>) -> Result<(), Error> {
    let deadline_ms = cx.timeout(3)?;
    if wait_for_source(cx, deadline_ms)? {
        return Ok(());
    }
    transfer(cx, Side::Right, Side::Left)?;
    let args = cx.args;
    cx.log(&[b"RPOPLPUSH", args.at(1), args.at(2)]);
    Ok(())
}

/// Waits, or replies that there is nothing, if argument 1 is no list; false if it is one.
fn wait_for_source(cx: &mut Context<'_>, deadline_ms: u64) -> Result<bool, Error> {
    let source = cx.key(1);
    if is_list(cx, source)? {
        return Ok(false);
    }
    if cx.may_block() {
        let source = std::iter::once(source.bytes);
        cx.block(source, deadline_ms, TimeoutReply::NullArray, None);
    } else {
        cx.reply.null();
    }
    Ok(true)
}
