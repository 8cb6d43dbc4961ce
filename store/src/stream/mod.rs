//! The stream: entries of fields and values, in the order of their identifiers, which only grow.
//!
//! Entries live in nodes (`node.rs`), listpacks in the layout that files have too; a node holds up to
//! `stream-node-max-entries` entries or `stream-node-max-bytes` bytes. The nodes stand in a queue, ordered by their
//! identifiers: a search is a binary search and a walk through one node, an addition touches the last node, trimming takes
//! nodes off the front. What is deleted elsewhere is marked, and a node goes when its last living entry does.
//!
//! A clone copies the queue and shares the nodes; the first to write to a shared node copies that node. The same holds for
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
pub use load::{NodeFacts, StreamDamage, StreamParts, check_node};
pub use range::{Fields, StreamEntry, StreamRange};
pub use trim::{Trim, TrimTo};

use crate::entry::size_class;
use crate::thresholds::Thresholds;
use node::Node;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A stream.
#[derive(Clone, Default)]
pub struct Stream {
    nodes: VecDeque<Node>,
    length: u64,
    last_id: StreamId,
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    /// Groups by name; most streams have none.
    #[allow(clippy::box_collection)]
    groups: Option<Box<BTreeMap<Box<[u8]>, Group>>>,
}

impl Stream {
    /// Fields and values of one entry are not longer together, nor is a node.
    pub const ENTRY_MAX_BYTES: usize = 1 << 30;

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
        self.nodes.len()
    }

    /// `XSETID`: what is given out next, and what was before.
    pub fn set_id(&mut self, last_id: StreamId, entries_added: Option<u64>, max_deleted_id: Option<StreamId>) {
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }

    /// Adds an entry of fields and values in turn, all together at most [`Stream::ENTRY_MAX_BYTES`] long. The identifier is
    /// greater than [`Stream::last_id`].
    pub fn append<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone, limits: &Thresholds) {
        debug_assert!(id > self.last_id && pairs.len() >= 2 && pairs.len().is_multiple_of(2));
        let bytes: usize = pairs.clone().map(<[u8]>::len).sum();
        match self.nodes.back_mut() {
            Some(node) if has_room(node, bytes, limits) => node.append(id, pairs),
            full => {
                if let Some(pack) = full.and_then(|node| Arc::get_mut(&mut node.pack)) {
                    // A copy of just this size: shrinking in place would keep the block, which is up to twice as large.
                    *pack = pack.as_slice().into();
                }
                if self.nodes.len() == self.nodes.capacity() {
                    self.nodes.reserve_exact(1 + self.nodes.len() / 8);
                }
                let mut node = Node::new(id, pairs.clone());
                node.append(id, pairs);
                self.nodes.push_back(node);
            }
        }
        self.length += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
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
        let node = &self.nodes[self.node_of(id)?];
        let entry = node.find(id)?;
        Some(StreamEntry::new(node, &node.master(), &entry))
    }

    /// The last living entry.
    pub fn last_entry(&self) -> Option<StreamEntry<'_>> {
        self.range_reversed(StreamId::MIN, StreamId::MAX).next()
    }

    /// The node that an entry with this identifier would be in.
    fn node_of(&self, id: StreamId) -> Option<usize> {
        self.nodes.partition_point(|node| node.id <= id).checked_sub(1)
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

    /// Bytes held, including what the allocator rounds up; nodes are taken to be like the first and the last.
    pub fn memory_usage(&self) -> usize {
        let ends = [self.nodes.front(), self.nodes.back()];
        let node =
            ends.iter().flatten().map(|node| size_class(node.pack.capacity()) + size_class(size_of::<Vec<u8>>() + 16)).sum::<usize>();
        let nodes = node * self.nodes.len() / 2 + size_class(self.nodes.capacity() * size_of::<Node>());
        let groups: usize = self.groups().map(|(name, group)| 2 * name.len() + group.memory_usage()).sum();
        size_class(size_of::<Stream>()) + nodes + groups
    }

    /// Allocations held, roughly.
    pub fn cost(&self) -> usize {
        2 + 2 * self.nodes.len() + self.groups().map(|(_, group)| group.cost()).sum::<usize>()
    }
}

/// Whether an entry whose fields and values are so many bytes goes into a node that exists.
fn has_room(node: &Node, bytes: usize, limits: &Thresholds) -> bool {
    let most = match limits.stream_node_max_bytes {
        0 => Stream::ENTRY_MAX_BYTES,
        most => most.min(Stream::ENTRY_MAX_BYTES),
    };
    if node.pack.len() + bytes >= most {
        return false;
    }
    let entries = || {
        let master = node.master();
        (master.live + master.deleted) as usize
    };
    limits.stream_node_max_entries == 0 || entries() < limits.stream_node_max_entries
}
