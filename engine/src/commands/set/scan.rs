//! `SSCAN`: a small set at once, a large one by position in hash space, so that no growth makes it miss or repeat a member.

use super::set_of;
use crate::commands::generic::parse_cursor;
use crate::context::Context;
use crate::error::{Error, INVALID_CURSOR, NOT_INTEGER, SYNTAX};
use crate::glob;
use graven_resp::number::parse_i64;
use graven_resp::push_bulk;

/// Members that a call looks at if it is not told.
const DEFAULT_COUNT: usize = 10;

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn sscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = parse_cursor(cx.args.at(2)).ok_or(INVALID_CURSOR)?;
    let (key, args) = (cx.key(1), cx.args);
    let (mut found, mut encoded, mut next) = (0, Vec::new(), 0);
    // A missing key and another type are noticed before the options are looked at.
    if let Some(entry) = cx.engine.read(cx.session, key) {
        let set = set_of(entry)?;
        let (mut pattern, mut count) = (None, DEFAULT_COUNT);
        for i in (3..args.len()).step_by(2) {
            let (word, value) = (args.at(i), args.get(i + 1).ok_or(SYNTAX)?);
            if word.eq_ignore_ascii_case(b"match") {
                pattern = (value != b"*").then_some(value);
            } else if word.eq_ignore_ascii_case(b"count") {
                count = match parse_i64(value).ok_or(NOT_INTEGER)? {
                    count @ 1.. => count as usize,
                    _ => return Err(SYNTAX.into()),
                };
            } else {
                return Err(SYNTAX.into());
            }
        }
        next = set.scan(cursor, count, &mut |member| {
            let mut scratch = [0; 20];
            let text = member.to_bytes(&mut scratch);
            if pattern.is_none_or(|pattern| glob::matches(pattern, text, false)) {
                found += 1;
                push_bulk(&mut encoded, text);
            }
        });
    }
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    cx.reply.array(found);
    cx.reply.raw(&encoded);
    Ok(())
}
