//! The intset: integers in ascending order, all as wide as the widest needs.
//!
//! ```text
//! u32      u32      integer …
//! width    count    width bytes each, little-endian, ascending
//! ```
//!
//! The width is 2, 4 or 8 bytes. It grows with the first integer that needs more and never shrinks, as in Redis, whose files
//! hold the same bytes.
//!
//! An [`Intset`] trusts its bytes, which this module has written or [`Intset::validate`] has checked.

/// Bytes before the first integer.
const INTSET_HEADER_BYTES: usize = 8;

/// A view of an intset.
#[derive(Clone, Copy, Debug)]
pub struct Intset<'a> {
    width: usize,
    numbers: &'a [u8],
}

/// Why bytes are no intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntsetDamage {
    /// They are not as long as they say.
    Length,
    /// The integers are of no width that exists.
    Width,
    /// An integer is not above the one before it.
    Order {
        /// The integer's index.
        index: usize,
    },
}

impl std::fmt::Display for IntsetDamage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IntsetDamage::Length => write!(f, "an intset is not as long as it says"),
            IntsetDamage::Width => write!(f, "an intset's integers are not 2, 4 or 8 bytes wide"),
            IntsetDamage::Order { index } => write!(f, "an intset's integer {index} is not above the one before it"),
        }
    }
}

impl std::error::Error for IntsetDamage {}

/// The narrowest width that holds a number.
#[inline]
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

/// The number that starts at byte `at`.
#[inline(always)]
fn read(numbers: &[u8], width: usize, at: usize) -> i64 {
    match width {
        2 => i64::from(i16::from_le_bytes(numbers[at..at + 2].try_into().expect("2 bytes"))),
        4 => i64::from(i32::from_le_bytes(numbers[at..at + 4].try_into().expect("4 bytes"))),
        _ => i64::from_le_bytes(numbers[at..at + 8].try_into().expect("8 bytes")),
    }
}

fn write_header(intset: &mut [u8], width: usize, count: usize) {
    intset[..4].copy_from_slice(&(width as u32).to_le_bytes());
    let count = u32::try_from(count).expect("an intset has fewer than 2^32 numbers");
    intset[4..INTSET_HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

impl<'a> Intset<'a> {
    /// Looks at bytes that are an intset: written by this module, or validated.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Intset<'a> {
        Intset { width: usize::from(bytes[0]), numbers: &bytes[INTSET_HEADER_BYTES..] }
    }

    /// Checks bytes of unknown origin: the length must fit the header, the numbers must ascend.
    pub fn validate(bytes: &'a [u8]) -> Result<Intset<'a>, IntsetDamage> {
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (Some(width), Some(count)) = (word(0), word(4)) else { return Err(IntsetDamage::Length) };
        if !matches!(width, 2 | 4 | 8) {
            return Err(IntsetDamage::Width);
        }
        if INTSET_HEADER_BYTES as u64 + u64::from(width) * u64::from(count) != bytes.len() as u64 {
            return Err(IntsetDamage::Length);
        }
        let intset = Intset::new(bytes);
        match (1..intset.len()).find(|&i| intset.at(i - 1) >= intset.at(i)) {
            Some(index) => Err(IntsetDamage::Order { index }),
            None => Ok(intset),
        }
    }

    /// How many numbers there are.
    #[inline]
    pub fn len(self) -> usize {
        self.numbers.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.numbers.is_empty()
    }

    /// The number at an index below [`Intset::len`].
    #[inline]
    pub fn at(self, index: usize) -> i64 {
        read(self.numbers, self.width, index * self.width)
    }

    /// The index of a number, or the one that it would get.
    #[inline]
    pub fn find(self, number: i64) -> Result<usize, usize> {
        let len = self.len();
        // Numbers often come in ascending order.
        if len > 0 && self.at(len - 1) < number {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&number) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether a number is there.
    #[inline]
    pub fn contains(self, number: i64) -> bool {
        self.find(number).is_ok()
    }

    /// The numbers, ascending.
    #[inline]
    pub fn iter(self) -> IntsetIter<'a> {
        IntsetIter { intset: self, next: 0 }
    }
}

/// The numbers of an intset, ascending.
#[derive(Clone)]
pub struct IntsetIter<'a> {
    intset: Intset<'a>,
    next: usize,
}

impl Iterator for IntsetIter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.next == self.intset.len() {
            return None;
        }
        self.next += 1;
        Some(self.intset.at(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.intset.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for IntsetIter<'_> {}

/// Makes an empty intset of whatever `out` holds.
pub fn clear_intset(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
}

/// Adds a number; false if it is there already.
pub fn insert_intset(intset: &mut Vec<u8>, number: i64) -> bool {
    let view = Intset::new(intset);
    let (width, count) = (view.width, view.len());
    let wanted = width_of(number);
    if wanted > width {
        widen(intset, wanted, number < 0);
        // It lies outside of what the others can be, so it comes first or last.
        let at = if number < 0 { INTSET_HEADER_BYTES } else { INTSET_HEADER_BYTES + count * wanted };
        intset[at..at + wanted].copy_from_slice(&number.to_le_bytes()[..wanted]);
        write_header(intset, wanted, count + 1);
        return true;
    }
    let Err(index) = view.find(number) else { return false };
    let at = INTSET_HEADER_BYTES + index * width;
    let end = intset.len();
    intset.resize(end + width, 0);
    intset.copy_within(at..end, at + width);
    intset[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    write_header(intset, width, count + 1);
    true
}

/// Makes all numbers wider and leaves room for one more before or after them.
fn widen(intset: &mut Vec<u8>, width: usize, room_first: bool) {
    let view = Intset::new(intset);
    let (old, count) = (view.width, view.len());
    intset.resize(INTSET_HEADER_BYTES + (count + 1) * width, 0);
    // From the end, so that no number is overwritten before it was moved.
    for i in (0..count).rev() {
        let number = read(intset, old, INTSET_HEADER_BYTES + i * old);
        let at = INTSET_HEADER_BYTES + (i + usize::from(room_first)) * width;
        intset[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    }
}

/// Removes a number; false if it is not there.
pub fn remove_intset(intset: &mut Vec<u8>, number: i64) -> bool {
    match Intset::new(intset).find(number) {
        Ok(index) => {
            remove_intset_at(intset, index);
            true
        }
        Err(_) => false,
    }
}

/// Removes the number at an index.
pub fn remove_intset_at(intset: &mut Vec<u8>, index: usize) {
    let view = Intset::new(intset);
    let (width, count) = (view.width, view.len());
    let at = INTSET_HEADER_BYTES + index * width;
    intset.drain(at..at + width);
    write_header(intset, width, count - 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_of_all_widths_come_and_go_in_order() {
        let edges = [0, 1, -1, 32767, -32768, 32768, -32769, 2147483647, -2147483648, 2147483648, -2147483649, i64::MAX, i64::MIN];
        for start in 0..edges.len() {
            let (mut bytes, mut model) = (vec![], BTreeSet::new());
            clear_intset(&mut bytes);
            for number in edges.iter().cycle().skip(start).take(edges.len() + 3) {
                assert_eq!(insert_intset(&mut bytes, *number), model.insert(*number));
                let view = Intset::validate(&bytes).unwrap();
                assert!(view.iter().eq(model.iter().copied()), "{number} among {model:?}");
                assert!(edges.iter().all(|edge| view.contains(*edge) == model.contains(edge)));
            }
            for number in edges {
                assert!(remove_intset(&mut bytes, number) && !remove_intset(&mut bytes, number));
                model.remove(&number);
                assert!(Intset::validate(&bytes).unwrap().iter().eq(model.iter().copied()));
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut bytes = vec![];
        clear_intset(&mut bytes);
        for number in [3, 1, 2] {
            insert_intset(&mut bytes, number);
        }
        assert_eq!(bytes, [2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, 0]);
        insert_intset(&mut bytes, -70_000);
        assert_eq!(bytes[..12], [4, 0, 0, 0, 4, 0, 0, 0, 0x90, 0xee, 0xfe, 0xff]);
        assert_eq!(bytes[12..], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    }

    #[test]
    fn damage_is_found() {
        let damaged: &[&[u8]] = &[
            &[],
            &[2, 0, 0],
            &[2, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0, 1],
            &[2, 0, 0, 0, 255, 255, 255, 255, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
        ];
        for bytes in damaged {
            assert!(Intset::validate(bytes).is_err(), "{bytes:?}");
        }
    }
}
