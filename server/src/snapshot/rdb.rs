//! Captured entries as an RDB.

use super::save::{write_element, write_entry, write_pair};
use graven_engine::{Engine, access};
use graven_rdb::{Attributes, Collection, Header, Options, Version, Writer};
use graven_store::{DatabaseFacts, Entry, Field, ObjectType, Opened, SortedPairs};
use std::io::{self, Write};

/// What an RDB says besides keys and values, as it was at the moment of the capture.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) databases: Vec<DatabaseFacts>,
    pub(crate) now_ms: u64,
    pub(crate) used_memory_bytes: u64,
    pub(crate) options: Options,
    /// It is the base of a log.
    pub(crate) is_base: bool,
    pub(crate) entry_use: EntryUse,
}

/// What is told of how entries are used: what eviction goes by, as in Redis.
#[derive(Clone, Copy)]
pub(crate) enum EntryUse {
    Nothing,
    Idle,
    Frequency { decay_minutes: u32 },
}

impl EntryUse {
    pub(crate) fn of(engine: &Engine) -> EntryUse {
        match engine.settings.eviction_policy {
            policy if policy.is_lru() => EntryUse::Idle,
            policy if policy.is_lfu() => EntryUse::Frequency { decay_minutes: engine.settings.lfu_decay_minutes },
            _ => EntryUse::Nothing,
        }
    }
}

impl Facts {
    fn header(&self) -> Header<'static> {
        // Older servers would lose the deadlines of fields; without any they may have the file.
        let has_field_deadlines = self.databases.iter().any(|db| db.expiring_hashes > 0);
        Header {
            redis_version: crate::REDIS_VERSION,
            created_seconds: self.now_ms / 1000,
            used_memory_bytes: self.used_memory_bytes,
            is_aof_base: self.is_base,
            version: if has_field_deadlines { Version::Redis7_4 } else { Version::Redis7 },
        }
    }

    /// What is told of an entry besides its value.
    fn attributes(&self, entry: &Entry) -> Attributes {
        let mut attributes = Attributes { deadline_ms: entry.deadline(), ..Attributes::default() };
        match self.entry_use {
            EntryUse::Nothing => {}
            EntryUse::Idle => attributes.idle_seconds = Some(access::idle_seconds(entry.access(), self.now_ms)),
            EntryUse::Frequency { decay_minutes } => {
                attributes.freq = Some(access::decayed(entry.access(), self.now_ms, decay_minutes) as u8);
            }
        }
        attributes
    }
}

/// Writes captured entries as an RDB.
pub(crate) struct RdbWriter<W> {
    writer: Writer<W>,
    facts: Facts,
    db: Option<usize>,
    announced: Vec<bool>,
    /// What the elements that come now belong to.
    open: Option<Open>,
}

enum Open {
    Set,
    Hash { has_deadlines: bool },
}

impl<W: Write> RdbWriter<W> {
    /// Begins a file.
    pub(crate) fn new(out: W, facts: Facts) -> io::Result<Self> {
        let writer = Writer::new(out, facts.options, &facts.header())?;
        Ok(RdbWriter { writer, db: None, announced: vec![false; facts.databases.len()], facts, open: None })
    }

    /// Writes a key of a database.
    pub(crate) fn entry(&mut self, db: usize, entry: &Entry) -> io::Result<()> {
        self.select(db)?;
        write_entry(&mut self.writer, entry.key(), entry, &self.facts.attributes(entry))
    }

    /// Writes a large sorted set.
    pub(crate) fn sorted_set(&mut self, db: usize, head: &Entry, pairs: SortedPairs) -> io::Result<()> {
        self.select(db)?;
        let writer = &mut self.writer;
        writer.begin_collection(Collection::SortedSet, head.key(), pairs.len() as u64, &self.facts.attributes(head))?;
        pairs.try_for_each(|member, score| write_pair(writer, member, score))
    }

    /// Begins a large hash or set, of which the elements follow.
    pub(crate) fn open(&mut self, db: usize, opened: &Opened) -> io::Result<()> {
        self.select(db)?;
        let Opened { head, len, first_deadline } = opened;
        let (kind, open) = match (head.object_type(), *first_deadline) {
            (ObjectType::Set, _) => (Collection::Set, Open::Set),
            (_, Some(earliest_ms)) => (Collection::HashWithDeadlines { earliest_ms }, Open::Hash { has_deadlines: true }),
            (_, None) => (Collection::Hash, Open::Hash { has_deadlines: false }),
        };
        self.open = Some(open);
        self.writer.begin_collection(kind, head.key(), *len, &self.facts.attributes(head))
    }

    /// Writes some of its elements.
    pub(crate) fn elements(&mut self, entries: &[Entry]) -> io::Result<()> {
        let writer = &mut self.writer;
        for entry in entries {
            match self.open.as_ref().expect("elements follow what was opened") {
                Open::Set => writer.element(entry.key())?,
                Open::Hash { has_deadlines } => {
                    let Field { name, value, deadline } = Field::of_entry(entry);
                    if *has_deadlines {
                        writer.field_deadline(deadline)?;
                    }
                    write_element(writer, name)?;
                    write_element(writer, value)?;
                }
            }
        }
        Ok(())
    }

    /// Its last element has been written.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Bytes so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.writer.bytes_written()
    }

    /// Writes the end and gives the writer back.
    pub(crate) fn finish(self) -> io::Result<(W, u64)> {
        self.writer.finish()
    }

    fn select(&mut self, db: usize) -> io::Result<()> {
        if self.db == Some(db) {
            return Ok(());
        }
        self.db = Some(db);
        self.writer.select_db(db as u64)?;
        if !std::mem::replace(&mut self.announced[db], true) {
            let DatabaseFacts { keys, volatile, .. } = self.facts.databases[db];
            self.writer.resize_db(keys as u64, volatile as u64)?;
        }
        Ok(())
    }
}
