//! Sorted sets.

use std::io::Read;

use graven_listpack::{Item, Listpack};

use crate::compact::{listpack, ziplist};
use crate::format::{special_score, value_type};
use crate::source::Source;
use crate::value::Strings;
use crate::{Error, Result, ValueDamage};

/// A sorted set. No score is NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum SortedSet {
    /// Members with as many scores, in no certain order, possibly with duplicates.
    Members {
        /// The members.
        members: Strings,
        /// The score of each.
        scores: Vec<f64>,
    },
    /// A listpack of different members, each with its score after it, in ascending order. A score is an integer, or the text
    /// of a number.
    Packed(Vec<u8>),
}

impl SortedSet {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            SortedSet::Members { members, .. } => members.is_empty(),
            SortedSet::Packed(bytes) => Listpack::new(bytes).is_empty(),
        }
    }

    pub(super) fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<SortedSet> {
        const EXPECTED: &str = "a sorted set";
        let offset = source.offset();
        let damaged = |damage| Error::BadValue { offset, damage };
        match code {
            value_type::SORTED_SET_ZIPLIST => {
                let bytes = ziplist::to_listpack(&source.string(EXPECTED)?).ok_or(damaged(ValueDamage::Ziplist))?;
                Self::packed(bytes, offset)
            }
            value_type::SORTED_SET_LISTPACK => Self::packed(listpack::checked(source.string(EXPECTED)?, offset)?, offset),
            _ => {
                let count = source.length(EXPECTED)?;
                let (mut members, mut scores) = (Strings::new(), Vec::new());
                for _ in 0..count {
                    members.push_with(|buffer| source.string_into(buffer, EXPECTED))?;
                    let offset = source.offset();
                    let score =
                        if code == value_type::SORTED_SET { read_text_score(source)? } else { f64::from_le_bytes(source.array(EXPECTED)?) };
                    if score.is_nan() {
                        return Err(Error::BadValue { offset, damage: ValueDamage::Score });
                    }
                    scores.push(score);
                }
                Ok(SortedSet::Members { members, scores })
            }
        }
    }

    /// Checks a listpack of members and scores. One out of order is read element by element.
    fn packed(bytes: Vec<u8>, offset: u64) -> Result<SortedSet> {
        listpack::no_duplicates(&bytes, 2, offset)?;
        let mut items = Listpack::new(&bytes).iter();
        let (mut before, mut is_sorted) = (None, true);
        while let Some(member) = items.next() {
            let score = items.next().and_then(score_of).ok_or(Error::BadValue { offset, damage: ValueDamage::Score })?;
            is_sorted &= before.is_none_or(|before| is_before(before, (score, member)));
            before = Some((score, member));
        }
        if is_sorted {
            return Ok(SortedSet::Packed(bytes));
        }
        let (mut members, mut scores) = (Strings::new(), Vec::new());
        let mut items = Listpack::new(&bytes).iter();
        while let (Some(member), Some(score)) = (items.next(), items.next().and_then(score_of)) {
            members.push(member.to_bytes(&mut [0; 20]));
            scores.push(score);
        }
        Ok(SortedSet::Members { members, scores })
    }
}

/// The score that an item of a listpack is, if it is one.
pub(crate) fn score_of(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(number) => Some(number as f64),
        Item::Bytes(text) => parse_score(text),
    }
}

fn parse_score(text: &[u8]) -> Option<f64> {
    let score: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!score.is_nan()).then_some(score)
}

fn is_before(one: (f64, Item<'_>), other: (f64, Item<'_>)) -> bool {
    one.0 < other.0 || one.0 == other.0 && one.1.to_bytes(&mut [0; 20]) < other.1.to_bytes(&mut [0; 20])
}

/// A score as text behind its length, or one of the three values that are none.
pub(crate) fn read_text_score<R: Read>(source: &mut Source<R>) -> Result<f64> {
    const EXPECTED: &str = "a score";
    let offset = source.offset();
    match source.byte(EXPECTED)? {
        special_score::NAN => Ok(f64::NAN),
        special_score::INFINITY => Ok(f64::INFINITY),
        special_score::MINUS_INFINITY => Ok(f64::NEG_INFINITY),
        length => {
            let text = source.bytes(u64::from(length), EXPECTED)?;
            parse_score(&text).ok_or(Error::BadValue { offset, damage: ValueDamage::Score })
        }
    }
}
