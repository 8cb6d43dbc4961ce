//! Coalescing of requests, as network cards coalesce interrupts.
//!
//! A turn of the loop costs a system call for the events and one for the log, and a loop that sleeps in `epoll_wait` is woken by an
//! interrupt from the processor of whoever sends. A loop that is faster than its clients pays all that for every second request.
//! So when many clients keep it busy and a turn has served few of them, it pauses for some microseconds before it looks again:
//! requests go on arriving, nobody has to wake it, and the next turn serves several.
//!
//! How long: a sixteenth of what a client that always asks waits for each reply, which is the number of clients through their rate
//! (Little's law). So a pause is hardly felt, and the more clients there are, the more it gathers.
//!
//! Few clients that wait for each reply would lose what the pause takes, so with few there is none; nor when requests come so
//! slowly that a pause would gather nothing, nor when the loop is idle half of the time and would have answered at once.

use crate::client::Client;
use rustix::thread::set_current_timer_slack;
use std::num::NonZeroU64;
use std::time::Duration;

/// What part of the wait for a reply a pause is, …
const PAUSE_PART: u64 = 16;
/// … not counting that waking up from it takes another 5 µs, …
const PAUSE_MIN_NS: u64 = 5_000;
/// … and at most.
const PAUSE_MAX_NS: u64 = 50_000;
/// What is counted is counted for so long.
const WINDOW_US: u64 = 4_000;
/// So many clients must have been served within a window, …
const CLIENTS_MIN: u32 = 32;
/// … so many times together, …
const SERVINGS_MIN: u32 = 320;
/// … and the last turn must have served less than this part of them.
const TURN_PART: u32 = 4;

/// When to pause.
#[derive(Default)]
pub(crate) struct Coalescing {
    /// Whether the kernel lets this thread sleep for microseconds.
    is_possible: bool,
    window: u32,
    window_began_us: u64,
    busy_us: u64,
    clients: u32,
    servings: u32,
    served_in_turn: u32,
    /// Clients served in the last window, if all conditions but the last are met.
    busy_clients: u32,
    pause: Duration,
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

    /// A turn has ended that took so long, without the pause and the wait for events before it.
    pub(crate) fn end_turn(&mut self, took_us: u64, now_us: u64) {
        self.busy_us += took_us;
        let window_us = now_us.saturating_sub(self.window_began_us);
        if window_us >= WINDOW_US {
            self.judge_window(window_us);
            self.window = self.window.wrapping_add(1);
            self.window_began_us = now_us;
            self.busy_us = 0;
            self.clients = 0;
            self.servings = 0;
        }
        let served = std::mem::take(&mut self.served_in_turn);
        self.is_due = self.is_possible && served > 0 && served * TURN_PART < self.busy_clients;
    }

    fn judge_window(&mut self, window_us: u64) {
        let is_busy =
            window_us < 2 * WINDOW_US && self.busy_us * 2 >= window_us && self.clients >= CLIENTS_MIN && self.servings >= SERVINGS_MIN;
        self.busy_clients = if is_busy { self.clients } else { 0 };
        let wait_ns = window_us * 1_000 * u64::from(self.clients) / u64::from(self.servings.max(1));
        self.pause = Duration::from_nanos((wait_ns / PAUSE_PART).clamp(PAUSE_MIN_NS, PAUSE_MAX_NS));
    }

    /// How long to pause before the next turn, if at all.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.is_due.then_some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of so many clients each, one turn in so many microseconds of which some are idle, for 40 ms; the pauses that makes.
    fn pauses(coalescing: &mut Coalescing, clients: usize, per_turn: usize, turn_us: u64, idle_us: u64) -> Vec<Duration> {
        let mut windows = vec![u32::MAX; clients];
        let mut next = 0;
        let mut pauses = Vec::new();
        let from_us = coalescing.window_began_us;
        for turn in 1..=40_000 / turn_us {
            for _ in 0..per_turn {
                coalescing.count(&mut windows[next % clients]);
                next += 1;
            }
            coalescing.end_turn(turn_us - idle_us, from_us + turn * turn_us);
            pauses.extend(coalescing.due());
        }
        pauses
    }

    fn possible() -> Coalescing {
        Coalescing { is_possible: true, ..Coalescing::default() }
    }

    #[test]
    fn many_clients_served_few_at_a_time_are_gathered() {
        assert!(pauses(&mut possible(), 50, 2, 8, 2).len() > 4_000);
    }

    #[test]
    fn few_clients_and_full_turns_and_slow_ones_and_an_idle_loop_are_not() {
        assert!(pauses(&mut possible(), 20, 2, 8, 0).is_empty());
        assert!(pauses(&mut possible(), 50, 13, 40, 0).is_empty());
        assert!(pauses(&mut possible(), 50, 1, 25, 0).is_empty());
        assert!(pauses(&mut possible(), 50, 2, 8, 5).is_empty());
        assert!(pauses(&mut Coalescing::default(), 50, 2, 8, 0).is_empty());
    }

    #[test]
    fn a_pause_is_a_sixteenth_of_the_wait_for_a_reply() {
        // 50 clients at 250,000 requests a second wait 200 µs for each.
        let pauses_of_50 = pauses(&mut possible(), 50, 2, 8, 0);
        assert!(
            !pauses_of_50.is_empty() && pauses_of_50.iter().all(|pause| (12_000..13_000).contains(&pause.as_nanos())),
            "{pauses_of_50:?}"
        );
        // 500 wait 2 ms; that would be 125 µs.
        assert_eq!(pauses(&mut possible(), 500, 2, 8, 0).last(), Some(&Duration::from_nanos(PAUSE_MAX_NS)));
        // 32 at a million wait 32 µs.
        assert_eq!(pauses(&mut possible(), 32, 2, 2, 0).last(), Some(&Duration::from_nanos(PAUSE_MIN_NS)));
    }

    #[test]
    fn after_a_silence_nothing_is_gathered_until_it_is_busy_again() {
        let mut coalescing = possible();
        assert!(!pauses(&mut coalescing, 50, 2, 8, 0).is_empty());
        let now_us = coalescing.window_began_us + 20_000;
        coalescing.count(&mut 0);
        coalescing.end_turn(1, now_us);
        assert_eq!(coalescing.due(), None);
        coalescing.count(&mut 0);
        coalescing.end_turn(1, now_us + 10);
        assert_eq!(coalescing.due(), None);
    }
}
