//! `OBJECT`: how a value is stored, and when it was last used. Asking does not count as use.

use crate::access;
use crate::context::Context;
use crate::error::Error;
use graven_store::{Entry, StringRef};

/// Redis shares the objects of small numbers and reports this count for them.
const SHARED_REFCOUNT: i64 = i32::MAX as i64;
const SHARED_NUMBERS: std::ops::Range<i64> = 0..10_000;

const NO_IDLE_TIME: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                            between policies at runtime LRU and LFU data will take some time to adjust.";
const NO_FREQUENCY: &str = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                            switching between policies at runtime LRU and LFU data will take some time to adjust.";

/// Replies what `show` says of the key in argument 2, or null if it is missing.
fn reply_about(cx: &mut Context<'_>, show: impl FnOnce(&mut Context<'_>, u32, Facts) -> Result<(), Error>) -> Result<(), Error> {
    let key = cx.key(2);
    // Counted, but nobody is told that it is missing.
    let Some((access, facts)) = cx.engine.peek(cx.session.db, key).map(|entry| (entry.access(), Facts::of(entry))) else {
        cx.engine.stats.misses += 1;
        cx.reply.null();
        return Ok(());
    };
    cx.engine.stats.hits += 1;
    show(cx, access, facts)
}

struct Facts {
    encoding: &'static str,
    shared: bool,
}

impl Facts {
    fn of(entry: &Entry) -> Facts {
        let shared = matches!(entry.string(), Some(StringRef::Int(n)) if SHARED_NUMBERS.contains(&n));
        Facts { encoding: entry.encoding().name(), shared }
    }
}

/// `OBJECT ENCODING key`
pub fn object_encoding(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_about(cx, |cx, _, facts| {
        cx.reply.bulk(facts.encoding.as_bytes());
        Ok(())
    })
}

/// `OBJECT REFCOUNT key`
pub fn object_refcount(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_about(cx, |cx, _, facts| {
        cx.reply.int(if facts.shared { SHARED_REFCOUNT } else { 1 });
        Ok(())
    })
}

/// `OBJECT IDLETIME key`: seconds.
pub fn object_idletime(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_about(cx, |cx, access, _| {
        if cx.engine.settings.lfu {
            return Err(NO_IDLE_TIME.into());
        }
        cx.reply.int(access::idle_seconds(access, cx.engine.now_ms()) as i64);
        Ok(())
    })
}

/// `OBJECT FREQ key`
pub fn object_freq(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_about(cx, |cx, access, _| {
        if !cx.engine.settings.lfu {
            return Err(NO_FREQUENCY.into());
        }
        cx.reply.int(access::frequency(&cx.engine.settings, access, cx.engine.now_ms()) as i64);
        Ok(())
    })
}
