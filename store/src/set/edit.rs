//! Changing a set under a key, however it is stored.

use super::view::{SetRef, index_of};
use super::{add_key, add_to_table, in_batches, intset_may_be_listpack, listpack_of, listpack_takes, table_of};
use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::large::Large;
use crate::slot::Occupied;
use crate::table::Table;
use crate::thresholds::Thresholds;
use crate::value::{Encoding, Packed, StringRef};
use graven_listpack::{self as listpack, Intset, Item, Listpack, parse_canonical};

/// A set that may be changed.
pub struct SetMut<'a> {
    entry: &'a mut Entry,
    hasher: Hasher,
}

impl Occupied<'_> {
    /// The value, to be changed, if it is a set. Whoever empties it must remove the key.
    #[inline]
    pub fn set_mut(&mut self) -> Option<SetMut<'_>> {
        let hasher = self.hasher();
        let entry = self.change();
        entry.set()?;
        Some(SetMut { entry, hasher })
    }
}

impl SetMut<'_> {
    /// The same, for reading.
    #[inline]
    pub fn as_ref(&self) -> SetRef<'_> {
        self.entry.set().expect("it is a set")
    }

    #[inline]
    fn table(&mut self) -> Option<&mut Table> {
        match self.entry.large_mut() {
            Some(Large::Set(table)) => Some(table),
            _ => None,
        }
    }

    fn packed(&self) -> (Packed, &[u8]) {
        self.entry.packed().expect("what is no table is packed")
    }

    fn edit<R>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.entry.edit_packed(|_, bytes| edit(bytes)).expect("what is no table is packed")
    }

    /// Makes it a table.
    fn enlarge(&mut self) -> &mut Table {
        if self.table().is_none() {
            let table = table_of(self.as_ref().iter(), self.hasher);
            self.entry.set_large(Large::Set(table));
        }
        self.table().expect("it was made a table")
    }

    /// Makes it a table if it may not be compact with so many members.
    pub fn expect_members(&mut self, count: usize, thresholds: &Thresholds) {
        let most = match self.as_ref().encoding() {
            Encoding::Intset => thresholds.set_max_intset_entries,
            Encoding::Listpack => thresholds.set_max_listpack_entries,
            _ => return,
        };
        if count > most {
            self.enlarge();
        }
    }

    /// Adds a member; false if it is there already.
    #[inline]
    pub fn add(&mut self, member: &[u8], thresholds: &Thresholds) -> bool {
        match self.table() {
            Some(table) => add_to_table(table, member),
            None => self.add_to_packed(member, thresholds),
        }
    }

    /// Adds members; how many were not there.
    #[inline]
    pub fn add_all<'k>(&mut self, members: impl ExactSizeIterator<Item = &'k [u8]>, thresholds: &Thresholds) -> usize {
        let mut added = 0;
        match self.table() {
            Some(table) if members.len() > 1 => in_batches(table, members, |table, key| added += usize::from(add_key(table, key))),
            _ => members.for_each(|member| added += usize::from(self.add(member, thresholds))),
        }
        added
    }

    /// Takes members out; how many were there.
    #[inline]
    pub fn remove_all<'k>(&mut self, members: impl ExactSizeIterator<Item = &'k [u8]>) -> usize {
        let mut removed = 0;
        match self.table() {
            Some(table) if members.len() > 1 => {
                in_batches(table, members, |table, key| removed += usize::from(table.remove(key).is_some()));
            }
            _ => members.for_each(|member| removed += usize::from(self.remove(member))),
        }
        removed
    }

    fn add_to_packed(&mut self, member: &[u8], thresholds: &Thresholds) -> bool {
        match self.packed() {
            (Packed::Intset, bytes) => {
                let view = Intset::new(bytes);
                match parse_canonical(member) {
                    Some(number) => {
                        if view.contains(number) {
                            return false;
                        }
                        let full = view.len() >= thresholds.set_max_intset_entries;
                        self.edit(|bytes| listpack::insert_intset(bytes, number));
                        if full {
                            self.enlarge();
                        }
                        return true;
                    }
                    None if intset_may_be_listpack(view, member.len(), thresholds) => {
                        let mut bytes = listpack_of(view);
                        listpack::append(&mut bytes, Item::Bytes(member));
                        self.entry.set_packed(Packed::Set, &bytes);
                        return true;
                    }
                    None => {}
                }
            }
            (_, bytes) => {
                let view = Listpack::new(bytes);
                if view.find(view.first(), member, 1).is_some() {
                    return false;
                }
                if listpack_takes(view.len(), member.len(), thresholds) {
                    self.edit(|bytes| listpack::append(bytes, Item::of(member)));
                    return true;
                }
            }
        }
        add_to_table(self.enlarge(), member)
    }

    /// Takes a member out; false if it is not there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        if let Some(table) = self.table() {
            return table.remove(table.key(member)).is_some();
        }
        match self.packed() {
            (Packed::Intset, bytes) => {
                let index = parse_canonical(member).and_then(|number| Intset::new(bytes).find(number).ok());
                index.is_some_and(|index| {
                    self.edit(|bytes| listpack::remove_intset_at(bytes, index));
                    true
                })
            }
            (_, bytes) => {
                let view = Listpack::new(bytes);
                let place = view.find(view.first(), member, 1);
                place.is_some_and(|place| {
                    self.edit(|bytes| listpack::remove(bytes, place, 1));
                    true
                })
            }
        }
    }

    /// Takes up to `count` members out, chosen with the numbers of `random`, and shows each to `visit`.
    pub fn take_random(&mut self, count: usize, random: &mut dyn FnMut() -> u64, visit: &mut dyn FnMut(StringRef<'_>)) {
        if let Some(table) = self.table() {
            for _ in 0..count {
                let Some(entry) = table.take_random(random()) else { return };
                visit(StringRef::Bytes(entry.key()));
            }
            return;
        }
        let (packed, _) = self.packed();
        self.edit(|bytes| match packed {
            Packed::Intset => {
                for _ in 0..count.min(Intset::new(bytes).len()) {
                    let view = Intset::new(bytes);
                    let index = index_of(random(), view.len());
                    visit(StringRef::Int(view.at(index)));
                    listpack::remove_intset_at(bytes, index);
                }
            }
            _ => {
                for _ in 0..count.min(Listpack::new(bytes).len()) {
                    let view = Listpack::new(bytes);
                    let place = view.place(index_of(random(), view.len())).expect("the index is below the length");
                    visit(super::member_of(view.at(place)));
                    listpack::remove(bytes, place, 1);
                }
            }
        });
    }
}
