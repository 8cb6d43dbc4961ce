//! Strings as arrays of bits: the first bit is the highest of the first byte.
//!
//! `scan` counts and looks for bits, `combine` has `BITOP`, `field` has `BITFIELD`, and this file single bits.
//!
//! A command that may change bits makes a raw string of the value, as Redis does, whether or not a bit changes.

mod combine;
mod field;
mod scan;

pub use combine::bitop;
pub use field::{bitfield, bitfield_ro};
pub use scan::{bitcount, bitpos};

use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::Error;
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Key, Occupied, Slot};

const BAD_OFFSET: &str = "ERR bit offset is not an integer or out of range";
const BAD_BIT: &str = "ERR bit is not an integer or out of range";

/// A bit's position, from an argument; `#3` is three times `width` if a width is given. The log is obeyed beyond the limit.
fn bit_offset(cx: &Context<'_>, argument: &[u8], width: Option<u64>) -> Result<u64, Error> {
    let (digits, factor) = match (argument, width) {
        ([b'#', digits @ ..], Some(width)) => (digits, width),
        _ => (argument, 1),
    };
    let offset = parse_i64(digits).and_then(|n| u64::try_from(n).ok()).and_then(|n| n.checked_mul(factor)).ok_or(BAD_OFFSET)?;
    let within = offset <= i64::MAX as u64 && (offset >> 3 < cx.engine.settings.max_bulk_bytes as u64 || cx.session.is_replay());
    if within { Ok(offset) } else { Err(BAD_OFFSET.into()) }
}

/// What became of a string that a command needs to have some length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    None,
    Grew,
    Created,
}

/// The key's string as raw bytes, at least `len` long, whatever was there before.
fn grown<'c>(cx: &'c mut Context<'_>, key: Key<'c>, len: usize) -> Result<(Occupied<'c>, Growth), Error> {
    let access = cx.engine.fresh_access();
    match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(place) => {
            let mut place = place.insert_bytes(b"", None, access);
            place.set_range(len - 1, &[0]);
            Ok((place, Growth::Created))
        }
        Slot::Occupied(mut place) => {
            let old = string_of(place.entry())?.len();
            if old < len {
                place.set_range(len - 1, &[0]);
            } else {
                // Adds nothing, but the string is raw bytes from now on.
                place.append(b"");
            }
            Ok((place, if old < len { Growth::Grew } else { Growth::None }))
        }
    }
}

/// The bytes of a raw string.
fn bytes_of<'p>(place: &'p Occupied<'_>) -> &'p [u8] {
    match place.entry().string() {
        Some(graven_store::StringRef::Bytes(bytes)) => bytes,
        _ => unreachable!("the string was made raw"),
    }
}

/// `SETBIT key offset value`
pub fn setbit(cx: &mut Context<'_>) -> Result<(), Error> {
    let offset = bit_offset(cx, cx.args.at(2), None)?;
    let on = match parse_i64(cx.args.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(BAD_BIT.into()),
    };
    let key = cx.key(1);
    let at = (offset >> 3) as usize;
    let mask = 0x80 >> (offset & 7);
    let (mut place, growth) = grown(cx, key, at + 1)?;
    let byte = bytes_of(&place)[at];
    let was = byte & mask != 0;
    if was != on {
        place.set_range(at, &[byte ^ mask]);
    }
    if growth != Growth::None || was != on {
        cx.changed(key.bytes);
        if growth == Growth::Created {
            cx.notify(EventClass::NEW, "new", key.bytes);
        }
        cx.notify(EventClass::STRING, "setbit", key.bytes);
    }
    cx.reply.int(was as i64);
    Ok(())
}

/// `GETBIT key offset`
pub fn getbit(cx: &mut Context<'_>) -> Result<(), Error> {
    let offset = bit_offset(cx, cx.args.at(2), None)?;
    let key = cx.key(1);
    let mut scratch = [0; 20];
    let byte = match cx.engine.read(cx.session, key) {
        None => None,
        Some(entry) => string_of(entry)?.to_bytes(&mut scratch).get((offset >> 3) as usize).copied(),
    };
    cx.reply.int((byte.unwrap_or(0) >> (7 - (offset & 7)) & 1).into());
    Ok(())
}
