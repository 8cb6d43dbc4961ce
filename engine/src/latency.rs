//! Latency events (`LATENCY`): what was slow, when, and how slow.

use std::collections::{BTreeMap, VecDeque};

/// Samples kept of each event.
const HISTORY: usize = 160;

/// The spikes of one event: at most one a second, the worst.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Seconds since the epoch, and milliseconds it took; oldest first.
    pub samples: VecDeque<(u64, u64)>,
    /// The worst ever, milliseconds.
    pub max_ms: u64,
}

/// All events so far.
#[derive(Debug, Default)]
pub struct Latency {
    events: BTreeMap<String, Series>,
}

impl Latency {
    /// Notes that `event` took `ms` if that reaches the threshold (`latency-monitor-threshold`, 0 for off).
    pub fn record(&mut self, event: &str, unix_time: u64, ms: u64, threshold_ms: u64) {
        if threshold_ms == 0 || ms < threshold_ms {
            return;
        }
        if !self.events.contains_key(event) {
            self.events.insert(event.to_owned(), Series::default());
        }
        let series = self.events.get_mut(event).expect("just inserted");
        series.max_ms = series.max_ms.max(ms);
        match series.samples.back_mut() {
            Some((second, worst)) if *second == unix_time => *worst = (*worst).max(ms),
            _ => {
                if series.samples.len() == HISTORY {
                    series.samples.pop_front();
                }
                series.samples.push_back((unix_time, ms));
            }
        }
    }

    /// The events by name.
    pub fn events(&self) -> &BTreeMap<String, Series> {
        &self.events
    }

    /// One event.
    pub fn get(&self, event: &str) -> Option<&Series> {
        self.events.get(event)
    }

    /// Forgets one event; tells whether it was there.
    pub fn reset(&mut self, event: &str) -> bool {
        self.events.remove(event).is_some()
    }

    /// Forgets all events; tells how many there were.
    pub fn reset_all(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}
