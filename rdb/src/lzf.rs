//! LZF, the compression of strings in the format: a stream of literal runs and of copies from what came before.
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
/// Strings up to this length are not worth a try.
const MAX_PLAIN_BYTES: usize = 20;
/// Compression must save at least this many bytes, or the longer head of a compressed string eats the gain.
const MIN_GAIN_BYTES: usize = 4;

/// Why a compressed string cannot be what it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
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
pub(crate) fn decompress(compressed: &[u8], length: u64) -> Result<Vec<u8>, Damage> {
    if length > compressed.len() as u64 * MAX_RATIO {
        return Err(Damage::WrongLength);
    }
    let length = length as usize;
    let mut out = Vec::with_capacity(length.min(4 * compressed.len()));
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
            let from = out.len().checked_sub(distance).ok_or(Damage::CopyFromNowhere)?;
            if distance >= count {
                out.extend_from_within(from..from + count);
            } else {
                out.extend_from_within(from..);
                for index in from + distance..from + count {
                    out.push(out[index]);
                }
            }
        }
        if out.len() > length {
            return Err(Damage::WrongLength);
        }
    }
    if out.len() == length { Ok(out) } else { Err(Damage::WrongLength) }
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
pub(crate) struct Compressor {
    /// Where a hash of three bytes was last seen, plus one; zero is nowhere. Only a prefix that fits the string is used,
    /// so that short strings do not pay for clearing all of it.
    last_seen: Vec<u32>,
    out: Vec<u8>,
}

const MIN_TABLE_BITS: u32 = 8;
const MAX_TABLE_BITS: u32 = 14;

impl Compressor {
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
        while let Some(&[a, b, c]) = string[position..].first_chunk() {
            let slot = hash(a, b, c, table_bits);
            let candidate = (table[slot] as usize).checked_sub(1);
            table[slot] = position as u32 + 1;
            let count = candidate.map_or(0, |candidate| copy_length(string, candidate, position));
            if count < MIN_COPY {
                position += 1;
                continue;
            }
            let distance = position - candidate.expect("a copy has a place to copy from");
            put_literals(&mut self.out, &string[literals_from..position]);
            put_copy(&mut self.out, count, distance);
            if self.out.len() > limit {
                return None;
            }
            // The bytes of the copy are remembered too, or the next repetition would not be found; two of them suffice.
            for covered in [position + 1, position + count - 1] {
                if let Some(&[a, b, c]) = string[covered..].first_chunk() {
                    table[hash(a, b, c, table_bits)] = covered as u32 + 1;
                }
            }
            position += count;
            literals_from = position;
        }
        put_literals(&mut self.out, &string[literals_from..]);
        (self.out.len() <= limit).then_some(&self.out)
    }
}

/// How many bytes at `position` repeat those at `candidate`, as far as one copy reaches.
fn copy_length(string: &[u8], candidate: usize, position: usize) -> usize {
    if position - candidate > MAX_DISTANCE {
        return 0;
    }
    string[candidate..].iter().zip(&string[position..]).take(MAX_COPY).take_while(|(before, now)| before == now).count()
}

fn hash(a: u8, b: u8, c: u8, table_bits: u32) -> usize {
    let three = u32::from_le_bytes([a, b, c, 0]);
    (three.wrapping_mul(0x9e37_79b1) >> (u32::BITS - table_bits)) as usize
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
