//! Making a set from members: what commands store, and what a file holds.

use super::{SetRef, add_to_table, intset_may_be_listpack, listpack_of, listpack_takes, table_of};
use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::large::Large;
use crate::set::view::Form;
use crate::table::Table;
use crate::thresholds::Thresholds;
use crate::value::{Packed, StringRef};
use graven_listpack::{self as listpack, Intset, Item, Listpack, parse_canonical};

/// A set that is no key's value yet.
pub struct SetBuilder {
    form: Growing,
    hasher: Hasher,
    thresholds: Thresholds,
}

enum Growing {
    Intset(Vec<u8>),
    Listpack(Vec<u8>),
    Table(Box<Table>),
}

impl SetBuilder {
    /// An empty set that begins as an intset and becomes whatever its members make of it. `hasher` is the keyspace's.
    pub fn new(hasher: Hasher, thresholds: &Thresholds) -> SetBuilder {
        let mut bytes = Vec::new();
        listpack::clear_intset(&mut bytes);
        SetBuilder { form: Growing::Intset(bytes), hasher, thresholds: *thresholds }
    }

    /// An empty set that will get `count` members, of which this is the first.
    pub fn for_members(first: &[u8], count: usize, hasher: Hasher, thresholds: &Thresholds) -> SetBuilder {
        let mut set = SetBuilder::new(hasher, thresholds);
        if parse_canonical(first).is_none() || count > thresholds.set_max_intset_entries {
            set.form = match count <= thresholds.set_max_listpack_entries {
                true => Growing::Listpack(listpack::new()),
                false => Growing::Table(Box::new(Table::new(hasher))),
            };
        }
        set
    }

    /// An empty set that is stored as another one is.
    pub fn like(set: SetRef<'_>, hasher: Hasher, thresholds: &Thresholds) -> SetBuilder {
        let mut new = SetBuilder::new(hasher, thresholds);
        match set.0 {
            Form::Intset(_) => {}
            Form::Listpack(_) => new.form = Growing::Listpack(listpack::new()),
            Form::Table(_) => new.form = Growing::Table(Box::new(Table::new(hasher))),
        }
        new
    }

    /// The same, for reading.
    pub fn as_ref(&self) -> SetRef<'_> {
        SetRef(match &self.form {
            Growing::Intset(bytes) => Form::Intset(Intset::new(bytes)),
            Growing::Listpack(bytes) => Form::Listpack(Listpack::new(bytes)),
            Growing::Table(table) => Form::Table(table),
        })
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a member; false if it is there already.
    pub fn add(&mut self, member: &[u8]) -> bool {
        match &mut self.form {
            Growing::Table(table) => return add_to_table(table, member),
            Growing::Intset(bytes) => match parse_canonical(member) {
                Some(number) => {
                    let added = listpack::insert_intset(bytes, number);
                    if Intset::new(bytes).len() > self.thresholds.set_max_intset_entries {
                        self.enlarge();
                    }
                    return added;
                }
                None if intset_may_be_listpack(Intset::new(bytes), member.len(), &self.thresholds) => {
                    let mut bytes = listpack_of(Intset::new(bytes));
                    listpack::append(&mut bytes, Item::Bytes(member));
                    self.form = Growing::Listpack(bytes);
                    return true;
                }
                None => {}
            },
            Growing::Listpack(bytes) => {
                let view = Listpack::new(bytes);
                if view.find(view.first(), member, 1).is_some() {
                    return false;
                }
                if listpack_takes(view.len(), member.len(), &self.thresholds) {
                    listpack::append(bytes, Item::of(member));
                    return true;
                }
            }
        }
        add_to_table(self.enlarge(), member)
    }

    /// Adds a member that may be a number; false if it is there already.
    pub fn add_member(&mut self, member: StringRef<'_>) -> bool {
        self.add(member.to_bytes(&mut [0; 20]))
    }

    /// Takes a member out; false if it is not there.
    pub fn remove(&mut self, member: StringRef<'_>) -> bool {
        let mut scratch = [0; 20];
        let text = member.to_bytes(&mut scratch);
        match &mut self.form {
            Growing::Table(table) => table.remove(table.key(text)).is_some(),
            Growing::Intset(bytes) => parse_canonical(text).is_some_and(|number| listpack::remove_intset(bytes, number)),
            Growing::Listpack(bytes) => {
                let view = Listpack::new(bytes);
                let place = view.find(view.first(), text, 1);
                place.is_some_and(|place| {
                    listpack::remove(bytes, place, 1);
                    true
                })
            }
        }
    }

    /// Makes it an intset if all members are numbers, and not too many.
    pub fn prefer_intset(&mut self) {
        if matches!(self.form, Growing::Intset(_)) || self.len() > self.thresholds.set_max_intset_entries {
            return;
        }
        let mut bytes = Vec::new();
        listpack::clear_intset(&mut bytes);
        for member in self.as_ref().iter() {
            let Some(number) = parse_canonical(member.to_bytes(&mut [0; 20])) else { return };
            listpack::insert_intset(&mut bytes, number);
        }
        self.form = Growing::Intset(bytes);
    }

    fn enlarge(&mut self) -> &mut Table {
        if !matches!(self.form, Growing::Table(_)) {
            self.form = Growing::Table(table_of(self.as_ref().iter(), self.hasher));
        }
        match &mut self.form {
            Growing::Table(table) => table,
            _ => unreachable!("it was made a table"),
        }
    }

    /// The set as a value of a key.
    pub fn into_entry(self, key: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        match self.form {
            Growing::Intset(bytes) => Entry::new_packed(key, Packed::Intset, &bytes, deadline, access),
            Growing::Listpack(bytes) => Entry::new_packed(key, Packed::Set, &bytes, deadline, access),
            Growing::Table(table) => Entry::new_large(key, Large::Set(table), deadline, access),
        }
    }
}
