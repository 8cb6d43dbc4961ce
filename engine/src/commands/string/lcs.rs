//! `LCS`: the longest common subsequence of two strings.
//!
//! The usual table of lengths, by rows. Only two rows of lengths are kept; for walking back one bit per cell is
//! enough, which says whether the better neighbour is the one above. So the table takes a 32nd of what Redis
//! takes. The limit that Redis puts on its table holds here as well, since it also bounds the time.

use super::string_of;
use crate::context::Context;
use crate::error::{Error, NOT_INTEGER, SYNTAX};
use graven_resp::number::parse_i64;
use std::ops::RangeInclusive;

const TOO_MUCH_MEMORY: &str = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";

#[derive(Default)]
struct Options {
    length: bool,
    indexes: bool,
    min_match_len: i64,
    with_match_len: bool,
}

impl Options {
    fn parse(cx: &Context<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut i = 3;
        while i < cx.args.len() {
            if cx.is(i, "idx") {
                options.indexes = true;
            } else if cx.is(i, "len") {
                options.length = true;
            } else if cx.is(i, "withmatchlen") {
                options.with_match_len = true;
            } else if cx.is(i, "minmatchlen") && i + 1 < cx.args.len() {
                options.min_match_len = parse_i64(cx.args.at(i + 1)).ok_or(NOT_INTEGER)?;
                i += 1;
            } else {
                return Err(SYNTAX.into());
            }
            i += 1;
        }
        match options.length && options.indexes {
            true => Err("ERR If you want both the length and indexes, please just use IDX.".into()),
            false => Ok(options),
        }
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]`
pub fn lcs(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut strings = [Vec::new(), Vec::new()];
    for (i, string) in strings.iter_mut().enumerate() {
        let key = cx.key(i + 1);
        if let Some(entry) = cx.engine.read(cx.session, key) {
            *string = string_of(entry).map_err(|_| "ERR The specified keys must contain string values")?.to_vec();
        }
    }
    let options = Options::parse(cx)?;
    let [a, b] = &strings;
    if a.len() >= u32::MAX as usize - 1 || b.len() >= u32::MAX as usize - 1 {
        return Err("ERR String too long for LCS".into());
    }
    let cells = (a.len() as u128 + 1) * (b.len() as u128 + 1);
    if cells * size_of::<u32>() as u128 > cx.engine.settings.max_bulk_bytes as u128 {
        return Err(TOO_MUCH_MEMORY.into());
    }
    let table = Table::new(a, b, !options.length);
    if options.length {
        cx.reply.int(table.length as i64);
    } else if options.indexes {
        reply_matches(cx, &table.matches(a, b), table.length, &options);
    } else {
        let mut sequence = Vec::with_capacity(table.length);
        table.matches(a, b).iter().rev().for_each(|m| sequence.extend_from_slice(&a[m.in_a.clone()]));
        cx.reply.bulk(&sequence);
    }
    Ok(())
}

fn reply_matches(cx: &mut Context<'_>, matches: &[Match], length: usize, options: &Options) {
    let long_enough = |m: &&Match| m.len() as i64 >= options.min_match_len;
    cx.reply.map(2);
    cx.reply.bulk(b"matches");
    cx.reply.array(matches.iter().filter(long_enough).count());
    for m in matches.iter().filter(long_enough) {
        cx.reply.array(if options.with_match_len { 3 } else { 2 });
        for range in [&m.in_a, &m.in_b] {
            cx.reply.array(2);
            cx.reply.int(*range.start() as i64);
            cx.reply.int(*range.end() as i64);
        }
        if options.with_match_len {
            cx.reply.int(m.len() as i64);
        }
    }
    cx.reply.bulk(b"len");
    cx.reply.int(length as i64);
}

/// A run of bytes that both strings have.
struct Match {
    in_a: RangeInclusive<usize>,
    in_b: RangeInclusive<usize>,
}

impl Match {
    fn len(&self) -> usize {
        self.in_a.end() - self.in_a.start() + 1
    }
}

struct Table {
    length: usize,
    /// For cell (i, j): the sequence of the first i - 1 and j bytes is longer than that of i and j - 1.
    up: Vec<u64>,
    columns: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8], walkable: bool) -> Table {
        let columns = b.len();
        let words = if walkable { (a.len() * columns).div_ceil(64) } else { 0 };
        let mut up = vec![0u64; words];
        let (mut above, mut row) = (vec![0u32; columns + 1], vec![0u32; columns + 1]);
        for (i, &byte) in a.iter().enumerate() {
            for j in 0..columns {
                row[j + 1] = if byte == b[j] { above[j] + 1 } else { above[j + 1].max(row[j]) };
                if walkable && above[j + 1] > row[j] {
                    let cell = i * columns + j;
                    up[cell / 64] |= 1 << (cell % 64);
                }
            }
            std::mem::swap(&mut above, &mut row);
        }
        Table { length: above[columns] as usize, up, columns }
    }

    /// The matching runs, from the ends of the strings to their beginnings.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let mut matches = Vec::new();
        let mut current: Option<Match> = None;
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                current = Some(match current.take() {
                    None => Match { in_a: i..=i, in_b: j..=j },
                    Some(m) => Match { in_a: i..=*m.in_a.end(), in_b: j..=*m.in_b.end() },
                });
            } else {
                matches.extend(current.take());
                let cell = (i - 1) * self.columns + (j - 1);
                if self.up[cell / 64] >> (cell % 64) & 1 == 1 { i -= 1 } else { j -= 1 }
            }
        }
        matches.extend(current);
        matches
    }
}
