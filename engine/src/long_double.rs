//! The arithmetic of `INCRBYFLOAT`: C's `long double` as x86 has it.
//!
//! Redis computes in 80-bit floating point: a sign, 15 bits of exponent and a mantissa of 64 bits, rounded half to
//! even. Results are kept as decimal strings, so every digit can be seen, and a data set that came from Redis must go on
//! as it would have there, on any machine. So the numbers are emulated: decimal to binary and back exactly, by
//! integers of any size, rounded once at the end.
//!
//! Work is bounded: texts are at most 5119 bytes and exponents are checked before any power is computed.

use num_bigint::BigUint;

/// As long as the buffer that Redis parses in, without the end mark.
const MAX_TEXT_BYTES: usize = 5 * 1024 - 1;
const MANTISSA_BITS: i64 = 64;
/// Of the lowest bit of the smallest numbers.
const MIN_EXPONENT: i64 = -16_445;
/// Of the highest bit of the largest numbers.
const MAX_TOP_EXPONENT: i64 = 16_383;
/// The largest number has 4933 digits before the point; whatever has more overflows.
const MAX_DECIMAL_EXPONENT: i64 = 4_940;
/// The smallest number is 3.6e-4951; whatever is this small rounds to zero.
const MIN_DECIMAL_EXPONENT: i64 = -4_970;
/// Digits after the point that are printed.
const FRACTION_DIGITS: usize = 17;

/// A number that `long double` can hold, other than "not a number".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa * 2^exponent`; every integer below 2^64 may be a mantissa.
    Finite {
        mantissa: u64,
        exponent: i64,
    },
    Infinite,
}

impl LongDouble {
    /// Reads what `strtold` reads, without spaces around: decimal and hexadecimal numbers, and `inf`. Nothing if the
    /// text is something else, "not a number", or too large or small to be told from infinity or zero.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        let magnitude = if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") {
            Magnitude::Infinite
        } else if let [b'0', b'x' | b'X', hexadecimal @ ..] = digits {
            parse_hexadecimal(hexadecimal)?
        } else {
            parse_decimal(digits)?
        };
        Some(LongDouble { negative, magnitude })
    }

    /// Whether this is an infinity, which can be written as `inf`.
    pub fn is_infinite(self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// About the same number; what is too large for a double is infinite, and what is too small is the smallest that is normal.
    pub fn to_f64(self) -> f64 {
        let size = match self.magnitude {
            Magnitude::Infinite => f64::INFINITY,
            Magnitude::Finite { mantissa: 0, .. } => 0.0,
            Magnitude::Finite { mantissa, exponent } => (mantissa as f64 * (exponent as f64).exp2()).max(f64::MIN_POSITIVE),
        };
        if self.negative { -size } else { size }
    }

    /// The rounded sum, or nothing if it is infinite or no number.
    pub fn checked_add(self, other: LongDouble) -> Option<LongDouble> {
        let (Magnitude::Finite { mantissa: a, exponent: ea }, Magnitude::Finite { mantissa: b, exponent: eb }) =
            (self.magnitude, other.magnitude)
        else {
            return None;
        };
        let exponent = match (a, b) {
            (0, _) => return Some(other),
            (_, 0) => return Some(self),
            _ => ea.min(eb),
        };
        let (a, b) = (BigUint::from(a) << (ea - exponent), BigUint::from(b) << (eb - exponent));
        let (negative, sum) = if self.negative == other.negative {
            (self.negative, a + b)
        } else if a >= b {
            (self.negative, a - b)
        } else {
            (other.negative, b - a)
        };
        Some(LongDouble { negative, magnitude: round(sum, exponent, false)? })
    }

    /// The number with up to 17 digits after the point, as `%.17Lf` prints it, without zeros at the end.
    pub fn to_text(self) -> String {
        let digits = match self.magnitude {
            Magnitude::Infinite => "inf".to_owned(),
            Magnitude::Finite { mantissa, exponent: exponent @ 0.. } => (BigUint::from(mantissa) << exponent).to_string(),
            Magnitude::Finite { mantissa, exponent } => fraction_text(mantissa, exponent.unsigned_abs()),
        };
        if self.negative && digits != "0" { format!("-{digits}") } else { digits }
    }
}

/// `mantissa / 2^shift`. The scaled mantissa fits: 2^64 * 10^17 is less than 2^121.
fn fraction_text(mantissa: u64, shift: u64) -> String {
    const SCALE: u128 = 10u128.pow(FRACTION_DIGITS as u32);
    let scaled = u128::from(mantissa) * SCALE;
    let rounded = if shift < 128 {
        let (quotient, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1 << (shift - 1));
        quotient + u128::from(rest > half || rest == half && quotient & 1 == 1)
    } else {
        0
    };
    let text = format!("{}.{:0width$}", rounded / SCALE, rounded % SCALE, width = FRACTION_DIGITS);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `magnitude * 2^exponent` (and a little more, if `sticky`), rounded half to even to what fits. Nothing if that is
/// infinite.
fn round(magnitude: BigUint, exponent: i64, sticky: bool) -> Option<Magnitude> {
    let bits = magnitude.bits() as i64;
    let shift = (bits - MANTISSA_BITS).max(MIN_EXPONENT - exponent);
    let (mantissa, exponent) = if shift <= 0 {
        debug_assert!(!sticky, "the magnitude has bits to spare");
        (u64::try_from(&magnitude).expect("at most 64 bits are left"), exponent)
    } else {
        let shift = shift as u64;
        let kept = u64::try_from(&magnitude >> shift).expect("at most 64 bits are left");
        let below_half = sticky || magnitude.trailing_zeros().is_some_and(|zeros| zeros < shift - 1);
        let up = magnitude.bit(shift - 1) && (below_half || kept & 1 == 1);
        match kept.checked_add(u64::from(up)) {
            Some(mantissa) => (mantissa, exponent + shift as i64),
            None => (1 << 63, exponent + shift as i64 + 1),
        }
    };
    let top = exponent + mantissa.checked_ilog2().map_or(0, i64::from);
    (mantissa == 0 || top <= MAX_TOP_EXPONENT).then_some(Magnitude::Finite { mantissa, exponent })
}

/// The parts of a number in some base: digits without the point, how many of them stood behind it, and the exponent.
struct Parts {
    digits: Vec<u8>,
    fraction_len: i64,
    exponent: i64,
}

impl Parts {
    fn split(text: &[u8], is_digit: fn(&u8) -> bool, mark: u8) -> Option<Parts> {
        let end = text.iter().position(|byte| byte.eq_ignore_ascii_case(&mark)).unwrap_or(text.len());
        let (number, exponent) = text.split_at(end);
        let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
            Some(point) => (&number[..point], &number[point + 1..]),
            None => (number, &[] as &[u8]),
        };
        let mut digits = whole.to_vec();
        digits.extend_from_slice(fraction);
        if digits.is_empty() || !digits.iter().all(is_digit) {
            return None;
        }
        let leading_zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading_zeros);
        let exponent = if exponent.is_empty() { 0 } else { parse_exponent(&exponent[1..])? };
        Some(Parts { digits, fraction_len: fraction.len() as i64, exponent })
    }
}

/// Saturates far outside of what any number can have.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    const FAR: i64 = 1 << 40;
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number: i64, digit| FAR.min(number * 10 + i64::from(digit - b'0')));
    Some(if negative { -number } else { number })
}

const ZERO: Magnitude = Magnitude::Finite { mantissa: 0, exponent: 0 };

/// Underflow to zero is refused, as `strtold` reports it.
fn not_zero(magnitude: Magnitude) -> Option<Magnitude> {
    (!matches!(magnitude, Magnitude::Finite { mantissa: 0, .. })).then_some(magnitude)
}

fn parse_decimal(text: &[u8]) -> Option<Magnitude> {
    let Parts { digits, fraction_len, exponent } = Parts::split(text, u8::is_ascii_digit, b'e')?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let exponent = exponent - fraction_len;
    if !(MIN_DECIMAL_EXPONENT..=MAX_DECIMAL_EXPONENT).contains(&(digits.len() as i64 + exponent)) {
        return None;
    }
    let number = BigUint::parse_bytes(&digits, 10).expect("only digits");
    let power = BigUint::from(10u32).pow(exponent.unsigned_abs() as u32);
    if exponent >= 0 {
        return round(number * power, 0, false);
    }
    // So many bits more that the quotient has at least two to round away.
    let more = (MANTISSA_BITS + 2 + power.bits() as i64 - number.bits() as i64).max(0);
    let number = number << more;
    let quotient = &number / &power;
    let sticky = &quotient * &power != number;
    not_zero(round(quotient, -more, sticky)?)
}

fn parse_hexadecimal(text: &[u8]) -> Option<Magnitude> {
    let Parts { digits, fraction_len, exponent } = Parts::split(text, u8::is_ascii_hexdigit, b'p')?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let exponent = exponent - 4 * fraction_len;
    let top = exponent + 4 * digits.len() as i64;
    if !(MIN_EXPONENT - 8..=MAX_TOP_EXPONENT + 8).contains(&top) {
        return None;
    }
    let number = BigUint::parse_bytes(&digits, 16).expect("only digits");
    not_zero(round(number, exponent, false)?)
}

#[cfg(test)]
mod tests {
    use super::LongDouble;

    fn sum(a: &str, b: &str) -> Option<String> {
        LongDouble::parse(a.as_bytes())?.checked_add(LongDouble::parse(b.as_bytes())?).map(LongDouble::to_text)
    }

    /// The expected sums are those of `redis-server` on x86-64.
    #[test]
    fn sums_have_the_digits_of_x87_arithmetic() {
        let cases = [
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("10.50", "0.1", "10.6"),
            ("1e-17", "0", "0.00000000000000001"),
            ("5e-18", "0", "0"),
            ("6e-18", "0", "0.00000000000000001"),
            ("-1e-19", "0", "0"),
            ("1e17", "0.3", "100000000000000000.296875"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("18446744073709551616", "1", "18446744073709551616"),
            ("18446744073709551616", "3", "18446744073709551620"),
            ("0x10", "0x.8p1", "17"),
            ("1.1", "-1.1", "0"),
        ];
        for (a, b, expected) in cases {
            assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "+",
            ".",
            " 1",
            "1 ",
            "1e",
            "1e+",
            "e1",
            "0x",
            "0x.p1",
            "nan",
            "-nan",
            "infi",
            "1.2.3",
            "--1",
            "1_0",
            "1e5000",
            "1e-5000",
            "0x1p99999",
            "0x1p-99999",
            "1e99999999999999999999",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert!(LongDouble::parse(&[b'1'; 5120]).is_none());
        assert!(LongDouble::parse(b"0e99999999999999999999").is_some());
    }

    #[test]
    fn infinity_can_be_read_but_not_reached() {
        assert!(LongDouble::parse(b"-Infinity").unwrap().is_infinite());
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("1.18973149535723176502e4932", "1.18973149535723176502e4932"), None);
    }

    #[test]
    fn the_largest_and_smallest_numbers_survive() {
        let largest = sum("1.18973149535723176502e4932", "0").unwrap();
        assert_eq!(largest.len(), 4933);
        assert_eq!(sum(&largest, "1"), Some(largest));
        assert_eq!(sum("3.7e-4951", "0").as_deref(), Some("0"));
        assert!(LongDouble::parse(b"1.8e-4951").is_none());
    }
}
