//! The numbers of the format: magic, versions, opcodes, value types, string encodings.

/// Bytes of magic and version at the start of a file.
pub(crate) const HEADER_BYTES: usize = 9;
/// The newest version of Redis's own numbering that the reader knows.
pub(crate) const NEWEST_REDIS_VERSION: u32 = 12;
/// The version of Valkey 9, far from Redis's own numbering so that the two cannot be taken for each other.
pub(crate) const VALKEY_VERSION: u32 = 80;
/// The first version whose end carries a checksum.
pub(crate) const FIRST_CHECKSUM_VERSION: u32 = 5;

/// What may stand where a value type may stand, but is no value.
pub(crate) mod opcode {
    /// The opcodes grow downwards from 255. Releases have come to this one, some with a meaning that must not be passed
    /// over, so what is not listed here from this one on is an opcode unknown to the reader and no value type.
    pub const LOWEST: u8 = 240;
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION2: u8 = 245;
    pub const FUNCTION_PRE_RELEASE: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE_DB: u8 = 251;
    pub const EXPIRE_TIME_MS: u8 = 252;
    pub const EXPIRE_TIME: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const EOF: u8 = 255;
}

/// The numbers of value types.
pub(crate) mod value_type {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const SORTED_SET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const SORTED_SET_2: u8 = 5;
    /// Only the module itself knows where such a value ends.
    pub const MODULE: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const SORTED_SET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const SORTED_SET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_3: u8 = 21;
    /// Also the hash with field deadlines of Valkey, with another layout.
    pub const HASH_METADATA_EARLY: u8 = 22;
    pub const HASH_LISTPACK_EX_EARLY: u8 = 23;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// The special string encodings, in the low six bits of a length byte whose high bits are both set.
pub(crate) mod encoding {
    pub const INT8: u8 = 0;
    pub const INT16: u8 = 1;
    pub const INT32: u8 = 2;
    pub const LZF: u8 = 3;
}

/// What stands where the length of a score's text may stand.
pub(crate) mod special_score {
    pub const NAN: u8 = 253;
    pub const INFINITY: u8 = 254;
    pub const MINUS_INFINITY: u8 = 255;
}

/// The name of a value type as an operator knows it, or `None` for a number that no version of the format defines.
pub fn type_name(code: u8) -> Option<&'static str> {
    const NAMES: [&str; 26] = [
        "string",
        "list",
        "set",
        "sorted set",
        "hash",
        "sorted set with binary scores",
        "module value without a length",
        "module value",
        "",
        "hash as zipmap",
        "list as ziplist",
        "set as intset",
        "sorted set as ziplist",
        "hash as ziplist",
        "list as quicklist of ziplists",
        "stream",
        "hash as listpack",
        "sorted set as listpack",
        "list as quicklist of listpacks",
        "stream, second layout",
        "set as listpack",
        "stream, third layout",
        "hash with field deadlines, before its release",
        "hash with field deadlines as listpack, before its release",
        "hash with field deadlines",
        "hash with field deadlines as listpack",
    ];
    NAMES.get(usize::from(code)).copied().filter(|name| !name.is_empty())
}

/// Whether a file that begins with `prefix` is an RDB file, or an append-only file with an RDB part in front. Five bytes
/// are enough to tell.
pub fn is_rdb(prefix: &[u8]) -> bool {
    prefix.starts_with(b"REDIS") || prefix.starts_with(b"VALKE")
}

/// The version in a file's first nine bytes, or `None` when they are no RDB header at all. The version may be one that
/// the reader does not know.
pub(crate) fn parse_header(header: &[u8; HEADER_BYTES]) -> Option<u32> {
    let digits = header.strip_prefix(b"REDIS").or_else(|| header.strip_prefix(b"VALKEY"))?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |version, digit| version * 10 + u32::from(digit - b'0')))
}

/// Whether the reader knows this version.
pub(crate) fn is_known_version(version: u32) -> bool {
    (1..=NEWEST_REDIS_VERSION).contains(&version) || version == VALKEY_VERSION
}
