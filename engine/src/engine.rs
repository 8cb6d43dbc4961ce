//! Execution: from arguments to a reply, effects and a position in the log.

use crate::blocking::Queues;
use crate::command::{Flags, Run};
use crate::context::Context;
use crate::effect::Effects;
use crate::error::Error;
use crate::eviction::Eviction;
use crate::garbage::Garbage;
use crate::host::{Clock, Host, WriteStatus};
use crate::latency::Latency;
use crate::pubsub::PubSub;
use crate::random::Random;
use crate::registry::{CommandId, Registry};
use crate::session::{Blocked, Session, SessionFlags, Transaction};
use crate::settings::Settings;
use crate::slowlog::Slowlog;
use crate::stats::{CommandStats, Stats};
use crate::unsettled::Unsettled;
use crate::watch::Watches;
use graven_resp::{Args, Reply};
use graven_store::{Hasher, Key, Keyspace, MemberPlace};

/// Commands held back by `CLIENT PAUSE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// None.
    #[default]
    Off,
    /// Those that write.
    Writes,
    /// All.
    All,
}

/// A command looked up ahead of its execution, so that its key could be fetched into the cache.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub(crate) command: Option<CommandId>,
    pub(crate) key_hash: Option<u64>,
}

impl Prepared {
    #[inline]
    pub(crate) fn new(registry: &Registry, hasher: Hasher, command: Option<CommandId>, args: Args<'_>) -> Prepared {
        let has_key = command.is_some_and(|id| args.len() > 1 && registry.get(id).first_key_is_1);
        Prepared { command, key_hash: has_key.then(|| hasher.key(args.at(1)).hash) }
    }
}

/// What the server must know of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The reply may be sent once the log has reached this position (0: at once).
    pub needs: u64,
    /// The command changed something: its reply waits also under `everysec` and `no`, until the log has been
    /// handed to the operating system.
    pub wrote: bool,
}

/// Data and everything that command execution needs. One thread owns it.
pub struct Engine {
    /// The databases.
    pub keyspace: Keyspace,
    /// What the log must be told.
    pub effects: Effects,
    /// The command table.
    pub registry: Registry,
    /// Configuration that execution depends on.
    pub settings: Settings,
    /// Counters.
    pub stats: Stats,
    /// Counters per command, by [`CommandId::index`].
    pub command_stats: Vec<CommandStats>,
    /// Slow commands.
    pub slowlog: Slowlog,
    /// Latency events.
    pub latency: Latency,
    /// Removed values that another thread should drop.
    pub garbage: Vec<Garbage>,
    /// Randomness.
    pub random: Random,
    /// Time.
    pub clock: Box<dyn Clock>,
    /// The data set is being loaded: most commands are refused, nothing expires.
    pub loading: bool,
    /// The log cannot be written: [`Host::write_status`] tells why, writes are refused.
    pub writes_denied: bool,
    /// Somebody watches (`MONITOR`).
    pub monitored: bool,
    /// `CLIENT PAUSE`; the server ends it.
    pub pause: Pause,
    /// Changes since the last save (`rdb_changes_since_last_save`).
    pub dirty: u64,
    pub(crate) watches: Watches,
    /// Who listens to what.
    pub(crate) pubsub: PubSub,
    /// Who waits for which key.
    pub(crate) waits: Queues,
    pub(crate) unsettled: Unsettled,
    pub(crate) eviction: Eviction,
    /// There is no room for commands that need memory.
    out_of_memory: bool,
    pub(crate) now_ms: u64,
    pub(crate) now_ns: u64,
    /// When the last command ended. Inside `EXEC` this goes on while the time that commands see stands still.
    measured_ns: u64,
    pub(crate) unix_minus_monotonic_ns: u64,
    /// Greatest position of the log that the running command's reply depends on.
    pub(crate) needs: u64,
    /// The running command recorded its own effects, or none on purpose.
    pub(crate) explicit_effects: bool,
    /// The running command's client does not want its use of keys noted.
    pub(crate) no_touch: bool,
    /// Hashes, by database and hash of the key, that the running command left with due fields.
    pub(crate) partly_expired: Vec<(usize, u64)>,
}

impl Engine {
    /// Empty databases. `seed` keys the hash and all random choices.
    pub fn new(databases: usize, seed: [u8; 16], clock: Box<dyn Clock>, settings: Settings) -> Engine {
        let registry = Registry::default();
        let mut engine = Engine {
            keyspace: Keyspace::new(databases, seed),
            effects: Effects::default(),
            command_stats: vec![CommandStats::default(); registry.len()],
            registry,
            settings,
            stats: Stats::default(),
            slowlog: Slowlog::default(),
            latency: Latency::default(),
            garbage: Vec::new(),
            random: Random::new(u64::from_le_bytes(seed[..8].try_into().expect("8 of 16 bytes")) ^ 0x5bd1_e995),
            clock,
            loading: false,
            writes_denied: false,
            monitored: false,
            pause: Pause::Off,
            dirty: 0,
            watches: Watches::default(),
            pubsub: PubSub::default(),
            waits: Queues::new(databases),
            unsettled: Unsettled::new(databases),
            eviction: Eviction::default(),
            out_of_memory: false,
            now_ms: 0,
            now_ns: 0,
            measured_ns: 0,
            unix_minus_monotonic_ns: 0,
            needs: 0,
            explicit_effects: false,
            no_touch: false,
            partly_expired: Vec::new(),
        };
        engine.refresh_clock();
        engine
    }

    /// Reads both clocks. To be called at the start of each turn of the event loop, before commands.
    pub fn refresh_clock(&mut self) {
        let monotonic = self.clock.monotonic_ns();
        self.unix_minus_monotonic_ns = (self.clock.unix_us() * 1000).wrapping_sub(monotonic);
        self.set_now(monotonic);
    }

    fn set_now(&mut self, monotonic_ns: u64) {
        self.now_ns = monotonic_ns;
        self.measured_ns = monotonic_ns;
        self.now_ms = self.now_us() / 1000;
        self.effects.set_time(self.now_ms / 1000);
    }

    /// The time commands see, milliseconds since the epoch. It does not move while one runs, nor within a transaction.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The same in microseconds.
    pub fn now_us(&self) -> u64 {
        self.now_ns.wrapping_add(self.unix_minus_monotonic_ns) / 1000
    }

    /// Looks a command up and asks for its key's place in memory. Call it for several commands, then
    /// [`Engine::prefetch`] for them, then execute them: their cache misses overlap.
    #[inline]
    pub fn prepare(&self, db: usize, args: Args<'_>) -> Prepared {
        let prepared = Prepared::new(&self.registry, self.keyspace.hasher(), self.registry.find(args), args);
        self.prefetch_bucket(db, &prepared);
        prepared
    }

    /// Asks for the place in memory of a prepared command's key.
    #[inline]
    pub fn prefetch_bucket(&self, db: usize, prepared: &Prepared) {
        if let Some(hash) = prepared.key_hash {
            self.keyspace.db(db).prefetch_bucket(hash);
        }
    }

    /// The second step: asks for the entry that the bucket points to.
    #[inline]
    pub fn prefetch(&self, db: usize, prepared: &Prepared) {
        if let Some(hash) = prepared.key_hash {
            self.keyspace.db(db).prefetch_entry(hash);
        }
    }

    /// The third step: asks for the members, or fields, that the commands will look up in large collections.
    pub fn prefetch_members<'c>(&self, db: usize, commands: impl Iterator<Item = (Args<'c>, Prepared)>) {
        /// Places asked for at once; the processor cannot wait for many more.
        const AT_ONCE: usize = 16;
        let db = self.keyspace.db(db);
        let (mut places, mut len) = ([None; AT_ONCE], 0);
        for (args, prepared) in commands {
            let members = prepared.command.and_then(|id| self.registry.get(id).spec.members);
            let (Some(members), Some(hash)) = (members, prepared.key_hash) else { continue };
            let Some(entry) = db.get(Key { bytes: args.at(1), hash }) else { continue };
            let at = (usize::from(members.first)..args.len()).step_by(usize::from(members.step));
            for place in at.take(usize::from(members.most)).map_while(|i| entry.prefetch_member(args.at(i))) {
                if len == AT_ONCE {
                    places.iter().flatten().copied().for_each(MemberPlace::prefetch);
                    len = 0;
                }
                places[len] = Some(place);
                len += 1;
            }
        }
        places[..len].iter().flatten().copied().for_each(MemberPlace::prefetch);
    }

    /// Executes one command for a session and appends its reply to `out`.
    ///
    /// If the session is [`Blocked::Paused`] afterwards, nothing was executed: call again when the pause is
    /// over.
    pub fn execute(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
        host: &mut dyn Host,
    ) -> Outcome {
        self.out_of_memory = !self.make_room(host);
        self.deliver_messages(host);
        let before = self.effects.lsn();
        self.needs = 0;
        let mut reply = session.reply(out);
        let off = session.flags.intersects(SessionFlags::REPLY_OFF | SessionFlags::REPLY_SKIP);
        reply.set_muted(off);
        let id = match self.admit(session, args, prepared.command, host) {
            Ok(id) => id,
            Err(_) if prepared.command.is_none() && is_http(args) => {
                session.flags.insert(SessionFlags::HTTP | SessionFlags::CLOSE_AFTER_REPLY);
                return Outcome { needs: 0, wrote: false };
            }
            Err(rejection) => {
                self.reject(session, prepared.command, rejection, reply);
                return Outcome { needs: 0, wrote: false };
            }
        };
        if self.must_pause(session, id) {
            session.blocked = Some(Blocked::Paused);
            return Outcome { needs: 0, wrote: false };
        }
        self.dispatch(session, args, id, prepared.key_hash, reply, host);
        session.wait_muted = off;
        if session.flags.intersects(SessionFlags::REPLY_SKIP | SessionFlags::REPLY_SKIP_NEXT) {
            advance_reply_skip(session);
        }
        let mut outcome = self.outcome(session, before, out);
        // One that has just begun to wait must be whole again before others are served: they may make its keys ready.
        if self.waits.any_ready() && !session.waits_for_keys() {
            self.serve_waiting(host);
            if self.pubsub.any_returning() {
                outcome.needs = outcome.needs.max(self.pubsub.append_returning(session, out));
            }
        }
        outcome
    }

    /// What the reply to a command that began at a position of the log depends on. Messages that the client has published to
    /// itself follow it.
    pub(crate) fn outcome(&mut self, session: &mut Session, before: u64, out: &mut Vec<u8>) -> Outcome {
        let after = self.effects.lsn();
        if self.pubsub.any_returning() {
            self.needs = self.needs.max(self.pubsub.append_returning(session, out));
        }
        if after != before {
            session.last_write_lsn = after;
            Outcome { needs: after, wrote: true }
        } else {
            Outcome { needs: self.needs.min(after), wrote: false }
        }
    }

    pub(crate) fn dispatch(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        id: CommandId,
        key_hash: Option<u64>,
        reply: Reply<'_>,
        host: &mut dyn Host,
    ) {
        let spec = self.registry.get(id).spec;
        if session.transaction.is_some() && !spec.flags.contains(Flags::NOT_QUEUED) {
            return self.queue(session, args, id, reply);
        }
        self.effects.begin_unit();
        match spec.run {
            Run::Exec => self.exec(session, args, id, reply, host),
            _ => self.call(session, args, id, key_hash, reply, host),
        }
        self.effects.end_unit();
        if matches!(spec.run, Run::Exec) {
            self.deliver_transaction(host);
        }
    }

    /// Whether a command may run now: everything that is decided before it is queued or executed.
    #[inline]
    fn admit(&self, session: &Session, args: Args<'_>, found: Option<CommandId>, host: &dyn Host) -> Result<CommandId, Error> {
        let id = self.registry.check(found, args)?;
        let flags = self.registry.get(id).spec.flags;
        if !self.is_authenticated(session) && !flags.contains(Flags::NO_AUTH) {
            return Err("NOAUTH Authentication required.".into());
        }
        if session.transaction.is_some() && flags.contains(Flags::NO_MULTI) {
            return Err("ERR Command not allowed inside a transaction".into());
        }
        if self.out_of_memory && self.needs_memory(session, id) {
            return Err("OOM command not allowed when used memory > 'maxmemory'.".into());
        }
        if self.writes_denied
            && self.is_write(session, id)
            && let WriteStatus::Failing(why) = host.write_status()
        {
            return Err(why.into());
        }
        if session.only_listens() {
            self.check_listening(id)?;
        }
        if self.loading && !flags.contains(Flags::LOADING) {
            return Err("LOADING Redis is loading the dataset in memory".into());
        }
        Ok(id)
    }

    /// Whether a client has given the password, or none is asked for any more.
    #[inline]
    pub fn is_authenticated(&self, session: &Session) -> bool {
        session.authenticated || self.settings.password.is_empty()
    }

    /// What a client may do that listens on a RESP2 connection.
    #[cold]
    fn check_listening(&self, id: CommandId) -> Result<(), Error> {
        const ALLOWED: &[&str] =
            &["ping", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "quit", "reset"];
        let command = self.registry.get(id);
        if ALLOWED.contains(&command.spec.name) {
            return Ok(());
        }
        let allowed = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
        Err(format!("ERR Can't execute '{}': {allowed}", command.full_name).into())
    }

    /// Whether a command writes, or is a `PING`, which tells of a failing disk as Redis's does, or an `EXEC` of writes.
    fn is_write(&self, session: &Session, id: CommandId) -> bool {
        let spec = self.registry.get(id).spec;
        let queued_write = || {
            let queue = session.transaction.iter().flat_map(|t| &t.queue);
            queue.into_iter().any(|(id, _)| self.registry.get(*id).spec.flags.contains(Flags::WRITE))
        };
        spec.flags.contains(Flags::WRITE) || spec.name == "ping" || (matches!(spec.run, Run::Exec) && queued_write())
    }

    /// Whether a command that comes next would write: not one that is refused for its client or only queued.
    pub fn would_write(&self, session: &Session, prepared: Prepared) -> bool {
        prepared.command.is_some_and(|id| {
            let spec = self.registry.get(id).spec;
            let is_queued = session.transaction.is_some() && !spec.flags.contains(Flags::NOT_QUEUED);
            self.is_authenticated(session) && !is_queued && spec.name != "ping" && self.is_write(session, id)
        })
    }

    /// Whether a command is refused when memory is short: one that says so, an `EXEC` of such, and whatever would be queued.
    fn needs_memory(&self, session: &Session, id: CommandId) -> bool {
        let spec = self.registry.get(id).spec;
        match &session.transaction {
            Some(t) if matches!(spec.run, Run::Exec) => {
                t.queue.iter().any(|(id, _)| self.registry.get(*id).spec.flags.contains(Flags::DENYOOM))
            }
            Some(_) => !spec.flags.contains(Flags::NOT_QUEUED),
            None => spec.flags.contains(Flags::DENYOOM),
        }
    }

    fn must_pause(&self, session: &Session, id: CommandId) -> bool {
        let spec = self.registry.get(id).spec;
        match self.pause {
            Pause::Off => false,
            // Also CLIENT UNPAUSE: such a pause ends by its time, as in Redis.
            Pause::All => true,
            Pause::Writes => {
                let may_write = |spec: &crate::CommandSpec| spec.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE);
                match &session.transaction {
                    Some(t) if matches!(spec.run, Run::Exec) => t.queue.iter().any(|(id, _)| may_write(self.registry.get(*id).spec)),
                    // Also one that would only be queued.
                    _ => may_write(spec),
                }
            }
        }
    }

    #[cold]
    fn reject(&mut self, session: &mut Session, found: Option<CommandId>, rejection: Error, mut reply: Reply<'_>) {
        if let Some(id) = found {
            self.command_stats[id.index()].rejected += 1;
        }
        let is_exec = found.is_some_and(|id| matches!(self.registry.get(id).spec.run, Run::Exec));
        let error = if is_exec {
            self.discard(session);
            let reason = rejection.text().strip_prefix(b"ERR ").unwrap_or(rejection.text());
            [b"EXECABORT Transaction discarded because of: ", reason].concat().into()
        } else {
            if let Some(transaction) = &mut session.transaction {
                transaction.aborted = true;
            }
            rejection
        };
        self.stats.count_error(error.code());
        reply.error(error.text());
        advance_reply_skip(session);
    }

    fn queue(&mut self, session: &mut Session, args: Args<'_>, id: CommandId, mut reply: Reply<'_>) {
        let transaction = session.transaction.as_mut().expect("only called inside MULTI");
        let owned = args.to_owned();
        transaction.bytes += owned.memory_usage();
        transaction.queue.push((id, owned));
        reply.simple("QUEUED");
    }

    /// `EXEC`: all queued commands, with nothing in between.
    fn exec(&mut self, session: &mut Session, args: Args<'_>, id: CommandId, mut reply: Reply<'_>, host: &mut dyn Host) {
        let start = self.measured_ns;
        match session.transaction.take() {
            None => self.fail(id, "ERR EXEC without MULTI".into(), &mut reply),
            Some(transaction) => self.exec_transaction(session, id, &transaction, &mut reply, host),
        }
        if self.monitored {
            self.show_monitors(session, args, id, host);
        }
        self.finish(session, args, id, start);
    }

    fn exec_transaction(
        &mut self,
        session: &mut Session,
        id: CommandId,
        transaction: &Transaction,
        reply: &mut Reply<'_>,
        host: &mut dyn Host,
    ) {
        let watched_changed = self.watched_changed(session);
        self.unwatch(session);
        if transaction.aborted {
            return self.fail(id, "EXECABORT Transaction discarded because of previous errors.".into(), reply);
        }
        if watched_changed {
            return reply.null_array();
        }
        let muted = reply.is_muted();
        reply.array(transaction.queue.len());
        session.in_exec = true;
        for (id, queued) in &transaction.queue {
            reply.set_protocol(session.protocol);
            let mut each = reply.reborrow();
            each.set_muted(muted);
            self.call(session, queued.as_args(), *id, None, each, host);
        }
        session.in_exec = false;
    }

    /// Forgets a transaction.
    pub(crate) fn discard(&mut self, session: &mut Session) {
        session.transaction = None;
        self.unwatch(session);
    }

    /// Runs one command and keeps its statistics.
    pub(crate) fn call(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        id: CommandId,
        key_hash: Option<u64>,
        reply: Reply<'_>,
        host: &mut dyn Host,
    ) {
        let spec = self.registry.get(id).spec;
        let start = self.measured_ns;
        session.last_command = Some(id);
        let dirty = self.dirty;
        self.explicit_effects = false;
        self.partly_expired.clear();
        self.no_touch = session.flags.contains(SessionFlags::NO_TOUCH) && spec.name != "touch";
        let reply_start = reply.position();
        let db = session.db;
        let mut cx = Context { engine: self, session, args, reply, spec, id, key_hash };
        let result = match spec.run {
            Run::Engine(run) => run(&mut cx),
            Run::Host(command) => host.run(command, &mut cx),
            Run::Exec | Run::Container => unreachable!("dispatched elsewhere, and refused by the arity check"),
        };
        if let Err(error) = result {
            cx.reply.truncate(reply_start);
            let Context { engine, mut reply, .. } = cx;
            engine.fail(id, error, &mut reply);
        } else if self.dirty != dirty && !self.explicit_effects {
            self.log_as_called(db, id, args);
        }
        // Not before its effects are recorded, which those who watch must wait for.
        if self.monitored {
            self.show_monitors(session, args, id, host);
        }
        // A transaction's must not leave before all of it is kept.
        if !session.in_exec {
            self.deliver_messages(host);
        }
        self.finish(session, args, id, start);
    }

    /// Tells those who watch of a command that was executed: `EXEC` comes after what it executed, and with the new database
    /// if there is one.
    #[cold]
    fn show_monitors(&self, session: &Session, args: Args<'_>, id: CommandId, host: &mut dyn Host) {
        if !self.waits.is_resuming() && !self.registry.get(id).spec.flags.intersects(Flags::SKIP_MONITOR | Flags::ADMIN) {
            let lsn = if self.settings.track_reads { self.effects.lsn() } else { 0 };
            host.monitor(session, &self.registry.get(id).full_name, args, self.now_us(), lsn);
        }
    }

    #[cold]
    pub(crate) fn fail(&mut self, id: CommandId, error: Error, reply: &mut Reply<'_>) {
        self.command_stats[id.index()].failed += 1;
        self.stats.count_error(error.code());
        reply.error(error.text());
    }

    #[inline]
    fn finish(&mut self, session: &Session, args: Args<'_>, id: CommandId, start_ns: u64) {
        if session.is_replay() {
            return;
        }
        let now = self.clock.monotonic_ns();
        let elapsed = now.saturating_sub(start_ns);
        if !session.waits_for_keys() {
            self.stats.commands += 1;
            self.command_stats[id.index()].record(elapsed, self.settings.latency_tracking);
        }
        let us = elapsed / 1000;
        let slower_than = self.settings.slowlog_slower_than_us;
        if slower_than >= 0 && us as i64 >= slower_than || self.settings.latency_threshold_ms > 0 {
            self.note_slow(session, args, id, us);
        }
        self.measured_ns = now;
        if !session.in_exec {
            self.set_now(now);
        }
    }

    #[cold]
    fn note_slow(&mut self, session: &Session, args: Args<'_>, id: CommandId, us: u64) {
        let command = self.registry.get(id);
        let flags = command.spec.flags;
        let second = self.now_ms / 1000;
        let slower_than = self.settings.slowlog_slower_than_us;
        if slower_than >= 0 && us as i64 >= slower_than && !flags.contains(Flags::SKIP_SLOWLOG) {
            self.slowlog.record(second, us, &command.full_name, args, session, self.settings.slowlog_max_len);
        }
        let event = if flags.contains(Flags::FAST) { "fast-command" } else { "command" };
        self.latency.record(event, second, us / 1000, self.settings.latency_threshold_ms);
    }
}

/// `CLIENT REPLY SKIP` silences exactly the command after it.
fn advance_reply_skip(session: &mut Session) {
    session.flags.remove(SessionFlags::REPLY_SKIP);
    if session.flags.contains(SessionFlags::REPLY_SKIP_NEXT) {
        session.flags.remove(SessionFlags::REPLY_SKIP_NEXT);
        session.flags.insert(SessionFlags::REPLY_SKIP);
    }
}

/// What a web browser sends that a hostile page has pointed at this port: the lines after it may be commands.
fn is_http(args: Args<'_>) -> bool {
    [&b"post"[..], b"host:"].iter().any(|word| args.at(0).eq_ignore_ascii_case(word))
}
