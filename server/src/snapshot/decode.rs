//! A piece of an RDB file becomes entries, on any thread.
//!
//! A [`Batch`] holds what the executing thread has to do, in the order of the file: entries that are finished down to their hash,
//! and whatever else stands there. A failure is part of the batch, behind all that is before it in the file; so the outcome of loading
//! is the same whichever thread decodes which piece, and when.

use super::LoadError;
use super::load::Loader;
use graven_engine::{Engine, access};
use graven_rdb::{Attributes, Event, Reader, Records};
use graven_store::{Hasher, Incoming, Thresholds};
use std::io::Read;

/// What a value becomes an entry with, the same for a whole file.
#[derive(Clone)]
pub(super) struct Decoder {
    hasher: Hasher,
    thresholds: Thresholds,
    databases: usize,
    now_ms: u64,
    /// The access bits of an entry made now.
    fresh: u32,
    is_lfu: bool,
    /// Whether keys whose deadline has passed are left out.
    drops_expired: bool,
}

/// What a piece holds.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) steps: Vec<Step>,
    /// Where in the file it ends.
    pub(super) end: u64,
    /// Bytes of the piece it was made of.
    pub(super) cost: usize,
    /// Keys that were left out because their deadline has passed.
    pub(super) expired: u64,
    /// What stands behind the steps, if it is no good.
    pub(super) failure: Option<LoadError>,
    /// Whether this is the end of the file.
    pub(super) is_last: bool,
}

/// What the executing thread has to do.
pub(super) enum Step {
    /// To put keys into a database.
    Keys(Keys),
    /// To make room in a database for so many keys, if that can be believed.
    Reserve(usize, u64),
    /// To heed something else.
    Event(Event),
}

/// Keys of one database.
pub(super) struct Keys {
    pub(super) db: usize,
    pub(super) entries: Vec<Incoming>,
    /// Where in the file each of them ends.
    pub(super) ends: Vec<u64>,
}

impl Decoder {
    /// A decoder for a file that is loaded into `engine` now.
    pub(super) fn new(engine: &Engine, drops_expired: bool) -> Decoder {
        Decoder {
            hasher: engine.keyspace.hasher(),
            thresholds: engine.settings.thresholds,
            databases: engine.keyspace.databases(),
            now_ms: engine.now_ms(),
            fresh: engine.fresh_access(),
            is_lfu: engine.settings.lfu,
            drops_expired,
        }
    }

    /// Decodes a piece.
    pub(super) fn records(&self, records: Records) -> Batch {
        let (cost, mut db) = (records.len(), records.db());
        let mut batch = self.some(&mut records.into_reader(), &mut db, u64::MAX);
        batch.cost = cost;
        // The end of the piece is not that of the file.
        batch.is_last = batch.failure.is_some();
        batch
    }

    /// Decodes what comes next, up to an event that ends at `until` or behind it. `db` is the database that is selected.
    pub(super) fn some<R: Read>(&self, reader: &mut Reader<R>, db: &mut u64, until: u64) -> Batch {
        let mut batch = Batch::default();
        let outcome = self.fill(&mut batch, reader, db, until);
        batch.end = reader.bytes_consumed();
        match outcome {
            Ok(is_last) => batch.is_last = is_last,
            Err(failure) => (batch.failure, batch.is_last) = (Some(failure), true),
        }
        batch
    }

    fn fill<R: Read>(&self, batch: &mut Batch, reader: &mut Reader<R>, db: &mut u64, until: u64) -> Result<bool, LoadError> {
        let mut keys = None;
        let outcome = loop {
            if reader.bytes_consumed() >= until {
                break Ok(false);
            }
            match reader.next_event() {
                Ok(None) => break Ok(true),
                Ok(Some(Event::Entry { key, value, attributes })) => {
                    if self.drops_expired && attributes.deadline_ms.is_some_and(|deadline| deadline < self.now_ms) {
                        batch.expired += 1;
                        continue;
                    }
                    let Some(db) = self.database(*db) else { break Err(LoadError::Database(*db, self.databases)) };
                    let loader = Loader {
                        key: &key,
                        deadline: attributes.deadline_ms,
                        access: self.access(&attributes),
                        hasher: self.hasher,
                        thresholds: self.thresholds,
                    };
                    let end = reader.bytes_consumed();
                    match loader.entry(value) {
                        Ok(entry) => {
                            let keys = keys.get_or_insert_with(|| Keys { db, entries: Vec::new(), ends: Vec::new() });
                            keys.entries.push(Incoming::new(self.hasher.key(&key), entry));
                            keys.ends.push(end);
                        }
                        Err(damage) => break Err(LoadError::Value { key: key.escape_ascii().to_string(), offset: end, damage }),
                    }
                }
                Ok(Some(event)) => {
                    batch.steps.extend(keys.take().map(Step::Keys));
                    match event {
                        Event::SelectDb(selected) => {
                            *db = selected;
                            if self.database(selected).is_none() {
                                break Err(LoadError::Database(selected, self.databases));
                            }
                        }
                        Event::ResizeDb { keys, .. } => {
                            batch.steps.extend(self.database(*db).map(|db| Step::Reserve(db, keys)));
                        }
                        event => batch.steps.push(Step::Event(event)),
                    }
                }
                Err(e) => break Err(e.into()),
            }
        };
        batch.steps.extend(keys.map(Step::Keys));
        outcome
    }

    fn database(&self, number: u64) -> Option<usize> {
        usize::try_from(number).ok().filter(|number| *number < self.databases)
    }

    fn access(&self, attributes: &Attributes) -> u32 {
        match (self.is_lfu, attributes.freq, attributes.idle_seconds) {
            (true, Some(freq), _) => self.fresh & !0xff | u32::from(freq),
            (false, _, Some(idle)) => access::lru_of_idle(self.now_ms, idle),
            _ => self.fresh,
        }
    }
}
