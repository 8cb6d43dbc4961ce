//! One segment: a small open-addressing table in hash order.
//!
//! An entry's *position* is the 16 hash bits right below the segment's prefix; its home bucket is its position scaled
//! to the number of buckets, so buckets are in hash order. An entry that finds its home full goes to the next bucket with
//! a free slot (wrapping around), and every full bucket it passes is marked as overflowed. A lookup walks from the
//! home on while the marks are set.
//!
//! Marks are sticky: taking an entry out does not clear them. Only the removal of a displaced entry can make a mark
//! useless, so those are counted, and the segment is rebuilt when they are many.
//!
//! The number of buckets takes four steps per doubling, so that the average load stays high and a table fits an allocator's
//! size classes. Growth moves pointers only: the position is stored with them.

use crate::bucket::{Bucket, SLOTS, tag_of};
use crate::bulk::{EARLY_SPLIT_LEN, Hint};
use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::prefetch::prefetch;
use std::ops::Range;

/// Buckets of segments that are split rather than grown: one of these, chosen at random for each. Were it the same for
/// all, all segments would grow at the same time, and the table sizes that they leave behind would be of no use to
/// anyone; so some segments are always at each size, and the cost per key is the same at any number of keys.
const SPLIT_BUCKETS: [u8; 4] = [95, 111, 127, 159];
/// The greatest of [`SPLIT_BUCKETS`].
pub(crate) const MAX_BUCKETS: usize = 159;
/// Hash bits a prefix can have; leaves 16 bits for the position and 16 that a scan cursor drops.
pub(crate) const MAX_DEPTH: u8 = 32;
/// How far ahead entries are asked for when all of a segment are read.
const PREFETCH_AHEAD: usize = 12;

/// Where an entry is within a segment.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) bucket: usize,
    pub(crate) slot: usize,
}

/// The entries whose hashes share a prefix.
#[derive(Clone)]
pub(crate) struct Segment {
    buckets: Box<[Bucket]>,
    len: u32,
    displaced_removals: u32,
    depth: u8,
    split_buckets: u8,
}

/// The 16 hash bits below a prefix of `depth` bits.
#[inline(always)]
pub(crate) fn position_of(hash: u64, depth: u8) -> u16 {
    ((hash << depth) >> 48) as u16
}

/// The home bucket of a position among so many buckets.
#[inline(always)]
pub(crate) fn home_of(position: u16, buckets: usize) -> usize {
    (usize::from(position) * buckets) >> 16
}

/// The next number of buckets from `buckets` up that fills an allocator's size class: four per doubling, and one bucket
/// less, because some allocators get the alignment by reserving that much more.
fn bucket_class(buckets: usize) -> usize {
    if buckets < 8 { buckets } else { (buckets + 1).next_multiple_of(1 << (usize::BITS - buckets.leading_zeros() - 3)) - 1 }
}

/// Entries a table of that many buckets may hold before it grows.
fn max_len(buckets: usize) -> usize {
    let slots = buckets * SLOTS;
    slots - slots / 14
}

/// The number of buckets to give `len` entries after a split or a shrink: a load of at most four fifths.
fn roomy_buckets(len: usize) -> usize {
    bucket_class((len * 5).div_ceil(4 * SLOTS))
}

/// The number of buckets that `len` entries will need: a load of ten elevenths; lookups of missing keys walk far in a table
/// that is fuller than that everywhere.
fn reserved_buckets(len: usize) -> usize {
    (len * 11).div_ceil(10 * SLOTS)
}

impl Segment {
    /// An empty segment for a prefix of `depth` bits; `random` decides when it will split.
    pub(crate) fn new(depth: u8, random: u64) -> Segment {
        let split_buckets = SPLIT_BUCKETS[random as usize % SPLIT_BUCKETS.len()];
        Segment { buckets: Box::default(), len: 0, displaced_removals: 0, depth, split_buckets }
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    #[inline(always)]
    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub(crate) fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.buckets.len() * SLOTS
    }

    pub(crate) fn table_bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    #[inline(always)]
    pub(crate) fn prefetch_home(&self, hash: u64) {
        let home = home_of(position_of(hash, self.depth), self.buckets.len());
        prefetch(self.buckets.as_ptr().wrapping_add(home));
    }

    #[inline(always)]
    pub(crate) fn prefetch_candidates(&self, hash: u64) {
        let position = position_of(hash, self.depth);
        let Some(bucket) = self.buckets.get(home_of(position, self.buckets.len())) else { return };
        for slot in bucket.tagged(tag_of(hash)) {
            if let Some(entry) = bucket.entry(slot).filter(|entry| entry.position() == position) {
                entry.prefetch();
            }
        }
    }

    /// Finds a key.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, &Entry)> {
        self.find_by(hash, |entry| entry.key() == key)
    }

    /// Finds the entry of a hash that `is_it` knows; it is asked about those only that are very likely to be the one.
    #[inline(always)]
    pub(crate) fn find_by(&self, hash: u64, is_it: impl Fn(&Entry) -> bool) -> Option<(Place, &Entry)> {
        let position = position_of(hash, self.depth);
        let tag = tag_of(hash);
        let mut at = home_of(position, self.buckets.len());
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in bucket.tagged(tag) {
                let entry = bucket.entry(slot).expect("a slot with a tag has an entry");
                if entry.position() == position && is_it(entry) {
                    return Some((Place { bucket: at, slot }, entry));
                }
            }
            if !bucket.overflowed() {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Buckets that lookups of missing keys look at, summed over one lookup from each home.
    pub(crate) fn missing_walks(&self) -> usize {
        let walk = |home: usize| {
            let walked = (0..self.buckets.len()).map(|step| &self.buckets[(home + step) % self.buckets.len()]);
            (1 + walked.take_while(|bucket: &&Bucket| bucket.overflowed()).count()).min(self.buckets.len())
        };
        (0..self.buckets.len()).map(walk).sum()
    }

    #[inline(always)]
    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    #[inline]
    pub(crate) fn entry(&self, place: Place) -> &Entry {
        self.buckets[place.bucket].entry(place.slot).expect("the place is occupied")
    }

    /// The entry at a place, if it is occupied.
    pub(crate) fn at(&self, place: Place) -> Option<&Entry> {
        self.buckets[place.bucket].entry(place.slot)
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, place: Place) -> &mut Entry {
        self.buckets[place.bucket].entry_mut(place.slot).expect("the place is occupied")
    }

    /// The entry in the `index`-th slot, if it is occupied.
    pub(crate) fn slot(&self, index: usize) -> Option<&Entry> {
        self.buckets[index / SLOTS].entry(index % SLOTS)
    }

    /// Whether one more entry needs a split; grows the table if that is enough.
    #[inline(always)]
    pub(crate) fn reserve_one(&mut self, hint: Hint) -> bool {
        self.len() >= max_len(self.buckets.len()) && self.grow(hint)
    }

    fn grow(&mut self, hint: Hint) -> bool {
        let buckets = self.buckets.len();
        let is_early = hint.depth > self.depth && self.len() >= EARLY_SPLIT_LEN;
        if (is_early || buckets >= usize::from(self.split_buckets)) && self.depth < MAX_DEPTH {
            return true;
        }
        self.rebuild(bucket_class((buckets + 1).max(reserved_buckets(hint.segment_len).min(2 * buckets))));
        false
    }

    /// Adds an entry whose key is not here; there must be room ([`Segment::reserve_one`]).
    pub(crate) fn insert(&mut self, hash: u64, volatile: bool, mut entry: Entry) -> Place {
        entry.set_position(position_of(hash, self.depth));
        self.len += 1;
        self.place(tag_of(hash), volatile, entry)
    }

    /// Makes room for `len` entries in all, so that no segment is as full as any gets.
    pub(crate) fn reserve(&mut self, len: usize) {
        let buckets = bucket_class(reserved_buckets(len));
        if buckets > self.buckets.len() {
            self.rebuild(buckets);
        }
    }

    fn place(&mut self, tag: u8, volatile: bool, entry: Entry) -> Place {
        let mut at = home_of(entry.position(), self.buckets.len());
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(slot) = bucket.first_free() {
                bucket.put(slot, tag, volatile, entry);
                return Place { bucket: at, slot };
            }
            bucket.mark_overflowed();
            at = self.after(at);
        }
    }

    /// Takes back room that was made in advance and is not used.
    pub(crate) fn settle(&mut self) {
        let roomy = roomy_buckets(self.len());
        if roomy + roomy / 4 < self.buckets.len() {
            self.rebuild(roomy);
        }
    }

    /// Takes an entry out without tidying up, so that places stay valid.
    pub(crate) fn take(&mut self, place: Place) -> Entry {
        let bucket = &mut self.buckets[place.bucket];
        let entry = bucket.take(place.slot).expect("the place is occupied");
        self.len -= 1;
        let home = home_of(entry.position(), self.buckets.len());
        self.displaced_removals += u32::from(home != place.bucket);
        entry
    }

    /// Shrinks or rebuilds the table if removals have left it sparse or full of useless marks.
    pub(crate) fn tidy(&mut self) {
        let buckets = self.buckets.len();
        if self.len == 0 {
            self.buckets = Box::default();
            self.displaced_removals = 0;
        } else if buckets > 1 && self.len() * 10 < buckets * SLOTS * 3 {
            self.rebuild(roomy_buckets(self.len()));
        } else if self.displaced_removals as usize > buckets / 4 {
            self.rebuild(buckets);
        }
    }

    /// Notes whether the entry at `place`, or a field of it, has a deadline.
    pub(crate) fn set_volatile(&mut self, place: Place, volatile: bool) {
        self.buckets[place.bucket].set_volatile(place.slot, volatile);
    }

    /// Moves all entries into a table of `buckets` buckets, without reading any of them.
    fn rebuild(&mut self, buckets: usize) {
        let old = std::mem::replace(&mut self.buckets, new_table(buckets));
        self.displaced_removals = 0;
        for mut bucket in old {
            for slot in bucket.occupied() {
                let (tag, volatile) = (bucket.tag(slot), bucket.is_volatile(slot));
                let entry = bucket.take(slot).expect("the slot is occupied");
                self.place(tag, volatile, entry);
            }
        }
    }

    /// Lengthens the prefix by one bit and returns the segment of those entries whose bit is set.
    /// `random` decides when the halves will split.
    pub(crate) fn split(&mut self, hasher: &Hasher, random: u64) -> Segment {
        let depth = self.depth + 1;
        let mut entries = Vec::with_capacity(self.len());
        let mut upper_len = 0;
        for mut bucket in std::mem::take(&mut self.buckets) {
            for slot in bucket.occupied() {
                let (tag, volatile) = (bucket.tag(slot), bucket.is_volatile(slot));
                let entry = bucket.take(slot).expect("the slot is occupied");
                upper_len += usize::from(entry.position() >> 15);
                entries.push((entry, tag, volatile));
            }
        }
        let mut halves = [random, random >> 32].map(|random| Segment::new(depth, random));
        for (half, len) in halves.iter_mut().zip([entries.len() - upper_len, upper_len]) {
            half.buckets = new_table(roomy_buckets(len));
        }
        for (entry, ..) in entries.iter().take(PREFETCH_AHEAD) {
            entry.prefetch();
        }
        let mut entries = entries.into_iter();
        loop {
            if let Some((ahead, ..)) = entries.as_slice().get(PREFETCH_AHEAD) {
                ahead.prefetch();
            }
            let Some((mut entry, tag, volatile)) = entries.next() else { break };
            // The position's highest bit is the one that now belongs to the prefix; its lowest has to be fetched.
            let half = &mut halves[usize::from(entry.position() >> 15)];
            entry.set_position(position_of(hasher.hash(entry.key()), depth));
            half.len += 1;
            half.place(tag, volatile, entry);
        }
        let [lower, upper] = halves;
        *self = lower;
        upper
    }

    /// The home bucket of a hash with this segment's prefix.
    pub(crate) fn home(&self, hash: u64) -> usize {
        home_of(position_of(hash, self.depth), self.buckets.len())
    }

    /// Where a bucket begins, as an offset into the hash range of the segment; for `bucket_count()`, where the
    /// segment ends.
    pub(crate) fn bucket_offset(&self, bucket: usize) -> u128 {
        let position = (bucket << 16).div_ceil(self.buckets.len());
        (position as u128) << (48 - self.depth)
    }

    /// Visits the entries whose home is `home`, wherever they are.
    pub(crate) fn visit_home(&self, home: usize, visit: &mut dyn FnMut(&Entry)) {
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in bucket.occupied() {
                let entry = bucket.entry(slot).expect("the slot is occupied");
                if home_of(entry.position(), self.buckets.len()) == home {
                    visit(entry);
                }
            }
            if !bucket.overflowed() {
                return;
            }
            at = self.after(at);
        }
    }

    /// All entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(|bucket| bucket.occupied().filter_map(|slot| bucket.entry(slot)))
    }

    /// The places of all entries.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let buckets = self.buckets.iter().enumerate();
        buckets.flat_map(|(at, bucket)| bucket.occupied().map(move |slot| Place { bucket: at, slot }))
    }

    /// The entries of some buckets; only those with a deadline if `volatile`.
    pub(crate) fn sampled(&self, buckets: Range<usize>, volatile: bool) -> impl Iterator<Item = &Entry> {
        self.buckets[buckets].iter().flat_map(move |bucket| {
            let slots = bucket.occupied().filter(move |slot| !volatile || bucket.is_volatile(*slot));
            slots.filter_map(|slot| bucket.entry(slot))
        })
    }

    /// The places of all entries with a deadline, in bucket `bucket`.
    pub(crate) fn volatile_in(&self, bucket: usize) -> impl Iterator<Item = Place> + use<> {
        self.buckets[bucket].volatile().map(move |slot| Place { bucket, slot })
    }

    /// Asks for the entries with a deadline in a bucket.
    pub(crate) fn prefetch_volatile(&self, bucket: usize) {
        let Some(bucket) = self.buckets.get(bucket).filter(|bucket| bucket.has_volatile()) else { return };
        for entry in bucket.volatile().filter_map(|slot| bucket.entry(slot)) {
            entry.prefetch();
        }
    }
}

fn new_table(buckets: usize) -> Box<[Bucket]> {
    (0..buckets).map(|_| Bucket::default()).collect()
}
