//! The thread that drops what is large: a flushed database, an unlinked value.

use graven_engine::Garbage;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

/// Takes garbage and drops it elsewhere. The thread ends with it.
pub(crate) struct Reclaimer {
    queue: Sender<Garbage>,
    pending: Arc<AtomicUsize>,
}

impl Reclaimer {
    pub(crate) fn start() -> std::io::Result<Reclaimer> {
        let (queue, garbage) = channel::<Garbage>();
        let pending = Arc::new(AtomicUsize::new(0));
        let counter = pending.clone();
        std::thread::Builder::new().name("reclaimer".into()).spawn(move || {
            for item in garbage {
                drop(item);
                counter.fetch_sub(1, Ordering::Relaxed);
            }
        })?;
        Ok(Reclaimer { queue, pending })
    }

    /// Drops all of it, soon.
    pub(crate) fn take(&self, garbage: &mut Vec<Garbage>) {
        for item in garbage.drain(..) {
            self.pending.fetch_add(1, Ordering::Relaxed);
            if self.queue.send(item).is_err() {
                self.pending.fetch_sub(1, Ordering::Relaxed); // the thread is gone: dropped here
            }
        }
    }

    /// Items not dropped yet (`lazyfree_pending_objects`).
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }
}
