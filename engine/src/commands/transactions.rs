//! Transactions: `MULTI`, `DISCARD`, `WATCH`, `UNWATCH`. `EXEC` is part of the dispatcher.

use crate::context::Context;
use crate::error::Error;
use crate::session::Transaction;

/// `MULTI`
pub fn multi(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.session.in_transaction() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    cx.session.transaction = Some(Box::new(Transaction::default()));
    cx.reply.ok();
    Ok(())
}

/// `DISCARD`
pub fn discard(cx: &mut Context<'_>) -> Result<(), Error> {
    if !cx.session.in_transaction() {
        return Err("ERR DISCARD without MULTI".into());
    }
    cx.engine.discard(cx.session);
    cx.reply.ok();
    Ok(())
}

/// `WATCH key [key …]`
pub fn watch(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.session.in_transaction() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    for i in 1..cx.args.len() {
        let key = cx.key(i);
        cx.engine.watch(cx.session, key);
    }
    cx.reply.ok();
    Ok(())
}

/// `UNWATCH`
pub fn unwatch(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.engine.unwatch(cx.session);
    cx.reply.ok();
    Ok(())
}
