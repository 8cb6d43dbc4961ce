//! Where the memory is.

use super::Text;
use crate::memory::{ALLOCATOR, ProcessMemory, machine_bytes, startup_bytes};
use crate::outside::Outside;
use graven_engine::{Engine, EvictionPolicy, SessionFlags};

/// Memory by purpose, bytes.
pub(in crate::host) struct Usage {
    pub(in crate::host) process: ProcessMemory,
    pub(in crate::host) startup: u64,
    pub(in crate::host) clients: u64,
    /// The part of it that is held for those who watch.
    pub(in crate::host) monitors: u64,
    pub(in crate::host) log_buffer: u64,
    /// What a snapshot has captured and not yet written.
    pub(in crate::host) captured: u64,
    /// Tables of each database that has keys, without the entries.
    pub(in crate::host) tables: Vec<(usize, u64)>,
    pub(in crate::host) keys: u64,
}

impl Usage {
    pub(in crate::host) fn now(outside: &Outside, engine: &Engine) -> Usage {
        let (mut clients, mut monitors) = (0, 0);
        for (_, client) in &outside.clients {
            let bytes = client.memory_usage() as u64;
            clients += bytes;
            monitors += if client.has_flag(SessionFlags::MONITOR) { bytes } else { 0 };
        }
        let keyspace = &engine.keyspace;
        let used = (0..keyspace.databases()).filter(|db| !keyspace.db(*db).is_empty());
        Usage {
            process: ProcessMemory::now(),
            startup: startup_bytes(),
            clients,
            monitors,
            log_buffer: outside.log.as_ref().map_or(0, |log| log.held_bytes()),
            captured: outside.capture_held_bytes(),
            tables: used.map(|db| (db, keyspace.db(db).table_bytes() as u64)).collect(),
            keys: engine.key_count() as u64,
        }
    }

    /// What is not data.
    pub(in crate::host) fn overhead(&self) -> u64 {
        self.startup + self.clients + self.log_buffer + self.captured + self.tables.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }

    /// What is data.
    pub(in crate::host) fn dataset(&self) -> u64 {
        self.process.used.saturating_sub(self.overhead())
    }

    /// Data as a percentage of all that was allocated since the start.
    pub(in crate::host) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.process.used.saturating_sub(self.startup))
    }

    pub(in crate::host) fn peak_percent(&self) -> f64 {
        percent(self.process.used, self.process.peak)
    }

    /// Physical memory for each byte used.
    pub(in crate::host) fn fragmentation(&self) -> f64 {
        self.process.resident as f64 / self.process.used.max(1) as f64
    }

    pub(in crate::host) fn fragmentation_bytes(&self) -> i64 {
        self.process.resident as i64 - self.process.used as i64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// `1.44M`
pub(in crate::host) fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

pub(super) fn section(text: &mut Text, outside: &Outside, engine: &Engine) {
    let usage = Usage::now(outside, engine);
    let ProcessMemory { used, peak, resident } = usage.process;
    let config = &outside.config;
    let both = |text: &mut Text, name: &str, bytes: u64| {
        text.field(name, bytes);
        text.field(&format!("{name}_human"), human(bytes));
    };
    both(text, "used_memory", used);
    both(text, "used_memory_rss", resident);
    both(text, "used_memory_peak", peak);
    text.field("used_memory_peak_perc", format_args!("{:.2}%", usage.peak_percent()));
    text.field("used_memory_overhead", usage.overhead());
    text.field("used_memory_startup", usage.startup);
    text.field("used_memory_dataset", usage.dataset());
    text.field("used_memory_dataset_perc", format_args!("{:.2}%", usage.dataset_percent()));
    text.field("allocator_allocated", used);
    text.field("allocator_active", used);
    text.field("allocator_resident", used);
    both(text, "total_system_memory", machine_bytes());
    text.zeros(&["used_memory_lua", "used_memory_vm_eval"]);
    text.field("used_memory_lua_human", human(0));
    text.zeros(&["used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions", "number_of_libraries"]);
    text.zeros(&["used_memory_vm_functions"]);
    both(text, "used_memory_vm_total", 0);
    text.zeros(&["used_memory_functions"]);
    both(text, "used_memory_scripts", 0);
    both(text, "maxmemory", config.maxmemory_bytes);
    let policy = EvictionPolicy::NAMES.iter().find(|(_, policy)| *policy == config.maxmemory_policy);
    text.field("maxmemory_policy", policy.map_or("", |(name, _)| name));
    text.field("allocator_frag_ratio", "1.00");
    text.field("allocator_frag_bytes", 0);
    text.field("allocator_rss_ratio", "1.00");
    text.field("allocator_rss_bytes", 0);
    for name in ["rss_overhead", "mem_fragmentation"] {
        text.field(&format!("{name}_ratio"), format_args!("{:.2}", usage.fragmentation()));
        text.field(&format!("{name}_bytes"), usage.fragmentation_bytes());
    }
    text.field("mem_not_counted_for_evict", usage.log_buffer + usage.captured);
    text.zeros(&["mem_replication_backlog", "mem_total_replication_buffers"]);
    text.field("mem_clients_slaves", 0);
    text.field("mem_clients_normal", usage.clients);
    text.field("mem_cluster_links", 0);
    text.field("mem_aof_buffer", usage.log_buffer);
    text.field("mem_allocator", ALLOCATOR);
    text.field("active_defrag_running", 0);
    text.field("lazyfree_pending_objects", outside.reclaimer.pending());
    text.field("lazyfreed_objects", engine.stats.lazy_freed);
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_read_as_in_redis() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1511304, "1.44M"), (25276063744, "23.54G")] {
            assert_eq!(human(bytes), text);
        }
    }
}
