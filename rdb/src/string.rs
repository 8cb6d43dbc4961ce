//! Lengths and strings, the two building blocks of everything else in the format.

use std::io::Read;

use crate::format::encoding;
use crate::source::Source;
use crate::value::Strings;
use crate::{Error, Result};
use graven_lzf as lzf;

/// The longest string: with what stands beside it in a listpack, its length still has four bytes. A short payload can be the
/// compressed form of a longer one.
const LONGEST_BYTES: u64 = u32::MAX as u64 - 64;

/// What a length byte and those that follow it say.
enum Length {
    /// So many bytes, or elements, follow.
    Plain(u64),
    /// A string in a special encoding follows.
    Encoded(u8),
}

impl<R: Read> Source<R> {
    #[inline(always)]
    fn length_or_encoding(&mut self, expected: &'static str) -> Result<Length> {
        let offset = self.offset();
        let byte = self.byte(expected)?;
        match (byte >> 6, byte) {
            (0, _) => Ok(Length::Plain(u64::from(byte))),
            (1, _) => Ok(Length::Plain(u64::from(byte & 0x3f) << 8 | u64::from(self.byte(expected)?))),
            (_, 0x80) => Ok(Length::Plain(u64::from(u32::from_be_bytes(self.array(expected)?)))),
            (_, 0x81) => Ok(Length::Plain(u64::from_be_bytes(self.array(expected)?))),
            (3, _) => Ok(Length::Encoded(byte & 0x3f)),
            _ => Err(Error::BadLength { byte, offset }),
        }
    }

    /// A length, or any other unsigned number that is written like one.
    pub fn length(&mut self, expected: &'static str) -> Result<u64> {
        let offset = self.offset();
        match self.length_or_encoding(expected)? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(low_bits) => Err(Error::BadLength { byte: 0xc0 | low_bits, offset }),
        }
    }

    /// A string in any encoding.
    pub fn string(&mut self, expected: &'static str) -> Result<Vec<u8>> {
        let mut string = Vec::new();
        self.string_into(&mut string, expected)?;
        Ok(string)
    }

    /// A string in any encoding, added to the end of `out`.
    #[inline]
    pub fn string_into(&mut self, out: &mut Vec<u8>, expected: &'static str) -> Result<()> {
        let offset = self.offset();
        match self.length_or_encoding(expected)? {
            Length::Plain(length) if length <= LONGEST_BYTES => self.bytes_into(out, length, expected)?,
            Length::Plain(length) => {
                // A damaged length says that the file ends too early.
                self.skip(length, expected)?;
                return Err(Error::StringTooLong { length, offset });
            }
            Length::Encoded(encoding::INT8) => put_decimal(out, i8::from_le_bytes(self.array(expected)?)),
            Length::Encoded(encoding::INT16) => put_decimal(out, i16::from_le_bytes(self.array(expected)?)),
            Length::Encoded(encoding::INT32) => put_decimal(out, i32::from_le_bytes(self.array(expected)?)),
            Length::Encoded(encoding::LZF) => {
                let compressed_length = self.length(expected)?;
                let length = self.length(expected)?;
                if length > LONGEST_BYTES {
                    return Err(Error::StringTooLong { length, offset });
                }
                self.with_bytes(compressed_length, expected, |compressed| lzf::decompress_into(out, compressed, length))?
                    .map_err(|reason| Error::BadCompression { offset, reason: reason.describe() })?;
            }
            Length::Encoded(encoding) => return Err(Error::BadStringEncoding { encoding, offset }),
        }
        Ok(())
    }

    /// So many strings, however many there are claimed to be.
    pub fn strings(&mut self, count: u64, expected: &'static str) -> Result<Strings> {
        let mut strings = Strings::new();
        for _ in 0..count {
            strings.push_with(|buffer| self.string_into(buffer, expected))?;
        }
        Ok(strings)
    }
}

fn put_decimal(out: &mut Vec<u8>, number: impl Into<i32>) {
    out.extend_from_slice(number.into().to_string().as_bytes());
}

/// Appends a length in its shortest form.
pub(crate) fn put_length(out: &mut Vec<u8>, length: u64) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(0x80);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string: as an integer when that reads back as the same bytes, else compressed when a compressor is given
/// and gains something, else as it is.
pub(crate) fn put_string(out: &mut Vec<u8>, string: &[u8], compressor: Option<&mut lzf::Compressor>) {
    if let Some(number) = canonical_integer(string) {
        put_integer(out, number);
        return;
    }
    if let Some(compressed) = compressor.and_then(|compressor| compressor.compress(string)) {
        out.push(0xc0 | encoding::LZF);
        put_length(out, compressed.len() as u64);
        put_length(out, string.len() as u64);
        out.extend_from_slice(compressed);
        return;
    }
    put_length(out, string.len() as u64);
    out.extend_from_slice(string);
}

fn put_integer(out: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.push(0xc0 | encoding::INT8);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xc0 | encoding::INT16);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(0xc0 | encoding::INT32);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// The number that `string` is the one decimal form of, if it is: no sign but a minus, no leading zero, no "-0".
fn canonical_integer(string: &[u8]) -> Option<i32> {
    const LONGEST: usize = "-2147483648".len();
    if string.len() > LONGEST {
        return None;
    }
    let number: i32 = std::str::from_utf8(string).ok()?.parse().ok()?;
    let digits = string.strip_prefix(b"-").unwrap_or(string);
    let is_canonical = string == b"0" || matches!(digits.first(), Some(b'1'..=b'9'));
    is_canonical.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(string: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, string, None);
        out
    }

    #[test]
    fn only_the_canonical_form_of_a_number_becomes_an_integer() {
        assert_eq!(encoded(b"0"), [0xc0, 0]);
        assert_eq!(encoded(b"-128"), [0xc0, 0x80]);
        assert_eq!(encoded(b"128"), [0xc1, 0x80, 0]);
        assert_eq!(encoded(b"-32769"), [0xc2, 0xff, 0x7f, 0xff, 0xff]);
        assert_eq!(encoded(b"2147483647"), [0xc2, 0xff, 0xff, 0xff, 0x7f]);
        for other in [&b"2147483648"[..], b"-2147483649", b"+1", b"01", b"-0", b"-", b"", b" 1", b"1 ", b"00", b"1a"] {
            let mut raw = vec![other.len() as u8];
            raw.extend_from_slice(other);
            assert_eq!(encoded(other), raw, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn lengths_of_every_width_read_back() {
        for (length, width) in
            [(0, 1), (63, 1), (64, 2), (16383, 2), (16384, 5), (u64::from(u32::MAX), 5), (u64::from(u32::MAX) + 1, 9), (u64::MAX, 9)]
        {
            let mut out = Vec::new();
            put_length(&mut out, length);
            assert_eq!(out.len(), width);
            assert_eq!(Source::new(&out[..]).length("a length").expect("it was just written"), length);
        }
    }

    #[test]
    fn a_length_that_claims_the_moon_allocates_nothing_and_reads_as_cut_short() {
        let mut out = Vec::new();
        put_length(&mut out, u64::MAX);
        out.extend_from_slice(b"abc");
        assert!(matches!(Source::new(&out[..]).string("a value"), Err(Error::Truncated { offset: 12, expected: "a value" })));
    }

    #[test]
    fn a_string_that_no_value_can_hold_is_refused() {
        let longer = LONGEST_BYTES + 1;
        let mut out = Vec::new();
        put_length(&mut out, longer);
        let mut whole = Source::new(out.chain(std::io::repeat(0)));
        assert!(matches!(whole.string("a value"), Err(Error::StringTooLong { length, offset: 0 }) if length == longer));
        assert_eq!(whole.offset(), 5 + longer);
        assert!(matches!(Source::new(&out[..]).string("a value"), Err(Error::Truncated { .. })));
        let mut compressed = vec![0xc0 | encoding::LZF, 3];
        put_length(&mut compressed, longer);
        compressed.extend_from_slice(b"\x01ab");
        assert!(matches!(Source::new(&compressed[..]).string("a value"), Err(Error::StringTooLong { length, .. }) if length == longer));
    }
}
