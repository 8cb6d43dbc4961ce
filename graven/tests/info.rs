//! `INFO`: what is there, and that it is true.

use std::time::{Duration, Instant};

use graven_testkit::{Program, Server};

fn started() -> Server {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("enable-debug-command", "yes").start().unwrap()
}

#[test]
fn info_has_every_section_and_field_that_tools_read() {
    let server = started();
    let mut client = server.client();
    client.line("SET a 1 EX 1000");
    client.line("GET a");
    client.line("GET nosuch");
    let all = client.line("INFO").text();
    for section in ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Errorstats", "Cluster", "Keyspace"] {
        assert!(all.contains(&format!("# {section}\r\n")), "no section {section} in\n{all}");
    }
    for field in [
        "redis_version:7.2",
        "redis_mode:standalone",
        "process_id:",
        "tcp_port:",
        "uptime_in_seconds:",
        "hz:",
        "executable:",
        "connected_clients:1",
        "maxclients:",
        "blocked_clients:0",
        "used_memory:",
        "used_memory_human:",
        "used_memory_rss:",
        "used_memory_peak:",
        "maxmemory:0",
        "maxmemory_policy:noeviction",
        "mem_fragmentation_ratio:",
        "loading:0",
        "rdb_bgsave_in_progress:0",
        "rdb_last_save_time:",
        "rdb_last_bgsave_status:ok",
        "aof_enabled:1",
        "aof_rewrite_in_progress:0",
        "aof_rewrite_scheduled:0",
        "aof_last_rewrite_time_sec:-1",
        "aof_current_rewrite_time_sec:-1",
        "aof_last_bgrewrite_status:ok",
        "aof_last_write_status:ok",
        "aof_current_size:",
        "aof_base_size:",
        "aof_pending_rewrite:0",
        "aof_buffer_length:",
        "aof_pending_bio_fsync:",
        "aof_delayed_fsync:0",
        "total_connections_received:",
        "total_commands_processed:",
        "instantaneous_ops_per_sec:",
        "rejected_connections:0",
        "expired_keys:0",
        "expired_subkeys:0",
        "evicted_keys:0",
        "keyspace_hits:1",
        "keyspace_misses:1",
        "role:master",
        "connected_slaves:0",
        "master_repl_offset:",
        "used_cpu_sys:",
        "used_cpu_user:",
        "cluster_enabled:0",
        "db0:keys=1,expires=1,avg_ttl=",
    ] {
        assert!(all.contains(&format!("\r\n{field}")), "no {field:?} in\n{all}");
    }
    let own = client.line("INFO persistence").text();
    for field in [
        "aof_lsn_appended:",
        "aof_lsn_written:",
        "aof_lsn_durable:",
        "aof_at_risk_bytes:",
        "aof_at_risk_ms:",
        "aof_fsync_usec_p50:",
        "aof_fsync_usec_p99:",
        "aof_blocks:",
        "aof_last_error:",
    ] {
        assert!(own.contains(&format!("\r\n{field}")), "no {field} in\n{own}");
    }
    assert!(all.contains("server_name:graven") && all.contains("graven_version:"), "{all}");
    assert!(client.line("INFO commandstats").text().contains("cmdstat_get:calls=2,"));
    assert!(client.line("INFO everything").text().len() > all.len());
    client.line("NOSUCH");
    assert!(client.line("INFO errorstats").text().contains("errorstat_ERR:count=1"));
    assert!(client.line("CONFIG RESETSTAT").is_ok());
    assert!(client.line("INFO stats").text().contains("keyspace_hits:0"));
}

#[test]
fn the_uptime_counts_from_the_start_of_the_process() {
    let before = Instant::now();
    let server = started();
    std::thread::sleep(Duration::from_millis(1100));
    let uptime_s: u64 = server.info_field("server", "uptime_in_seconds").parse().unwrap();
    assert!((1..=before.elapsed().as_secs()).contains(&uptime_s), "{uptime_s} s, and it was started {:?} ago", before.elapsed());
    assert_eq!(server.info_field("server", "uptime_in_days"), "0");
}

#[test]
fn latencystats_tell_how_long_commands_took() {
    let server = started();
    let mut client = server.client();
    let before = Instant::now();
    assert!(client.line("DEBUG SLEEP 0.2").is_ok());
    let at_most_us = before.elapsed().as_micros() as f64 * 1.02;
    let told = server.info_field("latencystats", "latency_percentiles_usec_debug");
    let median_us: f64 = told.strip_prefix("p50=").unwrap().split(',').next().unwrap().parse().unwrap();
    assert!((200_000.0..at_most_us).contains(&median_us), "0.2 s is told as {told}");
}

#[test]
fn turns_of_the_loop_are_counted_and_timed() {
    let server = started();
    let mut client = server.client();
    for field in ["instantaneous_eventloop_cycles_per_sec", "instantaneous_eventloop_duration_usec"] {
        let start = Instant::now();
        while !(1..1_000_000).contains(&server.info_field("stats", field).parse::<u64>().unwrap()) {
            assert!(start.elapsed() < Duration::from_secs(10), "{field} stays at 0");
            client.line("PING");
        }
    }
}
