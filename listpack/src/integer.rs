//! Which strings are integers.
//!
//! A string is stored as a number only if printing the number gives the same bytes back: `7`, `-12` and
//! `9223372036854775807` are, `007`, `+1`, `-0`, ` 1` and `9223372036854775808` are not.

/// The number that `bytes` is the canonical decimal form of, if it fits an `i64`.
#[inline]
pub fn parse_canonical(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 20 {
        return None;
    }
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    match digits {
        [] => return None,
        [b'0'] => return (!negative).then_some(0),
        [b'0', ..] => return None,
        _ => {}
    }
    let mut magnitude: u64 = 0;
    for &digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(value))?;
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

#[cfg(test)]
mod tests {
    use super::parse_canonical;

    #[test]
    fn only_what_prints_back_the_same_is_an_integer() {
        for text in ["0", "7", "-1", "10", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(parse_canonical(text.as_bytes()), Some(text.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "007",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "-01",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "123456789012345678901",
            "1e3",
            "0x1",
            "--1",
            "1\0",
        ] {
            assert_eq!(parse_canonical(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn every_number_around_the_limits_round_trips() {
        for base in [0i64, i64::MIN, i64::MAX, 1_000_000_000, -999_999] {
            for delta in -50..=50 {
                let number = base.saturating_add(delta);
                assert_eq!(parse_canonical(number.to_string().as_bytes()), Some(number));
            }
        }
    }
}
