//! The system's clocks.

use graven_engine::Clock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The wall clock and the monotonic clock of the machine.
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Monotonic time counts from `start`.
    pub(crate) fn new(start: Instant) -> SystemClock {
        SystemClock { start }
    }
}

impl Clock for SystemClock {
    fn unix_us(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
    }

    fn monotonic_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}
