//! An RDB file on its way into the keyspace, on all processors.
//!
//! ```text
//! rdb-read                    rdb-decode (one for each further processor)      the executing thread
//! reads, adds up the          decompresses, checks, builds entries,            puts entries into tables, in the order
//! checksum, finds records ─►  hashes keys                              ─────►  of the file; decodes too while it has none
//!      └────────────────────── the order of the pieces ─────────────────────►
//! ```
//!
//! # Invariants
//!
//! * Batches are applied in the order of the file, and nothing behind a failure is. So what is loaded, and what is said about a damaged
//!   file, does not depend on timing.
//! * The executing thread never waits for the disk, and never decodes a piece that could take long: those are left to
//!   the others, and it goes on listening to clients.
//! * Pieces on their way take [`IN_FLIGHT_BYTES`] at most, or are a single one.

use super::decode::{Batch, Decoder, Keys, Step};
use super::{LoadError, Loaded};
use crate::logging::log;
use crossbeam_channel::{Receiver, Sender, bounded, never, select_biased, unbounded};
use graven_engine::Engine;
use graven_rdb::{Event, Piece, Reader, Records, Skipped};
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Bytes of the file that have been read and are not yet in the keyspace.
const IN_FLIGHT_BYTES: usize = 16 << 20;
/// A piece up to this length takes some milliseconds at most to decode.
const SHORT_BYTES: usize = 1 << 20;
/// How much of what cannot be split is decoded at a time.
const SLICE_BYTES: usize = 128 << 10;
/// A file is never taken to have more keys than one for so many bytes, whatever it says.
const MIN_BYTES_PER_KEY: u64 = 8;

/// An RDB file that is being loaded.
pub(crate) struct Loading {
    decoder: Decoder,
    /// What each piece becomes, in the order of the file.
    order: Receiver<Receiver<Batch>>,
    next: Option<Receiver<Batch>>,
    short: Receiver<Task>,
    budget: Arc<Budget>,
    threads: Vec<JoinHandle<()>>,
    /// How many more keys room is made for in advance.
    reservable: u64,
    loaded: Loaded,
    /// Keys may be there already, and are replaced.
    replaces: bool,
}

struct Task {
    records: Records,
    to: Sender<Batch>,
}

impl Task {
    fn run(self, decoder: &Decoder) {
        // If nobody waits for it any more, loading was given up.
        let _ = self.to.send(decoder.records(self.records));
    }
}

impl Loading {
    /// Begins to load a file of about so many bytes into the databases of `engine`.
    pub(crate) fn start(engine: &Engine, file: Box<dyn Read + Send>, file_bytes: u64, drops_expired: bool) -> io::Result<Loading> {
        let decoder = Decoder::new(engine, drops_expired);
        let budget = Arc::new(Budget::default());
        let (order_sender, order) = unbounded();
        let (short_sender, short) = unbounded();
        let (long_sender, long) = unbounded();
        let mut threads = Vec::new();
        let reading =
            Reading { order: order_sender, short: short_sender, long: long_sender, budget: budget.clone(), decoder: decoder.clone() };
        threads.push(spawn("rdb-read", move || reading.run(file))?);
        for _ in 1..std::thread::available_parallelism().map_or(2, |count| count.get().max(2)) {
            let (short, long, decoder) = (short.clone(), long.clone(), decoder.clone());
            threads.push(spawn("rdb-decode", move || decode(&decoder, short, long))?);
        }
        Ok(Loading {
            decoder,
            order,
            next: None,
            short,
            budget,
            threads,
            reservable: file_bytes / MIN_BYTES_PER_KEY,
            loaded: Loaded::default(),
            replaces: false,
        })
    }

    /// Whether keys of the file take the place of those that are there; else such a key is damage.
    pub(crate) fn set_replaces(&mut self, replaces: bool) {
        self.replaces = replaces;
    }

    /// Goes on loading, until a moment if one is given. True when all is loaded.
    pub(crate) fn go_on(&mut self, engine: &mut Engine, until: Option<Instant>) -> Result<bool, LoadError> {
        while let Some(batch) = self.wait(until)? {
            let (is_last, cost) = (batch.is_last, batch.cost);
            self.apply(engine, batch)?;
            self.budget.give_back(cost);
            if is_last {
                self.threads.drain(..).for_each(|thread| drop(thread.join()));
                return Ok(true);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
        }
        Ok(false)
    }

    /// What has been loaded so far.
    pub(crate) fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// The next batch, or none if it did not come in time.
    fn wait(&mut self, until: Option<Instant>) -> Result<Option<Batch>, LoadError> {
        let timeout = || until.map_or(never(), crossbeam_channel::at);
        loop {
            let next = match self.next.take() {
                Some(next) => next,
                None => select_biased! {
                    recv(self.order) -> next => next.map_err(|_| LoadError::Stopped)?,
                    recv(timeout()) -> _ => return Ok(None),
                },
            };
            select_biased! {
                recv(next) -> batch => return batch.map(Some).map_err(|_| LoadError::Stopped),
                recv(self.short) -> task => match task {
                    Ok(task) => task.run(&self.decoder),
                    // All pieces have been handed out.
                    Err(_) => self.short = never(),
                },
                recv(timeout()) -> _ => {
                    self.next = Some(next);
                    return Ok(None);
                }
            }
            self.next = Some(next);
        }
    }

    fn apply(&mut self, engine: &mut Engine, batch: Batch) -> Result<(), LoadError> {
        for step in batch.steps {
            match step {
                Step::Keys(keys) => self.insert(engine, keys)?,
                Step::Reserve(db, keys) => {
                    let keys = keys.min(self.reservable);
                    self.reservable -= keys;
                    engine.keyspace.db_mut(db).reserve(keys as usize);
                }
                // Nothing is lost without it, and a cluster's file has one for each of its slots.
                Step::Event(Event::Skipped(what @ Skipped::SlotInfo { .. })) => log!(Debug, "{what}"),
                Step::Event(Event::Skipped(what)) => log!(Warning, "{what}"),
                Step::Event(Event::Aux { key, value }) if key == b"used-mem" => {
                    let bytes = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                    self.loaded.used_memory_bytes = bytes.unwrap_or(0);
                }
                Step::Event(_) => {}
            }
        }
        self.loaded.bytes = batch.end;
        self.loaded.expired += batch.expired;
        batch.failure.map_or(Ok(()), Err)
    }

    fn insert(&mut self, engine: &mut Engine, keys: Keys) -> Result<(), LoadError> {
        let Keys { db, entries, ends } = keys;
        self.loaded.keys += entries.len() as u64;
        if self.replaces {
            for incoming in &entries {
                let key = engine.keyspace.key(incoming.entry().key());
                engine.keyspace.db_mut(db).remove(key);
            }
        }
        engine.keyspace.db_mut(db).insert_all(entries).map_err(|(place, entry)| LoadError::Duplicate {
            key: entry.key().escape_ascii().to_string(),
            db,
            offset: ends[place],
        })
    }
}

/// Whoever still reads or decodes stops soon.
impl Drop for Loading {
    fn drop(&mut self) {
        self.budget.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Decodes whatever there is, until nothing more comes.
fn decode(decoder: &Decoder, mut short: Receiver<Task>, mut long: Receiver<Task>) {
    let (mut short_is_open, mut long_is_open) = (true, true);
    while short_is_open || long_is_open {
        select_biased! {
            recv(short) -> task => match task {
                Ok(task) => task.run(decoder),
                Err(_) => (short, short_is_open) = (never(), false),
            },
            recv(long) -> task => match task {
                Ok(task) => task.run(decoder),
                Err(_) => (long, long_is_open) = (never(), false),
            },
        }
    }
}

/// What the reading thread needs.
struct Reading {
    order: Sender<Receiver<Batch>>,
    short: Sender<Task>,
    long: Sender<Task>,
    budget: Arc<Budget>,
    decoder: Decoder,
}

impl Reading {
    fn run(&self, file: Box<dyn Read + Send>) {
        let pieces = match Reader::new(file) {
            Ok(reader) => reader.into_pieces(),
            Err(e) => {
                let failed = Batch { failure: Some(e.into()), is_last: true, ..Batch::default() };
                _ = self.pass_on(failed);
                return;
            }
        };
        for piece in pieces {
            let goes_on = match piece {
                Piece::Records(records) => self.hand_out(records),
                Piece::Rest(mut rest) => self.decode_rest(&mut rest),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Leaves the decoding of a piece to another thread. False if nobody wants it.
    fn hand_out(&self, records: Records) -> bool {
        if !self.budget.take(records.len()) {
            return false;
        }
        let tasks = if records.len() <= SHORT_BYTES { &self.short } else { &self.long };
        let (to, batch) = bounded(1);
        tasks.send(Task { records, to }).is_ok() && self.order.send(batch).is_ok()
    }

    /// Decodes what cannot be split.
    fn decode_rest<R: Read>(&self, rest: &mut Reader<R>) -> bool {
        let mut db = rest.db();
        loop {
            let from = rest.bytes_consumed();
            let mut batch = self.decoder.some(rest, &mut db, from + SLICE_BYTES as u64, SLICE_BYTES);
            batch.cost = (batch.end - from) as usize;
            let is_last = batch.is_last;
            if !self.budget.take(batch.cost) || !self.pass_on(batch) || is_last {
                return false;
            }
        }
    }

    fn pass_on(&self, batch: Batch) -> bool {
        let (to, decoded) = bounded(1);
        to.send(batch).is_ok() && self.order.send(decoded).is_ok()
    }
}

/// Bounds what is on its way.
#[derive(Default)]
struct Budget {
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Default)]
struct Taken {
    bytes: usize,
    is_closed: bool,
}

impl Budget {
    /// Waits until so many bytes may be on their way. More than all of it may be if nothing else is. False if loading was
    /// given up.
    fn take(&self, bytes: usize) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while !taken.is_closed && taken.bytes > 0 && taken.bytes + bytes > IN_FLIGHT_BYTES {
            taken = self.given_back.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.bytes += bytes;
        !taken.is_closed
    }

    fn give_back(&self, bytes: usize) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).bytes -= bytes;
        self.given_back.notify_one();
    }

    fn close(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.given_back.notify_one();
    }
}
