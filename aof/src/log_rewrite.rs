//! The log's side of a rewrite: what [`crate::rewrite`] describes, driven by the server's turns.
//!
//! ```text
//! log.begin_rewrite()                       … turns go by; log.poll as ever …
//! at the end of a turn, after submit: if log.rewrite() == Ready: lsn = log.switch(now), and the state of this moment is captured
//! writer = log.base_writer(…)               encoded elsewhere, while turns go by
//! log.install_base(writer.finish()?)        … until log.rewrite() is Done or Failed
//! log.end_rewrite()
//! ```

use std::io;
use std::sync::Arc;

use crate::block::HeaderLine;
use crate::directory;
use crate::directory::Place;
use crate::error::{Error, Result};
use crate::fresh::BaseFormat;
use crate::lock;
use crate::log::{Log, Opened};
use crate::manifest::{Entry, Kind, Manifest};
use crate::options::{Options, Runtime};
use crate::pool::PoolJob;
use crate::rewrite::{
    BaseTarget, BaseWriter, FinishedBase, InstallJob, ManifestDone, ManifestJob, Rewrite, RewriteState, incr_temp_name, replaced_log,
};
use crate::segment::{Segment, error_text, write_all_at};
use crate::storage::{File, OpenMode, Storage};
use crate::writer::Writer;

/// Why the rewrite can't go on when its file was left before the switch was over.
const LEFT_FILE: &str = "the disk failed while the log changed files";

/// How long the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes in all files that count.
    pub current: u64,
    /// The same when the log was opened or last rewritten.
    pub base: u64,
}

impl<S: Storage> Log<S> {
    /// Begins a log at `lsn`, beside what is in the directory, which stays in force until a base is installed. It is as after
    /// [`Log::switch`]: the base, the state at `lsn`, is wanted.
    ///
    /// # Errors
    /// The directory can't be made, is another server's, or has segments whose manifest is missing; the first file can't be created.
    /// Nothing has changed then.
    pub fn begin(storage: Arc<S>, options: Options, runtime: Runtime, lsn: u64) -> Result<Self> {
        options.validate()?;
        let Options { dir_name, file_name, policy, block_checksums, limits, auto_gc, .. } = options;
        let place = Arc::new(Place { storage, dir: dir_name, file_name });
        let Place { storage, dir, file_name } = &*place;
        storage.create_dir(dir).map_err(|e| Error::io("create", storage.display(dir), e))?;
        let lock = lock::lock(&**storage, dir)?;
        let names = storage.list(dir).map_err(|e| Error::io("list", storage.display(dir), e))?;
        directory::refuse_orphans(&place, &names)?;
        let seq = directory::next_seq(file_name, &replaced_log(&place, &names), &names);
        let temporary = incr_temp_name(file_name);
        match storage.remove(&place.path(&temporary)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(place.error("remove the leftover", &temporary, e)),
            _ => {}
        }
        let mut segment = Segment::open(&**storage, dir, &temporary, OpenMode::CreateNew, runtime.threads)
            .map_err(|e| place.error("create", &temporary, e))?;
        let incr = Entry { name: Manifest::incr_name(file_name, seq), seq, kind: Kind::Incr };
        // The name that it will have, for marks. A log in the making that failed may have left one, and this is another file.
        segment.name = incr.name.clone();
        place.clear_doubt(&incr.name);
        let manifest = Manifest { base: None, history: Vec::new(), incrs: vec![incr] };
        let anchor = HeaderLine::new(lsn, &[]);
        write_all_at(&segment.file, 0, std::iter::once(anchor.as_bytes())).map_err(|e| place.error("write", &temporary, e))?;
        let mut writer = Writer::new(policy, block_checksums, limits, lsn, anchor.as_bytes().len() as u64);
        writer.begin_unsynced();
        writer.hold_rolls(true);
        let opened = Opened { writer, segment, directory: place.clone(), manifest, earlier_bytes: 0, lock };
        let mut log = Log::new(opened, runtime)?;
        log.is_pending = true;
        log.collects = auto_gc;
        log.rewrite = Rewrite::Switched { seq, first_seq: seq };
        Ok(log)
    }

    /// Whether this log is in the making: what is appended to it counts only once its base is installed. If that fails, this log is of no
    /// use any more: drop it, and [`Log::begin`] another.
    pub fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// How far the rewrite is.
    pub fn rewrite(&self) -> RewriteState {
        match &self.rewrite {
            Rewrite::Idle => RewriteState::Idle,
            Rewrite::Wanted | Rewrite::Preparing => RewriteState::Preparing,
            Rewrite::Ready { .. } => RewriteState::Ready,
            // The base may be written before it may be installed.
            Rewrite::Draining { .. } | Rewrite::Switched { .. } => RewriteState::Switched,
            Rewrite::Installing => RewriteState::Installing,
            Rewrite::Failed(reason) => RewriteState::Failed(reason.clone()),
            Rewrite::Done => RewriteState::Done,
        }
    }

    /// Begins a rewrite: an I/O thread makes the next incremental, when it has collected the history that it may be collecting.
    ///
    /// # Errors
    /// One is under way, or the disk fails.
    pub fn begin_rewrite(&mut self, now_us: u64) -> std::result::Result<(), String> {
        if self.is_pending {
            return Err("the log is still being made".to_owned());
        }
        if !matches!(self.rewrite, Rewrite::Idle) {
            return Err("a rewrite is under way already".to_owned());
        }
        if let Err(failure) = self.status() {
            return Err(failure.message.clone());
        }
        self.rewrite = Rewrite::Wanted;
        // So that little is left to be made durable when the files are changed.
        self.writer.want_durable(self.appended());
        self.follow_switch();
        self.poll(now_us);
        Ok(())
    }

    fn prepare(&mut self) {
        if let Err(failure) = self.status() {
            self.rewrite = Rewrite::Failed(failure.message.clone());
            return;
        }
        self.last_seq += 1;
        let (place, manifest) = (self.directory.clone(), self.manifest.clone());
        self.rewrite = Rewrite::Preparing;
        self.submit_manifest(ManifestJob::Prepare { place, manifest, seq: self.last_seq, lanes: self.runtime.threads });
    }

    /// Draws the line: everything submitted so far belongs before the new base, everything after it into the new incremental. To be called
    /// when the rewrite is ready. Returns the position of the line.
    pub fn switch(&mut self, now_us: u64) -> u64 {
        let Rewrite::Ready { segment, seq } = std::mem::replace(&mut self.rewrite, Rewrite::Idle) else {
            unreachable!("a switch follows a rewrite that is ready")
        };
        self.rewrite = Rewrite::Draining { segment, seq };
        let lsn = self.writer.begin_switch();
        self.poll(now_us);
        lsn
    }

    /// Where the base of the rewrite that is under way is to be written. Touches no disk: whoever writes to it does. Without a rewrite
    /// that wants one, the base is thrown away when it comes.
    pub fn base_target(&self, format: BaseFormat, incremental_fsync: bool) -> BaseTarget<S> {
        // No incremental has the number 0.
        let first_seq = self.wanted_base().unwrap_or(0);
        BaseTarget { place: self.directory.clone(), format, first_seq, is_incremental: incremental_fsync }
    }

    /// The same, as a writer.
    pub fn base_writer(&self, format: BaseFormat, incremental_fsync: bool) -> BaseWriter<S> {
        self.base_target(format, incremental_fsync).create()
    }

    /// Bytes in all files: now, and when the log was opened or last rewritten.
    pub fn sizes(&self) -> Sizes {
        Sizes { current: self.earlier_bytes + self.writer.file_len(), base: self.base_bytes }
    }

    /// The rewrite that wants a base.
    fn wanted_base(&self) -> Option<u64> {
        match self.rewrite {
            Rewrite::Draining { seq, .. } | Rewrite::Switched { seq, .. } if !self.unwanted => Some(seq),
            _ => None,
        }
    }

    /// Puts the base in place, on an I/O thread, as soon as the switch is over. A base that comes too late, when the rewrite it was
    /// made for is over, is removed and nothing else happens.
    pub fn install_base(&mut self, base: FinishedBase<S>, now_us: u64) {
        if self.wanted_base() == Some(base.first_seq()) {
            self.discard_base();
            self.finished_base = Some(base);
        } else {
            self.pool.submit(PoolJob::Discard(base));
        }
        self.poll(now_us);
    }

    /// Removing a large file takes time, so that an I/O thread does it.
    fn discard_base(&mut self) {
        if let Some(base) = self.finished_base.take() {
            self.pool.submit(PoolJob::Discard(base));
        }
    }

    /// The rewrite is over: it is done, or has failed, or its base can't be had. The log stays as it is.
    pub fn end_rewrite(&mut self) {
        self.discard_base();
        match self.rewrite {
            Rewrite::Idle => {}
            Rewrite::Wanted | Rewrite::Ready { .. } | Rewrite::Switched { .. } | Rewrite::Failed(_) | Rewrite::Done => {
                self.rewrite = Rewrite::Idle
            }
            // What was begun comes to its end first.
            Rewrite::Preparing | Rewrite::Draining { .. } | Rewrite::Installing => self.unwanted = true,
        }
    }

    /// `aof-disable-auto-gc`: with `false` what a rewrite has replaced stays, as history.
    pub fn set_auto_collect(&mut self, collects: bool) {
        self.collects = collects;
        self.collect_wanted = collects;
        self.follow_switch();
    }

    fn submit_manifest(&mut self, job: ManifestJob<S>) {
        self.manifest_busy = true;
        self.writer.hold_rolls(true);
        self.pool.submit(PoolJob::Manifest(job));
    }

    /// The old file is whole and durable.
    pub(crate) fn switch_files(&mut self) {
        let Rewrite::Draining { segment, seq } = std::mem::replace(&mut self.rewrite, Rewrite::Idle) else {
            unreachable!("the writer switches once")
        };
        // A block without content: even with checksums off, the file begins with its position.
        let anchor = HeaderLine::new(self.watermarks().durable, &[]);
        let begun = write_all_at(&segment.file, 0, std::iter::once(anchor.as_bytes()));
        if let Err(e) = &begun
            && segment.file.set_len(0).is_ok()
            && segment.file.is_empty().unwrap_or(false)
        {
            // As if it had never been wanted: an empty file stands behind the one that is written to.
            self.writer.cancel_switch();
            self.rewrite = Rewrite::Failed(error_text(e));
            return;
        }
        // Its filler stays, which is durable. Cut off, and the cut not synced, it might come back as zeros, when no later block is durable yet to
        // tell where this file ends.
        self.earlier_bytes += self.writer.file_len();
        self.segment = Arc::new(segment);
        self.rewrite = if std::mem::take(&mut self.unwanted) { Rewrite::Idle } else { Rewrite::Switched { seq, first_seq: seq } };
        self.writer.switched(anchor.as_bytes().len() as u64);
        if let Err(e) = begun {
            self.writer.distrust(error_text(&e), (self.runtime.clock)());
        }
    }

    /// What follows from what the writer did.
    pub(crate) fn follow_switch(&mut self) {
        if self.writer.has_switch_failed() && matches!(self.rewrite, Rewrite::Draining { .. }) {
            self.rewrite = Rewrite::Failed(LEFT_FILE.to_owned());
        }
        if self.unwanted && matches!(self.rewrite, Rewrite::Ready { .. } | Rewrite::Failed(_) | Rewrite::Done) {
            self.unwanted = false;
            self.rewrite = Rewrite::Idle;
        }
        if self.is_pending && !self.writer.is_healthy() && matches!(self.rewrite, Rewrite::Switched { .. }) {
            let reason = self.status().err().map_or_else(|| LEFT_FILE.to_owned(), |failure| failure.message.clone());
            self.rewrite = Rewrite::Failed(reason);
        }
        if self.manifest_busy || self.writer.is_rolling() {
            // One change of the manifest at a time: each begins from what the last one left.
            return;
        }
        if std::mem::take(&mut self.collect_wanted) && !self.is_pending && !self.manifest.history.is_empty() {
            let (place, manifest) = (self.directory.clone(), self.manifest.clone());
            return self.submit_manifest(ManifestJob::Collect { place, manifest });
        }
        if matches!(self.rewrite, Rewrite::Wanted) {
            return self.prepare();
        }
        let Rewrite::Switched { first_seq, .. } = self.rewrite else { return };
        if !self.writer.is_healthy() || !self.writer.has_durable_start() {
            // The anchor may be torn in a file that is to be left: without one, the position would be lost with the earlier files.
            return;
        }
        let Some(base) = self.finished_base.take() else { return };
        self.rewrite = Rewrite::Installing;
        let (place, manifest) = (self.directory.clone(), self.manifest.clone());
        let job = InstallJob { place, manifest, base, first_seq, is_pending: self.is_pending, collects: self.collects };
        self.submit_manifest(ManifestJob::Install(Box::new(job)));
    }

    pub(crate) fn take_manifest(&mut self, done: ManifestDone<S::File>) {
        self.manifest_busy = false;
        match done {
            ManifestDone::Prepared(Ok((segment, manifest, seq))) => {
                self.manifest = manifest;
                self.rewrite = Rewrite::Ready { segment, seq };
            }
            ManifestDone::Prepared(Err(e)) => {
                self.rewrite = Rewrite::Failed(error_text(&e));
            }
            ManifestDone::Installed(Ok((manifest, earlier_bytes))) => {
                self.manifest = manifest;
                self.earlier_bytes = earlier_bytes;
                self.base_bytes = earlier_bytes + self.writer.file_len();
                self.is_pending = false;
                self.rewrite = Rewrite::Done;
            }
            ManifestDone::Installed(Err(e)) => self.rewrite = Rewrite::Failed(error_text(&e)),
            ManifestDone::Collected(manifest) => self.manifest = manifest,
        }
        self.writer.hold_rolls(self.is_pending);
    }

    /// The log has left its file, in which `durable_bytes` count. One that was prepared to follow it does so no more, and one in which
    /// nothing counts must not be the first after a base: its anchor may be lost.
    pub(crate) fn follow_roll(&mut self, durable_bytes: u64) {
        match &mut self.rewrite {
            Rewrite::Ready { .. } | Rewrite::Draining { .. } => {
                self.writer.cancel_switch();
                self.rewrite = Rewrite::Failed(LEFT_FILE.to_owned());
            }
            Rewrite::Switched { first_seq, .. } => {
                if let [.., left, new] = self.manifest.incrs.as_slice()
                    && left.seq == *first_seq
                    && durable_bytes == 0
                {
                    *first_seq = new.seq;
                }
            }
            _ => {}
        }
    }
}
