//! The ziplist, which small collections were before Redis 7.
//!
//! ```text
//! u32            u32                u16           entry …                             0xff
//! bytes in all   offset of the last entries       length of the one before, encoding, end
//!                entry              65535: count  content
//! ```
//!
//! The length of the entry before is one byte, or 0xfe and four bytes. Encodings:
//!
//! | first byte | content |
//! |---|---|
//! | `00xxxxxx` | string of up to 63 bytes |
//! | `01xxxxxx` + 1 byte | string of up to 16383 bytes, big-endian length |
//! | `10______` + 4 bytes | string, big-endian length |
//! | `0xc0`, `0xd0`, `0xe0` | integer of 16, 32, 64 bits, little-endian |
//! | `0xf0`, `0xfe` | integer of 24, 8 bits |
//! | `0xf1` … `0xfd` | integers 0 to 12 |

use graven_listpack::{Item, extend, new};

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
const LONG_BEFORE: u8 = 0xfe;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Makes a listpack with the same items. `None` if the bytes are no ziplist.
pub(crate) fn to_listpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let items = items(bytes)?;
    let mut listpack = new();
    // Every item is at most a few bytes longer there.
    listpack.reserve(bytes.len());
    extend(&mut listpack, items.into_iter());
    Some(listpack)
}

fn items(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    if number(0)? != bytes.len() || bytes.len() <= HEADER_BYTES || *bytes.last()? != END {
        return None;
    }
    let (last_at, count) = (number(4)?, u16::from_le_bytes([bytes[8], bytes[9]]));
    let mut items = Vec::new();
    let (mut at, mut before) = (HEADER_BYTES, 0);
    let mut last = HEADER_BYTES;
    while at < bytes.len() - 1 {
        let (item, length) = entry(&bytes[at..bytes.len() - 1], before)?;
        items.push(item);
        (last, before, at) = (at, length, at + length);
    }
    let is_counted = count == COUNT_UNKNOWN || usize::from(count) == items.len();
    (is_counted && last_at == last).then_some(items)
}

/// The item that `rest` begins with, and how long it is with everything around it. `before` is the length of the one before.
fn entry(rest: &[u8], before: usize) -> Option<(Item<'_>, usize)> {
    let (said_before, head) = match *rest.first()? {
        LONG_BEFORE => (u32::from_le_bytes(rest.get(1..5)?.try_into().ok()?) as usize, 5),
        END => return None,
        short => (usize::from(short), 1),
    };
    if said_before != before {
        return None;
    }
    let content = rest.get(head..)?;
    let first = *content.first()?;
    let string = |header: usize, length: usize| {
        let string = content.get(header..header.checked_add(length)?)?;
        Some((Item::of(string), head + header + length))
    };
    let integer = |width: usize| {
        let mut raw = [0; 8];
        raw[8 - width..].copy_from_slice(content.get(1..1 + width)?);
        Some((Item::Int(i64::from_le_bytes(raw) >> (64 - 8 * width)), head + 1 + width))
    };
    match first {
        0x00..=0x3f => string(1, usize::from(first)),
        0x40..=0x7f => string(2, usize::from(first & 0x3f) << 8 | usize::from(*content.get(1)?)),
        0x80..=0xbf => string(5, u32::from_be_bytes(content.get(1..5)?.try_into().ok()?) as usize),
        0xc0 => integer(2),
        0xd0 => integer(4),
        0xe0 => integer(8),
        0xf0 => integer(3),
        0xfe => integer(1),
        0xf1..=0xfd => Some((Item::Int(i64::from(first - 0xf1)), head + 1)),
        _ => None,
    }
}
