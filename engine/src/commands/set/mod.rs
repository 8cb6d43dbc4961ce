//! Sets.
//!
//! `edit` adds, removes and moves members, `random` chooses some, `combine` makes unions, intersections and differences, `scan`
//! walks; this file asks and lists.
//!
//! Invariants: everything is checked before the first change; a set that is emptied goes with its key; what chance decided is
//! logged as the removal that it came to.

mod combine;
mod edit;
mod random;
mod scan;

pub use combine::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
pub use edit::{sadd, smove, srem};
pub use random::{spop, srandmember};
pub use scan::sscan;

use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE};
use graven_resp::Reply;
use graven_store::{Entry, SetRef};
use std::ops::ControlFlow;

/// The set that an entry holds, or the error of a command that wants one.
#[inline]
fn set_of(entry: &Entry) -> Result<SetRef<'_>, Error> {
    entry.set().ok_or(Error::from(WRONG_TYPE))
}

/// Replies all members, without their number.
fn reply_all(reply: &mut Reply<'_>, set: SetRef<'_>) {
    set.for_each(|member| {
        reply_string(reply, member);
        ControlFlow::Continue(())
    });
}

/// `SCARD key`
pub fn scard(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let len = match cx.engine.read(cx.session, key) {
        None => 0,
        Some(entry) => set_of(entry)?.len(),
    };
    cx.reply.int(len as i64);
    Ok(())
}

/// `SISMEMBER key member`
pub fn sismember(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let found = match cx.engine.read(cx.session, key) {
        None => false,
        Some(entry) => set_of(entry)?.contains(cx.args.at(2)),
    };
    cx.reply.int(found.into());
    Ok(())
}

/// `SMISMEMBER key member [member …]`
pub fn smismember(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let set = cx.engine.read(cx.session, key).map(set_of).transpose()?;
    let members = cx.args.skip(2);
    cx.reply.array(members.len());
    match set {
        Some(set) => set.contains_each(members, |found| cx.reply.int(found.into())),
        None => members.for_each(|_| cx.reply.int(0)),
    }
    Ok(())
}

/// `SMEMBERS key`
pub fn smembers(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    match cx.engine.read(cx.session, key) {
        None => cx.reply.set(0),
        Some(entry) => {
            let set = set_of(entry)?;
            cx.reply.set(set.len());
            reply_all(&mut cx.reply, set);
        }
    }
    Ok(())
}
