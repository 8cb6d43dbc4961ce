//! The log comes into being, or ceases to be used: at the start, and when `CONFIG SET appendonly` says so.
//!
//! A log that begins with data begins with a base that is written whole from memory before the manifest names it
//! ([`Log::create`]). So whatever happens on the way, the next start finds either the state before or all of the state after.

use crate::config::Config;
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
    pub(crate) fn use_log(&mut self, engine: &mut Engine, log: Log<Disk>) {
        engine.effects.set_base(log.appended());
        engine.effects.set_enabled(true);
        engine.effects.set_timestamps(self.config.aof_timestamp_enabled);
        engine.set_track_reads(log.policy() == FsyncPolicy::Always);
        self.log = Some(log);
        self.refresh_acknowledged();
    }

    /// Starts a log whose base is what is in memory. The server waits until the base is durable.
    pub(crate) fn start_log(&mut self, engine: &mut Engine, config: &Config) -> graven_aof::Result<()> {
        let storage = Arc::new(self.surroundings.disk(config));
        let log = Log::create(storage, config.log_options(), self.log_runtime(), engine.effects.lsn(), BaseFormat::Rdb, |out| {
            snapshot::write(engine, config, true, BufWriter::new(out)).map(drop)
        })?;
        self.use_log(engine, log);
        Ok(())
    }

    /// Ends logging. Everything acknowledged so far is made durable first.
    pub(crate) fn stop_log(&mut self, engine: &mut Engine) -> graven_aof::Result<()> {
        let now_us = self.now_us();
        self.submit(&mut engine.effects, now_us);
        if let Some(log) = &mut self.log {
            log.flush(MAX_FLUSH.as_micros() as u64)?;
        }
        self.log = None;
        engine.effects.set_enabled(false);
        engine.set_track_reads(false);
        self.refresh_acknowledged();
        Ok(())
    }
}
