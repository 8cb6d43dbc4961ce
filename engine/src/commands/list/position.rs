//! `LPOS`

use super::list_of;
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use graven_resp::number::parse_i64;
use graven_store::{Item, Side};
use std::ops::ControlFlow;

/// What is looked for.
struct Search {
    side: Side,
    /// Matches to pass over first.
    skip: u64,
    /// Matches wanted; 0 for all.
    count: Option<u64>,
    /// Items to compare; 0 for all.
    most: u64,
}

impl Search {
    fn parse(cx: &Context<'_>) -> Result<Search, Error> {
        let mut search = Search { side: Side::Left, skip: 0, count: None, most: 0 };
        let mut i = 3;
        while let Some(word) = cx.args.get(i) {
            let Some(number) = cx.args.get(i + 1) else { return Err(SYNTAX.into()) };
            match word {
                _ if word.eq_ignore_ascii_case(b"rank") => {
                    let rank = parse_rank(cx, i + 1)?;
                    search.side = if rank < 0 { Side::Right } else { Side::Left };
                    search.skip = rank.unsigned_abs() - 1;
                }
                _ if word.eq_ignore_ascii_case(b"count") => search.count = Some(not_negative(number, "ERR COUNT can't be negative")?),
                _ if word.eq_ignore_ascii_case(b"maxlen") => search.most = not_negative(number, "ERR MAXLEN can't be negative")?,
                _ => return Err(SYNTAX.into()),
            }
            i += 2;
        }
        Ok(search)
    }
}

fn parse_rank(cx: &Context<'_>, at: usize) -> Result<i64, Error> {
    match cx.symmetric_int(at)? {
        0 => Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
                  from the end of the list"
            .into()),
        rank => Ok(rank),
    }
}

fn not_negative(text: &[u8], error: &'static str) -> Result<u64, Error> {
    parse_i64(text).and_then(|number| u64::try_from(number).ok()).ok_or(error.into())
}

/// `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`
pub fn lpos(cx: &mut Context<'_>) -> Result<(), Error> {
    let wanted = Item::of(cx.args.at(2));
    let search = Search::parse(cx)?;
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        match search.count {
            Some(_) => cx.reply.array(0),
            None => cx.reply.null(),
        }
        return Ok(());
    };
    let list = list_of(entry)?;
    let len = list.len();
    let (mut compared, mut matches, mut found) = (0, 0, Vec::new());
    let most = if search.most == 0 { u64::MAX } else { search.most };
    let last = search.skip.saturating_add(match search.count {
        None => 1,
        Some(0) => u64::MAX,
        Some(count) => count,
    });
    let first = if search.side == Side::Left { 0 } else { len - 1 };
    let _ = list.walk(first, search.side, |item| {
        if item == wanted {
            matches += 1;
            if matches > search.skip {
                found.push(if search.side == Side::Left { compared } else { len as u64 - 1 - compared });
            }
        }
        compared += 1;
        if compared == most || matches == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match (search.count, found.first()) {
        (Some(_), _) => {
            cx.reply.array(found.len());
            found.iter().for_each(|index| cx.reply.int(*index as i64));
        }
        (None, Some(index)) => cx.reply.int(*index as i64),
        (None, None) => cx.reply.null(),
    }
    Ok(())
}
