//! `maxmemory`: room is made before a command runs, by deleting keys as the policy says.
//! <https://redis.io/docs/latest/develop/reference/eviction/>
//!
//! Which key is the least useful is estimated: a few are sampled from each database, and the best candidates of all samples so
//! far are kept in a small pool, from which the best that still exists goes first. Pool, samples and scores are Redis's, so
//! that the same trace is served as well.
//!
//! An evicted key is logged as deleted before the command that needed the room, as a unit of its own. Eviction takes a bounded
//! time for each command; what it did not manage is gone on with between the turns of the event loop.

use crate::access;
use crate::engine::{Engine, Pause};
use crate::garbage::Garbage;
use crate::host::Host;
use crate::notify::EventClass;
use crate::settings::EvictionPolicy;
use graven_store::Entry;

/// Candidates kept from one eviction to the next.
const POOL_LEN: usize = 16;
/// Deletions between two looks at the clock.
const CLOCK_EVERY: u32 = 16;
/// A tenacity from here on knows no limit of time.
const TENACITY_MAX: u32 = 100;

/// A key that could go.
struct Candidate {
    /// The greater, the sooner.
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

/// What eviction remembers.
#[derive(Default)]
pub(crate) struct Eviction {
    /// By score, the least first.
    pool: Vec<Candidate>,
    /// The database at which a random choice begins.
    next_db: usize,
    /// The time was over before memory was under the limit.
    unfinished: bool,
    /// When that began, nanoseconds.
    exceeded_since_ns: Option<u64>,
}

impl Eviction {
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        let at = self.pool.partition_point(|known| known.score < score);
        if self.pool.len() == POOL_LEN {
            if at == 0 {
                return;
            }
            self.pool.remove(0);
            self.pool.insert(at - 1, Candidate { score, db, key: key.into() });
        } else {
            self.pool.insert(at, Candidate { score, db, key: key.into() });
        }
    }
}

impl Engine {
    /// Makes room if `maxmemory` is exceeded. False if there still is none: commands that need memory are refused then.
    #[inline]
    pub(crate) fn make_room(&mut self, host: &dyn Host) -> bool {
        self.settings.maxmemory_bytes == 0 || self.evict(host)
    }

    /// Goes on with an eviction that ran out of time. True if there is more to do.
    pub fn evict_on(&mut self, host: &dyn Host) -> bool {
        if self.eviction.unfinished {
            self.make_room(host);
        }
        self.eviction.unfinished
    }

    /// Bytes over the limit; what was handed over to be dropped counts as free.
    fn excess(&self, host: &dyn Host) -> u64 {
        let handed_over: u64 = self.garbage.iter().map(Garbage::memory_usage).sum();
        host.memory_used().saturating_sub(handed_over).saturating_sub(self.settings.maxmemory_bytes)
    }

    fn evict(&mut self, host: &dyn Host) -> bool {
        self.eviction.unfinished = false;
        if self.loading || self.excess(host) == 0 {
            self.end_exceeded();
            return true;
        }
        if self.pause != Pause::Off {
            // Nothing may change; what is written meanwhile is bounded by the pause.
            return true;
        }
        if self.settings.eviction_policy == EvictionPolicy::NoEviction || self.writes_denied {
            self.start_exceeded();
            return false;
        }
        let began_ns = self.clock.monotonic_ns();
        let limit_ns = time_limit_us(self.settings.eviction_tenacity).map(|us| us * 1000);
        let mut deleted = 0;
        let made = loop {
            if !self.evict_one() {
                break false;
            }
            deleted += 1;
            if self.excess(host) == 0 {
                break true;
            }
            if deleted % CLOCK_EVERY == 0
                && let Some(limit_ns) = limit_ns
                && self.clock.monotonic_ns() - began_ns > limit_ns
            {
                // More can be deleted, so there will be room soon.
                self.eviction.unfinished = true;
                break true;
            }
        };
        let elapsed_ms = (self.clock.monotonic_ns() - began_ns) / 1_000_000;
        self.latency.record("eviction-cycle", self.now_ms / 1000, elapsed_ms, self.settings.latency_threshold_ms);
        if made && !self.eviction.unfinished {
            self.end_exceeded()
        } else {
            self.start_exceeded()
        }
        made
    }

    /// For how long memory has been over its limit: in all that is over, and now, milliseconds.
    pub fn eviction_exceeded_ms(&self) -> (u64, u64) {
        let now_ns = self.eviction.exceeded_since_ns.map_or(0, |since| self.now_ns.saturating_sub(since));
        ((self.stats.eviction_exceeded_ns + now_ns) / 1_000_000, now_ns / 1_000_000)
    }

    fn start_exceeded(&mut self) {
        self.eviction.exceeded_since_ns.get_or_insert(self.now_ns);
    }

    fn end_exceeded(&mut self) {
        if let Some(since) = self.eviction.exceeded_since_ns.take() {
            self.stats.eviction_exceeded_ns += self.now_ns.saturating_sub(since);
        }
    }

    /// Deletes one key, the one that the policy would miss least. False if there is none that it may delete.
    fn evict_one(&mut self) -> bool {
        let chosen = match self.settings.eviction_policy {
            EvictionPolicy::NoEviction => None,
            EvictionPolicy::AllKeysRandom => self.random_key(false),
            EvictionPolicy::VolatileRandom => self.random_key(true),
            _ => self.best_candidate(),
        };
        let Some((db, key)) = chosen else { return false };
        self.effects.begin_unit();
        let key = self.keyspace.key(&key);
        let entry = self.remove_evicted(db, key);
        let lazily = self.settings.lazy_eviction;
        self.effects.push(db, &[if lazily { b"UNLINK" as &[u8] } else { b"DEL" }, key.bytes]);
        self.effects.end_unit();
        self.stats.evicted += 1;
        self.signal(db, key.bytes);
        self.notify(EventClass::EVICTED, "evicted", db, key.bytes);
        self.drop_entry(entry, lazily);
        true
    }

    /// A random key, of the databases in turn.
    fn random_key(&mut self, volatile: bool) -> Option<(usize, Box<[u8]>)> {
        let databases = self.keyspace.databases();
        for _ in 0..databases {
            let db = self.eviction.next_db % databases;
            self.eviction.next_db = db + 1;
            let random = self.random.next_u64();
            let mut found = None;
            self.keyspace.db(db).sample(random, 1, volatile, &mut |entry| found = Some(entry.key().into()));
            if let Some(key) = found {
                return Some((db, key));
            }
        }
        None
    }

    /// The best candidate that still exists, after another look at every database.
    fn best_candidate(&mut self) -> Option<(usize, Box<[u8]>)> {
        let volatile = self.settings.eviction_policy.only_volatile();
        loop {
            let mut any = false;
            for db in 0..self.keyspace.databases() {
                let table = self.keyspace.db(db);
                if (if volatile { table.volatile_len() } else { table.len() }) == 0 {
                    continue;
                }
                any = true;
                let random = self.random.next_u64();
                let Engine { keyspace, eviction, settings, now_ms, .. } = self;
                keyspace.db(db).sample(random, settings.eviction_samples, volatile, &mut |entry| {
                    eviction.offer(score(settings, entry, *now_ms), db, entry.key());
                });
            }
            if !any {
                return None;
            }
            while let Some(best) = self.eviction.pool.pop() {
                let entry = self.keyspace.db(best.db).get(self.keyspace.key(&best.key));
                if entry.is_some_and(|entry| !volatile || entry.deadline().is_some()) {
                    return Some((best.db, best.key));
                }
            }
        }
    }
}

/// How useless a key is.
fn score(settings: &crate::Settings, entry: &Entry, now_ms: u64) -> u64 {
    match settings.eviction_policy {
        EvictionPolicy::VolatileTtl => u64::MAX - entry.deadline().unwrap_or(u64::MAX),
        _ if settings.lfu => 255 - u64::from(access::frequency(settings, entry.access(), now_ms)),
        _ => access::idle_seconds(entry.access(), now_ms),
    }
}

/// How long the eviction for one command may take; `None` for as long as it needs.
fn time_limit_us(tenacity: u32) -> Option<u64> {
    match tenacity {
        0..=10 => Some(50 * u64::from(tenacity)),
        11..TENACITY_MAX => Some((500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_keeps_the_best_in_order() {
        let mut eviction = Eviction::default();
        for score in [5, 3, 9, 1, 7, 20, 2, 4, 6, 8, 10, 11, 12, 13, 14, 15, 0, 16, 17] {
            eviction.offer(score, 0, b"k");
        }
        let scores: Vec<u64> = eviction.pool.iter().map(|c| c.score).collect();
        assert_eq!(scores, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20]);
    }

    #[test]
    fn tenacity_sets_the_time_as_in_redis() {
        assert_eq!([0, 10, 11, 99, 100].map(time_limit_us), [Some(0), Some(500), Some(575), Some(126_205_358), None]);
    }
}
