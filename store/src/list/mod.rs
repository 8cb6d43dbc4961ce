//! Lists.
//!
//! A short list is a listpack beside its key ([`crate::Packed::List`]). A longer one is a [`List`]: a spine of nodes, each a
//! [`chunk`] of items with room at both ends, so that a push at either end writes the item and nothing else.
//!
//! ```text
//! List ─ nodes ┬─ 612 items ─► Arc ─► [ room │ items │ room ]
//!              ├─ 600 items ─► Arc ─► compressed (list-compress-depth)
//!              └─ 407 items ─► Arc ─► [ room │ items │ room ]
//! ```
//!
//! # Invariants
//!
//! * No node is empty, and `items` is the sum of the nodes' counts; so an index is found by walking the spine from the nearer
//!   end, without looking at the items of other nodes.
//! * A list that `OBJECT ENCODING` calls a listpack has one node at most, whatever its size; it becomes a quicklist when a
//!   push would take it over the limit, and a listpack again when it is one node of half of the limit, as in Redis.
//! * Nodes within `list-compress-depth` of an end are never compressed.
//! * Copying a list copies its spine; a write after that copies the one chunk that it changes.
//!
//! # For other types and files
//!
//! [`Entry::list`](crate::Entry::list) shows any list and walks it; [`Entry::new_list`](crate::Entry::new_list) makes
//! one of any sequence of strings, in the encoding that it would have if they had been pushed one by one.

mod chunk;
mod edit;
mod limits;
mod node;
mod place;
mod view;

pub use limits::ListLimits;
pub use view::ListRef;

use crate::value::Encoding;
use chunk::Chunk;
use graven_listpack::{HEADER_BYTES, Item};
use node::Node;
use std::collections::VecDeque;

/// What a listpack has besides its items.
const LISTPACK_OVERHEAD_BYTES: usize = HEADER_BYTES + 1;
/// What Redis assumes that an item takes besides its content, when it asks whether a node has room.
const ITEM_OVERHEAD_BYTES: usize = 8;
/// The first buffer of a node of a list that has others already, as a part of the limit.
const FIRST_BUFFER_PART: usize = 4;

/// An end of a list, and the direction of a walk that begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The head; from there, forwards.
    Left,
    /// The tail; from there, backwards.
    Right,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// A list in an allocation of its own.
#[derive(Clone)]
pub struct List {
    nodes: VecDeque<Node>,
    items: usize,
    limits: ListLimits,
    /// It has grown beyond a listpack.
    is_quicklist: bool,
}

impl List {
    fn new(limits: ListLimits) -> List {
        List { nodes: VecDeque::new(), items: 0, limits, is_quicklist: false }
    }

    /// Number of items.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.items
    }

    /// What `OBJECT ENCODING` says.
    pub(crate) fn encoding(&self) -> Encoding {
        if self.is_quicklist { Encoding::Quicklist } else { Encoding::Listpack }
    }

    /// Bytes held, including what the allocator rounds up.
    pub fn memory_usage(&self) -> usize {
        let spine = self.nodes.capacity() * size_of::<Node>();
        size_of::<List>() + spine + self.nodes.iter().map(Node::memory_usage).sum::<usize>()
    }

    /// Allocations held, roughly.
    pub fn cost(&self) -> usize {
        2 + 2 * self.nodes.len()
    }

    /// Bytes of the listpack that a list of one node is, or would be.
    fn listpack_bytes(&self) -> usize {
        LISTPACK_OVERHEAD_BYTES + self.nodes.front().map_or(0, Node::len)
    }

    /// Makes a quicklist of a listpack that would become too large with so many more bytes and items.
    #[inline]
    fn before_growth(&mut self, limits: ListLimits, bytes: usize, items: usize) {
        if !self.is_quicklist && limits.exceeded(self.listpack_bytes() + bytes, self.items + items) {
            self.limits = limits;
            self.is_quicklist = true;
        }
    }

    /// Makes a listpack of a quicklist that has shrunk to one small node.
    #[inline]
    fn after_shrinking(&mut self, limits: ListLimits) {
        if self.is_quicklist && self.nodes.len() == 1 && limits.undershot(self.listpack_bytes(), self.items) {
            self.is_quicklist = false;
            self.nodes[0].expand();
        }
    }

    /// Whether a node may take one more item, whose string is so long.
    #[inline]
    fn has_room(&self, node: &Node, len: usize) -> bool {
        let is_quicklist = self.is_quicklist && node.items > 0;
        !is_quicklist || !self.limits.exceeded(LISTPACK_OVERHEAD_BYTES + node.len() + len + ITEM_OVERHEAD_BYTES, node.items as usize + 1)
    }

    /// Adds an item at one end.
    #[inline]
    fn push(&mut self, side: Side, item: Item<'_>) {
        let end = match side {
            Side::Left => self.nodes.front(),
            Side::Right => self.nodes.back(),
        };
        if !end.is_some_and(|node| self.has_room(node, item.len())) {
            self.push_node(side, item.stored_len());
        }
        let most = self.limits.node_bytes();
        let node = self.end_mut(side).expect("there is one now");
        node.chunk_mut().push(side, item, most);
        node.items += 1;
        self.items += 1;
    }

    #[inline]
    fn end_mut(&mut self, side: Side) -> Option<&mut Node> {
        match side {
            Side::Left => self.nodes.front_mut(),
            Side::Right => self.nodes.back_mut(),
        }
    }

    /// Adds an empty node for an item, which must follow at once.
    #[cold]
    fn push_node(&mut self, side: Side, bytes: usize) {
        if let Some(node) = self.end_mut(side) {
            node.seal();
        }
        let first = if self.is_quicklist { self.limits.node_bytes() / FIRST_BUFFER_PART } else { 0 };
        let node = Node::new(Chunk::with_room(side, first.max(bytes)), 0);
        match side {
            Side::Left => self.nodes.push_front(node),
            Side::Right => self.nodes.push_back(node),
        }
        self.settle_compression(1);
    }

    /// Removes up to `count` items from one end, showing each.
    fn pop(&mut self, side: Side, count: usize, mut each: impl FnMut(Item<'_>)) {
        let mut left = count;
        let nodes = self.nodes.len();
        while left > 0
            && let Some(node) = self.end_mut(side)
        {
            let taken = left.min(node.items as usize);
            node.items -= taken as u32;
            let is_empty = node.items == 0;
            let chunk = node.chunk_mut();
            for _ in 0..taken {
                let (item, bytes) = chunk.end_item(side);
                each(item);
                chunk.cut(side, bytes);
            }
            left -= taken;
            self.items -= taken;
            if is_empty {
                self.pop_node(side);
            }
        }
        if self.nodes.len() < nodes {
            self.settle_compression(nodes - self.nodes.len());
        }
    }

    fn pop_node(&mut self, side: Side) {
        match side {
            Side::Left => self.nodes.pop_front(),
            Side::Right => self.nodes.pop_back(),
        };
    }

    /// The node that holds item `index`, and its place among that node's items.
    fn locate(&self, index: usize) -> (usize, usize) {
        debug_assert!(index < self.items);
        if index <= self.items / 2 {
            let mut start = 0;
            for (i, node) in self.nodes.iter().enumerate() {
                let end = start + node.items as usize;
                if index < end {
                    return (i, index - start);
                }
                start = end;
            }
        } else {
            let mut start = self.items;
            for (i, node) in self.nodes.iter().enumerate().rev() {
                start -= node.items as usize;
                if index >= start {
                    return (i, index - start);
                }
            }
        }
        unreachable!("the nodes hold as many items as the list has")
    }

    /// Whether a node is far enough from both ends to be compressed.
    fn is_inner(&self, node: usize) -> bool {
        let depth = self.limits.compress_depth();
        depth > 0 && node >= depth && node + depth < self.nodes.len()
    }

    /// Compresses a node that was changed, if it is an inner one.
    fn recompress(&mut self, node: usize) {
        if self.is_inner(node) {
            self.nodes[node].compress();
        }
    }

    /// Restores what must be compressed and what must not after so many nodes were added or removed, anywhere.
    #[inline]
    fn settle_compression(&mut self, nodes: usize) {
        if self.limits.compress_depth() > 0 && self.is_quicklist {
            self.settle_compression_at_depth(nodes);
        }
    }

    fn settle_compression_at_depth(&mut self, changed: usize) {
        let (depth, nodes) = (self.limits.compress_depth(), self.nodes.len());
        for i in depth.saturating_sub(changed)..(depth.saturating_add(changed)).min(nodes) {
            for node in [i, nodes - 1 - i] {
                if self.is_inner(node) { self.nodes[node].compress() } else { self.nodes[node].expand() }
            }
        }
    }
}
