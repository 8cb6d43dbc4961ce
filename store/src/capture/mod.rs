//! Captures: the whole keyspace as it is at one moment, while it goes on changing.
//!
//! ```text
//!  executing thread                                                    encoder
//!  begin: each table flips its phase, so no entry is seen     ┐
//!  a command is about to change an unseen entry: copied first ├─ Outbox ─► Part, Part, … ─► RDB or commands
//!  between turns: some more entries are walked and copied     ┘
//! ```
//!
//! Each entry carries one bit in its pointer's word: *seen*. An entry whose bit equals its table's phase has been seen, or did
//! not exist at the moment of the capture. So a capture begins by flipping one bit for each database, whatever their size; each entry
//! is copied exactly once, either by the walk or just before its first change; and what is copied is small (one entry), so that no
//! command waits and memory never holds two copies of the data.
//!
//! Large values: strings, lists, streams and the orders of sorted sets are shared with the copy and copied, chunk by chunk, when
//! they are written to. Large hashes and sets are tables themselves: they are *opened*, which is the same capture
//! once more, field by field.
//!
//! # Invariants
//!
//! * Outside a capture all entries of a table have the bit equal to the table's phase. New ones get it when they are put in.
//! * Whoever changes or takes out an entry of a table calls [`Table::before_change`] first (`slot.rs`, `expire.rs`, `table.rs`).
//! * The walk goes by segments in hash order and remembers where in hash space it is. Segments only split, so nothing behind it is unseen.
//! * A table that ceases to exist hands over what was not seen yet ([`Drop`] of [`Table`]): deletions, flushes and evictions need
//!   no care.
//! * A *lane* is one database's or one opened table's stream of entries. The capture is complete when every lane has ended, by the
//!   walk or by the end of the table.

mod outbox;
mod walk;

pub use outbox::{Opened, Part};
pub use walk::{Capture, DatabaseFacts};

use crate::entry::Entry;
use crate::large::Large;
use crate::segment::Segment;
use crate::table::{Location, Table};
use outbox::{Lane, Outbox};
use std::sync::Arc;

/// A hash or set with more fields or members than this is opened; a smaller one is copied at once.
const OPEN_MIN_LEN: usize = 512;

/// A table's part in a capture.
#[derive(Default)]
pub(crate) struct State {
    /// What the bit of an entry is that has been seen.
    phase: bool,
    running: Option<Box<Running>>,
}

/// A clone has entries of its own, of which no capture knows.
impl Clone for State {
    fn clone(&self) -> State {
        State::default()
    }
}

struct Running {
    outbox: Arc<Outbox>,
    lane: Lane,
    /// Everything before this position in hash space has been seen.
    from: u64,
    /// Everything has.
    walked: bool,
}

impl State {
    /// What the bit of a new entry must be.
    #[inline(always)]
    pub(crate) fn phase(&self) -> bool {
        self.phase
    }

    fn begin(&mut self, outbox: Arc<Outbox>, lane: Lane) {
        debug_assert!(self.running.is_none(), "one capture at a time");
        self.phase = !self.phase;
        self.running = Some(Box::new(Running { outbox, lane, from: 0, walked: false }));
    }

    /// The state of the empty table that takes the place of one that is flushed: there is nothing to see in it.
    pub(crate) fn of_successor(&self) -> State {
        let running = self.running.as_ref().map(|running| {
            let Running { outbox, lane, .. } = &**running;
            Box::new(Running { outbox: outbox.clone(), lane: *lane, from: 0, walked: true })
        });
        State { phase: false, running }
    }

    /// An entry arrives in this table: if its value is open, the walk must know where it is now.
    #[inline]
    pub(crate) fn note_arrival(&self, entry: &Entry) {
        if let Some(running) = &self.running {
            running.note_arrival(entry);
        }
    }
}

impl Running {
    #[cold]
    fn note_arrival(&self, entry: &Entry) {
        if let (Some(Lane::Opened(id)), Lane::Database(db)) = (open_lane(entry), self.lane) {
            self.outbox.lock().moved(id, db, entry.key());
        }
    }

    /// Copies an entry that is not seen yet to the outbox, which is locked.
    fn copy(&self, entry: &mut Entry, out: &mut outbox::Content) {
        if out.is_cancelled() {
            // Only the bits matter now; opened tables have theirs from before.
            return;
        }
        match self.lane {
            Lane::Opened(_) => out.push(self.lane, entry.clone()),
            Lane::Database(db) => match table_of(entry).filter(|table| table.len() > OPEN_MIN_LEN && table.capture.running.is_none()) {
                None => out.push(self.lane, entry.captured()),
                Some(table) => {
                    let (len, hasher) = (table.len() as u64, table.hasher);
                    let first_deadline = table.next_deadline();
                    let lane = out.new_lane();
                    table.capture.begin(self.outbox.clone(), lane);
                    out.open(lane, db, Opened { len, first_deadline, head: entry.emptied(hasher) });
                }
            },
        }
    }
}

/// The table of a large hash or set.
fn table_of(entry: &mut Entry) -> Option<&mut Table> {
    match entry.large_mut() {
        Some(Large::Hash(table) | Large::Set(table)) => Some(table),
        _ => None,
    }
}

/// The lane of an entry whose value is open.
fn open_lane(entry: &Entry) -> Option<Lane> {
    match entry.large() {
        Some(Large::Hash(table) | Large::Set(table)) => table.capture.running.as_ref().map(|running| running.lane),
        _ => None,
    }
}

impl Table {
    /// An entry is about to be changed or taken out.
    #[inline(always)]
    pub(crate) fn before_change(&mut self, location: Location) {
        if self.capture.running.is_some() {
            self.preserve(location);
        }
    }

    #[cold]
    fn preserve(&mut self, location: Location) {
        let State { phase, running } = &self.capture;
        let Some(running) = running else { return };
        let entry = self.segments[location.segment].entry_mut(location.place);
        if entry.is_seen() != *phase {
            running.copy(entry, &mut running.outbox.lock());
            entry.set_seen(*phase);
        }
    }
}

/// Hands over what the capture has not seen: nobody can see it any more otherwise.
impl Drop for Table {
    fn drop(&mut self) {
        if let State { phase, running: Some(running) } = std::mem::take(&mut self.capture)
            && !running.walked
        {
            hand_over(&running, phase, &mut self.segments);
        }
    }
}

#[cold]
fn hand_over(running: &Running, phase: bool, segments: &mut [Segment]) {
    for segment in segments {
        let places: Vec<_> = segment.places().collect();
        let taken: Vec<Entry> = places.into_iter().map(|place| segment.take(place)).collect();
        let (seen, unseen): (Vec<Entry>, Vec<Entry>) = taken.into_iter().partition(|entry| entry.is_seen() == phase);
        // Opened tables in it lock the outbox themselves.
        drop(seen);
        let mut out = running.outbox.lock();
        if !out.is_cancelled() {
            unseen.into_iter().for_each(|entry| out.push(running.lane, entry));
        }
    }
    running.outbox.lock().end(running.lane);
}
