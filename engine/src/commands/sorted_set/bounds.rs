//! Which members a command means: ranks, scores or members from one end to the other.

use crate::context::Context;
use crate::error::Error;
use graven_resp::number::parse_f64;
use graven_store::{LexBound, LexRange, ScoreRange, SortedSetRef};
use std::ops::Range;

/// The members between two ends.
#[derive(Clone, Copy)]
pub(super) enum Interval<'a> {
    /// By rank; negative: from the end.
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

/// The kinds of [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

impl<'a> Interval<'a> {
    /// Reads both ends from arguments.
    pub(super) fn parse(cx: &Context<'a>, by: By, min: usize, max: usize) -> Result<Interval<'a>, Error> {
        Ok(match by {
            By::Rank => Interval::Ranks(cx.int(min)?, cx.int(max)?),
            By::Score => Interval::Scores(score_range(cx.args.at(min), cx.args.at(max))?),
            By::Lex => Interval::Members(lex_range(cx.args.at(min), cx.args.at(max))?),
        })
    }

    /// The ranks of its members, counted from the first, or from the last if `reverse` and it is one of ranks. May be empty,
    /// and then begin after its end.
    pub(super) fn ranks(&self, set: SortedSetRef<'_>, reverse: bool) -> Range<usize> {
        match self {
            Interval::Scores(range) => set.ranks_by_score(range),
            Interval::Members(range) => set.ranks_by_lex(range),
            Interval::Ranks(start, stop) => {
                let len = set.len();
                let from_end = |rank: i64| if rank < 0 { rank.saturating_add(len as i64) } else { rank };
                let start = usize::try_from(from_end(*start)).unwrap_or(0).min(len);
                let end = usize::try_from(from_end(*stop)).map_or(0, |stop| stop.saturating_add(1).min(len)).max(start);
                if reverse { len - end..len - start } else { start..end }
            }
        }
    }
}

/// Both ends of a range of scores; a `(` excludes an end.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, Error> {
    let (min, min_excluded) = score_bound(min)?;
    let (max, max_excluded) = score_bound(max)?;
    Ok(ScoreRange { min, max, min_excluded, max_excluded })
}

fn score_bound(text: &[u8]) -> Result<(f64, bool), Error> {
    let (text, excluded) = match text {
        [b'(', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    let score = parse_c_double(text).ok_or("ERR min or max is not a float")?;
    Ok((score, excluded))
}

/// A double as C's `strtod` reads it, to whom a zero byte ends the text and nothing is 0; what is too large is infinite.
fn parse_c_double(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = &text[..end];
    if text.is_empty() {
        return Some(0.0);
    }
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = &text[text.iter().take_while(|byte| space(byte)).count()..];
    let plain = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    plain.or_else(|| parse_f64(text)).filter(|score: &f64| !score.is_nan())
}

fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, Error> {
    lex_bound(min).zip(lex_bound(max)).map(|(min, max)| LexRange { min, max }).ok_or("ERR min or max not valid string range item".into())
}

fn lex_bound(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Least),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Greatest),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_what_c_reads() {
        let cases: [(&[u8], Option<f64>); 12] = [
            (b"1.5", Some(1.5)),
            (b"", Some(0.0)),
            (b"\0junk", Some(0.0)),
            (b" 7", Some(7.0)),
            (b" ", None),
            (b"7 ", None),
            (b"-inf", Some(f64::NEG_INFINITY)),
            (b"1e999", Some(f64::INFINITY)),
            (b"0x10", Some(16.0)),
            (b"nan", None),
            (b"1e", None),
            (b"1e-999", Some(0.0)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_c_double(text), expected, "{}", text.escape_ascii());
        }
    }
}
