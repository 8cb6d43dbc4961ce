//! The configuration values that command execution depends on.

use crate::notify::EventClass;
use graven_store::Thresholds;

/// `maxmemory-policy`: what is evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// Nothing.
    #[default]
    NoEviction,
    /// What was not used for longest.
    AllKeysLru,
    /// What is used least.
    AllKeysLfu,
    /// Anything.
    AllKeysRandom,
    /// Of the keys with a deadline: what was not used for longest.
    VolatileLru,
    /// Of the keys with a deadline: what is used least.
    VolatileLfu,
    /// Of the keys with a deadline: anything.
    VolatileRandom,
    /// Of the keys with a deadline: what expires soonest.
    VolatileTtl,
}

impl EvictionPolicy {
    /// Every policy with its name in the configuration.
    pub const NAMES: [(&'static str, EvictionPolicy); 8] = [
        ("noeviction", EvictionPolicy::NoEviction),
        ("allkeys-lru", EvictionPolicy::AllKeysLru),
        ("allkeys-lfu", EvictionPolicy::AllKeysLfu),
        ("allkeys-random", EvictionPolicy::AllKeysRandom),
        ("volatile-lru", EvictionPolicy::VolatileLru),
        ("volatile-lfu", EvictionPolicy::VolatileLfu),
        ("volatile-random", EvictionPolicy::VolatileRandom),
        ("volatile-ttl", EvictionPolicy::VolatileTtl),
    ];

    /// Whether keys without a deadline are safe.
    pub fn only_volatile(self) -> bool {
        use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl)
    }

    /// Whether keys that were not used for long go first.
    pub fn is_lru(self) -> bool {
        matches!(self, EvictionPolicy::AllKeysLru | EvictionPolicy::VolatileLru)
    }

    /// Whether keys count how often they are used, not when.
    pub fn is_lfu(self) -> bool {
        matches!(self, EvictionPolicy::AllKeysLfu | EvictionPolicy::VolatileLfu)
    }
}

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
    /// `lazyfree-lazy-eviction`
    pub lazy_eviction: bool,
    /// `maxmemory`; 0: no limit.
    pub maxmemory_bytes: u64,
    /// `maxmemory-policy`
    pub eviction_policy: EvictionPolicy,
    /// `maxmemory-samples`: keys looked at for one eviction.
    pub eviction_samples: usize,
    /// `maxmemory-eviction-tenacity`, 0 to 100.
    pub eviction_tenacity: u32,
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
            lazy_eviction: false,
            maxmemory_bytes: 0,
            eviction_policy: EvictionPolicy::NoEviction,
            eviction_samples: 5,
            eviction_tenacity: 10,
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
