//! A table of entries: one database, or one large hash or set. A directory of segments, by the top bits of the hash.
//!
//! The directory has a power of two entries; a segment whose prefix is shorter than the directory's index fills several
//! neighbouring ones. When a segment is full it splits in two, and only if its prefix is as long as the index does the directory
//! double, which copies four bytes per segment. So no operation ever touches more than one segment's entries.

use crate::bulk::Hint;
use crate::capture;
use crate::entry::Entry;
use crate::hasher::{Hasher, Key};
use crate::segment::{Place, Segment};
use crate::slot::{Occupied, Slot, Vacant};

/// A numbered database, or the content of a large hash or set.
#[derive(Clone)]
pub struct Table {
    pub(crate) hasher: Hasher,
    depth: u8,
    directory: Vec<u32>,
    pub(crate) segments: Vec<Segment>,
    /// For each segment a lower bound of its deadlines, those of hashes' fields included; `u64::MAX` without any.
    pub(crate) next_deadlines: Vec<u64>,
    /// A lower bound of all of these; `u64::MAX` without any.
    pub(crate) earliest: u64,
    len: usize,
    volatile: usize,
    /// Hashes of which a field has a deadline.
    expiring_hashes: usize,
    deadline_sum: u128,
    /// The segment at which the next expiry pass goes on.
    pub(crate) expire_next: usize,
    pub(crate) capture: capture::State,
    /// How large it is expected to grow.
    pub(crate) hint: Hint,
}

/// The shape of a database's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// Keys.
    pub keys: usize,
    /// Segments.
    pub segments: usize,
    /// Slots in all segments.
    pub slots: usize,
    /// Entries of the directory.
    pub directory: usize,
    /// Bytes of directory, segments and buckets, without the entries.
    pub bytes: usize,
}

/// Where an entry is within a database.
#[derive(Clone, Copy)]
pub(crate) struct Location {
    pub(crate) segment: usize,
    pub(crate) place: Place,
}

impl Table {
    /// An empty table that hashes with `hasher`, the keyspace's.
    pub fn new(hasher: Hasher) -> Table {
        Table {
            hasher,
            depth: 0,
            directory: vec![0],
            segments: vec![Segment::new(0, 0)],
            next_deadlines: vec![u64::MAX],
            earliest: u64::MAX,
            len: 0,
            volatile: 0,
            expiring_hashes: 0,
            deadline_sum: 0,
            expire_next: 0,
            capture: capture::State::default(),
            hint: Hint::default(),
        }
    }

    /// A key with its hash.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        self.hasher.key(bytes)
    }

    /// Number of keys, expired ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of keys with a deadline.
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// Number of hashes of which a field has a deadline.
    pub fn expiring_hashes(&self) -> usize {
        self.expiring_hashes
    }

    /// Whether any key, or any field of a hash, has a deadline.
    #[inline]
    pub fn has_deadlines(&self) -> bool {
        self.volatile + self.expiring_hashes > 0
    }

    /// A moment that is not later than any deadline; `None` if there is none.
    #[inline]
    pub fn next_deadline(&self) -> Option<u64> {
        self.has_deadlines().then_some(self.earliest)
    }

    /// Sum of all deadlines in milliseconds; with [`Table::volatile_len`] it gives the average time to live.
    pub fn deadline_sum(&self) -> u128 {
        self.deadline_sum
    }

    #[inline(always)]
    pub(crate) fn directory_index(&self, hash: u64) -> usize {
        ((hash >> 1) >> (63 - self.depth)) as usize
    }

    #[inline(always)]
    pub(crate) fn segment_index(&self, hash: u64) -> usize {
        self.directory[self.directory_index(hash)] as usize
    }

    #[inline(always)]
    pub(crate) fn segment(&self, hash: u64) -> &Segment {
        &self.segments[self.segment_index(hash)]
    }

    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// Asks the processor for the bucket where `hash` would be.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.segment(hash).prefetch_home(hash);
    }

    /// Reads that bucket and asks for the entry that looks like it, if any.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.segment(hash).prefetch_candidates(hash);
    }

    /// The entry of a key, expired or not: the database does not know the time.
    #[inline]
    pub fn get(&self, key: Key<'_>) -> Option<&Entry> {
        self.segment(key.hash).find(key.hash, key.bytes).map(|(_, entry)| entry)
    }

    /// The place of a key, to look at, change, fill or empty it without a second lookup.
    #[inline]
    pub fn slot<'a>(&'a mut self, key: Key<'a>) -> Slot<'a> {
        let segment = self.segment_index(key.hash);
        match self.segments[segment].find(key.hash, key.bytes) {
            Some((place, _)) => Slot::Occupied(Occupied::new(self, Location { segment, place })),
            None => Slot::Vacant(Vacant::new(self, key)),
        }
    }

    /// Puts an entry, whose key must be `key`, in place of what is there; returns what was.
    pub fn insert(&mut self, key: Key<'_>, entry: Entry) -> Option<Entry> {
        match self.slot(key) {
            Slot::Occupied(mut occupied) => Some(occupied.replace(entry)),
            Slot::Vacant(vacant) => {
                vacant.insert_entry(entry);
                None
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: Key<'_>) -> Option<Entry> {
        match self.slot(key) {
            Slot::Occupied(occupied) => Some(occupied.remove()),
            Slot::Vacant(_) => None,
        }
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.segments.iter().flat_map(Segment::entries)
    }

    /// The segments in the order of hashes; each with a hash whose top bits are its prefix, and whose others are zero.
    pub(crate) fn segments_with_prefixes(&self) -> impl Iterator<Item = (u64, &Segment)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let segment = &self.segments[*self.directory.get(next)? as usize];
            // Shifted in two steps: by 64 if there is but one segment.
            let prefix = (next as u64) << (63 - self.depth) << 1;
            next += 1 << (self.depth - segment.depth());
            Some((prefix, segment))
        })
    }

    /// Empties the database and returns its former contents, to be dropped wherever the caller likes.
    pub fn clear(&mut self) -> Table {
        let mut empty = Table::new(self.hasher);
        empty.capture = self.capture.of_successor();
        std::mem::replace(self, empty)
    }

    /// Counts the coming or going of deadlines in a segment.
    #[inline]
    pub(crate) fn count_deadline(&mut self, segment: usize, old: Option<u64>, new: Option<u64>) {
        if let Some(deadline) = old {
            self.volatile -= 1;
            self.deadline_sum -= u128::from(deadline);
        }
        if let Some(deadline) = new {
            self.volatile += 1;
            self.deadline_sum += u128::from(deadline);
            self.note_deadline(segment, deadline);
        }
    }

    /// Counts the coming, going or change of the first deadline of a hash's fields in a segment.
    pub(crate) fn count_fields(&mut self, segment: usize, old: Option<u64>, new: Option<u64>) {
        self.expiring_hashes -= usize::from(old.is_some());
        if let Some(deadline) = new {
            self.expiring_hashes += 1;
            self.note_deadline(segment, deadline);
        }
    }

    #[inline]
    fn note_deadline(&mut self, segment: usize, deadline: u64) {
        let next = &mut self.next_deadlines[segment];
        *next = deadline.min(*next);
        self.earliest = deadline.min(self.earliest);
    }

    /// Sets, changes or removes a key's deadline. False if there is no such key.
    pub(crate) fn set_deadline(&mut self, key: Key<'_>, deadline: Option<u64>) -> bool {
        match self.slot(key) {
            Slot::Occupied(mut place) => {
                place.set_deadline(deadline);
                true
            }
            Slot::Vacant(_) => false,
        }
    }

    /// Adds an entry whose key is not here.
    pub(crate) fn insert_new(&mut self, hash: u64, entry: Entry) -> Location {
        let is_volatile = entry.is_volatile();
        self.insert_marked(hash, entry, is_volatile)
    }

    /// The same for one of which it is known whether it or one of its fields has a deadline.
    #[inline(always)]
    pub(crate) fn insert_marked(&mut self, hash: u64, mut entry: Entry, is_volatile: bool) -> Location {
        entry.set_seen(self.capture.phase());
        self.capture.note_arrival(&entry);
        let mut segment = self.segment_index(hash);
        while self.segments[segment].reserve_one(self.hint) {
            self.split(hash);
            segment = self.segment_index(hash);
        }
        self.len += 1;
        if is_volatile {
            self.count_deadline(segment, None, entry.deadline());
            self.count_fields(segment, None, entry.field_deadline());
        }
        let place = self.segments[segment].insert(hash, is_volatile, entry);
        Location { segment, place }
    }

    /// Takes an entry out; other locations in the segment are invalid afterwards.
    pub(crate) fn take(&mut self, location: Location) -> Entry {
        self.before_change(location);
        let segment = &mut self.segments[location.segment];
        let entry = segment.take(location.place);
        segment.tidy();
        self.len -= 1;
        self.count_deadline(location.segment, entry.deadline(), None);
        self.count_fields(location.segment, entry.field_deadline(), None);
        entry
    }

    /// Counts an entry that was taken from the segment directly.
    pub(crate) fn count_taken(&mut self, segment: usize, entry: &Entry) {
        self.len -= 1;
        self.count_deadline(segment, entry.deadline(), None);
        self.count_fields(segment, entry.field_deadline(), None);
    }

    /// Splits the segment of `hash` in two.
    pub(crate) fn split(&mut self, hash: u64) {
        let lower = self.segment_index(hash);
        let depth = self.segments[lower].depth();
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth += 1;
        }
        let upper = self.segments.len();
        let half = self.segments[lower].split(&self.hasher, self.hasher.hash(&hash.to_le_bytes()));
        self.segments.push(half);
        self.next_deadlines.push(self.next_deadlines[lower]);
        let span = 1 << (self.depth - depth);
        let first = self.directory_index(hash) & !(span - 1);
        let upper = u32::try_from(upper).expect("fewer than 2^32 segments");
        self.directory[first + span / 2..first + span].fill(upper);
    }

    /// The shape of the tables.
    pub fn table_stats(&self) -> TableStats {
        TableStats {
            keys: self.len,
            segments: self.segments.len(),
            slots: self.segments.iter().map(Segment::capacity).sum(),
            directory: self.directory.len(),
            bytes: self.table_bytes(),
        }
    }

    /// How many buckets a lookup of a missing key looks at on average. Walks all tables: for diagnosis only.
    pub fn average_missing_walk(&self) -> f64 {
        let walks: usize = self.segments.iter().map(Segment::missing_walks).sum();
        let buckets: usize = self.segments.iter().map(Segment::bucket_count).sum();
        walks as f64 / buckets.max(1) as f64
    }

    /// Bytes held by the table and its entries, estimated from some of the entries if there are many.
    pub fn memory_usage(&self) -> usize {
        const SAMPLES: usize = 64;
        let sampled: Vec<usize> = self.iter().take(SAMPLES).map(Entry::memory_usage).collect();
        let average = sampled.iter().sum::<usize>() as f64 / sampled.len().max(1) as f64;
        size_of::<Table>() + self.table_bytes() + (average * self.len as f64) as usize
    }

    /// Bytes of directory, segments and buckets, without the entries.
    pub fn table_bytes(&self) -> usize {
        self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.next_deadlines.capacity() * size_of::<u64>()
            + self.segments.iter().map(Segment::table_bytes).sum::<usize>()
    }
}
