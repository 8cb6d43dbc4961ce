//! Sorted sets: members with scores, in the order of score and, among equal scores, of the members' bytes.
//!
//! A small one is a listpack beside the key ([`small`]), a large one a [`SortedSet`]: a table from member to score, which
//! answers what score a member has, and a [`tree`], which answers where a score or a rank is. Both are read through
//! [`SortedSetRef`] and changed through [`SortedSetMut`], so that nobody else needs to know the difference.
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
pub use view::{Members, SortedSetRef};
