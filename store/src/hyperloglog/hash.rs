//! MurmurHash64A, the hash that decides which register an element raises, and to what. It must be this one: two servers that
//! merge their HyperLogLogs have to agree.

use super::{COUNTED_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The register of an element, and the count that the element gives it.
pub fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let rest = hash >> REGISTERS.ilog2() | 1 << COUNTED_BITS;
    (hash as usize & (REGISTERS - 1), rest.trailing_zeros() as u8 + 1)
}

fn murmur(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        k = (k ^ k >> SHIFT).wrapping_mul(MULTIPLIER);
        hash = (hash ^ k).wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}
