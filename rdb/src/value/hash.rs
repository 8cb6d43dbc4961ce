//! Hashes, whose fields may have deadlines.

use std::io::Read;

use graven_listpack::{Item, Listpack};

use crate::compact::{listpack, ziplist, zipmap};
use crate::format::{VALKEY_VERSION, value_type};
use crate::source::Source;
use crate::value::Strings;
use crate::{Error, Result, ValueDamage};

/// The last deadline that a field can have, milliseconds since 1970: `HPEXPIREAT` takes 46 bits, and Redis loads no more. So a later one
/// is damage, but for Valkey's: there it may be, and is as far away when it is this one.
const LAST_DEADLINE_MS: u64 = (1 << 46) - 1;

/// A hash. Deadlines are milliseconds since 1970 and may be in the past.
#[derive(Debug, Clone, PartialEq)]
pub enum Hash {
    /// Fields, possibly with duplicates.
    Fields {
        /// Fields and values in turn.
        pairs: Strings,
        /// The deadline of each field, 0 for none; no entries at all if no field has one.
        deadlines: Vec<u64>,
    },
    /// A listpack of different fields, each with its value after it.
    Packed(Vec<u8>),
    /// A listpack of different fields, each with its value and its deadline, an integer (0 for none), after it; in ascending
    /// order of deadlines, none last.
    PackedWithDeadlines(Vec<u8>),
}

impl Hash {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Hash::Fields { pairs, .. } => pairs.is_empty(),
            Hash::Packed(bytes) | Hash::PackedWithDeadlines(bytes) => Listpack::new(bytes).is_empty(),
        }
    }

    pub(super) fn read<R: Read>(code: u8, version: u32, source: &mut Source<R>) -> Result<Hash> {
        const EXPECTED: &str = "a hash";
        let offset = source.offset();
        let damaged = |damage| Error::BadValue { offset, damage };
        match code {
            value_type::HASH => {
                let count = source.length(EXPECTED)?;
                Ok(Hash::Fields { pairs: source.strings(count.saturating_mul(2), EXPECTED)?, deadlines: Vec::new() })
            }
            value_type::HASH_ZIPMAP => {
                let bytes = zipmap::to_listpack(&source.string(EXPECTED)?).ok_or(damaged(ValueDamage::Zipmap))?;
                Self::packed(bytes, offset)
            }
            value_type::HASH_ZIPLIST => {
                let bytes = ziplist::to_listpack(&source.string(EXPECTED)?).ok_or(damaged(ValueDamage::Ziplist))?;
                Self::packed(bytes, offset)
            }
            value_type::HASH_LISTPACK => Self::packed(listpack::checked(source.string(EXPECTED)?, offset)?, offset),
            value_type::HASH_LISTPACK_EX | value_type::HASH_LISTPACK_EX_EARLY => {
                if code == value_type::HASH_LISTPACK_EX {
                    let _earliest: [u8; 8] = source.array(EXPECTED)?;
                }
                Self::packed_with_deadlines(listpack::checked(source.string(EXPECTED)?, offset)?, offset)
            }
            // The same number has another meaning in Valkey's files.
            value_type::HASH_METADATA_EARLY if version == VALKEY_VERSION => Self::read_fields(source, |source, pairs| {
                pairs.push_with(|buffer| source.string_into(buffer, EXPECTED))?;
                pairs.push_with(|buffer| source.string_into(buffer, EXPECTED))?;
                let offset = source.offset();
                match i64::from_le_bytes(source.array(EXPECTED)?) {
                    -1 => Ok(0),
                    // The first moment of 1970 is as long past as the second, and zero stands for none here.
                    deadline => u64::try_from(deadline)
                        .map(|deadline| deadline.clamp(1, LAST_DEADLINE_MS))
                        .map_err(|_| Error::BadDeadline { value: deadline, offset }),
                }
            }),
            _ => {
                let earliest = if code == value_type::HASH_METADATA { u64::from_le_bytes(source.array(EXPECTED)?) } else { 1 };
                Self::read_fields(source, |source, pairs| {
                    let offset = source.offset();
                    let deadline = match source.length(EXPECTED)? {
                        0 => 0,
                        after => earliest
                            .checked_add(after - 1)
                            .filter(|deadline| *deadline <= LAST_DEADLINE_MS)
                            .ok_or(Error::BadValue { offset, damage: ValueDamage::FieldDeadline })?,
                    };
                    pairs.push_with(|buffer| source.string_into(buffer, EXPECTED))?;
                    pairs.push_with(|buffer| source.string_into(buffer, EXPECTED))?;
                    Ok(deadline)
                })
            }
        }
    }

    /// Reads a number and as many fields, each of which adds itself and tells its deadline.
    fn read_fields<R: Read>(source: &mut Source<R>, mut field: impl FnMut(&mut Source<R>, &mut Strings) -> Result<u64>) -> Result<Hash> {
        let count = source.length("a hash")?;
        let (mut pairs, mut deadlines) = (Strings::new(), Vec::new());
        for _ in 0..count {
            let deadline = field(source, &mut pairs)?;
            deadlines.push(deadline);
        }
        if deadlines.iter().all(|deadline| *deadline == 0) {
            deadlines = Vec::new();
        }
        Ok(Hash::Fields { pairs, deadlines })
    }

    fn packed(bytes: Vec<u8>, offset: u64) -> Result<Hash> {
        listpack::no_duplicates(&bytes, 2, offset)?;
        Ok(Hash::Packed(bytes))
    }

    /// Checks a listpack of triples. One out of order is read element by element.
    fn packed_with_deadlines(bytes: Vec<u8>, offset: u64) -> Result<Hash> {
        listpack::no_duplicates(&bytes, 3, offset)?;
        let mut deadlines = Vec::new();
        for item in Listpack::new(&bytes).iter().skip(2).step_by(3) {
            match item {
                Item::Int(deadline @ 0..) if deadline as u64 <= LAST_DEADLINE_MS => deadlines.push(deadline as u64),
                _ => return Err(Error::BadValue { offset, damage: ValueDamage::FieldDeadline }),
            }
        }
        if deadlines.is_sorted_by_key(|deadline| deadline.wrapping_sub(1)) {
            return Ok(Hash::PackedWithDeadlines(bytes));
        }
        let fields = Listpack::new(&bytes).iter().enumerate().filter(|(i, _)| i % 3 < 2);
        Ok(Hash::Fields { pairs: fields.map(|(_, item)| item.to_vec()).collect(), deadlines })
    }
}
