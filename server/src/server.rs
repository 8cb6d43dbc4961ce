//! The event loop.
//!
//! One turn is the unit of batching: all sockets that have something are read, all commands in them executed,
//! then the log takes what they did as one block, then the replies that may leave are sent.
//!
//! ```text
//! poll ─ read, execute (each client) ─ submit the block ─ take in what the disk finished ─ release replies ─ send
//! ```
//!
//! The last three also happen between two clients, when the one sync that replies wait for ends in a long turn.
//!
//! Invariants:
//! * The thread never waits but in `poll` (and inside the log where that has measured faster than a hand-over).
//! * A reply leaves only when the log is where the reply needs it ([`crate::output`]).
//! * Sockets report changes once: a client that was not read to the end, or not served, stays in a list
//!   until it is.

use crate::client::Client;
use crate::coalescing::Coalescing;
use crate::config::{Config, ConfigError};
use crate::file_limit;
use crate::listener::{ListenError, Listener, Stream};
use crate::logging::log;
use crate::outside::{FIRST_LISTENER, LoadProgress, Outside, ShutdownRequest};
use crate::persistence::Persistence;
use crate::reclaimer::Reclaimer;
use crate::server_stats::ServerStats;
use crate::signals::{StopSignal, StopSignals};
use crate::surroundings::Surroundings;
use crate::timers::Timers;
use crate::turn::Turn;
use crate::waiting::WaitWatch;
use graven_aof::{Clients, FsyncPolicy, Work};
use graven_engine::{Engine, Random, SessionFlags};
use mio::{Events, Poll, Token, Waker};
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// In a simulation, where clients send few commands, each counts as so many for what depends on how busy they keep the log.
const SIMULATED_COMMAND_WEIGHT: u64 = 50;

const WAKER: Token = Token(usize::MAX);

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address that is taken.
    #[error("{0}\nFailed listening on port {1}, aborting.")]
    Listen(ListenError, String),
    /// No port, no address and no unix socket.
    #[error("Configured to not listen anywhere, exiting. Set 'port' and 'bind', or 'unixsocket'.")]
    NotListening,
    /// The log.
    #[error(transparent)]
    Log(#[from] graven_aof::Error),
    /// A file of the log or a snapshot whose content cannot be executed.
    #[error("{0}")]
    Load(String),
    /// The operating system.
    #[error("{doing}: {source}")]
    System {
        /// What failed.
        doing: String,
        /// Why.
        source: io::Error,
    },
}

impl ServerError {
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> ServerError {
        let doing = doing.into();
        move |source| ServerError::System { doing, source }
    }
}

/// A server: the engine, what is around it, and the loop that drives both.
pub struct Server {
    pub(crate) engine: Engine,
    pub(crate) outside: Outside,
    pub(crate) poll: Poll,
    events: Option<Events>,
    turn: Turn,
    /// Clients to be served, by slot.
    ready: VecDeque<usize>,
    /// Clients that cannot be served for now, by slot.
    stalled: Vec<usize>,
    pub(crate) timers: Timers,
    pub(crate) coalescing: Coalescing,
    /// What was done when the log last took something.
    submitted: Work,
    stop_signals: StopSignals,
}

impl Server {
    /// Listens, and is ready to load and then to serve.
    pub fn new(config: Config) -> Result<Server, ServerError> {
        let machine = Surroundings::of_the_machine();
        Server::within(config, machine.map_err(ServerError::system("Can't get random numbers from the operating system"))?)
    }

    /// The same in given surroundings.
    pub(crate) fn within(config: Config, surroundings: Surroundings) -> Result<Server, ServerError> {
        crate::memory::startup_bytes();
        let seed = &surroundings.seed;
        let mut random = Random::new(u64::from_le_bytes(seed[16..].try_into().expect("8 bytes")));
        let settings = config.engine_settings();
        let hash_seed = seed[..16].try_into().expect("16 bytes");
        let mut engine = Engine::new(config.databases, hash_seed, surroundings.engine_clock(), settings);
        for (old, new) in &config.renamed_commands {
            if !engine.registry.rename(old.as_bytes(), new.as_bytes()) {
                return Err(ConfigError::rename(old, new).into());
            }
        }
        let poll = Poll::new().map_err(ServerError::system("Can't create the event loop"))?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(ServerError::system("Can't create the event loop"))?);
        let is_simulated = surroundings.simulated.is_some();
        let stop_signals = match is_simulated {
            true => StopSignals::default(),
            false => StopSignals::listen(waker.clone()).map_err(ServerError::system("Can't handle signals"))?,
        };
        let config = if is_simulated { config } else { file_limit::fit(config)? };
        let reclaimer =
            if is_simulated { Reclaimer::inline() } else { Reclaimer::start().map_err(ServerError::system("Can't start a thread"))? };
        let run_id = (0..40).map(|_| char::from_digit(random.below(16) as u32, 16).expect("a hex digit")).collect();
        let now_ms = engine.now_ms();
        let outside = Outside {
            clients: Slab::new(),
            slots: HashMap::new(),
            listeners: Vec::new(),
            registry: poll.registry().try_clone().map_err(ServerError::system("Can't create the event loop"))?,
            waker,
            log: None,
            acknowledged: u64::MAX,
            durable_until: 0,
            clients_bytes: 0,
            stats: ServerStats::default(),
            reclaimer,
            monitors: Vec::new(),
            flushing: Vec::new(),
            held: Vec::new(),
            doomed: Vec::new(),
            pause_until_ms: 0,
            waiting: Vec::new(),
            shutdown: None,
            reload: false,
            wait_watch: WaitWatch::default(),
            resumed: Vec::new(),
            loading: LoadProgress::default(),
            next_client_id: 1,
            started_us: surroundings.clock.monotonic_ns() / 1000,
            surroundings,
            run_id,
            log_fails: false,
            forsaken: None,
            persistence: Persistence { last_save_s: now_ms / 1000, ..Persistence::default() },
            config,
        };
        let mut server = Server {
            engine,
            outside,
            poll,
            events: Some(Events::with_capacity(1024)),
            turn: Turn::default(),
            ready: VecDeque::new(),
            stalled: Vec::new(),
            timers: Timers::default(),
            coalescing: Coalescing::default(),
            submitted: Work::default(),
            stop_signals,
        };
        server.listen()?;
        Ok(server)
    }

    fn listen(&mut self) -> Result<(), ServerError> {
        let config = &self.outside.config;
        if config.port != 0 {
            self.outside.listeners = Listener::bind_tcp(&config.bind, config.port, config.tcp_backlog)
                .map_err(|e| ServerError::Listen(e, format!("{} (tcp)", config.port)))?;
        }
        if !config.unixsocket.is_empty() {
            let listener = Listener::bind_unix(&config.unixsocket, config.unixsocketperm, config.tcp_backlog)
                .map_err(|e| ServerError::Listen(e, format!("{} (unix)", config.unixsocket)))?;
            self.outside.listeners.push(listener);
        }
        if self.outside.listeners.is_empty() && self.outside.surroundings.simulated.is_none() {
            return Err(ServerError::NotListening);
        }
        self.outside.register_listeners().map_err(ServerError::system("Can't listen"))
    }

    /// Serves until it is told to stop.
    pub fn run(&mut self) -> Result<(), ServerError> {
        self.coalescing.prepare_thread();
        while !self.turn(None)? {}
        Ok(())
    }

    /// One turn of the loop; waits at most `at_most` for something to happen. True when the server is to exit.
    pub(crate) fn turn(&mut self, at_most: Option<Duration>) -> Result<bool, ServerError> {
        let timeout = at_most.unwrap_or(Duration::MAX).min(self.timeout());
        let mut events = self.events.take().expect("put back at the end of each turn");
        if self.outside.surroundings.simulated.is_some() {
            self.hear_simulated();
        } else {
            if let Some(pause) = self.coalescing.due().filter(|pause| timeout > *pause) {
                std::thread::sleep(pause);
            }
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                    return Err(ServerError::System { doing: "Waiting for events failed".into(), source: e });
                }
                _ => {}
            }
        }
        self.engine.refresh_clock();
        let began_us = self.outside.now_us();
        for event in events.iter() {
            match event.token() {
                WAKER => {}
                Token(token) if token >= FIRST_LISTENER => self.accept(token - FIRST_LISTENER),
                Token(slot) => {
                    let Some(client) = self.outside.clients.get_mut(slot) else { continue };
                    if event.is_writable() && client.output.is_sendable() && !client.flushing {
                        client.flushing = true;
                        self.outside.flushing.push(slot);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        let client = &mut self.outside.clients[slot];
                        client.readable = true;
                        client.hung_up |= event.is_read_closed() || event.is_error();
                        client.gone |= event.is_write_closed() || event.is_error();
                        self.enqueue(slot);
                    }
                }
            }
        }
        let is_idle = events.is_empty() && self.ready.is_empty();
        self.events = Some(events);
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else { break };
            self.serve(slot);
            if self.outside.log.as_ref().is_some_and(|log| log.has_news()) {
                self.pass_on();
            }
        }
        self.run_timers();
        self.wake_waiting();
        self.finish_turn(is_idle);
        self.outside.stats.event_loop_turns += 1;
        let now_us = self.outside.now_us();
        self.outside.stats.event_loop_us += now_us - began_us;
        self.coalescing.end_turn(now_us - began_us, now_us);
        self.follow_signals();
        if self.outside.reload && self.reload()? {
            return Ok(true);
        }
        if self.outside.shutdown.is_none() {
            return Ok(false);
        }
        let ends = self.shut_down();
        if !ends {
            self.stop_signals.forget();
        }
        Ok(ends)
    }

    fn follow_signals(&mut self) {
        let Some(signal) = self.stop_signals.scheduled().filter(|_| self.outside.shutdown.is_none()) else { return };
        log!(Warning, "User requested shutdown...");
        let config = &self.outside.config;
        let flags = match signal {
            StopSignal::Int => config.shutdown_on_sigint,
            StopSignal::Term => config.shutdown_on_sigterm,
        };
        let save = (flags.save || flags.nosave).then_some(flags.save);
        self.outside.shutdown = Some(ShutdownRequest { save, force: flags.force });
    }

    /// How long nothing needs to be done if nothing happens.
    fn timeout(&self) -> Duration {
        if !self.ready.is_empty() || !self.outside.flushing.is_empty() || !self.outside.resumed.is_empty() {
            return Duration::ZERO;
        }
        if self.outside.persistence.may_walk(self.outside.now_us()) || self.outside.log.as_ref().is_some_and(|log| log.is_gathering()) {
            return Duration::ZERO;
        }
        let mut timeout = self.timers.timeout(self.outside.now_us());
        if let Some(due_us) = self.outside.log.as_ref().and_then(|log| log.next_deadline()) {
            timeout = timeout.min(Duration::from_micros(due_us.saturating_sub(self.outside.now_us())));
        }
        let waits = [self.engine.next_wait_deadline_ms(), Some(self.outside.wait_watch.next_deadline_ms).filter(|ms| *ms > 0)];
        if let Some(deadline_ms) = waits.into_iter().flatten().min() {
            timeout = timeout.min(Duration::from_millis(deadline_ms.saturating_sub(self.engine.clock.unix_ms())));
        }
        timeout
    }

    pub(crate) fn enqueue(&mut self, slot: usize) {
        let client = &mut self.outside.clients[slot];
        if !client.queued && !client.doomed {
            client.queued = true;
            self.ready.push_back(slot);
        }
    }

    fn serve(&mut self, slot: usize) {
        let Some(client) = self.outside.clients.get_mut(slot) else { return };
        client.queued = false;
        if client.doomed {
            return;
        }
        self.coalescing.note_serving(client);
        if !self.outside.may_run(slot) {
            self.stall(slot);
            return;
        }
        self.turn.serve(&mut self.engine, &mut self.outside, slot);
        let client = &self.outside.clients[slot];
        if client.doomed {
        } else if !self.outside.may_run(slot) {
            self.stall(slot);
        } else if client.readable {
            self.enqueue(slot);
        }
    }

    /// Sets a client aside until it may be served. One that waits for something is served again when that is over; if it
    /// hangs up meanwhile, nobody waits any more. One that hangs up while it waits for the disk may only have closed its side
    /// (`nc -N`): it stays until its commands are executed and its replies sent, or until others need its place.
    fn stall(&mut self, slot: usize) {
        let client = &mut self.outside.clients[slot];
        if client.is_blocked() {
            if client.hung_up {
                self.outside.doom(slot);
            }
            return;
        }
        if !client.stalled {
            client.stalled = true;
            self.stalled.push(slot);
        }
        let is_leaving = client.has_flag(SessionFlags::CLOSE_AFTER_REPLY);
        if client.hung_up && (is_leaving || !client.backlog && client.stream.is_at_end()) {
            self.outside.end_input(slot);
        }
    }

    /// Accepts whoever waits, at every socket.
    pub(crate) fn accept_all(&mut self) {
        (0..self.outside.listeners.len()).for_each(|index| self.accept(index));
    }

    fn accept(&mut self, index: usize) {
        loop {
            let Some(listener) = self.outside.listeners.get(index) else { return };
            match listener.accept() {
                Ok((stream, is_local)) => self.welcome(stream, is_local),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(e) => {
                    log!(Warning, "Error accepting a client connection: {e}");
                    self.timers.accept_again = true;
                    return;
                }
            }
        }
    }

    pub(crate) fn welcome(&mut self, stream: Stream, is_local: bool) {
        let refuse = |stream: Stream, why: &[u8]| {
            // Best effort, as the peer may be gone already.
            let _ = stream.write(&[io::IoSlice::new(why)]);
        };
        let staying = self.outside.clients.len() - self.outside.doomed.len();
        if staying >= self.outside.config.maxclients as usize && !self.make_place() {
            self.outside.stats.rejected_connections += 1;
            return refuse(stream, b"-ERR max number of clients reached\r\n");
        }
        let config = &self.outside.config;
        if config.protected_mode && config.requirepass.is_empty() && !is_local {
            self.outside.stats.rejected_connections += 1;
            return refuse(stream, PROTECTED_MODE);
        }
        let addresses = stream.addresses(&config.unixsocket);
        let id = self.outside.next_client_id;
        self.outside.next_client_id += 1;
        let mut client = Client::new(id, stream, addresses, is_local, config.requirepass.is_empty(), self.engine.now_ms());
        let ready = client.stream.prepare(config.tcp_keepalive_s as u64);
        let slot = self.outside.clients.vacant_key();
        if let Err(e) = ready.and_then(|()| client.stream.register(self.poll.registry(), Token(slot))) {
            log!(Warning, "Error registering a client connection: {e}");
            return;
        }
        log!(Verbose, "Accepted {}", client.address);
        self.outside.clients.insert(client);
        self.outside.slots.insert(id, slot);
        self.outside.stats.connections += 1;
    }

    /// Closes, of those who are set aside and have hung up, the one who waits longest.
    fn make_place(&mut self) -> bool {
        let may_go = |&slot: &usize| self.outside.clients.get(slot).is_some_and(|client| client.hung_up && !client.doomed);
        let departed = self.stalled.iter().copied().find(may_go);
        departed.inspect(|&slot| self.outside.doom(slot)).is_some()
    }

    /// The end of a turn: the log takes what was done, replies leave, clients go.
    fn finish_turn(&mut self, is_idle: bool) {
        let Server { engine, outside, .. } = self;
        let now_us = outside.now_us();
        if let Some(log) = outside.log.as_mut().filter(|_| !engine.effects.is_empty()) {
            let done = Work { commands: engine.stats.commands, reads: outside.stats.reads };
            let weight = if outside.surroundings.simulated.is_some() { SIMULATED_COMMAND_WEIGHT } else { 1 };
            // Both counts may be reset meanwhile.
            let commands = done.commands.saturating_sub(self.submitted.commands) * weight;
            let reads = done.reads.saturating_sub(self.submitted.reads);
            log.note_turn(Clients { connected: outside.clients.len(), waiting: outside.held.len() }, Work { commands, reads });
            self.submitted = done;
        }
        outside.submit(&mut engine.effects, now_us);
        self.pass_on();
        self.outside.evict_clients();
        self.close_doomed();
        self.resume();
        self.advance_persistence(is_idle);
        self.advance_rewrite(is_idle);
        self.outside.pause_fsyncs();
        self.engine.monitored = !self.outside.monitors.is_empty();
        if !self.engine.garbage.is_empty() {
            self.outside.reclaimer.take(&mut self.engine.garbage);
        }
    }

    /// Takes in how far the log has come: the replies that waited for it leave.
    fn pass_on(&mut self) {
        let Server { engine, outside, .. } = self;
        let now_us = outside.now_us();
        if let Some(log) = &mut outside.log {
            log.poll(now_us);
            // Under `no` nobody else asks for it. The policy changed in the middle of a turn, so not all of it was the log's then.
            if log.watermarks().durable < outside.durable_until {
                log.want_durable(outside.durable_until, now_us);
            }
            // One in the making may promise from here on, also in the middle of a turn: what the rest of it reads counts.
            engine.set_track_reads(log.policy() == FsyncPolicy::Always && !log.is_pending());
            engine.settle(log.watermarks().durable);
        }
        outside.refresh_acknowledged();
        self.follow_log_status();
        self.release_waiting();
        self.release_held();
        self.send_all();
    }

    /// Writes are refused while the log fails, and accepted again when it recovers.
    fn follow_log_status(&mut self) {
        let failing = match self.outside.promising_log().map(|log| log.status()) {
            Some(Err(failure)) => Some(crate::host::log_failure_text(failure)),
            _ => None,
        };
        let forsaken = self.outside.forsaken.take();
        if let Some(text) = forsaken.as_ref().or(failing.as_ref()) {
            let acknowledged = self.outside.acknowledged;
            for slot in std::mem::take(&mut self.outside.held) {
                if let Some(client) = self.outside.clients.get_mut(slot) {
                    client.held = false;
                    client.output.fail(acknowledged, text);
                    self.outside.note_output(slot);
                }
            }
        }
        if forsaken.is_some() {
            self.outside.refresh_acknowledged();
        }
        let denies = self.outside.persistence.denies_writes(&self.outside.config);
        self.engine.writes_denied = failing.is_some() || denies;
        if failing.is_some() != self.outside.log_fails {
            self.outside.log_fails = failing.is_some();
            match failing {
                Some(text) => log!(Warning, "The append only file cannot be written; writes are refused until it can: {text}"),
                None => log!(Warning, "AOF write error looks solved, Redis can write again."),
            }
        }
    }

    fn release_held(&mut self) {
        if self.outside.held.is_empty() {
            return;
        }
        let acknowledged = self.outside.acknowledged;
        let mut held = std::mem::take(&mut self.outside.held);
        held.retain(|&slot| {
            let Some(client) = self.outside.clients.get_mut(slot) else { return false };
            if client.output.release(acknowledged) && !client.flushing {
                client.flushing = true;
                self.outside.flushing.push(slot);
            }
            client.held = client.output.is_held();
            client.held
        });
        self.outside.held = held;
    }

    fn send_all(&mut self) {
        let now_ms = self.engine.now_ms();
        let mut flushing = std::mem::take(&mut self.outside.flushing);
        for slot in flushing.drain(..) {
            let Some(client) = self.outside.clients.get_mut(slot) else { continue };
            client.flushing = false;
            let before = client.output.sent();
            let Client { output, stream, .. } = client;
            let mut calls = 0;
            let result = output.send(|slices| {
                calls += 1;
                stream.write(slices)
            });
            let sent = client.output.sent() - before;
            if sent > 0 {
                client.sent_ms = now_ms;
            }
            self.outside.stats.output_bytes += sent;
            self.outside.stats.writes += calls;
            let done = client.output.is_empty() && client.has_flag(SessionFlags::CLOSE_AFTER_REPLY);
            if result.is_err() || done {
                self.outside.doom(slot);
            }
        }
        if self.outside.flushing.is_empty() {
            self.outside.flushing = flushing;
        }
    }

    fn close_doomed(&mut self) {
        if self.outside.doomed.is_empty() {
            return;
        }
        while let Some(slot) = self.outside.doomed.pop() {
            let Some(mut client) = self.outside.clients.try_remove(slot) else { continue };
            self.outside.slots.remove(&client.id);
            self.outside.clients_bytes = self.outside.clients_bytes.saturating_sub(client.counted_bytes);
            if let Some(session) = &mut client.session {
                self.engine.disconnect(session);
            }
            client.stream.deregister(self.poll.registry());
            log!(Verbose, "Client closed connection {}", client.address);
        }
        let Server { outside, ready, stalled, .. } = self;
        let Outside { clients, monitors, waiting, held, flushing, resumed, .. } = outside;
        for list in [monitors, waiting, held, flushing, resumed, stalled] {
            list.retain(|&slot| clients.contains(slot));
        }
        ready.retain(|&slot| clients.contains(slot));
    }

    /// Puts those back into the queue that may be served again.
    fn resume(&mut self) {
        for slot in std::mem::take(&mut self.outside.resumed) {
            self.enqueue(slot);
        }
        let mut stalled = std::mem::take(&mut self.stalled);
        stalled.retain(|&slot| {
            let Some(client) = self.outside.clients.get(slot) else { return false };
            if client.has_flag(SessionFlags::CLOSE_AFTER_REPLY) {
                if client.output.is_empty() {
                    self.outside.doom(slot);
                }
                return true;
            }
            if !self.outside.may_run(slot) {
                return true;
            }
            self.outside.clients[slot].stalled = false;
            self.enqueue(slot);
            false
        });
        self.stalled = stalled;
        self.close_doomed();
    }
}

const PROTECTED_MODE: &[u8] =
    b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the \
default user. Connections are accepted from this machine only. Set a password (requirepass), or, if the network is trusted, set \
protected-mode no.\r\n";
