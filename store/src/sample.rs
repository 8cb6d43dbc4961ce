//! Picking keys at random.

use crate::bucket::SLOTS;
use crate::entry::Entry;
use crate::segment::MAX_BUCKETS;
use crate::table::Table;

/// Slots tried before a sparse database is walked instead.
const TRIES: u32 = 128;

impl Table {
    /// An entry chosen with the random number `random`: each is as likely as every other, unless the database
    /// is so sparse that a hundred slots in a row are empty.
    pub fn random(&self, random: u64) -> Option<&Entry> {
        if self.is_empty() {
            return None;
        }
        let mut state = random;
        let largest = match &self.segments[..] {
            [only] => only.capacity(),
            _ => MAX_BUCKETS * SLOTS,
        };
        for _ in 0..TRIES {
            let segment = self.segment(next(&mut state));
            // A segment with a shorter prefix is met more often, by a factor that its slots are diluted by.
            let slots = largest << (self.depth() - segment.depth());
            let slot = scale(next(&mut state), slots);
            if slot < segment.capacity()
                && let Some(entry) = segment.slot(slot)
            {
                return Some(entry);
            }
        }
        let start = scale(next(&mut state), self.segments.len());
        let (before, after) = self.segments.split_at(start);
        let segment = after.iter().chain(before).find(|segment| segment.len() > 0)?;
        let chosen = scale(next(&mut state), segment.len());
        segment.entries().nth(chosen)
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
