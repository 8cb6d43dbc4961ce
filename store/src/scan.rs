//! Iteration by position in hash space.
//!
//! A cursor is the hash position up to which everything has been visited, without its low 16 bits: a number below 2^48, which
//! every client can carry, also those that keep it in a double. Whole home buckets are visited in hash order, and the
//! next cursor is where the following bucket begins. A table that has another geometry at the next call may have
//! the cursor inside a bucket; the entries below it are then told by their hash. So an element that stays is visited
//! exactly once, whatever grows, splits or shrinks between the calls.

use crate::entry::Entry;
use crate::table::Table;

const CURSOR_SHIFT: u32 = 16;
/// Buckets looked at per element asked for, so that a sparse database costs bounded time per call.
const BUCKETS_PER_ELEMENT: usize = 10;

impl Table {
    /// Visits about `count` entries (whole buckets) from `cursor` on and returns the next cursor. Zero starts and ends.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&Entry)) -> u64 {
        if cursor >> (64 - CURSOR_SHIFT) != 0 {
            return 0;
        }
        let mut from = cursor << CURSOR_SHIFT;
        let mut visited = 0;
        let mut buckets = 0;
        while visited < count.max(1) && buckets < count.max(1).saturating_mul(BUCKETS_PER_ELEMENT) {
            let segment = self.segment(from);
            let depth = u32::from(segment.depth());
            let segment_start = u128::from(if depth == 0 { 0 } else { from >> (64 - depth) << (64 - depth) });
            let next = if segment.len() == 0 {
                segment_start + (1 << (64 - depth))
            } else {
                let home = segment.home(from);
                let whole = segment_start + segment.bucket_offset(home) >= u128::from(from);
                segment.visit_home(home, &mut |entry| {
                    if whole || self.hasher.hash(entry.key()) >= from {
                        visited += 1;
                        visit(entry);
                    }
                });
                segment_start + segment.bucket_offset(home + 1)
            };
            let Ok(next) = u64::try_from(next) else { return 0 };
            from = next;
            buckets += 1;
        }
        from >> CURSOR_SHIFT
    }
}
