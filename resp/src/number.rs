//! Numbers as Redis reads and writes them.

/// Parses a signed 64-bit decimal in canonical form: no sign but `-`, no leading zeros, no spaces.
/// (What Redis's `string2ll` accepts; whatever parses prints back to the same bytes.)
#[inline]
pub fn parse_i64(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for &d in digits {
        let d = d.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(d as u64)?;
    }
    if negative { (value <= 1 << 63).then(|| (value as i64).wrapping_neg()) } else { i64::try_from(value).ok() }
}

/// Parses an unsigned 64-bit decimal in canonical form.
pub fn parse_u64(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if bytes.len() <= 20 => bytes.iter().try_fold(0u64, |value, d| {
            d.is_ascii_digit().then_some(())?;
            value.checked_mul(10)?.checked_add((d - b'0') as u64)
        }),
        _ => None,
    }
}

/// Appends a type byte, a decimal and `\r\n`.
#[inline]
pub fn push_prefixed(out: &mut Vec<u8>, prefix: u8, value: i64) {
    if (0..10).contains(&value) {
        out.extend_from_slice(&[prefix, b'0' + value as u8, b'\r', b'\n']);
        return;
    }
    let mut digits = itoa::Buffer::new();
    out.push(prefix);
    out.extend_from_slice(digits.format(value).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Parses a double as Redis takes it from a client: what C's `strtod` reads to the end, also `inf`, `infinity` and
/// hexadecimal; no spaces, no `nan`, and nothing that only overflow or underflow makes infinite or zero.
pub fn parse_f64(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let value = parse_hexadecimal(digits)?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    let value: f64 = text.parse().ok()?;
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let spelled_infinite = unsigned.starts_with(['i', 'I']);
    let underflowed = value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    (!value.is_nan() && value.is_infinite() == spelled_infinite && !underflowed).then_some(value)
}

/// What follows `0x`: hexadecimal digits with a point, and a binary exponent after `p`.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let scaled = value * f64::from(shift).exp2();
    (scaled.is_finite() && (scaled != 0.0 || value == 0.0)).then_some(scaled)
}

/// Writes a double the way Redis replies it: the shortest decimal that reads back, `inf`, `-inf`, `nan`;
/// integers without a fraction, exponents where C's `%.17g` has them.
pub fn format_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if value.fract() == 0.0 && value.abs() < 1e17 {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        match text.split_once('e') {
            None => out.extend_from_slice(text.trim_end_matches(".0").as_bytes()),
            Some((mantissa, exponent)) => {
                out.extend_from_slice(mantissa.trim_end_matches(".0").as_bytes());
                out.push(b'e');
                let (sign, digits) = match exponent.strip_prefix('-') {
                    Some(digits) => (b'-', digits),
                    None => (b'+', exponent),
                };
                out.push(sign);
                if digits.len() < 2 {
                    out.push(b'0');
                }
                out.extend_from_slice(digits.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_parse() {
        for good in ["0", "1", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(parse_i64(good.as_bytes()).map(|v| v.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "-", "-0", "+1", "01", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1a", "0x1"] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn doubles_print_as_redis_prints_them() {
        let show = |v| {
            let mut out = Vec::new();
            format_f64(&mut out, v);
            String::from_utf8(out).unwrap()
        };
        for (value, text) in [
            (0.5, "0.5"),
            (3.0, "3"),
            (-1e16, "-10000000000000000"),
            (1e300, "1e+300"),
            (1.5e-9, "1.5e-09"),
            (f64::INFINITY, "inf"),
            (-0.0, "-0"),
        ] {
            assert_eq!(show(value), text);
        }
    }
}
