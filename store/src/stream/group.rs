//! Consumer groups: who has been given which entries and has not acknowledged them.
//!
//! Invariant: an entry is pending in a group exactly if it is pending for exactly one of the group's consumers, the one that
//! the group's record names. All changes go through [`Group::deliver`], [`Group::acknowledge`] and
//! [`Group::delete_consumer`], which keep both sides; [`Group::is_consistent`] looks.

use super::ordered::Ordered;
use super::{Stream, StreamId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A consumer within its group. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u32);

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered last, Unix milliseconds, at most [`Stream::COUNT_MAX`].
    pub delivered_ms: u64,
    /// How often it was delivered, at most [`Stream::COUNT_MAX`].
    pub deliveries: u64,
    /// To whom.
    pub consumer: ConsumerId,
}

/// One consumer of a group.
#[derive(Clone)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it last asked for something, Unix milliseconds.
    pub seen_ms: u64,
    /// When it last was given something, Unix milliseconds; `None` if never.
    pub active_ms: Option<u64>,
    pending: Ordered<()>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The entries pending for it from an identifier on, in order. The group knows more of them.
    pub fn pending_from(&self, id: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.from(id).map(|(id, ())| id)
    }
}

/// A consumer group.
#[derive(Clone, Default)]
pub struct Group {
    /// The last entry delivered to anybody.
    pub last_id: StreamId,
    /// How many entries of the stream were read up to there; `None` if that is not known.
    pub entries_read: Option<u64>,
    pending: Ordered<Pending>,
    by_name: BTreeMap<Arc<[u8]>, ConsumerId>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    next_consumer: u32,
}

impl Group {
    /// A group that has delivered everything up to `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read: entries_read.map(|read| read.min(Stream::COUNT_MAX)), ..Group::default() }
    }

    /// Number of consumers.
    pub fn consumers_len(&self) -> usize {
        self.consumers.len()
    }

    /// The consumers, in order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.values().map(|id| self.consumer(*id))
    }

    /// Who has this name.
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.by_name.get(name).copied()
    }

    /// A consumer of this group.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers.get(&id).expect("a consumer that was found and not deleted")
    }

    /// A consumer of this group, for its times.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.get_mut(&id).expect("a consumer that was found and not deleted")
    }

    /// Makes a consumer whose name is not taken.
    pub fn create_consumer(&mut self, name: &[u8], seen_ms: u64) -> ConsumerId {
        debug_assert!(self.find_consumer(name).is_none());
        let id = ConsumerId(self.next_consumer);
        self.next_consumer = self.next_consumer.checked_add(1).expect("fewer than 2^32 consumers were ever made");
        let name: Arc<[u8]> = name.into();
        self.by_name.insert(name.clone(), id);
        self.consumers.insert(id, Consumer { name, seen_ms, active_ms: None, pending: Ordered::default() });
        id
    }

    /// Removes a consumer with all that is pending for it; returns how much that was, or `None` if there is no such consumer.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.by_name.remove(name)?;
        let consumer = self.consumers.remove(&id).expect("names lead to consumers");
        for (entry, ()) in consumer.pending.from(StreamId::MIN) {
            self.pending.remove(entry);
        }
        Some(consumer.pending.len())
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The first and the last pending entry.
    pub fn pending_bounds(&self) -> Option<(StreamId, StreamId)> {
        Some((self.pending.first()?, self.pending.last()?))
    }

    /// What is known of a pending entry.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// The pending entries from an identifier on, in order.
    pub fn pending_from(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &Pending)> {
        self.pending.from(id)
    }

    /// Makes an entry pending for a consumer, or moves it there, or notes another delivery to it.
    pub fn deliver(&mut self, id: StreamId, to: Pending) {
        let (delivered_ms, deliveries) = (to.delivered_ms.min(Stream::COUNT_MAX), to.deliveries.min(Stream::COUNT_MAX));
        let to = Pending { delivered_ms, deliveries, ..to };
        match self.pending.get_mut(id) {
            Some(pending) => {
                let from = std::mem::replace(pending, to).consumer;
                if from != to.consumer {
                    self.consumer_mut(from).pending.remove(id);
                    self.consumer_mut(to.consumer).pending.insert(id, ());
                }
            }
            None => {
                self.pending.insert(id, to);
                self.consumer_mut(to.consumer).pending.insert(id, ());
            }
        }
    }

    /// An entry is no longer pending; false if it was not.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else { return false };
        self.consumer_mut(pending.consumer).pending.remove(id);
        true
    }

    /// Whether what is pending for consumers is what is pending in the group.
    pub fn is_consistent(&self) -> bool {
        let of_consumers: usize = self.consumers.values().map(Consumer::pending_len).sum();
        let known = |(id, consumer): (&ConsumerId, &Consumer)| {
            consumer.pending_from(StreamId::MIN).all(|entry| self.pending(entry).is_some_and(|pending| pending.consumer == *id))
        };
        of_consumers == self.pending_len() && self.consumers.iter().all(known)
    }

    /// Bytes held, roughly.
    pub(super) fn memory_usage(&self) -> usize {
        let consumers = self.consumers.values().map(|consumer| 2 * consumer.name.len() + 128 + consumer.pending.memory_usage());
        size_of::<Group>() + self.pending.memory_usage() + consumers.sum::<usize>()
    }

    /// Allocations held, roughly.
    pub(super) fn cost(&self) -> usize {
        let consumers = self.consumers.values().map(|consumer| 3 + consumer.pending.chunks());
        3 + self.pending.chunks() + consumers.sum::<usize>()
    }
}
