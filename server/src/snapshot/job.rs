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
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
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
    /// Nothing more of it is wanted: the encoder is to stop wherever it is.
    given_up: AtomicBool,
}

fn given_up() -> io::Error {
    // Not `Interrupted`: who writes a buffer tries that again.
    io::Error::other("the snapshot was given up")
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
    /// What `out` reports; that the capture was given up.
    pub(crate) fn encode<W: Write>(self, form: Form, facts: Facts, out: W) -> io::Result<(W, u64)> {
        let mut encoder = Encoder::new(form, Yielding { out, shared: self.shared.clone() }, facts)?;
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
                    return Ok((out.out, bytes));
                }
                Err(_) => return Err(given_up()),
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
/// encoder's slice of time is used up, which takes milliseconds. It is also where a long value is given up in its midst.
struct Yielding<W> {
    out: W,
    shared: Arc<Shared>,
}

impl<W: Write> Write for Yielding<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shared.given_up.load(Relaxed) {
            return Err(given_up());
        }
        let written = self.out.write(bytes)?;
        std::thread::yield_now();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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

fn panicked() -> io::Error {
    io::Error::other("the encoder has panicked")
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
        // Once nobody takes it any more, or as long as nobody does, the backlog does not shrink by waiting.
        let is_taken = self.messages.is_some() && !matches!(self.encoding, Encoding::Inline(_));
        let has_room = !is_taken || self.shared.backlog.load(Relaxed) < BACKLOG_BYTES;
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
        self.shared.given_up.store(true, Relaxed);
        self.messages = None;
        if let Some(capture) = &mut self.capture {
            capture.cancel();
        }
    }

    /// The same, and waits until the encoder does nothing more: then somebody else may write where it wrote. No longer than a
    /// write, or a sync of what it has written, takes.
    pub(crate) fn stop(&mut self) {
        self.cancel();
        if self.result.is_none() {
            let result = match &self.encoding {
                Encoding::Thread(result) => Some(result.recv().unwrap_or_else(|_| Err(panicked()))),
                _ => self.encoded(),
            };
            self.ended(result);
        }
    }

    /// How it ended, if it did and the keyspace is ready for the next one.
    pub(crate) fn poll(&mut self, keyspace: &mut Keyspace) -> Option<io::Result<T>> {
        if self.result.is_none() {
            let result = self.encoded();
            self.ended(result);
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

    /// Notes how the encoder ended, if it did.
    fn ended(&mut self, result: Option<io::Result<T>>) {
        if result.is_some() {
            self.encoding = Encoding::Over;
        }
        if let Some(Err(_)) = &result {
            self.cancel();
            // What was on its way to the encoder is gone.
            self.shared.backlog.store(0, Relaxed);
        }
        self.result = result;
    }

    fn encoded(&mut self) -> Option<io::Result<T>> {
        match &mut self.encoding {
            Encoding::Thread(result) => match result.try_recv() {
                Ok(result) => Some(result),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Err(panicked())),
            },
            Encoding::Inline(work) if self.messages.is_none() => work.take().map(|(work, source)| work(source)),
            Encoding::Inline(_) | Encoding::Over => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::EntryUse;
    use graven_rdb::Options;
    use graven_store::Entry;
    use mio::{Poll, Token};
    use std::sync::mpsc::sync_channel;
    use std::time::{Duration, Instant};

    const VALUE_BYTES: usize = 1000;

    /// Four times what the encoder may have waiting.
    fn keyspace() -> Keyspace {
        let mut keyspace = Keyspace::new(1, [7; 16]);
        for n in 0..4 * BACKLOG_BYTES / VALUE_BYTES {
            let name = format!("key:{n}");
            let key = keyspace.key(name.as_bytes());
            keyspace.db_mut(0).insert(key, Entry::new_bytes(key.bytes, &[b'v'; VALUE_BYTES], None, 0));
        }
        keyspace
    }

    fn facts(capture: &Capture) -> Facts {
        let options = Options { compress: false, checksum: true };
        let databases = capture.databases().to_vec();
        Facts { databases, now_ms: 1, used_memory_bytes: 1, options, is_base: false, entry_use: EntryUse::Nothing }
    }

    fn waker() -> (Poll, Option<Arc<Waker>>) {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        (poll, Some(Arc::new(waker)))
    }

    /// A disk that takes nothing until it is allowed to.
    struct Stalled<F>(F);

    impl<F: FnMut() -> io::Result<()>> Write for Stalled<F> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0)()?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn work(facts: Facts, disk: impl FnMut() -> io::Result<()> + Send + 'static) -> Work<u64> {
        Box::new(move |source| source.encode(Form::Rdb, facts, Stalled(disk)).map(|(_, bytes)| bytes))
    }

    /// Goes on with a job until it has ended.
    #[track_caller]
    fn end(job: &mut Job<u64>, keyspace: &mut Keyspace) -> io::Result<u64> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            job.advance(keyspace, true, &|| 0);
            if let Some(result) = job.poll(keyspace) {
                assert_eq!(job.held_bytes(), 0);
                return result;
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn a_job_whose_encoder_fails_with_a_full_backlog_comes_to_its_end() {
        let mut keyspace = keyspace();
        let (_poll, waker) = waker();
        let capture = keyspace.begin_capture();
        let (fail, may_fail) = channel::<()>();
        let stalls = move || {
            let _ = may_fail.recv();
            Err(io::ErrorKind::StorageFull.into())
        };
        let work = work(facts(&capture), stalls);
        let mut job = Job::start(capture, work, waker, 0);
        while job.may_walk(0, true) {
            job.advance(&mut keyspace, true, &|| 0);
        }
        assert!(job.held_bytes() >= BACKLOG_BYTES as u64 && !job.walked, "the encoder has enough");
        drop(fail);
        let error = end(&mut job, &mut keyspace).expect_err("the disk is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        keyspace.begin_capture();
    }

    #[test]
    fn a_job_without_a_thread_captures_however_much_there_is() {
        let mut keyspace = keyspace();
        let capture = keyspace.begin_capture();
        let work = work(facts(&capture), || Ok(()));
        let mut job = Job::start(capture, work, None, 0);
        assert!(end(&mut job, &mut keyspace).expect("the disk is good") > BACKLOG_BYTES as u64);
    }

    #[test]
    fn a_job_that_was_stopped_writes_no_more() {
        let mut keyspace = keyspace();
        let (_poll, waker) = waker();
        let capture = keyspace.begin_capture();
        let writes = Arc::new(AtomicUsize::new(0));
        let (counted, (begin, begun)) = (writes.clone(), sync_channel(1));
        let slow = move || {
            let _ = begin.try_send(());
            std::thread::sleep(Duration::from_millis(10));
            counted.fetch_add(1, Relaxed);
            Ok(())
        };
        let work = work(facts(&capture), slow);
        let mut job = Job::start(capture, work, waker, 0);
        while job.may_walk(0, true) {
            job.advance(&mut keyspace, true, &|| 0);
        }
        begun.recv().expect("the encoder writes");
        job.stop();
        let written = writes.load(Relaxed);
        assert!(end(&mut job, &mut keyspace).is_err(), "it was given up");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(writes.load(Relaxed), written);
    }
}
