//! The system's clocks.

use graven_engine::Clock;
use rustix::time::{ClockId, clock_gettime};

/// The wall clock and the monotonic clock of the machine.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn unix_us(&self) -> u64 {
        nanoseconds(ClockId::Realtime) / 1000
    }

    /// Since the machine started. It is read after each command, so without the arithmetic of `Instant`.
    fn monotonic_ns(&self) -> u64 {
        nanoseconds(ClockId::Monotonic)
    }
}

/// 0 before the clock's beginning.
fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
