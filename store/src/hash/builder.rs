//! Making a hash of its fields.

use super::change::FieldDeadline;
use super::{fits_packed, packed, table_entry};
use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::large::Large;
use crate::slot::Slot;
use crate::table::Table;
use crate::thresholds::Thresholds;
use crate::value::Packed;

/// What a small hash is expected to need, in bytes.
const USUAL_BYTES: usize = 128;

/// Collects fields; becomes large as soon as the limits say so.
pub struct HashBuilder<'l> {
    hasher: Hasher,
    limits: &'l Thresholds,
    form: Form,
}

enum Form {
    Packed { bytes: Vec<u8>, with_deadlines: bool },
    Table(Box<Table>),
}

impl<'l> HashBuilder<'l> {
    /// No fields yet. `hasher` is the keyspace's.
    pub fn new(hasher: Hasher, limits: &'l Thresholds) -> HashBuilder<'l> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.extend_from_slice(&graven_listpack::new());
        HashBuilder { hasher, limits, form: Form::Packed { bytes, with_deadlines: false } }
    }

    /// Sets a field; true if it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], deadline: Option<u64>) -> bool {
        let change = deadline.map_or(FieldDeadline::Clear, FieldDeadline::At);
        if let Form::Packed { bytes, with_deadlines } = &mut self.form {
            if fits_packed(self.limits, field, value) {
                if deadline.is_some() && !*with_deadlines {
                    *bytes = packed::with_deadlines(bytes);
                    *with_deadlines = true;
                }
                let created = packed::set(bytes, *with_deadlines, field, value, change);
                if packed::len(bytes, *with_deadlines) > self.limits.hash_max_listpack_entries {
                    self.grow();
                }
                return created;
            }
            self.grow();
        }
        let Form::Table(table) = &mut self.form else { unreachable!("it has grown") };
        set_in_table(table, field, value, change)
    }

    /// Makes a table of the listpack.
    fn grow(&mut self) {
        if let Form::Packed { bytes, with_deadlines } = &self.form {
            self.form = Form::Table(Box::new(to_table(self.hasher, bytes, *with_deadlines)));
        }
    }

    /// The entry. There must be a field.
    pub fn finish(self, key: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        match self.form {
            Form::Packed { bytes, with_deadlines } => {
                let packed = if with_deadlines { Packed::HashWithDeadlines } else { Packed::Hash };
                Entry::new_packed(key, packed, &bytes, deadline, access)
            }
            Form::Table(table) => Entry::new_large(key, Large::Hash(table), deadline, access),
        }
    }
}

/// A table of the fields of a listpack.
pub(super) fn to_table(hasher: Hasher, bytes: &[u8], with_deadlines: bool) -> Table {
    let mut table = Table::new(hasher);
    for field in super::HashRef::of_packed(bytes, with_deadlines).iter() {
        let (mut name, mut value) = ([0; 20], [0; 20]);
        let (name, value) = (field.name.to_bytes(&mut name), field.value.to_bytes(&mut value));
        let key = hasher.key(name);
        table.insert(key, table_entry(name, value, field.deadline));
    }
    table
}

/// Sets a field of a table; true if it is new.
pub(super) fn set_in_table(table: &mut Table, field: &[u8], value: &[u8], change: FieldDeadline) -> bool {
    let key = table.key(field);
    match table.slot(key) {
        Slot::Occupied(mut place) => {
            let old = place.entry().deadline();
            place.set_bytes(value);
            place.set_deadline(change.applied_to(old));
            false
        }
        Slot::Vacant(place) => {
            place.insert_entry(table_entry(field, value, change.applied_to(None)));
            true
        }
    }
}
