//! Sorted sets: members with scores, in the order of score and, among equal scores, of the members' bytes.
//!
//! A small one is a listpack beside the key ([`small`]), a large one a [`SortedSet`]: a table from member to score, which
//! answers what score a member has, and a [`tree`], which answers where a score or a rank is. Nobody else needs to know the
//! difference:
//!
//! * [`Entry::sorted_set`](crate::Entry::sorted_set) reads: [`SortedSetRef::iter`] goes through members and scores in order,
//!   [`SortedSetRef::by_score`] through those of a range of scores, [`SortedSetRef::score`] and [`SortedSetRef::rank`] ask for
//!   one; [`SortedSetRef::ranks_by_score`] and [`SortedSetRef::ranks_by_lex`] turn a range into ranks, whose number is known and
//!   which [`SortedSetRef::range`] reads in either direction.
//! * [`Occupied::sorted_set_mut`](crate::Occupied::sorted_set_mut) changes: [`SortedSetMut::insert`], [`SortedSetMut::update`],
//!   [`SortedSetMut::remove`], [`SortedSetMut::remove_ranks`].
//! * [`SortedSetBuilder`] makes one from members in any order, to become a key's value. In order they are added fastest.
//!
//! A member costs its entry in the table (rounded up to 16 bytes) and some 13 bytes and itself in the tree: that is less than
//! Redis takes up to a length of some 60 bytes, and more beyond.
//!
//! Invariants: scores are never NaN; table and tree of a large one hold the same pairs; a sorted set is never empty, except
//! while it is being built or emptied (whoever empties it removes its key).

mod edit;
mod large;
mod range;
mod run;
mod small;
mod tree;
mod view;

pub use edit::{SortedSetBuilder, SortedSetMut};
pub use large::SortedSet;
pub use range::{LexBound, LexRange, ScoreRange};
pub use view::{Members, SortedPairs, SortedSetRef};
