//! How far groups have read: counts that are right as long as no deletion made a hole, and unknown otherwise.
//!
//! The stream counts every entry ever added. Its entries follow each other without a gap from the first on if nothing was
//! deleted out of the middle, that is, if the greatest deleted identifier lies before the first entry.

use super::group::Group;
use super::{Stream, StreamId};

impl Stream {
    /// Whether an entry after `id` (or at it) may have been deleted out of the middle.
    pub fn has_hole_after(&self, id: StreamId) -> bool {
        self.has_hole() && id <= self.max_deleted_id
    }

    fn has_hole(&self) -> bool {
        self.length > 0 && self.max_deleted_id != StreamId::MIN && self.first_id <= self.max_deleted_id
    }

    /// How many entries were ever added up to this one, if that can be told.
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id || id == self.last_id {
            return Some(self.entries_added);
        }
        if id > self.last_id {
            return None;
        }
        let unbroken = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before_first = self.entries_added.wrapping_sub(self.length);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if unbroken => Some(before_first),
            std::cmp::Ordering::Equal if unbroken => Some(before_first.wrapping_add(1)),
            _ => None,
        }
    }

    /// How many entries a group has not been given yet, if that can be told. Negative only if clients set counts that are wrong.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let counted = group.entries_read.filter(|_| !self.has_hole_after(group.last_id));
        let read = counted.or_else(|| self.entries_up_to(group.last_id))?;
        Some(self.entries_added.wrapping_sub(read) as i64)
    }

    /// Notes that a group is given the entry `id`, which is later than its last.
    pub fn advance(&mut self, group: &[u8], id: StreamId) {
        let holes = self.has_hole_after(id);
        let known = self.entries_up_to(id);
        let added = self.entries_added;
        let Some(group) = self.group_mut(group) else { return };
        let read = match group.entries_read {
            Some(read) if !holes => Some(read + 1),
            _ if added > 0 => known,
            unchanged => unchanged,
        };
        group.entries_read = read.map(|read| read.min(Stream::COUNT_MAX));
        group.last_id = id;
    }
}
