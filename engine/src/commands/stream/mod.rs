//! Streams. <https://redis.io/docs/latest/develop/data-types/streams/>
//!
//! `add` appends and trims, `range` reads without a group, `edit` deletes and sets identifiers, `group` manages consumer
//! groups, `read_group` reads for them, `pending` shows and acknowledges what was delivered, `claim` moves it to another
//! consumer, `info` describes, `ids` parses identifiers, and `effects` is what the log is told of deliveries.
//!
//! Times in effects: a replay happens later than what it repeats. Deliveries are logged as `XCLAIM … TIME`, and while the log
//! is replayed the time that `XCLAIM` names counts as the present, for the consumer's own times too. What is not logged is
//! that a consumer asked in vain.

mod add;
mod claim;
mod edit;
mod effects;
mod group;
mod ids;
mod info;
mod pending;
mod range;
mod read;
mod read_group;

pub use add::{xadd, xtrim};
pub use claim::{xautoclaim, xclaim};
pub use edit::{xdel, xsetid};
pub use group::{create as xgroup_create, create_consumer, delete_consumer, destroy, set_id as xgroup_setid};
pub use info::{consumers as xinfo_consumers, groups as xinfo_groups, stream as xinfo_stream};
pub use pending::{xack, xpending};
pub use range::{xlen, xrange, xrevrange};
pub use read::xread;
pub use read_group::xreadgroup;

use crate::context::Context;
use crate::error::{Error, WRONG_TYPE, quotable};
use crate::notify::EventClass;
use graven_resp::Reply;
use graven_store::{Entry, Item, Stream, StreamEntry, StreamId};

/// The stream an entry holds, or the error of a command that wants one.
#[inline]
fn stream_of(entry: &Entry) -> Result<&Stream, Error> {
    entry.stream().ok_or(Error::from(WRONG_TYPE))
}

/// Replies an identifier.
#[inline]
fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(id.text(&mut [0; StreamId::TEXT_MAX_BYTES]));
}

#[inline]
fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_int(number),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Replies an entry: its identifier, then its fields and values in turn.
fn reply_entry(reply: &mut Reply<'_>, entry: &StreamEntry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(2 * entry.len());
    for (field, value) in entry.fields() {
        reply_item(reply, field);
        reply_item(reply, value);
    }
}

/// Replies an array of entries; returns how many there were.
fn reply_entries<'s>(reply: &mut Reply<'_>, entries: impl Iterator<Item = StreamEntry<'s>>) -> usize {
    let start = reply.position();
    let mut count = 0;
    for entry in entries {
        reply_entry(reply, &entry);
        count += 1;
    }
    reply.array_since(start, count);
    count
}

/// A limit that is 0 for none, as an iterator takes it.
fn limit(count: u64) -> usize {
    if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) }
}

/// `NOGROUP` of commands that want a key with a group.
fn no_group(key: &[u8], group: &[u8], end: &str) -> Error {
    let text: &[&[u8]] =
        &[b"NOGROUP No such key '", quotable(key, usize::MAX), b"' or consumer group '", quotable(group, usize::MAX), b"'", end.as_bytes()];
    text.concat().into()
}

/// `NOGROUP` of commands that have found the key.
fn no_group_in_key(group: &[u8], key: &[u8]) -> Error {
    let text: &[&[u8]] =
        &[b"NOGROUP No such consumer group '", quotable(group, usize::MAX), b"' for key name '", quotable(key, usize::MAX), b"'"];
    text.concat().into()
}

impl Context<'_> {
    /// A consumer group was changed, but not the stream itself: that neither fails transactions nor wakes anybody.
    fn group_changed(&mut self, event: &str, key: &[u8]) {
        self.engine.dirty += 1;
        self.notify(EventClass::STREAM, event, key);
    }
}
