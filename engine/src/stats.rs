//! Counters that `INFO` shows.

use std::collections::BTreeMap;

/// What one command has cost so far.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Executions.
    pub calls: u64,
    /// Time in them, nanoseconds.
    pub nanoseconds: u64,
    /// Refused before execution.
    pub rejected: u64,
    /// Executed with an error.
    pub failed: u64,
    /// Executions by duration, while that is tracked.
    pub durations: Durations,
}

impl CommandStats {
    pub(crate) fn record(&mut self, nanoseconds: u64, track: bool) {
        self.calls += 1;
        self.nanoseconds += nanoseconds;
        if track {
            self.durations.record(nanoseconds);
        }
    }
}

/// How often what took how long: each power of two of nanoseconds has 64 slots, so a duration is known to 1.6 %. Slots are there up
/// to the longest duration so far; mostly that is some kilobytes.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    counts: Vec<u64>,
}

/// Logarithm of the number of slots for a power of two.
const SLOTS_LOG: u32 = 6;
/// Powers of two that are told apart; the last one is more than a day.
pub(crate) const POWERS: usize = 48;

impl Durations {
    #[inline]
    fn record(&mut self, nanoseconds: u64) {
        let slot = slot(nanoseconds.min((1 << (POWERS - 1)) - 1));
        match self.counts.get_mut(slot) {
            Some(count) => *count += 1,
            None => self.grow_to(slot),
        }
    }

    #[cold]
    fn grow_to(&mut self, slot: usize) {
        let len = (slot + 1).next_multiple_of(1 << SLOTS_LOG);
        self.counts.reserve_exact(len - self.counts.len());
        self.counts.resize(len, 0);
        self.counts[slot] = 1;
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The duration, in microseconds, that a share of the executions did not exceed (`0.5`: the median).
    pub fn percentile_us(&self, share: f64) -> f64 {
        let wanted = ((self.counts.iter().sum::<u64>() as f64 * share).round() as u64).max(1);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        self.counts.iter().position(reaches).map_or(0.0, |slot| slot_end(slot) as f64 / 1000.0)
    }

    /// How many took less than 2^n nanoseconds and not less than half that, for each `n`.
    pub(crate) fn by_power(&self) -> [u64; POWERS] {
        let mut powers = [0; POWERS];
        for (slot, count) in self.counts.iter().enumerate() {
            powers[bits(slot_end(slot))] += count;
        }
        powers
    }
}

/// How many bits a number has.
fn bits(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()) as usize
}

/// The slot of a duration. Below 128 ns each has its own; from there on it is the power of two, and the six bits below its highest.
#[inline]
fn slot(nanoseconds: u64) -> usize {
    let shift = nanoseconds.checked_ilog2().unwrap_or(0).saturating_sub(SLOTS_LOG);
    ((shift as usize) << SLOTS_LOG) + (nanoseconds >> shift) as usize
}

/// The longest duration of a slot.
fn slot_end(slot: usize) -> u64 {
    let shift = (slot >> SLOTS_LOG).saturating_sub(1);
    let start = slot as u64 - ((shift as u64) << SLOTS_LOG);
    ((start + 1) << shift) - 1
}

/// Counters since the start or `CONFIG RESETSTAT`.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Commands executed.
    pub commands: u64,
    /// Lookups that found a key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Keys deleted because they were due.
    pub expired: u64,
    /// Fields of hashes deleted because they were due.
    pub expired_fields: u64,
    /// Keys deleted to free memory.
    pub evicted: u64,
    /// Nanoseconds that memory was over its limit.
    pub eviction_exceeded_ns: u64,
    /// Rounds of active expiry that ran out of time.
    pub expire_cycles_cut_short: u64,
    /// Error replies by code.
    pub errors: BTreeMap<String, u64>,
    /// Error replies.
    pub total_errors: u64,
    /// Large values dropped by the reclaiming thread.
    pub lazy_freed: u64,
}

/// More codes than any server has of its own: scripts could invent them without end.
const MAX_ERROR_CODES: usize = 128;

impl Stats {
    /// Counts an error reply.
    pub fn count_error(&mut self, code: &str) {
        self.total_errors += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < MAX_ERROR_CODES {
            self.errors.insert(code.to_owned(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_its_durations_and_no_others() {
        let mut next = 0;
        for number in 0..=slot((1 << (POWERS - 1)) - 1) {
            let end = slot_end(number);
            assert_eq!((slot(next), slot(end)), (number, number), "{next} to {end}");
            assert!(end - next <= next / 64, "{next} to {end}");
            next = end + 1;
        }
        assert_eq!(next, 1 << (POWERS - 1));
    }

    #[test]
    fn percentiles_are_right_to_two_per_cent() {
        let mut durations = Durations::default();
        assert_eq!((durations.percentile_us(0.5), durations.is_empty()), (0.0, true));
        for us in 1..=1000 {
            durations.record(us * 1000);
        }
        for (share, us) in [(0.0, 1.0), (0.001, 1.0), (0.25, 250.0), (0.5, 500.0), (0.6, 600.0), (0.99, 990.0), (1.0, 1000.0)] {
            let told = durations.percentile_us(share);
            assert!((us..us * 1.02).contains(&told), "{us} us is told as {told}");
        }
        durations.record(u64::MAX);
        assert!(durations.percentile_us(1.0) >= 1e10);
    }

    #[test]
    fn what_is_short_takes_little_memory() {
        let mut durations = Durations::default();
        assert_eq!(durations.counts.capacity(), 0);
        (0..100_000).for_each(|ns| durations.record(ns));
        assert!(durations.counts.capacity() * 8 < 8 << 10);
    }

    #[test]
    fn powers_of_two_are_counted_as_a_whole() {
        let mut durations = Durations::default();
        [0, 1, 2, 3, 63, 64, 127, 128, 1023, 1024, 1 << 40].into_iter().for_each(|ns| durations.record(ns));
        let powers = durations.by_power();
        let counted: Vec<(usize, u64)> = powers.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(0, 1), (1, 1), (2, 2), (6, 1), (7, 2), (8, 1), (10, 1), (11, 1), (41, 1)]);
    }
}
