//! How far apart two processors are: how long a cache line takes from one to the other.
//!
//! A server and its load generator hand each other every request through memory of the kernel, so this decides what a request costs
//! both of them. Where the processors are virtual, the host moves them: now they are neighbours, now on different chips, and
//! every few seconds a benchmark runs twice as fast or half as fast. So each measurement of throughput is made between two of this
//! distance, and only measurements that were made at the same distance are compared.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const ROUND_TRIPS: u32 = 2_000;
/// The fastest of so many times counts: in the others something else may have run.
const TIMES: u32 = 10;
/// Cores that share a cache are 20 to 60 ns apart; over the way between chips it takes 150 and more.
const NEAR_BELOW_NS: u64 = 100;

/// In classes, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Distance {
    /// As where a cache is shared.
    Near,
    /// As where none is.
    Far,
    /// There is only one processor.
    #[value(skip)]
    None,
    /// It changed meanwhile.
    #[value(skip)]
    Changed,
}

impl Distance {
    pub const ALL: [Distance; 4] = [Distance::Near, Distance::Far, Distance::None, Distance::Changed];

    /// That of the first two processors that this process may use, now.
    pub fn now() -> Distance {
        nanoseconds().map_or(Distance::None, Distance::of)
    }

    fn of(ns: u64) -> Distance {
        if ns < NEAR_BELOW_NS { Distance::Near } else { Distance::Far }
    }

    /// What it was from one time to another.
    pub fn between(before: Distance, after: Distance) -> Distance {
        if before == after { before } else { Distance::Changed }
    }

    /// For a table.
    pub fn name(self) -> &'static str {
        match self {
            Distance::Near => "near",
            Distance::Far => "far",
            Distance::None => "one",
            Distance::Changed => "moving",
        }
    }
}

/// One way.
fn nanoseconds() -> Option<u64> {
    let allowed = sched_getaffinity(None).ok()?;
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    let (here, there) = (processors.next()?, processors.next()?);
    let ball = &AtomicU32::new(0);
    // Both sides are threads, so that the affinity of the caller stays.
    std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            let is_pinned = pin(there);
            for turn in 0..TIMES * ROUND_TRIPS {
                await_ball(ball, 2 * turn + 1);
                ball.store(2 * turn + 2, Ordering::Release);
            }
            is_pinned
        });
        let this = scope.spawn(move || {
            let is_pinned = pin(here);
            let once = |time: u32| {
                let start = Instant::now();
                for turn in time * ROUND_TRIPS..(time + 1) * ROUND_TRIPS {
                    ball.store(2 * turn + 1, Ordering::Release);
                    await_ball(ball, 2 * turn + 2);
                }
                start.elapsed().as_nanos() as u64 / u64::from(2 * ROUND_TRIPS)
            };
            (0..TIMES).map(once).min().filter(|_| is_pinned)
        });
        let ns = this.join().ok().flatten();
        other.join().is_ok_and(|is_pinned| is_pinned).then_some(ns).flatten()
    })
}

fn pin(processor: usize) -> bool {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).is_ok()
}

fn await_ball(ball: &AtomicU32, value: u32) {
    while ball.load(Ordering::Acquire) != value {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_meanwhile_is_no_distance() {
        assert_eq!(Distance::between(Distance::Near, Distance::Near), Distance::Near);
        assert_eq!(Distance::between(Distance::Near, Distance::Far), Distance::Changed);
        assert_eq!((Distance::of(40), Distance::of(220)), (Distance::Near, Distance::Far));
    }

    #[test]
    fn two_processors_have_a_distance_and_the_caller_stays_where_it_may_be() {
        let allowed = || (0..CpuSet::MAX_CPU).filter(|n| sched_getaffinity(None).unwrap().is_set(*n)).collect::<Vec<_>>();
        let before = allowed();
        assert_eq!(nanoseconds().is_some(), before.len() > 1);
        assert_eq!(allowed(), before);
    }
}
