//! A clock that the simulation moves.

use graven_engine::Clock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where time begins, so that deadlines are ordinary ones.
const EPOCH_US: u64 = 1_700_000_000_000_000;

/// Time passes when somebody looks, a little, and when the simulation says so.
pub(crate) struct SimulatedClock {
    now_us: AtomicU64,
    look_us: u64,
}

impl SimulatedClock {
    pub(crate) fn new(now_us: u64, look_us: u64) -> SimulatedClock {
        SimulatedClock { now_us: AtomicU64::new(now_us), look_us }
    }

    pub(crate) fn advance(&self, us: u64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.now_us.load(Ordering::Relaxed)
    }

    pub(crate) fn unix_ms_now(&self) -> u64 {
        (EPOCH_US + self.now_us()) / 1000
    }
}

impl Clock for SimulatedClock {
    fn unix_us(&self) -> u64 {
        EPOCH_US + self.now_us()
    }

    fn monotonic_ns(&self) -> u64 {
        self.now_us.fetch_add(self.look_us, Ordering::Relaxed) * 1000
    }
}
