//! The thread that drops what is large: a flushed database, an unlinked value.

use graven_engine::Garbage;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

/// Takes garbage and drops it elsewhere. The thread ends with it.
pub(crate) struct Reclaimer {
    queue: Sender<(Garbage, u64)>,
    pending: Arc<Pending>,
}

/// What was handed over and is not dropped yet.
#[derive(Default)]
struct Pending {
    items: AtomicUsize,
    bytes: AtomicU64,
}

impl Pending {
    fn add(&self, bytes: u64) {
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn remove(&self, bytes: u64) {
        self.items.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Reclaimer {
    /// Nobody waits in a simulation: garbage is dropped at once.
    pub(crate) fn inline() -> Reclaimer {
        Reclaimer { queue: channel().0, pending: Arc::default() }
    }

    pub(crate) fn start() -> std::io::Result<Reclaimer> {
        let (queue, garbage) = channel::<(Garbage, u64)>();
        let pending = Arc::new(Pending::default());
        let counter = pending.clone();
        std::thread::Builder::new().name("reclaimer".into()).spawn(move || {
            for (item, bytes) in garbage {
                drop(item);
                counter.remove(bytes);
            }
        })?;
        Ok(Reclaimer { queue, pending })
    }

    /// Drops all of it, soon.
    pub(crate) fn take(&self, garbage: &mut Vec<Garbage>) {
        for item in garbage.drain(..) {
            let bytes = item.memory_usage();
            self.pending.add(bytes);
            if self.queue.send((item, bytes)).is_err() {
                self.pending.remove(bytes); // the thread is gone: dropped here
            }
        }
    }

    /// Items not dropped yet (`lazyfree_pending_objects`).
    pub(crate) fn pending(&self) -> usize {
        self.pending.items.load(Ordering::Relaxed)
    }

    /// Bytes that will be free when they are.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending.bytes.load(Ordering::Relaxed)
    }
}
