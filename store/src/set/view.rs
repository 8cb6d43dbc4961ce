//! Reading a set, however it is stored.

use super::{in_batches, member_of};
use crate::entry::Entry;
use crate::large::Large;
use crate::slot::Occupied;
use crate::table::Table;
use crate::value::{Encoding, Packed, StringRef};
use graven_listpack::{Intset, Item, Listpack, parse_canonical};
use std::ops::ControlFlow;

/// Entries whose cache lines are waited for at once.
pub(super) const BATCH: usize = 32;

/// A borrowed set.
#[derive(Clone, Copy)]
pub struct SetRef<'a>(pub(super) Form<'a>);

#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    Intset(Intset<'a>),
    Listpack(Listpack<'a>),
    Table(&'a Table),
}

impl Entry {
    /// The value, if it is a set.
    #[inline]
    pub fn set(&self) -> Option<SetRef<'_>> {
        match self.packed() {
            Some((Packed::Intset, bytes)) => return Some(SetRef(Form::Intset(Intset::new(bytes)))),
            Some((Packed::Set, bytes)) => return Some(SetRef(Form::Listpack(Listpack::new(bytes)))),
            Some(_) => return None,
            None => {}
        }
        match self.large() {
            Some(Large::Set(table)) => Some(SetRef(Form::Table(table))),
            _ => None,
        }
    }
}

impl Occupied<'_> {
    /// The value, if it is a set.
    #[inline]
    pub fn set(&self) -> Option<SetRef<'_>> {
        self.entry().set()
    }
}

impl<'a> SetRef<'a> {
    /// Number of members.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Intset(intset) => intset.len(),
            Form::Listpack(listpack) => listpack.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there is none, which no key's value is.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How it is stored.
    pub fn encoding(self) -> Encoding {
        match self.0 {
            Form::Intset(_) => Encoding::Intset,
            Form::Listpack(_) => Encoding::Listpack,
            Form::Table(_) => Encoding::Hashtable,
        }
    }

    /// Whether this is a member.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self.0 {
            Form::Intset(intset) => parse_canonical(member).is_some_and(|number| intset.contains(number)),
            Form::Listpack(listpack) => listpack.find(listpack.first(), member, 1).is_some(),
            Form::Table(table) => table.get(table.key(member)).is_some(),
        }
    }

    /// Tells of each word whether it is a member.
    pub fn contains_each<'k>(self, members: impl Iterator<Item = &'k [u8]>, mut visit: impl FnMut(bool)) {
        match self.0 {
            Form::Table(table) => in_batches(table, members, |table, key| visit(table.get(key).is_some())),
            _ => members.for_each(|member| visit(self.contains(member))),
        }
    }

    /// All members.
    pub fn iter(self) -> impl Iterator<Item = StringRef<'a>> {
        let (mut numbers, mut items, mut entries) = (None, None, None);
        match self.0 {
            Form::Intset(intset) => numbers = Some(intset.iter()),
            Form::Listpack(listpack) => items = Some(listpack.iter()),
            Form::Table(table) => entries = Some(table.iter()),
        }
        let numbers = numbers.into_iter().flatten().map(StringRef::Int);
        let items = items.into_iter().flatten().map(member_of);
        numbers.chain(items).chain(entries.into_iter().flatten().map(|entry| StringRef::Bytes(entry.key())))
    }

    /// Visits all members, or those before the one at which `visit` breaks; the cache misses of a table overlap.
    pub fn for_each(self, mut visit: impl FnMut(StringRef<'a>) -> ControlFlow<()>) {
        // A break is the visitor's own doing: it knows.
        let _ = match self.0 {
            Form::Intset(intset) => intset.iter().try_for_each(|number| visit(StringRef::Int(number))),
            Form::Listpack(listpack) => listpack.iter().try_for_each(|item| visit(member_of(item))),
            Form::Table(table) => entry_batches(table, |batch| batch.iter().try_for_each(|entry| visit(StringRef::Bytes(entry.key())))),
        };
    }

    /// The member at an index below [`SetRef::len`], of a set that is no table.
    fn at(self, index: usize) -> Option<StringRef<'a>> {
        match self.0 {
            Form::Intset(intset) => Some(StringRef::Int(intset.at(index))),
            Form::Listpack(listpack) => listpack.place(index).map(|place| member_of(listpack.at(place))),
            Form::Table(_) => None,
        }
    }

    /// A member chosen with the random number `random`, each as likely as every other; `None` of an empty set.
    #[inline]
    pub fn random(self, random: u64) -> Option<StringRef<'a>> {
        match self.0 {
            Form::Table(table) => table.random(random).map(|entry| StringRef::Bytes(entry.key())),
            _ => self.at(index_of(random, self.len())),
        }
    }

    /// Visits about `count` members from a cursor on, all of them if it is small; returns the next cursor. Zero starts and
    /// ends. A member that stays is visited exactly once, unless the set becomes large meanwhile.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(StringRef<'_>)) -> u64 {
        match self.0 {
            Form::Table(table) => table.scan(cursor, count, &mut |entry| visit(StringRef::Bytes(entry.key()))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// Whether this is a member.
    #[inline]
    pub(super) fn contains_member(self, member: StringRef<'_>) -> bool {
        match (self.0, member) {
            (Form::Intset(intset), StringRef::Int(number)) => intset.contains(number),
            (Form::Listpack(listpack), StringRef::Int(number)) => listpack.iter().any(|item| item == Item::Int(number)),
            _ => self.contains(member.to_bytes(&mut [0; 20])),
        }
    }
}

/// A random word brought down to `0..bound`.
#[inline]
pub(super) fn index_of(random: u64, bound: usize) -> usize {
    ((u128::from(random) * bound as u128) >> 64) as usize
}

/// Visits the entries of a table in batches that have been asked for before.
#[inline]
pub(super) fn entry_batches<'a>(table: &'a Table, mut visit: impl FnMut(&[&'a Entry]) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut batch: Vec<&Entry> = Vec::with_capacity(BATCH);
    for segment in &table.segments {
        for entry in segment.entries() {
            entry.prefetch();
            batch.push(entry);
            if batch.len() == BATCH {
                visit(&batch)?;
                batch.clear();
            }
        }
    }
    visit(&batch)
}
