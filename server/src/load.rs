//! Bringing the data set back at the start: from the log, or from an RDB file.
//!
//! Clients may connect meanwhile and are told `-LOADING`. The log is read, checked, split into commands and looked up by
//! another thread; here they are only executed (`replay.rs`). An RDB is read and decoded by several others (`snapshot/loading.rs`).

use crate::log_switch::MAX_FLUSH;
use crate::logging::log;
use crate::outside::LoadProgress;
use crate::replay::{Replay, Script};
use crate::server::{Server, ServerError};
use crate::snapshot::{self, Loaded, Loading};
use graven_aof::{Options, Part, Recovery};
use graven_engine::Blocked;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often clients are listened to while loading, microseconds.
const LISTEN_EVERY_US: u64 = 10_000;
/// How often progress is told in the log.
const REPORT_EVERY_US: u64 = 1_000_000;

/// When to do what besides loading, microseconds on the server's clock.
struct Pace {
    listen_at_us: u64,
    report_at_us: u64,
    /// What is loaded.
    what: &'static str,
}

impl Pace {
    fn new(began_us: u64, what: &'static str) -> Pace {
        Pace { listen_at_us: began_us + LISTEN_EVERY_US, report_at_us: began_us + REPORT_EVERY_US, what }
    }
}

impl Server {
    /// Loads what there is and opens the log. True if the server was told to stop meanwhile.
    pub fn load(&mut self) -> Result<bool, ServerError> {
        self.engine.loading = true;
        if let Err(e) = snapshot::remove_leftovers(&self.outside.disk()) {
            log!(Warning, "Can't remove what an interrupted save has left: {e}");
        }
        let began_us = self.outside.now_us();
        self.outside.loading.started_ms = self.engine.now_ms();
        let stopped = if self.outside.config.appendonly {
            self.load_log(began_us)?
        } else {
            // There is no lock to wait for.
            self.outside.write_pid_file();
            self.load_snapshot(began_us)?
        };
        self.engine.loading = false;
        self.outside.loading = LoadProgress::default();
        self.engine.dirty = 0;
        // Loading needed buffers that serving does not.
        crate::allocator::give_back();
        self.outside.refresh_acknowledged();
        Ok(stopped)
    }

    /// `DEBUG LOADAOF`: forgets the data set and loads it from the log, as a restart would. True if the server was told
    /// to stop meanwhile. If the log cannot be written to its end nothing is forgotten; if it cannot be read again the
    /// server stops, since it must not serve anything else.
    pub(crate) fn reload(&mut self) -> Result<bool, ServerError> {
        self.outside.reload = false;
        let (reply, stopped) = match self.prepare_reload() {
            Err(e) => (format!("-ERR {e}\r\n"), false),
            Ok(()) => {
                // The log's lock must be free for whoever opens it next.
                self.outside.log = None;
                self.outside.refresh_acknowledged();
                self.engine.effects.set_enabled(false);
                for db in 0..self.engine.keyspace.databases() {
                    self.engine.keyspace.db_mut(db).clear();
                }
                let stopped = self.load()?;
                log!(Warning, "Append Only File loaded by DEBUG LOADAOF");
                ("+OK\r\n".to_owned(), stopped)
            }
        };
        self.outside.unblock_all(&Blocked::Reload, reply.as_bytes());
        Ok(stopped)
    }

    /// Sees to it that the log holds everything that is in memory, and that nobody is about to change its files.
    fn prepare_reload(&mut self) -> Result<(), String> {
        let outside = &mut self.outside;
        if !outside.config.appendonly {
            return Err("there is no append only file to load: appendonly is no".to_owned());
        }
        // Looked at here and not with the command: what came behind it in the same turn may have begun one.
        if outside.is_capturing() || outside.persistence.wants_log {
            return Err("A snapshot or a base of the append only file is being made: try again when it is done".to_owned());
        }
        let Some(log) = &mut outside.log else { return Err("there is no append only file to load".to_owned()) };
        log.flush(MAX_FLUSH.as_micros() as u64).map_err(|e| format!("Error flushing the append only file: {e}"))
    }

    fn load_log(&mut self, began_us: u64) -> Result<bool, ServerError> {
        let options: Options = self.outside.config.log_options();
        let storage = Arc::new(self.outside.disk());
        if !Recovery::exists(&*storage, &options)? && snapshot::exists(&self.outside.disk(), &self.outside.config) {
            return self.adopt_snapshot(began_us);
        }
        let lookup = self.engine.lookup();
        let mut recovery = Recovery::open_with(storage, options, move |chunk| Script::new(chunk, &lookup))?;
        self.outside.write_pid_file();
        self.outside.loading.total_bytes = recovery.bytes_total();
        let mut replay = Replay::default();
        let mut pace = Pace::new(began_us, "append only file");
        while let Some(part) = recovery.next_part()? {
            match part {
                Part::Rdb(rdb) => {
                    let fail = |e: &dyn Display| ServerError::Load(format!("Can't load '{}': {e}", rdb.path));
                    // What has expired in a base is deleted when the log is loaded, as in every other file of it.
                    let loading = Loading::start(&self.engine, rdb.reader, rdb.bytes, false).map_err(|e| fail(&e))?;
                    let Some(loaded) = self.load_rdb(loading, &mut pace, fail)? else { return Ok(true) };
                    recovery.rdb_consumed(loaded.bytes);
                }
                Part::Commands(script) => {
                    let Server { engine, outside, .. } = self;
                    replay
                        .run(&script, engine, outside)
                        .map_err(|(command, e)| recovery.refuse(script.chunk(), &command, &e.to_string()))?;
                }
            }
            self.outside.loading.loaded_bytes = recovery.bytes_read();
            if self.pause_to_listen(&mut pace)? {
                return Ok(true);
            }
        }
        replay.finish(&mut self.engine);
        let (log, summary) = recovery.finish(self.outside.log_runtime())?;
        summary.warnings.iter().for_each(|warning| log!(Warning, "{warning}"));
        self.outside.use_log(&mut self.engine, log);
        if !summary.created {
            // Not within `log!`: each look moves the clock of a simulation, which must not depend on the level.
            let seconds = self.outside.seconds_exactly_since(began_us);
            log!(Notice, "DB loaded from append only file: {seconds:.3} seconds");
        }
        Ok(false)
    }

    fn load_snapshot(&mut self, began_us: u64) -> Result<bool, ServerError> {
        if snapshot::exists(&self.outside.disk(), &self.outside.config) {
            let config = self.outside.config.clone();
            let (loading, bytes) = snapshot::open_file(&self.engine, &self.outside.disk(), &config).map_err(ServerError::Load)?;
            self.outside.loading.total_bytes = bytes;
            let mut pace = Pace::new(began_us, "RDB file");
            if self.load_rdb(loading, &mut pace, |e| ServerError::Load(snapshot::file_failed(&config, e)))?.is_none() {
                return Ok(true);
            }
            let seconds = self.outside.seconds_exactly_since(began_us);
            log!(Notice, "DB loaded from disk: {seconds:.3} seconds");
        }
        Ok(false)
    }

    /// Loads an RDB, and listens to clients now and then. None if the server was told to stop meanwhile.
    fn load_rdb(
        &mut self,
        mut loading: Loading,
        pace: &mut Pace,
        fail: impl Fn(&dyn Display) -> ServerError,
    ) -> Result<Option<Loaded>, ServerError> {
        let before = self.outside.loading.loaded_bytes;
        loop {
            // Only a real clock goes on while the file is read.
            let left = Duration::from_micros(pace.listen_at_us.saturating_sub(self.outside.now_us()));
            let until = self.outside.surroundings.simulated.is_none().then(|| Instant::now() + left);
            let is_done = loading.go_on(&mut self.engine, until).map_err(|e| fail(&e))?;
            let loaded = loading.loaded();
            self.outside.loading.loaded_bytes = before + loaded.bytes;
            self.outside.loading.rdb_used_memory_bytes = loaded.used_memory_bytes;
            self.outside.stats.note_rdb(&loaded);
            if is_done {
                log!(Notice, "Done loading RDB, keys loaded: {}, keys expired: {}.", loaded.keys, loaded.expired);
                return Ok(Some(loaded));
            }
            if self.pause_to_listen(pace)? {
                return Ok(None);
            }
        }
    }

    /// There is a snapshot and no log yet: the snapshot becomes the log's base, so that nothing is left out of it.
    fn adopt_snapshot(&mut self, began_us: u64) -> Result<bool, ServerError> {
        if self.load_snapshot(began_us)? {
            return Ok(true);
        }
        let config = self.outside.config.clone();
        self.outside.make_log(&mut self.engine, &config)?;
        self.outside.write_pid_file();
        let seconds = self.outside.seconds_exactly_since(began_us);
        log!(Notice, "The snapshot was taken over into the append only file: {seconds:.3} seconds");
        Ok(false)
    }

    /// Now and then: serves clients for a moment, tells how far it is. True if the server is to stop.
    fn pause_to_listen(&mut self, pace: &mut Pace) -> Result<bool, ServerError> {
        let now_us = self.outside.now_us();
        if now_us >= pace.report_at_us {
            pace.report_at_us = now_us + REPORT_EVERY_US;
            let LoadProgress { loaded_bytes, total_bytes, .. } = self.outside.loading;
            let percent = loaded_bytes as f64 * 100.0 / total_bytes.max(1) as f64;
            log!(Notice, "Loading the {}: {percent:.1}% of {total_bytes} bytes, {} keys", pace.what, self.engine.key_count());
        }
        if now_us < pace.listen_at_us {
            return Ok(false);
        }
        let stop = self.turn(Some(Duration::ZERO))?;
        pace.listen_at_us = self.outside.now_us() + LISTEN_EVERY_US;
        Ok(stop)
    }
}
