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
    /// Executions by duration: slot `n` counts those of less than 2^n nanoseconds and not less than half that.
    pub durations: Option<Box<[u64; 48]>>,
}

impl CommandStats {
    pub(crate) fn record(&mut self, nanoseconds: u64, track: bool) {
        self.calls += 1;
        self.nanoseconds += nanoseconds;
        if track {
            let slot = (64 - nanoseconds.leading_zeros() as usize).min(47);
            self.durations.get_or_insert_with(|| Box::new([0; 48]))[slot] += 1;
        }
    }

    /// The duration, in microseconds, that a share of the executions did not exceed (`0.5`: the median).
    pub fn percentile_us(&self, share: f64) -> f64 {
        let Some(durations) = &self.durations else { return 0.0 };
        let wanted = (durations.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (slot, count) in durations.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return (1u64 << slot) as f64 / 1000.0;
            }
        }
        0.0
    }
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
