//! The large sorted set: a table from member to score, and the order.

use crate::entry::Entry;
use crate::hasher::{Hasher, Key};
use crate::slot::Slot;
use crate::sorted_set::tree::Tree;
use crate::table::Table;
use crate::value::StringRef;
use std::ops::Range;

/// An indexed sorted set.
#[derive(Clone)]
pub struct SortedSet {
    /// Members; the value of each is its score, as [`ScoreBytes`].
    scores: Table,
    pub(super) order: Tree,
}

/// A score as the table keeps it: four bytes if it is an integer that fits them, else the eight of the double.
struct ScoreBytes {
    bytes: [u8; 8],
    len: usize,
}

impl ScoreBytes {
    #[inline]
    fn of(score: f64) -> ScoreBytes {
        let integer = score as i32;
        if f64::from(integer).to_bits() == score.to_bits() {
            let mut bytes = [0; 8];
            bytes[..4].copy_from_slice(&integer.to_le_bytes());
            return ScoreBytes { bytes, len: 4 };
        }
        ScoreBytes { bytes: score.to_le_bytes(), len: 8 }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The score that an entry of the table keeps.
#[inline]
fn score_of(entry: &Entry) -> f64 {
    let Some(StringRef::Bytes(bytes)) = entry.string() else { unreachable!("members of a sorted set have scores as values") };
    match bytes.try_into() {
        Ok(integer) => f64::from(i32::from_le_bytes(integer)),
        Err(_) => f64::from_le_bytes(bytes.try_into().expect("a score is four bytes or eight")),
    }
}

impl SortedSet {
    pub(super) fn new(hasher: Hasher) -> SortedSet {
        SortedSet { scores: Table::new(hasher), order: Tree::default() }
    }

    /// The same pairs, to be read in order only: the table from members to scores is empty.
    pub(crate) fn order_only(&self) -> SortedSet {
        SortedSet { scores: Table::new(self.scores.hasher), order: self.order.clone() }
    }

    /// The table from members to scores.
    #[inline]
    pub(crate) fn scores(&self) -> &Table {
        &self.scores
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(self.scores.key(member)).map(score_of)
    }

    /// Has `decide` choose a member's score, knowing the present one; returns that. `None` leaves it as it is. `likely` is
    /// the score that will probably be chosen.
    pub(super) fn update(&mut self, member: &[u8], likely: Option<f64>, decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Option<f64> {
        let key = self.scores.key(member);
        if let Some(score) = likely {
            // The cache misses of table and tree overlap.
            self.scores.prefetch_bucket(key.hash);
            self.order.prefetch(score, member);
            self.scores.prefetch_entry(key.hash);
        }
        match self.scores.slot(key) {
            Slot::Occupied(mut place) => {
                let old = score_of(place.entry());
                if let Some(new) = decide(Some(old)).filter(|new| *new != old) {
                    self.order.prefetch(old, member);
                    place.set_bytes(ScoreBytes::of(new).as_slice());
                    self.order.insert(new, member);
                    let was_there = self.order.remove(old, member);
                    debug_assert!(was_there);
                }
                Some(old)
            }
            Slot::Vacant(place) => {
                if let Some(new) = decide(None) {
                    place.insert_bytes(ScoreBytes::of(new).as_slice(), None, 0);
                    self.order.insert(new, member);
                }
                None
            }
        }
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let key: Key<'_> = self.scores.key(member);
        let score = score_of(&self.scores.remove(key)?);
        let was_there = self.order.remove(score, member);
        debug_assert!(was_there);
        Some(score)
    }

    /// Takes out the pairs of a range of ranks.
    pub(super) fn remove_ranks(&mut self, mut range: Range<usize>) {
        let from_end = range.start > 0;
        while !range.is_empty() {
            let run = self.order.remove_some(range.clone());
            if run.len() > 1 {
                // The cache misses of the table overlap.
                let hash = |i| self.scores.key(run.member(i)).hash;
                (0..run.len()).for_each(|i| self.scores.prefetch_bucket(hash(i)));
                (0..run.len()).for_each(|i| self.scores.prefetch_entry(hash(i)));
            }
            for i in 0..run.len() {
                let key = self.scores.key(run.member(i));
                let removed = self.scores.remove(key);
                debug_assert!(removed.is_some());
            }
            range.end -= run.len();
        }
        self.prefetch_end(from_end);
    }

    /// Who takes a member from an end will probably take the next two: asks for what their removal will touch.
    fn prefetch_end(&self, from_end: bool) {
        let len = self.len();
        let hash = |nth: usize| {
            let (run, i) = self.order.at(if from_end { len - 1 - nth } else { nth });
            self.scores.key(run.member(i)).hash
        };
        if len > 1 {
            self.scores.prefetch_entry(hash(0));
            self.scores.prefetch_bucket(hash(1));
        }
    }

    pub(super) fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.scores.scan(cursor, count, &mut |entry| visit(entry.key(), score_of(entry)))
    }

    /// Bytes held, including what the allocator rounds up; estimated.
    pub fn memory_usage(&self) -> usize {
        size_of::<Tree>() + self.scores.memory_usage() + self.order.memory_usage(self.len())
    }

    /// Allocations held, roughly.
    pub fn cost(&self) -> usize {
        self.len()
    }
}
