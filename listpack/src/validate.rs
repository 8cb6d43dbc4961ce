//! Checking bytes that come from outside.

use crate::item::{Item, back_len, read_back_len, read_u32};
use crate::read::Listpack;
use crate::{COUNT_UNKNOWN, END, HEADER_BYTES};

/// Why bytes are no listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// They are not as long as they say.
    Length,
    /// There is no end mark where the end is.
    End,
    /// An item goes past the end, or has an encoding that does not exist.
    Item {
        /// Where it begins.
        at: usize,
    },
    /// An item's back-length does not lead to its beginning.
    BackLength {
        /// Where the item begins.
        at: usize,
    },
    /// There are not as many items as the header says.
    Count,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Length => write!(f, "a listpack is not as long as it says"),
            Damage::End => write!(f, "a listpack has no end mark"),
            Damage::Item { at } => write!(f, "a listpack's item at byte {at} goes past its end"),
            Damage::BackLength { at } => write!(f, "a listpack's item at byte {at} has a wrong back-length"),
            Damage::Count => write!(f, "a listpack does not have as many items as it says"),
        }
    }
}

impl std::error::Error for Damage {}

impl<'a> Listpack<'a> {
    /// Checks everything that reading relies on.
    ///
    /// # Errors
    ///
    /// The first [`Damage`] found.
    pub fn validate(bytes: &'a [u8]) -> Result<Listpack<'a>, Damage> {
        if bytes.len() <= HEADER_BYTES || read_u32(bytes, 0) != bytes.len() {
            return Err(Damage::Length);
        }
        let end = bytes.len() - 1;
        if bytes[end] != END {
            return Err(Damage::End);
        }
        let (mut at, mut items) = (HEADER_BYTES, 0usize);
        while at < end {
            let damage = Damage::Item { at };
            let header = match bytes[at] {
                0xf5.. => return Err(damage),
                0xf0 => 5,
                0xc0.. => 2,
                _ => 1,
            };
            if at + header > end {
                return Err(damage);
            }
            let len = Item::len_at(bytes, at);
            let next = at + len + back_len(len);
            if next > end {
                return Err(damage);
            }
            if read_back_len(bytes, next) != Some((len, back_len(len))) {
                return Err(Damage::BackLength { at });
            }
            at = next;
            items += 1;
        }
        let counted = u16::from_le_bytes([bytes[4], bytes[5]]);
        if counted != COUNT_UNKNOWN && usize::from(counted) != items {
            return Err(Damage::Count);
        }
        Ok(Listpack::new(bytes))
    }
}
