//! Values that are too big to live beside their key, each behind one pointer.

use crate::entry::{Entry, size_class};
use crate::hasher::Hasher;
use crate::list::List;
use crate::sorted_set::SortedSet;
use crate::stream::Stream;
use crate::table::Table;
use crate::value::{Encoding, ObjectType, Packed};
use std::sync::Arc;

/// A value in an allocation of its own. Everything but bytes is boxed once more, so that a long string does not pay for what
/// the others need.
#[derive(Clone)]
pub(crate) enum Large {
    /// A long string.
    String(Vec<u8>),
    /// A very long string that a capture shares, or shared.
    SharedString(Arc<Vec<u8>>),
    /// A small collection whose compact bytes are many.
    Packed(Packed, Vec<u8>),
    /// An indexed hash: its fields are keys of a table, whose values and deadlines are theirs.
    Hash(Box<Table>),
    /// An indexed set: its members are keys of a table, with empty values.
    Set(Box<Table>),
    /// An indexed sorted set.
    SortedSet(Box<SortedSet>),
    /// A list of many nodes.
    List(Box<List>),
    /// A stream.
    Stream(Box<Stream>),
}

impl Large {
    pub(crate) fn object_type(&self) -> ObjectType {
        match self {
            Large::String(_) | Large::SharedString(_) => ObjectType::String,
            Large::Packed(packed, _) => packed.object_type(),
            Large::Hash(_) => ObjectType::Hash,
            Large::Set(_) => ObjectType::Set,
            Large::SortedSet(_) => ObjectType::SortedSet,
            Large::List(_) => ObjectType::List,
            Large::Stream(_) => ObjectType::Stream,
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            Large::String(_) | Large::SharedString(_) => Encoding::Raw,
            Large::Packed(packed, _) => packed.encoding(),
            Large::Hash(_) | Large::Set(_) => Encoding::Hashtable,
            Large::SortedSet(_) => Encoding::Skiplist,
            Large::List(list) => list.encoding(),
            Large::Stream(_) => Encoding::Stream,
        }
    }

    /// Bytes held, including what the allocator rounds up.
    pub(crate) fn memory_usage(&self) -> usize {
        let outside = match self {
            Large::String(bytes) | Large::Packed(_, bytes) => size_class(bytes.capacity()),
            Large::SharedString(bytes) => size_class(bytes.capacity()),
            Large::Hash(table) | Large::Set(table) => table.memory_usage(),
            Large::SortedSet(set) => set.memory_usage(),
            Large::List(list) => list.memory_usage(),
            Large::Stream(stream) => stream.memory_usage(),
        };
        size_class(size_of::<Large>()) + outside
    }

    /// Allocations that dropping it gives back, roughly.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Large::String(_) | Large::SharedString(_) | Large::Packed(..) => 2,
            Large::Hash(table) | Large::Set(table) => 2 + table.len(),
            Large::SortedSet(set) => 2 + set.cost(),
            Large::List(list) => 2 + list.cost(),
            Large::Stream(stream) => 2 + stream.cost(),
        }
    }

    /// The bytes of a string, to be changed: copied first if a capture still has them.
    pub(crate) fn string_mut(&mut self) -> Option<&mut Vec<u8>> {
        if let Large::SharedString(shared) = self {
            *self = Large::String(Arc::unwrap_or_clone(std::mem::take(shared)));
        }
        match self {
            Large::String(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A string from this length on is shared with a capture, not copied.
const SHARE_MIN_BYTES: usize = 16 << 10;

/// How captures copy.
impl Entry {
    /// A copy for a capture: what is large is shared, and copied when it is changed.
    pub(crate) fn captured(&mut self) -> Entry {
        match self.large_mut() {
            Some(Large::String(bytes)) if bytes.len() >= SHARE_MIN_BYTES => {
                let shared = Arc::new(std::mem::take(bytes));
                self.set_large(Large::SharedString(shared.clone()));
                self.with_large(Large::SharedString(shared))
            }
            Some(Large::SortedSet(set)) => {
                let order = Box::new(set.order_only());
                self.with_large(Large::SortedSet(order))
            }
            _ => self.clone(),
        }
    }

    /// The entry of a large hash or set, without what is in it.
    pub(crate) fn emptied(&self, hasher: Hasher) -> Entry {
        let nothing = Box::new(Table::new(hasher));
        self.with_large(match self.large() {
            Some(Large::Set(_)) => Large::Set(nothing),
            _ => Large::Hash(nothing),
        })
    }

    /// Bytes that such a copy has to itself, roughly.
    pub(crate) fn captured_bytes(&self) -> usize {
        const PER_ALLOCATION: usize = 64;
        let outside = self.large().map_or(0, |large| match large {
            Large::String(bytes) | Large::Packed(_, bytes) => bytes.len(),
            Large::Hash(table) | Large::Set(table) => table.len() * PER_ALLOCATION,
            // Shared, but a spine or root has been copied, and the encoder has work with the rest.
            Large::SharedString(bytes) => bytes.len() / 8,
            Large::SortedSet(_) | Large::List(_) | Large::Stream(_) => large.cost() * PER_ALLOCATION / 8,
        });
        self.own_bytes() + outside
    }
}
