//! What is known of an entry's hash without reading the entry, and how that finds its like in another table.
//!
//! The number of an entry's segment, its position, which stands in its pointer, and its tag are the upper 16 bits of the hash and
//! more, and the lower 8. All tables of a keyspace hash with the same hasher, so these bits lead to the bucket of another table
//! where a key of the same bytes would be, and tell it from nearly all others there. So two sets are compared without computing a
//! hash again, and without reading those members that have no like.
//!
//! A segment of a larger table has a longer prefix; then the last bits of the position are not known. Between tables of like sizes
//! they hardly ever decide about the bucket; where they do, a clue leads to no bucket, and the hash is computed.

use crate::bucket::{Bucket, tag_of};
use crate::entry::Entry;
use crate::prefetch::prefetch;
use crate::segment::{Segment, home_of, position_of};
use crate::table::Table;

/// Bits of a position.
const POSITION_BITS: u32 = u16::BITS;

/// The bits of a hash that are known: some at the top, and the tag.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clue {
    /// Zero between the known bits.
    hash: u64,
    /// How many at the top are known.
    known: u32,
}

impl Clue {
    /// All bits.
    pub(crate) fn of_hash(hash: u64) -> Clue {
        Clue { hash, known: u64::BITS }
    }

    /// Those of an entry in a segment whose prefix is the top of `prefix`.
    #[inline]
    fn of_entry(prefix: u64, depth: u8, entry: &Entry, tag: u8) -> Clue {
        let known = u32::from(depth) + POSITION_BITS;
        let position = u64::from(entry.position()) << (u64::BITS - known);
        Clue { hash: prefix | position | u64::from(tag), known }
    }
}

/// Where a clue leads in a table.
#[derive(Clone, Copy)]
pub(crate) struct Trace<'a> {
    segment: &'a Segment,
    home: usize,
    tag: u8,
    position: u16,
    /// The bits of the position that are known.
    mask: u16,
}

impl<'a> Trace<'a> {
    /// The entries of a bucket that fit.
    #[inline]
    fn fitting(&self, bucket: &'a Bucket) -> impl Iterator<Item = &'a Entry> {
        let (position, mask) = (self.position, self.mask);
        let entries = bucket.tagged(self.tag).filter_map(|slot| bucket.entry(slot));
        entries.filter(move |entry| entry.position() & mask == position)
    }

    /// Asks for the bucket.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(self.segment.buckets().as_ptr().wrapping_add(self.home));
    }

    /// False if there is no entry with the hash that the clue is of. Asks for the entry that is probably meant.
    #[inline]
    pub(crate) fn may_exist(&self) -> bool {
        let Some(bucket) = self.segment.buckets().get(self.home) else { return false };
        let mut any = bucket.overflowed();
        for entry in self.fitting(bucket) {
            entry.prefetch();
            any = true;
        }
        any
    }

    /// Whether there is an entry of this key, of whose hash the clue is.
    #[inline]
    pub(crate) fn exists(&self, key: &[u8]) -> bool {
        let (before, from_home) = self.segment.buckets().split_at(self.home);
        for bucket in from_home.iter().chain(before) {
            if self.fitting(bucket).any(|entry| entry.key() == key) {
                return true;
            }
            if !bucket.overflowed() {
                return false;
            }
        }
        false
    }
}

impl Table {
    /// All entries in the order of their hashes, nearly, and what is known of these. The entries are not read.
    pub(crate) fn entries_with_clues(&self) -> impl Iterator<Item = (Clue, &Entry)> {
        self.segments_with_prefixes().flat_map(|(prefix, segment)| {
            let depth = segment.depth();
            segment.buckets().iter().flat_map(move |bucket| {
                let entries = bucket.occupied().filter_map(|slot| Some((slot, bucket.entry(slot)?)));
                entries.map(move |(slot, entry)| (Clue::of_entry(prefix, depth, entry, bucket.tag(slot)), entry))
            })
        })
    }

    /// Where a clue leads; `None` if it does not decide about the bucket.
    #[inline]
    pub(crate) fn trace(&self, clue: Clue) -> Option<Trace<'_>> {
        if u32::from(self.depth()) > clue.known {
            return None;
        }
        let segment = self.segment(clue.hash);
        let depth = segment.depth();
        let missing = (u32::from(depth) + POSITION_BITS).saturating_sub(clue.known);
        let unknown = (1u32 << missing.min(POSITION_BITS)).wrapping_sub(1) as u16;
        let position = position_of(clue.hash, depth) & !unknown;
        let home = home_of(position, segment.bucket_count());
        let decided = unknown == 0 || home_of(position | unknown, segment.bucket_count()) == home;
        decided.then_some(Trace { segment, home, tag: tag_of(clue.hash), position, mask: !unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::Hasher;

    fn table(hasher: Hasher, members: impl Iterator<Item = u32>) -> Table {
        let mut table = Table::new(hasher);
        for member in members {
            let member = member.to_string();
            table.insert(table.key(member.as_bytes()), Entry::new_bytes(member.as_bytes(), b"", None, 0));
        }
        table
    }

    #[test]
    fn clues_from_a_table_of_any_size_find_members_of_a_table_of_any_size() {
        let hasher = Hasher::new([7; 16]);
        let sizes = [0, 1, 30, 700, 5_000, 300_000];
        let tables: Vec<Table> = sizes.iter().map(|size| table(hasher, 0..*size)).collect();
        for (own, own_size) in tables.iter().zip(sizes) {
            for (other, other_size) in tables.iter().zip(sizes) {
                let (mut seen, mut found, mut suspected, mut undecided) = (0, 0, 0, 0);
                for (clue, entry) in own.entries_with_clues() {
                    let there = other.get(other.key(entry.key())).is_some();
                    match other.trace(clue) {
                        None => undecided += 1,
                        Some(trace) => {
                            assert_eq!(trace.exists(entry.key()), there, "{own_size} in {other_size}");
                            assert!(trace.may_exist() || !there, "{own_size} in {other_size}");
                            suspected += u32::from(trace.may_exist() && !there);
                        }
                    }
                    seen += 1;
                    found += u32::from(there);
                }
                assert_eq!((seen, found), (own_size, own_size.min(other_size)));
                if own_size >= other_size {
                    assert!(undecided <= own_size / 50, "{undecided} of {own_size} in {other_size}");
                }
                if own_size >= other_size && other_size >= 5_000 {
                    // Those whose bucket has overflowed.
                    assert!(suspected <= own_size / 2, "{suspected} of {own_size} in {other_size}");
                }
            }
        }
    }
}
