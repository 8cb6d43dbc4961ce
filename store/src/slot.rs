//! The place of one key: found once, then looked at, changed, filled or emptied.

use crate::entry::Entry;
use crate::hasher::{Hasher, Key};
use crate::table::{Location, Table};

/// What a key's place holds.
pub enum Slot<'a> {
    /// The key exists.
    Occupied(Occupied<'a>),
    /// The key does not exist.
    Vacant(Vacant<'a>),
}

/// The place of an existing key.
pub struct Occupied<'a> {
    db: &'a mut Table,
    location: Location,
}

/// The place where a key can be created.
pub struct Vacant<'a> {
    db: &'a mut Table,
    key: Key<'a>,
}

impl<'a> Occupied<'a> {
    pub(crate) fn new(db: &'a mut Table, location: Location) -> Self {
        Occupied { db, location }
    }

    /// The entry.
    #[inline]
    pub fn entry(&self) -> &Entry {
        self.db.segments[self.location.segment].entry(self.location.place)
    }

    /// The entry, for as long as the database is borrowed.
    #[inline]
    pub fn into_entry(self) -> &'a Entry {
        self.db.segments[self.location.segment].entry(self.location.place)
    }

    #[inline]
    pub(crate) fn change(&mut self) -> &mut Entry {
        self.db.before_change(self.location);
        self.db.segments[self.location.segment].entry_mut(self.location.place)
    }

    /// The entry, to be changed for as long as the database is borrowed.
    #[inline]
    pub(crate) fn into_change(self) -> &'a mut Entry {
        self.db.before_change(self.location);
        self.db.segments[self.location.segment].entry_mut(self.location.place)
    }

    /// What fields and members are hashed with.
    #[inline]
    pub fn hasher(&self) -> Hasher {
        self.db.hasher
    }

    /// Makes the value this string and keeps the deadline; canonical integers are recognised.
    pub fn set_string(&mut self, value: &[u8]) {
        self.change().set_string(value);
    }

    /// Makes the value this string and keeps the deadline; stored as bytes also if it looks like an integer.
    pub fn set_bytes(&mut self, value: &[u8]) {
        self.change().set_bytes(value);
    }

    /// Makes the value this number and keeps the deadline.
    pub fn set_int(&mut self, number: i64) {
        self.change().set_int(number);
    }

    /// Sets, changes or removes the deadline (milliseconds since the Unix epoch).
    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        let old = self.entry().deadline();
        if old == deadline {
            return;
        }
        self.change().set_deadline(deadline);
        self.recount_deadline(old, deadline);
    }

    fn recount_deadline(&mut self, old: Option<u64>, new: Option<u64>) {
        let Location { segment, place } = self.location;
        let volatile = self.entry().is_volatile();
        self.db.segments[segment].set_volatile(place, volatile);
        self.db.count_deadline(segment, old, new);
    }

    /// The first deadline of the hash's fields has changed.
    pub(crate) fn recount_fields(&mut self, old: Option<u64>, new: Option<u64>) {
        let Location { segment, place } = self.location;
        let volatile = self.entry().is_volatile();
        self.db.segments[segment].set_volatile(place, volatile);
        self.db.count_fields(segment, old, new);
    }

    /// Adds `tail` to the end of the string, which becomes raw; returns the new length.
    pub fn append(&mut self, tail: &[u8]) -> usize {
        self.change().append(tail)
    }

    /// Overwrites the string from `offset` on, filling a gap with zeros; it becomes raw. Returns the new length. Nothing is
    /// written, and no gap filled, if `bytes` is empty.
    pub fn set_range(&mut self, offset: usize, bytes: &[u8]) -> usize {
        self.change().set_range(offset, bytes)
    }

    /// Makes the encoding of a byte string `raw`.
    pub fn mark_raw(&mut self) {
        self.change().mark_raw();
    }

    /// Takes the key out.
    pub fn remove(self) -> Entry {
        self.db.take(self.location)
    }

    /// Puts another entry with the same key in its place; returns what was there.
    pub fn replace(&mut self, mut entry: Entry) -> Entry {
        debug_assert_eq!(entry.key(), self.entry().key());
        let new = entry.deadline();
        entry.set_position(self.entry().position());
        entry.set_seen(self.db.capture.phase());
        self.db.capture.note_arrival(&entry);
        let old = std::mem::replace(self.change(), entry);
        let (old_fields, new_fields) = (old.field_deadline(), self.entry().field_deadline());
        if old_fields != new_fields {
            self.recount_fields(old_fields, new_fields);
        }
        self.recount_deadline(old.deadline(), new);
        old
    }
}

impl<'a> Vacant<'a> {
    pub(crate) fn new(db: &'a mut Table, key: Key<'a>) -> Self {
        Vacant { db, key }
    }

    /// What fields and members are hashed with.
    #[inline]
    pub fn hasher(&self) -> Hasher {
        self.db.hasher
    }

    /// The key that is missing.
    pub fn key(&self) -> Key<'a> {
        self.key
    }

    /// Creates the key as a string; canonical integers are recognised.
    pub fn insert_string(self, value: &[u8], deadline: Option<u64>, access: u32) -> Occupied<'a> {
        let entry = Entry::new_string(self.key.bytes, value, deadline, access);
        self.insert_entry(entry)
    }

    /// Creates the key as a string stored as bytes also if it looks like an integer.
    pub fn insert_bytes(self, value: &[u8], deadline: Option<u64>, access: u32) -> Occupied<'a> {
        let entry = Entry::new_bytes(self.key.bytes, value, deadline, access);
        self.insert_entry(entry)
    }

    /// Creates the key as a number.
    pub fn insert_int(self, number: i64, deadline: Option<u64>, access: u32) -> Occupied<'a> {
        let entry = Entry::new_int(self.key.bytes, number, deadline, access);
        self.insert_entry(entry)
    }

    /// Creates the key with an entry made for it.
    pub fn insert_entry(self, entry: Entry) -> Occupied<'a> {
        debug_assert_eq!(entry.key(), self.key.bytes);
        let location = self.db.insert_new(self.key.hash, entry);
        Occupied::new(self.db, location)
    }
}
