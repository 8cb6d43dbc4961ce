//! A stream as commands.
//!
//! Entries keep their identifiers, and `XSETID` tells what cannot be seen in them. An entry that is pending in some group and no
//! longer in the stream would be lost, because only what exists can be claimed: such *departed* ones are added with
//! the others, claimed, and taken out again, by trimming what stood before the first living entry and deleting the rest, as it
//! may have happened. (Only trimming leaves the greatest deleted identifier as it is.)

use super::commands::CommandWriter;
use graven_store::{Group, Stream, StreamId};
use std::collections::BTreeSet;
use std::io::Write;

impl<W: Write> CommandWriter<W> {
    pub(super) fn stream(&mut self, key: &[u8], stream: &Stream) {
        let pending = stream.groups().flat_map(|(_, group)| group.pending_from(StreamId::MIN).map(|(id, _)| id));
        let departed: BTreeSet<StreamId> = pending.filter(|id| stream.get(*id).is_none()).collect();
        let mut next_departed = departed.iter().copied().peekable();
        for entry in stream.range(StreamId::MIN, StreamId::MAX) {
            while let Some(id) = next_departed.next_if(|id| *id < entry.id) {
                self.add_departed(key, id);
            }
            self.begin(3 + 2 * entry.len());
            self.arg(b"XADD");
            self.arg(key);
            self.arg(&entry.id.to_vec());
            for (field, value) in entry.fields() {
                self.arg(field.to_bytes(&mut [0; 20]));
                self.arg(value.to_bytes(&mut [0; 20]));
            }
        }
        next_departed.for_each(|id| self.add_departed(key, id));
        if stream.len() == 0 && departed.is_empty() {
            // 0-0 cannot be added; `XSETID` brings it back.
            let id = stream.last_id().max(StreamId { ms: 0, seq: 1 });
            self.command(&[b"XADD", key, b"MAXLEN", b"0", &id.to_vec(), b"x", b"y"]);
        }
        for (name, group) in stream.groups() {
            self.group(key, name, group);
        }
        if !departed.is_empty() {
            self.remove_departed(key, stream, &departed);
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

    fn add_departed(&mut self, key: &[u8], id: StreamId) {
        self.command(&[b"XADD", key, &id.to_vec(), b"x", b"y"]);
    }

    fn remove_departed(&mut self, key: &[u8], stream: &Stream, departed: &BTreeSet<StreamId>) {
        let first = stream.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        match first {
            Some(first) => self.command(&[b"XTRIM", key, b"MINID", &first.to_vec()]),
            None => self.command(&[b"XTRIM", key, b"MAXLEN", b"0"]),
        }
        for id in first.into_iter().flat_map(|first| departed.range(first..)) {
            self.command(&[b"XDEL", key, &id.to_vec()]);
        }
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let read = group.entries_read.map_or(b"-1".to_vec(), |read| read.to_string().into_bytes());
        self.command(&[b"XGROUP", b"CREATE", key, name, &group.last_id.to_vec(), b"ENTRIESREAD", &read]);
        for consumer in group.consumers() {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()]);
            for id in consumer.pending_from(StreamId::MIN) {
                let Some(pending) = group.pending(id) else { continue };
                self.begin(12);
                for part in [b"XCLAIM", key, name, consumer.name(), b"0", &id.to_vec(), b"TIME"] {
                    self.arg(part);
                }
                self.number(pending.delivered_ms);
                self.arg(b"RETRYCOUNT");
                self.number(pending.deliveries);
                self.arg(b"JUSTID");
                self.arg(b"FORCE");
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
