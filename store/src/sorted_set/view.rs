//! Reading a sorted set, however it is stored.

use crate::entry::Entry;
use crate::large::Large;
use crate::slot::Occupied;
use crate::sorted_set::large::SortedSet;
use crate::sorted_set::range::{LexRange, ScoreRange};
use crate::sorted_set::run::Run;
use crate::sorted_set::small;
use crate::sorted_set::tree::Runs;
use crate::value::{Packed, StringRef};
use graven_listpack::{Listpack, Place};
use std::ops::Range;

/// A borrowed sorted set.
#[derive(Clone, Copy)]
pub struct SortedSetRef<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(&'a [u8]),
    Large(&'a SortedSet),
}

impl Entry {
    /// Takes the members and scores out of a large sorted set. The entry, which no table has any more or never had, keeps
    /// its key and everything else.
    pub fn take_pairs(&mut self) -> Option<SortedPairs> {
        match self.large_mut() {
            Some(Large::SortedSet(set)) => {
                let order = std::mem::take(&mut set.order);
                Some(SortedPairs { len: order.len(), runs: order.into_runs() })
            }
            _ => None,
        }
    }

    /// The value, if it is a sorted set.
    #[inline]
    pub fn sorted_set(&self) -> Option<SortedSetRef<'_>> {
        match self.packed() {
            Some((Packed::SortedSet, bytes)) => return Some(SortedSetRef(Form::Small(bytes))),
            Some(_) => return None,
            None => {}
        }
        match self.large() {
            Some(Large::SortedSet(set)) => Some(SortedSetRef(Form::Large(set))),
            _ => None,
        }
    }
}

impl Occupied<'_> {
    /// The value, if it is a sorted set.
    pub fn sorted_set(&self) -> Option<SortedSetRef<'_>> {
        self.entry().sorted_set()
    }
}

impl<'a> SortedSetRef<'a> {
    /// Number of members.
    pub fn len(self) -> usize {
        match self.0 {
            Form::Small(bytes) => small::len(bytes),
            Form::Large(set) => set.len(),
        }
    }

    /// Whether there is none, which no key's value is.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.0 {
            Form::Small(bytes) => small::find(bytes, member).map(|(_, score)| score),
            Form::Large(set) => set.score(member),
        }
    }

    /// How many members come before this one, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0 {
            Form::Small(bytes) => small::rank(bytes, member),
            Form::Large(set) => {
                let score = set.score(member)?;
                Some((set.order.rank_of(score, member), score))
            }
        }
    }

    /// The ranks of the members with a score in this range; may be empty, and then begin after its end.
    pub fn ranks_by_score(self, range: &ScoreRange) -> Range<usize> {
        match self.0 {
            Form::Small(bytes) => small::ranks_by_score(bytes, range),
            Form::Large(set) => {
                let start = set.order.rank(|run, i| range.is_after(run.score(i)));
                start..set.order.rank(|run, i| range.ends_after(run.score(i)))
            }
        }
    }

    /// The ranks of the members in this range, if all scores are equal; else some ranks. May be empty, and then begin after
    /// its end.
    pub fn ranks_by_lex(self, range: &LexRange<'_>) -> Range<usize> {
        match self.0 {
            Form::Small(bytes) => small::ranks_by_lex(bytes, range),
            Form::Large(set) => {
                let start = set.order.rank(|run, i| range.is_after(run.member(i)));
                start..set.order.rank(|run, i| range.ends_after(run.member(i)))
            }
        }
    }

    /// All members and scores in order.
    pub fn iter(self) -> Members<'a> {
        self.range(0..self.len(), false)
    }

    /// The members with a score in this range, in order.
    pub fn by_score(self, range: &ScoreRange) -> Members<'a> {
        self.range(self.ranks_by_score(range), false)
    }

    /// The members of these ranks, in order, or from the last to the first if `reverse`. Ranks that do not exist are left
    /// out.
    pub fn range(self, ranks: Range<usize>, reverse: bool) -> Members<'a> {
        let end = ranks.end.min(self.len());
        let left = end.saturating_sub(ranks.start);
        let at = match self.0 {
            _ if left == 0 => At::Small { bytes: &[], place: 0 },
            Form::Small(bytes) => At::Small { bytes, place: small::place(bytes, if reverse { end } else { ranks.start }) },
            Form::Large(set) => {
                let (run, i) = set.order.at(if reverse { end - 1 } else { ranks.start });
                At::Large { set, run, next: if reverse { i + 1 } else { i }, rank: if reverse { end } else { ranks.start } }
            }
        };
        Members { at, left, reverse }
    }

    /// Visits about `count` members from a cursor on, all of them if it is small; returns the next cursor. Zero starts and
    /// ends. A member that stays is visited exactly once, unless the sorted set becomes large meanwhile.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(StringRef<'_>, f64)) -> u64 {
        match self.0 {
            Form::Small(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Form::Large(set) => set.scan(cursor, count, &mut |member, score| visit(StringRef::Bytes(member), score)),
        }
    }
}

/// The members and scores of a large sorted set in order, each given back as soon as it has been visited.
pub struct SortedPairs {
    len: usize,
    runs: Runs,
}

impl SortedPairs {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a large sorted set is not empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Visits all of them.
    ///
    /// # Errors
    /// The first of `visit`, which ends it.
    pub fn try_for_each<E>(self, mut visit: impl FnMut(StringRef<'_>, f64) -> Result<(), E>) -> Result<(), E> {
        for run in self.runs {
            for i in 0..run.len() {
                visit(StringRef::Bytes(run.member(i)), run.score(i))?;
            }
        }
        Ok(())
    }
}

/// Members and scores, in order or in reverse.
pub struct Members<'a> {
    at: At<'a>,
    left: usize,
    reverse: bool,
}

enum At<'a> {
    /// The next pair begins, or in reverse ends, at `place`.
    Small { bytes: &'a [u8], place: Place },
    /// The next pair is at `next` of the run, or in reverse before it. `rank` is the rank of that.
    Large { set: &'a SortedSet, run: &'a Run, next: usize, rank: usize },
}

impl<'a> Iterator for Members<'a> {
    type Item = (StringRef<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.at {
            At::Small { bytes, place } => {
                let view = Listpack::new(bytes);
                if self.reverse {
                    let score_at = view.before(*place).expect("a pair is left");
                    *place = view.before(score_at).expect("a score has a member");
                }
                let (member, score, next) = small::pair(view, *place).expect("a pair is left");
                if !self.reverse {
                    *place = next;
                }
                Some((small::member_of(member), score))
            }
            At::Large { set, run, next, rank } => {
                let i = if self.reverse {
                    if *next == 0 {
                        let (previous, i) = set.order.at(*rank - 1);
                        (*run, *next) = (previous, i + 1);
                    }
                    *rank -= 1;
                    *next -= 1;
                    *next
                } else {
                    if *next == run.len() {
                        (*run, *next) = set.order.at(*rank);
                    }
                    *rank += 1;
                    *next += 1;
                    *next - 1
                };
                Some((StringRef::Bytes(run.member(i)), run.score(i)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Members<'_> {}
