//! The position at which the writer changes files for a rewrite ([`crate::rewrite`]).
//!
//! No block lies across the boundary: the queue begins a new one there, and jobs end before it. No job for the other file is given out
//! before everything up to the boundary is durable in this one, so that `durable` never skips anything, and the file that is left ends
//! whole. Then the first thing that is made durable in the other file is the block that tells where it begins.

use super::Writer;

impl Writer {
    /// Where the blocks end that belong into the present file.
    pub(super) fn limit(&self) -> u64 {
        self.boundary.unwrap_or(u64::MAX)
    }

    /// Whether there are blocks for the present file that no job has.
    pub(super) fn has_unhanded(&self) -> bool {
        self.queue.first_unhanded().is_some_and(|(lsn, _)| lsn < self.limit())
    }

    pub(super) fn has_reached_boundary(&self) -> bool {
        self.boundary.is_some_and(|boundary| self.marks.durable >= boundary) && self.in_flight.is_empty()
    }

    /// Everything appended so far goes into the present file and becomes durable there; everything after goes into another one
    /// ([`crate::job::Action::Switch`]), which waits for that. Returns the position between.
    pub fn begin_switch(&mut self) -> u64 {
        debug_assert!(self.boundary.is_none());
        let boundary = self.marks.appended;
        self.boundary = Some(boundary);
        self.switch_failed = false;
        self.queue.fence();
        self.want_durable = self.want_durable.max(boundary);
        boundary
    }

    /// The other file is in force. It has this length, none of which is durable.
    pub fn switched(&mut self, file_len: u64) {
        debug_assert!(self.has_reached_boundary());
        let boundary = self.boundary.take().expect("a switch was begun");
        self.generation += 1;
        (self.tail_len, self.written_len) = (file_len, file_len);
        self.begin_unsynced();
        self.kept_from = (boundary, file_len);
    }

    /// Nothing in the file is durable, not even the block that tells where it begins: a sync changes that, whatever the policy.
    pub fn begin_unsynced(&mut self) {
        self.durable_len = 0;
        self.wants_start = true;
    }

    /// Whether the position at which the file begins can't be lost.
    pub fn has_durable_start(&self) -> bool {
        !self.wants_start || self.durable_len > 0
    }

    /// Goes on in the present file after all.
    pub fn cancel_switch(&mut self) {
        self.boundary = None;
    }

    /// Whether the switch begun last has become impossible, because the present file can't be trusted.
    pub fn has_switch_failed(&self) -> bool {
        self.switch_failed
    }
}
