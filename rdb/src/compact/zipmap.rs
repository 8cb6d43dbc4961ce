//! The zipmap, which small hashes were before Redis 2.6.
//!
//! ```text
//! u8              length  field  length  u8     value  unused bytes  …  0xff
//! fields                                 unused                         end
//! 254 or more: count
//! ```
//!
//! A length is one byte below 254, or 254 and four bytes, little-endian.

use graven_listpack::{Item, extend, new};

const END: u8 = 0xff;
const LONG: u8 = 254;

/// Makes a listpack of fields and values in turn. `None` if the bytes are no zipmap.
pub(crate) fn to_listpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let (&count, mut rest) = bytes.split_first()?;
    let mut items = Vec::new();
    while rest.first() != Some(&END) {
        let (field, after) = length(rest)?;
        items.push(Item::of(after.get(..field)?));
        let (value, after) = length(&after[field..])?;
        let (&unused, after) = after.split_first()?;
        items.push(Item::of(after.get(..value)?));
        rest = after.get(value..)?.get(usize::from(unused)..)?;
    }
    if rest.len() != 1 || count < LONG && usize::from(count) != items.len() / 2 {
        return None;
    }
    let mut listpack = new();
    extend(&mut listpack, items.into_iter());
    Some(listpack)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        END => None,
        LONG => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*length) as usize, rest))
        }
        short => Some((usize::from(short), rest)),
    }
}
