//! Counting bits and looking for the first: `BITCOUNT` and `BITPOS`, eight bytes a step.

use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::{Error, SYNTAX};

/// The bits from `first` to `last`, both included.
#[derive(Clone, Copy)]
struct Bits {
    first: u64,
    last: u64,
}

/// The range that `start` and `end` mean in a string of `len` bytes, counted in bytes or bits; `None` if it is empty.
fn range(len: usize, start: i64, end: i64, in_bits: bool) -> Option<Bits> {
    let total = len as i64 * if in_bits { 8 } else { 1 };
    let from_end = |index: i64| if index < 0 { (total + index).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as u64, end as u64);
    Some(if in_bits { Bits { first: start, last: end } } else { Bits { first: start * 8, last: end * 8 + 7 } })
}

/// `BYTE` or `BIT` in argument `i`.
fn unit_is_bit(cx: &Context<'_>, i: usize) -> Result<bool, Error> {
    match cx.args.get(i) {
        None => Ok(false),
        Some(_) if cx.is(i, "bit") => Ok(true),
        Some(_) if cx.is(i, "byte") => Ok(false),
        Some(_) => Err(SYNTAX.into()),
    }
}

/// How many bits of the range are set.
fn count(bytes: &[u8], bits: Bits) -> u64 {
    let (first, last) = ((bits.first / 8) as usize, (bits.last / 8) as usize);
    let outside = (bytes[first] & !(0xff >> (bits.first % 8))).count_ones() + (bytes[last] & (0x7f >> (bits.last % 8))).count_ones();
    let (words, rest) = bytes[first..=last].as_chunks::<8>();
    let whole: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    whole + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>() - u64::from(outside)
}

/// The first bit of the range that is `set` or not.
fn find(bytes: &[u8], bits: Bits, set: bool) -> Option<u64> {
    let (first, last) = ((bits.first / 8) as usize, (bits.last / 8) as usize);
    // Inverted where a zero is looked for, so that a one is always what is looked for.
    let flip = if set { 0 } else { 0xff };
    let head = (bytes[first] ^ flip) & (0xff >> (bits.first % 8));
    let found = if head != 0 {
        first as u64 * 8 + u64::from(head.leading_zeros())
    } else {
        let rest = &bytes[first + 1..=last.max(first)];
        let (words, _) = rest.as_chunks::<8>();
        let flip_word = if set { 0 } else { u64::MAX };
        let skipped = words.iter().take_while(|word| u64::from_ne_bytes(**word) == flip_word).count() * 8;
        let (at, byte) = rest.iter().enumerate().skip(skipped).find(|(_, byte)| **byte ^ flip != 0)?;
        (first + 1 + at) as u64 * 8 + u64::from((byte ^ flip).leading_zeros())
    };
    (found <= bits.last).then_some(found)
}

/// `BITCOUNT key [start end [BYTE | BIT]]`
pub fn bitcount(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let mut scratch = [0; 20];
    let string = string_of(entry)?;
    let (start, end, in_bits) = match cx.args.len() {
        2 => (0, -1, false),
        4 | 5 => {
            let number = |i: usize| graven_resp::number::parse_i64(cx.args.at(i)).ok_or(crate::error::NOT_INTEGER);
            let (start, end) = (number(2)?, number(3)?);
            if start < 0 && end < 0 && start > end {
                cx.reply.int(0);
                return Ok(());
            }
            let in_bits = match cx.args.get(4) {
                None => false,
                Some(word) if word.eq_ignore_ascii_case(b"bit") => true,
                Some(word) if word.eq_ignore_ascii_case(b"byte") => false,
                Some(_) => return Err(SYNTAX.into()),
            };
            (start, end, in_bits)
        }
        _ => return Err(SYNTAX.into()),
    };
    let counted = range(string.len(), start, end, in_bits).map_or(0, |bits| count(string.to_bytes(&mut scratch), bits));
    cx.reply.int(counted as i64);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE | BIT]]]`
///
/// A string goes on with zeros as long as nobody says where it ends.
pub fn bitpos(cx: &mut Context<'_>) -> Result<(), Error> {
    let set = match cx.int(2)? {
        0 => false,
        1 => true,
        _ => return Err("ERR The bit argument must be 1 or 0.".into()),
    };
    let key = cx.key(1);
    if cx.engine.read(cx.session, key).is_none() {
        cx.reply.int(if set { -1 } else { 0 });
        return Ok(());
    }
    let args = cx.args.len();
    let entry = cx.engine.peek(cx.session.db, key).expect("the key was read just now");
    let len = string_of(entry)?.len();
    if args > 6 {
        return Err(SYNTAX.into());
    }
    let start = if args > 3 { cx.int(3)? } else { 0 };
    let in_bits = unit_is_bit(cx, 5)?;
    let end = if args > 4 { cx.int(4)? } else { -1 };
    let entry = cx.engine.peek(cx.session.db, key).expect("the key was read just now");
    let mut scratch = [0; 20];
    let position = match range(len, start, end, in_bits) {
        None => -1,
        Some(bits) => match find(string_of(entry)?.to_bytes(&mut scratch), bits, set) {
            Some(position) => position as i64,
            None if !set && args < 5 => len as i64 * 8,
            None => -1,
        },
    };
    cx.reply.int(position);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_and_finding_agree_with_looking_at_each_bit() {
        let bytes: Vec<u8> = (0..40u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8 & if n % 7 < 3 { 0 } else { 0xff }).collect();
        let bit = |n: u64| bytes[(n / 8) as usize] >> (7 - n % 8) & 1 == 1;
        for first in 0..100 {
            for last in (first..320).step_by(3) {
                let bits = Bits { first, last };
                assert_eq!(count(&bytes, bits), (first..=last).filter(|n| bit(*n)).count() as u64, "{first}..={last}");
                for set in [false, true] {
                    assert_eq!(find(&bytes, bits, set), (first..=last).find(|n| bit(*n) == set), "{set} in {first}..={last}");
                }
            }
        }
    }
}
