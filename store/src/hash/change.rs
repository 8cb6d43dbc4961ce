//! Changing a hash.

use super::builder::{set_in_table, to_table};
use super::{HashRef, fits_packed, packed};
use crate::entry::Entry;
use crate::large::Large;
use crate::slot::Occupied;
use crate::table::Table;
use crate::thresholds::Thresholds;
use crate::value::Packed;
use graven_listpack::{Item, Listpack};
use std::cell::Cell;

/// What becomes of a field's deadline when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldDeadline {
    /// It stays as it is.
    Keep,
    /// The field lives on without one.
    Clear,
    /// This one, in milliseconds since the Unix epoch.
    At(u64),
}

impl FieldDeadline {
    pub(super) fn applied_to(self, old: Option<u64>) -> Option<u64> {
        match self {
            FieldDeadline::Keep => old,
            FieldDeadline::Clear => None,
            FieldDeadline::At(ms) => Some(ms),
        }
    }
}

/// A hash in its place, to be changed. What is left without fields must be removed by the caller ([`Occupied::remove`]).
pub struct HashMut<'p, 'a> {
    place: &'p mut Occupied<'a>,
}

impl<'a> Occupied<'a> {
    /// The value, to be changed, if it is a hash.
    #[inline]
    pub fn hash_mut(&mut self) -> Option<HashMut<'_, 'a>> {
        self.entry().hash()?;
        Some(HashMut { place: self })
    }
}

/// The fields of a large hash.
#[inline]
fn table_of(entry: &mut Entry) -> Option<&mut Table> {
    match entry.large_mut() {
        Some(Large::Hash(table)) => Some(table),
        _ => None,
    }
}

impl HashMut<'_, '_> {
    /// The hash, to be looked at.
    #[inline]
    pub fn view(&self) -> HashRef<'_> {
        self.place.entry().hash().expect("it was a hash when this was made")
    }

    /// Number of fields, due ones included.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // an empty hash is about to be removed
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Sets a field; true if it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], deadline: FieldDeadline, limits: &Thresholds) -> bool {
        let before = self.place.entry().field_deadline();
        if self.view().is_small() && !fits_packed(limits, field, value) {
            self.grow();
        }
        let created = self.set_one(field, value, deadline, limits);
        self.recount(before);
        created
    }

    /// Sets several fields, each without a deadline; returns how many are new. If one of them is too long for a small hash, the
    /// hash is large before the first is set.
    pub fn set_all<'f>(&mut self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone, limits: &Thresholds) -> usize {
        let before = self.place.entry().field_deadline();
        if self.view().is_small() && !fields.clone().all(|(field, value)| fits_packed(limits, field, value)) {
            self.grow();
        }
        let mut created = 0;
        for (field, value) in fields {
            created += usize::from(self.set_one(field, value, FieldDeadline::Clear, limits));
        }
        self.recount(before);
        created
    }

    fn set_one(&mut self, field: &[u8], value: &[u8], deadline: FieldDeadline, limits: &Thresholds) -> bool {
        let entry = self.place.change();
        if let Some(table) = table_of(entry) {
            return set_in_table(table, field, value, deadline);
        }
        if !matches!(deadline, FieldDeadline::At(_)) && overwrite(entry, field, value) {
            return false;
        }
        if matches!(deadline, FieldDeadline::At(_)) {
            add_deadlines(entry);
        }
        let set = |packed, bytes: &mut Vec<u8>| {
            let with_deadlines = packed == Packed::HashWithDeadlines;
            let created = packed::set(bytes, with_deadlines, field, value, deadline);
            (created, packed::len(bytes, with_deadlines))
        };
        let (created, len) = entry.edit_packed(set).expect("a hash is a table or packed");
        if len > limits.hash_max_listpack_entries {
            self.grow();
        }
        created
    }

    /// Removes a field. False if there is none.
    #[inline]
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let before = self.place.entry().field_deadline();
        let entry = self.place.change();
        let removed = match table_of(entry) {
            Some(table) => table.remove(table.key(field)).is_some(),
            None => {
                let take = |packed, bytes: &mut Vec<u8>| packed::take(bytes, packed == Packed::HashWithDeadlines, field);
                entry.edit_packed(take).expect("a hash is a table or packed")
            }
        };
        self.recount(before);
        removed
    }

    /// Sets, changes or removes the deadline of a field. False if there is no such field.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<u64>) -> bool {
        let before = self.place.entry().field_deadline();
        let entry = self.place.change();
        let found = if let Some(table) = table_of(entry) {
            table.set_deadline(table.key(field), deadline)
        } else if deadline.is_none() && matches!(entry.packed(), Some((Packed::Hash, _))) {
            self.view().get(field).is_some()
        } else {
            add_deadlines(entry);
            let set = |_, bytes: &mut Vec<u8>| packed::set_deadline(bytes, field, deadline);
            entry.edit_packed(set).expect("a hash is a table or packed")
        };
        self.recount(before);
        found
    }

    /// Takes out fields with a deadline before `before_ms`, about `most` of them, telling `on_taken` their names. True if it is
    /// certain that none is left.
    pub fn take_due(&mut self, before_ms: u64, most: usize, on_taken: &mut dyn FnMut(&[u8])) -> bool {
        let before = self.place.entry().field_deadline();
        let done = self.place.change().take_due_fields(before_ms, most, on_taken);
        self.recount(before);
        done
    }

    /// Makes a table of a listpack.
    #[cold]
    fn grow(&mut self) {
        let hasher = self.place.hasher();
        let entry = self.place.change();
        let (packed, bytes) = entry.packed().expect("only a small hash grows");
        let table = to_table(hasher, bytes, packed == Packed::HashWithDeadlines);
        entry.set_large(Large::Hash(Box::new(table)));
    }

    /// Tells the database's table what has become of the first deadline.
    #[inline]
    fn recount(&mut self, before: Option<u64>) {
        let after = self.place.entry().field_deadline();
        if before != after {
            self.place.recount_fields(before, after);
        }
    }
}

/// Replaces the value of a field of a small hash without deadlines by one that takes as many bytes, if that is what is wanted.
#[inline]
fn overwrite(entry: &mut Entry, field: &[u8], value: &[u8]) -> bool {
    let Some((Packed::Hash, bytes)) = entry.packed() else { return false };
    let Some(at) = packed::find(bytes, false, field) else { return false };
    let value_at = Listpack::new(bytes).after(at);
    let bytes = entry.packed_mut().expect("it was packed above");
    graven_listpack::overwrite(bytes, value_at, Item::of(value))
}

/// Makes room for deadlines in a small hash.
fn add_deadlines(entry: &mut Entry) {
    if let Some((Packed::Hash, pairs)) = entry.packed() {
        let triples = packed::with_deadlines(pairs);
        entry.set_packed(Packed::HashWithDeadlines, &triples);
    }
}

impl Entry {
    /// See [`HashMut::take_due`]; the caller must tell the table what has become of the deadlines.
    pub(crate) fn take_due_fields(&mut self, before_ms: u64, most: usize, on_taken: &mut dyn FnMut(&[u8])) -> bool {
        if let Some(table) = table_of(self) {
            let taken = Cell::new(0);
            let mut pass = || {
                table.expire(before_ms, &mut || taken.get() < most, &mut |field| {
                    taken.set(taken.get() + 1);
                    on_taken(field.key());
                })
            };
            // A pass goes on where the last one stopped; what has fallen due before that place is for another one.
            return pass() && pass();
        }
        let take = |packed, bytes: &mut Vec<u8>| {
            if packed == Packed::HashWithDeadlines {
                packed::take_due(bytes, before_ms, on_taken);
            }
        };
        self.edit_packed(take).expect("a hash is a table or packed");
        true
    }
}
