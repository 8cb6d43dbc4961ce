//! Coalescing of requests, as network cards coalesce interrupts.
//!
//! A turn of the loop costs a system call for the events and one for the log, and a loop that sleeps in `epoll_wait` is woken by an
//! interrupt from the processor of whoever sends. A loop that is faster than its clients pays all that for every second request.
//! So when many clients keep it busy and a turn has served few of them, it pauses for some microseconds before it looks again:
//! requests go on arriving, nobody has to wake it, and the next turn serves several.
//!
//! Few clients that wait for each reply would lose what the pause takes, so with few there is none; nor when requests come so
//! slowly that a pause would gather nothing.

use crate::client::Client;
use rustix::thread::set_current_timer_slack;
use std::num::NonZeroU64;
use std::time::Duration;

/// How long a pause is; waking up from it takes about as long again.
pub(crate) const PAUSE: Duration = Duration::from_micros(5);
/// What is counted is counted for so long.
const WINDOW_US: u64 = 1_000;
/// So many clients must have been served within a window, …
const CLIENTS_MIN: u32 = 32;
/// … so many times together, …
const SERVINGS_MIN: u32 = 80;
/// … and the last turn must have served less than this part of them.
const PART: u32 = 4;

/// When to pause.
#[derive(Default)]
pub(crate) struct Coalescing {
    /// Whether the kernel lets this thread sleep for microseconds.
    is_possible: bool,
    window: u32,
    window_began_us: u64,
    clients: u32,
    servings: u32,
    served_in_turn: u32,
    /// Clients served in the last window, if all conditions but the last are met.
    busy_clients: u32,
    is_due: bool,
}

impl Coalescing {
    /// Prepares the calling thread: by default Linux lets a thread oversleep by 50 µs.
    pub(crate) fn prepare_thread(&mut self) {
        self.is_possible = set_current_timer_slack(NonZeroU64::new(1)).is_ok();
    }

    /// A client is served.
    pub(crate) fn note_serving(&mut self, client: &mut Client) {
        self.count(&mut client.served_in_window);
    }

    fn count(&mut self, served_in_window: &mut u32) {
        self.served_in_turn += 1;
        self.servings += 1;
        if *served_in_window != self.window {
            *served_in_window = self.window;
            self.clients += 1;
        }
    }

    /// A turn has ended.
    pub(crate) fn end_turn(&mut self, now_us: u64) {
        let took_us = now_us.saturating_sub(self.window_began_us);
        if took_us >= WINDOW_US {
            let is_busy = took_us < 2 * WINDOW_US && self.clients >= CLIENTS_MIN && self.servings >= SERVINGS_MIN;
            self.busy_clients = if is_busy { self.clients } else { 0 };
            self.window = self.window.wrapping_add(1);
            self.window_began_us = now_us;
            self.clients = 0;
            self.servings = 0;
        }
        let served = std::mem::take(&mut self.served_in_turn);
        self.is_due = self.is_possible && served > 0 && served * PART < self.busy_clients;
    }

    /// Whether to pause before the next turn.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of so many clients each, one turn in so many microseconds, for 10 ms; how many pauses that makes.
    fn pauses(coalescing: &mut Coalescing, clients: usize, per_turn: usize, turn_us: u64) -> usize {
        let mut windows = vec![u32::MAX; clients];
        let mut next = 0;
        let mut pauses = 0;
        let from_us = coalescing.window_began_us;
        for turn in 1..=10_000 / turn_us {
            for _ in 0..per_turn {
                coalescing.count(&mut windows[next % clients]);
                next += 1;
            }
            coalescing.end_turn(from_us + turn * turn_us);
            pauses += usize::from(coalescing.is_due());
        }
        pauses
    }

    fn possible() -> Coalescing {
        Coalescing { is_possible: true, ..Coalescing::default() }
    }

    #[test]
    fn many_clients_served_few_at_a_time_are_gathered() {
        assert!(pauses(&mut possible(), 50, 2, 8) > 1_000);
    }

    #[test]
    fn few_clients_and_full_turns_and_slow_ones_are_not() {
        assert_eq!(pauses(&mut possible(), 20, 2, 8), 0);
        assert_eq!(pauses(&mut possible(), 50, 13, 40), 0);
        assert_eq!(pauses(&mut possible(), 50, 1, 25), 0);
        assert_eq!(pauses(&mut Coalescing::default(), 50, 2, 8), 0);
    }

    #[test]
    fn after_a_silence_nothing_is_gathered_until_it_is_busy_again() {
        let mut coalescing = possible();
        assert!(pauses(&mut coalescing, 50, 2, 8) > 0);
        let now_us = coalescing.window_began_us + 5_000;
        coalescing.count(&mut 0);
        coalescing.end_turn(now_us);
        assert!(!coalescing.is_due());
        coalescing.count(&mut 0);
        coalescing.end_turn(now_us + 10);
        assert!(!coalescing.is_due());
    }
}
