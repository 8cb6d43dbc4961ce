//! `ZADD` and `ZINCRBY`: scores given or changed.
//!
//! Logged as they arrived, also the increments: doubles are added in the same order when they are replayed, so the sums
//! are the same to the bit.

use crate::context::Context;
use crate::error::{Error, NOT_FLOAT, SYNTAX, WRONG_TYPE};
use crate::notify::EventClass;
use graven_resp::number::parse_f64;
use graven_store::{Slot, SortedSetBuilder};

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …]`
pub fn zadd(cx: &mut Context<'_>) -> Result<(), Error> {
    add(cx, false)
}

/// `ZINCRBY key increment member`
pub fn zincrby(cx: &mut Context<'_>) -> Result<(), Error> {
    add(cx, true)
}

/// What is done with whom.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// `NX`
    missing: bool,
    /// `XX`
    existing: bool,
    /// `GT`
    greater: bool,
    /// `LT`
    less: bool,
    /// `CH`
    count_changed: bool,
    /// `INCR`
    increment: bool,
}

impl Options {
    /// Those that `GEOADD` has too.
    pub(crate) fn of_places(missing: bool, existing: bool, count_changed: bool) -> Options {
        Options { missing, existing, count_changed, ..Options::default() }
    }

    /// The options, and the argument with the first score.
    fn parse(cx: &Context<'_>, increment: bool) -> Result<(Options, usize), Error> {
        let mut options = Options { increment, ..Options::default() };
        let mut first = 2;
        while let Some(word) = cx.args.get(first) {
            match word.len() {
                2 if word.eq_ignore_ascii_case(b"nx") => options.missing = true,
                2 if word.eq_ignore_ascii_case(b"xx") => options.existing = true,
                2 if word.eq_ignore_ascii_case(b"gt") => options.greater = true,
                2 if word.eq_ignore_ascii_case(b"lt") => options.less = true,
                2 if word.eq_ignore_ascii_case(b"ch") => options.count_changed = true,
                4 if word.eq_ignore_ascii_case(b"incr") => options.increment = true,
                _ => break,
            }
            first += 1;
        }
        let rest = cx.args.len() - first;
        if rest == 0 || !rest.is_multiple_of(2) {
            return Err(SYNTAX.into());
        }
        if options.missing && options.existing {
            return Err("ERR XX and NX options at the same time are not compatible".into());
        }
        if options.missing && (options.greater || options.less) || options.greater && options.less {
            return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
        }
        if options.increment && rest > 2 {
            return Err("ERR INCR option supports a single increment-element pair".into());
        }
        Ok((options, first))
    }

    /// The score that a member gets; `None` if it stays as it is, or absent. May be NaN.
    #[inline]
    fn decide(self, old: Option<f64>, score: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.existing).then_some(score) };
        let new = if self.increment { old + score } else { score };
        let refused = self.missing || self.less && new >= old || self.greater && new <= old;
        (!refused).then_some(new)
    }
}

/// What became of the members so far.
#[derive(Default)]
struct Tally {
    added: i64,
    updated: i64,
    /// The score of the last one, unless the options left it alone.
    score: Option<f64>,
}

fn score_at(cx: &Context<'_>, i: usize) -> Result<f64, Error> {
    parse_f64(cx.args.at(i)).ok_or(NOT_FLOAT.into())
}

fn add(cx: &mut Context<'_>, increment: bool) -> Result<(), Error> {
    let (options, first) = Options::parse(cx, increment)?;
    let first_score = score_at(cx, first)?;
    // All are checked before the first change. They are read again then: that is cheaper than to keep them.
    for i in (first + 2..cx.args.len()).step_by(2) {
        score_at(cx, i)?;
    }
    let args = cx.args;
    let score = |i| if i == 0 { first_score } else { parse_f64(args.at(first + 2 * i)).expect("it was read before") };
    add_pairs(cx, options, (args.len() - first) / 2, |i| (score(i), args.at(first + 2 * i + 1)))?;
    Ok(())
}

/// Gives members scores: `pair` names those of the first to the last of `pairs`, at least one. Replies, and tells whether
/// anything changed.
#[inline]
pub(crate) fn add_pairs<'a>(
    cx: &mut Context<'a>,
    options: Options,
    pairs: usize,
    pair: impl Fn(usize) -> (f64, &'a [u8]),
) -> Result<bool, Error> {
    let key = cx.key(1);
    let (access, thresholds) = (cx.engine.fresh_access(), cx.engine.settings.thresholds);
    let mut tally = Tally::default();
    let mut next = 0;
    let (mut place, created) = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(place) => (place, false),
        Slot::Vacant(_) if options.existing => {
            reply(cx, options, &tally);
            return Ok(false);
        }
        Slot::Vacant(place) => {
            let mut builder = SortedSetBuilder::new(pairs, &thresholds, place.hasher());
            let (score, member) = pair(0);
            builder.insert(member, score);
            tally = Tally { added: 1, updated: 0, score: Some(score) };
            next = 1;
            (place.insert_entry(builder.into_entry(key.bytes, None, access)), true)
        }
    };
    if next < pairs {
        let mut set = place.sorted_set_mut().ok_or(WRONG_TYPE)?;
        set.expect_members(pairs, &thresholds);
        for (score, member) in (next..pairs).map(pair) {
            let mut chosen = None;
            let likely = (!options.increment).then_some(score);
            let old = set.update(member, likely, &thresholds, |old| {
                chosen = options.decide(old, score);
                chosen.filter(|score| !score.is_nan())
            });
            match (old, chosen) {
                (_, None) => {}
                (None, Some(_)) => tally.added += 1,
                (Some(_), Some(new)) if new.is_nan() => return Err("ERR resulting score is not a number (NaN)".into()),
                (Some(old), Some(new)) => tally.updated += i64::from(new != old),
            }
            tally.score = chosen;
        }
    }
    let changes = tally.added + tally.updated;
    if changes > 0 {
        cx.changed_by(key.bytes, changes as u64);
        if created {
            cx.notify(EventClass::NEW, "new", key.bytes);
        }
        cx.notify(EventClass::ZSET, if options.increment { "zincr" } else { "zadd" }, key.bytes);
    }
    reply(cx, options, &tally);
    Ok(changes > 0)
}

fn reply(cx: &mut Context<'_>, options: Options, tally: &Tally) {
    match tally.score {
        Some(score) if options.increment => cx.reply.double(score),
        None if options.increment => cx.reply.null(),
        _ => cx.reply.int(tally.added + if options.count_changed { tally.updated } else { 0 }),
    }
}
