//! From the parts of a capture to bytes.
//!
//! A capture gives its parts in the order in which things happened: keys, and pieces of large hashes and sets, of which several
//! may be open at a time. A file holds one value after the other. So one value is written at a time, and what
//! comes of others meanwhile waits: as much as clients have changed since, for the walk goes on with the first that is open.

use super::commands::CommandWriter;
use super::rdb::{Facts, RdbWriter};
use graven_store::{Entry, Opened, Part, SortedPairs};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What a file of captured entries is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An RDB.
    Rdb,
    /// Commands, perhaps in blocks with checksums.
    Commands { blocks: bool },
}

/// Writes entries in either form.
pub(crate) enum Encoding<W> {
    Rdb(Box<RdbWriter<W>>),
    Commands(CommandWriter<W>),
}

impl<W: Write> Encoding<W> {
    pub(crate) fn new(form: Form, out: W, facts: Facts) -> io::Result<Self> {
        Ok(match form {
            Form::Rdb => Encoding::Rdb(Box::new(RdbWriter::new(out, facts)?)),
            Form::Commands { blocks } => Encoding::Commands(CommandWriter::new(out, blocks)),
        })
    }

    /// Writes a key of a database.
    pub(crate) fn entry(&mut self, db: usize, entry: &Entry) -> io::Result<()> {
        match self {
            Encoding::Rdb(rdb) => rdb.entry(db, entry),
            Encoding::Commands(commands) => commands.entry(db, entry),
        }
    }

    /// Writes a large sorted set, of which the entry has only the key and the deadline any more: clients who change it
    /// copy what is shared with the capture, so nothing is held longer than it takes to write it.
    fn sorted_set(&mut self, db: usize, head: &Entry, pairs: SortedPairs) -> io::Result<()> {
        match self {
            Encoding::Rdb(rdb) => rdb.sorted_set(db, head, pairs),
            Encoding::Commands(commands) => commands.sorted_set(db, head, pairs),
        }
    }

    fn open(&mut self, db: usize, opened: Opened) -> io::Result<()> {
        match self {
            Encoding::Rdb(rdb) => rdb.open(db, &opened),
            Encoding::Commands(commands) => {
                commands.open(db, opened);
                Ok(())
            }
        }
    }

    fn elements(&mut self, entries: &[Entry]) -> io::Result<()> {
        match self {
            Encoding::Rdb(rdb) => rdb.elements(entries),
            Encoding::Commands(commands) => commands.elements(entries),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self {
            Encoding::Rdb(rdb) => {
                rdb.close();
                Ok(())
            }
            Encoding::Commands(commands) => commands.close(),
        }
    }

    /// Bytes so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        match self {
            Encoding::Rdb(rdb) => rdb.bytes_written(),
            Encoding::Commands(commands) => commands.bytes_written(),
        }
    }

    /// Writes the end and gives the writer back, and the length of the whole.
    pub(crate) fn finish(self) -> io::Result<(W, u64)> {
        match self {
            Encoding::Rdb(rdb) => rdb.finish(),
            Encoding::Commands(commands) => commands.finish(),
        }
    }
}

/// Writes the parts of a capture.
pub(crate) struct Encoder<W> {
    encoding: Encoding<W>,
    /// The hash or set that is being written.
    current: Option<u64>,
    /// Keys that came meanwhile.
    waiting: Vec<Part>,
    /// What came meanwhile of other hashes and sets, in the order in which they were opened.
    opened: BTreeMap<u64, Vec<Part>>,
    keys: u64,
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(form: Form, out: W, facts: Facts) -> io::Result<Self> {
        let encoding = Encoding::new(form, out, facts)?;
        Ok(Encoder { encoding, current: None, waiting: Vec::new(), opened: BTreeMap::new(), keys: 0 })
    }

    /// Takes the next part.
    pub(crate) fn take(&mut self, part: Part) -> io::Result<()> {
        if !self.write_now(part)? {
            return Ok(());
        }
        // Something was closed: what waited has its turn, until one of them stays open.
        for part in std::mem::take(&mut self.waiting) {
            self.write_now(part)?;
        }
        while self.current.is_none()
            && let Some((_, parts)) = self.opened.pop_first()
        {
            for part in parts {
                self.write_now(part)?;
            }
        }
        Ok(())
    }

    /// Writes a part if it may come next, or lets it wait. True if it closed what was open.
    fn write_now(&mut self, part: Part) -> io::Result<bool> {
        match part {
            Part::Entries { db, entries } if self.current.is_none() => {
                self.keys += entries.len() as u64;
                for mut entry in entries {
                    match entry.take_pairs() {
                        None => self.encoding.entry(db, &entry)?,
                        Some(pairs) => self.encoding.sorted_set(db, &entry, pairs)?,
                    }
                }
            }
            Part::Open { id, db, opened } if self.current.is_none() => {
                self.current = Some(id);
                self.encoding.open(db, opened)?;
            }
            Part::Fields { id, entries } if self.current == Some(id) => self.encoding.elements(&entries)?,
            Part::Close { id } if self.current == Some(id) => {
                self.current = None;
                self.keys += 1;
                self.encoding.close()?;
                return Ok(true);
            }
            Part::Entries { .. } => self.waiting.push(part),
            Part::Open { id, .. } | Part::Fields { id, .. } | Part::Close { id } => self.opened.entry(id).or_default().push(part),
        }
        Ok(false)
    }

    /// Keys written so far.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// Bytes written so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.encoding.bytes_written()
    }

    /// Writes the end and gives the writer back, and the length of the whole.
    pub(crate) fn finish(self) -> io::Result<(W, u64)> {
        debug_assert!(self.current.is_none() && self.waiting.is_empty() && self.opened.is_empty(), "the capture was complete");
        self.encoding.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::EntryUse;
    use graven_rdb::{Event, Hash, Options, Value, read_all};
    use graven_store::{FieldDeadline, HashBuilder, Keyspace, Slot, Thresholds};

    const HASHES: usize = 40;
    const FIELDS: usize = 2000;

    #[test]
    fn hashes_that_are_open_at_a_time_are_written_one_after_the_other_and_whole() {
        let mut keyspace = Keyspace::new(1, [7; 16]);
        let limits = Thresholds::default();
        for n in 0..HASHES {
            let mut builder = HashBuilder::new(keyspace.hasher(), &limits);
            for field in 0..FIELDS {
                builder.set(format!("field:{field}").as_bytes(), b"old", None);
            }
            let (hash, string) = (format!("hash:{n}"), format!("string:{n}"));
            let key = keyspace.key(hash.as_bytes());
            keyspace.db_mut(0).insert(key, builder.finish(hash.as_bytes(), None, 0));
            let key = keyspace.key(string.as_bytes());
            keyspace.db_mut(0).insert(key, Entry::new_bytes(string.as_bytes(), b"old", None, 0));
        }
        let mut capture = keyspace.begin_capture();
        let facts = Facts {
            databases: capture.databases().to_vec(),
            now_ms: 1,
            used_memory_bytes: 1,
            options: Options { compress: false, checksum: true },
            is_base: false,
            entry_use: EntryUse::Nothing,
        };
        let mut encoder = Encoder::new(Form::Rdb, Vec::new(), facts).unwrap();
        let (mut most_open, mut round) = (0, 0);
        loop {
            // Each opens another hash, and gives fields of one that is open.
            for n in [round % HASHES, round * 7 % HASHES] {
                let hash = format!("hash:{n}");
                let key = keyspace.key(hash.as_bytes());
                let Slot::Occupied(mut place) = keyspace.db_mut(0).slot(key) else { panic!("it is there") };
                let field = format!("field:{}", round % FIELDS);
                place.hash_mut().expect("it is a hash").set(field.as_bytes(), b"new", FieldDeadline::Keep, &limits);
            }
            round += 1;
            let walked = capture.step(&mut keyspace, 1000);
            capture.take().into_iter().for_each(|part| encoder.take(part).unwrap());
            most_open = most_open.max(encoder.opened.len());
            if walked {
                break;
            }
        }
        capture.finish(&mut keyspace);
        assert!(most_open > HASHES / 2, "only {most_open} waited at a time");
        let (bytes, _) = encoder.finish().unwrap();
        let mut hashes = 0;
        for event in read_all(&bytes).unwrap().events {
            if let Event::Entry { value: Value::Hash(Hash::Fields { pairs, .. }), .. } = event {
                assert_eq!(pairs.len(), 2 * FIELDS);
                assert!(pairs.iter().all(|text| text == b"old" || text.starts_with(b"field:")), "as it was at the beginning");
                hashes += 1;
            }
        }
        assert_eq!(hashes, HASHES);
    }
}
