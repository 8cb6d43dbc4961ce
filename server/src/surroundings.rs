//! What a server takes from the machine: time, chance, the disk, threads. All of it is handed in, so that a simulation decides it.

use crate::clock::SystemClock;
use crate::config::Config;
use graven_aof::sim::SimStorage;
use graven_aof::{Disk, FsStorage, Runtime};
use graven_engine::Clock;
use mio::Waker;
use std::io;
use std::sync::Arc;

/// Bytes of chance that a server needs: 16 for hashing, 8 for everything else.
pub(crate) const SEED_BYTES: usize = 24;

/// See the module.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock + Send + Sync>,
    pub(crate) seed: [u8; SEED_BYTES],
    pub(crate) simulated: Option<Simulated>,
}

/// What a simulation has instead of the machine.
#[derive(Clone)]
pub(crate) struct Simulated {
    pub(crate) disk: SimStorage,
    /// Imagined threads of the log; with 0 the executing thread does it all.
    pub(crate) io_threads: usize,
}

impl Surroundings {
    /// The machine.
    pub(crate) fn of_the_machine() -> io::Result<Surroundings> {
        use std::io::Read;
        let mut seed = [0; SEED_BYTES];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
        Ok(Surroundings { clock: Arc::new(SystemClock), seed, simulated: None })
    }

    /// The same clock, for the engine.
    pub(crate) fn engine_clock(&self) -> Box<dyn Clock> {
        Box::new(SharedClock(self.clock.clone()))
    }

    /// The disk that has the data directory.
    pub(crate) fn disk(&self, config: &Config) -> Disk {
        match &self.simulated {
            None => Disk::Real(FsStorage::new(&config.dir)),
            Some(simulated) => Disk::Simulated(simulated.disk.clone()),
        }
    }

    /// What a log needs of the process.
    pub(crate) fn log_runtime(&self, waker: &Arc<Waker>) -> Runtime {
        let clock = self.clock.clone();
        let clock = Arc::new(move || clock.monotonic_ns() / 1000);
        match &self.simulated {
            None => {
                let waker = waker.clone();
                // If the loop cannot be woken it wakes by itself, ten times a second.
                Runtime { clock, ..Runtime::new(move || drop(waker.wake())) }
            }
            Some(Simulated { io_threads: 0, .. }) => Runtime::single_threaded(clock),
            Some(simulated) => Runtime::stepped(clock, simulated.io_threads),
        }
    }

    /// Whoever works beside the executing thread wakes it with this; nothing if nobody does.
    pub(crate) fn worker_waker(&self, waker: &Arc<Waker>) -> Option<Arc<Waker>> {
        self.simulated.is_none().then(|| waker.clone())
    }
}

struct SharedClock(Arc<dyn Clock + Send + Sync>);

impl Clock for SharedClock {
    fn unix_us(&self) -> u64 {
        self.0.unix_us()
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.monotonic_ns()
    }
}
