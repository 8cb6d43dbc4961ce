//! What `SCAN`, `HSCAN`, `SSCAN` and `ZSCAN` have in common: cursor, options, and the form of the reply.

use crate::context::Context;
use crate::error::{Error, INVALID_CURSOR, NOT_INTEGER, SYNTAX};
use crate::glob;
use graven_resp::number::{parse_i64, parse_wrapping_u64};
use graven_resp::push_bulk;

/// Elements that a call looks at if it is not told.
const DEFAULT_COUNT: usize = 10;

/// Whether a word is an option of one command alone, and then what it takes: itself, or the argument after it too.
pub(super) enum Own {
    No,
    Word,
    WordAndValue,
}

/// `[MATCH pattern] [COUNT count]`
pub(super) struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    /// Elements to look at.
    pub(super) count: usize,
}

impl<'a> ScanOptions<'a> {
    /// Reads the arguments from `first` on; `own` is shown each word that may be an option, with the argument after it.
    pub(super) fn parse(cx: &Context<'a>, first: usize, mut own: impl FnMut(&'a [u8], Option<&'a [u8]>) -> Own) -> Result<Self, Error> {
        let mut options = ScanOptions { pattern: None, count: DEFAULT_COUNT };
        let mut i = first;
        while let Some(word) = cx.args.get(i) {
            let value = cx.args.get(i + 1);
            i += match (own(word, value), value) {
                (Own::Word, _) => 1,
                (Own::WordAndValue, Some(_)) => 2,
                (_, Some(value)) if word.eq_ignore_ascii_case(b"count") => {
                    let count = parse_i64(value).ok_or(NOT_INTEGER)?;
                    options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(SYNTAX)?;
                    2
                }
                (_, Some(value)) if word.eq_ignore_ascii_case(b"match") => {
                    options.pattern = (value != b"*").then_some(value);
                    2
                }
                _ => return Err(SYNTAX.into()),
            };
        }
        Ok(options)
    }

    /// Whether an element is to be shown.
    #[inline]
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// The cursor at an argument, as C's `strtoul` reads it, which accepts a sign and an empty string.
pub(super) fn cursor_at(cx: &Context<'_>, i: usize) -> Result<u64, Error> {
    match cx.args.at(i) {
        [] => Ok(0),
        text => parse_wrapping_u64(text).ok_or(INVALID_CURSOR.into()),
    }
}

/// What a call found, as the reply will have it.
#[derive(Default)]
pub(super) struct Scanned {
    items: usize,
    encoded: Vec<u8>,
}

impl Scanned {
    /// Adds one item: an element, or its value.
    #[inline]
    pub(super) fn push(&mut self, item: &[u8]) {
        self.items += 1;
        push_bulk(&mut self.encoded, item);
    }

    /// Replies the cursor of the next call, and what was found.
    pub(super) fn reply(self, cx: &mut Context<'_>, next: u64) {
        cx.reply.array(2);
        cx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        cx.reply.array(self.items);
        cx.reply.raw(&self.encoded);
    }
}
