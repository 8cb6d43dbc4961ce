//! When snapshots are made, and what became of them: `BGSAVE`, save points, and the rules between them and rewrites of the log.
//!
//! One capture runs at a time, so a snapshot and a rewrite follow each other: whoever comes second is *scheduled*, as in Redis.

use crate::config::Config;
use crate::logging::log;
use crate::outside::Outside;
use crate::rewrite::Rewriting;
use crate::server::Server;
use crate::snapshot::{self, Job};
use graven_engine::Engine;
use std::io;
use std::thread::JoinHandle;

/// After a failed snapshot the next one is tried this much later.
const SAVE_RETRY_MS: u64 = 5_000;

/// What became of the attempts of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Whether the last one succeeded; so does what never was.
    pub(crate) last_ok: bool,
    /// How long the last one took, seconds.
    pub(crate) last_took_s: Option<u64>,
    /// How many succeeded.
    pub(crate) done: u64,
    /// When the last one began, Unix milliseconds.
    pub(crate) tried_ms: u64,
    pub(crate) failures_in_a_row: u32,
}

impl Default for Record {
    fn default() -> Self {
        Record { last_ok: true, last_took_s: None, done: 0, tried_ms: 0, failures_in_a_row: 0 }
    }
}

impl Record {
    pub(crate) fn end(&mut self, is_ok: bool, took_us: u64) {
        self.last_ok = is_ok;
        self.last_took_s = Some(took_us / 1_000_000);
        self.done += u64::from(is_ok);
        self.failures_in_a_row = if is_ok { 0 } else { self.failures_in_a_row + 1 };
    }
}

/// A snapshot under way.
pub(crate) struct Saving {
    pub(crate) job: Job<u64>,
    /// [`Engine::dirty`] at its moment.
    dirty: u64,
    /// It is not wanted any more.
    is_cancelled: bool,
}

/// Snapshots: what runs, what is to run, and what became of it.
#[derive(Default)]
pub(crate) struct Persistence {
    pub(crate) saving: Option<Saving>,
    /// `BGSAVE SCHEDULE`, or what came while the log was rewritten.
    pub(crate) save_scheduled: bool,
    pub(crate) saves: Record,
    pub(crate) rewriting: Option<Rewriting>,
    /// `BGREWRITEAOF` while a snapshot was made.
    pub(crate) rewrite_scheduled: bool,
    pub(crate) rewrites: Record,
    /// Logging is wanted, and has no base yet.
    pub(crate) wants_log: bool,
    /// Ends a log that was given up: its threads may hang at the disk.
    pub(crate) closing: Option<JoinHandle<()>>,
    /// When an RDB file was last written, seconds since the epoch.
    pub(crate) last_save_s: u64,
}

impl Persistence {
    /// Whether the job that runs has something to do now.
    pub(crate) fn may_walk(&self, now_us: u64) -> bool {
        let saves = self.saving.as_ref().is_some_and(|saving| saving.job.may_walk(now_us, true));
        saves || self.rewriting.as_ref().and_then(Rewriting::job).is_some_and(|job| job.may_walk(now_us, true))
    }

    /// Whether a log that was given up still has the directory's lock.
    pub(crate) fn is_closing(&mut self) -> bool {
        self.closing.take_if(|thread| thread.is_finished());
        self.closing.is_some()
    }

    /// Writes are refused because snapshots fail and somebody counts on them.
    pub(crate) fn denies_writes(&self, config: &Config) -> bool {
        config.stop_writes_on_bgsave_error && !config.save.is_empty() && !self.saves.last_ok
    }

    /// A snapshot was written.
    pub(crate) fn saved(&mut self, engine: &mut Engine, dirty: u64) {
        engine.dirty = engine.dirty.saturating_sub(dirty);
        self.last_save_s = engine.now_ms() / 1000;
    }
}

/// What writes are told then.
pub(crate) const SNAPSHOTS_FAIL: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

impl Outside {
    /// Whether a capture is running, or about to.
    pub(crate) fn is_capturing(&self) -> bool {
        self.persistence.saving.is_some() || self.persistence.rewriting.is_some()
    }

    /// Keys that the capture under way has written, and keys there are in all.
    pub(crate) fn capture_progress(&self) -> (u64, u64) {
        let Persistence { saving, rewriting, .. } = &self.persistence;
        let rewrite = || rewriting.as_ref().and_then(Rewriting::job).map(Job::keys);
        saving.as_ref().map(|saving| saving.job.keys()).or_else(rewrite).unwrap_or_default()
    }

    /// Bytes that it has written.
    pub(crate) fn capture_bytes(&self) -> u64 {
        let Persistence { saving, rewriting, .. } = &self.persistence;
        let rewrite = || rewriting.as_ref().and_then(Rewriting::job).map(Job::bytes);
        saving.as_ref().map(|saving| saving.job.bytes()).or_else(rewrite).unwrap_or_default()
    }

    /// Bytes that wait to be written.
    pub(crate) fn capture_held_bytes(&self) -> u64 {
        let Persistence { saving, rewriting, .. } = &self.persistence;
        let rewrite = rewriting.as_ref().and_then(Rewriting::job).map_or(0, Job::held_bytes);
        saving.as_ref().map_or(0, |saving| saving.job.held_bytes()) + rewrite
    }

    /// Seconds since a moment on the server's clock.
    pub(crate) fn seconds_exactly_since(&self, us: u64) -> f64 {
        self.now_us().saturating_sub(us) as f64 / 1e6
    }

    /// Whole seconds since a moment on the server's clock.
    pub(crate) fn seconds_since(&self, us: u64) -> u64 {
        self.now_us().saturating_sub(us) / 1_000_000
    }

    /// Begins a snapshot of this moment.
    pub(crate) fn start_save(&mut self, engine: &mut Engine) {
        let capture = engine.keyspace.begin_capture();
        let facts = snapshot::facts(engine, &self.config, capture.databases().to_vec(), false);
        let work = snapshot::save_work(self.disk(), &self.config, facts);
        self.persistence.save_scheduled = false;
        self.persistence.saves.tried_ms = engine.now_ms();
        let job = Job::start(capture, work, self.surroundings.worker_waker(&self.waker), self.now_us());
        self.persistence.saving = Some(Saving { job, dirty: engine.dirty, is_cancelled: false });
        log!(Notice, "Background saving started");
    }

    /// `no-appendfsync-on-rewrite`: the disk is left to whoever writes a lot.
    pub(crate) fn pause_fsyncs(&mut self) {
        let pauses = self.config.no_appendfsync_on_rewrite && self.is_capturing();
        if let Some(log) = &mut self.log {
            log.pause_fsync(pauses);
        }
    }

    /// Gives the snapshot up that is being made, if one is.
    pub(crate) fn cancel_save(&mut self) {
        if let Some(saving) = &mut self.persistence.saving {
            saving.is_cancelled = true;
            saving.job.cancel();
        }
    }

    /// Writes the RDB file at once; returns its size. A snapshot that is being made is given up, and its end waited for: it has the
    /// same temporary file, and would otherwise take the place of this later state.
    pub(crate) fn save_now(&mut self, engine: &Engine) -> io::Result<u64> {
        if let Some(saving) = &mut self.persistence.saving {
            saving.is_cancelled = true;
            saving.job.stop();
        }
        snapshot::save(engine, &self.disk(), &self.config)
    }
}

impl Server {
    /// Goes on with what runs. To be called at the end of a turn, when the log has all effects. `is_idle`: no client did anything in it.
    pub(crate) fn advance_persistence(&mut self, is_idle: bool) {
        let Server { engine, outside, .. } = self;
        let Some(mut saving) = outside.persistence.saving.take() else { return };
        saving.job.advance(&mut engine.keyspace, is_idle, &|| outside.now_us());
        match saving.job.poll(&mut engine.keyspace) {
            None => outside.persistence.saving = Some(saving),
            Some(result) => {
                let took_us = outside.now_us() - saving.job.started_us();
                if saving.is_cancelled && result.is_err() {
                    // That is no failure of the disk: what the last one found still holds, as in Redis.
                    log!(Notice, "Background saving was given up");
                    outside.persistence.saves.last_took_s = Some(took_us / 1_000_000);
                    return;
                }
                outside.persistence.saves.end(result.is_ok(), took_us);
                match result {
                    Ok(bytes) => {
                        log!(Notice, "DB saved on disk ({bytes} bytes)");
                        log!(Notice, "Background saving terminated with success");
                        outside.persistence.saved(engine, saving.dirty);
                    }
                    Err(e) => log!(Warning, "Background saving error: {e}"),
                }
            }
        }
    }

    /// Ten times a second: begins what is due.
    pub(crate) fn start_due_saves(&mut self) {
        let Server { engine, outside, .. } = self;
        if outside.is_capturing() || engine.loading || outside.shutdown.is_some() {
            return;
        }
        let now_ms = engine.now_ms();
        let saves = &outside.persistence.saves;
        let may_try = saves.last_ok || now_ms.saturating_sub(saves.tried_ms) > SAVE_RETRY_MS;
        let since_s = (now_ms / 1000).saturating_sub(outside.persistence.last_save_s);
        let due = outside.config.save.iter().find(|point| engine.dirty >= point.changes && since_s > point.seconds);
        if let Some(point) = due.filter(|_| may_try) {
            log!(Notice, "{} changes in {} seconds. Saving...", point.changes, point.seconds);
        } else if !(outside.persistence.save_scheduled && may_try) {
            return;
        }
        outside.start_save(engine);
    }
}
