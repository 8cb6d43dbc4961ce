//! Counters: of the server, of commands, of errors, of keys.

use super::Text;
use crate::outside::Outside;
use graven_engine::{Engine, Topic};

pub(super) fn section(text: &mut Text, outside: &Outside, engine: &Engine) {
    let stats = &outside.stats;
    let kbps = |rate: u64| format!("{:.2}", rate as f64 / 1024.0);
    text.field("total_connections_received", stats.connections);
    text.field("total_commands_processed", engine.stats.commands);
    text.field("instantaneous_ops_per_sec", stats.ops.get());
    text.field("total_net_input_bytes", stats.input_bytes);
    text.field("total_net_output_bytes", stats.output_bytes);
    text.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    text.field("instantaneous_input_kbps", kbps(stats.input_rate.get()));
    text.field("instantaneous_output_kbps", kbps(stats.output_rate.get()));
    text.field("instantaneous_input_repl_kbps", "0.00");
    text.field("instantaneous_output_repl_kbps", "0.00");
    text.field("rejected_connections", stats.rejected_connections);
    text.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    text.field("expired_keys", engine.stats.expired);
    text.field("expired_subkeys", engine.stats.expired_fields);
    text.field("expired_stale_perc", "0.00");
    text.field("expired_time_cap_reached_count", engine.stats.expire_cycles_cut_short);
    text.field("expire_cycle_cpu_milliseconds", stats.expire_us / 1000);
    text.field("evicted_keys", engine.stats.evicted);
    text.field("evicted_clients", stats.evicted_clients);
    let (total_ms, current_ms) = engine.eviction_exceeded_ms();
    text.field("total_eviction_exceeded_time", total_ms);
    text.field("current_eviction_exceeded_time", current_ms);
    text.field("keyspace_hits", engine.stats.hits);
    text.field("keyspace_misses", engine.stats.misses);
    text.field("pubsub_channels", engine.topic_count(Topic::Channel));
    text.field("pubsub_patterns", engine.topic_count(Topic::Pattern));
    text.field("pubsubshard_channels", engine.topic_count(Topic::ShardChannel));
    text.zeros(&["latest_fork_usec", "total_forks"]);
    text.zeros(&["migrate_cached_sockets", "slave_expires_tracked_keys"]);
    text.zeros(&["active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses"]);
    text.zeros(&["total_active_defrag_time", "current_active_defrag_time"]);
    text.zeros(&["tracking_total_keys", "tracking_total_items", "tracking_total_prefixes", "unexpected_error_replies"]);
    text.field("total_error_replies", engine.stats.total_errors);
    text.field("dump_payload_sanitizations", 0);
    text.field("total_reads_processed", stats.reads);
    text.field("total_writes_processed", stats.writes);
    text.zeros(&["io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands"]);
    text.field("client_query_buffer_limit_disconnections", stats.query_buffer_closed);
    text.field("client_output_buffer_limit_disconnections", stats.output_buffer_closed);
    text.field("eventloop_cycles", stats.event_loop_turns);
    text.field("eventloop_duration_sum", stats.event_loop_us);
    text.field("eventloop_duration_cmd_sum", engine.command_stats.iter().map(|s| s.nanoseconds).sum::<u64>() / 1000);
    text.field("instantaneous_eventloop_cycles_per_sec", stats.turn_rate.get());
    text.field("instantaneous_eventloop_duration_usec", stats.turn_us.get());
    text.field("acl_access_denied_auth", engine.stats.errors.get("WRONGPASS").copied().unwrap_or(0));
    text.zeros(&["acl_access_denied_cmd", "acl_access_denied_key", "acl_access_denied_channel"]);
}

pub(super) fn commands(text: &mut Text, _outside: &Outside, engine: &Engine) {
    for (id, command) in engine.registry.iter() {
        let stats = &engine.command_stats[id.index()];
        if stats.calls + stats.rejected + stats.failed > 0 {
            let us = stats.nanoseconds / 1000;
            let each = if stats.calls == 0 { 0.0 } else { stats.nanoseconds as f64 / 1000.0 / stats.calls as f64 };
            text.field(
                &format!("cmdstat_{}", command.full_name),
                format_args!(
                    "calls={},usec={us},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                    stats.calls, stats.rejected, stats.failed
                ),
            );
        }
    }
}

pub(super) fn errors(text: &mut Text, _outside: &Outside, engine: &Engine) {
    for (code, count) in &engine.stats.errors {
        text.field(&format!("errorstat_{}", code.replace(':', "_")), format_args!("count={count}"));
    }
}

pub(super) fn latency(text: &mut Text, outside: &Outside, engine: &Engine) {
    let percentiles = &outside.config.latency_tracking_info_percentiles;
    for (id, command) in engine.registry.iter() {
        let durations = &engine.command_stats[id.index()].durations;
        if !durations.is_empty() {
            let values: Vec<String> = percentiles.iter().map(|p| format!("p{p}={:.3}", durations.percentile_us(p / 100.0))).collect();
            text.field(&format!("latency_percentiles_usec_{}", command.full_name), values.join(","));
        }
    }
}

pub(super) fn keyspace(text: &mut Text, _outside: &Outside, engine: &Engine) {
    for db in 0..engine.keyspace.databases() {
        let keys = engine.keyspace.db(db);
        if !keys.is_empty() {
            let volatile = keys.volatile_len();
            let mean = keys.deadline_sum().checked_div(volatile as u128).unwrap_or(0);
            let ttl_ms = mean.saturating_sub(if volatile > 0 { engine.now_ms() as u128 } else { 0 });
            text.field(&format!("db{db}"), format_args!("keys={},expires={volatile},avg_ttl={ttl_ms}", keys.len()));
        }
    }
}
