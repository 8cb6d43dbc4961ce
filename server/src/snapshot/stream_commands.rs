//! A stream as commands.
//!
//! Entries keep their identifiers, and `XSETID` tells what cannot be seen in them. An entry that is pending in some group and no
//! longer in the stream would be lost, because only what exists can be claimed: such *departed* ones are added before all others,
//! claimed, and trimmed away again. Then `XSETID` goes back to the beginning, which it may as long as there is nothing: a
//! departed one can be anywhere, also behind the last identifier, and `XDEL` would leave a greatest deleted identifier there
//! behind which `XSETID` does not go.
//!
//! ```text
//! XADD s 10-1 x y                              departed
//! XGROUP CREATE s g 10-1 ENTRIESREAD 2         XCLAIM s g c 0 10-1 …
//! XTRIM s MAXLEN 0                             XSETID s 0-0
//! XADD s 7-0 a b                               what is there
//! XGROUP CREATECONSUMER s g c                  XCLAIM s g c 0 7-0 …
//! XSETID s 7-0 ENTRIESADDED 3 MAXDELETEDID 0-0
//! ```

use super::commands::CommandWriter;
use graven_store::{Group, Pending, Stream, StreamId};
use std::collections::BTreeSet;
use std::io::Write;

impl<W: Write> CommandWriter<W> {
    pub(super) fn stream(&mut self, key: &[u8], stream: &Stream) {
        let pending = stream.groups().flat_map(|(_, group)| group.pending_from(StreamId::MIN).map(|(id, _)| id));
        let departed: BTreeSet<StreamId> = pending.filter(|id| stream.get(*id).is_none()).collect();
        if !departed.is_empty() {
            self.departed(key, stream, &departed);
        }
        for entry in stream.range(StreamId::MIN, StreamId::MAX) {
            self.begin(3 + 2 * entry.len());
            self.arg(b"XADD");
            self.arg(key);
            self.arg(&entry.id.to_vec());
            for (field, value) in entry.fields() {
                self.arg(field.to_bytes(&mut [0; 20]));
                self.arg(value.to_bytes(&mut [0; 20]));
            }
        }
        if stream.len() == 0 && departed.is_empty() {
            // 0-0 cannot be added; `XSETID` brings it back.
            let id = stream.last_id().max(StreamId { ms: 0, seq: 1 });
            self.command(&[b"XADD", key, b"MAXLEN", b"0", &id.to_vec(), b"x", b"y"]);
        }
        for (name, group) in stream.groups() {
            if departed.is_empty() {
                self.create_group(key, name, group);
            }
            self.consumers(key, name, group, &departed);
        }
        self.begin(7);
        self.arg(b"XSETID");
        self.arg(key);
        self.arg(&stream.last_id().to_vec());
        self.arg(b"ENTRIESADDED");
        self.number(stream.entries_added());
        self.arg(b"MAXDELETEDID");
        self.arg(&stream.max_deleted_id().to_vec());
    }

    /// Leaves the key with its groups, to which these are pending, and without entries.
    fn departed(&mut self, key: &[u8], stream: &Stream, departed: &BTreeSet<StreamId>) {
        for id in departed {
            self.command(&[b"XADD", key, &id.to_vec(), b"x", b"y"]);
        }
        for (name, group) in stream.groups() {
            self.create_group(key, name, group);
            for (id, pending) in group.pending_from(StreamId::MIN).filter(|(id, _)| departed.contains(id)) {
                self.claim(key, name, group.consumer(pending.consumer).name(), id, pending);
            }
        }
        self.command(&[b"XTRIM", key, b"MAXLEN", b"0"]);
        self.command(&[b"XSETID", key, b"0-0"]);
    }

    fn create_group(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let read = group.entries_read.map_or(b"-1".to_vec(), |read| read.to_string().into_bytes());
        self.command(&[b"XGROUP", b"CREATE", key, name, &group.last_id.to_vec(), b"ENTRIESREAD", &read]);
    }

    fn claim(&mut self, key: &[u8], group: &[u8], consumer: &[u8], id: StreamId, pending: &Pending) {
        self.begin(12);
        for part in [b"XCLAIM", key, group, consumer, b"0", &id.to_vec(), b"TIME"] {
            self.arg(part);
        }
        self.number(pending.delivered_ms);
        self.arg(b"RETRYCOUNT");
        self.number(pending.deliveries);
        self.arg(b"JUSTID");
        self.arg(b"FORCE");
    }

    /// The group's consumers, with what is pending to them and still there.
    fn consumers(&mut self, key: &[u8], name: &[u8], group: &Group, departed: &BTreeSet<StreamId>) {
        for consumer in group.consumers() {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()]);
            for id in consumer.pending_from(StreamId::MIN).filter(|id| !departed.contains(id)) {
                let Some(pending) = group.pending(id) else { continue };
                self.claim(key, name, consumer.name(), id, pending);
            }
            // When it was given something, and when it asked: claims of an entry that no stream has, as the log has them.
            if let Some(active_ms) = consumer.active_ms {
                self.seen(key, name, consumer.name(), active_ms, true);
            }
            if consumer.active_ms != Some(consumer.seen_ms) {
                self.seen(key, name, consumer.name(), consumer.seen_ms, false);
            }
        }
    }

    fn seen(&mut self, key: &[u8], group: &[u8], consumer: &[u8], time_ms: u64, is_active: bool) {
        self.begin(if is_active { 10 } else { 9 });
        for part in [b"XCLAIM", key, group, consumer, b"0", b"0-0", b"TIME"] {
            self.arg(part);
        }
        self.number(time_ms);
        self.arg(b"JUSTID");
        if is_active {
            self.arg(b"FORCE");
        }
    }
}
