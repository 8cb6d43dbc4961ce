//! The log as the server drives it.
//!
//! One turn of the server's loop looks like this:
//!
//! ```text
//! while clients have commands:
//!     execute; effects go to `content`              each reply notes the LSN it needs: log.appended() + content.len()
//! if !content.is_empty(): log.submit(&mut content, now)      content comes back empty, with some capacity
//! log.poll(now)                                     also on every wake-up and at log.next_deadline()
//! let mark = log.watermarks().acknowledged(log.policy())
//! release every reply whose LSN <= mark
//! if log.is_saturated(): read no more from clients that write
//! ```
//!
//! A write command is answered with `-MISCONF Errors writing to the AOF file: {message}` while [`Log::status`] is an error;
//! replies that already wait are replaced by the same error, so that no client hangs. What they wait for stays in the queue and
//! becomes durable when the disk is back: the error means "not durable now", not "not done".
//!
//! When `set_policy` leaves `always`, replies that already wait for `durable` must go on doing so: note the watermark kind
//! with the reply, or release by [`Watermarks::durable`] up to the LSN that was appended at the change.

use std::sync::Arc;
use std::time::Duration;

use crate::directory::Place;
use crate::directory::next_seq;
use crate::error::{Error, Result};
use crate::job::{Action, Event, Executor, Job, Roll};
use crate::manifest::Manifest;
use crate::options::Runtime;
use crate::policy::{FsyncPolicy, Watermarks};
use crate::pool::{Done, FileJob, Pool, PoolJob};
use crate::rewrite::{FinishedBase, Rewrite};
use crate::roll::RollJob;
use crate::segment::{Segment, error_text};
use crate::storage::{File, Storage};
use crate::strategy::{Clients, Work};
use crate::writer::Writer;

/// How long `flush` sleeps at most between looks at the clock.
const FLUSH_STEP_US: u64 = 50_000;
/// How long a flush goes on trying when the disk begins to fail. One that has failed for longer gets one more attempt.
const FLUSH_FAILING_MAX_US: u64 = 2_000_000;

/// Why writes are refused at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the operating system said, as in `No space left on device`.
    pub message: String,
    /// When it began, on the log's clock.
    pub since_us: u64,
}

/// Something that took long enough for `LATENCY` to want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// The event's name as Redis has it (`aof-write`, `aof-fsync-always`, …).
    pub event: &'static str,
    /// How long it took.
    pub took_us: u64,
}

/// What `INFO persistence` shows of the log.
#[derive(Clone, Debug, Default)]
pub struct LogInfo {
    /// `aof_lsn_appended`, `aof_lsn_written`, `aof_lsn_durable`.
    pub marks: Watermarks,
    /// `aof_current_size`: bytes in all files the manifest names.
    pub current_size: u64,
    /// `aof_base_size`: the same when the log was opened or last rewritten.
    pub base_size: u64,
    /// `aof_buffer_length`: bytes appended and not yet written.
    pub buffer_length: u64,
    /// `aof_pending_bio_fsync`: fsyncs running on the I/O threads.
    pub pending_bio_fsync: u64,
    /// `aof_delayed_fsync`: how often an fsync was due while the previous one was still running.
    pub delayed_fsync: u64,
    /// `aof_at_risk_bytes`: what a loss of power would cost now.
    pub at_risk_bytes: u64,
    /// `aof_at_risk_ms`: the age of the oldest byte at risk. Under `appendfsync no` it grows until somebody wants a sync.
    pub at_risk_ms: u64,
    /// `aof_fsync_usec_p50`.
    pub fsync_usec_p50: u64,
    /// `aof_fsync_usec_p99`.
    pub fsync_usec_p99: u64,
    /// `aof_blocks`: blocks written since the start.
    pub blocks: u64,
    /// `aof_last_error`: the last failure's text, also after it passed; empty if there was none.
    pub last_error: String,
    /// `aof_last_write_status`: ok or err.
    pub last_write_ok: bool,
    /// Whether the last fsync succeeded.
    pub last_fsync_ok: bool,
}

/// The open log: takes batches of effects, writes and syncs them as the policy asks, and tells how far it got.
/// It belongs to the thread that executes commands; the I/O threads are its own. Dropping it waits for them, but does not flush.
pub struct Log<S: Storage> {
    pub(crate) writer: Writer,
    pub(crate) segment: Arc<Segment<S::File>>,
    pub(crate) directory: Arc<Place<S>>,
    pub(crate) manifest: Manifest,
    /// The highest number that was given to an incremental, also in vain.
    pub(crate) last_seq: u64,
    /// Files of rolls that failed when the manifest was already written: removed after one that succeeds.
    pub(crate) leftovers: Vec<String>,
    /// The files before the current one.
    pub(crate) earlier_bytes: u64,
    /// The same after the roll that is under way.
    earlier_after_roll: u64,
    pub(crate) base_bytes: u64,
    pub(crate) rewrite: Rewrite<S::File>,
    /// The base that is to be installed.
    pub(crate) finished_base: Option<FinishedBase<S>>,
    /// Nobody wants the rewrite any more that is under way.
    pub(crate) unwanted: bool,
    /// There is no manifest that names what is written.
    pub(crate) is_pending: bool,
    /// History is removed when there is some (`aof-disable-auto-gc no`).
    pub(crate) collects: bool,
    /// History shall be removed as soon as nobody else is changing the manifest.
    pub(crate) collect_wanted: bool,
    /// A job is changing the manifest.
    pub(crate) manifest_busy: bool,
    pub(crate) runtime: Runtime,
    /// Declared before the lock, so that its threads have ended when the lock is released.
    pub(crate) pool: Pool<S>,
    _lock: S::Lock,
}

/// What recovery hands over.
pub(crate) struct Opened<S: Storage> {
    pub writer: Writer,
    pub segment: Segment<S::File>,
    pub directory: Arc<Place<S>>,
    pub manifest: Manifest,
    pub earlier_bytes: u64,
    pub lock: S::Lock,
}

impl<S: Storage> Log<S> {
    pub(crate) fn new(opened: Opened<S>, runtime: Runtime) -> Result<Self> {
        let Opened { writer, segment, directory, manifest, earlier_bytes, lock } = opened;
        let last_seq = next_seq(&directory.file_name, &manifest, &[]) - 1;
        let pool = Pool::start(runtime.clone(), directory.clone())
            .map_err(|e| Error::io("start the I/O threads for", directory.dir.clone(), e))?;
        Ok(Log {
            last_seq,
            base_bytes: earlier_bytes + writer.file_len(),
            writer,
            segment: Arc::new(segment),
            directory,
            manifest,
            leftovers: Vec::new(),
            earlier_bytes,
            earlier_after_roll: earlier_bytes,
            rewrite: Rewrite::Idle,
            finished_base: None,
            unwanted: false,
            is_pending: false,
            collects: true,
            collect_wanted: false,
            manifest_busy: false,
            runtime,
            pool,
            _lock: lock,
        })
    }

    /// Submits one batch of effects. It must begin with a `SELECT`, consist of whole commands, and hold whole transactions.
    /// The buffer is emptied, or swapped for an empty one. Returns the LSN after it, which is what its replies wait for.
    /// May write and sync before it returns, when that is the fastest way.
    pub fn submit(&mut self, content: &mut Vec<u8>, now_us: u64) -> u64 {
        let lsn = self.writer.append(content, now_us);
        self.poll(now_us);
        lsn
    }

    /// Whether an I/O thread has finished a sync on which all replies wait that are held: a reason to [`Log::poll`] in the middle of a
    /// turn, so that their clients go on meanwhile. Cheap.
    pub fn has_news(&self) -> bool {
        self.pool.has_done() && self.writer.awaits_one_sync()
    }

    /// Takes in what the I/O threads finished and does what has become due.
    pub fn poll(&mut self, now_us: u64) {
        loop {
            if self.writer.is_busy() || self.manifest_busy {
                while let Some(done) = self.pool.try_done() {
                    self.take(done, now_us);
                }
            }
            match self.writer.next_action(now_us) {
                None => return self.follow_switch(),
                Some(Action::Run(job)) if job.executor == Executor::Inline => self.run_inline(job),
                Some(Action::Run(job)) => self.hand_over(job),
                Some(Action::Roll(roll)) => self.start_roll(roll),
                Some(Action::Switch) => self.switch_files(),
            }
            self.follow_switch();
        }
    }

    /// With imagined threads ([`Runtime::stepped`]): one of them does its next step; `pick` says which of so many. False when
    /// none has anything to do.
    pub fn step(&mut self, pick: &mut dyn FnMut(usize) -> usize, now_us: u64) -> bool {
        let stepped = self.pool.step(pick);
        self.poll(now_us);
        stepped
    }

    fn run_inline(&mut self, job: Job) {
        let clock = &self.runtime.clock;
        let mut start_us = clock();
        if let Some(span) = job.write {
            let result = self.segment.write(self.writer.blocks(span), &span);
            if result.is_ok() && !job.sync && self.policy() == FsyncPolicy::Always {
                self.segment.file.begin_sync(span.file_start, span.file_end - span.file_start);
            }
            let now_us = clock();
            let took_us = now_us.saturating_sub(start_us);
            start_us = now_us;
            match result {
                Ok(()) => self.writer.on_event(Event::Written { id: job.id, took_us }, now_us),
                Err(failure) => {
                    let error = error_text(&failure.error);
                    self.writer.on_event(Event::WriteFailed { id: job.id, error, undone: failure.undone }, now_us);
                    return;
                }
            }
        }
        if job.sync {
            let result = self.segment.file.sync_data();
            let now_us = clock();
            let event = match result {
                Ok(()) => Event::Synced { id: job.id, took_us: now_us.saturating_sub(start_us) },
                Err(e) => {
                    self.directory.mark_doubt(&self.segment.name);
                    Event::SyncFailed { id: job.id, error: error_text(&e) }
                }
            };
            self.writer.on_event(event, now_us);
        }
    }

    fn hand_over(&mut self, job: Job) {
        let write = job.write.map(|span| (self.writer.blocks(span).cloned().collect(), span));
        let Job { id, generation, sync, .. } = job;
        self.pool.submit(PoolJob::File(FileJob { id, generation, segment: self.segment.clone(), write, sync }));
    }

    fn start_roll(&mut self, roll: Roll) {
        self.last_seq += 1;
        self.pool.submit(PoolJob::Roll(Box::new(RollJob {
            id: roll.id,
            place: self.directory.clone(),
            manifest: self.manifest.clone(),
            old: self.segment.clone(),
            from: roll.from,
            cut_len: roll.cut_len,
            reread: roll.reread,
            blocks: self.writer.blocks_to_roll(&roll),
            checksums: self.writer.block_checksums(),
            seq: self.last_seq,
            lanes: self.runtime.threads,
        })));
        self.earlier_after_roll = self.earlier_bytes + roll.cut_len;
    }

    fn take(&mut self, done: Done<S::File>, now_us: u64) {
        match done {
            Done::Event(event) => self.writer.on_event(event, now_us),
            Done::Manifest(done) => self.take_manifest(done),
            Done::Rolled(rolled, id) => {
                self.segment = Arc::new(rolled.segment);
                self.manifest = rolled.manifest;
                let durable_bytes = self.earlier_after_roll - self.earlier_bytes;
                self.earlier_bytes = self.earlier_after_roll;
                self.follow_roll(durable_bytes);
                for name in self.leftovers.drain(..) {
                    // What stays is removed at the next start.
                    let _ = self.directory.storage.remove(&format!("{}/{name}", self.directory.dir));
                }
                self.writer.on_event(Event::Rolled { id, file_len: rolled.file_len }, now_us);
            }
            Done::RollFailed(failure, id) => {
                if failure.may_be_named {
                    self.leftovers.push(Manifest::incr_name(&self.directory.file_name, self.last_seq));
                }
                self.writer.on_event(Event::RollFailed { id, error: error_text(&failure.error) }, now_us);
            }
        }
    }

    /// When `poll` wants to be called next, on the log's clock, if nothing else happens.
    pub fn next_deadline(&self) -> Option<u64> {
        self.writer.next_deadline()
    }

    /// Whether that is a matter of microseconds, because a block waits for others to come while the disk is free. For so little there
    /// is no timeout in `epoll`: the caller looks again at once.
    pub fn is_gathering(&self) -> bool {
        self.writer.is_gathering()
    }

    /// How far the log has come.
    pub fn watermarks(&self) -> Watermarks {
        self.writer.watermarks()
    }

    /// The end of everything submitted.
    pub fn appended(&self) -> u64 {
        self.writer.watermarks().appended
    }

    /// Why writes must be refused at present, if they must.
    pub fn status(&self) -> Result<(), &Failure> {
        self.writer.failure().map_or(Ok(()), Err)
    }

    /// Whether the disk is so far behind that clients that write must wait.
    pub fn is_saturated(&self) -> bool {
        self.writer.is_saturated()
    }

    /// The policy in force.
    pub fn policy(&self) -> FsyncPolicy {
        self.writer.policy()
    }

    /// Changes `appendfsync`. Everything before the change becomes durable soon after it.
    pub fn set_policy(&mut self, policy: FsyncPolicy, now_us: u64) {
        self.writer.set_policy(policy);
        self.poll(now_us);
    }

    /// Everything before `lsn` shall become durable soon, whatever the policy (for `WAITAOF` under `appendfsync no`). Does not
    /// wait for it: an I/O thread makes one fsync for all who ask before it begins, and those who ask while it runs and need
    /// more get the next one. [`Log::watermarks`] tells when it is done.
    pub fn want_durable(&mut self, lsn: u64, now_us: u64) {
        self.writer.want_durable(lsn);
        self.poll(now_us);
    }

    /// `aof-block-checksums`, from the next block on.
    pub fn set_block_checksums(&mut self, on: bool) {
        self.writer.set_block_checksums(on);
    }

    /// `aof-fill-ahead`, from the next block on: see [`crate::Limits::fill_ahead_bytes`].
    pub fn set_fill_ahead(&mut self, bytes: u64) {
        self.writer.set_fill_ahead(bytes);
    }

    /// `no-appendfsync-on-rewrite`: while paused, `everysec` starts no fsync (until half of the retained bytes' limit is used).
    /// `always` goes on: its replies wait for them.
    pub fn pause_fsync(&mut self, paused: bool) {
        self.writer.set_paused(paused);
    }

    /// What the caller's turn was like, before it submits: how many clients there are (with one, nobody else is kept waiting by an
    /// inline fsync; with very many, fewer fsyncs do), and what was done since the last time (with much to do, an fsync need not be
    /// waited for).
    pub fn note_turn(&mut self, clients: Clients, work: Work) {
        self.writer.note_turn(clients, work);
    }

    /// Writes and syncs everything, waiting at most `max_wait_us` for a slow disk (for `SHUTDOWN`), and for one that fails until it
    /// has done so for two seconds: the caller is the thread that executes commands. The log stays usable.
    pub fn flush(&mut self, max_wait_us: u64) -> Result<()> {
        let clock = self.runtime.clock.clone();
        let start_us = clock();
        let give_up_us = start_us + max_wait_us;
        let target = self.appended();
        self.writer.want_durable(target);
        self.writer.retry_now(start_us);
        loop {
            let now_us = clock();
            self.poll(now_us);
            if self.watermarks().durable >= target {
                self.cut_filler(now_us);
                return Ok(());
            }
            let has_tried = !self.writer.is_busy() || now_us >= start_us + FLUSH_FAILING_MAX_US;
            let failing = self.writer.failure().is_some_and(|failure| now_us >= failure.since_us + FLUSH_FAILING_MAX_US);
            if (failing && has_tried)
                || now_us >= give_up_us
                || ((self.runtime.threads == 0 || self.runtime.stepped) && self.writer.failure().is_some() && !self.writer.is_busy())
            {
                let reason = self.status().err().map_or("the disk did not answer in time".to_owned(), |failure| failure.message.clone());
                return Err(Error::NotDurable { reason });
            }
            let until_us = self.next_deadline().unwrap_or(u64::MAX).clamp(now_us + 1, now_us + FLUSH_STEP_US).min(give_up_us);
            if self.runtime.stepped && self.pool.step(&mut |_| 0) {
                continue;
            }
            if let Some(done) = self.pool.wait_done(Duration::from_micros(until_us.saturating_sub(now_us))) {
                self.take(done, clock());
            }
        }
    }

    /// The file shall end with its last block, for the eyes of people: whoever reads it as a log knows filler. All is durable. So shall
    /// be the cut, or a loss of power might bring zeros back in its place.
    fn cut_filler(&mut self, now_us: u64) {
        // It is still filler if the cut fails.
        let is_cut = self.writer.is_healthy() && self.segment.cut_filler(self.writer.file_len()).unwrap_or(false);
        if is_cut && let Err(e) = self.segment.file.sync_data() {
            self.directory.mark_doubt(&self.segment.name);
            self.writer.distrust(error_text(&e), now_us);
        }
    }

    /// Bytes of memory held for what the disk has not confirmed yet.
    pub fn held_bytes(&self) -> u64 {
        self.writer.held_bytes()
    }

    /// How often an fsync was due while the previous one was still running (`aof_delayed_fsync`).
    pub fn delayed_fsyncs(&self) -> u64 {
        self.writer.counters().delayed_fsync
    }

    /// For `INFO persistence`.
    pub fn info(&self, now_us: u64) -> LogInfo {
        let marks = self.watermarks();
        let (fsync_usec_p50, fsync_usec_p99) = self.writer.fsync_percentiles();
        LogInfo {
            marks,
            current_size: self.earlier_bytes + self.writer.file_len(),
            base_size: self.base_bytes,
            buffer_length: marks.appended - marks.written,
            pending_bio_fsync: self.writer.syncs_in_flight(),
            delayed_fsync: self.writer.counters().delayed_fsync,
            at_risk_bytes: marks.appended - marks.durable,
            at_risk_ms: self.writer.at_risk_us(now_us) / 1_000,
            fsync_usec_p50,
            fsync_usec_p99,
            blocks: self.writer.counters().blocks,
            last_error: self.writer.last_error().to_owned(),
            last_write_ok: self.writer.failure().is_none(),
            last_fsync_ok: self.writer.last_fsync_ok(),
        }
    }

    /// Moves the latency samples (of 1 ms and more) gathered since the last call to `into`.
    pub fn take_latency_samples(&mut self, into: &mut Vec<LatencySample>) {
        self.writer.take_samples(into);
    }
}
