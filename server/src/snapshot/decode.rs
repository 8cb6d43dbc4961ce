//! A piece of an RDB file becomes entries, on any thread.
//!
//! A [`Batch`] holds what the executing thread has to do, in the order of the file: entries that are finished down to their hash,
//! and whatever else stands there. A failure is part of the batch, behind all that is before it in the file; so the outcome of loading
//! is the same whichever thread decodes which piece, and when.

use super::LoadError;
use super::load::{Damage, Loader};
use graven_engine::{Engine, access};
use graven_rdb::{Attributes, Event, Next, Reader, Records, StringEntry};
use graven_store::{Entry, Hasher, Incoming, Thresholds};
use std::io::Read;

/// Room for entries is made for records of this length; a piece with shorter ones makes more.
const TYPICAL_RECORD_BYTES: usize = 32;
/// The most entries that room is made for at first.
const MAX_KEYS_RESERVED: usize = 8 << 10;

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
        let mut batch = self.some(&mut records.into_reader(), &mut db, u64::MAX, cost);
        // The end of the piece is not that of the file.
        batch.is_last = batch.failure.is_some();
        batch
    }

    /// Decodes what comes next, about `bytes` up to an event that ends at `until` or behind it. `db` is the database that is selected.
    pub(super) fn some<R: Read>(&self, reader: &mut Reader<R>, db: &mut u64, until: u64, bytes: usize) -> Batch {
        let mut filling = Filling { decoder: self, batch: Batch { cost: bytes, ..Batch::default() }, keys: None };
        let mut string = StringEntry::default();
        let outcome = loop {
            if reader.bytes_consumed() >= until {
                break Ok(false);
            }
            let outcome = match reader.next_into(&mut string) {
                Err(e) => break Err(e.into()),
                Ok(None) => break Ok(true),
                Ok(Some(Next::String)) => {
                    let StringEntry { key, value, attributes } = &string;
                    filling.key(*db, key, attributes, reader.bytes_consumed(), |loader| Ok(loader.string(value)))
                }
                Ok(Some(Next::Event(Event::Entry { key, value, attributes }))) => {
                    filling.key(*db, &key, &attributes, reader.bytes_consumed(), |loader| loader.entry(value))
                }
                Ok(Some(Next::Event(event))) => filling.event(db, event),
            };
            if let Err(failure) = outcome {
                break Err(failure);
            }
        };
        let mut batch = filling.finish();
        batch.end = reader.bytes_consumed();
        match outcome {
            Ok(is_last) => batch.is_last = is_last,
            Err(failure) => (batch.failure, batch.is_last) = (Some(failure), true),
        }
        batch
    }

    /// A loader for one key.
    #[inline(always)]
    pub(super) fn loader<'k>(&self, key: &'k [u8], attributes: &Attributes) -> Loader<'k> {
        Loader { key, deadline: attributes.deadline_ms, access: self.access(attributes), hasher: self.hasher, thresholds: self.thresholds }
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

/// A batch that is being made.
struct Filling<'a> {
    decoder: &'a Decoder,
    batch: Batch,
    /// The keys at its end.
    keys: Option<Keys>,
}

impl Filling<'_> {
    #[inline(always)]
    fn key(
        &mut self,
        db: u64,
        key: &[u8],
        attributes: &Attributes,
        end: u64,
        entry: impl FnOnce(&Loader<'_>) -> Result<Entry, Damage>,
    ) -> Result<(), LoadError> {
        let decoder = self.decoder;
        if decoder.drops_expired && attributes.deadline_ms.is_some_and(|deadline| deadline < decoder.now_ms) {
            self.batch.expired += 1;
            return Ok(());
        }
        let entry = entry(&decoder.loader(key, attributes)).map_err(|damage| LoadError::Value {
            key: key.escape_ascii().to_string(),
            offset: end,
            damage,
        })?;
        let keys = match &mut self.keys {
            Some(keys) => keys,
            none => {
                let db = decoder.database(db).ok_or(LoadError::Database(db, decoder.databases))?;
                let count = (self.batch.cost / TYPICAL_RECORD_BYTES).min(MAX_KEYS_RESERVED);
                none.insert(Keys { db, entries: Vec::with_capacity(count), ends: Vec::with_capacity(count) })
            }
        };
        keys.entries.push(Incoming::new(decoder.hasher.key(key), entry));
        keys.ends.push(end);
        Ok(())
    }

    /// Anything but a key.
    fn event(&mut self, db: &mut u64, event: Event) -> Result<(), LoadError> {
        self.batch.steps.extend(self.keys.take().map(Step::Keys));
        match event {
            Event::SelectDb(selected) => {
                *db = selected;
                self.decoder.database(selected).ok_or(LoadError::Database(selected, self.decoder.databases))?;
            }
            Event::ResizeDb { keys, .. } => {
                self.batch.steps.extend(self.decoder.database(*db).map(|db| Step::Reserve(db, keys)));
            }
            event => self.batch.steps.push(Step::Event(event)),
        }
        Ok(())
    }

    fn finish(mut self) -> Batch {
        self.batch.steps.extend(self.keys.map(Step::Keys));
        self.batch
    }
}
