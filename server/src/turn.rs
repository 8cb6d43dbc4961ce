//! Serving one client: bytes in, commands, replies.
//!
//! Commands that arrived together are looked up together: their keys' places in memory are asked for before
//! the first of them is executed, so that the waits overlap.

use crate::outside::Outside;
use graven_engine::{Blocked, Engine, Prepared, SessionFlags};
use graven_resp::{Batch, Limits};
use std::io;

/// Bytes read from one client before others have their turn.
const READ_BYTES: usize = 64 << 10;
/// Commands looked up ahead of their execution.
const AHEAD: usize = 32;
/// An argument up to this size has its buffer reserved as soon as its length is known; a longer one must arrive first.
const RESERVED_BYTES: usize = 32 << 20;

/// Buffers that serving needs and that keep their memory.
pub(crate) struct Turn {
    shared: Vec<u8>,
    batch: Batch,
    prepared: Vec<Prepared>,
}

impl Default for Turn {
    fn default() -> Self {
        Turn { shared: Vec::with_capacity(READ_BYTES), batch: Batch::default(), prepared: Vec::with_capacity(AHEAD) }
    }
}

impl Turn {
    /// Reads what a client has sent, if its socket says so, and executes the commands in it.
    pub(crate) fn serve(&mut self, engine: &mut Engine, outside: &mut Outside, slot: usize) {
        let client = &mut outside.clients[slot];
        // Most clients have nothing left over from last time: they share one buffer, which stays in the cache.
        let alone = client.input.is_empty();
        let mut buffer = std::mem::take(if alone { &mut self.shared } else { &mut client.input });
        if client.readable && !client.backlog {
            let wanted = client.parser.wanted().min(RESERVED_BYTES).saturating_sub(buffer.len());
            buffer.reserve(wanted.max(READ_BYTES));
            let room = buffer.capacity() - buffer.len();
            match client.stream.read(&mut buffer) {
                Ok(0) => outside.end_input(slot),
                Ok(n) => {
                    client.readable = n == room || client.hung_up;
                    client.active_ms = engine.now_ms();
                    client.received_bytes += n as u64;
                    outside.stats.input_bytes += n as u64;
                    outside.stats.reads += 1;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => client.readable = false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => outside.doom(slot),
            }
        }
        let client = &outside.clients[slot];
        let ends = client.doomed || client.has_flag(SessionFlags::CLOSE_AFTER_REPLY);
        let used = if buffer.is_empty() || ends { buffer.len() } else { self.run(engine, outside, slot, &buffer) };
        outside.stats.max_input = outside.stats.max_input.max(buffer.len());
        let client = &mut outside.clients[slot];
        let rest = buffer.len() - used;
        let queued = client.session.as_ref().and_then(|s| s.transaction.as_ref()).map_or(0, |t| t.bytes);
        if (rest + queued) as u64 > outside.config.client_query_buffer_limit_bytes as u64 {
            crate::logging::log!(
                Warning,
                "Closing client that reached max query buffer length: id={} addr={} qbuf={rest} multi-mem={queued}",
                client.id,
                client.address
            );
            outside.stats.query_buffer_closed += 1;
            outside.doom(slot);
        }
        let client = &mut outside.clients[slot];
        if alone {
            client.input.extend_from_slice(&buffer[used..]);
            buffer.clear();
            self.shared = buffer;
        } else if rest > 0 {
            if used > 0 {
                buffer.drain(..used);
            }
            client.input = buffer;
        }
        outside.recount(slot);
    }

    /// Executes the commands at the front of `buffer`; returns how many bytes they were.
    fn run(&mut self, engine: &mut Engine, outside: &mut Outside, slot: usize, buffer: &[u8]) -> usize {
        let client = &mut outside.clients[slot];
        let Some(mut session) = client.session.take() else { return 0 };
        client.writes = false;
        client.backlog = false;
        let mut output = std::mem::take(&mut client.output);
        client.away_bytes = output.pending_bytes();
        let mut parser = std::mem::take(&mut client.parser);
        let pause_bytes = outside.output_pause_bytes();
        let mut limits = Limits { max_bulk_bytes: outside.config.proto_max_bulk_len_bytes as i64, ..Limits::default() };
        let mut used = 0;
        let mut commands = 0;
        'serving: loop {
            // Until it has authenticated, each command may change what the next one is allowed.
            limits.authenticated = engine.is_authenticated(&session);
            let most = if limits.authenticated { AHEAD } else { 1 };
            self.batch.clear();
            let parsed = parser.parse(buffer, used, &limits, &mut self.batch, most);
            let frames = self.batch.frames();
            self.prepared.clear();
            self.prepared.extend(frames.iter().map(|frame| engine.prepare(session.db, self.batch.args(frame, buffer))));
            for prepared in &self.prepared {
                engine.prefetch(session.db, prepared);
            }
            if frames.len() > 1 {
                let commands = frames.iter().zip(&self.prepared);
                engine.prefetch_members(session.db, commands.map(|(frame, prepared)| (self.batch.args(frame, buffer), *prepared)));
            }
            for (frame, prepared) in frames.iter().zip(&self.prepared) {
                if outside.disk_is_behind() && engine.would_write(&session, *prepared) {
                    // So that those who come while the disk is behind, with one write each, do not fill the memory.
                    outside.clients[slot].writes = true;
                    outside.clients[slot].backlog = true;
                    parser.reset();
                    break 'serving;
                }
                session.reply_limit = outside.reply_limit(&session, &output);
                let outcome = engine.execute(&mut session, self.batch.args(frame, buffer), *prepared, &mut output.tail, outside);
                if session.blocked == Some(Blocked::Paused) {
                    outside.clients[slot].backlog = true;
                    parser.reset();
                    break 'serving;
                }
                used = frame.end();
                commands += 1;
                if session.reply_limit > 0 && output.tail_bytes() > session.reply_limit {
                    outside.close_for_output(slot);
                }
                outside.seal(&mut output, outcome);
                outside.clients[slot].writes |= outcome.wrote;
                let stop = session.blocked.is_some()
                    || outcome.wrote && outside.disk_is_behind()
                    || session.flags.contains(SessionFlags::CLOSE_AFTER_REPLY)
                    || outside.clients[slot].doomed
                    || output.pending_bytes() > pause_bytes;
                if session.flags.contains(SessionFlags::HTTP) {
                    crate::logging::log!(
                        Warning,
                        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is likely \
                         due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection from {} \
                         aborted.",
                        outside.clients[slot].address
                    );
                }
                if stop {
                    outside.clients[slot].backlog = used < buffer.len();
                    parser.reset();
                    break 'serving;
                }
            }
            match parsed {
                Err(error) => {
                    crate::logging::log!(Verbose, "Protocol error ({error}) from client: addr={}", outside.clients[slot].address);
                    if !session.flags.contains(SessionFlags::REPLY_OFF) {
                        output.tail.extend_from_slice(format!("-ERR {error}\r\n").as_bytes());
                    }
                    output.seal(0, false, outside.acknowledged, 0);
                    engine.stats.count_error("ERR");
                    session.flags.insert(SessionFlags::CLOSE_AFTER_REPLY);
                    used = buffer.len();
                    break;
                }
                Ok(position) => {
                    used = position;
                    if self.prepared.len() < most {
                        break;
                    }
                }
            }
        }
        outside.stats.max_output = outside.stats.max_output.max(output.pending_bytes());
        let client = &mut outside.clients[slot];
        let is_blocked = session.blocked.is_some();
        client.session = Some(session);
        client.output = output;
        client.parser = parser;
        client.commands += commands;
        if is_blocked {
            outside.note_blocked(slot);
        }
        outside.note_output(slot);
        used
    }
}
