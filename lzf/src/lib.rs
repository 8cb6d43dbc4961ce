//! LZF, the compression of strings in RDB files and of inner nodes of lists: a stream of literal runs and of copies from what came before.
//!
//! ```text
//! 000LLLLL  <L+1 bytes>                   L+1 bytes as they are            (1 to 32)
//! LLLooooo  oooooooo                      L+2 bytes from o+1 bytes back    (L from 1 to 6: 3 to 8 bytes)
//! 111ooooo  LLLLLLLL  oooooooo            L+9 bytes from o+1 bytes back    (9 to 264)
//! ```
//!
//! A copy may overlap its own output, which is how a run of one byte is written. The furthest distance is 8192.

const MAX_LITERALS: usize = 32;
const MAX_DISTANCE: usize = 1 << 13;
const MIN_COPY: usize = 3;
const MAX_COPY: usize = 264;
/// A three-byte copy of [`MAX_COPY`] bytes: no stream grows more than this.
const MAX_RATIO: u64 = (MAX_COPY / 3) as u64;
/// So much may be allocated at once for a string however short its compressed form is.
const SMALL_BYTES: usize = 1024;
/// Strings up to this length are not worth a try.
const MAX_PLAIN_BYTES: usize = 20;
/// Compression must save at least this many bytes, or the longer head of a compressed string eats the gain.
const MIN_GAIN_BYTES: usize = 4;

/// Of four bytes the first three, which is what is looked for.
const THREE_BYTES: u32 = 0x00ff_ffff;
/// After so many bytes in which nothing was found every second one is looked at, after twice as many every third, and so on: what
/// does not compress takes less time.
const PATIENCE: usize = 128;
/// The most bytes that are passed over.
const MAX_SKIP: usize = 15;

/// Why a compressed string cannot be what it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The stream stops inside a run or a copy.
    CutShort,
    /// A copy from before the first byte.
    CopyFromNowhere,
    /// More or fewer bytes than claimed.
    WrongLength,
}

impl Damage {
    /// What is wrong, to follow "the compressed string".
    pub fn describe(self) -> &'static str {
        match self {
            Damage::CutShort => "stops inside a run",
            Damage::CopyFromNowhere => "copies from before its beginning",
            Damage::WrongLength => "does not have the length it claims",
        }
    }
}

/// Undoes the compression of a string that is said to have been `length` bytes long. Allocates in proportion to
/// `compressed`, never to a `length` that `compressed` could not give.
pub fn decompress(compressed: &[u8], length: u64) -> Result<Vec<u8>, Damage> {
    let mut out = Vec::new();
    decompress_into(&mut out, compressed, length)?;
    Ok(out)
}

/// The same, added to the end of `out`. What is there after a failure is of no use.
pub fn decompress_into(out: &mut Vec<u8>, compressed: &[u8], length: u64) -> Result<(), Damage> {
    if length > compressed.len() as u64 * MAX_RATIO {
        return Err(Damage::WrongLength);
    }
    let length = length as usize;
    let begin = out.len();
    out.reserve(length.min(SMALL_BYTES.max(4 * compressed.len())));
    let mut rest = compressed;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        if usize::from(control) < MAX_LITERALS {
            let (run, after) = rest.split_at_checked(usize::from(control) + 1).ok_or(Damage::CutShort)?;
            out.extend_from_slice(run);
            rest = after;
        } else {
            let (count, distance, after) = parse_copy(control, rest).ok_or(Damage::CutShort)?;
            rest = after;
            let from = (out.len() - begin).checked_sub(distance).ok_or(Damage::CopyFromNowhere)? + begin;
            let end = out.len() + count;
            // A copy that overlaps its output repeats what is between: as much as is there is taken each time, which doubles it.
            while out.len() < end {
                let some = (out.len() - from).min(end - out.len());
                out.extend_from_within(from..from + some);
            }
        }
        if out.len() - begin > length {
            return Err(Damage::WrongLength);
        }
    }
    if out.len() - begin == length { Ok(()) } else { Err(Damage::WrongLength) }
}

/// The number of bytes, the distance, and what follows the copy.
fn parse_copy(control: u8, rest: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (count, rest) = match usize::from(control >> 5) {
        7 => {
            let (&more, rest) = rest.split_first()?;
            (9 + usize::from(more), rest)
        }
        short => (short + 2, rest),
    };
    let (&low, rest) = rest.split_first()?;
    Some((count, (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1, rest))
}

/// Compresses strings, one after the other, with memory that is used again.
pub struct Compressor {
    /// Where a hash of three bytes was last seen, plus one; zero is nowhere. Only a prefix that fits the string is used,
    /// so that short strings do not pay for clearing all of it.
    last_seen: Vec<u32>,
    out: Vec<u8>,
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor::new()
    }
}

const MIN_TABLE_BITS: u32 = 8;
const MAX_TABLE_BITS: u32 = 14;

impl Compressor {
    /// A compressor with its working memory.
    pub fn new() -> Self {
        Compressor { last_seen: vec![0; 1 << MAX_TABLE_BITS], out: Vec::new() }
    }

    /// The compressed form of `string`, or `None` when there is nothing to gain.
    pub fn compress(&mut self, string: &[u8]) -> Option<&[u8]> {
        if string.len() <= MAX_PLAIN_BYTES || u32::try_from(string.len()).is_err() {
            return None;
        }
        let limit = string.len() - MIN_GAIN_BYTES;
        let table_bits = string.len().ilog2().clamp(MIN_TABLE_BITS, MAX_TABLE_BITS);
        let table = &mut self.last_seen[..1 << table_bits];
        table.fill(0);
        self.out.clear();
        let mut position = 0;
        let mut literals_from = 0;
        while let Some(here) = four(string, position) {
            let slot = hash(here, table_bits);
            let candidate = table[slot] as usize;
            table[slot] = position as u32 + 1;
            // A branch, so that what comes next need not wait for the sum.
            let found_nothing_for = position - literals_from;
            let step = if found_nothing_for < PATIENCE { 1 } else { (found_nothing_for / PATIENCE).min(MAX_SKIP) + 1 };
            let Some(from) = candidate.checked_sub(1) else {
                position += step;
                continue;
            };
            let distance = position - from;
            // One branch, which is nearly always the same, costs less than two.
            let is_same = four(string, from).is_some_and(|there| (there ^ here) & THREE_BYTES == 0);
            if !(is_same & (distance <= MAX_DISTANCE)) {
                position += step;
                continue;
            }
            let count = copy_length(string, from, position);
            put_literals(&mut self.out, &string[literals_from..position]);
            put_copy(&mut self.out, count, distance);
            if self.out.len() > limit {
                return None;
            }
            // The bytes of the copy are remembered too, or the next repetition would not be found; two of them suffice.
            for covered in [position + 1, position + count - 1] {
                if let Some(four) = four(string, covered) {
                    table[hash(four, table_bits)] = covered as u32 + 1;
                }
            }
            position += count;
            literals_from = position;
        }
        put_literals(&mut self.out, &string[literals_from..]);
        (self.out.len() <= limit).then_some(&self.out)
    }
}

/// The four bytes at `position`, the first in the lowest bits.
#[inline(always)]
fn four(string: &[u8], position: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*string.get(position..)?.first_chunk()?))
}

/// How many bytes at `position` repeat those at `from`, as far as one copy reaches. At least three of them do.
fn copy_length(string: &[u8], from: usize, position: usize) -> usize {
    let most = MAX_COPY.min(string.len() - position);
    let (before, now) = (&string[from..from + most], &string[position..position + most]);
    let mut count = 0;
    let (before_words, now_words) = (before.as_chunks::<8>().0, now.as_chunks::<8>().0);
    for (before, now) in before_words.iter().zip(now_words) {
        let different = u64::from_le_bytes(*before) ^ u64::from_le_bytes(*now);
        if different != 0 {
            return count + different.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    count + before[count..].iter().zip(&now[count..]).take_while(|(before, now)| before == now).count()
}

/// A place in the table for the first three of four bytes.
#[inline(always)]
fn hash(four: u32, table_bits: u32) -> usize {
    ((four & THREE_BYTES).wrapping_mul(0x9e37_79b1) >> (u32::BITS - table_bits)) as usize
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(MAX_LITERALS) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn put_copy(out: &mut Vec<u8>, count: usize, distance: usize) {
    debug_assert!((MIN_COPY..=MAX_COPY).contains(&count) && (1..=MAX_DISTANCE).contains(&distance));
    let [high, low] = ((distance - 1) as u16).to_be_bytes();
    if count < 9 {
        out.push(((count - 2) as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (count - 9) as u8]);
    }
    out.push(low);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn compressed(string: &[u8]) -> Option<Vec<u8>> {
        Compressor::new().compress(string).map(<[u8]>::to_vec)
    }

    /// Strings of few different letters and of repeated pieces, which compress in every way there is.
    fn compressible() -> impl Strategy<Value = Vec<u8>> {
        vec((vec(0_u8..4, 1..40), 1_usize..300), 1..20)
            .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, times)| piece.repeat(times)).collect())
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back_and_is_shorter(strings in vec(prop_oneof![compressible(), vec(any::<u8>(), 0..2000)], 1..4)) {
            // One compressor for all: nothing of one string may leak into the next.
            let mut compressor = Compressor::new();
            for string in strings {
                if let Some(compressed) = compressor.compress(&string) {
                    prop_assert!(compressed.len() + MIN_GAIN_BYTES <= string.len());
                    prop_assert_eq!(decompress(compressed, string.len() as u64), Ok(string));
                }
            }
        }

        #[test]
        fn garbage_is_an_error_or_has_exactly_the_length_claimed(garbage in vec(any::<u8>(), 0..400), length in 0_u64..5000) {
            if let Ok(out) = decompress(&garbage, length) {
                prop_assert_eq!(out.len() as u64, length);
            }
        }
    }

    #[test]
    fn a_run_of_one_byte_shrinks_to_almost_nothing() {
        let string = vec![b'x'; 100_000];
        let compressed = compressed(&string).expect("nothing compresses better");
        assert!(compressed.len() < 1200, "{}", compressed.len());
        assert_eq!(decompress(&compressed, 100_000), Ok(string));
    }

    #[test]
    fn a_repetition_further_back_than_the_format_reaches_is_not_copied() {
        assert_eq!(copy_length(&[7; 3 * MAX_DISTANCE], 0, MAX_DISTANCE), MAX_COPY);
        // Noise, and sixteen bytes of its beginning once more: at the furthest distance, and one byte behind it.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(MAX_DISTANCE + 1)
        .collect();
        let again = [&noise[..MAX_DISTANCE], &noise[..], &noise[1..]].concat();
        assert_eq!(decompress(&compressed(&again).expect("half of it is there twice"), again.len() as u64), Ok(again));
        assert_eq!(compressed(&[&noise[..], b"-", &noise[..]].concat()), None);
        let mut out = Vec::new();
        put_copy(&mut out, MAX_COPY, MAX_DISTANCE);
        assert_eq!(parse_copy(out[0], &out[1..]), Some((MAX_COPY, MAX_DISTANCE, &[][..])));
    }

    #[test]
    fn short_strings_and_noise_are_left_alone() {
        assert_eq!(compressed(&[b'x'; MAX_PLAIN_BYTES]), None);
        assert!(compressed(&[b'x'; MAX_PLAIN_BYTES + 1]).is_some());
        assert_eq!(compressed(&(0..=255).collect::<Vec<u8>>()), None);
    }

    #[test]
    fn every_form_of_the_stream_is_understood() {
        assert_eq!(decompress(&[2, b'a', b'b', b'c'], 3).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(decompress(&[1, b'a', b'b', 1 << 5, 1], 5).as_deref(), Ok(&b"ababa"[..]));
        assert_eq!(decompress(&[0, b'a', 7 << 5, 255, 0], 265), Ok(vec![b'a'; 265]));
    }

    #[test]
    fn damage_is_told_apart() {
        assert_eq!(decompress(&[2, b'a', b'b'], 3), Err(Damage::CutShort));
        assert_eq!(decompress(&[0, b'a', 7 << 5], 10), Err(Damage::CutShort));
        assert_eq!(decompress(&[0, b'a', 7 << 5, 9], 10), Err(Damage::CutShort));
        assert_eq!(decompress(&[0, b'a', 1 << 5, 1], 4), Err(Damage::CopyFromNowhere));
        assert_eq!(decompress(&[0, b'a'], 2), Err(Damage::WrongLength));
        assert_eq!(decompress(&[1, b'a', b'b'], 1), Err(Damage::WrongLength));
        assert_eq!(decompress(&[0, b'a'], u64::MAX), Err(Damage::WrongLength));
    }
}
