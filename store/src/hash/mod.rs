//! Hashes: fields with values, and for some fields a deadline of their own.
//!
//! A small hash is one listpack beside its key: fields and values in turn ([`Packed::Hash`]), or, once a field had a deadline,
//! triples of field, value and deadline ([`Packed::HashWithDeadlines`]; 0 says that there is none). The triples are in order of
//! their deadlines, those without one last, so that the first tells when the next field is due. A large hash is a [`crate::Table`]
//! whose entries are the fields: it grows one segment at a time, is scanned exactly, and finds its due fields as a database finds
//! its due keys. A hash never becomes small again.
//!
//! # Deadlines
//!
//! The store does not know the time. A field with a deadline before the moment that the caller names is *due*; it is
//! here until it is taken out ([`HashMut::take_due`]), and whoever reads must leave it out ([`Field::is_due`]).
//!
//! Invariant: an entry whose hash has a field with a deadline is marked in its bucket as if it had a deadline itself,
//! and the bound of its segment is not later than that of its first due field ([`HashMut`] sees to it after each
//! change). So [`crate::Table::expire_all`] finds it, and a hash without field deadlines costs nothing.
//!
//! # For those who save and load
//!
//! [`Entry::hash`] gives a [`HashRef`], which has [`HashRef::iter`] and [`HashRef::get`]; [`HashBuilder`] makes an entry of
//! fields, values and deadlines.

mod builder;
mod change;
mod packed;
mod read;

pub use builder::HashBuilder;
pub use change::{FieldDeadline, HashMut};
pub use read::{Field, HashRef};

use crate::entry::Entry;
use crate::large::Large;
use crate::thresholds::Thresholds;
use crate::value::Packed;

/// Whether a field and its value may stay in a listpack.
fn fits_packed(limits: &Thresholds, field: &[u8], value: &[u8]) -> bool {
    field.len().max(value.len()) <= limits.hash_max_listpack_value
}

/// A field of a large hash: its value stays bytes, which are shorter than a number in eight bytes more often than not.
fn table_entry(field: &[u8], value: &[u8], deadline: Option<u64>) -> Entry {
    Entry::new_bytes(field, value, deadline, 0)
}

impl Entry {
    /// The value, if it is a hash.
    #[inline]
    pub fn hash(&self) -> Option<HashRef<'_>> {
        if let Some(Large::Hash(table)) = self.large() {
            return Some(HashRef::of_table(table));
        }
        match self.packed()? {
            (Packed::Hash, bytes) => Some(HashRef::of_packed(bytes, false)),
            (Packed::HashWithDeadlines, bytes) => Some(HashRef::of_packed(bytes, true)),
            _ => None,
        }
    }

    /// A moment that is not later than the first deadline of a field; `None` if no field has one, or this is no hash.
    #[inline]
    pub fn field_deadline(&self) -> Option<u64> {
        match self.packed() {
            Some((Packed::HashWithDeadlines, bytes)) => packed::first_deadline(bytes),
            Some(_) => None,
            None => match self.large() {
                Some(Large::Hash(table)) => table.next_deadline(),
                _ => None,
            },
        }
    }

    /// Whether the key or one of its fields has a deadline.
    #[inline]
    pub(crate) fn is_volatile(&self) -> bool {
        self.deadline().is_some() || self.field_deadline().is_some()
    }
}
