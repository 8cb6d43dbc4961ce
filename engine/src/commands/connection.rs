//! The connection itself: `PING`, `ECHO`, `SELECT`, …

use crate::context::Context;
use crate::error::{Error, wrong_arity};

/// `PING [message]`
pub fn ping(cx: &mut Context<'_>) -> Result<(), Error> {
    match cx.args.len() {
        1 => cx.reply.simple("PONG"),
        2 => cx.reply.bulk(cx.args.at(1)),
        _ => return Err(wrong_arity("ping")),
    }
    Ok(())
}

/// `ECHO message`
pub fn echo(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.bulk(cx.args.at(1));
    Ok(())
}

/// `SELECT index`
pub fn select(cx: &mut Context<'_>) -> Result<(), Error> {
    let index = cx.int(1)?;
    if !(0..cx.engine.keyspace.databases() as i64).contains(&index) {
        return Err(crate::error::INVALID_DB.into());
    }
    cx.session.db = index as usize;
    cx.reply.ok();
    Ok(())
}
