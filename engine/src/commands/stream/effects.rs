//! What the log is told of deliveries, so that a replay gives every pending entry its consumer, time and count again.
//!
//! ```text
//! XCLAIM key group consumer 0 1-1 2-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-1
//! XGROUP SETID key group 2-1 ENTRIESREAD 2
//! ```
//!
//! `LASTID` is left out when a consumer read its history again, which counts as a delivery but not as being given something.
//! Entries that were delivered at the same time as often share an effect. A consumer that was made without being given
//! anything is logged with the time at which it was: `XGROUP CREATECONSUMER`, and an `XCLAIM … TIME` of the entry `0-0`,
//! which no stream has, so that nothing is claimed. With `FORCE` that says that it was given something at this time.

use crate::context::Context;
use graven_store::{ConsumerId, Group, StreamId};

/// Entries of one effect.
const ENTRIES_PER_EFFECT: usize = 512;

/// Whom effects are about.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

/// A delivery as it is logged.
#[derive(Clone, Copy)]
pub(super) struct Delivery {
    pub(super) id: StreamId,
    pub(super) time_ms: u64,
    pub(super) count: u64,
}

fn number(value: u64) -> Vec<u8> {
    itoa::Buffer::new().format(value).as_bytes().to_vec()
}

impl Context<'_> {
    /// Logs deliveries to a consumer.
    pub(super) fn log_deliveries(&mut self, party: Party<'_>, deliveries: &[Delivery], last_id: Option<StreamId>) {
        for alike in deliveries.chunk_by(|a, b| (a.time_ms, a.count) == (b.time_ms, b.count)) {
            let (time, count) = (number(alike[0].time_ms), number(alike[0].count));
            let last = last_id.map(StreamId::to_vec);
            for entries in alike.chunks(ENTRIES_PER_EFFECT) {
                let ids: Vec<Vec<u8>> = entries.iter().map(|delivery| delivery.id.to_vec()).collect();
                let mut parts: Vec<&[u8]> = Vec::with_capacity(ids.len() + 13);
                parts.extend([b"XCLAIM", party.key, party.group, party.consumer, b"0"]);
                parts.extend(ids.iter().map(Vec::as_slice));
                parts.extend([b"TIME", time.as_slice(), b"RETRYCOUNT", &count, b"FORCE", b"JUSTID"]);
                if let Some(last) = &last {
                    parts.extend([&b"LASTID"[..], last]);
                }
                self.log(&parts);
            }
        }
    }

    /// Logs how far a group has read.
    pub(super) fn log_group_position(&mut self, key: &[u8], group: &[u8], last_id: StreamId, entries_read: Option<u64>) {
        let read = entries_read.map_or(b"-1".to_vec(), number);
        self.log(&[&b"XGROUP"[..], b"SETID", key, group, &last_id.to_vec(), b"ENTRIESREAD", &read]);
    }

    /// Logs when a consumer was last seen, and whether it was given something then.
    pub(super) fn log_seen(&mut self, party: Party<'_>, time_ms: u64, active: bool) {
        let time = number(time_ms);
        let mut parts: Vec<&[u8]> = vec![b"XCLAIM", party.key, party.group, party.consumer, b"0", b"0-0", b"TIME", &time, b"JUSTID"];
        if active {
            parts.push(b"FORCE");
        }
        self.log(&parts);
    }

    /// Logs that entries are no longer pending.
    pub(super) fn log_acknowledged(&mut self, key: &[u8], group: &[u8], ids: &[StreamId]) {
        for ids in ids.chunks(ENTRIES_PER_EFFECT) {
            let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_vec()).collect();
            let parts: Vec<&[u8]> = [b"XACK", key, group].into_iter().chain(ids.iter().map(Vec::as_slice)).collect();
            self.log(&parts);
        }
    }

    /// A consumer was made: the keyspace is told, and the log.
    pub(super) fn consumer_created(&mut self, party: Party<'_>) {
        self.group_changed("xgroup-createconsumer", party.key);
        self.log(&[&b"XGROUP"[..], b"CREATECONSUMER", party.key, party.group, party.consumer]);
    }
}

/// The consumer of this name, and whether it had to be made.
pub(super) fn find_or_create(group: &mut Group, name: &[u8], now_ms: u64) -> (ConsumerId, bool) {
    match group.find_consumer(name) {
        Some(consumer) => (consumer, false),
        None => (group.create_consumer(name, now_ms), true),
    }
}
