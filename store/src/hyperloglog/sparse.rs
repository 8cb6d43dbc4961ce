//! Sparse registers: runs of equal ones.
//!
//! | bytes | run |
//! |---|---|
//! | `00xxxxxx` | `x + 1` zeros |
//! | `01xxxxxx yyyyyyyy` | `xy + 1` zeros |
//! | `1vvvvvxx` | `x + 1` registers of `v + 1` |

use super::{Corrupt, HEADER_BYTES};

const ZERO_MAX_LEN: usize = 64;
const VALUE_MAX: u8 = 32;
const VALUE_MAX_LEN: usize = 4;
/// Opcodes looked at after a change, from the one before it on, to be merged with their neighbours.
const MERGE_SCAN: usize = 5;

/// Equal registers in a row.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) value: u8,
    pub(super) len: usize,
    /// Bytes of the opcode.
    pub(super) bytes: usize,
}

/// The run at the start of `bytes`; `None` if there is none, or only half of one.
fn run_at(bytes: &[u8]) -> Option<Run> {
    let first = *bytes.first()?;
    Some(match first >> 6 {
        0 => Run { value: 0, len: usize::from(first & 0x3f) + 1, bytes: 1 },
        1 => Run { value: 0, len: (usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?)) + 1, bytes: 2 },
        _ => Run { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
    })
}

/// All runs. Of one cut in half the missing byte counts as zero, as in Redis, where every string ends with one: so there are
/// too many registers, unless zero is what is missing.
pub(super) fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let run = run_at(rest).or_else(|| run_at(&[*rest.first()?, 0]))?;
        rest = rest.get(run.bytes..).unwrap_or_default();
        Some(run)
    })
}

/// Appends a run of zeros.
pub(super) fn push_zeros(out: &mut Vec<u8>, len: usize) {
    let less_one = len - 1;
    if len > ZERO_MAX_LEN {
        out.extend_from_slice(&[0x40 | (less_one >> 8) as u8, less_one as u8]);
    } else {
        out.push(less_one as u8);
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// What came of raising a register.
pub(super) enum Raised {
    /// It was not less.
    No,
    /// It is done.
    Yes,
    /// This representation has no room for it.
    TooLarge,
}

/// Raises register `index` to `count` in a sparse HyperLogLog that is to stay within `max_bytes`.
pub(super) fn raise(string: &mut Vec<u8>, index: usize, count: u8, max_bytes: usize) -> Result<Raised, Corrupt> {
    if count > VALUE_MAX {
        return Ok(Raised::TooLarge);
    }
    let (mut at, mut before, mut first) = (HEADER_BYTES, None, 0);
    let run = loop {
        let run = run_at(&string[at..]).ok_or(Corrupt)?;
        if index < first + run.len {
            break run;
        }
        before = Some(at);
        at += run.bytes;
        first += run.len;
    };
    if run.value >= count {
        return Ok(Raised::No);
    }
    if run.len == 1 && run.bytes == 1 {
        string[at] = value_byte(count, 1);
    } else {
        let mut parts = Vec::with_capacity(5);
        let push = |parts: &mut Vec<u8>, len: usize| match (len, run.value) {
            (0, _) => {}
            (len, 0) => push_zeros(parts, len),
            (len, value) => parts.push(value_byte(value, len)),
        };
        push(&mut parts, index - first);
        parts.push(value_byte(count, 1));
        push(&mut parts, first + run.len - 1 - index);
        if parts.len() > run.bytes && string.len() + parts.len() - run.bytes > max_bytes {
            return Ok(Raised::TooLarge);
        }
        string.splice(at..at + run.bytes, parts);
    }
    merge_neighbours(string, before.unwrap_or(HEADER_BYTES));
    Ok(Raised::Yes)
}

/// Makes one run of adjacent runs of one value, as far as they fit.
fn merge_neighbours(string: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGE_SCAN {
        let Some(run) = string.get(at..).and_then(run_at) else { return };
        let next = string.get(at + run.bytes..).and_then(run_at);
        if let Some(next) = next
            && run.value > 0
            && next.value == run.value
            && run.len + next.len <= VALUE_MAX_LEN
        {
            string[at + 1] = value_byte(run.value, run.len + next.len);
            string.remove(at);
        } else {
            at += run.bytes;
        }
    }
}
