//! HyperLogLog: how many different elements were added, from 16,384 registers of 6 bits, with an error of 0.81 %.
//!
//! A HyperLogLog is a string, byte for byte as Redis keeps it:
//!
//! ```text
//! "HYLL"   encoding          0 0 0   cardinality, little-endian    registers
//! 4 bytes  0 dense, 1 sparse         8 bytes; bit 63 set: stale    dense: 12,288 bytes; sparse: run lengths
//! ```
//!
//! Anybody may write such a string with `SET`, so nothing in it is trusted: whatever reads registers says [`Corrupt`] when they
//! are not 16,384. An element's hash chooses a register by its lowest 14 bits; the register keeps the greatest number of
//! trailing zeros, plus one, of the other 50 bits.

mod dense;
mod estimate;
mod hash;
mod sparse;

use estimate::{Histogram, estimate};
pub use hash::register_of;

/// Registers.
pub const REGISTERS: usize = 16_384;
/// Hash bits that a register counts zeros in; the greatest count is one more.
const COUNTED_BITS: usize = 50;
const HEADER_BYTES: usize = 16;
/// Length of a dense HyperLogLog.
pub const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * 6 / 8;
const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const CACHE: std::ops::Range<usize> = 8..16;
/// The byte, and the bit in it, that says that the cardinality is stale.
const STALE: (usize, u8) = (15, 0x80);

/// The registers are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How the registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// Six bits each.
    Dense,
    /// Runs of equal registers.
    Sparse,
}

/// Which representation the string has; `None` if it is no HyperLogLog.
pub fn representation(string: &[u8]) -> Option<Representation> {
    if string.len() < HEADER_BYTES || !string.starts_with(MAGIC) {
        return None;
    }
    match string[ENCODING_AT] {
        0 if string.len() == DENSE_BYTES => Some(Representation::Dense),
        1 => Some(Representation::Sparse),
        _ => None,
    }
}

/// One without elements.
pub fn empty() -> Vec<u8> {
    let mut string = vec![0; HEADER_BYTES];
    string[..MAGIC.len()].copy_from_slice(MAGIC);
    string[ENCODING_AT] = 1;
    sparse::push_zeros(&mut string, REGISTERS);
    string
}

fn is_dense(string: &[u8]) -> bool {
    string[ENCODING_AT] == 0
}

/// Raises register `index` to `count`; true if it was less. A sparse one longer than `sparse_max_bytes` becomes dense.
///
/// # Errors
///
/// If the registers are corrupt; the string is as it was then.
pub fn raise(string: &mut Vec<u8>, index: usize, count: u8, sparse_max_bytes: usize) -> Result<bool, Corrupt> {
    if is_dense(string) {
        return Ok(match dense::raised(&string[HEADER_BYTES..], index, count) {
            None => false,
            Some((at, bytes)) => {
                let at = HEADER_BYTES + at;
                let len = bytes.len().min(string.len() - at);
                string[at..at + len].copy_from_slice(&bytes[..len]);
                true
            }
        });
    }
    match sparse::raise(string, index, count, sparse_max_bytes)? {
        sparse::Raised::No => Ok(false),
        sparse::Raised::Yes => Ok(true),
        sparse::Raised::TooLarge => {
            make_dense(string)?;
            raise(string, index, count, sparse_max_bytes)
        }
    }
}

/// What to overwrite in a dense HyperLogLog, and from which byte on, to add an element; `None` if nothing changes.
pub fn dense_edit(string: &[u8], element: &[u8]) -> Option<(usize, [u8; 2])> {
    debug_assert_eq!(string.len(), DENSE_BYTES);
    let (index, count) = register_of(element);
    let (at, bytes) = dense::raised(&string[HEADER_BYTES..], index, count)?;
    Some((HEADER_BYTES + at, bytes))
}

/// Raises each of `registers` to what the HyperLogLog has.
///
/// # Errors
///
/// If the registers are corrupt.
pub fn merge(string: &[u8], registers: &mut [u8; REGISTERS]) -> Result<(), Corrupt> {
    if is_dense(string) {
        let all = dense::registers(&string[HEADER_BYTES..]);
        registers.iter_mut().zip(all).for_each(|(known, register)| *known = register.max(*known));
        return Ok(());
    }
    let mut at = 0;
    for run in sparse::runs(&string[HEADER_BYTES..]) {
        let part = registers.get_mut(at..at + run.len).ok_or(Corrupt)?;
        part.iter_mut().for_each(|known| *known = run.value.max(*known));
        at += run.len;
    }
    if at == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Makes the representation dense.
///
/// # Errors
///
/// If the registers are corrupt; the string is as it was then.
pub fn make_dense(string: &mut Vec<u8>) -> Result<(), Corrupt> {
    if is_dense(string) {
        return Ok(());
    }
    let mut registers = [0; REGISTERS];
    merge(string, &mut registers)?;
    string.truncate(HEADER_BYTES);
    string[ENCODING_AT] = 0;
    dense::push(string, &registers);
    Ok(())
}

/// The number of different elements, computed from the registers.
///
/// # Errors
///
/// If the registers are corrupt.
pub fn count(string: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = Histogram::default();
    if is_dense(string) {
        dense::registers(&string[HEADER_BYTES..]).for_each(|register| histogram.add(register, 1));
        return Ok(estimate(&histogram));
    }
    let mut seen = 0;
    for run in sparse::runs(&string[HEADER_BYTES..]) {
        histogram.add(run.value, run.len);
        seen += run.len;
    }
    if seen == REGISTERS { Ok(estimate(&histogram)) } else { Err(Corrupt) }
}

/// The number of different elements that registers stand for.
pub fn count_registers(registers: &[u8; REGISTERS]) -> u64 {
    let mut histogram = Histogram::default();
    registers.iter().for_each(|register| histogram.add(*register, 1));
    estimate(&histogram)
}

/// The cardinality in the header, unless it is stale.
pub fn cached(string: &[u8]) -> Option<u64> {
    let fresh = string[STALE.0] & STALE.1 == 0;
    fresh.then(|| u64::from_le_bytes(string[CACHE].try_into().expect("8 bytes")))
}

/// The bytes of the header that keep a cardinality, and where they begin.
pub fn cache_edit(cardinality: u64) -> (usize, [u8; 8]) {
    (CACHE.start, cardinality.to_le_bytes())
}

/// The byte of the header that makes the cardinality stale, and where it is.
pub fn stale_edit(string: &[u8]) -> (usize, [u8; 1]) {
    (STALE.0, [string[STALE.0] | STALE.1])
}

/// The runs of a sparse one, for people: `z:` and `Z:` for zeros in one byte and two, `v:value,length`.
pub fn describe(string: &[u8]) -> String {
    let runs = sparse::runs(&string[HEADER_BYTES..]).map(|run| match (run.value, run.bytes) {
        (0, 1) => format!("z:{}", run.len),
        (0, _) => format!("Z:{}", run.len),
        (value, _) => format!("v:{value},{}", run.len),
    });
    runs.collect::<Vec<_>>().join(" ")
}

/// The registers of a dense one.
pub fn dense_registers(string: &[u8]) -> impl Iterator<Item = u8> {
    debug_assert!(is_dense(string));
    dense::registers(&string[HEADER_BYTES..])
}
