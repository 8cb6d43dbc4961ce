//! How far a record reaches, without decoding it.
//!
//! A record is what [`crate::Reader`] makes one event of: the opcodes in front of a key, the key and its value. Its end is found from lengths
//! alone, some ten times faster than by decoding. Nothing is judged here: where the bytes are wrong, or a kind of record is not
//! known, there is no answer, and the reader, which then reads on by itself, says what is wrong. So a record may well be
//! damaged inside, and is as long as its lengths say.

use crate::format::{VALKEY_VERSION, encoding, opcode, special_score, value_type};
use crate::module::kind;

/// Why the end of a record is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It lies behind the bytes at hand.
    Beyond,
    /// This is not a record whose end can be found.
    Kind,
}

type Result<T> = std::result::Result<T, Unknown>;

/// A record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its length in bytes.
    pub(crate) len: usize,
    /// The database that it selects for those after it.
    pub(crate) selects: Option<u64>,
}

/// The extent of the record that `bytes` begin with, in a file of the given version.
pub(crate) fn of_record(bytes: &[u8], version: u32) -> Result<Extent> {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut selects = None;
    loop {
        match cursor.byte()? {
            opcode::EXPIRE_TIME => {
                cursor.pass(4)?;
                continue;
            }
            opcode::EXPIRE_TIME_MS => {
                cursor.pass(8)?;
                continue;
            }
            opcode::FREQ => {
                cursor.pass(1)?;
                continue;
            }
            opcode::IDLE => {
                cursor.length()?;
                continue;
            }
            opcode::AUX => cursor.strings(2)?,
            opcode::SELECT_DB => selects = Some(cursor.length()?),
            opcode::RESIZE_DB => cursor.lengths(2)?,
            opcode::SLOT_INFO => cursor.lengths(3)?,
            opcode::FUNCTION2 => cursor.string()?,
            opcode::MODULE_AUX => cursor.module()?,
            opcode::LOWEST.. => return Err(Unknown::Kind),
            code => {
                cursor.string()?;
                cursor.value(code, version)?;
            }
        }
        return Ok(Extent { len: cursor.at, selects });
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Unknown::Beyond)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn pass(&mut self, count: u64) -> Result<()> {
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(Unknown::Beyond);
        }
        self.at += count as usize;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let array = *self.bytes[self.at..].first_chunk().ok_or(Unknown::Beyond)?;
        self.at += N;
        Ok(array)
    }

    /// The length after a first byte whose high bits say that it is one.
    #[inline(always)]
    fn length_after(&mut self, first: u8) -> Result<u64> {
        match (first >> 6, first) {
            (0, _) => Ok(u64::from(first)),
            (1, _) => Ok(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            (_, 0x80) => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            (_, 0x81) => Ok(u64::from_be_bytes(self.array()?)),
            _ => Err(Unknown::Kind),
        }
    }

    #[inline(always)]
    fn length(&mut self) -> Result<u64> {
        let first = self.byte()?;
        self.length_after(first)
    }

    fn lengths(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.length()?;
        }
        Ok(())
    }

    #[inline(always)]
    fn string(&mut self) -> Result<()> {
        let first = self.byte()?;
        if first >> 6 != 3 {
            let length = self.length_after(first)?;
            return self.pass(length);
        }
        match first & 0x3f {
            encoding::INT8 => self.pass(1),
            encoding::INT16 => self.pass(2),
            encoding::INT32 => self.pass(4),
            encoding::LZF => {
                let compressed = self.length()?;
                self.length()?;
                self.pass(compressed)
            }
            _ => Err(Unknown::Kind),
        }
    }

    fn strings(&mut self, count: u64) -> Result<()> {
        // Each takes at least a byte, so a false number ends where the bytes do.
        for _ in 0..count {
            self.string()?;
        }
        Ok(())
    }

    /// So many times what `element` passes over.
    fn each(&mut self, count: u64, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..count {
            element(self)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn value(&mut self, code: u8, version: u32) -> Result<()> {
        match code {
            value_type::STRING
            | value_type::HASH_ZIPMAP
            | value_type::LIST_ZIPLIST
            | value_type::SET_INTSET
            | value_type::SORTED_SET_ZIPLIST
            | value_type::HASH_ZIPLIST
            | value_type::HASH_LISTPACK
            | value_type::SORTED_SET_LISTPACK
            | value_type::SET_LISTPACK
            | value_type::HASH_LISTPACK_EX_EARLY => self.string(),
            _ => self.elements(code, version),
        }
    }

    #[inline(never)]
    fn elements(&mut self, code: u8, version: u32) -> Result<()> {
        match code {
            value_type::HASH_LISTPACK_EX => {
                self.pass(8)?;
                return self.string();
            }
            value_type::STREAM | value_type::STREAM_2 | value_type::STREAM_3 => return self.stream(code),
            value_type::MODULE_2 => return self.module(),
            value_type::HASH_METADATA => self.pass(8)?,
            value_type::LIST
            | value_type::SET
            | value_type::LIST_QUICKLIST
            | value_type::LIST_QUICKLIST_2
            | value_type::HASH
            | value_type::SORTED_SET
            | value_type::SORTED_SET_2
            | value_type::HASH_METADATA_EARLY => {}
            _ => return Err(Unknown::Kind),
        }
        let count = self.length()?;
        match code {
            value_type::HASH => self.each(count, |cursor| cursor.strings(2)),
            value_type::LIST_QUICKLIST_2 => self.each(count, |cursor| {
                cursor.length()?;
                cursor.string()
            }),
            value_type::SORTED_SET => self.each(count, |cursor| {
                cursor.string()?;
                match cursor.byte()? {
                    special_score::NAN | special_score::INFINITY | special_score::MINUS_INFINITY => Ok(()),
                    length => cursor.pass(u64::from(length)),
                }
            }),
            value_type::SORTED_SET_2 => self.each(count, |cursor| {
                cursor.string()?;
                cursor.pass(8)
            }),
            value_type::HASH_METADATA_EARLY if version == VALKEY_VERSION => self.each(count, |cursor| {
                cursor.strings(2)?;
                cursor.pass(8)
            }),
            value_type::HASH_METADATA_EARLY | value_type::HASH_METADATA => self.each(count, |cursor| {
                cursor.length()?;
                cursor.strings(2)
            }),
            _ => self.strings(count),
        }
    }

    /// A module's identity and its fields.
    fn module(&mut self) -> Result<()> {
        self.length()?;
        loop {
            match self.length()? {
                kind::END => return Ok(()),
                kind::SIGNED | kind::UNSIGNED => drop(self.length()?),
                kind::FLOAT => self.pass(4)?,
                kind::DOUBLE => self.pass(8)?,
                kind::STRING => self.string()?,
                _ => return Err(Unknown::Kind),
            }
        }
    }

    fn stream(&mut self, code: u8) -> Result<()> {
        const ID_BYTES: u64 = 16;
        const TIME_BYTES: u64 = 8;
        let is_first = code == value_type::STREAM;
        let nodes = self.length()?;
        self.each(nodes, |cursor| cursor.strings(2))?;
        // The number of entries and the last identifier; then two more of these, and the number of entries ever added.
        self.lengths(if is_first { 3 } else { 8 })?;
        let groups = self.length()?;
        self.each(groups, |cursor| {
            cursor.string()?;
            cursor.lengths(if is_first { 2 } else { 3 })?;
            let pending = cursor.length()?;
            cursor.each(pending, |cursor| {
                cursor.pass(ID_BYTES + TIME_BYTES)?;
                cursor.length().map(drop)
            })?;
            let consumers = cursor.length()?;
            cursor.each(consumers, |cursor| {
                cursor.string()?;
                cursor.pass(if code == value_type::STREAM_3 { 2 * TIME_BYTES } else { TIME_BYTES })?;
                let pending = cursor.length()?;
                cursor.pass(pending.checked_mul(ID_BYTES).ok_or(Unknown::Kind)?)
            })
        })
    }
}
