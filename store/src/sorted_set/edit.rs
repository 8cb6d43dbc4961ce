//! Changing a sorted set, however it is stored, and making one.

use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::large::Large;
use crate::slot::Occupied;
use crate::sorted_set::large::SortedSet;
use crate::sorted_set::{SortedSetRef, small};
use crate::thresholds::Thresholds;
use crate::value::Packed;
use graven_listpack::Listpack;
use std::ops::Range;

/// A sorted set that may be changed.
pub struct SortedSetMut<'a> {
    entry: &'a mut Entry,
    hasher: Hasher,
}

impl Occupied<'_> {
    /// The value, to be changed, if it is a sorted set. Whoever empties it must remove the key.
    pub fn sorted_set_mut(&mut self) -> Option<SortedSetMut<'_>> {
        let hasher = self.hasher();
        let entry = self.change();
        entry.sorted_set()?;
        Some(SortedSetMut { entry, hasher })
    }
}

/// A listpack as a large sorted set.
fn enlarged(bytes: &[u8], hasher: Hasher) -> Box<SortedSet> {
    let mut set = Box::new(SortedSet::new(hasher));
    let view = Listpack::new(bytes);
    let (mut place, mut scratch) = (view.first(), [0; 20]);
    while let Some((member, score, next)) = small::pair(view, place) {
        set.update(member.to_bytes(&mut scratch), None, |_| Some(score));
        place = next;
    }
    set
}

impl SortedSetMut<'_> {
    /// The same, for reading.
    pub fn as_ref(&self) -> SortedSetRef<'_> {
        self.entry.sorted_set().expect("it is a sorted set")
    }

    fn large(&mut self) -> Option<&mut SortedSet> {
        match self.entry.large_mut() {
            Some(Large::SortedSet(set)) => Some(set),
            _ => None,
        }
    }

    fn small(&self) -> &[u8] {
        self.entry.packed().expect("what is not large is packed").1
    }

    fn edit_small<R>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.entry.edit_packed(|_, bytes| edit(bytes)).expect("what is not large is packed")
    }

    /// Makes it a large one.
    fn enlarge(&mut self) {
        let set = enlarged(self.small(), self.hasher);
        self.entry.set_large(Large::SortedSet(set));
    }

    /// Makes it a large one if it would be one with so many members.
    pub fn expect_members(&mut self, count: usize, thresholds: &Thresholds) {
        if count > thresholds.zset_max_listpack_entries && self.large().is_none() {
            self.enlarge();
        }
    }

    /// Has `decide` choose a member's score, knowing the present one, which is returned. `None`, or the present score, leaves
    /// the member as it is, or absent. `likely` is the score that will probably be chosen, if it is known. The score must not
    /// be NaN.
    pub fn update(
        &mut self,
        member: &[u8],
        likely: Option<f64>,
        thresholds: &Thresholds,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        if let Some(set) = self.large() {
            return set.update(member, likely, decide);
        }
        match small::find(self.small(), member) {
            Some((place, old)) => {
                if let Some(new) = decide(Some(old)).filter(|new| *new != old) {
                    self.edit_small(|bytes| {
                        small::remove(bytes, place, 1);
                        small::insert(bytes, member, new);
                    });
                }
                Some(old)
            }
            None => {
                if let Some(new) = decide(None) {
                    self.add(member, new, thresholds);
                }
                None
            }
        }
    }

    /// Adds a member that is not there to a small one.
    fn add(&mut self, member: &[u8], score: f64, thresholds: &Thresholds) {
        if stays_small(small::len(self.small()), member, thresholds) {
            self.edit_small(|bytes| small::insert(bytes, member, score));
        } else {
            self.enlarge();
            let set = self.large().expect("it was made large");
            set.update(member, None, |_| Some(score));
        }
    }

    /// Gives a member a score; returns the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64, thresholds: &Thresholds) -> Option<f64> {
        self.update(member, Some(score), thresholds, |_| Some(score))
    }

    /// Takes a member out; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        if let Some(set) = self.large() {
            return set.remove(member);
        }
        let (place, score) = small::find(self.small(), member)?;
        self.edit_small(|bytes| small::remove(bytes, place, 1));
        Some(score)
    }

    /// Takes out the members of a range of ranks; returns how many there were.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let ranks = ranks.start..ranks.end.min(self.as_ref().len());
        if ranks.is_empty() {
            return 0;
        }
        let count = ranks.len();
        if let Some(set) = self.large() {
            set.remove_ranks(ranks);
        } else {
            let place = small::place(self.small(), ranks.start);
            self.edit_small(|bytes| small::remove(bytes, place, count));
        }
        count
    }
}

/// Whether a small one of `len` members that gets another stays small.
fn stays_small(len: usize, member: &[u8], thresholds: &Thresholds) -> bool {
    len < thresholds.zset_max_listpack_entries && member.len() <= thresholds.zset_max_listpack_value
}

/// A sorted set that is being made from its members, in any order.
pub struct SortedSetBuilder {
    form: Form,
    thresholds: Thresholds,
    hasher: Hasher,
}

enum Form {
    Small(Vec<u8>),
    Large(Box<SortedSet>),
}

impl SortedSetBuilder {
    /// An empty one. It begins large if `expected` members would make it so; 0 if their number is not known.
    pub fn new(expected: usize, thresholds: &Thresholds, hasher: Hasher) -> SortedSetBuilder {
        let form = if expected > thresholds.zset_max_listpack_entries {
            Form::Large(Box::new(SortedSet::new(hasher)))
        } else {
            Form::Small(graven_listpack::new())
        };
        SortedSetBuilder { form, thresholds: *thresholds, hasher }
    }

    /// Number of members so far.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(bytes) => small::len(bytes),
            Form::Large(set) => set.len(),
        }
    }

    /// Whether there is none so far; such a one must not become an entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives a member a score, which must not be NaN; returns the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        if let Form::Small(bytes) = &mut self.form {
            let old = small::find(bytes, member);
            if let Some((place, _)) = old {
                small::remove(bytes, place, 1);
            }
            if old.is_some() || stays_small(small::len(bytes), member, &self.thresholds) {
                small::insert(bytes, member, score);
                return old.map(|(_, score)| score);
            }
            self.form = Form::Large(enlarged(bytes, self.hasher));
        }
        match &mut self.form {
            Form::Large(set) => set.update(member, None, |_| Some(score)),
            Form::Small(_) => unreachable!("it was made large"),
        }
    }

    /// The entry of a key.
    pub fn into_entry(self, key: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        match self.form {
            Form::Small(bytes) => Entry::new_packed(key, Packed::SortedSet, &bytes, deadline, access),
            Form::Large(set) => Entry::new_large(key, Large::SortedSet(set), deadline, access),
        }
    }
}
