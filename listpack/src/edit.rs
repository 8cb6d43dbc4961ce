//! Editing. Every function takes a vector that holds one listpack, and leaves one.

use crate::item::{Item, back_len};
use crate::read::{Listpack, Place};
use crate::{COUNT_UNKNOWN, END, HEADER_BYTES};

/// An empty listpack.
pub fn new() -> Vec<u8> {
    vec![HEADER_BYTES as u8 + 1, 0, 0, 0, 0, 0, END]
}

/// Makes a listpack of bytes that hold `items` items between room for a header and for an end mark.
pub fn frame(listpack: &mut [u8], items: usize) {
    let total = u32::try_from(listpack.len()).expect("a listpack is shorter than 4 GiB");
    listpack[..4].copy_from_slice(&total.to_le_bytes());
    listpack[4..HEADER_BYTES].copy_from_slice(&u16::try_from(items).unwrap_or(COUNT_UNKNOWN).to_le_bytes());
    listpack[total as usize - 1] = END;
}

/// Adds an item at the end.
#[inline]
pub fn append(listpack: &mut Vec<u8>, item: Item<'_>) {
    let at = listpack.len() - 1;
    insert(listpack, at, item);
}

/// Adds items at the end; header and end mark are written once.
pub fn extend<'a>(listpack: &mut Vec<u8>, items: impl Iterator<Item = Item<'a>>) {
    extend_last(listpack, 0, items);
}

/// Adds items at the end of the listpack that begins at `start` and is the last of several in a vector.
pub fn extend_last<'a>(bytes: &mut Vec<u8>, start: usize, items: impl Iterator<Item = Item<'a>>) {
    bytes.pop();
    let mut added = 0;
    for item in items {
        let at = bytes.len();
        bytes.resize(at + item.stored_len(), 0);
        item.write(&mut bytes[at..]);
        added += 1;
    }
    bytes.push(END);
    let listpack = &mut bytes[start..];
    let total = u32::try_from(listpack.len()).expect("a listpack is shorter than 4 GiB");
    listpack[..4].copy_from_slice(&total.to_le_bytes());
    if listpack[4..6] != COUNT_UNKNOWN.to_le_bytes() {
        count(listpack, added);
    }
}

/// Adds an item before the one at `at` (or at the end); returns the place after it.
pub fn insert(listpack: &mut Vec<u8>, at: Place, item: Item<'_>) -> Place {
    let len = item.stored_len();
    open(listpack, at, 0, len);
    item.write(&mut listpack[at..at + len]);
    count(listpack, 1);
    at + len
}

/// Puts another item in the place of the one at `at`; returns the place after it.
pub fn replace(listpack: &mut Vec<u8>, at: Place, item: Item<'_>) -> Place {
    let old = Item::len_at(listpack, at);
    let (old, len) = (old + back_len(old), item.stored_len());
    open(listpack, at, old, len);
    item.write(&mut listpack[at..at + len]);
    at + len
}

/// Puts another item in the place of the one at `at` if it takes as many bytes; false if it does not.
#[inline]
pub fn overwrite(listpack: &mut [u8], at: Place, item: Item<'_>) -> bool {
    let old = Item::len_at(listpack, at);
    let len = item.stored_len();
    let fits = old + back_len(old) == len;
    if fits {
        item.write(&mut listpack[at..at + len]);
    }
    fits
}

/// Removes `count` items from `at` on, or as many as there are; what follows them is then at `at`.
pub fn remove(listpack: &mut Vec<u8>, at: Place, items: usize) {
    let view = Listpack::new(listpack);
    let (mut end, mut removed) = (at, 0);
    while removed < items && end < view.end() {
        end = view.after(end);
        removed += 1;
    }
    open(listpack, at, end - at, 0);
    count(listpack, -(removed as isize));
}

/// Makes the `old` bytes at `at` `new` bytes long, moving what follows.
fn open(listpack: &mut Vec<u8>, at: Place, old: usize, new: usize) {
    let len = listpack.len();
    if new > old {
        listpack.resize(len + new - old, 0);
        listpack.copy_within(at + old..len, at + new);
    } else if new < old {
        listpack.copy_within(at + old..len, at + new);
        listpack.truncate(len + new - old);
    }
    let total = u32::try_from(listpack.len()).expect("a listpack is shorter than 4 GiB");
    listpack[..4].copy_from_slice(&total.to_le_bytes());
}

/// Changes the number of items in the header.
fn count(listpack: &mut [u8], change: isize) {
    let old = u16::from_le_bytes([listpack[4], listpack[5]]);
    let new = if old == COUNT_UNKNOWN {
        // Only counting tells; once below the limit, the header can tell again.
        let items = Listpack::new(listpack).iter().count();
        u16::try_from(items).unwrap_or(COUNT_UNKNOWN)
    } else {
        let items = usize::from(old).checked_add_signed(change).expect("items that are removed were there");
        u16::try_from(items).unwrap_or(COUNT_UNKNOWN)
    };
    listpack[4..6].copy_from_slice(&new.to_le_bytes());
}
