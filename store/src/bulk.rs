//! Many keys at once: what loading a file puts into a table.
//!
//! Entries are made elsewhere, on other threads, so each comes as a [`Incoming`]: with its hash, and with the one fact that the table needs about it. To put it in
//! reads neither its key nor its value, which are in another processor's cache: only the bucket is touched, and that was asked for
//! some entries before.
//!
//! A table that is told how many keys will come ([`Table::reserve`]) has its segments and most of their buckets from the start, so
//! that none is split, which would read all of its keys again. The number is a hint: if it is too small, segments split as ever.
//! Where it is only a guess ([`Table::expect`]), a segment acts on it when it is full: one that is split while it has few keys will
//! not be split when it has many. A guess that was much too high costs some bytes a key, in smaller segments.
//!
//! # Invariants
//!
//! * A key that is in the table already, or comes twice, is found, not overwritten: what is before it is in the table, it and what follows is not.
//! * Entries are counted and marked exactly as by [`Table::insert`].

use crate::entry::Entry;
use crate::hasher::Key;
use crate::segment::Segment;
use crate::table::Table;

/// Entries whose bucket is asked for ahead.
const AHEAD: usize = 24;
/// A table is reserved with so many keys a segment at most; segments split at 617 to 1033.
const RESERVED_SEGMENT_LEN: usize = 600;
/// A segment with fewer keys is not split, however many are expected.
pub(crate) const EARLY_SPLIT_LEN: usize = 48;
/// Tables of less than so many keys need no room in advance.
const MIN_RESERVED_LEN: usize = 32;
/// The most segments that are made in advance, as a power of two: enough for 5 billion keys.
const MAX_RESERVED_DEPTH: u8 = 23;

/// An entry on its way into a table.
pub struct Incoming {
    hash: u64,
    entry: Entry,
    /// Whether it or one of its fields has a deadline.
    is_volatile: bool,
}

impl Incoming {
    /// For a table that hashes as `key` was hashed, whose key the entry must have.
    pub fn new(key: Key<'_>, entry: Entry) -> Incoming {
        debug_assert_eq!(entry.key(), key.bytes);
        Incoming { hash: key.hash, is_volatile: entry.is_volatile(), entry }
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// How many keys a table is to have: see [`Table::expect`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint {
    /// How long prefixes should be; no segment splits for it that has fewer keys than [`EARLY_SPLIT_LEN`].
    pub(crate) depth: u8,
    /// The keys of a segment then.
    pub(crate) segment_len: usize,
}

/// The length of prefixes with which segments have their share of `keys`.
fn depth_for(keys: usize) -> u8 {
    let mut depth = 0;
    while keys >> depth > RESERVED_SEGMENT_LEN && depth < MAX_RESERVED_DEPTH {
        depth += 1;
    }
    depth
}

impl Table {
    /// Puts in entries whose keys are not there, in order. If one is there, or comes twice, returns its place among the entries,
    /// and the entry; those after it are dropped.
    ///
    /// # Errors
    ///
    /// The entry whose key is there already.
    pub fn insert_all(&mut self, entries: Vec<Incoming>) -> Result<(), (usize, Entry)> {
        for incoming in entries.iter().take(AHEAD) {
            self.prefetch_bucket(incoming.hash);
        }
        let count = entries.len();
        let mut entries = entries.into_iter();
        loop {
            if let Some(ahead) = entries.as_slice().get(AHEAD) {
                self.prefetch_bucket(ahead.hash);
            }
            let Some(Incoming { hash, entry, is_volatile }) = entries.next() else { return Ok(()) };
            if self.segment(hash).find_by(hash, |there| there.key() == entry.key()).is_some() {
                return Err((count - entries.len() - 1, entry));
            }
            self.insert_marked(hash, entry, is_volatile);
        }
    }

    /// Expects so many keys in all, from now on until [`Table::settle`]. Nothing is done in advance: but a segment that is full anyway
    /// is split early, while it has few keys, or grows in larger steps.
    pub fn expect(&mut self, keys: usize) {
        let depth = depth_for(keys);
        self.hint = Hint { depth, segment_len: (keys >> depth) + (keys >> depth).isqrt() };
    }

    /// Expects no more keys than usual, and takes back room that was made for some that did not come.
    pub fn settle(&mut self) {
        self.hint = Hint::default();
        self.segments.iter_mut().for_each(Segment::settle);
    }

    /// Prepares for `keys` keys in all. Keys that are there are moved, so this is for tables that have few of them.
    pub fn reserve(&mut self, keys: usize) {
        let depth = depth_for(keys);
        self.deepen(depth);
        // Hashes spread keys evenly, but not exactly: one segment in six will have to grow once more.
        let share = (keys >> depth) + (keys >> depth).isqrt();
        if share > MIN_RESERVED_LEN {
            self.segments.iter_mut().for_each(|segment| segment.reserve(share));
        }
    }

    /// Splits segments until all prefixes are at least so long.
    fn deepen(&mut self, depth: u8) {
        for part in 0..1_u64 << depth {
            // Any hash with these first bits leads to the segment.
            let hash = (part << 1) << (63 - depth);
            while self.segment(hash).depth() < depth {
                self.split(hash);
            }
        }
    }
}
