//! `ZSCAN`: members and scores step by step.

use crate::commands::generic::parse_cursor;
use crate::commands::sorted_set::sorted_set_of;
use crate::context::Context;
use crate::error::{Error, INVALID_CURSOR, SYNTAX};
use crate::glob;
use graven_resp::{number, push_bulk};
use graven_store::Encoding;

/// Members that a call looks at if it is not told.
const DEFAULT_COUNT: usize = 10;

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn zscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = parse_cursor(cx.args.at(2)).ok_or(INVALID_CURSOR)?;
    let key = cx.key(1);
    let args = cx.args;
    // A missing key is answered before the options are looked at, a wrong type too.
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let set = sorted_set_of(entry)?;
    let (mut pattern, mut count) = (None, DEFAULT_COUNT);
    for i in (3..args.len()).step_by(2) {
        let (word, value) = (args.at(i), args.get(i + 1).ok_or(SYNTAX)?);
        if word.eq_ignore_ascii_case(b"match") {
            pattern = (value != b"*").then_some(value);
        } else if word.eq_ignore_ascii_case(b"count") {
            count = match number::parse_i64(value).ok_or(crate::error::NOT_INTEGER)? {
                count @ 1.. => count as usize,
                _ => return Err(SYNTAX.into()),
            };
        } else {
            return Err(SYNTAX.into());
        }
    }
    // Redis prints the scores of large ones with all digits.
    let all_digits = entry.encoding() == Encoding::Skiplist;
    let (mut found, mut encoded, mut text, mut scratch) = (0, Vec::new(), Vec::new(), [0; 20]);
    let next = set.scan(cursor, count, &mut |member, score| {
        let member = member.to_bytes(&mut scratch);
        if pattern.is_some_and(|pattern| !glob::matches(pattern, member, false)) {
            return;
        }
        found += 2;
        push_bulk(&mut encoded, member);
        text.clear();
        if all_digits {
            format_all_digits(&mut text, score)
        } else {
            number::format_f64(&mut text, score)
        }
        push_bulk(&mut encoded, &text);
    });
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    cx.reply.array(found);
    cx.reply.raw(&encoded);
    Ok(())
}

/// Prints a double with 17 digits, without zeros at the end, as C's `%.17g` does.
fn format_all_digits(out: &mut Vec<u8>, value: f64) {
    const DIGITS: i32 = 17;
    if !value.is_finite() || value == 0.0 {
        return number::format_f64(out, value);
    }
    let text = format!("{value:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = text.split_once('e').expect("it is written with an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is an integer");
    if (-4..DIGITS).contains(&exponent) {
        let text = format!("{value:.*}", (DIGITS - 1 - exponent) as usize);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        out.extend_from_slice(text.as_bytes());
    } else {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{mantissa}e{sign}{:02}", exponent.abs()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::format_all_digits;

    #[test]
    fn all_digits_are_printed_as_c_prints_them() {
        let cases = [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (-2.5, "-2.5"),
            (1e17, "1e+17"),
            (12345678901234568.0, "12345678901234568"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (1e300, "1.0000000000000001e+300"),
            (f64::INFINITY, "inf"),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            format_all_digits(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
