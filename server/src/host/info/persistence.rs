//! The log and snapshots.

use super::Text;
use crate::outside::Outside;
use crate::persistence::Persistence;
use graven_engine::Engine;

pub(super) fn section(text: &mut Text, outside: &Outside, engine: &Engine) {
    text.flag("loading", engine.loading);
    text.zeros(&["async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    let (keys, keys_total) = outside.capture_progress();
    text.field("current_fork_perc", format_args!("{:.2}", keys as f64 * 100.0 / keys_total.max(1) as f64));
    text.field("current_save_keys_processed", keys);
    text.field("current_save_keys_total", keys_total);
    text.field("current_save_bytes_written", outside.capture_bytes());
    text.field("rdb_changes_since_last_save", engine.dirty);
    let Persistence { saving, saves, last_save_s, .. } = &outside.persistence;
    text.flag("rdb_bgsave_in_progress", saving.is_some());
    text.field("rdb_last_save_time", last_save_s);
    text.status("rdb_last_bgsave_status", saves.last_ok);
    text.seconds("rdb_last_bgsave_time_sec", saves.last_took_s);
    text.seconds("rdb_current_bgsave_time_sec", saving.as_ref().map(|saving| outside.seconds_since(saving.job.started_us())));
    text.field("rdb_saves", saves.done);
    text.field("rdb_last_cow_size", 0);
    text.field("rdb_last_load_keys_expired", outside.stats.rdb_keys_expired);
    text.field("rdb_last_load_keys_loaded", outside.stats.rdb_keys_loaded);
    log(text, outside);
    if engine.loading {
        loading(text, outside, engine.now_ms());
    }
}

fn log(text: &mut Text, outside: &Outside) {
    let info = outside.log.as_ref().map(|log| log.info(outside.now_us()));
    let write_ok = info.as_ref().is_none_or(|info| info.last_write_ok && info.last_fsync_ok);
    text.flag("aof_enabled", outside.config.appendonly);
    let Persistence { rewriting, rewrite_scheduled, rewrites, wants_log, .. } = &outside.persistence;
    text.flag("aof_rewrite_in_progress", rewriting.is_some());
    text.flag("aof_rewrite_scheduled", *rewrite_scheduled || *wants_log && rewriting.is_none());
    text.seconds("aof_last_rewrite_time_sec", rewrites.last_took_s);
    text.seconds("aof_current_rewrite_time_sec", rewriting.as_ref().map(|rewriting| outside.seconds_since(rewriting.started_us())));
    text.status("aof_last_bgrewrite_status", rewrites.last_ok);
    text.field("aof_rewrites", rewrites.done);
    text.field("aof_rewrites_consecutive_failures", rewrites.failures_in_a_row);
    text.status("aof_last_write_status", write_ok);
    text.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    let Some(info) = info else {
        if *wants_log {
            text.flag("aof_pending_rewrite", true);
        }
        return;
    };
    text.field("aof_current_size", info.current_size);
    text.field("aof_base_size", info.base_size);
    text.flag("aof_pending_rewrite", *wants_log);
    text.field("aof_buffer_length", info.buffer_length);
    text.field("aof_rewrite_buffer_length", 0);
    text.field("aof_pending_bio_fsync", info.pending_bio_fsync);
    text.field("aof_delayed_fsync", info.delayed_fsync);
    text.field("aof_lsn_appended", info.marks.appended);
    text.field("aof_lsn_written", info.marks.written);
    text.field("aof_lsn_durable", info.marks.durable);
    text.field("aof_at_risk_bytes", info.at_risk_bytes);
    text.field("aof_at_risk_ms", info.at_risk_ms);
    text.field("aof_fsync_usec_p50", info.fsync_usec_p50);
    text.field("aof_fsync_usec_p99", info.fsync_usec_p99);
    text.field("aof_blocks", info.blocks);
    text.field("aof_last_error", info.last_error.replace(['\r', '\n'], " "));
}

fn loading(text: &mut Text, outside: &Outside, now_ms: u64) {
    let progress = &outside.loading;
    let elapsed_s = now_ms.saturating_sub(progress.started_ms) / 1000;
    let remaining = progress.total_bytes.saturating_sub(progress.loaded_bytes);
    let eta_s = (elapsed_s * remaining).checked_div(progress.loaded_bytes).unwrap_or(1);
    let percent = progress.loaded_bytes as f64 * 100.0 / progress.total_bytes.max(1) as f64;
    text.field("loading_start_time", progress.started_ms / 1000);
    text.field("loading_total_bytes", progress.total_bytes);
    text.field("loading_rdb_used_mem", progress.rdb_used_memory_bytes);
    text.field("loading_loaded_bytes", progress.loaded_bytes);
    text.field("loading_loaded_perc", format_args!("{percent:.2}"));
    text.field("loading_eta_seconds", eta_s);
}
