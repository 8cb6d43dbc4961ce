//! `HSCAN`: a small hash at once, a large one by position in hash space, so that no growth makes it miss or repeat a field.

use super::read_hash;
use crate::commands::generic::parse_cursor;
use crate::context::Context;
use crate::error::{Error, INVALID_CURSOR, NOT_INTEGER, SYNTAX};
use crate::glob;
use graven_resp::push_bulk;

/// Fields looked at if the command does not say how many.
const DEFAULT_COUNT: usize = 10;

struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    values: bool,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options { pattern: None, count: DEFAULT_COUNT, values: true };
        let mut i = 3;
        while let Some(word) = cx.args.get(i) {
            match cx.args.get(i + 1) {
                _ if word.eq_ignore_ascii_case(b"novalues") => {
                    options.values = false;
                    i += 1;
                    continue;
                }
                Some(_) if word.eq_ignore_ascii_case(b"count") => match cx.int(i + 1).map_err(|_| NOT_INTEGER)? {
                    number @ 1.. => options.count = number as usize,
                    _ => return Err(SYNTAX.into()),
                },
                Some(value) if word.eq_ignore_ascii_case(b"match") => options.pattern = (value != b"*").then_some(value),
                _ => return Err(SYNTAX.into()),
            }
            i += 2;
        }
        Ok(options)
    }
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
pub fn hscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = parse_cursor(cx.args.at(2)).ok_or(INVALID_CURSOR)?;
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let options = Options::parse(cx);
    let (mut found, mut encoded, mut next) = (0, Vec::new(), 0);
    if let Some(hash) = read_hash(cx.engine, cx.session, key)? {
        let options = options?;
        next = hash.scan(cursor, options.count, &mut |field| {
            let mut scratch = [0; 20];
            let name = field.name.to_bytes(&mut scratch);
            if field.is_due(before) || options.pattern.is_some_and(|pattern| !glob::matches(pattern, name, false)) {
                return;
            }
            found += 1;
            push_bulk(&mut encoded, name);
            if options.values {
                found += 1;
                push_bulk(&mut encoded, field.value.to_bytes(&mut [0; 20]));
            }
        });
    }
    let mut digits = itoa::Buffer::new();
    cx.reply.array(2);
    cx.reply.bulk(digits.format(next).as_bytes());
    cx.reply.array(found);
    cx.reply.raw(&encoded);
    Ok(())
}
