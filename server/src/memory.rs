//! What the operating system says of the process's memory and processor time.

use crate::allocator;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The allocator of the `graven` binary.
pub(crate) const ALLOCATOR: &str = "mimalloc";

static STARTUP_BYTES: OnceLock<u64> = OnceLock::new();
static PEAK_BYTES: AtomicU64 = AtomicU64::new(0);

/// The process's memory. All numbers are bytes; 0 where the operating system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProcessMemory {
    /// What was allocated; if the allocator does not count it, what is resident of anonymous memory.
    pub(crate) used: u64,
    /// The most that was seen ([`note_peak`]).
    pub(crate) peak: u64,
    /// All physical memory.
    pub(crate) resident: u64,
}

impl ProcessMemory {
    /// Asks the allocator and the operating system.
    pub(crate) fn now() -> ProcessMemory {
        let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| kilobytes(&text, name) << 10;
        let used = allocator::used_bytes().unwrap_or_else(|| field("RssAnon:"));
        let peak = PEAK_BYTES.fetch_max(used, Relaxed).max(used);
        ProcessMemory { used, peak, resident: field("VmRSS:") }
    }
}

/// To be called often, so that the peak is known.
pub(crate) fn note_peak() {
    PEAK_BYTES.fetch_max(allocator::used_bytes().unwrap_or(0), Relaxed);
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bytes of physical memory that the machine has.
pub(crate) fn machine_bytes() -> u64 {
    kilobytes(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal:") << 10
}

/// Bytes used before there was any data: taken when this is first called.
pub(crate) fn startup_bytes() -> u64 {
    *STARTUP_BYTES.get_or_init(|| ProcessMemory::now().used)
}

/// Seconds of processor time, in the kernel and out of it, of the process or (`thread-self`) of the calling thread.
pub(crate) fn processor_seconds(of: &str) -> (f64, f64) {
    let text = std::fs::read_to_string(format!("/proc/{of}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the 14th and 15th field count ticks.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let mut ticks = fields.split_ascii_whitespace().skip(11).map(|t| t.parse::<u64>().unwrap_or(0) as f64);
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    let (user, system) = (ticks.next().unwrap_or(0.0), ticks.next().unwrap_or(0.0));
    (system / per_second, user / per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_filled_is_counted() {
        let before = ProcessMemory::now();
        let block = vec![1u8; 64 << 20];
        let after = ProcessMemory::now();
        assert!(after.used >= before.used + (60 << 20), "{before:?} {after:?}");
        assert!(after.peak >= after.used, "{after:?}");
        assert!(machine_bytes() > block.len() as u64);
    }
}
