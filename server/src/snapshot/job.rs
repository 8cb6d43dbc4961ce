//! A snapshot in the making: the executing thread captures, a thread of its own encodes and writes.
//!
//! The executing thread gives a slice of its turns, and more when it has nothing else to do; it stops while the encoder has enough to
//! go on with, so that what is captured and not written stays small. What clients are about to change is captured whatever the
//! encoder does: that is no more than what they write.
//!
//! A snapshot that fails, or is not wanted any more, still walks to its end, because the next capture needs every entry to have
//! been seen; nothing is copied then, which is fast.

use super::encoder::{Encoder, Form};
use super::rdb::Facts;
use graven_store::{Capture, Keyspace, Part};
use mio::Waker;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// What is captured at a time: some tens of microseconds.
const SLICE_BYTES: usize = 32 << 10;
/// The same in a simulation, whose data sets are small: much happens between two slices.
const SIMULATED_SLICE_BYTES: usize = 200;
/// The encoder has enough to do.
const BACKLOG_BYTES: usize = 4 << 20;
/// One part in so many of the executing thread's time, while clients are busy.
const BUSY_SHARE: u64 = 10;

/// Clients come first when processors are short.
const NICENESS: i32 = 10;

enum Message {
    Parts {
        parts: Vec<Part>,
        bytes: usize,
    },
    /// The capture is complete.
    End,
}

/// What both sides see.
#[derive(Default)]
struct Shared {
    /// Bytes captured and not yet encoded.
    backlog: AtomicUsize,
    keys: AtomicU64,
    bytes: AtomicU64,
}

/// Where the encoder's side gets the parts from.
pub(crate) struct Source {
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    waker: Option<Arc<Waker>>,
}

impl Source {
    /// Encodes everything into `out` and gives it back, with the length of the whole.
    ///
    /// # Errors
    /// What `out` reports; [`io::ErrorKind::Interrupted`] if the capture was given up.
    pub(crate) fn encode<W: Write>(self, form: Form, facts: Facts, out: W) -> io::Result<(W, u64)> {
        let mut encoder = Encoder::new(form, Yielding(out), facts)?;
        loop {
            match self.messages.recv() {
                Ok(Message::Parts { parts, bytes }) => {
                    for part in parts {
                        encoder.take(part)?;
                    }
                    self.shared.keys.store(encoder.keys(), Relaxed);
                    self.shared.bytes.store(encoder.bytes_written(), Relaxed);
                    let before = self.shared.backlog.fetch_sub(bytes, Relaxed);
                    if before > BACKLOG_BYTES / 2 && before - bytes <= BACKLOG_BYTES / 2 {
                        self.wake();
                    }
                }
                Ok(Message::End) => {
                    let (out, bytes) = encoder.finish()?;
                    return Ok((out.0, bytes));
                }
                Err(_) => return Err(io::Error::new(io::ErrorKind::Interrupted, "the snapshot was given up")),
            }
        }
    }

    /// If the loop cannot be woken it wakes by itself, ten times a second.
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            let _ = waker.wake();
        }
    }
}

/// Yields after each write, that is some tens of kilobytes: whoever has become ready meanwhile does not wait until the
/// encoder's slice of time is used up, which takes milliseconds.
struct Yielding<W>(W);

impl<W: Write> Write for Yielding<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        std::thread::yield_now();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What the encoder's side does with the parts; an error is why there is no snapshot.
pub(crate) type Work<T> = Box<dyn FnOnce(Source) -> io::Result<T> + Send>;

/// Who encodes.
enum Encoding<T> {
    /// A thread, which tells here how it ended.
    Thread(Receiver<io::Result<T>>),
    /// The executing thread, when everything is captured: for simulation.
    Inline(Option<(Work<T>, Source)>),
    Over,
}

fn spawn<T: Send + 'static>(work: Work<T>, source: Source, waker: Arc<Waker>) -> io::Result<Receiver<io::Result<T>>> {
    let (done, result) = channel();
    std::thread::Builder::new().name("snapshot".into()).spawn(move || {
        // On Linux this is the thread's alone. If it is refused the snapshot only competes with clients for the processor.
        let _ = rustix::process::nice(NICENESS);
        // Nobody listens any more if the server is about to end.
        let _ = done.send(work(source));
        let _ = waker.wake();
    })?;
    Ok(result)
}

/// See the module. `T` is what comes out of it.
pub(crate) struct Job<T> {
    capture: Option<Capture>,
    messages: Option<Sender<Message>>,
    shared: Arc<Shared>,
    encoding: Encoding<T>,
    result: Option<io::Result<T>>,
    keys_total: u64,
    slice_bytes: usize,
    started_us: u64,
    walked: bool,
    walk_us: u64,
}

impl<T: Send + 'static> Job<T> {
    /// Begins with what [`Keyspace::begin_capture`] gave. With a waker, `work` has a thread of its own and wakes the loop when there is
    /// something to do; without, it runs within [`Job::poll`].
    pub(crate) fn start(capture: Capture, work: Work<T>, waker: Option<Arc<Waker>>, now_us: u64) -> Self {
        let (messages, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let source = Source { messages: receiver, shared: shared.clone(), waker: waker.clone() };
        let mut job = Job {
            keys_total: capture.databases().iter().map(|db| db.keys as u64).sum(),
            slice_bytes: if waker.is_some() { SLICE_BYTES } else { SIMULATED_SLICE_BYTES },
            capture: Some(capture),
            messages: Some(messages),
            shared,
            encoding: Encoding::Over,
            result: None,
            started_us: now_us,
            walked: false,
            walk_us: 0,
        };
        match waker {
            None => job.encoding = Encoding::Inline(Some((work, source))),
            Some(waker) => match spawn(work, source, waker) {
                Ok(result) => job.encoding = Encoding::Thread(result),
                Err(e) => {
                    job.result = Some(Err(e));
                    job.cancel();
                }
            },
        }
        job
    }

    /// Whether a slice of the walk may be done now. `is_idle`: no client waits.
    pub(crate) fn may_walk(&self, now_us: u64, is_idle: bool) -> bool {
        let has_room = self.shared.backlog.load(Relaxed) < BACKLOG_BYTES;
        let share_us = (now_us - self.started_us) / BUSY_SHARE;
        !self.walked && has_room && (is_idle || self.walk_us <= share_us)
    }

    /// Captures some more and hands over what was captured. `clock` is in microseconds.
    pub(crate) fn advance(&mut self, keyspace: &mut Keyspace, is_idle: bool, clock: &dyn Fn() -> u64) {
        let began_us = clock();
        let may_walk = self.may_walk(began_us, is_idle);
        let Some(capture) = &mut self.capture else { return };
        if may_walk {
            self.walked = capture.step(keyspace, self.slice_bytes);
            self.walk_us += clock() - began_us;
        }
        // In this order: once it is complete, nothing is added to what is taken here.
        let is_complete = capture.is_complete();
        let bytes = capture.waiting_bytes();
        let parts = capture.take();
        if let Some(messages) = &self.messages {
            self.shared.backlog.fetch_add(bytes, Relaxed);
            // The encoder may have failed: poll tells.
            if !parts.is_empty() {
                let _ = messages.send(Message::Parts { parts, bytes });
            }
            if is_complete {
                let _ = messages.send(Message::End);
                self.messages = None;
            }
        }
    }

    /// Nothing more of it is wanted.
    pub(crate) fn cancel(&mut self) {
        self.messages = None;
        if let Some(capture) = &mut self.capture {
            capture.cancel();
        }
    }

    /// How it ended, if it did and the keyspace is ready for the next one.
    pub(crate) fn poll(&mut self, keyspace: &mut Keyspace) -> Option<io::Result<T>> {
        if self.result.is_none() {
            self.result = self.encoded();
            if matches!(self.result, Some(Err(_))) {
                self.cancel();
            }
        }
        if !self.walked {
            return None;
        }
        let result = self.result.take()?;
        if let Some(capture) = self.capture.take() {
            capture.finish(keyspace);
        }
        Some(result)
    }

    fn encoded(&mut self) -> Option<io::Result<T>> {
        let result = match &mut self.encoding {
            Encoding::Over => return None,
            Encoding::Thread(result) => match result.try_recv() {
                Ok(result) => result,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => Err(io::Error::other("the encoder has panicked")),
            },
            Encoding::Inline(_) if self.messages.is_some() => return None,
            Encoding::Inline(work) => {
                let (work, source) = work.take()?;
                work(source)
            }
        };
        self.encoding = Encoding::Over;
        Some(result)
    }

    /// Keys written, and keys there are in all.
    pub(crate) fn keys(&self) -> (u64, u64) {
        (self.shared.keys.load(Relaxed), self.keys_total)
    }

    /// Bytes written.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Relaxed)
    }

    /// Bytes captured and not yet written, roughly: what was removed or replaced meanwhile is among them.
    pub(crate) fn held_bytes(&self) -> u64 {
        let captured = self.capture.as_ref().map_or(0, Capture::waiting_bytes);
        (captured + self.shared.backlog.load(Relaxed)) as u64
    }

    /// When it began, microseconds on the server's clock.
    pub(crate) fn started_us(&self) -> u64 {
        self.started_us
    }
}
