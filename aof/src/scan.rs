//! Finds where commands begin and end in log bytes, without knowing what they mean.
//!
//! The log is written by machines, so this is stricter than the protocol parser of a socket: every command is an array of
//! bulk strings, lengths are plain decimals, and every line ends with CR LF. Between commands, lines beginning with `#` are
//! annotations.

use crate::block::{CRC, HEADER_MAX, PREFIX};

/// The longest annotation line that Redis reads in one piece.
pub const ANNOTATION_MAX: usize = 1024;
/// More than any argument can be (512 MB by default, and then some).
const BULK_MAX: u64 = 1 << 40;
const ARGS_MAX: u64 = i32::MAX as u64;

/// What stands at a place between commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A whole command or annotation, up to this position.
    Whole(usize),
    /// The bytes end too early; at least up to this position are needed.
    Incomplete(usize),
    /// No command.
    Bad(&'static str),
}

/// Reads the command at `at`, appending the place `(start, end)` of each argument to `args` (in part, unless `Whole`).
pub fn command(bytes: &[u8], at: usize, args: &mut Vec<(usize, usize)>) -> Scan {
    let (count, mut pos) = match number(bytes, at, b'*') {
        Number::Is(n, pos) => (n, pos),
        Number::Incomplete => return Scan::Incomplete(bytes.len() + 1),
        Number::Bad => return Scan::Bad("expected '*' and a number of arguments"),
    };
    if count == 0 || count > ARGS_MAX {
        return Scan::Bad("a command without arguments, or with too many");
    }
    for _ in 0..count {
        let (len, start) = match number(bytes, pos, b'$') {
            Number::Is(n, pos) => (n, pos),
            Number::Incomplete => return Scan::Incomplete(bytes.len() + 1),
            Number::Bad => return Scan::Bad("expected '$' and the length of an argument"),
        };
        if len > BULK_MAX {
            return Scan::Bad("an argument of absurd length");
        }
        let end = start + len as usize;
        if bytes.len() < end + 2 {
            return Scan::Incomplete(end + 2);
        }
        if &bytes[end..end + 2] != b"\r\n" {
            return Scan::Bad("an argument that does not end where its length says");
        }
        args.push((start, end));
        pos = end + 2;
    }
    Scan::Whole(pos)
}

/// Reads the annotation line at `at`.
pub fn annotation(bytes: &[u8], at: usize) -> Scan {
    let window = &bytes[at..bytes.len().min(at + ANNOTATION_MAX)];
    match memchr::memchr(b'\n', window) {
        // A lost sector could otherwise pass as part of a long annotation.
        Some(end) if window[..end].iter().any(|&b| b < b' ' && b != b'\t' && b != b'\r') => {
            Scan::Bad("an annotation line that is not text")
        }
        // What follows would be loaded without its checksum, and in part if it is torn.
        Some(end) if is_cut_off_header(&window[..=end]) => Scan::Bad("a block header of which only the beginning was written"),
        Some(end) if window[..end].len() < HEADER_MAX && memchr::memmem::find(&window[..end], CRC).is_some() => {
            Scan::Bad("a block header whose beginning is damaged")
        }
        Some(end) => Scan::Whole(at + end + 1),
        None if window.len() == ANNOTATION_MAX => Scan::Bad("an annotation line that is too long"),
        None => Scan::Incomplete(bytes.len() + 1),
    }
}

/// Whether a block's header begins here, and filler follows before one could tell.
fn is_cut_off_header(line: &[u8]) -> bool {
    let common = line.iter().zip(PREFIX).take_while(|(a, b)| a == b).count();
    (2..PREFIX.len()).contains(&common) && matches!(line.get(common), Some(b'#' | b'\n'))
}

enum Number {
    Is(u64, usize),
    Incomplete,
    Bad,
}

fn number(bytes: &[u8], at: usize, mark: u8) -> Number {
    match bytes.get(at) {
        None => return Number::Incomplete,
        Some(&b) if b != mark => return Number::Bad,
        Some(_) => {}
    }
    let mut n: u64 = 0;
    let mut pos = at + 1;
    loop {
        match bytes.get(pos) {
            None => return Number::Incomplete,
            Some(&b @ b'0'..=b'9') if pos - at <= 15 => n = n * 10 + u64::from(b - b'0'),
            Some(b'\r') if pos > at + 1 => {
                return match bytes.get(pos + 1) {
                    None => Number::Incomplete,
                    Some(b'\n') => Number::Is(n, pos + 2),
                    Some(_) => Number::Bad,
                };
            }
            Some(_) => return Number::Bad,
        }
        pos += 1;
    }
}

/// Whether a command of these arguments opens (`Some(true)`) or closes (`Some(false)`) a transaction.
pub fn transaction_mark(bytes: &[u8], args: &[(usize, usize)]) -> Option<bool> {
    let &[(start, end)] = args else { return None };
    let name = &bytes[start..end];
    if name.eq_ignore_ascii_case(b"multi") {
        Some(true)
    } else if name.eq_ignore_ascii_case(b"exec") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::HeaderLine;
    use proptest::prelude::*;

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n";

    #[test]
    fn arguments_are_found_where_they_stand() {
        let mut args = Vec::new();
        assert_eq!(command(SET, 0, &mut args), Scan::Whole(SET.len()));
        let found: Vec<&[u8]> = args.iter().map(|&(s, e)| &SET[s..e]).collect();
        assert_eq!(found, [&b"SET"[..], b"k", b""]);
    }

    #[test]
    fn every_cut_of_a_command_is_incomplete() {
        for cut in 0..SET.len() {
            assert!(matches!(command(&SET[..cut], 0, &mut Vec::new()), Scan::Incomplete(need) if need > cut && need <= SET.len()));
        }
    }

    #[test]
    fn no_flipped_bit_makes_an_annotation_of_a_block_header() {
        let line = HeaderLine::new(4711, SET);
        // With another first byte it is no annotation at all.
        for bit in 8..8 * PREFIX.len() {
            let mut damaged = line.as_bytes().to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(annotation(&damaged, 0), Scan::Bad(_)), "{}", damaged.escape_ascii());
        }
        assert_eq!(annotation(b"#TS:1700000000\r\n*1", 0), Scan::Whole(16));
    }

    #[test]
    fn the_beginning_of_a_block_header_over_filler_is_no_annotation() {
        for line in ["#BLK#####\n", "#BL\n", "#B###\n"] {
            assert!(matches!(annotation(line.as_bytes(), 0), Scan::Bad(_)), "{line}");
        }
        assert_eq!(annotation(b"#B: a comment\n", 0), Scan::Whole(14));
        assert_eq!(annotation(b"####\n", 0), Scan::Whole(5));
    }

    #[test]
    fn what_is_not_a_command_is_refused() {
        for bad in [
            "x",
            "*x",
            "*0\r\n",
            "*-1\r\n",
            "*\r\n",
            "*1\n",
            "*1\r\n+OK\r\n",
            "*1\r\n$1\r\nabc",
            "*1\r\n$-1\r\n",
            "*9999999999\r\n",
            "*99999999999999999999999\r\n",
            "*1\r\n$9999999999999\r\n",
            "\0\0\0",
        ] {
            assert!(matches!(command(bad.as_bytes(), 0, &mut Vec::new()), Scan::Bad(_)), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), digits in "[*$0-9\r\n]{0,30}") {
            command(&bytes, 0, &mut Vec::new());
            command(digits.as_bytes(), 0, &mut Vec::new());
            annotation(&bytes, 0);
        }
    }
}
