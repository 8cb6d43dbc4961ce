//! What a sort is asked to do.

use super::pattern::Pattern;
use crate::error::{Error, NOT_INTEGER, SYNTAX};
use graven_resp::Args;
use graven_resp::number::parse_i64;
use std::ops::Range;

pub(super) struct Options<'a> {
    pub(super) descending: bool,
    /// Weights are compared as strings.
    pub(super) alphabetical: bool,
    /// Where weights are found; `None` for the elements themselves.
    pub(super) by: Option<Pattern<'a>>,
    /// The elements stay in the order that they are in.
    pub(super) unsorted: bool,
    /// What is replied of each element; nothing for the element itself.
    pub(super) get: Vec<Pattern<'a>>,
    pub(super) destination: Option<&'a [u8]>,
    offset: i64,
    count: i64,
}

impl<'a> Options<'a> {
    pub(super) fn parse(args: Args<'a>, may_store: bool) -> Result<Options<'a>, Error> {
        let mut options = Options {
            descending: false,
            alphabetical: false,
            by: None,
            unsorted: false,
            get: Vec::new(),
            destination: None,
            offset: 0,
            count: -1,
        };
        let mut i = 2;
        while let Some(word) = args.get(i) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let (first, second) = (args.get(i + 1), args.get(i + 2));
            i += match (first, second) {
                _ if is("asc") || is("desc") => {
                    options.descending = is("desc");
                    1
                }
                _ if is("alpha") => {
                    options.alphabetical = true;
                    1
                }
                (Some(offset), Some(count)) if is("limit") => {
                    options.offset = parse_i64(offset).ok_or(NOT_INTEGER)?;
                    options.count = parse_i64(count).ok_or(NOT_INTEGER)?;
                    3
                }
                (Some(destination), _) if may_store && is("store") => {
                    options.destination = Some(destination);
                    2
                }
                (Some(pattern), _) if is("by") => {
                    let by = Pattern::parse(pattern);
                    // A later pattern that varies does not undo an earlier one that does not.
                    options.unsorted |= by.is_constant();
                    options.by = Some(by);
                    2
                }
                (Some(pattern), _) if is("get") => {
                    options.get.push(Pattern::parse(pattern));
                    2
                }
                _ => return Err(SYNTAX.into()),
            };
        }
        Ok(options)
    }

    /// Which of `len` elements are wanted.
    pub(super) fn range(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).map_or(len, |offset| offset.min(len));
        let count = usize::try_from(self.count).map_or(len, |count| count.min(len));
        start..start.saturating_add(count).min(len)
    }
}
