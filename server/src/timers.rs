//! What happens by time: ten times a second, and in slices while keys are due.

use crate::logging::log;
use crate::server::Server;
use graven_engine::SessionFlags;
use std::time::Duration;

/// Longest stretch of active expiry, so that nobody waits for it longer than this.
const EXPIRE_SLICE_US: u64 = 500;
/// From one round to the next.
const CRON_US: u64 = 100_000;
/// A client that sends nothing for this long keeps no buffers.
const IDLE_BUFFERS_MS: u64 = 1_000;
/// A client that reads nothing of a full output for this long is closed.
const STUCK_OUTPUT_MS: u64 = 60_000;

/// What is due when.
#[derive(Default)]
pub(crate) struct Timers {
    /// Microseconds on the server's clock.
    next_cron_us: Option<u64>,
    /// Due keys were left when the last slice of active expiry was over.
    expiring: bool,
    /// Memory was still over its limit when the time for eviction was over.
    evicting: bool,
    /// Commands executed when that was last looked at, and for how many tenths of a second there were no more.
    idle: (u64, u32),
    /// Fsyncs that were late when that was last looked at.
    delayed_fsyncs: u64,
    /// Connections wait that could not be accepted (too many open files): the sockets will not tell of them again.
    pub(crate) accept_again: bool,
}

impl Timers {
    /// How long nothing is due.
    pub(crate) fn timeout(&self, now_us: u64) -> Duration {
        match self.next_cron_us {
            Some(at) if !self.expiring && !self.evicting => Duration::from_micros(at.saturating_sub(now_us)),
            _ => Duration::ZERO,
        }
    }
}

impl Server {
    /// Does what is due.
    pub(crate) fn run_timers(&mut self) {
        let now_us = self.outside.now_us();
        if self.timers.next_cron_us.is_none_or(|at| now_us >= at) {
            self.timers.next_cron_us = Some(now_us + CRON_US);
            self.cron();
            if std::mem::take(&mut self.timers.accept_again) {
                self.accept_all();
            }
        }
        if self.timers.expiring {
            self.expire_slice();
        }
        self.timers.evicting = self.engine.evict_on(&self.outside);
    }

    /// What happens ten times a second.
    fn cron(&mut self) {
        let now_ms = self.engine.now_ms();
        self.timers.expiring = !self.outside.log_fails;
        let stats = &mut self.outside.stats;
        stats.ops.sample(now_ms, self.engine.stats.commands);
        stats.input_rate.sample(now_ms, stats.input_bytes);
        stats.output_rate.sample(now_ms, stats.output_bytes);
        stats.turn_rate.sample(now_ms, stats.event_loop_turns);
        stats.turn_us.sample_per(1, stats.event_loop_turns, stats.event_loop_us);
        crate::memory::note_peak();
        self.check_clients(now_ms);
        self.outside.recount_all();
        self.record_log_latency();
        self.start_due_rewrite();
        self.start_due_saves();
        self.give_back_when_idle();
    }

    /// A burst leaves free memory in the allocator. Giving it back takes a while, so it is done when nobody waits: soon, and once
    /// more when the log has let go of what is durable.
    fn give_back_when_idle(&mut self) {
        const IDLE_TENTHS: [u32; 2] = [5, 25];
        let (commands, tenths) = &mut self.timers.idle;
        let now = self.engine.stats.commands;
        if *commands != now {
            self.timers.idle = (now, 0);
        } else if *tenths <= IDLE_TENTHS[1] {
            *tenths += 1;
            if IDLE_TENTHS.contains(tenths) {
                crate::allocator::give_back();
            }
        }
    }

    /// Idle and stuck clients, and those past their soft output limit.
    fn check_clients(&mut self, now_ms: u64) {
        let timeout_ms = self.outside.config.timeout_s * 1000;
        let pause_bytes = self.outside.output_pause_bytes();
        let mut doomed = Vec::new();
        for (slot, client) in &mut self.outside.clients {
            let pending = client.output.pending_bytes();
            let limit = self.outside.config.output_buffer_limits[client.class() as usize];
            let over_soft = limit.soft_bytes > 0 && pending as u64 > limit.soft_bytes;
            client.over_soft_limit_since_ms = over_soft.then(|| since(client.over_soft_limit_since_ms, now_ms));
            let too_long = client.over_soft_limit_since_ms.is_some_and(|since| has_lasted(since, now_ms, limit.soft_seconds));
            let quiet_ms = now_ms.saturating_sub(client.active_ms.max(client.sent_ms));
            let is_held = client.output.is_held();
            let stuck = pending > pause_bytes && !is_held && quiet_ms > STUCK_OUTPUT_MS;
            let may_idle = !client.is_blocked() && !is_held && !client.is_listening() && !client.has_flag(SessionFlags::MONITOR);
            let idle = timeout_ms > 0 && quiet_ms > timeout_ms && may_idle;
            if too_long || stuck {
                self.outside.stats.note_overcoming_output_limit(client);
            } else if idle {
                log!(Verbose, "Closing idle client {}", client.address);
            }
            if now_ms.saturating_sub(client.active_ms) > IDLE_BUFFERS_MS {
                client.output.give_back();
                if client.input.is_empty() {
                    client.input = Vec::new();
                }
            }
            if too_long || stuck || idle {
                doomed.push(slot);
            }
        }
        doomed.into_iter().for_each(|slot| self.outside.doom(slot));
    }

    fn record_log_latency(&mut self) {
        let now_us = self.outside.now_us();
        let Some(log) = &mut self.outside.log else { return };
        let delayed = log.delayed_fsyncs();
        if delayed > std::mem::replace(&mut self.timers.delayed_fsyncs, delayed) {
            log!(
                Notice,
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writes are acknowledged without waiting for it; a loss of power \
                 would cost {} bytes now.",
                log.info(now_us).at_risk_bytes
            );
        }
        let mut samples = Vec::new();
        log.take_latency_samples(&mut samples);
        let threshold = self.engine.settings.latency_threshold_ms;
        for sample in samples {
            self.engine.latency.record(sample.event, self.engine.now_ms() / 1000, sample.took_us / 1000, threshold);
        }
    }

    /// Deletes due keys for a moment; what is left is gone on with in the next turn, after the clients.
    fn expire_slice(&mut self) {
        let Server { engine, outside, timers, .. } = self;
        let began_us = outside.now_us();
        timers.expiring = !engine.expire_due(&mut || outside.now_us() - began_us < EXPIRE_SLICE_US);
        let took_us = outside.now_us() - began_us;
        outside.stats.expire_us += took_us;
        let ms = took_us / 1000;
        let threshold = self.engine.settings.latency_threshold_ms;
        self.engine.latency.record("expire-cycle", self.engine.now_ms() / 1000, ms, threshold);
    }
}

/// Since when something is so that is so now. The clock may have been set back meanwhile.
fn since(before_ms: Option<u64>, now_ms: u64) -> u64 {
    before_ms.map_or(now_ms, |before| before.min(now_ms))
}

/// Whether something has been so for longer than it may.
fn has_lasted(since_ms: u64, now_ms: u64, seconds: u64) -> bool {
    now_ms.saturating_sub(since_ms) > seconds.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_limit_outlasts_a_clock_that_is_set_back() {
        let began = since(None, 100_000);
        assert!(!has_lasted(began, 40_000, 10), "the clock went back by a minute");
        let began = since(Some(began), 40_000);
        assert!(!has_lasted(began, 50_000, 10));
        assert!(has_lasted(began, 50_001, 10), "the time counts from where the clock was set to");
        assert!(!has_lasted(0, u64::MAX, i64::MAX as u64), "the longest that the configuration takes");
    }
}
