//! The small sorted set: a listpack of members and scores in turn, in order.
//!
//! A score is stored as Redis stores it: as an integer if it is one of moderate size (so -0 becomes 0, there as here), else as
//! the text of the double.

use crate::sorted_set::range::{LexRange, ScoreRange};
use crate::value::StringRef;
use graven_listpack::{self as listpack, Item, Listpack, Place};
use std::ops::Range;

/// The text of a score.
struct ScoreText {
    digits: ryu::Buffer,
}

impl ScoreText {
    fn new() -> ScoreText {
        ScoreText { digits: ryu::Buffer::new() }
    }

    fn item(&mut self, score: f64) -> Item<'_> {
        const MOST: f64 = (i64::MAX / 2) as f64;
        if score.abs() <= MOST && score.trunc() == score {
            Item::Int(score as i64)
        } else if score.is_infinite() {
            Item::Bytes(if score > 0.0 { b"inf" } else { b"-inf" })
        } else {
            Item::Bytes(self.digits.format_finite(score).as_bytes())
        }
    }
}

/// The score that an item is.
#[inline]
fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(number) => number as f64,
        // What is no number was not written by this file, but read from one that somebody forged.
        Item::Bytes(text) => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.filter(|score: &f64| !score.is_nan()).unwrap_or(0.0)
        }
    }
}

/// The member that an item is.
#[inline]
pub(super) fn member_of(item: Item<'_>) -> StringRef<'_> {
    match item {
        Item::Int(number) => StringRef::Int(number),
        Item::Bytes(bytes) => StringRef::Bytes(bytes),
    }
}

pub(super) fn len(bytes: &[u8]) -> usize {
    Listpack::new(bytes).len() / 2
}

/// Where a member is, and its score.
pub(super) fn find(bytes: &[u8], member: &[u8]) -> Option<(Place, f64)> {
    let view = Listpack::new(bytes);
    let place = view.find(view.first(), member, 2)?;
    Some((place, score_of(view.at(view.after(place)))))
}

/// The pair at a place and the place after it; `None` at the end.
#[inline]
pub(super) fn pair(view: Listpack<'_>, place: Place) -> Option<(Item<'_>, f64, Place)> {
    let member = view.get(place)?;
    let score_at = view.after(place);
    Some((member, score_of(view.at(score_at)), view.after(score_at)))
}

/// The place of the pair at a rank, or the end.
pub(super) fn place(bytes: &[u8], rank: usize) -> Place {
    let view = Listpack::new(bytes);
    view.place(2 * rank).unwrap_or(view.end())
}

/// How many pairs from the first on `before` is true of.
fn count_while(bytes: &[u8], mut before: impl FnMut(Item<'_>, f64) -> bool) -> usize {
    let view = Listpack::new(bytes);
    let (mut place, mut count) = (view.first(), 0);
    while let Some((member, score, next)) = pair(view, place)
        && before(member, score)
    {
        count += 1;
        place = next;
    }
    count
}

/// The rank and the score of a member.
pub(super) fn rank(bytes: &[u8], member: &[u8]) -> Option<(usize, f64)> {
    let wanted = Item::of(member);
    let mut found = None;
    let rank = count_while(bytes, |item, score| {
        found = (item == wanted).then_some(score);
        found.is_none()
    });
    Some((rank, found?))
}

pub(super) fn ranks_by_score(bytes: &[u8], range: &ScoreRange) -> Range<usize> {
    let start = count_while(bytes, |_, score| range.is_after(score));
    start..count_while(bytes, |_, score| range.ends_after(score))
}

pub(super) fn ranks_by_lex(bytes: &[u8], range: &LexRange<'_>) -> Range<usize> {
    let mut scratch = [0; 20];
    let start = count_while(bytes, |member, _| range.is_after(member.to_bytes(&mut scratch)));
    let mut rank = 0;
    let end = count_while(bytes, |member, _| {
        rank += 1;
        rank <= start || range.ends_after(member.to_bytes(&mut scratch))
    });
    start..end
}

/// Adds a pair that is not there, in its place.
pub(super) fn insert(bytes: &mut Vec<u8>, member: &[u8], score: f64) {
    let view = Listpack::new(bytes);
    let mut scratch = [0; 20];
    let mut at = view.first();
    while let Some((other, other_score, next)) = pair(view, at) {
        if other_score > score || other_score == score && other.to_bytes(&mut scratch) > member {
            break;
        }
        at = next;
    }
    let at = listpack::insert(bytes, at, Item::of(member));
    listpack::insert(bytes, at, ScoreText::new().item(score));
}

/// Takes out so many pairs from a place on.
pub(super) fn remove(bytes: &mut Vec<u8>, place: Place, pairs: usize) {
    listpack::remove(bytes, place, 2 * pairs);
}
