//! The log comes into being, or ceases to be used: at the start, and when `CONFIG SET appendonly` says so.
//!
//! A log that begins with data begins with a base that is written whole from memory before the manifest names it ([`Log::create`] at the
//! start, [`Log::begin`] while clients are served). So whatever happens on the way, the next start finds either the state before or
//! all of the state after.

use crate::config::Config;
use crate::host::log_failure_text;
use crate::logging::log;
use crate::outside::Outside;
use crate::snapshot;
use graven_aof::{BaseFormat, Disk, FsyncPolicy, Log, Runtime};
use graven_engine::Engine;
use std::io::BufWriter;
use std::sync::Arc;
use std::time::Duration;

/// How long the disk may take for the rest of the log.
pub(crate) const MAX_FLUSH: Duration = Duration::from_secs(60);

impl Outside {
    /// What a log needs of the process.
    pub(crate) fn log_runtime(&self) -> Runtime {
        self.surroundings.log_runtime(&self.waker)
    }

    /// The disk that has the data directory.
    pub(crate) fn disk(&self) -> Disk {
        self.surroundings.disk(&self.config)
    }

    /// From now on effects go to this log.
    pub(crate) fn use_log(&mut self, engine: &mut Engine, mut log: Log<Disk>) {
        log.set_auto_collect(!self.config.aof_disable_auto_gc);
        engine.effects.set_base(log.appended());
        engine.effects.set_enabled(true);
        engine.effects.set_timestamps(self.config.aof_timestamp_enabled);
        engine.set_track_reads(log.policy() == FsyncPolicy::Always && !log.is_pending());
        self.log = Some(log);
        // What the log before owed is durable, or was given up; this one may count from anywhere.
        self.durable_until = 0;
        self.refresh_acknowledged();
    }

    /// Makes a log whose base is what is in memory, before anybody is served.
    pub(crate) fn make_log(&mut self, engine: &mut Engine, config: &Config) -> graven_aof::Result<()> {
        let storage = Arc::new(self.surroundings.disk(config));
        let format = if config.aof_use_rdb_preamble { BaseFormat::Rdb } else { BaseFormat::Commands };
        let log = Log::create(storage, config.log_options(), self.log_runtime(), engine.effects.lsn(), format, |out| {
            snapshot::write(engine, config, true, BufWriter::new(out)).map(drop)
        })?;
        self.use_log(engine, log);
        Ok(())
    }

    /// Begins a log, whose base is what is in memory now and is written in the background. Until it is there, nothing is promised that
    /// was not before.
    pub(crate) fn begin_log(&mut self, engine: &mut Engine, config: &Config) -> graven_aof::Result<()> {
        let storage = Arc::new(self.surroundings.disk(config));
        self.persistence.rewrites.tried_ms = engine.now_ms();
        let begun = Log::begin(storage, config.log_options(), self.log_runtime(), engine.effects.lsn());
        let log = begun.inspect_err(|e| {
            log!(Warning, "Can't begin the append only file: {e}");
            self.persistence.rewrites.end(false, 0);
        })?;
        self.persistence.wants_log = true;
        self.use_log(engine, log);
        self.start_first_base(engine, config);
        Ok(())
    }

    /// Begins a log as soon as the snapshot is done that is being made, and the log before is out of the way.
    pub(crate) fn want_log(&mut self) {
        self.persistence.wants_log = true;
        self.persistence.rewrites.tried_ms = 0;
    }

    /// Ends logging. Everything acknowledged so far is made durable first, unless the disk fails: then the log is left as it is, since
    /// this may be the way out, and who waits for it is told that it failed.
    ///
    /// # Errors
    /// The disk does not fail, but takes too long. Nothing has changed.
    pub(crate) fn stop_log(&mut self, engine: &mut Engine) -> graven_aof::Result<()> {
        let now_us = self.now_us();
        self.submit(&mut engine.effects, now_us);
        if let Some(log) = self.log.as_mut().filter(|log| !log.is_pending())
            && let Err(e) = log.flush(MAX_FLUSH.as_micros() as u64)
        {
            let Err(failure) = log.status() else { return Err(e) };
            self.forsaken = Some(log_failure_text(failure));
            let missing = log.info(now_us).at_risk_bytes;
            log!(Warning, "The append only file is left without its last {missing} bytes, which may be lost: {e}");
        }
        self.cancel_rewrite("logging was switched off");
        self.persistence.wants_log = false;
        self.leave_log(engine);
        Ok(())
    }

    /// From now on nothing is logged. Nobody waits for what the threads of a log in the making, or of one that fails, are doing.
    pub(crate) fn leave_log(&mut self, engine: &mut Engine) {
        let busy = self.log.take().filter(|log| log.is_pending() || log.status().is_err());
        // Nobody waits in a simulation. Without a thread it is dropped here.
        if let Some(log) = busy.filter(|_| self.surroundings.simulated.is_none()) {
            self.persistence.closing = std::thread::Builder::new().name("log-closer".into()).spawn(move || drop(log)).ok();
        }
        engine.effects.set_enabled(false);
        engine.set_track_reads(false);
        self.refresh_acknowledged();
    }
}
