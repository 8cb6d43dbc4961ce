//! Streams: the nodes as they are, then the numbers, then the groups.

use std::io::{self, Write};

use super::Writer;
use crate::format::value_type;
use crate::string::put_length;
use crate::value::ENTRIES_READ_UNKNOWN;
use crate::{Attributes, Id};

/// The numbers of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHead {
    /// Living entries.
    pub length: u64,
    /// The last identifier given out.
    pub last_id: Id,
    /// The first living entry.
    pub first_id: Id,
    /// The greatest identifier deleted.
    pub max_deleted_id: Id,
    /// Entries ever added.
    pub entries_added: u64,
    /// How many groups follow.
    pub groups: u64,
}

/// What a group begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupHead<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The last entry delivered to anybody.
    pub last_id: Id,
    /// How many entries were read up to there, if that is known.
    pub entries_read: Option<u64>,
    /// How many pending entries follow.
    pub pending: u64,
}

/// In the order of the methods: nodes and numbers, then for each group its head, its pending entries, the number of its
/// consumers, and for each consumer its head and the identifiers that are pending for it.
impl<W: Write> Writer<W> {
    /// Begins a stream; its groups must follow.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn stream<'n>(
        &mut self,
        key: &[u8],
        head: &StreamHead,
        nodes: impl ExactSizeIterator<Item = (Id, &'n [u8])>,
        attributes: &Attributes,
    ) -> io::Result<()> {
        self.begin(value_type::STREAM_2, key, attributes);
        put_length(&mut self.buffer, nodes.len() as u64);
        for (id, listpack) in nodes {
            self.put(&id);
            self.put(listpack);
            self.flush_when_full()?;
        }
        put_length(&mut self.buffer, head.length);
        self.put_id(head.last_id);
        self.put_id(head.first_id);
        self.put_id(head.max_deleted_id);
        put_length(&mut self.buffer, head.entries_added);
        put_length(&mut self.buffer, head.groups);
        self.flush_when_full()
    }

    /// Begins a group of the stream.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn group(&mut self, head: &GroupHead<'_>) -> io::Result<()> {
        self.put(head.name);
        self.put_id(head.last_id);
        put_length(&mut self.buffer, head.entries_read.unwrap_or(ENTRIES_READ_UNKNOWN));
        put_length(&mut self.buffer, head.pending);
        self.flush_when_full()
    }

    /// Writes a pending entry of the group. They must ascend.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn group_pending(&mut self, id: Id, delivered_ms: u64, deliveries: u64) -> io::Result<()> {
        self.buffer.extend_from_slice(&id);
        self.buffer.extend_from_slice(&delivered_ms.to_le_bytes());
        put_length(&mut self.buffer, deliveries);
        self.flush_when_full()
    }

    /// Tells how many consumers the group has, which must follow.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn consumers(&mut self, count: u64) -> io::Result<()> {
        put_length(&mut self.buffer, count);
        self.flush_when_full()
    }

    /// Begins a consumer for which so many entries are pending.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn consumer(&mut self, name: &[u8], seen_ms: u64, pending: u64) -> io::Result<()> {
        self.put(name);
        self.buffer.extend_from_slice(&seen_ms.to_le_bytes());
        put_length(&mut self.buffer, pending);
        self.flush_when_full()
    }

    /// Writes an entry that is pending for the consumer, and is among those of the group.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn consumer_pending(&mut self, id: Id) -> io::Result<()> {
        self.buffer.extend_from_slice(&id);
        self.flush_when_full()
    }

    /// An identifier as two numbers.
    fn put_id(&mut self, id: Id) {
        let id = u128::from_be_bytes(id);
        put_length(&mut self.buffer, (id >> 64) as u64);
        put_length(&mut self.buffer, id as u64);
    }
}
