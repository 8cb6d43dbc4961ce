//! Commands of many keys: their cache misses overlap.
//!
//! The keys of one command are known before the first is looked up. So they are taken in batches: first the
//! buckets of all are asked for, then the entries, and then they are looked up, when most of them have arrived.

use crate::context::Context;
use graven_store::Key;

/// As many as a processor can wait for at once, and some.
const BATCH: usize = 16;

/// Calls `each` for the keys at arguments `first`, `first + step`, …, with the argument's index.
#[inline]
pub fn for_each_key<'a>(cx: &mut Context<'a>, first: usize, step: usize, mut each: impl FnMut(&mut Context<'a>, usize, Key<'a>)) {
    let end = cx.args.len();
    if first + step >= end {
        let key = cx.key(first);
        return each(cx, first, key);
    }
    let mut keys = [Key { bytes: &[], hash: 0 }; BATCH];
    let mut start = first;
    while start < end {
        let indexes = (start..end).step_by(step).take(BATCH);
        let db = cx.engine.keyspace.db(cx.session.db);
        for (slot, i) in keys.iter_mut().zip(indexes.clone()) {
            *slot = cx.key(i);
            db.prefetch_bucket(slot.hash);
        }
        keys[..indexes.len()].iter().for_each(|key| db.prefetch_entry(key.hash));
        keys.iter().zip(indexes).for_each(|(key, i)| each(cx, i, *key));
        start += BATCH * step;
    }
}
