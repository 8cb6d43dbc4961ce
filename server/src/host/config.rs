//! `CONFIG`: reading, changing and keeping the configuration of a running server.

use crate::config::{Change, Config, SetError};
use crate::file_limit;
use crate::listener::Rebinding;
use crate::logging;
use crate::outside::Outside;
use crate::server_stats::ServerStats;
use graven_aof::FsyncPolicy;
use graven_engine::{CommandStats, Context, Engine, Error, SessionFlags, Stats, error};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// `CONFIG GET pattern [pattern …]`
pub(super) fn get(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let found = outside.config.get(cx.args.skip(2));
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(value.as_bytes());
    }
    Ok(())
}

/// `CONFIG SET name value [name value …]`: all or none.
pub(super) fn set(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let words: Vec<&[u8]> = cx.args.skip(2).collect();
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(error::SYNTAX.into());
    }
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    let local = outside.is_local(cx.session.id, cx.session.flags.contains(SessionFlags::UNIX_SOCKET));
    let change = outside.config.prepare(&pairs, local).map_err(SetError::into_reply)?;
    outside.apply(cx.engine, change, cx.session.in_exec).map_err(SetError::into_reply)?;
    cx.reply.ok();
    Ok(())
}

/// `CONFIG REWRITE`
pub(super) fn rewrite(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    outside.config.rewrite().map_err(|e| {
        logging::log!(Warning, "CONFIG REWRITE failed: {e}");
        format!("ERR {e}")
    })?;
    logging::log!(Notice, "CONFIG REWRITE executed with success.");
    cx.reply.ok();
    Ok(())
}

/// `CONFIG RESETSTAT`
pub(super) fn reset_stat(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    cx.engine.stats = Stats::default();
    cx.engine.command_stats.fill(CommandStats::default());
    outside.stats = ServerStats { peak_memory: outside.stats.peak_memory, ..ServerStats::default() };
    cx.reply.ok();
    Ok(())
}

impl SetError {
    fn into_reply(self) -> Error {
        format!("ERR {self}").into()
    }
}

impl Outside {
    /// Whether a client is on this machine (`enable-protected-configs local`).
    pub(super) fn is_local(&self, id: u64, unix_socket: bool) -> bool {
        let by_address = || self.slot_of(id).is_some_and(|slot| self.clients[slot].is_local);
        unix_socket || by_address()
    }

    /// Makes a valid change true. What can fail comes first, so that a failure leaves everything as it was.
    fn apply(&mut self, engine: &mut Engine, change: Change, in_exec: bool) -> Result<(), SetError> {
        let Change { config, changed } = change;
        let has = |name: &str| changed.contains(&name);
        if has("appendonly") && (in_exec || engine.loading) {
            return Err(SetError::failed("appendonly", "it can't be changed inside a transaction or while loading"));
        }
        if has("maxclients") {
            file_limit::make_room(config.maxclients)?;
        }
        let old_dir = if has("dir") { Some(enter(&config.dir).map_err(|e| SetError::failed("dir", e.to_string()))?) } else { None };
        let name = if has("port") { "port" } else { "bind" };
        let switched = if has("port") || has("bind") {
            self.listen_elsewhere(&config, name).and_then(|rebinding| {
                let switched = self.switch_log(engine, &config, has("appendonly"));
                switched.inspect_err(|_| self.listen_as_before(rebinding))
            })
        } else {
            self.switch_log(engine, &config, has("appendonly"))
        };
        if let Err(e) = switched {
            if let Some(dir) = old_dir
                && let Err(e) = rustix::process::fchdir(dir)
            {
                logging::log!(Warning, "Can't chdir back to '{}': {e}", self.config.dir.display());
            }
            return Err(e);
        }
        logging::set_level(config.loglevel);
        let active_expire = engine.settings.active_expire;
        let track_reads = engine.settings.track_reads;
        engine.settings = config.engine_settings();
        engine.settings.active_expire = active_expire;
        engine.settings.track_reads = track_reads;
        engine.effects.set_timestamps(config.aof_timestamp_enabled);
        let now_us = self.now_us();
        if let Some(log) = &mut self.log {
            if log.policy() == FsyncPolicy::Always && config.appendfsync != FsyncPolicy::Always {
                self.durable_until = engine.effects.lsn();
            }
            log.set_policy(config.appendfsync, now_us);
            log.set_block_checksums(config.aof_block_checksums);
            log.set_fill_ahead(config.aof_fill_ahead_bytes);
            log.set_auto_collect(!config.aof_disable_auto_gc);
            engine.set_track_reads(config.appendfsync == FsyncPolicy::Always && !log.is_pending());
        }
        self.config = config;
        self.refresh_acknowledged();
        Ok(())
    }

    fn switch_log(&mut self, engine: &mut Engine, config: &Config, changed: bool) -> Result<(), SetError> {
        let switched = match (changed, config.appendonly) {
            (false, _) => Ok(()),
            (true, true) if self.is_capturing() || self.persistence.is_closing() => {
                self.want_log();
                Ok(())
            }
            (true, true) => self.begin_log(engine, config),
            (true, false) => self.stop_log(engine),
        };
        switched.map_err(|e| SetError::failed("appendonly", e.to_string()))
    }

    /// Listens on other addresses, until what is returned is taken back. If that is impossible, nothing has changed.
    fn listen_elsewhere(&mut self, config: &Config, name: &str) -> Result<Rebinding, SetError> {
        let mut rebinding = Rebinding::new(&self.listeners, config.tcp_backlog);
        let bound = rebinding.bind(&mut self.listeners, &config.bind, config.port).map_err(|e| e.to_string());
        match bound.and_then(|()| self.register_listeners().map_err(|e| e.to_string())) {
            Ok(()) => Ok(rebinding),
            Err(e) => {
                logging::log!(Warning, "{e}");
                self.listen_as_before(rebinding);
                Err(SetError::failed(name, "Unable to listen on this port. Check server logs."))
            }
        }
    }

    fn listen_as_before(&mut self, rebinding: Rebinding) {
        rebinding.take_back(&mut self.listeners);
        if let Err(e) = self.register_listeners() {
            logging::log!(Warning, "Can't listen: {e}");
        }
    }
}

/// Makes a directory the current one. The one before is returned open, so that it can be gone back to even if its path
/// leads there no more.
fn enter(dir: &Path) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open};
    let before = open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    std::env::set_current_dir(dir)?;
    Ok(before)
}
