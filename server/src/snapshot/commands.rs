//! The data set as commands: the base of a log with `aof-use-rdb-preamble no`, and the shortest log that makes the present state.
//!
//! ```text
//! SELECT 0
//! SET key value                         each key by the command that makes it at once,
//! RPUSH key item × 64                   large collections by several, of 64 elements each,
//! PEXPIREAT key 1700000000000           and then its deadline
//! ```
//!
//! As Redis writes it, so that its readers know it. Streams are in `stream_commands.rs`.

use graven_aof::BlockHeader;
use graven_resp::number::{DoubleText, push_prefixed};
use graven_store::{Entry, Field, ObjectType, Opened, SortedPairs, StringRef};
use std::io::{self, Write};

/// Elements that one command adds at most.
const ELEMENTS_PER_COMMAND: usize = 64;
/// The buffer goes out when it holds this many bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes captured entries as commands.
pub(crate) struct CommandWriter<W> {
    out: W,
    buffer: Vec<u8>,
    written: u64,
    blocks: bool,
    /// Bytes of commands before the buffer.
    position: u64,
    db: Option<usize>,
    open: Option<OpenTable>,
    /// A write that failed while a value was put into words; told at the end of it.
    failure: Option<io::Error>,
}

/// A large hash or set of which the elements come in pieces.
struct OpenTable {
    head: Entry,
    left: u64,
    /// Elements that the command begun last still needs.
    in_command: usize,
    /// Deadlines of fields follow when all fields are there.
    deadlines: Vec<(Box<[u8]>, u64)>,
}

impl<W: Write> CommandWriter<W> {
    /// With `blocks`, runs of commands have the log's headers, so that damage is found.
    pub(crate) fn new(out: W, blocks: bool) -> Self {
        CommandWriter {
            out,
            blocks,
            position: 0,
            buffer: Vec::with_capacity(2 * BUFFER_BYTES),
            written: 0,
            db: None,
            open: None,
            failure: None,
        }
    }

    /// Writes a key of a database.
    pub(crate) fn entry(&mut self, db: usize, entry: &Entry) -> io::Result<()> {
        self.select(db);
        let key = entry.key();
        if let Some(string) = entry.string() {
            self.begin(3);
            self.arg(b"SET");
            self.arg(key);
            self.string(string);
        } else if let Some(list) = entry.list() {
            let mut batch = Batch::new(b"RPUSH", key, list.len(), 1);
            list.for_each(|item| {
                batch.next(self);
                self.arg(item.to_bytes(&mut [0; 20]));
            });
        } else if let Some(set) = entry.set() {
            let mut batch = Batch::new(b"SADD", key, set.len(), 1);
            for member in set.iter() {
                batch.next(self);
                self.string(member);
            }
        } else if let Some(set) = entry.sorted_set() {
            let mut batch = Batch::new(b"ZADD", key, set.len(), 2);
            for (member, score) in set.iter() {
                batch.next(self);
                self.pair(member, score);
            }
        } else if let Some(hash) = entry.hash() {
            let mut batch = Batch::new(b"HSET", key, hash.len(), 2);
            for field in hash.iter() {
                batch.next(self);
                self.string(field.name);
                self.string(field.value);
            }
            for field in hash.iter() {
                if let Some(deadline) = field.deadline {
                    self.field_deadline(key, field.name.to_bytes(&mut [0; 20]), deadline);
                }
            }
        } else {
            self.stream(key, entry.stream().expect("there is no other type"));
        }
        self.deadline(entry);
        self.result()
    }

    /// Writes a large sorted set.
    pub(crate) fn sorted_set(&mut self, db: usize, head: &Entry, pairs: SortedPairs) -> io::Result<()> {
        self.select(db);
        let mut batch = Batch::new(b"ZADD", head.key(), pairs.len(), 2);
        pairs.try_for_each(|member, score| {
            batch.next(self);
            self.pair(member, score);
            self.result()
        })?;
        self.deadline(head);
        self.result()
    }

    /// Begins a large hash or set, of which the elements follow.
    pub(crate) fn open(&mut self, db: usize, opened: Opened) {
        self.select(db);
        debug_assert!(self.open.is_none());
        self.open = Some(OpenTable { head: opened.head, left: opened.len, in_command: 0, deadlines: Vec::new() });
    }

    /// Writes some of its elements.
    pub(crate) fn elements(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut open = self.open.take().expect("elements follow what was opened");
        let is_hash = open.head.object_type() == ObjectType::Hash;
        let (name, width): (&[u8], usize) = if is_hash { (b"HSET", 2) } else { (b"SADD", 1) };
        for entry in entries {
            if open.in_command == 0 {
                open.in_command = open.left.min(ELEMENTS_PER_COMMAND as u64) as usize;
                self.begin(2 + width * open.in_command);
                self.arg(name);
                self.arg(open.head.key());
            }
            open.in_command -= 1;
            open.left -= 1;
            self.arg(entry.key());
            if is_hash {
                let Field { value, deadline, .. } = Field::of_entry(entry);
                self.string(value);
                open.deadlines.extend(deadline.map(|deadline| (entry.key().into(), deadline)));
            }
        }
        self.open = Some(open);
        self.result()
    }

    /// Its last element has been written.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        let open = self.open.take().expect("what is closed was opened");
        debug_assert_eq!((open.left, open.in_command), (0, 0));
        for (field, deadline) in &open.deadlines {
            self.field_deadline(open.head.key(), field, *deadline);
        }
        self.deadline(&open.head);
        self.result()
    }

    /// Bytes so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Writes what is left and gives the writer back.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        self.flush();
        self.result()?;
        Ok((self.out, self.written))
    }

    /// A whole command.
    pub(super) fn command(&mut self, parts: &[&[u8]]) {
        self.begin(parts.len());
        parts.iter().for_each(|part| self.arg(part));
    }

    /// Begins a command: what is in the buffer are whole ones, so it may go out.
    pub(super) fn begin(&mut self, args: usize) {
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
        push_prefixed(&mut self.buffer, b'*', args as i64);
    }

    pub(super) fn arg(&mut self, bytes: &[u8]) {
        push_prefixed(&mut self.buffer, b'$', bytes.len() as i64);
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend_from_slice(b"\r\n");
    }

    pub(super) fn number(&mut self, number: u64) {
        self.arg(itoa::Buffer::new().format(number).as_bytes());
    }

    fn string(&mut self, string: StringRef<'_>) {
        self.arg(string.to_bytes(&mut [0; 20]));
    }

    fn pair(&mut self, member: StringRef<'_>, score: f64) {
        self.arg(DoubleText::new(score).as_bytes());
        self.string(member);
    }

    fn select(&mut self, db: usize) {
        if self.db != Some(db) {
            self.db = Some(db);
            self.begin(2);
            self.arg(b"SELECT");
            self.number(db as u64);
        }
    }

    fn deadline(&mut self, entry: &Entry) {
        if let Some(deadline) = entry.deadline() {
            self.begin(3);
            self.arg(b"PEXPIREAT");
            self.arg(entry.key());
            self.number(deadline);
        }
    }

    fn field_deadline(&mut self, key: &[u8], field: &[u8], deadline: u64) {
        self.begin(6);
        self.arg(b"HPEXPIREAT");
        self.arg(key);
        self.number(deadline);
        self.arg(b"FIELDS");
        self.arg(b"1");
        self.arg(field);
    }

    /// Whether all writes since the last call have succeeded.
    fn result(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.write_out().err();
        }
        self.buffer.clear();
        self.buffer.shrink_to(4 * BUFFER_BYTES);
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.blocks && !self.buffer.is_empty() {
            let header = BlockHeader::new(self.position, &self.buffer);
            self.out.write_all(header.as_bytes())?;
            self.written += header.as_bytes().len() as u64;
        }
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.position += self.buffer.len() as u64;
        Ok(())
    }
}

/// Spreads elements over commands.
struct Batch<'k> {
    name: &'static [u8],
    key: &'k [u8],
    left: usize,
    in_command: usize,
    /// Arguments of an element.
    width: usize,
}

impl<'k> Batch<'k> {
    fn new(name: &'static [u8], key: &'k [u8], elements: usize, width: usize) -> Self {
        Batch { name, key, left: elements, in_command: 0, width }
    }

    /// The next element follows.
    fn next<W: Write>(&mut self, writer: &mut CommandWriter<W>) {
        if self.in_command == 0 {
            self.in_command = self.left.min(ELEMENTS_PER_COMMAND);
            writer.begin(2 + self.width * self.in_command);
            writer.arg(self.name);
            writer.arg(self.key);
        }
        self.in_command -= 1;
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graven_store::{Keyspace, SortedSetBuilder, Thresholds};

    /// Remembers how long the longest write was, and fails when none is left.
    #[derive(Debug)]
    struct Meter {
        longest: usize,
        left: usize,
    }

    impl Write for Meter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            self.longest = self.longest.max(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_large_value_goes_out_piece_by_piece_and_a_failure_is_told() {
        let hasher = Keyspace::new(1, [7; 16]).hasher();
        let mut builder = SortedSetBuilder::new(0, &Thresholds::default(), hasher);
        for n in 0..50_000 {
            builder.insert(format!("member:{n}").as_bytes(), f64::from(n));
        }
        let mut entry = builder.into_entry(b"key", None, 0);
        let writer = |left| CommandWriter::new(Meter { longest: 0, left }, false);

        let mut whole = writer(usize::MAX);
        whole.entry(0, &entry).unwrap();
        let (meter, length) = whole.finish().unwrap();
        assert!(meter.longest < 2 * BUFFER_BYTES, "{}", meter.longest);
        assert_eq!(writer(3).entry(0, &entry).unwrap_err().kind(), io::ErrorKind::StorageFull);

        let mut taken = writer(usize::MAX);
        let pairs = entry.take_pairs().unwrap();
        taken.sorted_set(0, &entry, pairs).unwrap();
        let (meter, same_length) = taken.finish().unwrap();
        assert!(meter.longest < 2 * BUFFER_BYTES, "{}", meter.longest);
        assert_eq!(length, same_length);
    }
}
