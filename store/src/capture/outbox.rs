//! What a capture has copied and nobody has fetched yet.

use crate::entry::Entry;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries that stand together in one part at most.
const PART_LEN: usize = 4096;

/// Whose entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Those of a database, by its number at the moment of the capture.
    Database(usize),
    /// The fields or members of one opened hash or set.
    Opened(u64),
}

/// A piece of the captured keyspace.
pub enum Part {
    /// Keys of a database with their values.
    Entries {
        /// The database's number at the moment of the capture.
        db: usize,
        /// In no particular order, each key once.
        entries: Vec<Entry>,
    },
    /// A large hash or set, of which the fields or members follow in parts of their own.
    Open {
        /// Tells which ones.
        id: u64,
        /// The database's number at the moment of the capture.
        db: usize,
        /// What is known of it.
        opened: Opened,
    },
    /// Some of the fields or members, as a table has them ([`crate::Field::of_entry`]).
    Fields {
        /// Of which one.
        id: u64,
        /// In no particular order.
        entries: Vec<Entry>,
    },
    /// There are no more of them.
    Close {
        /// Of which one.
        id: u64,
    },
}

/// A large hash or set that follows in pieces.
pub struct Opened {
    /// Key, deadline, access bits and type; the value is empty.
    pub head: Entry,
    /// How many fields or members will follow.
    pub len: u64,
    /// A moment that is not later than the first deadline of a field, if any has one.
    pub first_deadline: Option<u64>,
}

/// Where an opened table is, as far as anybody knows.
pub(super) struct Whereabouts {
    pub(super) id: u64,
    pub(super) db: usize,
    pub(super) key: Box<[u8]>,
}

/// Shared by all tables of a capture: mostly used by the executing thread, and by whoever drops a table.
pub(super) struct Outbox(Mutex<Content>);

#[derive(Default)]
pub(super) struct Content {
    parts: Vec<Part>,
    bytes: usize,
    /// By their ids, which grow: the first was opened first.
    open: BTreeMap<u64, Whereabouts>,
    /// Lanes that have not ended.
    lanes: usize,
    next_id: u64,
    cancelled: bool,
}

impl Outbox {
    /// An outbox for a number of databases.
    pub(super) fn new(databases: usize) -> Outbox {
        Outbox(Mutex::new(Content { lanes: databases, ..Content::default() }))
    }

    /// A panic elsewhere ends the process; until then what is here is whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    /// Adds an entry to a lane.
    pub(super) fn push(&mut self, lane: Lane, entry: Entry) {
        self.bytes += entry.captured_bytes();
        let entries = match (self.parts.last_mut(), lane) {
            (Some(Part::Entries { db, entries }), Lane::Database(wanted)) if *db == wanted => Some(entries),
            (Some(Part::Fields { id, entries }), Lane::Opened(wanted)) if *id == wanted => Some(entries),
            _ => None,
        };
        match entries.filter(|entries| entries.len() < PART_LEN) {
            Some(entries) => entries.push(entry),
            None => self.parts.push(match lane {
                Lane::Database(db) => Part::Entries { db, entries: vec![entry] },
                Lane::Opened(id) => Part::Fields { id, entries: vec![entry] },
            }),
        }
    }

    pub(super) fn new_lane(&mut self) -> Lane {
        self.next_id += 1;
        self.lanes += 1;
        Lane::Opened(self.next_id)
    }

    pub(super) fn open(&mut self, lane: Lane, db: usize, opened: Opened) {
        let Lane::Opened(id) = lane else { unreachable!("a database is not opened") };
        self.open.insert(id, Whereabouts { id, db, key: opened.head.key().into() });
        self.parts.push(Part::Open { id, db, opened });
    }

    /// The opened table that the walk should go on with.
    pub(super) fn first_open(&mut self) -> Option<&mut Whereabouts> {
        self.open.values_mut().next()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The walk needs it no more.
    pub(super) fn forget(&mut self, id: u64) {
        self.open.remove(&id);
    }

    pub(super) fn moved(&mut self, id: u64, db: usize, key: &[u8]) {
        if let Some(open) = self.open.get_mut(&id) {
            (open.db, open.key) = (db, key.into());
        }
    }

    pub(super) fn end(&mut self, lane: Lane) {
        self.lanes -= 1;
        if let Lane::Opened(id) = lane {
            self.forget(id);
            self.parts.push(Part::Close { id });
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lanes == 0
    }

    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
        self.take();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Bytes of what waits, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn take(&mut self) -> Vec<Part> {
        self.bytes = 0;
        std::mem::take(&mut self.parts)
    }
}
