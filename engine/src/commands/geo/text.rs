//! Distances and degrees as text, digit for digit as Redis writes them, without an allocation.

use graven_resp::{Protocol, Reply};

/// Digits of degrees after the point.
const DIGITS: u32 = 17;

/// Some text, from its first byte on.
struct Text {
    bytes: [u8; 40],
    len: usize,
}

impl Text {
    /// The number `value` / 10^`digits`. The digits behind the point are all there.
    fn fixed(negative: bool, value: u64, digits: u32) -> Text {
        let unit = 10u64.pow(digits);
        let mut text = Text { bytes: [0; 40], len: 0 };
        if negative {
            text.push(b"-");
        }
        let mut buffer = itoa::Buffer::new();
        text.push(buffer.format(value / unit).as_bytes());
        text.push(b".");
        // A one before them keeps the zeros at their beginning.
        text.push(&buffer.format(unit + value % unit).as_bytes()[1..]);
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Without the zeros at the end, nor the point if nothing is left after it.
    fn trim(&mut self) {
        while self.bytes[self.len - 1] == b'0' {
            self.len -= 1;
        }
        if self.bytes[self.len - 1] == b'.' {
            self.len -= 1;
        }
    }
}

/// A distance, with four digits after the point. The product is rounded, to even, and not the distance: in one of some
/// hundred thousand the last digit tells the difference.
fn distance(distance: f64) -> Text {
    Text::fixed(false, (distance * 1e4).round_ties_even() as u64, 4)
}

/// Degrees, exactly rounded to as many digits after the point, without the zeros at the end.
fn degrees(degrees: f64) -> Text {
    let bits = degrees.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as u32;
    // The number is `mantissa` / 2^`shift`; what is that small that the shift takes everything is 0.
    let mantissa = bits & ((1 << 52) - 1) | u64::from(exponent > 0) << 52;
    let shift = 1075 - exponent.max(1);
    debug_assert!(degrees.abs() <= 180.0);
    let product = u128::from(mantissa) * 10u128.pow(DIGITS);
    let (whole, rest) = match shift {
        0..128 => (product >> shift, product & ((1 << shift) - 1)),
        _ => (0, 0),
    };
    let half = if shift < 128 { 1 << (shift - 1) } else { 1 };
    let up = rest > half || rest == half && whole & 1 == 1;
    // 180 with 17 digits is just below 2^64.
    let value = whole as u64 + u64::from(up);
    let mut text = Text::fixed(degrees < 0.0 && value > 0, value, DIGITS);
    text.trim();
    text
}

/// Replies a distance.
pub(super) fn reply_distance(reply: &mut Reply<'_>, metres: f64) {
    reply.bulk(distance(metres).as_bytes());
}

/// Replies degrees.
pub(super) fn reply_degrees(reply: &mut Reply<'_>, value: f64) {
    let text = degrees(value);
    if reply.protocol() == Protocol::Resp3 {
        reply.raw(b",");
        reply.raw(text.as_bytes());
        reply.raw(b"\r\n");
    } else {
        reply.bulk(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_exact() {
        let mut number = 1u64;
        for i in 0..200_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (number >> 11) as f64 / (1u64 << 53) as f64;
            let value = (unit - 0.5) * 360.0 / f64::powi(2.0, i % 70);
            let slow = format!("{value:.17}");
            let slow = slow.trim_end_matches('0').trim_end_matches('.');
            let slow = if slow == "-0" { "0" } else { slow };
            assert_eq!(String::from_utf8_lossy(degrees(value).as_bytes()), slow, "{value:e}");
        }
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (180.0, "180"),
            (-180.0, "-180"),
            (1e-300, "0"),
            (-5e-324, "0"),
            (0.5, "0.5"),
            (1.0 / 262_144.0, "0.00000381469726562"),
            (3.0 / 262_144.0, "0.00001144409179688"),
        ] {
            assert_eq!(String::from_utf8_lossy(degrees(value).as_bytes()), text);
        }
    }

    #[test]
    fn distances_are_rounded_where_redis_rounds_them() {
        for (metres, text) in [
            (0.0, "0.0000"),
            (0.00004, "0.0000"),
            (166_274.151_56, "166274.1516"),
            // As doubles just below and above the middle, but their products with 10,000 are in it.
            (21_257_180.454_15, "21257180.4542"),
            (18_947_316.362_05, "18947316.3620"),
        ] {
            assert_eq!(String::from_utf8_lossy(distance(metres).as_bytes()), text);
        }
    }
}
