//! Results that take the place of a key and of whatever it held: `SUNIONSTORE`, `ZRANGESTORE`, `BITOP`, `SORT … STORE` and
//! their like. A result without elements deletes the key.

use crate::context::Context;
use crate::notify::EventClass;
use graven_store::{Entry, Key, Slot};

/// Puts the entry, which has this key, in its place and tells the event; `None` deletes the key.
pub(crate) fn store(cx: &mut Context<'_>, key: Key<'_>, result: Option<Entry>, class: EventClass, event: &str) {
    let (db, lazily) = (cx.session.db, cx.engine.settings.lazy_server_del);
    let Some(entry) = result else {
        if let Some(old) = cx.engine.remove(db, key) {
            cx.engine.drop_entry(old, lazily);
            cx.changed(key.bytes);
            cx.notify(EventClass::GENERIC, "del", key.bytes);
        }
        return;
    };
    let old = match cx.engine.slot(db, key) {
        Slot::Occupied(mut place) => Some(place.replace(entry)),
        Slot::Vacant(place) => {
            place.insert_entry(entry);
            None
        }
    };
    cx.changed(key.bytes);
    match old {
        Some(old) => cx.engine.drop_entry(old, lazily),
        None => cx.notify(EventClass::NEW, "new", key.bytes),
    }
    cx.notify(class, event, key.bytes);
}
