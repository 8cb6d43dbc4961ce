//! LZF: any bytes decompress to the length that was claimed or are refused, without memory for what they could not give; and what is
//! compressed comes back.

use graven_lzf::{Compressor, decompress};

/// Literal runs, short and long copies, at the ends of what they can say.
pub const DICTIONARY: &[&[u8]] = &[b"\x00", b"\x1f", b"\x20\x00", b"\xdf\xff", b"\xe0\x00\x00", b"\xff\xff\xff", b"aaaaaaaaaaaaaaaa"];

/// A compressed string behind the length that it claims, in two bytes; and plain ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let plain: Vec<Vec<u8>> =
        vec![b"a".repeat(300), b"abcdefgh".repeat(40), (0..=255).collect(), b"to be or not to be, that is the question".to_vec()];
    let mut compressor = Compressor::new();
    let mut all = plain.clone();
    for string in &plain {
        if let Some(compressed) = compressor.compress(string) {
            all.push([&(string.len() as u16).to_le_bytes()[..], compressed].concat());
        }
    }
    all
}

/// As compressed, with the claim in front; and as a string to compress.
pub fn run(input: &[u8]) {
    if let Some((claim, compressed)) = input.split_first_chunk() {
        let claim = u64::from(u16::from_le_bytes(*claim));
        for claim in [claim, claim + 1, 0, 1 << 63, u64::MAX] {
            if let Ok(string) = decompress(compressed, claim) {
                assert_eq!(string.len() as u64, claim);
                assert!(string.capacity() <= 2 * string.len() + 4 * compressed.len() + 2048, "{} for {claim}", string.capacity());
            }
        }
    }
    let mut compressor = Compressor::new();
    // The second has repetitions that reach across the whole of the first, and the third finds what the others left in the memory.
    for string in [input.to_vec(), input.repeat(3), input.to_vec()] {
        if let Some(compressed) = compressor.compress(&string) {
            assert!(compressed.len() < string.len());
            assert_eq!(decompress(compressed, string.len() as u64).as_deref(), Ok(&string[..]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_seeds_decompress() {
        let seeds = seeds();
        seeds.iter().for_each(|seed| run(seed));
        let good = seeds.iter().filter(|seed| decompress(&seed[2..], u64::from(u16::from_le_bytes([seed[0], seed[1]]))).is_ok());
        assert!(good.count() >= 2);
    }
}
