//! What can be wrong with an RDB file, said to the operator who has to act on it.

use std::io;

use crate::type_name;

/// The result of reading an RDB file.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an RDB file could not be read. Offsets count bytes from the first byte of the RDB part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read.
    #[error("reading the RDB file failed at offset {offset}: {source}")]
    Io {
        /// Where the read was attempted.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file ends before its end marker.
    #[error("the RDB file is cut short: it ends at offset {offset}, inside {expected}. Restore a complete copy of it")]
    Truncated {
        /// The length of what is there.
        offset: u64,
        /// What should have followed.
        expected: &'static str,
    },
    /// The file does not begin as RDB files do.
    #[error("this is not an RDB file: it begins with \"{}\" where REDIS or VALKEY and a version are expected", found.escape_ascii())]
    NotRdb {
        /// The first bytes of the file.
        found: Vec<u8>,
    },
    /// The file was written by a release that is newer than this reader.
    #[error("RDB version {version} is not known (1 to 12 and 80 are): have the program that wrote the file export an older version")]
    UnsupportedVersion {
        /// The version in the header.
        version: u32,
    },
    /// A value of a type that cannot be loaded yet.
    #[error(
        "the key \"{}\" in database {db} holds a value of type {code} ({}) at offset {offset}, which cannot be loaded: delete the key where the file was written and save again",
        key.escape_ascii(), type_name(*code).unwrap_or("not a type of any known version")
    )]
    UnsupportedType {
        /// The number of the type.
        code: u8,
        /// The key that holds the value.
        key: Vec<u8>,
        /// The database of the key.
        db: u64,
        /// Where the type's number stands.
        offset: u64,
    },
    /// An opcode that is not known, so that nothing is known about the length of what follows it.
    #[error(
        "the opcode {code} at offset {offset} of the RDB file is not known: a newer server or one in a cluster wrote it, or the file is damaged"
    )]
    UnsupportedOpcode {
        /// The opcode.
        code: u8,
        /// Where it stands.
        offset: u64,
    },
    /// A byte stands where a length must, and is none.
    #[error("the RDB file is damaged: byte {byte:#04x} at offset {offset} is not a length")]
    BadLength {
        /// The byte.
        byte: u8,
        /// Where it stands.
        offset: u64,
    },
    /// A string in an encoding that no version of the format defines.
    #[error("the RDB file is damaged: the string at offset {offset} has the unknown encoding {encoding}")]
    BadStringEncoding {
        /// The encoding's number.
        encoding: u8,
        /// Where the string begins.
        offset: u64,
    },
    /// A string that no value here can hold.
    #[error("the string at offset {offset} of the RDB file has {length} bytes, and the longest that can be loaded has almost 4 GiB")]
    StringTooLong {
        /// How long it is.
        length: u64,
        /// Where it begins.
        offset: u64,
    },
    /// A compressed string that does not decompress to the length it claims.
    #[error("the RDB file is damaged: the compressed string at offset {offset} {reason}")]
    BadCompression {
        /// Where the string begins.
        offset: u64,
        /// What is wrong with it, to follow "the string".
        reason: &'static str,
    },
    /// A deadline before 1970, which no server writes.
    #[error("the RDB file is damaged: the deadline {value} at offset {offset} is before 1970")]
    BadDeadline {
        /// The deadline as it stands, in the unit it stands in.
        value: i64,
        /// Where it stands.
        offset: u64,
    },
    /// A value that is not what its type says.
    #[error("the RDB file is damaged: the value at offset {offset} {damage}")]
    BadValue {
        /// Where the value, or the damaged part of it, begins.
        offset: u64,
        /// What is wrong with it.
        damage: ValueDamage,
    },
    /// A module's field of a kind that no version of the format defines.
    #[error("the RDB file is damaged: the module data at offset {offset} has a field of the unknown kind {kind}")]
    BadModuleData {
        /// The kind.
        kind: u64,
        /// Where it stands.
        offset: u64,
    },
    /// The content is not what was written.
    #[error(
        "the RDB file is damaged: its checksum at offset {offset} is {stored:016x}, its content gives {computed:016x}. Restore an intact copy of it"
    )]
    ChecksumMismatch {
        /// Where the checksum stands.
        offset: u64,
        /// The checksum in the file.
        stored: u64,
        /// The checksum of the bytes before it.
        computed: u64,
    },
    /// The reader was asked for more after it had reported an error.
    #[error("the RDB file cannot be read on after the error at offset {offset}")]
    AlreadyFailed {
        /// How far the reader had come.
        offset: u64,
    },
}

/// Why a value is not what its type says, to follow "the value".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueDamage {
    /// A listpack is none.
    #[error("is damaged: {0}")]
    Listpack(graven_listpack::Damage),
    /// A ziplist is none.
    #[error("is not a valid ziplist")]
    Ziplist,
    /// A zipmap is none.
    #[error("is not a valid zipmap")]
    Zipmap,
    /// An intset is none.
    #[error("is not a valid intset")]
    Intset,
    /// Fields lack values, or members scores.
    #[error("does not have the number of items that its type needs")]
    Items,
    /// A member or field is there twice.
    #[error("has a member or field twice")]
    Duplicate,
    /// A score is not a number.
    #[error("has a score that is not a number")]
    Score,
    /// A field's deadline is none.
    #[error("has a field deadline that is not a time")]
    FieldDeadline,
    /// A list's node is of an unknown kind.
    #[error("has a list node of an unknown kind")]
    ListNode,
    /// A stream's node has no identifier.
    #[error("has a stream node without a valid identifier")]
    StreamNode,
    /// A stream's node holds no entries of a stream.
    #[error("has a stream node that is damaged")]
    StreamEntries,
    /// Pending entries of a group are out of order, or do not belong to exactly one consumer.
    #[error("has pending entries that are not in order, or not of one consumer each")]
    Pending,
}
