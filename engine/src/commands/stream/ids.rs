//! Identifiers as clients write them. <https://redis.io/docs/latest/commands/xrange/>
//!
//! Numbers are read as Redis reads them, which is more generous than elsewhere: what is no canonical number goes through
//! C's `strtoull`, so spaces in front, a sign and leading zeros are accepted.

use crate::error::{Error, quotable};
use graven_resp::number::{parse_i64, parse_wrapping_u64};
use graven_store::StreamId;

const INVALID_ID: &str = "ERR Invalid stream ID specified as stream command argument";
const INVALID_START: &str = "ERR invalid start ID for the interval";
const INVALID_END: &str = "ERR invalid end ID for the interval";
/// Longer texts are no identifiers.
const ID_MAX_BYTES: usize = 127;

/// The identifier that a client gives an entry, or has the server complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// `ms-seq`
    Given(StreamId),
    /// `ms-*`
    Within(u64),
    /// `*`
    Any,
}

fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    parse_wrapping_u64(text.trim_ascii_start())
}

/// `ms-seq`, or `ms` and what its sequence number then is.
fn pair(text: &[u8], missing_seq: u64) -> Option<StreamId> {
    match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => Some(StreamId { ms: unsigned(&text[..dash])?, seq: unsigned(&text[dash + 1..])? }),
        None => Some(StreamId { ms: unsigned(text)?, seq: missing_seq }),
    }
}

fn text_of(arg: &[u8]) -> Option<&[u8]> {
    (arg.len() <= ID_MAX_BYTES).then(|| quotable(arg, ID_MAX_BYTES))
}

/// An identifier, with 0 for a missing sequence number; `None` if it is none.
pub(super) fn find_id(arg: &[u8]) -> Option<StreamId> {
    pair(text_of(arg)?, 0)
}

/// An identifier, with 0 for a missing sequence number.
pub(super) fn strict_id(arg: &[u8]) -> Result<StreamId, Error> {
    find_id(arg).ok_or(INVALID_ID.into())
}

/// An identifier, `-` or `+`.
pub(super) fn any_id(arg: &[u8], missing_seq: u64) -> Result<StreamId, Error> {
    let parse = || match text_of(arg)? {
        b"-" => Some(StreamId::MIN),
        b"+" => Some(StreamId::MAX),
        text => pair(text, missing_seq),
    };
    parse().ok_or(INVALID_ID.into())
}

/// `*`, `ms-*` or an identifier.
pub(super) fn new_id(arg: &[u8]) -> Result<NewId, Error> {
    let parse = || {
        let text = text_of(arg)?;
        match text.strip_suffix(b"-*").filter(|ms| !ms.contains(&b'-')) {
            _ if text == b"*" => Some(NewId::Any),
            Some(ms) => Some(NewId::Within(unsigned(ms)?)),
            None => Some(NewId::Given(pair(text, 0)?)),
        }
    };
    parse().ok_or(INVALID_ID.into())
}

/// One end of an interval: an identifier, `-` or `+`, and whether it is excluded by a `(` in front.
fn bound(arg: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Error> {
    match arg {
        [b'(', id @ ..] if !id.is_empty() => {
            let id = text_of(id).and_then(|text| pair(text, missing_seq)).ok_or(INVALID_ID)?;
            Ok((id, true))
        }
        id => Ok((any_id(id, missing_seq)?, false)),
    }
}

/// The first identifier of an interval.
pub(super) fn interval_start(arg: &[u8]) -> Result<StreamId, Error> {
    match bound(arg, 0)? {
        (id, true) => id.next().ok_or(INVALID_START.into()),
        (id, false) => Ok(id),
    }
}

/// The last identifier of an interval.
pub(super) fn interval_end(arg: &[u8]) -> Result<StreamId, Error> {
    match bound(arg, u64::MAX)? {
        (id, true) => id.previous().ok_or(INVALID_END.into()),
        (id, false) => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_as_redis_reads_them() {
        let id = |ms, seq| Some(StreamId { ms, seq });
        let cases: &[(&[u8], Option<StreamId>)] = &[
            (b"5", id(5, 0)),
            (b"5-7", id(5, 7)),
            (b"18446744073709551615-18446744073709551615", id(u64::MAX, u64::MAX)),
            (b"18446744073709551616", None),
            (b" 1-+2", id(1, 2)),
            (b"01-02", id(1, 2)),
            (b"1--01", id(1, u64::MAX)),
            (b"1--1", None),
            (b"1\0junk", id(1, 0)),
            (b"-", None),
            (b"+", None),
            (b"1-", None),
            (b"", None),
            (b"1-2-3", None),
            (b"1-*", None),
        ];
        for (text, expected) in cases {
            assert_eq!(find_id(text), *expected, "{}", text.escape_ascii());
        }
        assert_eq!(new_id(b"*"), Ok(NewId::Any));
        assert_eq!(new_id(b"7-*"), Ok(NewId::Within(7)));
        assert!(new_id(b"7-1*").is_err() && new_id(b"-*").is_err() && new_id(b"7--*").is_err());
    }

    #[test]
    fn intervals_leave_out_what_they_exclude() {
        assert_eq!(interval_start(b"(5-9"), Ok(StreamId { ms: 5, seq: 10 }));
        assert_eq!(interval_end(b"5"), Ok(StreamId { ms: 5, seq: u64::MAX }));
        assert_eq!(interval_end(b"(5-0"), Ok(StreamId { ms: 4, seq: u64::MAX }));
        assert!(interval_start(b"(18446744073709551615-18446744073709551615").is_err());
        assert!(interval_end(b"(0-0").is_err() && interval_end(b"(+").is_err());
    }
}
