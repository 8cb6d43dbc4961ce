//! One block: a header line and the commands it vouches for.
//!
//! ```text
//! #BLK:v1;lsn:4711;len:56;crc:00c0ffee00c0ffee\r\n
//! *2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n
//! ```
//!
//! `lsn` is the position of the content's first byte in the endless stream, `len` the bytes of content, and `crc` the
//! CRC-64/Redis of the line's bytes before `crc:`, followed by the content. So a flipped bit in `lsn` or `len` is found as
//! well as one in a value. Redis 7.0 and later skip lines that begin with `#` between commands.

use crc_fast::{CrcAlgorithm, Digest};

/// What every block header begins with.
pub const PREFIX: &[u8] = b"#BLK:";
const V1: &[u8] = b"#BLK:v1;lsn:";
const LEN: &[u8] = b";len:";
/// What stands before the checksum.
pub const CRC: &[u8] = b"crc:";
/// The longest header line there can be, with its line end.
pub const HEADER_MAX: usize = V1.len() + 20 + LEN.len() + 20 + 1 + CRC.len() + 16 + 2;

/// What a header line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The position of the content's first byte in the stream.
    pub lsn: u64,
    /// The bytes of content.
    pub len: u64,
    /// The checksum.
    pub crc: u64,
}

/// The bytes of a header line.
#[derive(Clone, Copy)]
pub struct HeaderLine {
    bytes: [u8; HEADER_MAX],
    len: u8,
}

impl HeaderLine {
    /// The header of `content` at `lsn`.
    pub fn new(lsn: u64, content: &[u8]) -> Self {
        let mut line = HeaderLine { bytes: [0; HEADER_MAX], len: 0 };
        line.push(V1);
        line.push_decimal(lsn);
        line.push(LEN);
        line.push_decimal(content.len() as u64);
        line.push(b";");
        let crc = checksum(line.as_bytes(), content);
        line.push(CRC);
        for shift in (0..16).rev() {
            line.push(&[b"0123456789abcdef"[(crc >> (shift * 4) & 15) as usize]]);
        }
        line.push(b"\r\n");
        line
    }

    /// No header at all, for `aof-block-checksums no`.
    pub fn none() -> Self {
        HeaderLine { bytes: [0; HEADER_MAX], len: 0 }
    }

    /// The line with its line end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn push_decimal(&mut self, mut n: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }
}

/// What stands at the beginning of some bytes that begin with [`PREFIX`] as far as they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A header, and the length of its line.
    Header(Header, usize),
    /// The bytes end before the line does.
    Incomplete,
    /// Not a header that this version writes.
    Bad(&'static str),
}

/// Reads a header line. Strict: only what [`HeaderLine::new`] writes is accepted.
pub fn parse(bytes: &[u8]) -> Parsed {
    let window = &bytes[..bytes.len().min(HEADER_MAX)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if bytes.len() >= HEADER_MAX { Parsed::Bad("a block header without an end of line") } else { Parsed::Incomplete };
    };
    match parse_line(&window[..=end]) {
        Some(header) => Parsed::Header(header, end + 1),
        None if !window.starts_with(V1) => Parsed::Bad("a block header of an unknown version"),
        None => Parsed::Bad("a malformed block header"),
    }
}

fn parse_line(line: &[u8]) -> Option<Header> {
    let rest = line.strip_prefix(V1)?.strip_suffix(b"\r\n")?;
    let (lsn, rest) = decimal(rest)?;
    let (len, rest) = decimal(rest.strip_prefix(LEN)?)?;
    let hex = rest.strip_prefix(b";")?.strip_prefix(CRC)?;
    if hex.len() != 16 {
        return None;
    }
    let mut crc = 0u64;
    for &digit in hex {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        crc = crc << 4 | u64::from(value);
    }
    lsn.checked_add(len)?;
    Some(Header { lsn, len, crc })
}

fn decimal(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || (digits > 1 && bytes[0] == b'0') {
        return None;
    }
    let value = std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()?;
    Some((value, &bytes[digits..]))
}

/// Whether `line` (the header's line) vouches for `content`.
pub fn verify(header: &Header, line: &[u8], content: &[u8]) -> bool {
    let covered = line.len() - (CRC.len() + 16 + 2);
    content.len() as u64 == header.len && checksum(&line[..covered], content) == header.crc
}

/// The CRC-64/Redis of a line, and of content that follows it.
pub fn checksum(line: &[u8], content: &[u8]) -> u64 {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Redis);
    digest.update(line);
    digest.update(content);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_the_one_redis_uses() {
        assert_eq!(checksum(b"123456789", b""), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(checksum(b"1234", b"56789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn the_longest_header_fits() {
        let mut line = HeaderLine { bytes: [0; HEADER_MAX], len: 0 };
        line.push(V1);
        line.push_decimal(u64::MAX);
        line.push(LEN);
        line.push_decimal(u64::MAX);
        line.push(b";crc:0123456789abcdef\r\n");
        assert_eq!(usize::from(line.len), HEADER_MAX);
    }

    #[test]
    fn every_single_bit_flip_of_a_block_is_found() {
        let content = b"*1\r\n$4\r\nPING\r\n";
        let line = HeaderLine::new(4711, content);
        let mut block = line.as_bytes().to_vec();
        let header_len = block.len();
        block.extend_from_slice(content);
        for bit in 0..block.len() * 8 {
            let mut bad = block.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Parsed::Header(header, len) = parse(&bad) {
                assert!(len != header_len || !verify(&header, &bad[..len], &bad[len..]), "bit {bit}");
            }
        }
    }

    #[test]
    fn every_prefix_of_a_header_is_incomplete() {
        let line = HeaderLine::new(u64::MAX - 5, b"abc");
        for cut in 0..line.as_bytes().len() {
            assert_eq!(parse(&line.as_bytes()[..cut]), Parsed::Incomplete);
        }
    }

    proptest! {
        #[test]
        fn a_block_reads_back(lsn in 0..u64::MAX / 2, content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let line = HeaderLine::new(lsn, &content);
            let Parsed::Header(header, len) = parse(line.as_bytes()) else { panic!("not a header") };
            prop_assert_eq!(len, line.as_bytes().len());
            prop_assert_eq!((header.lsn, header.len), (lsn, content.len() as u64));
            prop_assert!(verify(&header, line.as_bytes(), &content));
        }

        #[test]
        fn random_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..120)) {
            parse(&tail);
            parse(&[V1, &tail].concat());
        }
    }
}
