//! `LATENCY`: delays that were seen, and how long commands take.

use crate::context::Context;
use crate::error::{Error, quoting};
use crate::latency::Series;
use crate::registry::CommandId;
use crate::stats::CommandStats;

/// `LATENCY LATEST`
pub fn latest(cx: &mut Context<'_>) -> Result<(), Error> {
    let events = cx.engine.latency.events();
    cx.reply.array(events.len());
    for (name, series) in events {
        let (time, ms) = series.samples.back().copied().unwrap_or_default();
        cx.reply.array(4);
        cx.reply.bulk(name.as_bytes());
        cx.reply.int(time as i64);
        cx.reply.int(ms as i64);
        cx.reply.int(series.max_ms as i64);
    }
    Ok(())
}

/// `LATENCY HISTORY event`
pub fn history(cx: &mut Context<'_>) -> Result<(), Error> {
    let name = String::from_utf8_lossy(cx.args.at(2));
    match cx.engine.latency.get(&name) {
        None => cx.reply.array(0),
        Some(series) => {
            cx.reply.array(series.samples.len());
            for (time, ms) in &series.samples {
                cx.reply.array(2);
                cx.reply.int(*time as i64);
                cx.reply.int(*ms as i64);
            }
        }
    }
    Ok(())
}

/// `LATENCY RESET [event …]`
pub fn reset(cx: &mut Context<'_>) -> Result<(), Error> {
    let latency = &mut cx.engine.latency;
    let forgotten = match cx.args.len() {
        2 => latency.reset_all(),
        _ => cx.args.skip(2).filter(|name| latency.reset(&String::from_utf8_lossy(name))).count(),
    };
    cx.reply.int(forgotten as i64);
    Ok(())
}

/// `LATENCY GRAPH event`
pub fn graph(cx: &mut Context<'_>) -> Result<(), Error> {
    let name = String::from_utf8_lossy(cx.args.at(2)).into_owned();
    let now = cx.engine.now_ms() / 1000;
    let Some(series) = cx.engine.latency.get(&name) else {
        return Err(quoting("ERR No samples available for event '", cx.args.at(2), "'"));
    };
    let text = draw(&name, series, now);
    cx.reply.verbatim("txt", &text);
    Ok(())
}

/// A column for each sample, the worst reaching the top, with its age below from top to bottom.
fn draw(name: &str, series: &Series, now: u64) -> String {
    const COLUMNS: usize = 80;
    const ROWS: u64 = 4;
    let samples: Vec<(u64, u64)> = series.samples.iter().skip(series.samples.len().saturating_sub(COLUMNS)).copied().collect();
    let high = samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let low = samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max_ms);
    text += &"-".repeat(COLUMNS);
    text.push('\n');
    let span = (high - low).max(1);
    for row in (0..ROWS).rev() {
        for (_, ms) in &samples {
            // Thrice as fine as the rows: a column ends in a low, middle or high mark.
            let height = (ms - low) * (ROWS * 3 - 1) / span + 1;
            text.push(match height.saturating_sub(row * 3) {
                0 => ' ',
                1 => '_',
                2 => 'o',
                _ if height > row * 3 + 3 => '|',
                _ => '#',
            });
        }
        text.push('\n');
    }
    let ages: Vec<Vec<u8>> = samples.iter().map(|(time, _)| age(now.saturating_sub(*time)).into_bytes()).collect();
    for line in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        text.push('\n');
        text.extend(ages.iter().map(|age| age.get(line).map_or(' ', |b| *b as char)));
    }
    text.push('\n');
    text
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// `LATENCY DOCTOR`
pub fn doctor(cx: &mut Context<'_>) -> Result<(), Error> {
    let engine = &cx.engine;
    let events = engine.latency.events();
    let text = if engine.settings.latency_threshold_ms == 0 && events.is_empty() {
        "Delays are not watched for. \"CONFIG SET latency-monitor-threshold <milliseconds>\" says from when on they count.\n".to_owned()
    } else if events.is_empty() {
        "No delay has been seen that reaches the threshold.\n".to_owned()
    } else {
        let mut text = "Delays have been seen:\n\n".to_owned();
        for (i, (name, series)) in events.iter().enumerate() {
            text += &format!("{}. {name}: {}\n", i + 1, diagnosis(series));
            text += &format!("   {}\n", advice(name));
        }
        text
    };
    cx.reply.verbatim("txt", &text);
    Ok(())
}

fn diagnosis(series: &Series) -> String {
    let count = series.samples.len() as u64;
    let total: u64 = series.samples.iter().map(|(_, ms)| ms).sum();
    let mean = total / count.max(1);
    let deviation = series.samples.iter().map(|(_, ms)| ms.abs_diff(mean)).sum::<u64>() / count.max(1);
    let seconds = series.samples.back().zip(series.samples.front()).map_or(0, |(last, first)| last.0 - first.0);
    format!(
        "{count} spikes (average {mean}ms, mean deviation {deviation}ms, period {} sec). Worst all time event {}ms.",
        seconds / count.max(1),
        series.max_ms
    )
}

fn advice(event: &str) -> &'static str {
    match event {
        "command" => "SLOWLOG GET shows which commands took long; those that look at many elements can often be split.",
        "fast-command" => "Commands that should be fast were not: look for a busy processor, swapping, or a noisy neighbour.",
        "expire-cycle" => "Many keys are due at the same moment: spread their expiry times.",
        _ if event.starts_with("aof") => "The disk is slow or shared: see aof_fsync_usec_p99 in INFO, and what else writes to it.",
        _ => "LATENCY HISTORY tells when it happened: look for what else the machine did then.",
    }
}

/// `LATENCY HISTOGRAM [command …]`
pub fn histogram(cx: &mut Context<'_>) -> Result<(), Error> {
    let engine = &cx.engine;
    let registry = &engine.registry;
    let ids: Vec<CommandId> = match cx.args.len() {
        2 => registry.iter().map(|(id, _)| id).collect(),
        _ => {
            let named = cx.args.skip(2).filter_map(|name| registry.by_full_name(name));
            named.flat_map(|id| [id].into_iter().chain(registry.get(id).children.iter().copied())).collect()
        }
    };
    let measured: Vec<_> = ids.into_iter().filter(|id| !engine.command_stats[id.index()].durations.is_empty()).collect();
    cx.reply.map(measured.len());
    for id in measured {
        let stats = &engine.command_stats[id.index()];
        cx.reply.bulk(registry.get(id).full_name.as_bytes());
        cx.reply.map(2);
        cx.reply.bulk(b"calls");
        cx.reply.int(stats.calls as i64);
        cx.reply.bulk(b"histogram_usec");
        let buckets = cumulative_us(stats);
        cx.reply.map(buckets.len());
        for (us, count) in buckets {
            cx.reply.int(us as i64);
            cx.reply.int(count as i64);
        }
    }
    Ok(())
}

/// How many executions took at most so many microseconds, for the durations where the number grows.
fn cumulative_us(stats: &CommandStats) -> Vec<(u64, u64)> {
    /// The power that ends at 1024 nanoseconds: all shorter executions count as one microsecond.
    const FIRST: usize = 10;
    let durations = stats.durations.by_power();
    let mut buckets = Vec::new();
    let mut total = durations[..FIRST].iter().sum::<u64>();
    let mut told = 0;
    for (power, count) in durations.iter().enumerate().skip(FIRST) {
        total += count;
        if total > told {
            // The greatest duration below it, at the precision of two digits that Redis's histograms have.
            let ns = (1u64 << power) + (1u64 << (power - 7)) - 1;
            buckets.push((ns / 1000, total));
            told = total;
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_and_begins_at_one_microsecond() {
        let mut stats = CommandStats::default();
        for ns in [1, 500, 1000, 1500, 30_000, 30_001] {
            stats.record(ns, true);
        }
        assert_eq!(cumulative_us(&stats), [(1, 3), (2, 4), (33, 6)]);
    }

    #[test]
    fn a_graph_has_a_column_for_each_sample() {
        let series = Series { samples: [(100, 10), (101, 40), (160, 20)].into(), max_ms: 99 };
        let text = draw("command", &series, 165);
        assert!(text.starts_with("command - high 40 ms, low 10 ms (all time high 99 ms)\n"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], " # ");
        assert_eq!(lines[5], "_||");
        assert_eq!(lines[7..], ["115", "mms"]);
    }
}
