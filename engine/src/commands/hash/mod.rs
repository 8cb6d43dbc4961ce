//! Hashes.
//!
//! `read` has what only looks, `write` what sets and removes fields, `number` what counts, `random` and `scan` what
//! visits some of them, `deadline` the deadlines of fields, and `exchange` what reads or sets values and deadlines at once.
//!
//! Invariants:
//! * Whatever is checked is checked before the first change.
//! * A due field is as absent. [`Engine::read`] and [`Engine::slot`] have taken due fields out, but a bounded number of them, and
//!   none during a pause: so readers leave out what is due, and writers first take out the due ones among the
//!   fields they name ([`Engine::expire_named_fields`]).
//! * Deadlines are logged as moments, as `HPEXPIREAT` or `HSETEX … PXAT`, and fields that are gone as `HDEL`.

mod deadline;
mod exchange;
mod number;
mod random;
mod read;
mod scan;
mod write;

pub use deadline::{hexpire, hexpireat, hexpiretime, hpersist, hpexpire, hpexpireat, hpexpiretime, hpttl, httl};
pub use exchange::{hgetdel, hgetex, hsetex};
pub use number::{hincrby, hincrbyfloat};
pub use random::hrandfield;
pub use read::{hexists, hget, hgetall, hkeys, hlen, hmget, hstrlen, hvals};
pub use scan::hscan;
pub use write::{hdel, hmset, hset, hsetnx};

use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, WRONG_TYPE};
use crate::notify::EventClass;
use crate::session::Session;
use graven_store::{Entry, HashRef, Key, Slot};

/// The hash at a key, for reading; `None` if the key is missing.
#[inline]
fn read_hash<'e>(engine: &'e mut Engine, session: &Session, key: Key<'_>) -> Result<Option<HashRef<'e>>, Error> {
    match engine.read(session, key) {
        None => Ok(None),
        Some(entry) => Ok(Some(entry.hash().ok_or(WRONG_TYPE)?)),
    }
}

/// Fails if a key is there and no hash, for writing commands that check this before their arguments.
fn check_is_hash(cx: &mut Context<'_>, key: Key<'_>) -> Result<(), Error> {
    match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(place) if place.entry().hash().is_none() => Err(WRONG_TYPE.into()),
        _ => Ok(()),
    }
}

/// The last field of a hash is gone, and the key with it.
fn removed_empty(cx: &mut Context<'_>, key: Key<'_>, entry: Entry) {
    cx.engine.drop_entry(entry, false);
    cx.notify(EventClass::GENERIC, "del", key.bytes);
}

/// Logs `verb key field …`, unless there are no fields.
fn log_fields(cx: &mut Context<'_>, head: &[&[u8]], fields: &[&[u8]]) {
    if !fields.is_empty() {
        cx.log(&[head, fields].concat());
    }
}
