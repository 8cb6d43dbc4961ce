//! The listpack: short strings and integers in one run of bytes, walked in both directions.
//!
//! It is what small collections are stored as, what the nodes of lists and streams are made of, and, byte for byte, what
//! Redis 7 writes into RDB files. The format is Redis's
//! (<https://github.com/antirez/listpack/blob/master/listpack.md>):
//!
//! ```text
//! u32            u16          item …                                       0xff
//! bytes in all   items        encoding and length, content, back-length    end
//!                65535: count
//! ```
//!
//! | first byte | content |
//! |---|---|
//! | `0xxxxxxx` | integer 0 to 127 |
//! | `10xxxxxx` | string of up to 63 bytes |
//! | `110xxxxx` + 1 byte | integer of 13 bits, signed |
//! | `1110xxxx` + 1 byte | string of up to 4095 bytes |
//! | `11110000` + 4 bytes | string of up to 2^32 - 1 bytes |
//! | `11110001` … `11110100` | integer of 16, 24, 32, 64 bits, signed, little-endian |
//!
//! The back-length is the length of encoding and content, in 7-bit groups that are read from the end.
//!
//! A [`Listpack`] trusts its bytes, which this crate has written or [`Listpack::validate`] has checked. A string that is the
//! canonical form of an integer is always stored as one, so equal items are equal bytes.

mod edit;
mod integer;
mod intset;
mod item;
mod read;
mod run;
mod validate;

pub use edit::{append, extend, extend_last, frame, insert, new, overwrite, remove, replace};
pub use integer::parse_canonical;
pub use intset::{Intset, IntsetDamage, IntsetIter, clear_intset, insert_intset, remove_intset, remove_intset_at};
pub use item::Item;
pub use read::{Iter, Listpack, Place};
pub use run::{Run, RunIter};
pub use validate::Damage;

/// Bytes before the first item.
pub const HEADER_BYTES: usize = 6;
/// The end mark.
pub const END: u8 = 0xff;
/// The count in the header of a listpack that has at least so many items.
const COUNT_UNKNOWN: u16 = u16::MAX;
