//! Signals that ask the server to stop. A thread of its own hears them: the executing one may be waiting for a disk, and whoever
//! presses Ctrl-C a second time wants it to end all the same, as in Redis.

use crate::logging::log;
use mio::Waker;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// What has been heard. The thread ends with it.
#[derive(Default)]
pub(crate) struct StopSignals {
    /// The last signal, until the shutdown that it asks for has failed; 0 for none.
    scheduled: Arc<AtomicI32>,
    thread: Option<Handle>,
}

/// A signal that asks for a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    Int,
    Term,
}

impl StopSignals {
    /// Begins to listen; each signal wakes the event loop.
    pub(crate) fn listen(waker: Arc<Waker>) -> io::Result<StopSignals> {
        // A terminal that goes away is no reason to stop.
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let (thread, scheduled) = (signals.handle(), Arc::<AtomicI32>::default());
        let heard = scheduled.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever().filter(|signal| *signal != SIGHUP) {
                hear(signal, &heard);
                // If the loop cannot be woken it wakes by itself, ten times a second.
                let _ = waker.wake();
            }
        })?;
        Ok(StopSignals { scheduled, thread: Some(thread) })
    }

    /// The signal that is to be followed.
    pub(crate) fn scheduled(&self) -> Option<StopSignal> {
        match self.scheduled.load(Ordering::Relaxed) {
            0 => None,
            SIGINT => Some(StopSignal::Int),
            _ => Some(StopSignal::Term),
        }
    }

    /// The shutdown has failed and the server goes on.
    pub(crate) fn forget(&self) {
        self.scheduled.store(0, Ordering::Relaxed);
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            thread.close();
        }
    }
}

fn hear(signal: i32, scheduled: &AtomicI32) {
    if signal == SIGINT && scheduled.load(Ordering::Relaxed) != 0 {
        log!(Warning, "You insist... exiting now.");
        // As a kill would end it: what was acknowledged is where its acknowledgement said, and a start removes temporary files.
        signal_hook::low_level::exit(1);
    }
    let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
    log!(Warning, "Received {name} scheduling shutdown...");
    scheduled.store(signal, Ordering::Relaxed);
}
