//! Looking at a hash.

use super::packed;
use crate::table::Table;
use crate::value::StringRef;
use graven_listpack::{Item, Iter, Listpack};

/// A borrowed hash.
#[derive(Clone, Copy)]
pub struct HashRef<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Packed { listpack: Listpack<'a>, with_deadlines: bool },
    Table(&'a Table),
}

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: StringRef<'a>,
    /// Its value.
    pub value: StringRef<'a>,
    /// When it expires, in milliseconds since the Unix epoch.
    pub deadline: Option<u64>,
}

impl<'e> Field<'e> {
    /// The field that an entry of a captured hash is ([`crate::Part::Fields`]).
    pub fn of_entry(entry: &'e crate::Entry) -> Field<'e> {
        table_field(entry)
    }

    /// Whether the field has expired: its deadline lies before this moment (milliseconds since the Unix epoch).
    #[inline]
    pub fn is_due(self, before_ms: u64) -> bool {
        self.deadline.is_some_and(|deadline| deadline < before_ms)
    }
}

fn string(item: Item<'_>) -> StringRef<'_> {
    match item {
        Item::Int(number) => StringRef::Int(number),
        Item::Bytes(bytes) => StringRef::Bytes(bytes),
    }
}

fn table_field(entry: &crate::Entry) -> Field<'_> {
    let value = entry.string().expect("fields of a table have strings");
    Field { name: StringRef::Bytes(entry.key()), value, deadline: entry.deadline() }
}

/// The fields of a listpack.
struct PackedFields<'a> {
    items: Iter<'a>,
    with_deadlines: bool,
}

impl<'a> Iterator for PackedFields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let name = string(self.items.next()?);
        let value = string(self.items.next().expect("a field has a value"));
        let deadline =
            if self.with_deadlines { packed::deadline_of(self.items.next().expect("a value has a deadline after it")) } else { None };
        Some(Field { name, value, deadline })
    }
}

/// Either of two iterators.
enum Fields<P, T> {
    Packed(P),
    Table(T),
}

impl<'a, P: Iterator<Item = Field<'a>>, T: Iterator<Item = Field<'a>>> Iterator for Fields<P, T> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Fields::Packed(fields) => fields.next(),
            Fields::Table(fields) => fields.next(),
        }
    }
}

impl<'a> HashRef<'a> {
    #[inline]
    pub(super) fn of_packed(bytes: &'a [u8], with_deadlines: bool) -> HashRef<'a> {
        HashRef(Form::Packed { listpack: Listpack::new(bytes), with_deadlines })
    }

    #[inline]
    pub(super) fn of_table(table: &'a Table) -> HashRef<'a> {
        HashRef(Form::Table(table))
    }

    /// Number of fields, due ones included.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // an empty hash is no key
    pub fn len(self) -> usize {
        match self.0 {
            Form::Packed { listpack, with_deadlines } => listpack.len() / packed::step(with_deadlines),
            Form::Table(table) => table.len(),
        }
    }

    /// Number of fields that are not due. Walks those with a deadline if any may be due.
    pub fn live_len(self, before_ms: u64) -> usize {
        if !self.may_have_due(before_ms) {
            return self.len();
        }
        match self.0 {
            Form::Packed { .. } => self.iter().filter(|field| !field.is_due(before_ms)).count(),
            Form::Table(table) => table.len() - table.count_due(before_ms),
        }
    }

    /// Whether fields may be due. If not, none is.
    #[inline]
    pub fn may_have_due(self, before_ms: u64) -> bool {
        self.next_deadline().is_some_and(|deadline| deadline < before_ms)
    }

    /// A moment that is not later than the first deadline of a field; `None` if no field has one.
    #[inline]
    pub fn next_deadline(self) -> Option<u64> {
        match self.0 {
            Form::Packed { with_deadlines: false, .. } => None,
            Form::Packed { listpack, .. } => packed::first_deadline(listpack.bytes()),
            Form::Table(table) => table.next_deadline(),
        }
    }

    /// Whether the first deadline comes first, as it must in compact bytes; bytes from outside may have another order. Looks
    /// at all fields of a small hash.
    pub fn is_in_order(self) -> bool {
        match self.0 {
            Form::Table(_) => true,
            Form::Packed { .. } => self.iter().map(|field| field.deadline.unwrap_or(u64::MAX)).is_sorted(),
        }
    }

    /// A field, due or not.
    #[inline]
    pub fn get(self, name: &[u8]) -> Option<Field<'a>> {
        match self.0 {
            Form::Packed { listpack, with_deadlines } => {
                let place = packed::find(listpack.bytes(), with_deadlines, name)?;
                PackedFields { items: listpack.iter_from(place), with_deadlines }.next()
            }
            Form::Table(table) => table.get(table.key(name)).map(table_field),
        }
    }

    /// All fields, due ones included, in no particular order (but the same for the same hash).
    pub fn iter(self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        match self.0 {
            Form::Packed { listpack, with_deadlines } => Fields::Packed(PackedFields { items: listpack.iter(), with_deadlines }),
            Form::Table(table) => Fields::Table(table.iter().map(table_field)),
        }
    }

    /// Visits about `count` fields from `cursor` on, due ones included, and returns the next cursor; zero starts and ends. A small
    /// hash is visited as a whole, whatever the cursor.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Field<'_>)) -> u64 {
        match self.0 {
            Form::Packed { .. } => {
                self.iter().for_each(visit);
                0
            }
            Form::Table(table) => table.scan(cursor, count, &mut |entry| visit(table_field(entry))),
        }
    }

    /// A field of a large hash, due or not, each as likely as every other; `None` if the hash is small: [`HashRef::iter`] is
    /// short then.
    pub fn random(self, random: u64) -> Option<Field<'a>> {
        match self.0 {
            Form::Packed { .. } => None,
            Form::Table(table) => table.random(random).map(table_field),
        }
    }

    /// Whether the hash is one run of bytes.
    pub fn is_small(self) -> bool {
        matches!(self.0, Form::Packed { .. })
    }
}
