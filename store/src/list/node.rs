//! One node of a large list: a chunk, shared with whoever took a copy of the list, or its compressed form.

use super::chunk::Chunk;
use crate::entry::size_class;
use graven_listpack::Run;
use graven_lzf::{Compressor, decompress};
use std::cell::RefCell;
use std::sync::Arc;

/// Runs that are shorter are not compressed.
const WORTH_COMPRESSING_BYTES: usize = 48;
/// Reference counts of an `Arc`.
const ARC_BYTES: usize = 16;

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new());
}

/// A part of a list.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) items: u32,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Plain(Arc<Chunk>),
    Compressed(Arc<Compressed>),
}

struct Compressed {
    bytes: Box<[u8]>,
    /// Length of the items.
    len: usize,
}

impl Compressed {
    fn expand(&self) -> Vec<u8> {
        decompress(&self.bytes, self.len as u64).expect("it was compressed here")
    }
}

impl Node {
    pub(super) fn new(chunk: Chunk, items: u32) -> Node {
        Node { items, body: Body::Plain(Arc::new(chunk)) }
    }

    /// Bytes of the items, not compressed.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Plain(chunk) => chunk.len(),
            Body::Compressed(compressed) => compressed.len,
        }
    }

    /// Shows the items.
    #[inline]
    pub(super) fn with_run<R>(&self, look: impl FnOnce(Run<'_>) -> R) -> R {
        match &self.body {
            Body::Plain(chunk) => look(chunk.run()),
            Body::Compressed(compressed) => look(Run::new(&compressed.expand())),
        }
    }

    /// The items, to be changed: expanded if they were compressed, copied if they are shared.
    #[inline]
    pub(super) fn chunk_mut(&mut self) -> &mut Chunk {
        self.expand();
        match &mut self.body {
            Body::Plain(chunk) => Arc::make_mut(chunk),
            Body::Compressed(_) => unreachable!("expanded above"),
        }
    }

    /// Undoes [`Node::compress`].
    #[inline]
    pub(super) fn expand(&mut self) {
        if let Body::Compressed(compressed) = &self.body {
            self.body = Body::Plain(Arc::new(Chunk::of_run(&compressed.expand())));
        }
    }

    /// Compresses the items, if that makes them shorter.
    pub(super) fn compress(&mut self) {
        let Body::Plain(chunk) = &self.body else { return };
        if chunk.len() < WORTH_COMPRESSING_BYTES {
            return;
        }
        let compressed = COMPRESSOR.with_borrow_mut(|compressor| {
            let bytes = compressor.compress(chunk.run().bytes())?.into();
            Some(Compressed { bytes, len: chunk.len() })
        });
        if let Some(compressed) = compressed {
            self.body = Body::Compressed(Arc::new(compressed));
        }
    }

    /// Gives back room that a node inside of the list does not need.
    pub(super) fn seal(&mut self) {
        if let Body::Plain(chunk) = &mut self.body
            && let Some(chunk) = Arc::get_mut(chunk)
        {
            chunk.seal();
        }
    }

    /// Bytes held outside of the node itself.
    pub(super) fn memory_usage(&self) -> usize {
        match &self.body {
            Body::Plain(chunk) => size_class(ARC_BYTES + size_of::<Chunk>()) + chunk.memory_usage(),
            Body::Compressed(compressed) => size_class(ARC_BYTES + size_of::<Compressed>()) + size_class(compressed.bytes.len()),
        }
    }
}
