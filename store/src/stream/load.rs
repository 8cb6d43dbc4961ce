//! Streams from files: everything that comes from outside is checked before it is relied on.
//!
//! Living entries are in order in any file, marks of deleted ones are not. In Redis `XSETID` may take a stream back behind entries
//! that were deleted, and what is added then stands behind their marks:
//!
//! ```text
//! XADD 1-1, 2-1, 3-1   XDEL 3-1   XSETID 3-1 MAXDELETEDID 1-1   XSETID 2-1   XADD 2-2
//! 1-1   2-1   3-1 (deleted)   2-2
//! ```
//!
//! A node with such marks is taken without any.

use super::chunk::{CHUNK_BYTES, Chunk};
use super::node::Node;
use super::{NodePlace, Stream, StreamId};
use graven_listpack::{Damage, Item, Listpack, Place};
use std::collections::VecDeque;
use std::sync::Arc;

/// Why bytes are no node of a stream, or nodes no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDamage {
    /// A node is no listpack.
    Listpack(Damage),
    /// A node's master entry is not laid out as one.
    Master,
    /// An entry is not laid out as one.
    Entry {
        /// Where it begins in the node.
        at: Place,
    },
    /// An identifier is not greater than the one before it.
    Order,
    /// There are not as many entries as is said.
    Count,
    /// The last identifier is smaller than an entry's.
    LastId,
}

impl std::fmt::Display for StreamDamage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StreamDamage::Listpack(damage) => write!(f, "a node of a stream is damaged: {damage}"),
            StreamDamage::Master => write!(f, "a node of a stream has no valid master entry"),
            StreamDamage::Entry { at } => write!(f, "a node of a stream has no valid entry at byte {at}"),
            StreamDamage::Order => write!(f, "the entries of a stream are not in order"),
            StreamDamage::Count => write!(f, "a stream does not have as many entries as it says"),
            StreamDamage::LastId => write!(f, "a stream's last identifier is smaller than that of its last entry"),
        }
    }
}

impl std::error::Error for StreamDamage {}

/// A stream without its groups, as a file describes it.
#[derive(Clone, Debug, Default)]
pub struct StreamParts {
    /// Each node's identifier and listpack, in order.
    pub nodes: Vec<(StreamId, Vec<u8>)>,
    /// Living entries.
    pub length: u64,
    /// The last identifier given out.
    pub last_id: StreamId,
    /// The first living entry; older files do not say it, and then it is looked up.
    pub first_id: Option<StreamId>,
    /// The greatest identifier deleted.
    pub max_deleted_id: StreamId,
    /// Entries ever added; older files do not say it, and then it is the length.
    pub entries_added: Option<u64>,
}

/// What a valid node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Living entries.
    pub live: u64,
    /// The last living entry's identifier, or the node's if none lives.
    pub last_living_id: StreamId,
    /// The greatest identifier of an entry, living or deleted.
    pub last_id: StreamId,
    /// Deleted entries are in order too.
    pub in_order: bool,
}

/// Reads items of a valid listpack, none of which need be what a node has there.
struct Reader<'a> {
    pack: Listpack<'a>,
    at: Place,
}

impl Reader<'_> {
    fn int(&mut self) -> Option<i64> {
        match self.pack.get(self.at)? {
            Item::Int(number) => {
                self.at = self.pack.after(self.at);
                Some(number)
            }
            Item::Bytes(_) => None,
        }
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.int()?).ok()
    }

    fn skip(&mut self, items: usize) -> Option<()> {
        for _ in 0..items {
            self.pack.get(self.at)?;
            self.at = self.pack.after(self.at);
        }
        Some(())
    }

    /// Flags and differences of an entry, which is skipped.
    fn entry(&mut self, fields: usize) -> Option<(i64, i64, i64)> {
        let flags = self.int().filter(|flags| (0..4).contains(flags))?;
        let (ms, seq) = (self.int()?, self.int()?);
        let items = if flags & super::node::SAME_FIELDS != 0 {
            self.skip(fields)?;
            (fields > 0).then_some(())?;
            fields.checked_add(3)?
        } else {
            let fields = self.count().filter(|fields| *fields > 0)?;
            let items = fields.checked_mul(2)?;
            self.skip(items)?;
            items.checked_add(4)?
        };
        (self.count()? == items).then_some((flags, ms, seq))
    }
}

/// Checks everything that reading a node relies on, for bytes that come from outside.
///
/// # Errors
///
/// The first damage found.
pub fn check_node(id: StreamId, bytes: &[u8]) -> Result<NodeFacts, StreamDamage> {
    let pack = Listpack::validate(bytes).map_err(StreamDamage::Listpack)?;
    let mut reader = Reader { pack, at: pack.first() };
    let master = |reader: &mut Reader<'_>| {
        let counts = (reader.count()?, reader.count()?, reader.count()?);
        reader.skip(counts.2)?;
        (reader.int()? == 0).then_some(counts)
    };
    let (live, deleted, fields) = master(&mut reader).ok_or(StreamDamage::Master)?;
    let (mut found_live, mut found_deleted, mut in_order) = (0, 0, true);
    let (mut last_living, mut last) = (None, None);
    while reader.at < pack.end() {
        let at = reader.at;
        let (flags, ms, seq) = reader.entry(fields).ok_or(StreamDamage::Entry { at })?;
        let entry = id.plus(ms, seq);
        let is_after = |last: Option<StreamId>| last.map_or(entry >= id, |last| entry > last);
        in_order &= is_after(last);
        if flags & super::node::DELETED != 0 {
            found_deleted += 1;
        } else if is_after(last_living) {
            found_live += 1;
            last_living = Some(entry);
        } else {
            return Err(StreamDamage::Order);
        }
        // No command adds 0-0, nor an entry without a field: what has them could not be logged.
        if entry == StreamId::MIN {
            return Err(StreamDamage::Order);
        }
        last = last.max(Some(entry));
    }
    let Some(last_id) = last.filter(|_| (found_live, found_deleted) == (live, deleted)) else { return Err(StreamDamage::Count) };
    Ok(NodeFacts { live: live as u64, last_living_id: last_living.unwrap_or(id), last_id, in_order })
}

impl Stream {
    /// A stream of nodes that are checked. Groups are added with [`Stream::create_group`].
    ///
    /// # Errors
    ///
    /// The first damage found.
    pub fn from_parts(parts: StreamParts) -> Result<Stream, StreamDamage> {
        let (mut length, mut last) = (0u64, None);
        let mut left: usize = parts.nodes.iter().map(|(_, bytes)| bytes.len()).sum();
        let (mut chunks, mut open) = (VecDeque::new(), Chunk::with_room(left.min(CHUNK_BYTES)));
        let mut nodes = parts.nodes.into_iter().peekable();
        while let Some((id, mut bytes)) = nodes.next() {
            if last.is_some_and(|last| id <= last) {
                return Err(StreamDamage::Order);
            }
            let facts = check_node(id, &bytes)?;
            length += facts.live;
            left -= bytes.len();
            let is_beyond = facts.last_id > parts.last_id || nodes.peek().is_some_and(|(next, _)| *next <= facts.last_id);
            if facts.in_order && !is_beyond {
                last = Some(facts.last_id);
            } else {
                let node = Node { id, pack: Listpack::new(&bytes) };
                let Some(living) = node.without_deleted() else { continue };
                bytes = living;
                last = Some(facts.last_living_id);
            }
            if open.push(id, &bytes).is_err() {
                open.seal();
                chunks.push_back(Arc::new(open));
                open = Chunk::with_room((left + bytes.len()).min(CHUNK_BYTES));
                let pushed = open.push(id, &bytes);
                assert!(pushed.is_ok(), "a new chunk takes any node");
            }
        }
        if open.len() > 0 {
            open.seal();
            chunks.push_back(Arc::new(open));
        }
        if length != parts.length {
            return Err(StreamDamage::Count);
        }
        if last.is_some_and(|last| last > parts.last_id) {
            return Err(StreamDamage::LastId);
        }
        let mut stream = Stream {
            chunks,
            length,
            last_id: parts.last_id,
            first_id: StreamId::MIN,
            // `XSETID` takes nothing that contradicts what is there, and it must be able to say all this in a log.
            max_deleted_id: parts.max_deleted_id.min(parts.last_id),
            entries_added: parts.entries_added.unwrap_or(length).clamp(length, Stream::COUNT_MAX),
            groups: None,
        };
        stream.first_id = match parts.first_id {
            Some(id) => id,
            None => stream.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id),
        };
        Ok(stream)
    }

    /// The nodes' identifiers and listpacks, in order.
    pub fn nodes(&self) -> StreamNodes<'_> {
        StreamNodes { stream: self, next: self.first_node(), left: self.nodes_len() }
    }
}

/// The nodes' identifiers and listpacks, in order.
pub struct StreamNodes<'a> {
    stream: &'a Stream,
    next: Option<NodePlace>,
    left: usize,
}

impl<'a> Iterator for StreamNodes<'a> {
    type Item = (StreamId, &'a [u8]);

    fn next(&mut self) -> Option<(StreamId, &'a [u8])> {
        let place = self.next?;
        self.next = self.stream.node_after(place);
        self.left -= 1;
        let node = self.stream.node(place);
        Some((node.id, node.pack.bytes()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for StreamNodes<'_> {}
