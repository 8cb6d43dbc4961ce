//! The walk: the executing thread's share of a capture, some hundred entries at a time.

use super::outbox::{Content, Lane, Outbox, Part, Whereabouts};
use super::{Running, table_of};
use crate::hasher::Key;
use crate::keyspace::Keyspace;
use crate::segment::Segment;
use crate::table::Table;
use std::sync::Arc;

/// Entries are asked for this far ahead.
const PREFETCH_AHEAD: usize = 12;
/// What a segment costs of the budget in which nothing has to be copied.
const SEGMENT_BYTES: usize = 1024;

/// A capture under way. Whoever holds it calls [`Capture::step`] now and then and fetches what was copied, until
/// [`Capture::is_complete`]; then, or instead of all that, it must be [`Capture::finish`]ed before another can begin.
pub struct Capture {
    outbox: Arc<Outbox>,
    databases: Vec<DatabaseFacts>,
    walked: bool,
}

/// What a database was at the moment of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Keys.
    pub keys: usize,
    /// Keys with a deadline.
    pub volatile: usize,
    /// Hashes of which a field has a deadline.
    pub expiring_hashes: usize,
}

impl DatabaseFacts {
    /// What a database is now.
    pub fn of(table: &Table) -> DatabaseFacts {
        DatabaseFacts { keys: table.len(), volatile: table.volatile_len(), expiring_hashes: table.expiring_hashes() }
    }
}

/// How far a walk has come in one table.
enum Walked {
    /// What it cost, in bytes that were copied; there is more.
    Some(usize),
    All,
}

impl Keyspace {
    /// Begins a capture of everything as it is now. There must be no other.
    pub fn begin_capture(&mut self) -> Capture {
        let outbox = Arc::new(Outbox::new(self.databases()));
        let mut databases = Vec::with_capacity(self.databases());
        for db in 0..self.databases() {
            let table = self.db_mut(db);
            databases.push(DatabaseFacts { keys: table.len(), volatile: table.volatile_len(), expiring_hashes: table.expiring_hashes() });
            table.capture.begin(outbox.clone(), Lane::Database(db));
        }
        Capture { outbox, databases, walked: false }
    }
}

impl Capture {
    /// What the databases were.
    pub fn databases(&self) -> &[DatabaseFacts] {
        &self.databases
    }

    /// Copies entries of about `bytes`, or walks to the end. True if there is nothing left to walk.
    pub fn step(&mut self, keyspace: &mut Keyspace, bytes: usize) -> bool {
        let mut budget = bytes;
        while !self.walked {
            match self.step_once(keyspace, budget) {
                Some(copied) if copied < budget => budget -= copied,
                Some(_) => break,
                None => self.walked = true,
            }
        }
        self.walked
    }

    /// Bytes copied, or `None` if all is walked.
    fn step_once(&self, keyspace: &mut Keyspace, budget: usize) -> Option<usize> {
        let open = self.outbox.lock().first_open().map(|open| Whereabouts { id: open.id, db: open.db, key: open.key.clone() });
        if let Some(open) = open {
            return Some(match find_open(keyspace, &open).map(|table| table.walk(budget)) {
                Some(Walked::Some(copied)) => copied,
                Some(Walked::All) => 1,
                // It was deleted: whoever drops it hands it over.
                None => {
                    self.outbox.lock().forget(open.id);
                    1
                }
            });
        }
        let mut tables = (0..keyspace.databases()).filter(|&db| keyspace.db(db).capture.running.as_ref().is_some_and(|r| !r.walked));
        let next = tables.next()?;
        match keyspace.db_mut(next).walk(budget) {
            Walked::Some(copied) => Some(copied),
            Walked::All => Some(1),
        }
    }

    /// What has been copied since the last call.
    pub fn take(&mut self) -> Vec<Part> {
        self.outbox.lock().take()
    }

    /// Bytes that wait to be taken, roughly.
    pub fn waiting_bytes(&self) -> usize {
        self.outbox.lock().bytes()
    }

    /// Whether everything has been copied, also what was deleted meanwhile and is dropped elsewhere. What was
    /// copied may still wait to be taken.
    pub fn is_complete(&self) -> bool {
        self.walked && self.outbox.lock().has_ended()
    }

    /// Nothing is copied from now on; the walk must still come to its end, which is quick.
    pub fn cancel(&mut self) {
        self.outbox.lock().cancel();
    }

    /// Ends the capture, whose walk is over.
    pub fn finish(self, keyspace: &mut Keyspace) {
        debug_assert!(self.walked, "unseen entries would be taken for seen ones by the next capture");
        for db in 0..keyspace.databases() {
            keyspace.db_mut(db).capture.running = None;
        }
    }
}

/// The table of an opened hash or set, wherever it is now.
fn find_open<'k>(keyspace: &'k mut Keyspace, open: &Whereabouts) -> Option<&'k mut Table> {
    let is_lane = |table: &Table, lane| table.capture.running.as_ref().is_some_and(|running| running.lane == lane);
    let db = (0..keyspace.databases()).find(|&db| is_lane(keyspace.db(db), Lane::Database(open.db)))?;
    let Key { hash, bytes } = keyspace.key(&open.key);
    let database = keyspace.db_mut(db);
    let index = database.segment_index(hash);
    let (place, _) = database.segments[index].find(hash, bytes)?;
    let table = table_of(database.segments[index].entry_mut(place))?;
    is_lane(table, Lane::Opened(open.id)).then_some(table)
}

impl Table {
    /// Copies unseen entries of about `budget` bytes, in the order of segments.
    fn walk(&mut self, budget: usize) -> Walked {
        let Some(mut running) = self.capture.running.take() else { return Walked::All };
        let walked = self.walk_on(&mut running, budget);
        let ended = matches!(walked, Walked::All);
        if ended {
            running.walked = true;
            running.outbox.lock().end(running.lane);
        }
        // A database goes on to tell where opened tables move to.
        if !ended || matches!(running.lane, Lane::Database(_)) {
            self.capture.running = Some(running);
        }
        walked
    }

    fn walk_on(&mut self, running: &mut Running, budget: usize) -> Walked {
        let outbox = running.outbox.clone();
        let mut out = outbox.lock();
        let before = out.bytes();
        for steps in 1.. {
            let index = self.segment_index(running.from);
            let is_whole = self.segments[index].see(running, self.capture.phase, before + budget, &mut out);
            if is_whole {
                let depth = u32::from(self.segments[index].depth());
                let prefix = if depth == 0 { 0 } else { running.from >> (64 - depth) };
                let next = (u128::from(prefix) + 1) << (64 - depth);
                let Ok(next) = u64::try_from(next) else { return Walked::All };
                running.from = next;
            }
            let cost = out.bytes() - before + steps * SEGMENT_BYTES;
            if cost >= budget || out.is_open() && matches!(running.lane, Lane::Database(_)) {
                return Walked::Some(cost);
            }
        }
        unreachable!("a walk ends at the end of hash space")
    }
}

impl Segment {
    /// Sees the entries of a segment until `most_bytes` wait; true if all are seen.
    fn see(&mut self, running: &Running, phase: bool, most_bytes: usize, out: &mut Content) -> bool {
        let places: Vec<_> = self.places().filter(|place| self.entry(*place).is_seen() != phase).collect();
        let copies = !out.is_cancelled();
        if copies {
            places.iter().take(PREFETCH_AHEAD).for_each(|place| self.entry(*place).prefetch());
        }
        for (i, &place) in places.iter().enumerate() {
            if copies && let Some(ahead) = places.get(i + PREFETCH_AHEAD) {
                self.entry(*ahead).prefetch();
            }
            let entry = self.entry_mut(place);
            running.copy(entry, out);
            entry.set_seen(phase);
            if out.bytes() >= most_bytes || out.is_open() && matches!(running.lane, Lane::Database(_)) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_is_cancelled_leaves_all_bits_equal() {
        let mut keyspace = Keyspace::new(1, [7; 16]);
        for i in 0..10_000 {
            let text = format!("key:{i}");
            let key = keyspace.key(text.as_bytes());
            keyspace.db_mut(0).insert(key, crate::Entry::new_int(key.bytes, i, None, 0));
        }
        let mut capture = keyspace.begin_capture();
        assert!(!capture.step(&mut keyspace, 1000));
        capture.cancel();
        while !capture.step(&mut keyspace, 1000) {}
        assert!(capture.take().is_empty());
        capture.finish(&mut keyspace);
        let table = keyspace.db(0);
        assert!(table.capture.running.is_none());
        assert!(table.iter().all(|entry| entry.is_seen() == table.capture.phase));
    }
}
