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
//! What is here reads a node; `chunk.rs` holds nodes and writes them.

use super::StreamId;
use graven_listpack::{HEADER_BYTES, Item, Listpack, Place, extend, new};

/// The entry is gone.
pub(super) const DELETED: i64 = 1;
/// The entry has the field names of the master entry.
pub(super) const SAME_FIELDS: i64 = 2;

/// Items of an entry beside its fields and values: flags and the two differences.
const ENTRY_ITEMS: i64 = 3;

/// A node that stands in a chunk.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    /// What the differences are to.
    pub(super) id: StreamId,
    pub(super) pack: Listpack<'a>,
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

/// The items of a master entry that counts no entry yet, with the fields of the entry to come.
pub(super) fn master_items<'f>(pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone) -> impl Iterator<Item = Item<'f>> + Clone {
    let counts = [0, 0, (pairs.len() / 2) as i64].map(Item::Int);
    counts.into_iter().chain(pairs.step_by(2).map(Item::of)).chain([Item::Int(0)])
}

impl Node<'_> {
    pub(super) fn master(&self) -> Master {
        let pack = self.pack;
        let (live, at) = int(pack, HEADER_BYTES);
        let (deleted, at) = int(pack, at);
        let (fields, fields_at) = int(pack, at);
        let entries_at = skip(pack, fields_at, fields as usize + 1);
        Master { live, deleted, fields: fields as usize, fields_at, entries_at }
    }

    /// The entry that begins at `at`.
    #[inline]
    pub(super) fn entry(&self, master: &Master, at: Place) -> Located {
        let pack = self.pack;
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
        skip(self.pack, entry.content_at, items + 1)
    }

    /// Where the entry that ends at `end` begins.
    pub(super) fn before(&self, end: Place) -> Place {
        let pack = self.pack;
        let last = pack.before(end).expect("an entry ends with the number of its items");
        let (items, _) = int(pack, last);
        (0..items).fold(last, |at, _| pack.before(at).expect("an entry has as many items as it says"))
    }

    /// The living entry with this identifier.
    pub(super) fn find(&self, id: StreamId) -> Option<Located> {
        let master = self.master();
        let end = self.pack.end();
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
        let end = self.pack.end();
        let master = self.master();
        if end == master.entries_at {
            return self.id;
        }
        self.entry(&master, self.before(end)).id
    }

    /// Its bytes without the entries that are marked as deleted; `None` if no other is left.
    pub(super) fn without_deleted(&self) -> Option<Vec<u8>> {
        let (master, mut kept) = (self.master(), new());
        if master.live == 0 {
            return None;
        }
        let fields = std::iter::once(Item::Int(master.fields as i64)).chain(self.pack.iter_from(master.fields_at).take(master.fields + 1));
        extend(&mut kept, [master.live, 0].map(Item::Int).into_iter().chain(fields));
        let mut at = master.entries_at;
        while at < self.pack.end() {
            let entry = self.entry(&master, at);
            at = self.after(&entry);
            if !entry.is_deleted() {
                let items = if entry.has_same_fields() { entry.fields + 4 } else { 2 * entry.fields + 5 };
                extend(&mut kept, self.pack.iter_from(entry.at).take(items));
            }
        }
        Some(kept)
    }

    /// The identifier of an entry, as differences to the node's.
    fn differences(&self, id: StreamId) -> (i64, i64) {
        (id.ms.wrapping_sub(self.id.ms) as i64, id.seq.wrapping_sub(self.id.seq) as i64)
    }

    /// Whether an entry of these fields and values has the fields of the master entry.
    pub(super) fn has_fields_of<'f>(&self, master: &Master, pairs: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        pairs.len() / 2 == master.fields && {
            let names = self.pack.iter_from(master.fields_at);
            pairs.step_by(2).zip(names).all(|(field, name)| Item::of(field) == name)
        }
    }

    /// The items of an entry that brings its own field names.
    pub(super) fn entry_items<'f, P>(&self, id: StreamId, pairs: P) -> impl Iterator<Item = Item<'f>> + Clone + use<'f, P>
    where
        P: ExactSizeIterator<Item = &'f [u8]> + Clone,
    {
        let (ms, seq) = self.differences(id);
        let count = (pairs.len() / 2) as i64;
        let head = [0, ms, seq, count].map(Item::Int);
        head.into_iter().chain(pairs.map(Item::of)).chain([Item::Int(ENTRY_ITEMS + 1 + 2 * count)])
    }

    /// The items of an entry with the field names of the master entry.
    pub(super) fn like_master_items<'f, P>(&self, id: StreamId, pairs: P) -> impl Iterator<Item = Item<'f>> + Clone + use<'f, P>
    where
        P: ExactSizeIterator<Item = &'f [u8]> + Clone,
    {
        let (ms, seq) = self.differences(id);
        let count = (pairs.len() / 2) as i64;
        let head = [SAME_FIELDS, ms, seq].map(Item::Int);
        head.into_iter().chain(pairs.skip(1).step_by(2).map(Item::of)).chain([Item::Int(ENTRY_ITEMS + count)])
    }
}
