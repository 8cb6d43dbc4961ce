//! Reclaiming what has expired, without looking at what has not.
//!
//! For each segment there is a lower bound of its deadlines, in one dense array. A pass walks that array and opens only
//! segments that are due; in those it reads only entries with a deadline. A segment is finished in one go (some
//! hundreds of entries), and its bound is then exact.
//!
//! A hash counts with the first deadline of its fields too. How many of them are due is not known, so they are taken out a few
//! hundred at a time; until none is left, the segment's bound stays and the pass does not go on to the next one.

use crate::entry::Entry;
use crate::table::{Location, Table};

/// How many buckets ahead entries are asked for.
const PREFETCH_AHEAD: usize = 3;

/// About how many fields of a hash are taken out before the budget is asked.
const FIELDS_AT_ONCE: usize = 256;

/// What a pass has taken out.
pub enum Expired {
    /// A key whose deadline has passed.
    Key(Entry),
    /// Fields of a hash.
    Fields {
        /// The hash's key.
        key: Box<[u8]>,
        /// The names of the fields.
        fields: Vec<Box<[u8]>>,
        /// The hash, which was taken out too, if these were its last fields.
        emptied: Option<Entry>,
    },
}

impl Table {
    /// Removes expired entries ([`Entry::is_expired`]) and hands them to `on_expired`, asking `budget` after each
    /// segment whether to go on. Goes on where the last call stopped; true if the pass reached its end. Fields of hashes are
    /// taken out too, but not told: a table that may have such is one for [`Table::expire_all`].
    pub fn expire(&mut self, now_ms: u64, budget: &mut dyn FnMut() -> bool, on_expired: &mut dyn FnMut(Entry)) -> bool {
        self.expire_all(now_ms, budget, &mut |expired| {
            if let Expired::Key(entry) = expired {
                on_expired(entry);
            }
        })
    }

    /// The same for a table with hashes, of whose fields some may be due.
    pub fn expire_all(&mut self, now_ms: u64, budget: &mut dyn FnMut() -> bool, on_expired: &mut dyn FnMut(Expired)) -> bool {
        if !self.has_deadlines() {
            self.expire_next = 0;
            return true;
        }
        while let Some(skip) = self.next_deadlines[self.expire_next..].iter().position(|&deadline| deadline < now_ms) {
            let segment = self.expire_next + skip;
            let finished = self.expire_segment(segment, now_ms, on_expired);
            self.expire_next = segment + usize::from(finished);
            if !budget() {
                return false;
            }
        }
        self.expire_next = 0;
        self.earliest = self.next_deadlines.iter().copied().min().unwrap_or(u64::MAX);
        true
    }

    /// False if a hash has more due fields.
    fn expire_segment(&mut self, index: usize, now_ms: u64, on_expired: &mut dyn FnMut(Expired)) -> bool {
        let (mut next_deadline, mut finished) = (u64::MAX, true);
        for bucket in 0..self.segments[index].bucket_count() {
            let segment = &self.segments[index];
            segment.prefetch_volatile(bucket + PREFETCH_AHEAD);
            for place in segment.volatile_in(bucket) {
                let entry = self.segments[index].entry(place);
                if entry.is_expired(now_ms) {
                    self.before_change(Location { segment: index, place });
                    let entry = self.segments[index].take(place);
                    self.count_taken(index, &entry);
                    on_expired(Expired::Key(entry));
                    continue;
                }
                if entry.field_deadline().is_some_and(|deadline| deadline < now_ms) {
                    finished &= self.expire_fields(Location { segment: index, place }, now_ms, on_expired);
                }
                // The slot is empty if these were the last fields.
                if let Some(deadline) = self.segments[index].at(place).and_then(Entry::next_deadline) {
                    next_deadline = next_deadline.min(deadline);
                }
            }
        }
        self.next_deadlines[index] = next_deadline;
        self.segments[index].tidy();
        finished
    }

    /// Takes due fields out of a hash; false if it has more.
    fn expire_fields(&mut self, location: Location, now_ms: u64, on_expired: &mut dyn FnMut(Expired)) -> bool {
        let Location { segment, place } = location;
        self.before_change(location);
        let entry = self.segments[segment].entry_mut(place);
        let before = entry.field_deadline();
        let mut fields: Vec<Box<[u8]>> = Vec::new();
        let finished = entry.take_due_fields(now_ms, FIELDS_AT_ONCE, &mut |field| fields.push(field.into()));
        let after = entry.field_deadline();
        let empty = entry.hash().is_some_and(|hash| hash.len() == 0);
        let key = entry.key().into();
        let volatile = entry.is_volatile();
        self.segments[segment].set_volatile(place, volatile);
        self.count_fields(segment, before, after);
        let emptied = empty.then(|| {
            let entry = self.segments[segment].take(place);
            self.count_taken(segment, &entry);
            entry
        });
        if !fields.is_empty() {
            on_expired(Expired::Fields { key, fields, emptied });
        }
        finished
    }

    /// How many entries have a deadline before this moment.
    pub(crate) fn count_due(&self, before_ms: u64) -> usize {
        let due = self.segments.iter().zip(&self.next_deadlines).filter(|(_, deadline)| **deadline < before_ms);
        due.map(|(segment, _)| {
            let all = segment.sampled(0..segment.bucket_count(), true);
            all.filter(|entry| entry.is_expired(before_ms)).count()
        })
        .sum()
    }
}
