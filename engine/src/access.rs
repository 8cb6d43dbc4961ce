//! The 24 bits in which an entry remembers its use: a clock for LRU, or minutes and a counter for LFU.
//!
//! LRU: seconds, modulo 2^24 (194 days). LFU: 16 bits of minutes since the counter last decayed, 8 bits of a
//! logarithmic counter. As Redis keeps them, so that `OBJECT IDLETIME`, `OBJECT FREQ` and the eviction
//! policies mean the same: <https://redis.io/docs/latest/develop/reference/eviction/>.

use crate::random::Random;
use crate::settings::Settings;

const LRU_BITS: u32 = (1 << 24) - 1;
/// New keys start here, so that they are not evicted at once.
const LFU_INITIAL: u32 = 5;

/// The bits of an entry made now.
pub fn fresh(settings: &Settings, now_ms: u64) -> u32 {
    if settings.lfu { minutes(now_ms) << 8 | LFU_INITIAL } else { lru_clock(now_ms) }
}

/// The bits of an entry used now that had `bits`.
pub fn used(settings: &Settings, bits: u32, now_ms: u64, random: &mut Random) -> u32 {
    if !settings.lfu {
        return lru_clock(now_ms);
    }
    let counter = frequency(settings, bits, now_ms);
    let above = counter.saturating_sub(LFU_INITIAL) as u64;
    let grows = counter < 255 && random.below(above * settings.lfu_log_factor as u64 + 1) == 0;
    minutes(now_ms) << 8 | (counter + grows as u32)
}

/// Seconds since an entry with `bits` was used (under an LRU policy).
pub fn idle_seconds(bits: u32, now_ms: u64) -> u64 {
    (lru_clock(now_ms).wrapping_sub(bits) & LRU_BITS) as u64
}

/// The bits of an entry that was last used so many seconds ago (under an LRU policy).
pub fn lru_of_idle(now_ms: u64, idle_seconds: u64) -> u32 {
    lru_clock(now_ms).wrapping_sub(idle_seconds.min(LRU_BITS as u64) as u32) & LRU_BITS
}

/// The counter of an entry with `bits`, decayed up to now (under an LFU policy).
pub fn frequency(settings: &Settings, bits: u32, now_ms: u64) -> u32 {
    decayed(bits, now_ms, settings.lfu_decay_minutes)
}

/// The same where only `lfu-decay-time` is at hand.
pub fn decayed(bits: u32, now_ms: u64, decay_minutes: u32) -> u32 {
    let elapsed = minutes(now_ms).wrapping_sub(bits >> 8) & 0xffff;
    let decay = elapsed.checked_div(decay_minutes).unwrap_or(0);
    (bits & 0xff).saturating_sub(decay)
}

fn lru_clock(now_ms: u64) -> u32 {
    (now_ms / 1000) as u32 & LRU_BITS
}

fn minutes(now_ms: u64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}
