//! Reclaiming what has expired, without looking at what has not.
//!
//! For each segment there is a lower bound of its deadlines, in one dense array. A pass walks that array and opens only
//! segments that are due; in those it reads only entries with a deadline. A segment is finished in one go (some
//! hundreds of entries), and its bound is then exact.

use crate::entry::Entry;
use crate::table::Table;

/// How many buckets ahead entries are asked for.
const PREFETCH_AHEAD: usize = 3;

impl Table {
    /// Removes expired entries ([`Entry::is_expired`]) and hands them to `on_expired`, asking `budget` after each
    /// segment whether to go on. Goes on where the last call stopped; true if the pass reached its end.
    pub fn expire(&mut self, now_ms: u64, budget: &mut dyn FnMut() -> bool, on_expired: &mut dyn FnMut(Entry)) -> bool {
        if self.volatile_len() == 0 {
            self.expire_next = 0;
            return true;
        }
        while let Some(skip) = self.next_deadlines[self.expire_next..].iter().position(|&deadline| deadline < now_ms) {
            let segment = self.expire_next + skip;
            self.expire_segment(segment, now_ms, on_expired);
            self.expire_next = segment + 1;
            if !budget() {
                return false;
            }
        }
        self.expire_next = 0;
        true
    }

    fn expire_segment(&mut self, index: usize, now_ms: u64, on_expired: &mut dyn FnMut(Entry)) {
        let mut next_deadline = u64::MAX;
        for bucket in 0..self.segments[index].bucket_count() {
            let segment = &self.segments[index];
            segment.prefetch_volatile(bucket + PREFETCH_AHEAD);
            for place in segment.volatile_in(bucket) {
                let deadline = self.segments[index].entry(place).deadline().expect("a volatile entry has a deadline");
                if deadline < now_ms {
                    let entry = self.segments[index].take(place);
                    self.count_taken(index, &entry);
                    on_expired(entry);
                } else {
                    next_deadline = next_deadline.min(deadline);
                }
            }
        }
        self.next_deadlines[index] = next_deadline;
        self.segments[index].tidy();
    }
}
