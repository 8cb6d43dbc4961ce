//! Values, decoded by their type's number.
//!
//! A collection that a file holds as compact bytes stays compact bytes, checked and, if they are a ziplist or a zipmap, made a
//! listpack; everything else is read element by element. What a reader of these types may rely on:
//!
//! * Compact bytes are whole, have the number of items that their type needs, and no member or field twice; strings in a
//!   listpack that are integers are stored as integers.
//! * Element by element, a member or field may be there twice: finding that takes an index, and whoever makes one of the
//!   elements finds it for nothing. The same holds for what is inside a stream's nodes.
//! * No collection but a stream is empty.

mod hash;
mod list;
mod set;
mod sorted_set;
mod stream;
mod strings;

use std::io::Read;

use crate::Result;
use crate::format::value_type;
use crate::source::Source;

pub use hash::Hash;
pub(crate) use list::container;
pub use list::{List, ListNode};
pub use set::Set;
pub use sorted_set::SortedSet;
pub(crate) use sorted_set::read_text_score;
pub(crate) use stream::ENTRIES_READ_UNKNOWN;
pub use stream::{Consumer, Group, Id, Pending, Stream};
pub use strings::Strings;

/// The value of a key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A string, decoded: integers are in decimal, compression is undone.
    String(Vec<u8>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

impl Value {
    /// Whether it is a collection without elements, which no server keeps. A stream may be empty.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Value::String(_) | Value::Stream(_) => false,
            Value::List(list) => list.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::SortedSet(set) => set.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
        }
    }
}

/// Decodes the value of type `code` that comes next, in a file of the given version. `None` when the type is not known:
/// nothing was read then, and nothing after it can be read either, since only a value's decoder knows where it ends.
pub(crate) fn read<R: Read>(code: u8, version: u32, source: &mut Source<R>) -> Result<Option<Value>> {
    Ok(Some(match code {
        value_type::STRING => Value::String(source.string("a string value")?),
        value_type::LIST | value_type::LIST_ZIPLIST | value_type::LIST_QUICKLIST | value_type::LIST_QUICKLIST_2 => {
            Value::List(List::read(code, source)?)
        }
        value_type::SET | value_type::SET_INTSET | value_type::SET_LISTPACK => Value::Set(Set::read(code, source)?),
        value_type::SORTED_SET | value_type::SORTED_SET_2 | value_type::SORTED_SET_ZIPLIST | value_type::SORTED_SET_LISTPACK => {
            Value::SortedSet(SortedSet::read(code, source)?)
        }
        value_type::HASH
        | value_type::HASH_ZIPMAP
        | value_type::HASH_ZIPLIST
        | value_type::HASH_LISTPACK
        | value_type::HASH_METADATA_EARLY
        | value_type::HASH_LISTPACK_EX_EARLY
        | value_type::HASH_METADATA
        | value_type::HASH_LISTPACK_EX => Value::Hash(Hash::read(code, version, source)?),
        value_type::STREAM | value_type::STREAM_2 | value_type::STREAM_3 => Value::Stream(Stream::read(code, source)?),
        _ => return Ok(None),
    }))
}
