//! One cache line of the table: seven entries and what tells them apart.
//!
//! ```text
//! byte  0      1      …  6      7      8 … 15   …  56 … 63
//!       tag 0  tag 1     tag 6  marks  entry 0     entry 6
//! ```
//!
//! A tag is eight bits of the entry's hash, never zero; zero says that the slot is empty. All seven
//! tags are compared at once in one 64-bit word. In `marks`, bit `i` says that entry `i` has a deadline, and bit 7
//! that an entry whose home is this bucket or one before it has been placed further on.

use crate::entry::Entry;

/// Entries in a bucket.
pub(crate) const SLOTS: usize = 7;

const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const TAG_FLAGS: u64 = 0x0080_8080_8080_8080;
const OVERFLOWED: u64 = 1 << 63;
const MARKS_SHIFT: u32 = 56;

/// Seven slots, their tags and their marks.
#[repr(C, align(64))]
#[derive(Clone, Default)]
pub(crate) struct Bucket {
    control: u64,
    slots: [Option<Entry>; SLOTS],
}

/// A set of slots, iterated from the lowest.
#[derive(Clone, Copy)]
pub(crate) struct SlotSet(u64);

impl Iterator for SlotSet {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// The tag of a hash: its low byte, never zero.
#[inline(always)]
pub(crate) fn tag_of(hash: u64) -> u8 {
    (hash as u8).max(1)
}

impl Bucket {
    /// The slots whose tag is `tag`, exactly.
    #[inline(always)]
    pub(crate) fn tagged(&self, tag: u8) -> SlotSet {
        let difference = self.control ^ (u64::from(tag) * 0x0101_0101_0101_0101);
        // The high bit of a byte of `zeroes` is clear exactly where the byte of `difference` is zero: adding
        // 0x7f to seven bits cannot carry into the next byte.
        let zeroes = ((difference & LOW_BITS) + LOW_BITS) | difference;
        SlotSet(!zeroes & TAG_FLAGS)
    }

    /// The occupied slots.
    #[inline]
    pub(crate) fn occupied(&self) -> SlotSet {
        SlotSet(self.tagged(0).0 ^ TAG_FLAGS)
    }

    /// The slots whose entry has a deadline.
    #[inline]
    pub(crate) fn volatile(&self) -> impl Iterator<Item = usize> + use<> {
        let marks = (self.control >> MARKS_SHIFT) as u8;
        (0..SLOTS).filter(move |slot| marks >> slot & 1 == 1)
    }

    /// Whether any entry has a deadline.
    #[inline]
    pub(crate) fn has_volatile(&self) -> bool {
        (self.control >> MARKS_SHIFT) & 0x7f != 0
    }

    #[inline]
    pub(crate) fn first_free(&self) -> Option<usize> {
        self.tagged(0).next()
    }

    #[inline(always)]
    pub(crate) fn entry(&self, slot: usize) -> Option<&Entry> {
        self.slots[slot].as_ref()
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, slot: usize) -> Option<&mut Entry> {
        self.slots[slot].as_mut()
    }

    #[inline]
    pub(crate) fn tag(&self, slot: usize) -> u8 {
        (self.control >> (slot * 8)) as u8
    }

    /// Puts an entry into a free slot.
    #[inline]
    pub(crate) fn put(&mut self, slot: usize, tag: u8, volatile: bool, entry: Entry) {
        debug_assert!(tag != 0 && self.tag(slot) == 0 && self.slots[slot].is_none());
        self.control |= u64::from(tag) << (slot * 8) | u64::from(volatile) << (MARKS_SHIFT as usize + slot);
        self.slots[slot] = Some(entry);
    }

    /// Takes the entry out of a slot; the overflow mark stays.
    #[inline]
    pub(crate) fn take(&mut self, slot: usize) -> Option<Entry> {
        self.control &= !(0xff << (slot * 8) | 1 << (MARKS_SHIFT as usize + slot));
        self.slots[slot].take()
    }

    #[inline]
    pub(crate) fn is_volatile(&self, slot: usize) -> bool {
        self.control >> (MARKS_SHIFT as usize + slot) & 1 == 1
    }

    #[inline]
    pub(crate) fn set_volatile(&mut self, slot: usize, volatile: bool) {
        let mark = 1 << (MARKS_SHIFT as usize + slot);
        self.control = if volatile { self.control | mark } else { self.control & !mark };
    }

    #[inline(always)]
    pub(crate) fn overflowed(&self) -> bool {
        self.control & OVERFLOWED != 0
    }

    #[inline]
    pub(crate) fn mark_overflowed(&mut self) {
        self.control |= OVERFLOWED;
    }
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_exactly_whatever_stands_beside_them() {
        // A sloppier comparison of bytes in a word reports 0x01 beside a match as one too, or trips over 0x80.
        let tags = [1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];
        let mut bucket = Bucket::default();
        for (slot, &tag) in tags.iter().enumerate() {
            assert_eq!(bucket.first_free(), Some(slot));
            bucket.put(slot, tag, slot % 2 == 0, Entry::new_string(b"k", b"v", None, 0));
        }
        bucket.mark_overflowed();
        for tag in 1..=255 {
            let expected: Vec<usize> = tags.iter().position(|&there| there == tag).into_iter().collect();
            assert_eq!(bucket.tagged(tag).collect::<Vec<_>>(), expected, "tag {tag}");
        }
        assert_eq!(bucket.first_free(), None);
        assert_eq!(bucket.volatile().collect::<Vec<_>>(), [0, 2, 4, 6]);
        for slot in [3, 0, 6] {
            assert!(bucket.take(slot).is_some());
            assert!(!bucket.is_volatile(slot));
        }
        assert_eq!(bucket.occupied().collect::<Vec<_>>(), [1, 2, 4, 5]);
        assert_eq!(bucket.tagged(0).collect::<Vec<_>>(), [0, 3, 6]);
        assert!(bucket.overflowed(), "the mark outlives the entries");
    }

    #[test]
    fn a_tag_is_never_the_one_of_an_empty_slot() {
        assert_eq!((tag_of(0), tag_of(0xff00), tag_of(0x1ff)), (1, 1, 0xff));
    }
}
