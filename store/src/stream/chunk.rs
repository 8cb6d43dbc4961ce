//! Some nodes of a stream, one after the other in one buffer.
//!
//! ```text
//! nodes   1700-0 at 0   1700-100 at 1536   1702-4 at 3080
//! bytes   [ listpack ][ listpack ][ listpack, open  ] room
//! ```
//!
//! A node takes some 1500 bytes. In an allocation of its own it would lose 7 % to the allocator's size classes and 5 % to a
//! reference count and a pointer; here some eighty share them, and lose half a node together. The last node of the last chunk
//! is where entries are added: it grows in its place, and if it grows beyond the chunk it becomes the first of the next one.
//!
//! Chunks are shared with clones of the stream; a write to a shared one copies it first, which is why they are not larger.
//!
//! Invariants: there is at least one node; what stands before the first, and was trimmed, is at most a quarter of the bytes;
//! each next node begins where the one before it ends, and the last ends with the bytes; only a single node grows a chunk beyond
//! [`CHUNK_BYTES`].

use super::StreamId;
use super::node::{DELETED, Located, Master, Node, master_items};
use crate::entry::size_class;
use graven_listpack::{HEADER_BYTES, Item, Listpack, extend_last, new, overwrite, replace};
use std::ops::Range;

/// Bytes of a full chunk.
pub(super) const CHUNK_BYTES: usize = 128 << 10;

/// The most that an item takes besides its bytes: its length before and after it.
const ITEM_OVERHEAD_BYTES: usize = 10;
/// Items of an entry besides fields and values, and one for the count in the master entry.
const MORE_ITEMS: usize = 6;

/// Nodes of a stream.
#[derive(Clone)]
pub(super) struct Chunk {
    nodes: Vec<Mark>,
    bytes: Vec<u8>,
}

/// Where a node begins.
#[derive(Clone, Copy)]
struct Mark {
    id: StreamId,
    at: u32,
}

/// The chunk is full: what was to be written goes into the next one.
pub(super) struct Full;

impl Chunk {
    /// A chunk to be filled at once, with room for so many bytes.
    pub(super) fn with_room(bytes: usize) -> Chunk {
        Chunk { nodes: Vec::new(), bytes: Vec::with_capacity(bytes) }
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What the first node's differences are to.
    pub(super) fn first_id(&self) -> StreamId {
        self.nodes[0].id
    }

    /// Nodes that do not begin after `id`.
    pub(super) fn nodes_up_to(&self, id: StreamId) -> usize {
        self.nodes.partition_point(|node| node.id <= id)
    }

    /// Where the bytes of a node are.
    fn span(&self, node: usize) -> Range<usize> {
        let start = self.nodes[node].at as usize;
        let end = self.nodes.get(node + 1).map_or(self.bytes.len(), |next| next.at as usize);
        start..end
    }

    /// A node.
    #[inline]
    pub(super) fn node(&self, node: usize) -> Node<'_> {
        Node { id: self.nodes[node].id, pack: Listpack::new(&self.bytes[self.span(node)]) }
    }

    /// The last node.
    #[inline]
    pub(super) fn last(&self) -> Node<'_> {
        self.node(self.nodes.len() - 1)
    }

    /// The nodes in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.nodes.len()).map(|node| self.node(node))
    }

    /// Makes room for more bytes of the last node, which `others` stand before.
    #[inline]
    fn make_room(&mut self, more: usize, others: usize) -> Result<(), Full> {
        let needed = self.bytes.len() + more;
        if needed <= self.bytes.capacity().min(CHUNK_BYTES) {
            return Ok(());
        }
        if needed > CHUNK_BYTES && others > 0 {
            return Err(Full);
        }
        if needed > self.bytes.capacity() {
            let roomy = size_class(needed + needed / 8);
            let size = if needed <= CHUNK_BYTES { roomy.min(CHUNK_BYTES) } else { roomy };
            self.bytes.reserve_exact(size - self.bytes.len());
        }
        Ok(())
    }

    fn push_mark(&mut self, id: StreamId) {
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact(1 + self.nodes.len() / 4);
        }
        let at = u32::try_from(self.bytes.len()).expect("only a single node is longer than a chunk");
        self.nodes.push(Mark { id, at });
    }

    /// Adds a node without entries, whose fields are those of the entry to come.
    pub(super) fn begin<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) -> Result<(), Full> {
        let items = master_items(pairs);
        let empty = new();
        let len = empty.len() + items.clone().map(Item::stored_len).sum::<usize>();
        self.make_room(len, self.nodes.len())?;
        self.push_mark(id);
        let start = self.bytes.len();
        self.bytes.extend(empty);
        extend_last(&mut self.bytes, start, items);
        Ok(())
    }

    /// Adds a node as it is, unless the chunk is full.
    pub(super) fn push(&mut self, id: StreamId, node: &[u8]) -> Result<(), Full> {
        self.make_room(node.len(), self.nodes.len())?;
        self.push_mark(id);
        self.bytes.extend(node);
        Ok(())
    }

    /// Takes the last node out, which is not the only one.
    pub(super) fn pop(&mut self) -> (StreamId, Vec<u8>) {
        let Mark { id, at } = self.nodes.pop().expect("a chunk has a node");
        debug_assert!(!self.nodes.is_empty());
        (id, self.bytes.split_off(at as usize))
    }

    /// Adds an entry of fields and values in turn to the last node. Its identifier is greater than all before it.
    pub(super) fn append<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) -> Result<(), Full> {
        let bound = pairs.clone().map(<[u8]>::len).sum::<usize>() + ITEM_OVERHEAD_BYTES * (pairs.len() + MORE_ITEMS);
        let node = self.last();
        let master = node.master();
        if node.has_fields_of(&master, pairs.clone()) {
            let items = node.like_master_items(id, pairs);
            self.append_items(master, items, bound)
        } else {
            let items = node.entry_items(id, pairs);
            self.append_items(master, items, bound)
        }
    }

    /// Adds the items of an entry, which take at most `bound` bytes.
    fn append_items<'f>(&mut self, master: Master, items: impl Iterator<Item = Item<'f>> + Clone, bound: usize) -> Result<(), Full> {
        let last = self.nodes.len() - 1;
        if self.bytes.len() + bound > self.bytes.capacity().min(CHUNK_BYTES) {
            // One more for the count in the master entry, which may need it.
            self.make_room(1 + items.clone().map(Item::stored_len).sum::<usize>(), last)?;
        }
        let start = self.nodes[last].at as usize;
        extend_last(&mut self.bytes, start, items);
        if !overwrite(&mut self.bytes[start..], HEADER_BYTES, Item::Int(master.live + 1)) {
            self.set_counts(last, master.live + 1, master.deleted);
        }
        Ok(())
    }

    /// Writes how many entries of a node live and how many are marked as deleted.
    fn set_counts(&mut self, node: usize, live: i64, deleted: i64) {
        let counts = [live, deleted].map(Item::Int);
        let span = self.span(node);
        let pack = &mut self.bytes[span.clone()];
        let deleted_at = Listpack::new(pack).after(HEADER_BYTES);
        if overwrite(pack, HEADER_BYTES, counts[0]) && overwrite(pack, deleted_at, counts[1]) {
            return;
        }
        // A count needs more or fewer bytes than before, which happens once in some hundred entries.
        self.rewrite(node, |pack| {
            let deleted_at = replace(pack, HEADER_BYTES, counts[0]);
            replace(pack, deleted_at, counts[1]);
        });
    }

    /// Changes a node, and perhaps its length.
    fn rewrite(&mut self, node: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let span = self.span(node);
        let mut pack = self.bytes[span.clone()].to_vec();
        change(&mut pack);
        let (old, new) = (span.len(), pack.len());
        self.bytes.splice(span, pack);
        for next in &mut self.nodes[node + 1..] {
            next.at = (next.at as usize + new - old) as u32;
        }
    }

    /// Puts the bytes of another node in the place of a node's.
    pub(super) fn replace(&mut self, node: usize, other: Vec<u8>) {
        self.rewrite(node, |pack| *pack = other);
    }

    /// Marks living entries of a node, in order, as deleted and corrects the counts.
    pub(super) fn mark_deleted(&mut self, node: usize, entries: &[Located]) {
        let Master { live, deleted, .. } = self.node(node).master();
        // The last first: flags that a file holds in more bytes than they need become shorter.
        for entry in entries.iter().rev() {
            debug_assert!(!entry.is_deleted());
            let (span, flags) = (self.span(node), Item::Int(entry.flags | DELETED));
            if !overwrite(&mut self.bytes[span], entry.at, flags) {
                self.rewrite(node, |pack| {
                    replace(pack, entry.at, flags);
                });
            }
        }
        let count = entries.len() as i64;
        self.set_counts(node, live - count, deleted + count);
    }

    /// Takes nodes out, not all of them.
    pub(super) fn remove(&mut self, nodes: Range<usize>) {
        // Trimming takes one node after the other off the front: bytes are not moved each time.
        if nodes.start > 0 {
            self.close(self.span(nodes.start).start..self.span(nodes.end - 1).end, nodes.end);
        }
        self.nodes.drain(nodes);
        let before_first = self.nodes[0].at as usize;
        if before_first > self.bytes.len() / 4 {
            self.close(0..before_first, 0);
        }
        if size_class(self.bytes.len()) <= self.bytes.capacity() / 2 {
            self.seal();
        }
    }

    /// Takes bytes out; `next` is the node that follows them.
    fn close(&mut self, bytes: Range<usize>, next: usize) {
        for node in &mut self.nodes[next..] {
            node.at -= bytes.len() as u32;
        }
        self.bytes.drain(bytes);
    }

    /// Gives back room that a chunk does not need to which nothing is added.
    pub(super) fn seal(&mut self) {
        // A copy of just this size: shrinking in place would keep the block.
        if size_class(self.bytes.len()) < self.bytes.capacity() {
            self.bytes = self.bytes.as_slice().into();
        }
        if self.nodes.len() < self.nodes.capacity() {
            self.nodes = self.nodes.as_slice().into();
        }
    }

    /// Bytes held, including what the allocator rounds up.
    pub(super) fn memory_usage(&self) -> usize {
        /// Reference counts of an `Arc`.
        const ARC_BYTES: usize = 16;
        let nodes = self.nodes.capacity() * size_of::<Mark>();
        size_class(ARC_BYTES + size_of::<Chunk>()) + size_class(nodes) + size_class(self.bytes.capacity())
    }
}
