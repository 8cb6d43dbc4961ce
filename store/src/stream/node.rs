//! One node of a stream: a listpack of some entries, laid out as Redis lays it out, byte for byte.
//!
//! ```text
//! master entry   entries   deleted   fields   field …   0
//! entry          flags   ms difference   seq difference   [fields]   [field] value …   items
//! ```
//!
//! The master entry counts what lives and what is marked as deleted, and holds the field names of the first entry. An entry
//! with the same names in the same order (`SAME_FIELDS`) leaves them and their number out. Differences are to the node's own
//! identifier, which is that of its first entry. `items` is how many items of the listpack the entry has before it, so that
//! entries are walked backwards too.
//!
//! Nodes are shared with clones of the stream until one of the two writes.

use super::StreamId;
use graven_listpack::{HEADER_BYTES, Item, Listpack, Place, extend, new, replace};
use std::sync::Arc;

/// The entry is gone.
pub(super) const DELETED: i64 = 1;
/// The entry has the field names of the master entry.
pub(super) const SAME_FIELDS: i64 = 2;

/// Items of an entry beside its fields and values: flags and the two differences.
const ENTRY_ITEMS: i64 = 3;

#[derive(Clone)]
pub(super) struct Node {
    /// What the differences are to.
    pub(super) id: StreamId,
    pub(super) pack: Arc<Vec<u8>>,
}

/// What the master entry says.
#[derive(Clone, Copy)]
pub(super) struct Master {
    pub(super) live: i64,
    pub(super) deleted: i64,
    pub(super) fields: usize,
    pub(super) fields_at: Place,
    /// Where the first entry begins.
    pub(super) entries_at: Place,
}

/// Where an entry is, and what it is.
#[derive(Clone, Copy)]
pub(super) struct Located {
    pub(super) at: Place,
    pub(super) flags: i64,
    pub(super) id: StreamId,
    pub(super) fields: usize,
    /// Its first field, or its first value if it has the master entry's fields.
    pub(super) content_at: Place,
}

impl Located {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    pub(super) fn has_same_fields(&self) -> bool {
        self.flags & SAME_FIELDS != 0
    }
}

/// The number at a place, and the place after it.
#[inline]
fn int(pack: Listpack<'_>, at: Place) -> (i64, Place) {
    match pack.at(at) {
        Item::Int(number) => (number, pack.after(at)),
        Item::Bytes(_) => unreachable!("written or checked to be a number"),
    }
}

#[inline]
fn skip(pack: Listpack<'_>, at: Place, items: usize) -> Place {
    (0..items).fold(at, |at, _| pack.after(at))
}

impl Node {
    /// A node whose fields are those of its first entry, which is still to be appended.
    pub(super) fn new<'f>(id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) -> Node {
        let names = pairs.clone().step_by(2).map(Item::of);
        let counts = [0, 0, (pairs.len() / 2) as i64].map(Item::Int);
        let mut pack = new();
        extend(&mut pack, counts.into_iter().chain(names).chain([Item::Int(0)]));
        Node { id, pack: Arc::new(pack) }
    }

    pub(super) fn view(&self) -> Listpack<'_> {
        Listpack::new(&self.pack)
    }

    pub(super) fn master(&self) -> Master {
        let pack = self.view();
        let (live, at) = int(pack, HEADER_BYTES);
        let (deleted, at) = int(pack, at);
        let (fields, fields_at) = int(pack, at);
        let entries_at = skip(pack, fields_at, fields as usize + 1);
        Master { live, deleted, fields: fields as usize, fields_at, entries_at }
    }

    /// The entry that begins at `at`.
    #[inline]
    pub(super) fn entry(&self, master: &Master, at: Place) -> Located {
        let pack = self.view();
        let (flags, next) = int(pack, at);
        let (ms, next) = int(pack, next);
        let (seq, next) = int(pack, next);
        let id = self.id.plus(ms, seq);
        if flags & SAME_FIELDS != 0 {
            return Located { at, flags, id, fields: master.fields, content_at: next };
        }
        let (fields, content_at) = int(pack, next);
        Located { at, flags, id, fields: fields as usize, content_at }
    }

    /// Where the entry after this one begins, or the end.
    #[inline]
    pub(super) fn after(&self, entry: &Located) -> Place {
        let items = if entry.has_same_fields() { entry.fields } else { 2 * entry.fields };
        skip(self.view(), entry.content_at, items + 1)
    }

    /// Where the entry that ends at `end` begins.
    pub(super) fn before(&self, end: Place) -> Place {
        let pack = self.view();
        let last = pack.before(end).expect("an entry ends with the number of its items");
        let (items, _) = int(pack, last);
        (0..items).fold(last, |at, _| pack.before(at).expect("an entry has as many items as it says"))
    }

    /// The living entry with this identifier.
    pub(super) fn find(&self, id: StreamId) -> Option<Located> {
        let master = self.master();
        let end = self.view().end();
        let mut at = master.entries_at;
        while at < end {
            let entry = self.entry(&master, at);
            if entry.id == id && !entry.is_deleted() {
                return Some(entry);
            }
            if entry.id > id {
                return None;
            }
            at = self.after(&entry);
        }
        None
    }

    /// The identifier of the last entry, deleted or not.
    pub(super) fn last_id(&self) -> StreamId {
        let end = self.view().end();
        let master = self.master();
        if end == master.entries_at {
            return self.id;
        }
        self.entry(&master, self.before(end)).id
    }

    /// Adds an entry of fields and values in turn. Its identifier is greater than all before it.
    pub(super) fn append<'f>(&mut self, id: StreamId, pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) {
        let master = self.master();
        let count = pairs.len() / 2;
        let same = count == master.fields && {
            let names = self.view().iter_from(master.fields_at);
            pairs.clone().step_by(2).zip(names).all(|(field, name)| Item::of(field) == name)
        };
        let ms = id.ms.wrapping_sub(self.id.ms) as i64;
        let seq = id.seq.wrapping_sub(self.id.seq) as i64;
        let pack = Arc::make_mut(&mut self.pack);
        replace(pack, HEADER_BYTES, Item::Int(master.live + 1));
        if same {
            let head = [SAME_FIELDS, ms, seq].map(Item::Int);
            let values = pairs.skip(1).step_by(2).map(Item::of);
            extend(pack, head.into_iter().chain(values).chain([Item::Int(ENTRY_ITEMS + count as i64)]));
        } else {
            let head = [0, ms, seq, count as i64].map(Item::Int);
            let tail = Item::Int(ENTRY_ITEMS + 1 + 2 * count as i64);
            extend(pack, head.into_iter().chain(pairs.map(Item::of)).chain([tail]));
        }
    }

    /// Marks living entries as deleted and corrects the counts. The flags keep their width, so places stay.
    pub(super) fn mark_deleted(&mut self, entries: &[Located]) {
        let Master { live, deleted, .. } = self.master();
        let count = entries.len() as i64;
        let pack = Arc::make_mut(&mut self.pack);
        for entry in entries {
            debug_assert!(!entry.is_deleted());
            replace(pack, entry.at, Item::Int(entry.flags | DELETED));
        }
        let deleted_at = replace(pack, HEADER_BYTES, Item::Int(live - count));
        replace(pack, deleted_at, Item::Int(deleted + count));
    }
}
