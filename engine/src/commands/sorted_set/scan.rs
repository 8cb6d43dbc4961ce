//! `ZSCAN`: members and scores step by step.

use crate::commands::scan::{Own, ScanOptions, Scanned, cursor_at};
use crate::commands::sorted_set::sorted_set_of;
use crate::context::Context;
use crate::error::Error;
use graven_resp::number;
use graven_store::Encoding;

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn zscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = cursor_at(cx, 2)?;
    let key = cx.key(1);
    let options = ScanOptions::parse(cx, 3, |_, _| Own::No);
    let (mut found, mut next) = (Scanned::default(), 0);
    // A missing key and another type are noticed before a wrong option is.
    if let Some(entry) = cx.engine.read(cx.session, key) {
        let (set, options) = (sorted_set_of(entry)?, options?);
        // Redis prints the scores of large ones with all digits.
        let all_digits = entry.encoding() == Encoding::Skiplist;
        let (mut text, mut scratch) = (Vec::new(), [0; 20]);
        next = set.scan(cursor, options.count, &mut |member, score| {
            let member = member.to_bytes(&mut scratch);
            if !options.wants(member) {
                return;
            }
            found.push(member);
            text.clear();
            if all_digits {
                format_all_digits(&mut text, score)
            } else {
                number::format_f64(&mut text, score)
            }
            found.push(&text);
        });
    }
    found.reply(cx, next);
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
