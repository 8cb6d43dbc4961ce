//! A whole server without sockets, threads of its own, or the machine's clock, chance and disk: what a simulator drives.
//!
//! Only what is around the server differs. Its turns, engine, log, snapshots and recovery are those that serve clients: a turn finds
//! bytes in a [`Pipe`] instead of a socket, and whoever drives decides by the seed, the clock and [`SimulatedServer::step_disk`] what
//! happens when.

use crate::config::Config;
use crate::listener::Stream;
use crate::server::{Server, ServerError};
use crate::surroundings::{Simulated, Surroundings};
use graven_aof::Watermarks;
use graven_aof::sim::SimStorage;
use graven_engine::Clock;
use graven_store::{Entry, StringRef};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes on their way between a simulated client and the server.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// Either side has gone.
    is_closed: bool,
}

impl Pipe {
    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a read would give something.
    fn is_readable(&self) -> bool {
        let ends = self.ends();
        ends.is_closed || !ends.to_server.is_empty()
    }

    /// What a socket's `read` would do: at most the spare capacity is filled.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut ends = self.ends();
        if ends.to_server.is_empty() {
            return if ends.is_closed { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let count = ends.to_server.len().min(buffer.capacity() - buffer.len());
        buffer.extend(ends.to_server.drain(..count));
        Ok(count)
    }

    /// Whether a read would give the end.
    pub(crate) fn is_at_end(&self) -> bool {
        let ends = self.ends();
        ends.is_closed && ends.to_server.is_empty()
    }

    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ends = self.ends();
        if ends.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        slices.iter().for_each(|slice| ends.to_client.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    pub(crate) fn close(&self) {
        self.ends().is_closed = true;
    }
}

/// A client of a [`SimulatedServer`].
pub struct SimulatedClient {
    pipe: Pipe,
    slot: usize,
}

impl SimulatedClient {
    /// Bytes set out for the server; its next turn finds them.
    pub fn send(&self, bytes: &[u8]) {
        self.pipe.ends().to_server.extend_from_slice(bytes);
    }

    /// What has arrived.
    pub fn receive(&self) -> Vec<u8> {
        std::mem::take(&mut self.pipe.ends().to_client)
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.pipe.ends().is_closed
    }

    /// Hangs up.
    pub fn close(&self) {
        self.pipe.close();
    }
}

/// A key, or a field of a hash that has a deadline of its own: what must come back after a crash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its database.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
    /// The field, if it is one with a deadline.
    pub field: Option<Vec<u8>>,
    /// A fingerprint of the type and the value.
    pub fingerprint: u64,
    /// Unix milliseconds.
    pub deadline_ms: Option<u64>,
}

/// See the module.
pub struct SimulatedServer {
    server: Server,
}

impl SimulatedServer {
    /// Starts a server and loads what the disk has. `options` are those of the command line; `seed` decides all chance;
    /// `io_threads` are imagined, and do something when [`SimulatedServer::step_disk`] says so.
    ///
    /// # Errors
    /// What an operator would be told at the start.
    pub fn start(
        options: &[String],
        disk: SimStorage,
        clock: Arc<dyn Clock + Send + Sync>,
        seed: u64,
        io_threads: usize,
    ) -> Result<SimulatedServer, ServerError> {
        let mut overrides: Vec<String> = options.to_vec();
        overrides.extend(["--port", "0", "--protected-mode", "no"].map(str::to_owned));
        let config = Config::load(None, &overrides)?;
        let mut bytes = [0; 24];
        bytes.chunks_exact_mut(8).zip(1..).for_each(|(chunk, n)| chunk.copy_from_slice(&seed.wrapping_mul(n).to_le_bytes()));
        let surroundings = Surroundings { clock, seed: bytes, simulated: Some(Simulated { disk, io_threads }) };
        let mut server = Server::within(config, surroundings)?;
        server.load()?;
        Ok(SimulatedServer { server })
    }

    /// A client connects.
    pub fn connect(&mut self) -> SimulatedClient {
        let pipe = Pipe::default();
        let slot = self.server.outside.clients.vacant_key();
        self.server.welcome(Stream::Memory(pipe.clone()), true);
        SimulatedClient { pipe, slot }
    }

    /// One turn of the server's loop. True when it wants to exit.
    ///
    /// # Errors
    /// The server has to stop.
    pub fn turn(&mut self) -> Result<bool, ServerError> {
        self.server.turn(None)
    }

    /// One of the log's imagined threads does its next step: `pick` says which of so many. False when none has anything to do.
    pub fn step_disk(&mut self, pick: &mut dyn FnMut(usize) -> usize) -> bool {
        let now_us = self.server.outside.now_us();
        self.server.outside.log.as_mut().is_some_and(|log| log.step(pick, now_us))
    }

    /// How many commands of a client were executed.
    pub fn executed(&self, client: &SimulatedClient) -> u64 {
        self.server.outside.clients.get(client.slot).map_or(0, |client| client.commands)
    }

    /// How far the log has come; nothing without one.
    pub fn marks(&self) -> Option<Watermarks> {
        self.server.outside.log.as_ref().map(|log| log.watermarks())
    }

    /// Whether there is a log, and it promises something: not one whose base is still being made.
    pub fn is_logged(&self) -> bool {
        self.server.outside.policy().is_some()
    }

    /// How many rewrites of the log and snapshots have succeeded.
    pub fn finished(&self) -> (u64, u64) {
        let persistence = &self.server.outside.persistence;
        (persistence.rewrites.done, persistence.saves.done)
    }

    /// Whether a snapshot is being made, and whether the last one succeeded.
    pub fn saving(&self) -> (bool, bool) {
        let persistence = &self.server.outside.persistence;
        (persistence.saving.is_some(), persistence.saves.last_ok)
    }

    /// Why writes are refused, if they are.
    pub fn failure(&self) -> Option<String> {
        self.server.outside.log.as_ref().and_then(|log| log.status().err().map(|failure| failure.message.clone()))
    }

    /// Everything in memory, in order.
    pub fn items(&self) -> Vec<Item> {
        let keyspace = &self.server.engine.keyspace;
        let mut items = Vec::new();
        for db in 0..keyspace.databases() {
            keyspace.db(db).iter().for_each(|entry| push_items(db, entry, &mut items));
        }
        items.sort_unstable();
        items
    }
}

impl Server {
    /// What the event loop would be told of sockets.
    pub(crate) fn hear_simulated(&mut self) {
        let clients = self.outside.clients.iter();
        let readable = clients.filter(|(_, client)| matches!(&client.stream, Stream::Memory(pipe) if pipe.is_readable()));
        let slots: Vec<usize> = readable.map(|(slot, _)| slot).collect();
        for slot in slots {
            let client = &mut self.outside.clients[slot];
            client.readable = true;
            client.hung_up |= matches!(&client.stream, Stream::Memory(pipe) if pipe.ends().is_closed);
            client.gone = client.hung_up;
            self.enqueue(slot);
        }
    }
}

fn hash_of(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

fn hash_of_strings(first: StringRef<'_>, second: &[u8]) -> u64 {
    hash_of(&[first.to_bytes(&mut [0; 20]), second])
}

fn push_items(db: usize, entry: &Entry, items: &mut Vec<Item>) {
    let key = entry.key().to_vec();
    let deadline_ms = entry.deadline();
    let mut sum = 0u64;
    let mut add = |hash: u64| sum = sum.wrapping_add(hash);
    let kind = entry.object_type() as u64;
    if let Some(string) = entry.string() {
        add(hash_of_strings(string, b""));
    } else if let Some(list) = entry.list() {
        let mut place = 0u64;
        list.for_each(|item| {
            place += 1;
            add(hash_of(&[item.to_bytes(&mut [0; 20]), &place.to_le_bytes()]));
        });
    } else if let Some(set) = entry.set() {
        set.iter().for_each(|member| add(hash_of_strings(member, b"")));
    } else if let Some(set) = entry.sorted_set() {
        // Compact bytes have no negative zero: the sum makes one score of both.
        set.iter().for_each(|(member, score)| add(hash_of_strings(member, &(score + 0.0).to_bits().to_le_bytes())));
    } else if let Some(hash) = entry.hash() {
        for field in hash.iter() {
            let fingerprint = hash_of_strings(field.name, field.value.to_bytes(&mut [0; 20]));
            match field.deadline {
                None => add(fingerprint),
                // A hash ends with its last field.
                Some(deadline) => items.push(Item {
                    db,
                    key: key.clone(),
                    field: Some(field.name.to_bytes(&mut [0; 20]).to_vec()),
                    fingerprint,
                    deadline_ms: Some(deadline.min(deadline_ms.unwrap_or(u64::MAX))),
                }),
            }
        }
        if sum == 0 {
            return;
        }
    } else if let Some(stream) = entry.stream() {
        let mut place = 0u64;
        stream.digest_parts(&mut |part| {
            place += 1;
            add(hash_of(&[part, &place.to_le_bytes()]));
        });
    }
    items.push(Item { db, key, field: None, fingerprint: hash_of(&[&kind.to_le_bytes(), &sum.to_le_bytes()]), deadline_ms });
}
