//! Sets.

use std::io::Read;

use graven_listpack::{Intset, Listpack};

use crate::compact::listpack;
use crate::format::value_type;
use crate::source::Source;
use crate::value::Strings;
use crate::{Error, Result, ValueDamage};

/// A set.
#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    /// Members, possibly with duplicates.
    Members(Strings),
    /// A listpack of different members.
    Packed(Vec<u8>),
    /// Integers in ascending order as Redis's intset has them: their width and their number, 32 bits each, and the integers,
    /// everything little-endian.
    Intset(Vec<u8>),
}

impl Set {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Set::Members(members) => members.is_empty(),
            Set::Packed(bytes) => Listpack::new(bytes).is_empty(),
            Set::Intset(bytes) => Intset::new(bytes).is_empty(),
        }
    }

    pub(super) fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<Set> {
        const EXPECTED: &str = "a set";
        let offset = source.offset();
        Ok(match code {
            value_type::SET_INTSET => {
                let bytes = source.string(EXPECTED)?;
                if Intset::validate(&bytes).is_err() {
                    return Err(Error::BadValue { offset, damage: ValueDamage::Intset });
                }
                Set::Intset(bytes)
            }
            value_type::SET_LISTPACK => {
                let bytes = listpack::checked(source.string(EXPECTED)?, offset)?;
                listpack::no_duplicates(&bytes, 1, offset)?;
                Set::Packed(bytes)
            }
            _ => {
                let count = source.length(EXPECTED)?;
                Set::Members(source.strings(count, EXPECTED)?)
            }
        })
    }
}
