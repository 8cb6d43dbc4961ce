//! The process, its clients, its part in replication, its processor time.

use super::Text;
use crate::memory::processor_seconds;
use crate::outside::Outside;
use graven_engine::{Blocked, Engine};

pub(super) fn server(text: &mut Text, outside: &Outside, engine: &Engine) {
    let config = &outside.config;
    let uptime_s = outside.seconds_since(outside.started_us);
    text.field("redis_version", crate::REDIS_VERSION);
    text.field("server_name", "graven");
    text.field("graven_version", crate::VERSION);
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_build_id", "0000000000000000");
    text.field("redis_mode", "standalone");
    text.field("os", format_args!("{} {} {}", kernel("ostype"), kernel("osrelease"), std::env::consts::ARCH));
    text.field("arch_bits", usize::BITS);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", "epoll");
    text.field("atomicvar_api", "rust-core");
    text.field("gcc_version", "0.0.0");
    text.field("process_id", std::process::id());
    text.field("process_supervised", "no");
    text.field("run_id", &outside.run_id);
    text.field("tcp_port", config.port);
    text.field("server_time_usec", engine.now_us());
    text.field("uptime_in_seconds", uptime_s);
    text.field("uptime_in_days", uptime_s / 86400);
    text.field("hz", config.hz);
    text.field("configured_hz", config.hz);
    text.field("lru_clock", (engine.now_ms() / 1000) & 0xff_ffff);
    text.field("executable", path(std::env::current_exe().ok().as_deref()));
    text.field("config_file", path(config.file()));
    text.field("io_threads_active", 0);
    let mut listener = 0;
    if config.port != 0 {
        let bind: String = config.bind.iter().map(|address| format!(",bind={address}")).collect();
        text.field("listener0", format_args!("name=tcp{bind},port={}", config.port));
        listener += 1;
    }
    if !config.unixsocket.is_empty() {
        text.field(&format!("listener{listener}"), format_args!("name=unix,bind={}", config.unixsocket));
    }
}

fn kernel(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().to_owned()
}

fn path(path: Option<&std::path::Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

pub(super) fn clients(text: &mut Text, outside: &Outside, engine: &Engine) {
    let blocked = || outside.clients.iter().filter_map(|(_, client)| client.session.as_ref()?.blocked.as_ref());
    let with_deadline = blocked().filter(|blocked| matches!(blocked, Blocked::Wait { deadline_ms: 1.., .. })).count();
    text.field("connected_clients", outside.clients.len());
    text.field("cluster_connections", 0);
    text.field("maxclients", outside.config.maxclients);
    text.field("client_recent_max_input_buffer", outside.stats.max_input);
    text.field("client_recent_max_output_buffer", outside.stats.max_output);
    text.field("blocked_clients", blocked().count());
    text.field("tracking_clients", 0);
    text.field("clients_in_timeout_table", with_deadline + engine.waits_with_deadline());
    let (keys, ended_by_absence) = engine.waited_keys();
    text.field("total_blocking_keys", keys);
    text.field("total_blocking_keys_on_nokey", ended_by_absence);
}

pub(super) fn replication(text: &mut Text, outside: &Outside, engine: &Engine) {
    text.field("role", "master");
    text.field("connected_slaves", 0);
    text.field("master_failover_state", "no-failover");
    text.field("master_replid", &outside.run_id);
    text.field("master_replid2", "0".repeat(40));
    text.field("master_repl_offset", engine.effects.lsn());
    text.field("second_repl_offset", -1);
    text.field("repl_backlog_active", 0);
    text.field("repl_backlog_size", outside.config.get_one("repl-backlog-size").unwrap_or_default());
    text.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

pub(super) fn cpu(text: &mut Text, _outside: &Outside, _engine: &Engine) {
    let (system, user) = processor_seconds("self");
    text.field("used_cpu_sys", format_args!("{system:.6}"));
    text.field("used_cpu_user", format_args!("{user:.6}"));
    text.field("used_cpu_sys_children", "0.000000");
    text.field("used_cpu_user_children", "0.000000");
    let (system, user) = processor_seconds("thread-self");
    text.field("used_cpu_sys_main_thread", format_args!("{system:.6}"));
    text.field("used_cpu_user_main_thread", format_args!("{user:.6}"));
}
