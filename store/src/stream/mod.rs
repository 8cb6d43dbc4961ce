//! The stream: entries of fields and values, in the order of their identifiers, which only grow.
//!
//! Entries live in nodes (`node.rs`), listpacks in the layout that files have too; a node holds up to
//! `stream-node-max-entries` entries or `stream-node-max-bytes` bytes. Some eighty nodes share a buffer (`chunk.rs`), and these
//! chunks stand in a queue, ordered by their identifiers: a search is two binary searches and a walk through one node, an
//! addition touches the last node, trimming takes nodes off the front. What is deleted elsewhere is marked, and a node goes
//! when its last living entry does.
//!
//! A clone copies the queue and shares the chunks; the first to write to a shared chunk copies that one. The same holds for
//! what is pending in groups (`ordered.rs`). So a clone is a snapshot that can be read while the stream is written to.
//!
//! # For readers and writers of files
//!
//! [`Stream::from_parts`] makes a stream of nodes (checked by [`check_node`]) and the numbers beside them,
//! [`Stream::create_group`], [`Group::create_consumer`] and [`Group::deliver`] add the groups. In the other direction:
//! [`Stream::nodes`], [`Stream::groups`], [`Group::pending_from`], [`Group::consumers`], [`Consumer::pending_from`].
//!
//! Invariants:
//! * Entries ascend within a node and from node to node; `last_id` is not smaller than any.
//! * `length` is the sum of the living entries of the nodes; `first_id` is the first of them, or `0-0`.

mod chunk;
mod group;
mod id;
mod load;
mod node;
mod ordered;
mod place;
mod progress;
mod range;
mod trim;

pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::StreamId;
pub use load::{NodeFacts, StreamDamage, StreamNodes, StreamParts, check_node};
pub use range::{Fields, StreamEntry, StreamRange};
pub use trim::{Trim, TrimTo};

use crate::entry::size_class;
use crate::thresholds::Thresholds;
use chunk::{CHUNK_BYTES, Chunk};
use node::Node;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A stream.
#[derive(Clone, Default)]
pub struct Stream {
    chunks: VecDeque<Arc<Chunk>>,
    length: u64,
    last_id: StreamId,
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    /// Groups by name; most streams have none.
    #[allow(clippy::box_collection)]
    groups: Option<Box<BTreeMap<Box<[u8]>, Group>>>,
}

/// Where a node is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct NodePlace {
    chunk: usize,
    /// Its number in the chunk.
    node: usize,
}

impl Stream {
    /// Fields and values of one entry are not longer together, nor is a node.
    pub const ENTRY_MAX_BYTES: usize = 1 << 30;

    /// Where counts of entries added, entries read and deliveries end, and times too: the commands that bring them back from a
    /// log take signed numbers.
    pub const COUNT_MAX: u64 = i64::MAX as u64;

    /// Living entries.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The last identifier given out.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The first living entry; `0-0` if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The greatest identifier deleted by `XDEL`; `0-0` for none.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// Entries ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// Number of nodes.
    pub fn nodes_len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// `XSETID`: what is given out next, and what was before. The last identifier is not smaller than any living entry's.
    pub fn set_id(&mut self, last_id: StreamId, entries_added: Option<u64>, max_deleted_id: Option<StreamId>) {
        self.forget_deleted_after(last_id);
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }

    /// Adds an entry of fields and values in turn, all together at most [`Stream::ENTRY_MAX_BYTES`] long. The identifier is
    /// greater than [`Stream::last_id`].
    pub fn append<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone, limits: &Thresholds) {
        debug_assert!(id > self.last_id && pairs.len() >= 2 && pairs.len().is_multiple_of(2));
        let bytes: usize = pairs.clone().map(<[u8]>::len).sum();
        if !self.chunks.back().is_some_and(|chunk| has_room(chunk.last(), bytes, limits)) {
            self.begin_node(id, pairs.clone());
        }
        if self.tail_mut().append(id, pairs.clone()).is_err() {
            let (node, pack) = self.tail_mut().pop();
            let appended = {
                let tail = self.begin_chunk();
                tail.push(node, &pack).and_then(|()| tail.append(id, pairs))
            };
            assert!(appended.is_ok(), "a node of its own chunk may be as long as it likes");
        }
        self.length += 1;
        self.entries_added = (self.entries_added + 1).min(Stream::COUNT_MAX);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
    }

    /// The chunk to which entries are added.
    fn tail_mut(&mut self) -> &mut Chunk {
        Arc::make_mut(self.chunks.back_mut().expect("a node was begun"))
    }

    fn begin_node<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) {
        if !self.chunks.is_empty() && self.tail_mut().begin(id, pairs.clone()).is_ok() {
            return;
        }
        let begun = self.begin_chunk().begin(id, pairs);
        assert!(begun.is_ok(), "a new chunk takes any node");
    }

    /// Adds a chunk, which gets its first node at once.
    fn begin_chunk(&mut self) -> &mut Chunk {
        if let Some(chunk) = self.chunks.back_mut().and_then(Arc::get_mut) {
            chunk.seal();
        }
        // Room in proportion to what is there already.
        let room = (self.chunks.len() * CHUNK_BYTES / 8).min(CHUNK_BYTES);
        if self.chunks.len() == self.chunks.capacity() {
            self.chunks.reserve_exact(1 + self.chunks.len() / 8);
        }
        self.chunks.push_back(Arc::new(Chunk::with_room(room)));
        self.tail_mut()
    }

    /// The living entries between two identifiers, both included, in order.
    pub fn range(&self, start: StreamId, end: StreamId) -> StreamRange<'_> {
        StreamRange::new(self, start, end, false)
    }

    /// The living entries between two identifiers, both included, the last first.
    pub fn range_reversed(&self, start: StreamId, end: StreamId) -> StreamRange<'_> {
        StreamRange::new(self, start, end, true)
    }

    /// The entry with this identifier, if it lives.
    pub fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        let node = self.node(self.node_of(id)?);
        let entry = node.find(id)?;
        Some(StreamEntry::new(node, &node.master(), &entry))
    }

    /// The last living entry.
    pub fn last_entry(&self) -> Option<StreamEntry<'_>> {
        self.range_reversed(StreamId::MIN, StreamId::MAX).next()
    }

    /// The node that an entry with this identifier would be in.
    fn node_of(&self, id: StreamId) -> Option<NodePlace> {
        let chunk = self.chunks.partition_point(|chunk| chunk.first_id() <= id).checked_sub(1)?;
        Some(NodePlace { chunk, node: self.chunks[chunk].nodes_up_to(id) - 1 })
    }

    fn node(&self, place: NodePlace) -> Node<'_> {
        self.chunks[place.chunk].node(place.node)
    }

    /// The place of the first node.
    fn first_node(&self) -> Option<NodePlace> {
        (!self.chunks.is_empty()).then_some(NodePlace { chunk: 0, node: 0 })
    }

    /// The place of the node after this one.
    fn node_after(&self, NodePlace { chunk, node }: NodePlace) -> Option<NodePlace> {
        if node + 1 < self.chunks[chunk].len() {
            return Some(NodePlace { chunk, node: node + 1 });
        }
        (chunk + 1 < self.chunks.len()).then_some(NodePlace { chunk: chunk + 1, node: 0 })
    }

    /// The place of the node before this one.
    fn node_before(&self, NodePlace { chunk, node }: NodePlace) -> Option<NodePlace> {
        if node > 0 {
            return Some(NodePlace { chunk, node: node - 1 });
        }
        let chunk = chunk.checked_sub(1)?;
        Some(NodePlace { chunk, node: self.chunks[chunk].len() - 1 })
    }

    /// The groups with their names, in the names' order.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.groups.iter().flat_map(|groups| groups.iter()).map(|(name, group)| (&**name, group))
    }

    /// Number of groups.
    pub fn groups_len(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.len())
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.as_ref()?.get(name)
    }

    /// A group, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.as_mut()?.get_mut(name)
    }

    /// Makes a group; `None` if there is one of this name.
    pub fn create_group(&mut self, name: &[u8], group: Group) -> Option<&mut Group> {
        match self.groups.get_or_insert_default().entry(name.into()) {
            std::collections::btree_map::Entry::Vacant(place) => Some(place.insert(group)),
            std::collections::btree_map::Entry::Occupied(_) => None,
        }
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        let groups = self.groups.as_mut()?;
        let group = groups.remove(name);
        if groups.is_empty() {
            self.groups = None;
        }
        group
    }

    /// Bytes held, including what the allocator rounds up.
    pub fn memory_usage(&self) -> usize {
        let spine = size_class(self.chunks.capacity() * size_of::<Arc<Chunk>>());
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.memory_usage()).sum();
        let groups: usize = self.groups().map(|(name, group)| 2 * name.len() + group.memory_usage()).sum();
        size_class(size_of::<Stream>()) + spine + chunks + groups
    }

    /// Allocations held, roughly.
    pub fn cost(&self) -> usize {
        2 + 3 * self.chunks.len() + self.groups().map(|(_, group)| group.cost()).sum::<usize>()
    }
}

/// Whether an entry whose fields and values are so many bytes goes into a node that exists.
fn has_room(node: Node<'_>, bytes: usize, limits: &Thresholds) -> bool {
    let most = match limits.stream_node_max_bytes {
        0 => Stream::ENTRY_MAX_BYTES,
        most => most.min(Stream::ENTRY_MAX_BYTES),
    };
    if node.pack.bytes().len() + bytes >= most {
        return false;
    }
    let entries = || {
        let master = node.master();
        (master.live + master.deleted) as usize
    };
    limits.stream_node_max_entries == 0 || entries() < limits.stream_node_max_entries
}
