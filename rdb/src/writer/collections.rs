//! Lists, sets, sorted sets and hashes, written element by element or as the compact bytes they are.

use std::io::{self, Write};

use graven_listpack::{END, HEADER_BYTES, frame};

use super::{Version, Writer};
use crate::Attributes;
use crate::format::value_type;
use crate::string::put_length;
use crate::value::container;

/// A collection whose elements follow one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// A list: as many nodes ([`Writer::list_node`], [`Writer::plain_list_node`]) as are announced follow.
    List,
    /// A set: as many members ([`Writer::element`]) follow.
    Set,
    /// A sorted set: as many members, each with its score after it ([`Writer::score`]), follow.
    SortedSet,
    /// A hash: as many fields, each with its value after it, follow.
    Hash,
    /// A hash with deadlines of fields: before each field is its deadline ([`Writer::field_deadline`]).
    HashWithDeadlines {
        /// A moment that is not later than any of the deadlines.
        earliest_ms: u64,
    },
}

/// A small collection that is written as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compact {
    /// An intset.
    Intset,
    /// A listpack of members and scores, in order.
    SortedSet,
    /// A listpack of fields and values.
    Hash,
    /// A listpack of fields, values and deadlines, in the order of deadlines.
    HashWithDeadlines {
        /// A moment that is not later than any of the deadlines.
        earliest_ms: u64,
    },
}

impl<W: Write> Writer<W> {
    /// Begins a collection of `count` elements (nodes, in a list), which must follow.
    ///
    /// # Errors
    ///
    /// What the inner writer reports; [`io::ErrorKind::InvalidInput`] for deadlines of fields in a file of [`Version::Redis7`].
    pub fn begin_collection(&mut self, kind: Collection, key: &[u8], count: u64, attributes: &Attributes) -> io::Result<()> {
        self.earliest_deadline = 0;
        let code = match kind {
            Collection::List => value_type::LIST_QUICKLIST_2,
            Collection::Set => value_type::SET,
            Collection::SortedSet => value_type::SORTED_SET_2,
            Collection::Hash => value_type::HASH,
            Collection::HashWithDeadlines { .. } => value_type::HASH_METADATA,
        };
        if let Collection::HashWithDeadlines { earliest_ms } = kind {
            self.check_deadlines_allowed()?;
            self.begin(code, key, attributes);
            self.buffer.extend_from_slice(&earliest_ms.to_le_bytes());
            self.earliest_deadline = earliest_ms;
        } else {
            self.begin(code, key, attributes);
        }
        put_length(&mut self.buffer, count);
        self.flush_when_full()
    }

    fn check_deadlines_allowed(&self) -> io::Result<()> {
        match self.version {
            Version::Redis7 => Err(io::Error::new(io::ErrorKind::InvalidInput, "deadlines of fields cannot be told in RDB version 10")),
            Version::Redis7_4 => Ok(()),
        }
    }

    /// Writes an element of a collection that was begun: a member, a field or a value.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn element(&mut self, string: &[u8]) -> io::Result<()> {
        self.put(string);
        self.flush_when_full()
    }

    /// Writes the score of the member before it.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn score(&mut self, score: f64) -> io::Result<()> {
        self.buffer.extend_from_slice(&score.to_le_bytes());
        self.flush_when_full()
    }

    /// Writes the deadline of the field that follows.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn field_deadline(&mut self, deadline_ms: Option<u64>) -> io::Result<()> {
        let after_earliest = deadline_ms.map_or(0, |deadline| deadline.saturating_sub(self.earliest_deadline) + 1);
        put_length(&mut self.buffer, after_earliest);
        self.flush_when_full()
    }

    /// Writes a node of a list: the items of a listpack without its header and its end, and their number.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn list_node(&mut self, items: &[u8], count: usize) -> io::Result<()> {
        let mut listpack = std::mem::take(&mut self.scratch);
        listpack.clear();
        listpack.extend_from_slice(&[0; HEADER_BYTES]);
        listpack.extend_from_slice(items);
        listpack.push(END);
        frame(&mut listpack, count);
        put_length(&mut self.buffer, container::PACKED);
        self.put(&listpack);
        self.scratch = listpack;
        self.flush_when_full()
    }

    /// Writes a node of a list that is one item.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn plain_list_node(&mut self, item: &[u8]) -> io::Result<()> {
        put_length(&mut self.buffer, container::PLAIN);
        self.put(item);
        self.flush_when_full()
    }

    /// Writes a small collection.
    ///
    /// # Errors
    ///
    /// As those of [`Writer::begin_collection`].
    pub fn compact(&mut self, kind: Compact, key: &[u8], bytes: &[u8], attributes: &Attributes) -> io::Result<()> {
        match kind {
            Compact::Intset => self.begin(value_type::SET_INTSET, key, attributes),
            Compact::SortedSet => self.begin(value_type::SORTED_SET_LISTPACK, key, attributes),
            Compact::Hash => self.begin(value_type::HASH_LISTPACK, key, attributes),
            Compact::HashWithDeadlines { earliest_ms } => {
                self.check_deadlines_allowed()?;
                self.begin(value_type::HASH_LISTPACK_EX, key, attributes);
                self.buffer.extend_from_slice(&earliest_ms.to_le_bytes());
            }
        }
        self.put(bytes);
        self.flush_when_full()
    }
}
