//! `CONFIG`: reading, changing and keeping the configuration of a running server.

use crate::config::{Change, SetError};
use crate::file_limit;
use crate::listener::Listener;
use crate::logging;
use crate::outside::Outside;
use crate::server_stats::ServerStats;
use graven_aof::FsyncPolicy;
use graven_engine::{CommandStats, Context, Engine, Error, SessionFlags, Stats};

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
    if let [odd] = rest {
        return Err(SetError::Unknown(String::from_utf8_lossy(odd).into_owned()).into_reply());
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
        if has("dir") {
            std::env::set_current_dir(&config.dir).map_err(|e| SetError::failed("dir", e.to_string()))?;
        }
        if has("port") || has("bind") {
            let name = if has("port") { "port" } else { "bind" };
            self.listen_elsewhere(&config.bind, config.port, config.tcp_backlog).map_err(|e| {
                logging::log!(Warning, "{e}");
                SetError::failed(name, "Unable to listen on this port. Check server logs.")
            })?;
        }
        if has("appendonly") {
            let switched = if config.appendonly { self.start_log(engine, &config) } else { self.stop_log(engine) };
            switched.map_err(|e| SetError::failed("appendonly", e.to_string()))?;
        }
        logging::set_level(config.loglevel);
        let active_expire = engine.settings.active_expire;
        let track_reads = engine.settings.track_reads;
        engine.settings = config.engine_settings();
        engine.settings.active_expire = active_expire;
        engine.settings.track_reads = track_reads;
        engine.effects.set_timestamps(config.aof_timestamp_enabled);
        if let Some(log) = &mut self.log {
            if log.policy() == FsyncPolicy::Always && config.appendfsync != FsyncPolicy::Always {
                self.durable_until = engine.effects.lsn();
            }
            log.set_policy(config.appendfsync, self.start.elapsed().as_micros() as u64);
            log.set_block_checksums(config.aof_block_checksums);
            engine.set_track_reads(config.appendfsync == FsyncPolicy::Always);
        }
        self.config = config;
        self.refresh_acknowledged();
        Ok(())
    }

    /// Listens on other addresses, then no more on the old ones.
    fn listen_elsewhere(&mut self, bind: &[String], port: u16, backlog: i32) -> Result<(), String> {
        let (kept, old): (Vec<Listener>, Vec<Listener>) = std::mem::take(&mut self.listeners).into_iter().partition(Listener::is_unix);
        // An address that stays could not be bound while it is still listened on.
        drop(old);
        let bound = if port == 0 { Ok(Vec::new()) } else { Listener::bind_tcp(bind, port, backlog) };
        let (tcp, failure) = match bound {
            Ok(listeners) => (listeners, None),
            Err(e) => {
                let config = &self.config;
                let before = if config.port == 0 { Ok(Vec::new()) } else { Listener::bind_tcp(&config.bind, config.port, backlog) };
                (before.unwrap_or_default(), Some(e.to_string()))
            }
        };
        self.listeners = tcp.into_iter().chain(kept).collect();
        let registered = self.register_listeners().map_err(|e| e.to_string());
        failure.map_or(registered, Err)
    }
}
