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

/// Parses an unsigned 64-bit decimal as C's `strtoull` does, without spaces in front: with any sign and leading zeros; what is
/// negative wraps around.
pub fn parse_wrapping_u64(bytes: &[u8]) -> Option<u64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        digit.is_ascii_digit().then_some(())?;
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// Appends a type byte, a decimal and `\r\n`.
#[inline]
pub fn push_prefixed(out: &mut Vec<u8>, prefix: u8, value: i64) {
    if (0..10).contains(&value) {
        out.extend_from_slice(&[prefix, b'0' + value as u8, b'\r', b'\n']);
        return;
    }
    if (10..100).contains(&value) {
        let value = value as u8;
        out.extend_from_slice(&[prefix, b'0' + value / 10, b'0' + value % 10, b'\r', b'\n']);
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
    if let Some(integer) = parse_i64(bytes) {
        // Rounded as the decimal itself would be.
        return Some(integer as f64);
    }
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

/// The text of a double, without an allocation.
pub struct DoubleText {
    bytes: [u8; 32],
    len: usize,
}

impl DoubleText {
    /// Writes a double the way Redis 7.2 replies it: an integer of moderate size in full, else the shortest decimal that reads
    /// back, with an exponent where it would be long; `inf`, `-inf`, `nan`.
    pub fn new(value: f64) -> DoubleText {
        const MOST: f64 = (i64::MAX / 2) as f64;
        let mut text = DoubleText { bytes: [0; 32], len: 0 };
        if value.is_nan() {
            text.push(b"nan");
        } else if value.is_infinite() {
            text.push(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value == 0.0 {
            text.push(if value.is_sign_negative() { b"-0" } else { b"0" });
        } else if value.abs() <= MOST && value.trunc() == value {
            text.push(itoa::Buffer::new().format(value as i64).as_bytes());
        } else {
            text.push_decimal(value);
        }
        text
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_zeros(&mut self, count: usize) {
        self.bytes[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    /// A finite number that is not 0: its digits, and which form they take.
    fn push_decimal(&mut self, value: f64) {
        if value < 0.0 {
            self.push(b"-");
        }
        let mut buffer = ryu::Buffer::new();
        let (mut scratch, mut len) = ([0; 24], 0);
        let text = buffer.format_finite(value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut exponent: i32 = exponent.parse().expect("an exponent is a small integer");
        let mut after_point = false;
        for byte in mantissa.bytes() {
            match byte {
                b'.' => after_point = true,
                digit => {
                    exponent -= i32::from(after_point);
                    if len > 0 || digit != b'0' {
                        scratch[len] = digit;
                        len += 1;
                    }
                }
            }
        }
        while len > 1 && scratch[len - 1] == b'0' {
            len -= 1;
            exponent += 1;
        }
        self.push_digits(&scratch[..len], exponent);
    }

    /// The number is `digits` times ten to the power of `exponent`. The limits between the forms are those of the library
    /// that Redis uses.
    fn push_digits(&mut self, digits: &[u8], exponent: i32) {
        let first = exponent + digits.len() as i32 - 1;
        if exponent >= 0 && first < digits.len() as i32 + 7 {
            self.push(digits);
            self.push_zeros(exponent as usize);
        } else if exponent < 0 && (exponent > -7 || first.abs() < 4) {
            if first < 0 {
                self.push(b"0.");
                self.push_zeros((-first - 1) as usize);
                self.push(digits);
            } else {
                let (whole, fraction) = digits.split_at(first as usize + 1);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            }
        } else {
            self.push(&digits[..1]);
            if digits.len() > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if first < 0 { b"e-" } else { b"e+" });
            self.push(itoa::Buffer::new().format(first.unsigned_abs()).as_bytes());
        }
    }
}

/// Appends a double as [`DoubleText`] writes it.
pub fn format_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(DoubleText::new(value).as_bytes());
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
    fn numbers_wrap_where_strtoull_lets_them() {
        let cases: &[(&[u8], Option<u64>)] = &[
            (b"0", Some(0)),
            (b"+007", Some(7)),
            (b"-1", Some(u64::MAX)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"", None),
            (b"-", None),
            (b"+-1", None),
            (b" 1", None),
            (b"1a", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_wrapping_u64(text), *expected, "{}", text.escape_ascii());
        }
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
            (1.5e-9, "1.5e-9"),
            (0.1, "0.1"),
            (-0.1 - 0.2, "-0.30000000000000004"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (0.00123456789, "0.00123456789"),
            (0.000123456789, "1.23456789e-4"),
            (123.456, "123.456"),
            (1e17, "100000000000000000"),
            (1e21, "1e+21"),
            (-1.2345678901234567e19, "-12345678901234567000"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-f64::MIN_POSITIVE, "-2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (-0.0, "-0"),
        ] {
            assert_eq!(show(value), text);
        }
    }
}
