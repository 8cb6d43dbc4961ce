//! Keys, whatever they hold.

mod expire;
mod object;
mod relocate;
mod walk;

pub use expire::{expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl};
pub use object::{object_encoding, object_freq, object_idletime, object_refcount};
pub use relocate::{copy, move_key, rename, renamenx};
pub use walk::{keys, randomkey, scan};

use crate::commands::many_keys::for_each_key;
use crate::context::Context;
use crate::error::Error;
use crate::notify::EventClass;

/// `DEL key [key …]`
pub fn del(cx: &mut Context<'_>) -> Result<(), Error> {
    let lazily = cx.engine.settings.lazy_user_del;
    delete(cx, lazily)
}

/// `UNLINK key [key …]`
pub fn unlink(cx: &mut Context<'_>) -> Result<(), Error> {
    delete(cx, true)
}

fn delete(cx: &mut Context<'_>, lazily: bool) -> Result<(), Error> {
    let mut deleted = 0;
    for_each_key(cx, 1, 1, |cx, _, key| {
        if let Some(entry) = cx.engine.remove(cx.session.db, key) {
            cx.engine.drop_entry(entry, lazily);
            cx.changed(key.bytes);
            cx.notify(EventClass::GENERIC, "del", key.bytes);
            deleted += 1;
        }
    });
    cx.reply.int(deleted);
    Ok(())
}

/// `EXISTS key [key …]`: how many are there, counting repetitions.
pub fn exists(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut found = 0;
    for_each_key(cx, 1, 1, |cx, _, key| found += cx.engine.inspect(cx.session.db, key).is_some() as i64);
    cx.reply.int(found);
    Ok(())
}

/// `TYPE key`
pub fn type_of(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let name = cx.engine.inspect(cx.session.db, key).map_or("none", |entry| entry.object_type().name());
    cx.reply.simple(name);
    Ok(())
}

/// `TOUCH key [key …]`
pub fn touch(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut found = 0;
    for_each_key(cx, 1, 1, |cx, _, key| found += cx.engine.read(cx.session, key).is_some() as i64);
    cx.reply.int(found);
    Ok(())
}
