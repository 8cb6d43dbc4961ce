//! Everything around the engine: clients, configuration, the log. What the engine's [`Host`] commands work on.
//!
//! [`Host`]: graven_engine::Host

use crate::client::{Client, ClientClass};
use crate::config::Config;
use crate::listener::Listener;
use crate::output::Output;
use crate::persistence::Persistence;
use crate::reclaimer::Reclaimer;
use crate::server_stats::ServerStats;
use crate::surroundings::Surroundings;
use crate::waiting::WaitWatch;
use graven_aof::{Disk, FsyncPolicy, Log};
use graven_engine::{Effects, Outcome, Session, SessionFlags, push_byte};
use mio::{Registry, Token, Waker};
use slab::Slab;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// Tokens from here on are those of listeners, below it those of clients.
pub(crate) const FIRST_LISTENER: usize = usize::MAX / 2;

/// What `SHUTDOWN` or a signal asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShutdownRequest {
    /// Save an RDB file: yes, no, or as configured.
    pub(crate) save: Option<bool>,
    /// Exit even if the log or the save fails.
    pub(crate) force: bool,
}

/// How far loading has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LoadProgress {
    pub(crate) started_ms: u64,
    pub(crate) total_bytes: u64,
    pub(crate) loaded_bytes: u64,
    /// What the server that wrote the RDB used then, as the file says.
    pub(crate) rdb_used_memory_bytes: u64,
}

/// The server without the engine.
pub(crate) struct Outside {
    pub(crate) config: Config,
    pub(crate) clients: Slab<Client>,
    /// The slot of each client, by its id.
    pub(crate) slots: HashMap<u64, usize>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) registry: Registry,
    pub(crate) waker: Arc<Waker>,
    /// Absent while loading, and with `appendonly no`.
    pub(crate) log: Option<Log<Disk>>,
    /// Replies up to this position may leave.
    pub(crate) acknowledged: u64,
    /// Replies up to this position wait for durability whatever the policy says now: they were promised it.
    pub(crate) durable_until: u64,
    /// Bytes that all clients hold, while `maxmemory-clients` is set.
    pub(crate) clients_bytes: u64,
    pub(crate) stats: ServerStats,
    pub(crate) reclaimer: Reclaimer,
    /// Clients in `MONITOR`, by slot.
    pub(crate) monitors: Vec<usize>,
    /// Clients with output that may be sent, by slot.
    pub(crate) flushing: Vec<usize>,
    /// Clients with output that waits for the log, by slot.
    pub(crate) held: Vec<usize>,
    /// Clients to be closed at the end of the turn, by slot.
    pub(crate) doomed: Vec<usize>,
    /// End of `CLIENT PAUSE`, Unix milliseconds.
    pub(crate) pause_until_ms: u64,
    /// Clients blocked by `WAIT` and the like, by slot.
    pub(crate) waiting: Vec<usize>,
    /// When to go through them.
    pub(crate) wait_watch: WaitWatch,
    /// Clients that are to be served again, by slot.
    pub(crate) resumed: Vec<usize>,
    pub(crate) shutdown: Option<ShutdownRequest>,
    /// `DEBUG LOADAOF`: the id of the client who waits for it.
    pub(crate) reload: bool,
    pub(crate) loading: LoadProgress,
    pub(crate) next_client_id: u64,
    pub(crate) surroundings: Surroundings,
    /// When the server was made, microseconds on its clock.
    pub(crate) started_us: u64,
    pub(crate) run_id: String,
    /// The log cannot be written.
    pub(crate) log_fails: bool,
    /// The log was left while it failed: what the replies become that waited for it, at the end of the turn.
    pub(crate) forsaken: Option<String>,
    pub(crate) persistence: Persistence,
}

impl Outside {
    /// The log, if it promises anything: not one whose base is still being made.
    pub(crate) fn promising_log(&self) -> Option<&Log<Disk>> {
        self.log.as_ref().filter(|log| !log.is_pending())
    }

    /// The policy that replies follow.
    pub(crate) fn policy(&self) -> Option<FsyncPolicy> {
        self.promising_log().map(Log::policy)
    }

    /// Up to where a loss of power takes nothing away; none without a log that promises it.
    pub(crate) fn durable(&self) -> Option<u64> {
        self.promising_log().map(|log| log.watermarks().durable)
    }

    /// Recomputes [`Outside::acknowledged`].
    pub(crate) fn refresh_acknowledged(&mut self) {
        if self.forsaken.is_some() {
            return;
        }
        self.acknowledged = match self.promising_log() {
            None => u64::MAX,
            Some(log) => {
                let marks = log.watermarks();
                if marks.durable < self.durable_until { marks.durable } else { marks.acknowledged(log.policy()) }
            }
        };
    }

    /// Marks what a command has appended to its client's output with the position of the log that it needs.
    pub(crate) fn seal(&self, output: &mut Output, outcome: Outcome) {
        let needs = match self.policy() {
            Some(FsyncPolicy::Always) => outcome.needs,
            Some(_) if outcome.wrote => outcome.needs,
            _ => 0,
        };
        let block_start = self.log.as_ref().map_or(0, |log| log.appended());
        output.seal(needs, outcome.wrote, self.acknowledged, block_start);
    }

    /// Appends bytes to another client's output; they leave once the log is at `needs`.
    pub(crate) fn push(&mut self, slot: usize, needs: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let acknowledged = self.acknowledged;
        let Some(client) = self.clients.get_mut(slot) else { return };
        // Else it might never come to its end.
        if client.has_flag(SessionFlags::CLOSE_AFTER_REPLY) {
            return;
        }
        write(&mut client.output.tail);
        client.output.seal(needs, false, acknowledged, needs);
        self.note_output(slot);
    }

    /// Appends a published message to the output of a client. False if its output is elsewhere, because a command of its is being
    /// executed.
    pub(crate) fn send_message(&mut self, id: u64, message: &[u8], needs: u64) -> bool {
        let Some(slot) = self.slot_of(id) else { return true };
        let limit = self.config.output_buffer_limits[ClientClass::PubSub as usize].hard_bytes;
        let client = &mut self.clients[slot];
        if client.doomed || client.has_flag(SessionFlags::CLOSE_AFTER_REPLY) {
            return true;
        }
        let Some(session) = &client.session else {
            client.away_bytes += message.len();
            let is_too_much = limit > 0 && client.away_bytes as u64 > limit;
            if is_too_much {
                self.close_for_output(slot);
            }
            return is_too_much;
        };
        let tail = &mut client.output.tail;
        tail.push(push_byte(session.protocol));
        tail.extend_from_slice(&message[1..]);
        client.output.seal_message(needs, self.acknowledged);
        self.note_output(slot);
        true
    }

    /// A client's output has grown: it will be sent, or held, or the client closed because it does not read.
    pub(crate) fn note_output(&mut self, slot: usize) {
        self.recount(slot);
        let Some(client) = self.clients.get_mut(slot) else { return };
        if client.output.is_held() && !client.held {
            client.held = true;
            self.held.push(slot);
        }
        if client.output.is_sendable() && !client.flushing {
            client.flushing = true;
            self.flushing.push(slot);
        }
        self.enforce_output_limit(slot);
    }

    /// `client-output-buffer-limit`. The engine's clock is not at hand here, so soft limits are left to the timer.
    fn enforce_output_limit(&mut self, slot: usize) {
        let client = &self.clients[slot];
        let limit = self.config.output_buffer_limits[client.class() as usize].hard_bytes;
        if limit > 0 && client.output.pending_bytes() as u64 > limit {
            self.close_for_output(slot);
        }
    }

    /// Closes a client whose output is past its limit.
    pub(crate) fn close_for_output(&mut self, slot: usize) {
        let client = &self.clients[slot];
        if !client.doomed {
            self.stats.note_overcoming_output_limit(client);
            self.doom(slot);
        }
    }

    /// How long a client's tail may get while its next command is executed ([`Session::reply_limit`]).
    #[inline]
    pub(crate) fn reply_limit(&self, session: &Session, output: &Output) -> usize {
        let class = if session.subscriptions.is_some() { ClientClass::PubSub } else { ClientClass::Normal };
        match self.config.output_buffer_limits[class as usize].hard_bytes {
            0 => 0,
            limit => (output.tail_bytes() + (limit as usize).saturating_sub(output.pending_bytes())).max(1),
        }
    }

    /// A client has sent its last byte. What it is owed is sent before it is closed, if somebody may be there to take it: one that
    /// has closed only its side cannot be told from one that is gone before something is sent to it.
    pub(crate) fn end_input(&mut self, slot: usize) {
        let client = &mut self.clients[slot];
        match &mut client.session {
            Some(session) if !client.output.is_empty() && !client.gone => {
                session.flags.insert(SessionFlags::CLOSE_AFTER_REPLY);
                client.readable = false;
            }
            _ => self.doom(slot),
        }
    }

    /// Closes a client at the end of the turn.
    pub(crate) fn doom(&mut self, slot: usize) {
        if let Some(client) = self.clients.get_mut(slot)
            && !client.doomed
        {
            client.doomed = true;
            self.doomed.push(slot);
        }
    }

    /// The slot of a client by its id.
    pub(crate) fn slot_of(&self, id: u64) -> Option<usize> {
        self.slots.get(&id).copied()
    }

    /// How long a client's unsent output may get before no more of its commands are executed: it must read first.
    pub(crate) fn output_pause_bytes(&self) -> usize {
        const ALL: usize = 512 << 20;
        (ALL / self.clients.len().max(1)).clamp(1 << 20, 64 << 20)
    }

    /// Lets the log take what the engine recorded.
    pub(crate) fn submit(&mut self, effects: &mut Effects, now_us: u64) {
        if effects.is_empty() {
            return;
        }
        if let Some(log) = &mut self.log {
            effects.take(|buffer| {
                log.submit(buffer, now_us);
            });
            debug_assert_eq!(log.appended(), effects.lsn());
        }
    }

    /// Microseconds on the clock that the log goes by. Where it begins is the machine's affair: only differences mean something.
    pub(crate) fn now_us(&self) -> u64 {
        self.surroundings.clock.monotonic_ns() / 1000
    }

    /// Lets the event loop watch the listeners.
    pub(crate) fn register_listeners(&mut self) -> io::Result<()> {
        for (i, listener) in self.listeners.iter_mut().enumerate() {
            listener.register(&self.registry, Token(FIRST_LISTENER + i))?;
        }
        Ok(())
    }

    /// Whether writes must wait for the disk. While the log fails they are refused instead.
    pub(crate) fn disk_is_behind(&self) -> bool {
        !self.log_fails && self.log.as_ref().is_some_and(Log::is_saturated)
    }

    /// Whether the client in a slot may be served now.
    pub(crate) fn may_run(&self, slot: usize) -> bool {
        let client = &self.clients[slot];
        let must_wait_for_disk = client.writes && self.disk_is_behind();
        let must_read_first = client.output.pending_bytes() > self.output_pause_bytes();
        let is_leaving = client.has_flag(SessionFlags::CLOSE_AFTER_REPLY);
        !(client.is_blocked() || is_leaving || must_read_first || must_wait_for_disk)
    }
}
