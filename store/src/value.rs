//! What a value is, as seen from outside: its type, its encoding, and a string's content.

/// The data type of a value, with the name that `TYPE` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// A byte string, stored as bytes or as an integer.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl ObjectType {
    /// `string`, `list`, `set`, `zset`, `hash` or `stream`.
    pub fn name(self) -> &'static str {
        match self {
            ObjectType::String => "string",
            ObjectType::List => "list",
            ObjectType::Set => "set",
            ObjectType::SortedSet => "zset",
            ObjectType::Hash => "hash",
            ObjectType::Stream => "stream",
        }
    }
}

/// How a value is stored, in the words of `OBJECT ENCODING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A string that is a canonical 64-bit integer.
    Int,
    /// A short string that was written as a whole.
    Embstr,
    /// A long string, or one that was modified in place.
    Raw,
    /// A small collection in one run of bytes.
    Listpack,
    /// A small hash with deadlines of fields, in one run of bytes.
    ListpackEx,
    /// A small set of integers.
    Intset,
    /// A large hash or set.
    Hashtable,
    /// A large list.
    Quicklist,
    /// A large sorted set. The name is Redis's.
    Skiplist,
    /// A stream.
    Stream,
}

impl Encoding {
    /// The longest string that is called `embstr`, in bytes.
    pub const EMBSTR_MAX_BYTES: usize = 44;

    /// Redis's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
            Encoding::Listpack => "listpack",
            Encoding::ListpackEx => "listpackex",
            Encoding::Intset => "intset",
            Encoding::Hashtable => "hashtable",
            Encoding::Quicklist => "quicklist",
            Encoding::Skiplist => "skiplist",
            Encoding::Stream => "stream",
        }
    }
}

/// What the compact bytes of a small collection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packed {
    /// A listpack of items.
    List,
    /// A listpack of fields and values in turn.
    Hash,
    /// A listpack of fields, values and deadlines (0: none) in turn, the earliest deadline first, none last.
    HashWithDeadlines,
    /// A listpack of members.
    Set,
    /// Sorted integers, as Redis's intset has them.
    Intset,
    /// A listpack of members and scores in turn, in order.
    SortedSet,
}

impl Packed {
    /// All of them; the place in the array is the number that an entry keeps.
    pub(crate) const ALL: [Packed; 6] =
        [Packed::List, Packed::Hash, Packed::HashWithDeadlines, Packed::Set, Packed::Intset, Packed::SortedSet];

    /// The type of a value that is stored so.
    pub fn object_type(self) -> ObjectType {
        match self {
            Packed::List => ObjectType::List,
            Packed::Hash | Packed::HashWithDeadlines => ObjectType::Hash,
            Packed::Set | Packed::Intset => ObjectType::Set,
            Packed::SortedSet => ObjectType::SortedSet,
        }
    }

    /// What `OBJECT ENCODING` says of it.
    pub fn encoding(self) -> Encoding {
        match self {
            Packed::HashWithDeadlines => Encoding::ListpackEx,
            Packed::Intset => Encoding::Intset,
            _ => Encoding::Listpack,
        }
    }
}

/// A borrowed string value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StringRef<'a> {
    /// The string is the decimal form of this number.
    Int(i64),
    /// The string's bytes.
    Bytes(&'a [u8]),
}

impl<'a> StringRef<'a> {
    /// Length of the string in bytes.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(self) -> usize {
        match self {
            StringRef::Int(number) => {
                let digits = number.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
                digits + usize::from(number < 0)
            }
            StringRef::Bytes(bytes) => bytes.len(),
        }
    }

    /// The string's bytes; an integer is printed into `scratch`.
    #[inline]
    pub fn to_bytes<'s>(self, scratch: &'s mut [u8; 20]) -> &'s [u8]
    where
        'a: 's,
    {
        match self {
            StringRef::Int(number) => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(number).as_bytes();
                scratch[..text.len()].copy_from_slice(text);
                &scratch[..text.len()]
            }
            StringRef::Bytes(bytes) => bytes,
        }
    }

    /// An owned copy of the string's bytes.
    pub fn to_vec(self) -> Vec<u8> {
        self.to_bytes(&mut [0; 20]).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::StringRef;

    #[test]
    fn length_of_an_integer_is_that_of_its_decimal_form() {
        for number in [0, 1, -1, 9, 10, 99, 100, -100, i64::MAX, i64::MIN] {
            let string = StringRef::Int(number);
            assert_eq!(string.len(), number.to_string().len());
            assert_eq!(string.to_vec(), number.to_string().into_bytes());
        }
    }
}
