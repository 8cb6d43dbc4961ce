//! The threads that write and sync so that the executing one need not wait.
//!
//! A thread takes a job and does the job's *write while it has the turn* ([`Intake`]), so writes happen in the order of the jobs;
//! then it ends the turn and does the *sync*, so syncs overlap. A failed write poisons its generation before the turn ends: no
//! later job of that generation can write behind the hole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::directory::Place;
use crate::intake::Intake;
use crate::job::{Event, Span};
use crate::options::Runtime;
use crate::queue::Block;
use crate::rewrite::{FinishedBase, ManifestDone, ManifestJob};
use crate::roll::{RollFailure, RollJob, Rolled, roll};
use crate::segment::{Segment, error_text};
use crate::storage::Storage;

/// A [`crate::job::Job`] with what it needs to be executed elsewhere.
pub struct FileJob<F> {
    pub id: u64,
    pub generation: u64,
    pub segment: Arc<Segment<F>>,
    /// The blocks, and where they go.
    pub write: Option<(Vec<Block>, Span)>,
    pub sync: bool,
}

/// Anything a thread is asked to do.
pub enum PoolJob<S: Storage> {
    File(FileJob<S::File>),
    Roll(Box<RollJob<S>>),
    Manifest(ManifestJob<S>),
    /// To be dropped: that removes a file.
    Discard(FinishedBase<S>),
}

/// What it tells.
pub enum Done<F> {
    /// For the writer.
    Event(Event),
    /// A roll that succeeded: the new state, then the event.
    Rolled(Box<Rolled<F>>, u64),
    /// A roll that failed.
    RollFailed(RollFailure, u64),
    /// For the rewrite.
    Manifest(ManifestDone<F>),
}

/// What is left of a job when the next one may begin.
enum Rest<S: Storage> {
    Sync(SyncPart<S::File>),
    /// It touches no file that is written to.
    Manifest(ManifestJob<S>),
    Discard(FinishedBase<S>),
}

struct SyncPart<F> {
    id: u64,
    generation: u64,
    segment: Arc<Segment<F>>,
}

struct Shared<S: Storage> {
    intake: Intake<PoolJob<S>>,
    /// Jobs up to this generation are refused.
    poisoned: AtomicU64,
    done: Sender<Done<S::File>>,
    place: Arc<Place<S>>,
    runtime: Runtime,
    /// Whether the waker was called since the last drain.
    woken: AtomicBool,
}

/// See the module.
pub struct Pool<S: Storage> {
    done: Receiver<Done<S::File>>,
    shared: Arc<Shared<S>>,
    threads: Vec<JoinHandle<()>>,
    /// With imagined threads: what has begun, and the lanes it is on.
    under_way: Vec<(Rest<S>, usize)>,
}

impl<S: Storage> Pool<S> {
    pub fn start(runtime: Runtime, place: Arc<Place<S>>) -> std::io::Result<Self> {
        let (done_sender, done) = unbounded();
        let threads = if runtime.stepped { 0 } else { runtime.threads };
        let shared = Arc::new(Shared {
            intake: Intake::new(),
            poisoned: AtomicU64::new(0),
            done: done_sender,
            place,
            runtime,
            woken: AtomicBool::new(false),
        });
        let threads = (0..threads)
            .map(|lane| {
                let shared = shared.clone();
                std::thread::Builder::new().name(format!("aof-io-{lane}")).spawn(move || shared.work(lane))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Pool { done, shared, threads, under_way: Vec::new() })
    }

    /// Gives a job to the threads; without threads it is done here and now.
    pub fn submit(&self, job: PoolJob<S>) {
        self.shared.intake.push(job);
        if self.threads.is_empty() && !self.shared.runtime.stepped {
            self.shared.work_once(0);
        }
    }

    /// With imagined threads: one of them does one step, `pick` says which of so many. False when there is none to do.
    pub fn step(&mut self, pick: &mut dyn FnMut(usize) -> usize) -> bool {
        let lane = (0..self.shared.runtime.threads).find(|lane| self.under_way.iter().all(|(_, taken)| taken != lane));
        let can_take = lane.filter(|_| !self.shared.intake.is_empty());
        let choices = self.under_way.len() + usize::from(can_take.is_some());
        if choices == 0 {
            return false;
        }
        let choice = pick(choices);
        if let Some((part, lane)) = (choice < self.under_way.len()).then(|| self.under_way.remove(choice)) {
            self.shared.finish(part, lane);
        } else if let Some(lane) = can_take {
            let job = self.shared.intake.take().expect("there is a job, and nobody else takes it");
            let rest = self.shared.do_in_turn(job);
            self.under_way.extend(rest.map(|rest| (rest, lane)));
        }
        true
    }

    /// The next thing that was done.
    pub fn try_done(&self) -> Option<Done<S::File>> {
        // Cleared before looking: what is sent after the look wakes again.
        if self.shared.woken.load(Ordering::Relaxed) {
            self.shared.woken.store(false, Ordering::SeqCst);
        }
        self.done.try_recv().ok()
    }

    /// Whether something was done since the last look.
    pub fn has_done(&self) -> bool {
        self.shared.woken.load(Ordering::Relaxed)
    }

    /// The same, waiting for it.
    pub fn wait_done(&self, at_most: std::time::Duration) -> Option<Done<S::File>> {
        self.done.recv_timeout(at_most).ok()
    }
}

impl<S: Storage> Drop for Pool<S> {
    /// Waits for the threads: nothing may be written after the directory's lock is released.
    fn drop(&mut self) {
        self.shared.intake.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<S: Storage> Shared<S> {
    fn work(&self, lane: usize) {
        while self.work_once(lane) {}
    }

    /// Does one job; false when there will be no more.
    fn work_once(&self, lane: usize) -> bool {
        let Some(job) = self.intake.take() else { return false };
        if let Some(rest) = self.do_in_turn(job) {
            self.finish(rest, lane);
        }
        true
    }

    /// Does what must happen in the order of the jobs, and ends the turn; what is left of the job.
    fn do_in_turn(&self, job: PoolJob<S>) -> Option<Rest<S>> {
        // A roll is only given out when no other job is under way, so it may keep the others out.
        let rest = self.first_part(job);
        self.intake.end_turn();
        rest
    }

    fn first_part(&self, job: PoolJob<S>) -> Option<Rest<S>> {
        match job {
            PoolJob::File(job) => self.write_part(job).map(Rest::Sync),
            PoolJob::Manifest(job) => Some(Rest::Manifest(job)),
            PoolJob::Discard(base) => Some(Rest::Discard(base)),
            PoolJob::Roll(mut job) => {
                let result = roll(&mut job);
                let id = job.id;
                drop(job);
                self.tell(match result {
                    Ok(rolled) => Done::Rolled(Box::new(rolled), id),
                    Err(failure) => Done::RollFailed(failure, id),
                });
                self.wake();
                None
            }
        }
    }

    /// Called by who has the turn.
    fn write_part(&self, job: FileJob<S::File>) -> Option<SyncPart<S::File>> {
        let FileJob { id, generation, segment, write, sync } = job;
        if generation <= self.poisoned.load(Ordering::SeqCst) {
            self.tell(Done::Event(Event::Refused { id }));
            self.wake();
            return None;
        }
        if let Some((blocks, span)) = write {
            let start_us = (self.runtime.clock)();
            let result = segment.write(blocks.iter(), &span);
            // The queue recycles a buffer only when nobody else holds it.
            drop(blocks);
            match result {
                Ok(()) => self.tell(Done::Event(Event::Written { id, took_us: self.since(start_us) })),
                Err(failure) => {
                    self.poisoned.fetch_max(generation, Ordering::SeqCst);
                    let error = error_text(&failure.error);
                    self.tell(Done::Event(Event::WriteFailed { id, error, undone: failure.undone }));
                    self.wake();
                    return None;
                }
            }
        }
        if sync {
            return Some(SyncPart { id, generation, segment });
        }
        self.wake();
        None
    }

    fn finish(&self, rest: Rest<S>, lane: usize) {
        match rest {
            Rest::Sync(part) => self.sync_part(&part, lane),
            Rest::Discard(base) => drop(base),
            Rest::Manifest(job) => {
                let done = job.run();
                self.tell(Done::Manifest(done));
                self.wake();
            }
        }
    }

    fn sync_part(&self, part: &SyncPart<S::File>, lane: usize) {
        let &SyncPart { id, generation, ref segment } = part;
        let start_us = (self.runtime.clock)();
        let event = match segment.sync_lane(lane) {
            Ok(()) => Event::Synced { id, took_us: self.since(start_us) },
            Err(e) => {
                self.poisoned.fetch_max(generation, Ordering::SeqCst);
                self.place.mark_doubt(&segment.name);
                Event::SyncFailed { id, error: error_text(&e) }
            }
        };
        self.tell(Done::Event(event));
        self.wake();
    }

    fn since(&self, start_us: u64) -> u64 {
        (self.runtime.clock)().saturating_sub(start_us)
    }

    fn tell(&self, done: Done<S::File>) {
        // The log may be gone; then nobody is interested.
        let _ = self.done.send(done);
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            (self.runtime.waker)();
        }
    }
}
