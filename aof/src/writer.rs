//! How a batch becomes durable: the writer as a state machine without I/O. It is told what was appended and what happened, and
//! says what to do next; files, threads and the clock belong to whoever drives it ([`crate::Log`] in production).
//!
//! **A batch's way**, in one line each:
//! 1. `append`: it joins the queue; `appended` moves.
//! 2. `next_action` gives a [`Job`]: write these blocks, and perhaps sync. Inline (the caller does it now) or handed to the I/O
//!    threads, which write in the order of the jobs while their syncs overlap.
//! 3. `Written`: `written` moves; the bytes are kept.
//! 4. `Synced`: `durable` moves; the bytes are forgotten.
//!
//! **When the disk fails** (every order below is safe at each point where the process or the machine may stop):
//! * *A write fails and was undone* (the file was cut back to the last whole block): the same file is tried again, at growing
//!   intervals. A stop in between leaves whole blocks, perhaps with a torn one behind them, which recovery cuts.
//! * *A write fails and could not be undone, or a sync fails:* nothing is appended to that file any more, and none of its bytes
//!   after the last successful sync is believed. All that is not durable is in memory. A [`Roll`] writes it into a new file,
//!   syncs that, then names it in the manifest, syncs the directory, and only then cuts the old file to its durable length.
//!   Stop before the manifest: the old file is still the last one; the new one is not named and is removed at the next start.
//!   Stop before the cut: the new file's first block has the position of the first byte that was not durable, so recovery knows
//!   that it supersedes what the old file holds from there on, and makes the cut itself.
//!   Until all this is done no watermark moves, so nothing is acknowledged that only the doubtful file holds.
//! * Jobs behind a failed one are refused by whoever executes them (they carry the file's *generation*), and their blocks wait.

mod boundary;
mod schedule;

use std::collections::VecDeque;

use crate::job::{Action, Event, Executor, Job, Roll, Span};
use crate::log::{Failure, LatencySample};
use crate::options::Limits;
use crate::policy::{FsyncPolicy, Watermarks};
use crate::queue::{Block, Queue};
use crate::strategy::{Clients, Strategy, Work};

const FSYNC_INTERVAL_US: u64 = 1_000_000;
const RETRY_FIRST_US: u64 = 100_000;
const RETRY_MAX_US: u64 = 1_000_000;
/// A write that takes this long was blocked by the kernel: writes are handed over for a while.
const SLOW_WRITE_US: u64 = 5_000;
const SLOW_WRITE_BAN_US: u64 = 1_000_000;
/// The most one job writes, so that long queues advance step by step.
const JOB_MAX_BYTES: u64 = 8 << 20;
/// Filler is written for so many blocks at least.
const FILL_BLOCKS_MIN: u64 = 4;
const LATENCY_SAMPLE_MIN_US: u64 = 1_000;
const LATENCY_SAMPLES_MAX: usize = 128;
const RECENT_SYNCS: usize = 256;

struct InFlight {
    id: u64,
    executor: Executor,
    /// Position and file length behind its write; none once it is written.
    write: Option<(u64, u64)>,
    /// Position and file length that its sync covers.
    sync: Option<(u64, u64)>,
    /// When the oldest byte was appended that its sync does not cover.
    behind_us: u64,
    alone: bool,
}

enum Phase {
    Healthy,
    /// The file is fine, the last write was undone.
    Retry {
        at_us: u64,
        backoff_us: u64,
    },
    /// One write is on its way to see whether the disk is back.
    Trying {
        backoff_us: u64,
    },
    /// The file is not to be believed.
    MustRoll {
        at_us: u64,
        backoff_us: u64,
    },
    Rolling {
        id: u64,
        to: u64,
        backoff_us: u64,
    },
}

/// Counters for `INFO`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub blocks: u64,
    pub delayed_fsync: u64,
}

/// See the module.
pub struct Writer {
    policy: FsyncPolicy,
    checksums: bool,
    limits: Limits,
    marks: Watermarks,
    queue: Queue,
    /// Where memory begins to hold everything, as position and file length.
    kept_from: (u64, u64),
    generation: u64,
    /// The file's length after all jobs given out, after the written ones, and what of it is durable.
    tail_len: u64,
    written_len: u64,
    durable_len: u64,
    in_flight: VecDeque<InFlight>,
    next_id: u64,
    phase: Phase,
    failure: Option<Failure>,
    last_error: String,
    last_fsync_ok: bool,
    strategy: Strategy,
    next_tick_us: u64,
    /// A small block waits for more until then.
    gather_until_us: Option<u64>,
    /// No sync begins early before this.
    early_sync_from_us: u64,
    /// A sync was due while one was running: the next one starts as soon as that ends.
    sync_owed: bool,
    slow_writes_until_us: u64,
    /// Everything before this shall become durable whatever the policy.
    want_durable: u64,
    paused: bool,
    /// Everything from here on belongs into another file.
    boundary: Option<u64>,
    /// The file was left in a hurry, or must be, before the boundary was reached.
    switch_failed: bool,
    /// The file's first block shall become durable, even if nothing follows it.
    wants_start: bool,
    /// The file may not be left now.
    rolls_held: bool,
    saturated: bool,
    at_risk_since_us: u64,
    counters: Counters,
    samples: Vec<LatencySample>,
    recent_syncs: [u32; RECENT_SYNCS],
    syncs: usize,
}

impl Writer {
    /// A writer that goes on at `lsn`, at the end of a file of `file_len` bytes; all before is durable.
    pub fn new(policy: FsyncPolicy, checksums: bool, limits: Limits, lsn: u64, file_len: u64) -> Self {
        Writer {
            policy,
            checksums,
            limits,
            marks: Watermarks { appended: lsn, written: lsn, durable: lsn },
            queue: Queue::new(),
            kept_from: (lsn, file_len),
            generation: 1,
            tail_len: file_len,
            written_len: file_len,
            durable_len: file_len,
            in_flight: VecDeque::with_capacity(8),
            next_id: 0,
            phase: Phase::Healthy,
            failure: None,
            last_error: String::new(),
            last_fsync_ok: true,
            strategy: Strategy::new(),
            next_tick_us: 0,
            gather_until_us: None,
            early_sync_from_us: 0,
            sync_owed: false,
            slow_writes_until_us: 0,
            want_durable: 0,
            paused: false,
            boundary: None,
            switch_failed: false,
            wants_start: false,
            rolls_held: false,
            saturated: false,
            at_risk_since_us: 0,
            counters: Counters::default(),
            samples: Vec::new(),
            recent_syncs: [0; RECENT_SYNCS],
            syncs: 0,
        }
    }

    /// A batch of whole commands that begins with a `SELECT`. Leaves an empty buffer, returns the position behind it.
    pub fn append(&mut self, content: &mut Vec<u8>, now_us: u64) -> u64 {
        if content.is_empty() {
            return self.marks.appended;
        }
        if self.marks.appended == self.marks.durable {
            self.at_risk_since_us = now_us;
        }
        let lsn = self.marks.appended;
        self.marks.appended += content.len() as u64;
        self.queue.push(content, lsn, now_us);
        self.judge_saturation();
        self.marks.appended
    }

    /// What to do now. Ask until there is nothing.
    pub fn next_action(&mut self, now_us: u64) -> Option<Action> {
        self.queue.trim_spares(now_us);
        self.gather_until_us = None;
        match self.phase {
            Phase::Healthy if self.has_reached_boundary() => Some(Action::Switch),
            Phase::Healthy if !self.has_durable_start() && self.syncs_in_flight() == 0 => Some(self.sync(now_us)),
            Phase::Healthy => match self.policy {
                FsyncPolicy::Always => self.next_always(now_us),
                FsyncPolicy::Everysec | FsyncPolicy::No => self.next_relaxed(now_us),
            },
            Phase::Retry { at_us, backoff_us } => {
                if now_us < at_us || !self.in_flight.is_empty() {
                    return None;
                }
                self.generation += 1;
                self.tail_len = self.written_len;
                self.queue.take_back();
                if !self.has_unhanded() {
                    self.recovered();
                    return None;
                }
                self.phase = Phase::Trying { backoff_us };
                let sync = self.policy == FsyncPolicy::Always;
                Some(self.write(Executor::Handed, sync, now_us))
            }
            Phase::MustRoll { at_us, backoff_us } => {
                if now_us < at_us || !self.in_flight.is_empty() || self.rolls_held {
                    return None;
                }
                Some(self.roll(backoff_us))
            }
            Phase::Trying { .. } | Phase::Rolling { .. } => None,
        }
    }

    /// Whether the file must not be left for now: somebody else is changing the manifest, or there is none yet.
    pub fn hold_rolls(&mut self, hold: bool) {
        self.rolls_held = hold;
    }

    /// Whether the file is being left.
    pub fn is_rolling(&self) -> bool {
        matches!(self.phase, Phase::Rolling { .. })
    }

    /// Whether the disk does what it is asked.
    pub fn is_healthy(&self) -> bool {
        matches!(self.phase, Phase::Healthy)
    }

    fn write(&mut self, executor: Executor, sync: bool, now_us: u64) -> Action {
        let (from, to, file_bytes) = self.queue.hand_over(JOB_MAX_BYTES, self.limit(), self.checksums);
        let file_start = self.tail_len;
        self.tail_len += file_bytes;
        // Where one large block follows the other, it is the bytes that take the time.
        let is_small = file_bytes <= self.limits.fill_ahead_bytes / FILL_BLOCKS_MIN;
        let fills = is_small && self.checksums && self.policy == FsyncPolicy::Always;
        let fill_ahead = if fills { self.limits.fill_ahead_bytes } else { 0 };
        let span = Span { from, to, file_start, file_end: self.tail_len, fill_ahead };
        self.start(executor, Some(span), sync.then_some((to, self.tail_len)), now_us)
    }

    fn sync(&mut self, now_us: u64) -> Action {
        self.next_tick_us = now_us + FSYNC_INTERVAL_US;
        self.start(Executor::Handed, None, Some((self.marks.written, self.written_len)), now_us)
    }

    fn start(&mut self, executor: Executor, write: Option<Span>, sync: Option<(u64, u64)>, now_us: u64) -> Action {
        self.next_id += 1;
        let behind_us = self.queue.oldest_pending_us().unwrap_or(now_us);
        let alone = self.in_flight.iter().all(|job| job.sync.is_none());
        if sync.is_some() {
            self.in_flight.iter_mut().for_each(|job| job.alone = false);
        }
        let write_end = write.map(|span| (span.to, self.tail_len));
        self.in_flight.push_back(InFlight { id: self.next_id, executor, write: write_end, sync, behind_us, alone });
        Action::Run(Job { id: self.next_id, generation: self.generation, executor, write, sync: sync.is_some() })
    }

    fn roll(&mut self, backoff_us: u64) -> Action {
        self.next_id += 1;
        let to = self.marks.appended;
        self.phase = Phase::Rolling { id: self.next_id, to, backoff_us };
        let (kept_lsn, kept_len) = self.kept_from;
        let reread = (kept_lsn > self.marks.durable).then_some((self.durable_len, kept_len));
        Action::Roll(Roll { id: self.next_id, from: self.marks.durable, to, cut_len: self.durable_len, reread })
    }

    /// What happened, and when.
    pub fn on_event(&mut self, event: Event, now_us: u64) {
        match event {
            Event::Written { id, took_us } => self.on_written(id, took_us, now_us),
            Event::Synced { id, took_us } => self.on_synced(id, took_us, now_us),
            Event::WriteFailed { id, error, undone } => {
                self.remove(id);
                if undone { self.fail(error, now_us) } else { self.distrust(error, now_us) }
            }
            Event::SyncFailed { id, error } => {
                self.remove(id);
                self.last_fsync_ok = false;
                self.distrust(error, now_us);
            }
            Event::Refused { id } => {
                self.remove(id);
            }
            Event::Rolled { id, file_len } => self.on_rolled(id, file_len),
            Event::RollFailed { id, error } => {
                let Phase::Rolling { id: expected, backoff_us, .. } = self.phase else { return };
                if id == expected {
                    self.note(error, now_us);
                    self.phase = Phase::MustRoll { at_us: now_us + backoff_us, backoff_us: (backoff_us * 2).min(RETRY_MAX_US) };
                }
            }
        }
        self.judge_saturation();
    }

    fn on_written(&mut self, id: u64, took_us: u64, now_us: u64) {
        let Some(index) = self.in_flight.iter().position(|job| job.id == id) else { return };
        let job = &mut self.in_flight[index];
        let (to, len) = job.write.take().expect("a job is written once");
        let (executor, syncs) = (job.executor, job.sync.is_some());
        debug_assert!(to > self.marks.written && len > self.written_len, "jobs are written in order");
        if !syncs {
            self.in_flight.remove(index);
        }
        let retain = self.policy != FsyncPolicy::No || syncs;
        self.counters.blocks += self.queue.written(to, retain);
        self.marks.written = to;
        self.written_len = len;
        if !retain {
            self.kept_from = (to, len);
        }
        if took_us >= SLOW_WRITE_US && executor == Executor::Inline {
            self.slow_writes_until_us = now_us + SLOW_WRITE_BAN_US;
        }
        self.sample("aof-write", took_us);
        if !syncs && matches!(self.phase, Phase::Trying { .. }) {
            self.recovered();
        }
    }

    fn on_synced(&mut self, id: u64, took_us: u64, now_us: u64) {
        let Some(job) = self.remove(id) else { return };
        let (lsn, len) = job.sync.expect("a synced job has a sync");
        self.recent_syncs[self.syncs % RECENT_SYNCS] = took_us.min(u64::from(u32::MAX)) as u32;
        self.syncs += 1;
        self.early_sync_from_us = now_us + took_us;
        if self.policy == FsyncPolicy::Always {
            self.strategy.record(took_us, job.executor == Executor::Inline, job.alone, now_us);
            self.sample("aof-fsync-always", took_us);
        }
        // After another sync failed, this success may have been told because the error already was.
        if matches!(self.phase, Phase::MustRoll { .. } | Phase::Rolling { .. }) {
            return;
        }
        self.last_fsync_ok = true;
        if std::mem::take(&mut self.sync_owed) {
            self.next_tick_us = now_us;
        }
        self.make_durable(lsn, len);
        if self.kept_from.0 > lsn {
            // Memory has forgotten bytes that are not durable, and with them since when they wait.
            self.at_risk_since_us = job.behind_us;
        }
        if matches!(self.phase, Phase::Trying { .. }) {
            self.recovered();
        }
    }

    fn on_rolled(&mut self, id: u64, file_len: u64) {
        let Phase::Rolling { id: expected, to, .. } = self.phase else { return };
        if id != expected {
            return;
        }
        self.generation += 1;
        self.tail_len = file_len;
        self.written_len = file_len;
        self.durable_len = 0;
        self.marks.written = self.marks.written.max(to);
        self.make_durable(to, file_len);
        self.kept_from = (to, file_len);
        self.last_fsync_ok = true;
        self.recovered();
    }

    fn make_durable(&mut self, lsn: u64, len: u64) {
        if lsn <= self.marks.durable {
            self.durable_len = self.durable_len.max(len);
            return;
        }
        self.marks.durable = lsn;
        self.durable_len = len;
        if self.kept_from.0 < lsn {
            self.kept_from = (lsn, len);
        }
        self.counters.blocks += self.queue.durable(lsn);
        if let Some(oldest_us) = self.queue.oldest_us() {
            self.at_risk_since_us = oldest_us;
        }
        debug_assert!(self.marks.durable <= self.marks.written && self.marks.written <= self.marks.appended);
    }

    fn remove(&mut self, id: u64) -> Option<InFlight> {
        let index = self.in_flight.iter().position(|job| job.id == id)?;
        self.in_flight.remove(index)
    }

    fn note(&mut self, error: String, now_us: u64) {
        self.last_error.clone_from(&error);
        match &mut self.failure {
            Some(failure) => failure.message = error,
            None => self.failure = Some(Failure { message: error, since_us: now_us }),
        }
    }

    /// A write failed and was undone.
    fn fail(&mut self, error: String, now_us: u64) {
        self.note(error, now_us);
        let backoff_us = match self.phase {
            Phase::Healthy => RETRY_FIRST_US,
            Phase::Retry { backoff_us, .. } | Phase::Trying { backoff_us } => backoff_us,
            Phase::MustRoll { .. } | Phase::Rolling { .. } => return,
        };
        self.phase = Phase::Retry { at_us: now_us + backoff_us, backoff_us: (backoff_us * 2).min(RETRY_MAX_US) };
    }

    /// The file is not to be believed any more. The first attempt to leave it comes at once.
    pub fn distrust(&mut self, error: String, now_us: u64) {
        self.note(error, now_us);
        self.switch_failed |= self.boundary.take().is_some();
        if !matches!(self.phase, Phase::MustRoll { .. } | Phase::Rolling { .. }) {
            self.phase = Phase::MustRoll { at_us: now_us, backoff_us: RETRY_FIRST_US };
        }
    }

    fn recovered(&mut self) {
        self.phase = Phase::Healthy;
        self.failure = None;
    }

    fn judge_saturation(&mut self) {
        let queued = self.marks.appended - self.marks.written;
        let retained = self.marks.written - self.marks.durable.max(self.kept_from.0);
        let Limits { queued_bytes, retained_bytes, .. } = self.limits;
        self.saturated = if self.saturated {
            queued > queued_bytes / 4 * 3 || retained > retained_bytes / 4 * 3
        } else {
            queued > queued_bytes || retained > retained_bytes
        };
    }

    fn sample(&mut self, event: &'static str, took_us: u64) {
        if took_us >= LATENCY_SAMPLE_MIN_US && self.samples.len() < LATENCY_SAMPLES_MAX {
            self.samples.push(LatencySample { event, took_us });
        }
    }

    /// If the disk fails, the next attempt is due.
    pub fn retry_now(&mut self, now_us: u64) {
        if let Phase::Retry { at_us, .. } | Phase::MustRoll { at_us, .. } = &mut self.phase {
            *at_us = now_us;
        }
    }

    /// When `next_action` may have something that it does not have now, if no event comes first.
    pub fn next_deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Retry { at_us, .. } => self.in_flight.is_empty().then_some(at_us),
            // Who holds rolls tells when they may go on.
            Phase::MustRoll { at_us, .. } => (self.in_flight.is_empty() && !self.rolls_held).then_some(at_us),
            Phase::Healthy if self.policy == FsyncPolicy::Everysec && self.marks.written > self.marks.durable && !self.holds_back() => {
                Some(self.next_tick_us)
            }
            Phase::Healthy if self.policy == FsyncPolicy::Always => self.gather_until_us,
            _ => None,
        }
    }

    /// Changes the policy; what was written before becomes durable soon, whatever the new one says.
    pub fn set_policy(&mut self, policy: FsyncPolicy) {
        if policy != self.policy {
            self.policy = policy;
            self.want_durable = self.marks.appended;
        }
    }

    /// Everything before `lsn` shall become durable, whatever the policy.
    pub fn want_durable(&mut self, lsn: u64) {
        self.want_durable = self.want_durable.max(lsn.min(self.marks.appended));
    }

    pub fn block_checksums(&self) -> bool {
        self.checksums
    }

    pub fn set_block_checksums(&mut self, on: bool) {
        self.checksums = on;
    }

    pub fn set_fill_ahead(&mut self, bytes: u64) {
        self.limits.fill_ahead_bytes = bytes;
    }

    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub fn note_turn(&mut self, clients: Clients, work: Work) {
        let counts = self.policy == FsyncPolicy::Always;
        self.strategy.note_turn(clients, if counts { work } else { Work::default() });
    }

    /// Whether the next block waits for the one sync that is under way.
    pub fn awaits_one_sync(&self) -> bool {
        self.policy == FsyncPolicy::Always && self.strategy.is_inline() && !self.in_flight.is_empty()
    }

    /// Whether a block waits for company while the disk is free.
    pub fn is_gathering(&self) -> bool {
        self.gather_until_us.is_some() && self.in_flight.is_empty()
    }

    /// The blocks of a job that was given out.
    pub fn blocks(&self, span: Span) -> impl Iterator<Item = &Block> + Clone {
        self.queue.handed_blocks(span.from, span.to)
    }

    /// The blocks of a roll that was given out.
    pub fn blocks_to_roll(&mut self, roll: &Roll) -> Vec<Block> {
        debug_assert_eq!(roll.to, self.marks.appended, "the blocks are taken before more is appended");
        let kept = self.kept_from.0.max(roll.from);
        self.queue.take_all(kept)
    }

    pub fn policy(&self) -> FsyncPolicy {
        self.policy
    }

    pub fn watermarks(&self) -> Watermarks {
        self.marks
    }

    pub fn held_bytes(&self) -> u64 {
        self.queue.held_bytes()
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub fn last_error(&self) -> &str {
        &self.last_error
    }

    pub fn last_fsync_ok(&self) -> bool {
        self.last_fsync_ok
    }

    pub fn is_saturated(&self) -> bool {
        self.saturated
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    pub fn file_len(&self) -> u64 {
        self.written_len
    }

    /// Jobs and rolls whose events have not come.
    pub fn is_busy(&self) -> bool {
        !self.in_flight.is_empty() || matches!(self.phase, Phase::Rolling { .. })
    }

    pub fn syncs_in_flight(&self) -> u64 {
        self.in_flight.iter().filter(|job| job.sync.is_some()).count() as u64
    }

    /// How long the oldest byte that is not durable has been waiting.
    pub fn at_risk_us(&self, now_us: u64) -> u64 {
        if self.marks.appended == self.marks.durable { 0 } else { now_us.saturating_sub(self.at_risk_since_us) }
    }

    /// The median and the 99th percentile of the last syncs, in microseconds.
    pub fn fsync_percentiles(&self) -> (u64, u64) {
        let mut recent = self.recent_syncs[..self.syncs.min(RECENT_SYNCS)].to_vec();
        if recent.is_empty() {
            return (0, 0);
        }
        recent.sort_unstable();
        let at = |percent: usize| u64::from(recent[(recent.len() - 1) * percent / 100]);
        (at(50), at(99))
    }

    /// Moves the samples gathered since the last call.
    pub fn take_samples(&mut self, into: &mut Vec<LatencySample>) {
        into.append(&mut self.samples);
    }
}
