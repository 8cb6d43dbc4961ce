//! Sets: strings, each once, in no order.
//!
//! A small set of integers is an intset, another small one a listpack of members, both beside the key; a large one is a
//! [`crate::Table`] whose keys are the members, with empty values, hashed as the keys of the keyspace are. Which it is
//! follows Redis 7.2: an intset that a word joins becomes a listpack if that may hold so many members of such lengths, and
//! a table otherwise; what has become larger does not become smaller again by removals.
//!
//! [`SetRef`] reads a set whatever it is made of: [`SetRef::contains`] asks for one member, [`SetRef::iter`] and
//! [`SetRef::for_each`] go through all (`for_each` overlaps the cache misses), [`SetRef::filter`] compares with other sets.
//! [`SetMut`] changes one under a key, and [`SetBuilder`] makes one from members, to become a key's value.
//!
//! Invariants: a set is never empty, except while it is being built or emptied (whoever empties it removes its key); a
//! listpack's members are all different; all tables hash with the keyspace's hasher, so that a member's hash is computed once
//! for any number of sets.

mod build;
mod combine;
mod edit;
mod view;

pub use build::SetBuilder;
pub use combine::Probe;
pub use edit::SetMut;
pub use view::SetRef;

use crate::entry::Entry;
use crate::hasher::{Hasher, Key};
use crate::slot::Slot;
use crate::table::Table;
use crate::thresholds::Thresholds;
use crate::value::StringRef;
use graven_listpack::{self as listpack, Intset, Item};
use std::borrow::Borrow;

/// The member that an item is.
#[inline(always)]
fn member_of(item: Item<'_>) -> StringRef<'_> {
    match item {
        Item::Int(number) => StringRef::Int(number),
        Item::Bytes(bytes) => StringRef::Bytes(bytes),
    }
}

/// Adds a member to a table; false if it is there already.
#[inline]
fn add_to_table(table: &mut Table, member: &[u8]) -> bool {
    add_key(table, table.key(member))
}

/// The same with the hash known.
#[inline]
fn add_key(table: &mut Table, key: Key<'_>) -> bool {
    match table.slot(key) {
        Slot::Occupied(_) => false,
        Slot::Vacant(place) => {
            place.insert_entry(Entry::new_bytes(key.bytes, b"", None, 0));
            true
        }
    }
}

/// Members whose cache misses overlap.
const BATCH: usize = 16;

/// Visits the members as keys of a table, after asking the processor for what the lookups of a batch will touch.
fn in_batches<'k, T: Borrow<Table>>(mut table: T, mut members: impl Iterator<Item = &'k [u8]>, mut visit: impl FnMut(&mut T, Key<'k>)) {
    let mut batch = [Key { bytes: b"", hash: 0 }; BATCH];
    loop {
        let mut filled = 0;
        for (place, member) in batch.iter_mut().zip(members.by_ref().take(BATCH)) {
            *place = table.borrow().key(member);
            table.borrow().prefetch_bucket(place.hash);
            filled += 1;
        }
        let keys = &batch[..filled];
        keys.iter().for_each(|key| table.borrow().prefetch_entry(key.hash));
        keys.iter().for_each(|key| visit(&mut table, *key));
        if filled < BATCH {
            return;
        }
    }
}

/// A table of these members.
fn table_of<'a>(members: impl Iterator<Item = StringRef<'a>>, hasher: Hasher) -> Box<Table> {
    let mut table = Box::new(Table::new(hasher));
    let mut scratch = [0; 20];
    members.for_each(|member| {
        add_to_table(&mut table, member.to_bytes(&mut scratch));
    });
    table
}

/// Whether a listpack may take a member besides those it has.
fn listpack_takes(members: usize, len: usize, thresholds: &Thresholds) -> bool {
    members < thresholds.set_max_listpack_entries && len <= thresholds.set_max_listpack_value
}

/// Whether an intset may become a listpack and take a word of that length. Its longest numbers are its outermost.
fn intset_may_be_listpack(intset: Intset<'_>, len: usize, thresholds: &Thresholds) -> bool {
    let members = intset.len();
    let longest = [0, members.saturating_sub(1)].into_iter().filter(|i| *i < members).map(|i| Item::Int(intset.at(i)).len()).max();
    listpack_takes(members, len.max(longest.unwrap_or(0)), thresholds)
}

/// The listpack of an intset's numbers.
fn listpack_of(intset: Intset<'_>) -> Vec<u8> {
    let mut bytes = listpack::new();
    listpack::extend(&mut bytes, intset.iter().map(Item::Int));
    bytes
}
