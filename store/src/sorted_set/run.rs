//! A sorted run: some tens of members with their scores, in order, in one allocation.
//!
//! ```text
//! f64 × len   u32 × len                    bytes     slack
//! scores      where each member ends       members
//! ```
//!
//! The scores are contiguous, so that a search touches few cache lines; members are looked at only among equal scores. The
//! leaves of the tree are runs, and so are the separators of its inner nodes.
//!
//! Invariants:
//! * Ordered by score (0 and -0 are equal, NaN does not occur), then by member, bytewise; no pair twice.
//! * A clone shares the allocation; a change copies it first if it is shared.
//! * Members take less than 4 GiB together: whoever inserts sees to it (`tree.rs` gives a long member a run of its own).

use crate::entry::size_class;
use crate::prefetch::prefetch;
use std::ops::Range;
use std::sync::Arc;

const SCORE: usize = size_of::<f64>();
const END: usize = size_of::<u32>();
const FIXED: usize = SCORE + END;
/// What an `Arc` has beside its content.
const ARC_HEADER: usize = 16;

/// Members and scores in order.
#[derive(Clone)]
pub(super) struct Run {
    bytes: Arc<[u8]>,
    len: u32,
    member_bytes: u32,
}

impl Default for Run {
    fn default() -> Run {
        Run { bytes: Arc::new([]), len: 0, member_bytes: 0 }
    }
}

/// An allocation for `used` bytes, as long as its size class.
fn allocate(used: usize) -> Arc<[u8]> {
    std::iter::repeat_n(0, size_class(ARC_HEADER + used) - ARC_HEADER).collect()
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn member_bytes(&self) -> usize {
        self.member_bytes as usize
    }

    /// Where it is: the same for clones of one that have not been changed since.
    #[cfg(test)]
    pub(super) fn address(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    /// Bytes allocated.
    pub(super) fn memory_usage(&self) -> usize {
        ARC_HEADER + self.bytes.len()
    }

    fn used(&self) -> usize {
        FIXED * self.len() + self.member_bytes()
    }

    #[inline(always)]
    fn scores(&self) -> &[[u8; SCORE]] {
        &self.bytes.as_chunks().0[..self.len()]
    }

    #[inline(always)]
    pub(super) fn score(&self, i: usize) -> f64 {
        f64::from_le_bytes(self.scores()[i])
    }

    /// Where member `i` ends, relative to the first.
    #[inline(always)]
    pub(super) fn end(&self, i: usize) -> usize {
        let ends = self.bytes[SCORE * self.len()..].as_chunks().0;
        u32::from_le_bytes(ends[i]) as usize
    }

    #[inline(always)]
    fn start(&self, i: usize) -> usize {
        if i == 0 { 0 } else { self.end(i - 1) }
    }

    #[inline]
    pub(super) fn member(&self, i: usize) -> &[u8] {
        let members = FIXED * self.len();
        &self.bytes[members + self.start(i)..members + self.end(i)]
    }

    /// Asks for the cache lines that a search and a change begin with: the counts of the `Arc`, and the scores.
    #[inline]
    pub(super) fn prefetch(&self) {
        const LINE: usize = 64;
        let start = self.bytes.as_ptr().wrapping_sub(ARC_HEADER);
        for line in 0..=(ARC_HEADER + SCORE * self.len()) / LINE {
            prefetch(start.wrapping_add(line * LINE));
        }
    }

    /// The first index that `before` is false of, which must be true of all indexes below it and of none above.
    #[inline]
    pub(super) fn partition(&self, range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
        let (mut from, mut size) = (range.start, range.end - range.start);
        while size > 0 {
            let half = size / 2;
            let yes = before(from + half);
            from = if yes { from + half + 1 } else { from };
            size = if yes { size - half - 1 } else { half };
        }
        from
    }

    /// Where a pair is, or where it would have to be inserted.
    #[inline]
    pub(super) fn find(&self, score: f64, member: &[u8]) -> Result<usize, usize> {
        self.find_in(0..self.len(), score, member)
    }

    /// The same in a part of the run.
    #[inline]
    pub(super) fn find_in(&self, part: Range<usize>, score: f64, member: &[u8]) -> Result<usize, usize> {
        let scores = &self.scores()[..part.end];
        let lower = part.start + scores[part.start..].partition_point(|bytes| f64::from_le_bytes(*bytes) < score);
        if lower == scores.len() || self.score(lower) != score {
            return Err(lower);
        }
        let equal = scores[lower..].partition_point(|bytes| f64::from_le_bytes(*bytes) <= score);
        let at = self.partition(lower..lower + equal, |i| self.member(i) < member);
        if at < lower + equal && self.member(at) == member { Ok(at) } else { Err(at) }
    }

    /// The bytes, to be changed, with room for `used` in all.
    fn make_room(&mut self, used: usize) -> &mut [u8] {
        let fits = self.bytes.len() >= used && self.bytes.len() <= 2 * size_class(ARC_HEADER + used);
        if !fits || Arc::get_mut(&mut self.bytes).is_none() {
            let kept = self.used();
            let mut copy = allocate(used.max(kept));
            Arc::get_mut(&mut copy).expect("it is new")[..kept].copy_from_slice(&self.bytes[..kept]);
            self.bytes = copy;
        }
        Arc::get_mut(&mut self.bytes).expect("it is not shared")
    }

    /// Inserts a pair at `at`, where [`Run::find`] says it belongs.
    pub(super) fn insert(&mut self, at: usize, score: f64, member: &[u8]) {
        let (len, total, start) = (self.len(), self.member_bytes(), if at == 0 { 0 } else { self.end(at - 1) });
        let added = u32::try_from(member.len()).expect("members of a run are shorter than 4 GiB");
        let member_bytes = self.member_bytes.checked_add(added).expect("members of a run are shorter than 4 GiB");
        let bytes = self.make_room(FIXED * (len + 1) + total + member.len());
        let (old_members, members) = (FIXED * len, FIXED * (len + 1));
        // Everything moves to higher addresses, so the last parts go first.
        bytes.copy_within(old_members + start..old_members + total, members + start + member.len());
        bytes.copy_within(old_members..old_members + start, members);
        bytes[members + start..members + start + member.len()].copy_from_slice(member);
        let (old_ends, ends) = (SCORE * len, SCORE * (len + 1));
        bytes.copy_within(old_ends + END * at..old_ends + END * len, ends + END * (at + 1));
        bytes.copy_within(old_ends..old_ends + END * at, ends);
        for end in &mut bytes[ends..ends + END * (len + 1)].as_chunks_mut::<END>().0[at + 1..] {
            *end = (u32::from_le_bytes(*end) + added).to_le_bytes();
        }
        bytes[ends + END * at..][..END].copy_from_slice(&(start as u32 + added).to_le_bytes());
        bytes.copy_within(SCORE * at..SCORE * len, SCORE * (at + 1));
        bytes[SCORE * at..][..SCORE].copy_from_slice(&score.to_le_bytes());
        self.len += 1;
        self.member_bytes = member_bytes;
    }

    /// Takes pairs out.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (len, total) = (self.len(), self.member_bytes());
        let (start, end) = (self.start(range.start), self.end(range.end - 1));
        let (left, cut) = (len - range.len(), end - start);
        if left == 0 {
            *self = Run::default();
            return;
        }
        let bytes = self.make_room(FIXED * len + total);
        // Everything moves to lower addresses, so the first parts go first.
        bytes.copy_within(SCORE * range.end..SCORE * len, SCORE * range.start);
        let (old_ends, ends) = (SCORE * len, SCORE * left);
        bytes.copy_within(old_ends..old_ends + END * range.start, ends);
        bytes.copy_within(old_ends + END * range.end..old_ends + END * len, ends + END * range.start);
        for end in &mut bytes[ends..ends + END * left].as_chunks_mut::<END>().0[range.start..] {
            *end = (u32::from_le_bytes(*end) - cut as u32).to_le_bytes();
        }
        let (old_members, members) = (FIXED * len, FIXED * left);
        bytes.copy_within(old_members..old_members + start, members);
        bytes.copy_within(old_members + end..old_members + total, members + start);
        self.len -= range.len() as u32;
        self.member_bytes -= cut as u32;
        if self.bytes.len() > 2 * size_class(ARC_HEADER + self.used()) {
            self.make_room(self.used());
        }
    }

    /// Takes the pairs from `at` on away into another run.
    pub(super) fn split_off(&mut self, at: usize) -> Run {
        let mut upper = Run::default();
        upper.extend_from(self, at..self.len());
        self.remove(at..self.len());
        upper
    }

    /// Adds pairs of another run, all of which come after those here.
    pub(super) fn extend_from(&mut self, other: &Run, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (len, total, added) = (self.len(), self.member_bytes(), range.len());
        let (from, to) = (other.start(range.start), other.end(range.end - 1));
        let bytes = self.make_room(FIXED * (len + added) + total + to - from);
        let (old_members, members) = (FIXED * len, FIXED * (len + added));
        bytes.copy_within(old_members..old_members + total, members);
        let theirs = FIXED * other.len();
        bytes[members + total..members + total + to - from].copy_from_slice(&other.bytes[theirs + from..theirs + to]);
        let (old_ends, ends) = (SCORE * len, SCORE * (len + added));
        bytes.copy_within(old_ends..old_ends + END * len, ends);
        for (slot, i) in bytes[ends + END * len..members].as_chunks_mut::<END>().0.iter_mut().zip(range.clone()) {
            *slot = ((total + other.end(i) - from) as u32).to_le_bytes();
        }
        bytes[SCORE * len..SCORE * (len + added)].copy_from_slice(other.scores()[range].as_flattened());
        self.len += added as u32;
        self.member_bytes += (to - from) as u32;
    }
}
