//! Rewriting the log: `BGREWRITEAOF`, the automatic triggers, and the base of a log that is switched on.
//!
//! The log says when its next file is there; at the end of that turn the line is drawn, and the keyspace captured at the same moment. What
//! happens to files, and what a stop leaves of them, is told in `aof/src/rewrite.rs`.

use crate::config::Config;
use crate::logging::log;
use crate::outside::Outside;
use crate::server::Server;
use crate::snapshot::{self, Form, Job, Work};
use graven_aof::{BaseFormat, Disk, FinishedBase, Log, RewriteState};
use graven_engine::Engine;

/// Failures in a row that are followed by another attempt at once.
const FAILURES_FREE: u32 = 3;
/// The longest pause after more of them.
const PAUSE_MAX_MINUTES: u64 = 60;
/// The first attempt to make a base again for a log that was switched on.
const PENDING_RETRY_MS: u64 = 1_000;

/// A rewrite under way.
pub(crate) struct Rewriting {
    stage: Stage,
    started_us: u64,
}

enum Stage {
    /// The log makes its next file.
    Preparing,
    /// The base is captured and written.
    Base(Job<FinishedBase<Disk>>),
    /// The log puts it in place.
    Installing,
    /// The log has failed meanwhile: the capture comes to its end.
    GivenUp(Job<FinishedBase<Disk>>, String),
}

impl Rewriting {
    /// When it began, microseconds on the server's clock.
    pub(crate) fn started_us(&self) -> u64 {
        self.started_us
    }

    /// The base in the making.
    pub(crate) fn job(&self) -> Option<&Job<FinishedBase<Disk>>> {
        match &self.stage {
            Stage::Base(job) | Stage::GivenUp(job, _) => Some(job),
            Stage::Preparing | Stage::Installing => None,
        }
    }
}

impl Outside {
    /// Begins to rewrite the log.
    ///
    /// # Errors
    /// There is no log, or its disk fails.
    pub(crate) fn start_rewrite(&mut self, now_ms: u64) -> Result<(), String> {
        let now_us = self.now_us();
        self.persistence.rewrite_scheduled = false;
        self.persistence.rewrites.tried_ms = now_ms;
        let Some(log) = &mut self.log else { return Err("there is no append only file".to_owned()) };
        log.begin_rewrite(now_us).inspect_err(|e| {
            log!(Warning, "Can't rewrite the append only file: {e}");
            self.persistence.rewrites.end(false, 0);
        })?;
        log!(Notice, "Background append only file rewriting started");
        self.persistence.rewriting = Some(Rewriting { stage: Stage::Preparing, started_us: now_us });
        Ok(())
    }

    /// The base of a log that begins now is wanted, in the form that this configuration asks for.
    pub(crate) fn start_first_base(&mut self, engine: &mut Engine, config: &Config) {
        let now_us = self.now_us();
        self.persistence.rewrites.tried_ms = engine.now_ms();
        log!(Notice, "The append only file begins with a base that is written in the background");
        let stage = self.start_base(engine, config, now_us);
        self.persistence.rewriting = Some(Rewriting { stage, started_us: now_us });
    }

    /// Captures this moment for a base.
    fn start_base(&self, engine: &mut Engine, config: &Config, now_us: u64) -> Stage {
        let log = self.log.as_ref().expect("a log is being rewritten");
        let (form, format) = match config.aof_use_rdb_preamble {
            true => (Form::Rdb, BaseFormat::Rdb),
            false => (Form::Commands { blocks: config.aof_block_checksums }, BaseFormat::Commands),
        };
        let target = log.base_target(format, config.aof_rewrite_incremental_fsync);
        let capture = engine.keyspace.begin_capture();
        let facts = snapshot::facts(engine, config, capture.databases().to_vec(), true);
        let work: Work<FinishedBase<Disk>> = Box::new(move |source| source.encode(form, facts, target.create())?.0.finish());
        Stage::Base(Job::start(capture, work, self.surroundings.worker_waker(&self.waker), now_us))
    }

    /// Gives the rewrite up that is under way, if one is. A base that is being put in place can't be stopped any more.
    pub(crate) fn cancel_rewrite(&mut self, why: &str) {
        let is_cancelled = |rewriting: &mut Rewriting| !matches!(rewriting.stage, Stage::Installing);
        let Some(rewriting) = self.persistence.rewriting.take_if(is_cancelled) else { return };
        if let Some(log) = &mut self.log {
            log.end_rewrite();
        }
        let Rewriting { stage, started_us } = rewriting;
        if let Stage::Base(mut job) | Stage::GivenUp(mut job, _) = stage {
            job.cancel();
            self.persistence.rewriting = Some(Rewriting { stage: Stage::GivenUp(job, why.to_owned()), started_us });
        }
    }

    /// Whether a rewrite may be tried by itself, after those that failed.
    fn may_retry_rewrite(&self, now_ms: u64) -> bool {
        let rewrites = &self.persistence.rewrites;
        let failures = rewrites.failures_in_a_row;
        if failures < FAILURES_FREE {
            return true;
        }
        let minutes = 1 << (failures - FAILURES_FREE).min(6);
        now_ms.saturating_sub(rewrites.tried_ms) >= PAUSE_MAX_MINUTES.min(minutes) * 60_000
    }

    /// How much the log has grown since the last rewrite, percent, if that is a reason for another one.
    fn growth_is_due(&self) -> Option<u64> {
        let percentage = self.config.auto_aof_rewrite_percentage;
        let info = self.promising_log()?.sizes();
        if percentage == 0 || info.current < self.config.auto_aof_rewrite_min_bytes {
            return None;
        }
        let growth = (info.current * 100 / info.base.max(1)).saturating_sub(100);
        (growth >= percentage).then_some(growth)
    }
}

impl Server {
    /// Goes on with the rewrite that is under way. To be called at the end of a turn, when the log has all effects.
    pub(crate) fn advance_rewrite(&mut self, is_idle: bool) {
        let Server { engine, outside, .. } = self;
        let Some(Rewriting { stage, started_us }) = outside.persistence.rewriting.take() else { return };
        let now_us = outside.now_us();
        let state = outside.log.as_ref().map_or_else(|| RewriteState::Failed("logging was switched off".to_owned()), Log::rewrite);
        let next = match (stage, state) {
            (Stage::GivenUp(mut job, reason), _) => {
                job.advance(&mut engine.keyspace, is_idle, &|| outside.now_us());
                match job.poll(&mut engine.keyspace) {
                    None => Ok(Stage::GivenUp(job, reason)),
                    Some(_) => Err(reason),
                }
            }
            (Stage::Base(mut job), RewriteState::Failed(reason)) => {
                job.cancel();
                Ok(Stage::GivenUp(job, reason))
            }
            (_, RewriteState::Failed(reason)) => Err(reason),
            (Stage::Preparing, RewriteState::Ready) => {
                debug_assert!(engine.effects.is_empty(), "the line is drawn between two turns' effects");
                let log = outside.log.as_mut().expect("its state was asked for");
                let lsn = log.switch(now_us);
                log!(Notice, "The append only file goes on in a new file from position {lsn}");
                Ok(outside.start_base(engine, &outside.config, now_us))
            }
            (Stage::Base(mut job), _) => {
                job.advance(&mut engine.keyspace, is_idle, &|| outside.now_us());
                match job.poll(&mut engine.keyspace) {
                    None => Ok(Stage::Base(job)),
                    Some(Err(e)) => Err(e.to_string()),
                    Some(Ok(base)) => {
                        outside.log.as_mut().expect("its state was asked for").install_base(base, now_us);
                        Ok(Stage::Installing)
                    }
                }
            }
            (Stage::Installing, RewriteState::Done) => {
                outside.rewrite_done(started_us);
                return;
            }
            (stage, _) => Ok(stage),
        };
        match next {
            Ok(stage) => outside.persistence.rewriting = Some(Rewriting { stage, started_us }),
            Err(reason) => {
                log!(Warning, "Background AOF rewrite terminated with error: {reason}");
                outside.persistence.rewrites.end(false, now_us - started_us);
                if let Some(log) = &mut outside.log {
                    log.end_rewrite();
                    if log.is_pending() {
                        outside.drop_pending_log(engine);
                    }
                }
            }
        }
    }

    /// Ten times a second: begins what is due.
    pub(crate) fn start_due_rewrite(&mut self) {
        let Server { engine, outside, .. } = self;
        if outside.is_capturing() || engine.loading || outside.shutdown.is_some() {
            return;
        }
        let now_ms = engine.now_ms();
        if outside.persistence.wants_log {
            if !outside.persistence.is_closing()
                && now_ms.saturating_sub(outside.persistence.rewrites.tried_ms) >= PENDING_RETRY_MS
                && outside.may_retry_rewrite(now_ms)
            {
                // What is wrong has been told.
                let config = outside.config.clone();
                let _ = outside.begin_log(engine, &config);
            }
            return;
        }
        if !outside.persistence.rewrite_scheduled {
            if !outside.may_retry_rewrite(now_ms) {
                return;
            }
            let Some(growth) = outside.growth_is_due() else { return };
            log!(Notice, "Starting automatic rewriting of AOF on {growth}% growth");
        }
        // What is wrong has been told.
        let _ = outside.start_rewrite(now_ms);
    }
}

impl Outside {
    fn rewrite_done(&mut self, started_us: u64) {
        let took_us = self.now_us() - started_us;
        self.persistence.rewrites.end(true, took_us);
        self.persistence.wants_log = false;
        if let Some(log) = &mut self.log {
            log.end_rewrite();
            log!(Notice, "Background AOF rewrite finished successfully");
        }
        self.refresh_acknowledged();
    }

    /// The base of a log in the making could not be made: it will be tried again.
    fn drop_pending_log(&mut self, engine: &mut Engine) {
        self.leave_log(engine);
        self.persistence.wants_log = true;
    }
}
