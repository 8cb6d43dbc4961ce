//! Members by rank, score or name: `ZRANGE` and the commands that it took the place of, `ZCOUNT`, `ZLEXCOUNT`.

use crate::commands::sorted_set::bounds::{By, Interval};
use crate::commands::sorted_set::{reply_members, sorted_set_of, store};
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use graven_store::{SortedSetBuilder, SortedSetRef};
use std::ops::Range;

/// `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub fn zrange(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, None, None)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub fn zrevrange(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, Some(By::Rank), Some(true))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub fn zrangebyscore(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, Some(By::Score), Some(false))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub fn zrevrangebyscore(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, Some(By::Score), Some(true))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub fn zrangebylex(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, Some(By::Lex), Some(false))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub fn zrevrangebylex(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_range(cx, Some(By::Lex), Some(true))
}

/// What a command of this file asks for.
struct Query<'a> {
    interval: Interval<'a>,
    reverse: bool,
    offset: i64,
    /// Negative: all.
    limit: i64,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// Reads the ends from argument `first` on, and the options after them. What is not fixed by the command may be an option.
    fn parse(cx: &Context<'a>, first: usize, by: Option<By>, reverse: Option<bool>, storing: bool) -> Result<Query<'a>, Error> {
        let (mut chosen_by, mut chosen_reverse) = (by, reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut i = first + 2;
        while i < cx.args.len() {
            if !storing && cx.is(i, "withscores") {
                with_scores = true;
            } else if cx.is(i, "limit") && i + 2 < cx.args.len() {
                (offset, limit) = (cx.int(i + 1)?, cx.int(i + 2)?);
                i += 2;
            } else if chosen_reverse.is_none() && cx.is(i, "rev") {
                chosen_reverse = Some(true);
            } else if chosen_by.is_none() && cx.is(i, "bylex") {
                chosen_by = Some(By::Lex);
            } else if chosen_by.is_none() && cx.is(i, "byscore") {
                chosen_by = Some(By::Score);
            } else {
                return Err(SYNTAX.into());
            }
            i += 1;
        }
        let (by, reverse) = (chosen_by.unwrap_or(By::Rank), chosen_reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX".into());
        }
        if with_scores && by == By::Lex {
            return Err("ERR syntax error, WITHSCORES not supported in combination with BYLEX".into());
        }
        let swapped = reverse && by != By::Rank;
        let (min, max) = if swapped { (first + 1, first) } else { (first, first + 1) };
        Ok(Query { interval: Interval::parse(cx, by, min, max)?, reverse, offset, limit, with_scores })
    }

    /// The ranks of the members asked for.
    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let ranks = self.interval.ranks(set, self.reverse);
        if matches!(self.interval, Interval::Ranks(..)) {
            return ranks;
        }
        let Ok(offset) = usize::try_from(self.offset) else { return 0..0 };
        let left = ranks.len().saturating_sub(offset);
        let count = usize::try_from(self.limit).map_or(left, |limit| limit.min(left));
        if count == 0 {
            return 0..0;
        }
        if self.reverse { ranks.end - offset - count..ranks.end - offset } else { ranks.start + offset..ranks.start + offset + count }
    }
}

fn reply_range(cx: &mut Context<'_>, by: Option<By>, reverse: Option<bool>) -> Result<(), Error> {
    let query = Query::parse(cx, 2, by, reverse, false)?;
    let key = cx.key(1);
    match cx.engine.read(cx.session, key) {
        None => cx.reply.array(0),
        Some(entry) => {
            let set = sorted_set_of(entry)?;
            let members = set.range(query.ranks(set), query.reverse);
            reply_members(&mut cx.reply, members, query.with_scores);
        }
    }
    Ok(())
}

/// `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`
pub fn zrangestore(cx: &mut Context<'_>) -> Result<(), Error> {
    let query = Query::parse(cx, 3, None, None, true)?;
    let (target, source) = (cx.key(1), cx.key(2));
    let (thresholds, hasher) = (cx.engine.settings.thresholds, cx.engine.keyspace.hasher());
    let set = cx.engine.read(cx.session, source).map(sorted_set_of).transpose()?;
    let members = set.map(|set| set.range(query.ranks(set), false));
    let mut result = SortedSetBuilder::new(members.as_ref().map_or(0, |members| members.len()), &thresholds, hasher);
    let mut scratch = [0; 20];
    for (member, score) in members.into_iter().flatten() {
        result.insert(member.to_bytes(&mut scratch), score);
    }
    store(cx, target, result, "zrangestore");
    Ok(())
}

/// `ZCOUNT key min max`
pub fn zcount(cx: &mut Context<'_>) -> Result<(), Error> {
    count(cx, By::Score)
}

/// `ZLEXCOUNT key min max`
pub fn zlexcount(cx: &mut Context<'_>) -> Result<(), Error> {
    count(cx, By::Lex)
}

fn count(cx: &mut Context<'_>, by: By) -> Result<(), Error> {
    let interval = Interval::parse(cx, by, 2, 3)?;
    let key = cx.key(1);
    let count = match cx.engine.read(cx.session, key) {
        None => 0,
        Some(entry) => interval.ranks(sorted_set_of(entry)?, false).len(),
    };
    cx.reply.int(count as i64);
    Ok(())
}
