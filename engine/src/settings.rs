//! The configuration values that command execution depends on.

use crate::notify::EventClass;
use graven_store::Thresholds;

/// Set by the server from its configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `proto-max-bulk-len`: longest string, bytes.
    pub max_bulk_bytes: usize,
    /// `requirepass`: empty for none.
    pub password: String,
    /// `slowlog-log-slower-than`, microseconds; negative: off.
    pub slowlog_slower_than_us: i64,
    /// `slowlog-max-len`
    pub slowlog_max_len: usize,
    /// `latency-monitor-threshold`, milliseconds; 0: off.
    pub latency_threshold_ms: u64,
    /// `latency-tracking`: histograms per command.
    pub latency_tracking: bool,
    /// `lazyfree-lazy-expire`
    pub lazy_expire: bool,
    /// `lazyfree-lazy-user-del`
    pub lazy_user_del: bool,
    /// `lazyfree-lazy-user-flush`
    pub lazy_user_flush: bool,
    /// `lazyfree-lazy-server-del`
    pub lazy_server_del: bool,
    /// The `maxmemory-policy` counts how often keys are used, not when.
    pub lfu: bool,
    /// `lfu-log-factor`
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, minutes.
    pub lfu_decay_minutes: u32,
    /// Up to which size collections are compact.
    pub thresholds: Thresholds,
    /// `notify-keyspace-events`
    pub notify: EventClass,
    /// `DEBUG SET-ACTIVE-EXPIRE`: due keys are looked for, not only found on access.
    pub active_expire: bool,
    /// Whether replies must wait for what they read (`appendfsync always`); see [`crate::Engine::set_track_reads`].
    pub track_reads: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_bulk_bytes: 512 << 20,
            password: String::new(),
            slowlog_slower_than_us: 10_000,
            slowlog_max_len: 128,
            latency_threshold_ms: 0,
            latency_tracking: true,
            lazy_expire: false,
            lazy_user_del: false,
            lazy_user_flush: false,
            lazy_server_del: false,
            lfu: false,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            thresholds: Thresholds::default(),
            notify: EventClass::empty(),
            active_expire: true,
            track_reads: false,
        }
    }
}
