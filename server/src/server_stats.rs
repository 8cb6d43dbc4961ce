//! Counters of the server that `INFO` shows.

use crate::client::Client;
use crate::logging::log;
use crate::snapshot::Loaded;

/// How many samples the momentary rates are averaged over; one is taken each 100 ms.
const SAMPLES: usize = 16;

/// A rate, over the last samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    samples: [u64; SAMPLES],
    next: usize,
    last: (u64, u64),
}

impl Rate {
    /// The counter stood at `count` at `now_ms`: a rate per second.
    pub(crate) fn sample(&mut self, now_ms: u64, count: u64) {
        self.sample_per(1000, now_ms, count);
    }

    /// The counter stood at `count` when another stood at `base`: a rate per so many of those.
    pub(crate) fn sample_per(&mut self, unit: u64, base: u64, count: u64) {
        let (then, before) = self.last;
        let elapsed = base.saturating_sub(then);
        if then > 0 && elapsed > 0 {
            self.samples[self.next] = count.saturating_sub(before) * unit / elapsed;
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = (base, count);
    }

    /// The average of the samples.
    pub(crate) fn get(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// Counters since the start or `CONFIG RESETSTAT`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerStats {
    /// Clients closed because all together held too much memory.
    pub(crate) evicted_clients: u64,
    pub(crate) connections: u64,
    pub(crate) rejected_connections: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) query_buffer_closed: u64,
    pub(crate) output_buffer_closed: u64,
    pub(crate) ops: Rate,
    pub(crate) input_rate: Rate,
    pub(crate) output_rate: Rate,
    pub(crate) peak_memory: u64,
    pub(crate) event_loop_turns: u64,
    pub(crate) event_loop_us: u64,
    pub(crate) turn_rate: Rate,
    /// Microseconds of a turn.
    pub(crate) turn_us: Rate,
    pub(crate) max_input: usize,
    pub(crate) max_output: usize,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Keys in the RDB file or base that was loaded last.
    pub(crate) rdb_keys_loaded: u64,
    /// Keys that were left out when it was loaded, since their deadline had passed.
    pub(crate) rdb_keys_expired: u64,
    /// Time in active expiry.
    pub(crate) expire_us: u64,
}

impl ServerStats {
    /// Notes what is known of an RDB that is being loaded, or has been.
    pub(crate) fn note_rdb(&mut self, loaded: &Loaded) {
        self.rdb_keys_loaded = loaded.keys;
        self.rdb_keys_expired = loaded.expired;
    }

    /// A client is closed because it does not read its replies.
    pub(crate) fn note_overcoming_output_limit(&mut self, client: &Client) {
        log!(
            Warning,
            "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
            client.id,
            client.address
        );
        self.output_buffer_closed += 1;
    }
}
