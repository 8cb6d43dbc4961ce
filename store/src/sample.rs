//! Picking keys at random.

use crate::bucket::SLOTS;
use crate::entry::Entry;
use crate::segment::{MAX_BUCKETS, Place};
use crate::table::{Location, Table};

/// Slots tried in a table that is probably dense.
const TRIES: u32 = 16;
/// Segments looked at to learn how sparse a table is.
const LOOKED_AT: usize = 16;
/// Slots tried then, before the entries are counted instead.
const SPARSE_TRIES: u32 = 128;

impl Table {
    /// An entry chosen with the random number `random`: each is as likely as every other, or very nearly so in a table that was
    /// much larger once.
    #[inline]
    pub fn random(&self, random: u64) -> Option<&Entry> {
        let Location { segment, place } = self.random_location(random)?;
        Some(self.segments[segment].entry(place))
    }

    /// Takes an entry out that is chosen as [`Table::random`] chooses.
    pub fn take_random(&mut self, random: u64) -> Option<Entry> {
        let location = self.random_location(random)?;
        Some(self.take(location))
    }

    fn random_location(&self, random: u64) -> Option<Location> {
        if self.is_empty() {
            return None;
        }
        let mut state = random;
        let largest = match &self.segments[..] {
            [only] => only.capacity(),
            _ => MAX_BUCKETS * SLOTS,
        };
        let dense = self.try_slots(&mut state, TRIES, largest);
        dense.or_else(|| self.random_in_sparse(&mut state))
    }

    /// Tries random slots, as if each segment had `largest`.
    #[inline]
    fn try_slots(&self, state: &mut u64, tries: u32, largest: usize) -> Option<Location> {
        for _ in 0..tries {
            let index = self.segment_index(next(state));
            let segment = &self.segments[index];
            // A segment with a shorter prefix is met more often, by a factor that its slots are diluted by.
            let slots = largest << (self.depth() - segment.depth());
            let slot = scale(next(state), slots);
            if slot < segment.capacity() && segment.slot(slot).is_some() {
                return Some(Location { segment: index, place: Place { bucket: slot / SLOTS, slot: slot % SLOTS } });
            }
        }
        None
    }

    /// The segments are much smaller than they can be: tries as many slots as some of them have, four times over, and at last
    /// counts to an entry, segment by segment.
    #[cold]
    fn random_in_sparse(&self, state: &mut u64) -> Option<Location> {
        let seen = (0..LOOKED_AT).map(|_| self.segment(next(state)).capacity()).max().unwrap_or(0);
        let largest = (4 * seen.max(SLOTS)).min(MAX_BUCKETS * SLOTS);
        if let Some(found) = self.try_slots(state, SPARSE_TRIES, largest) {
            return Some(found);
        }
        let mut left = scale(next(state), self.len());
        for (index, segment) in self.segments.iter().enumerate() {
            if left < segment.len() {
                return segment.places().nth(left).map(|place| Location { segment: index, place });
            }
            left -= segment.len();
        }
        None
    }
}

impl Table {
    /// Visits up to `count` entries that lie together at a place that `random` chooses, evenly over hash space; only those with a
    /// deadline if `volatile`. Fewer only if there are fewer.
    pub fn sample(&self, random: u64, count: usize, volatile: bool, visit: &mut dyn FnMut(&Entry)) {
        let count = count.min(if volatile { self.volatile_len() } else { self.len() });
        let first = self.segment_index(random);
        let home = self.segments[first].home(random);
        let mut visited = 0;
        // The buckets from there on, and at the end those of the first segment that lie before it.
        for step in 0..=self.segments.len() {
            if visited == count {
                return;
            }
            let index = (first + step) % self.segments.len();
            let segment = &self.segments[index];
            if volatile && self.next_deadlines[index] == u64::MAX {
                continue;
            }
            let buckets = match step {
                0 => home..segment.bucket_count(),
                step if step == self.segments.len() => 0..home,
                _ => 0..segment.bucket_count(),
            };
            // Hashes of which only fields have deadlines are marked too.
            let wanted = segment.sampled(buckets, volatile).filter(|entry| !volatile || entry.deadline().is_some());
            let wanted = wanted.take(count - visited);
            wanted.for_each(|entry| {
                visited += 1;
                visit(entry);
            });
        }
    }
}

/// A random word brought down to `0..bound`.
fn scale(random: u64, bound: usize) -> usize {
    ((u128::from(random) * bound as u128) >> 64) as usize
}

/// SplitMix64: turns one random number into as many as are needed.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
