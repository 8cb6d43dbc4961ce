//! Writing what the reader has read.

use std::io::{self, Write};

use graven_listpack::Listpack;

use super::{Collection, Compact, GroupHead, StreamHead, Writer};
use crate::value::{Hash, List, ListNode, Set, SortedSet, Stream};
use crate::{Attributes, Value};

impl<W: Write> Writer<W> {
    /// Writes a key whose value is of any type that the reader yields.
    ///
    /// # Errors
    ///
    /// As those of [`Writer::begin_collection`].
    pub fn entry(&mut self, key: &[u8], value: &Value, attributes: &Attributes) -> io::Result<()> {
        match value {
            Value::String(string) => self.string(key, string, attributes),
            Value::List(list) => self.whole_list(key, list, attributes),
            Value::Set(set) => self.whole_set(key, set, attributes),
            Value::SortedSet(SortedSet::Packed(bytes)) => self.compact(Compact::SortedSet, key, bytes, attributes),
            Value::SortedSet(SortedSet::Members { members, scores }) => {
                self.begin_collection(Collection::SortedSet, key, members.len() as u64, attributes)?;
                members.iter().zip(scores).try_for_each(|(member, score)| {
                    self.element(member)?;
                    self.score(*score)
                })
            }
            Value::Hash(hash) => self.whole_hash(key, hash, attributes),
            Value::Stream(stream) => self.whole_stream(key, stream, attributes),
        }
    }

    fn whole_list(&mut self, key: &[u8], list: &List, attributes: &Attributes) -> io::Result<()> {
        match list {
            List::Items(items) => {
                self.begin_collection(Collection::List, key, items.len() as u64, attributes)?;
                items.iter().try_for_each(|item| self.plain_list_node(item))
            }
            List::Nodes(nodes) => {
                self.begin_collection(Collection::List, key, nodes.len() as u64, attributes)?;
                nodes.iter().try_for_each(|node| match node {
                    ListNode::Packed(bytes) => self.list_node(Listpack::new(bytes).run().bytes(), Listpack::new(bytes).len()),
                    ListNode::Plain(item) => self.plain_list_node(item),
                })
            }
        }
    }

    fn whole_set(&mut self, key: &[u8], set: &Set, attributes: &Attributes) -> io::Result<()> {
        match set {
            Set::Intset(bytes) => self.compact(Compact::Intset, key, bytes, attributes),
            Set::Packed(bytes) => {
                let members = Listpack::new(bytes);
                self.begin_collection(Collection::Set, key, members.len() as u64, attributes)?;
                members.iter().try_for_each(|member| self.element(member.to_bytes(&mut [0; 20])))
            }
            Set::Members(members) => {
                self.begin_collection(Collection::Set, key, members.len() as u64, attributes)?;
                members.iter().try_for_each(|member| self.element(member))
            }
        }
    }

    fn whole_hash(&mut self, key: &[u8], hash: &Hash, attributes: &Attributes) -> io::Result<()> {
        match hash {
            Hash::Packed(bytes) => self.compact(Compact::Hash, key, bytes, attributes),
            Hash::PackedWithDeadlines(bytes) => self.compact(Compact::HashWithDeadlines { earliest_ms: 0 }, key, bytes, attributes),
            Hash::Fields { pairs, deadlines } if deadlines.is_empty() => {
                self.begin_collection(Collection::Hash, key, pairs.len() as u64 / 2, attributes)?;
                pairs.iter().try_for_each(|string| self.element(string))
            }
            Hash::Fields { pairs, deadlines } => {
                let earliest_ms = deadlines.iter().copied().filter(|deadline| *deadline > 0).min().unwrap_or(0);
                self.begin_collection(Collection::HashWithDeadlines { earliest_ms }, key, deadlines.len() as u64, attributes)?;
                let mut strings = pairs.iter();
                for deadline in deadlines {
                    self.field_deadline(Some(*deadline).filter(|deadline| *deadline > 0))?;
                    for string in strings.by_ref().take(2) {
                        self.element(string)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn whole_stream(&mut self, key: &[u8], stream: &Stream, attributes: &Attributes) -> io::Result<()> {
        let head = StreamHead {
            length: stream.length,
            last_id: stream.last_id,
            first_id: stream.first_id.unwrap_or_default(),
            max_deleted_id: stream.max_deleted_id,
            entries_added: stream.entries_added.unwrap_or(stream.length),
            groups: stream.groups.len() as u64,
        };
        self.stream(key, &head, stream.nodes.iter().map(|(id, listpack)| (*id, listpack.as_slice())), attributes)?;
        for group in &stream.groups {
            let pending = group.pending.len() as u64;
            self.group(&GroupHead { name: &group.name, last_id: group.last_id, entries_read: group.entries_read, pending })?;
            for pending in &group.pending {
                self.group_pending(pending.id, pending.delivered_ms, pending.deliveries)?;
            }
            self.consumers(group.consumers.len() as u64)?;
            for (index, consumer) in group.consumers.iter().enumerate() {
                let own = || group.pending.iter().filter(|pending| pending.consumer == index);
                self.consumer(&consumer.name, consumer.seen_ms, own().count() as u64)?;
                own().try_for_each(|pending| self.consumer_pending(pending.id))?;
            }
        }
        Ok(())
    }
}
