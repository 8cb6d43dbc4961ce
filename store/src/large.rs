//! Values that are too big to live beside their key, each behind one pointer.

use crate::entry::size_class;
use crate::list::List;
use crate::sorted_set::SortedSet;
use crate::stream::Stream;
use crate::table::Table;
use crate::value::{Encoding, ObjectType, Packed};

/// A value in an allocation of its own. Everything but bytes is boxed once more, so that a long string does not pay for what
/// the others need.
#[derive(Clone)]
pub(crate) enum Large {
    /// A long string.
    String(Vec<u8>),
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
            Large::String(_) => ObjectType::String,
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
            Large::String(_) => Encoding::Raw,
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
            Large::String(_) | Large::Packed(..) => 2,
            Large::Hash(table) | Large::Set(table) => 2 + table.len(),
            Large::SortedSet(set) => 2 + set.cost(),
            Large::List(list) => 2 + list.cost(),
            Large::Stream(stream) => 2 + stream.cost(),
        }
    }
}
