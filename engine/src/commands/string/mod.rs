//! Strings: reading, writing, and all that treats them as bytes.
//!
//! `set` has `SET` and the commands that are `SET` by another name, `number` those that count, `lcs` the longest
//! common subsequence, `edit` changes parts of them, and this file reads values.
//!
//! Invariant: whatever is checked (type, limits, numbers) is checked before the first change, so that a failing
//! command has changed nothing.

mod edit;
mod lcs;
mod number;
mod set;

pub use edit::{append, getdel, getex, getrange, setrange};
pub use lcs::lcs;
pub use number::{decr, decrby, incr, incrby, incrbyfloat};
pub use set::{Deadline, getset, mset, msetnx, psetex, put, set, setex, setnx};

use crate::commands::many_keys::for_each_key;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE};
use graven_resp::Reply;
use graven_store::{Entry, StringRef};

/// The string an entry holds, or the error of a command that wants one.
#[inline]
pub fn string_of(entry: &Entry) -> Result<StringRef<'_>, Error> {
    entry.string().ok_or(Error::from(WRONG_TYPE))
}

/// Replies a string, numbers in decimal.
#[inline]
pub fn reply_string(reply: &mut Reply<'_>, string: StringRef<'_>) {
    match string {
        StringRef::Int(number) => reply.bulk_int(number),
        StringRef::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// `GET key`
pub fn get(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    match cx.engine.read(cx.session, key) {
        None => cx.reply.null(),
        Some(entry) => reply_string(&mut cx.reply, string_of(entry)?),
    }
    Ok(())
}

/// `MGET key [key …]`: keys that are missing or no strings are null.
pub fn mget(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.array(cx.args.len() - 1);
    for_each_key(cx, 1, 1, |cx, _, key| match cx.engine.read(cx.session, key).and_then(Entry::string) {
        None => cx.reply.null(),
        Some(string) => reply_string(&mut cx.reply, string),
    });
    Ok(())
}

/// `STRLEN key`
pub fn strlen(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let len = match cx.engine.read(cx.session, key) {
        None => 0,
        Some(entry) => string_of(entry)?.len(),
    };
    cx.reply.int(len as i64);
    Ok(())
}
