//! `MEMORY` subcommands about the process.

use super::info::{Usage, human};
use crate::outside::Outside;
use graven_engine::{Context, Error};

/// `MEMORY DOCTOR`
pub(super) fn doctor(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let usage = Usage::now(outside, cx.engine);
    let mut remarks = Vec::new();
    let (used, peak) = (usage.process.used, usage.process.peak);
    if used < 5 << 20 {
        remarks.push("There is hardly any data, so nothing can be said.".to_owned());
    } else {
        if peak as f64 > used as f64 * 1.5 {
            remarks.push(format!(
                "Peak: {} were used once, {} now. The process stays as large as it was for a while.",
                human(peak),
                human(used)
            ));
        }
        if usage.fragmentation() > 1.4 && usage.fragmentation_bytes() > 10 << 20 {
            remarks.push(format!("Resident memory is {:.2} times what is used.", usage.fragmentation()));
        }
        let clients = outside.clients.len().max(1) as u64;
        if usage.clients / clients > 200 << 10 {
            remarks
                .push(format!("Clients hold {} each: some of them send or ask for much, or do not read.", human(usage.clients / clients)));
        }
        if usage.monitors > 10 << 20 {
            remarks.push(format!("MONITOR clients hold {}: they read too slowly.", human(usage.monitors)));
        }
        if usage.log_buffer > 32 << 20 {
            remarks.push(format!("{} of the log are not written yet: the disk is slower than the clients.", human(usage.log_buffer)));
        }
    }
    if remarks.is_empty() {
        remarks.push("Nothing is remarkable about the use of memory.".to_owned());
    }
    cx.reply.verbatim("txt", &(remarks.join("\n") + "\n"));
    Ok(())
}

/// `MEMORY MALLOC-STATS`
pub(super) fn malloc_stats(_outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.bulk(b"Stats not supported for the current allocator");
    Ok(())
}

/// `MEMORY PURGE`: the allocator gives free pages back to the operating system, which it does by itself too, but later.
pub(super) fn purge(_outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    crate::allocator::give_back();
    cx.reply.ok();
    Ok(())
}

enum Figure {
    Bytes(u64),
    Difference(i64),
    Ratio(f64),
    Tables(u64),
}

/// `MEMORY STATS`
pub(super) fn stats(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    use Figure::{Bytes, Difference, Ratio, Tables};
    let usage = Usage::now(outside, cx.engine);
    // The number of keys shows what was written.
    cx.engine.depends_on_everything();
    let used = usage.process.used;
    let per_key = used.saturating_sub(usage.startup).checked_div(usage.keys).unwrap_or(0);
    let mut figures = vec![
        ("peak.allocated".to_owned(), Bytes(usage.process.peak)),
        ("total.allocated".to_owned(), Bytes(used)),
        ("startup.allocated".to_owned(), Bytes(usage.startup)),
        ("replication.backlog".to_owned(), Bytes(0)),
        ("clients.slaves".to_owned(), Bytes(0)),
        ("clients.normal".to_owned(), Bytes(usage.clients)),
        ("cluster.links".to_owned(), Bytes(0)),
        ("aof.buffer".to_owned(), Bytes(usage.log_buffer)),
        ("lua.caches".to_owned(), Bytes(0)),
        ("functions.caches".to_owned(), Bytes(0)),
    ];
    figures.extend(usage.tables.iter().map(|(db, bytes)| (format!("db.{db}"), Tables(*bytes))));
    figures.extend(
        [
            ("overhead.total", Bytes(usage.overhead())),
            ("keys.count", Bytes(usage.keys)),
            ("keys.bytes-per-key", Bytes(per_key)),
            ("dataset.bytes", Bytes(usage.dataset())),
            ("dataset.percentage", Ratio(usage.dataset_percent())),
            ("peak.percentage", Ratio(usage.peak_percent())),
            ("allocator.allocated", Bytes(used)),
            ("allocator.active", Bytes(used)),
            ("allocator.resident", Bytes(used)),
            ("allocator-fragmentation.ratio", Ratio(1.0)),
            ("allocator-fragmentation.bytes", Bytes(0)),
            ("allocator-rss.ratio", Ratio(1.0)),
            ("allocator-rss.bytes", Bytes(0)),
            ("rss-overhead.ratio", Ratio(usage.fragmentation())),
            ("rss-overhead.bytes", Difference(usage.fragmentation_bytes())),
            ("fragmentation", Ratio(usage.fragmentation())),
            ("fragmentation.bytes", Difference(usage.fragmentation_bytes())),
        ]
        .map(|(name, figure)| (name.to_owned(), figure)),
    );
    cx.reply.map(figures.len());
    for (name, figure) in figures {
        cx.reply.bulk(name.as_bytes());
        match figure {
            Bytes(bytes) => cx.reply.int(bytes as i64),
            Difference(bytes) => cx.reply.int(bytes),
            Ratio(ratio) => cx.reply.double(ratio),
            Tables(bytes) => {
                cx.reply.map(3);
                for (name, bytes) in [("main", bytes), ("expires", 0), ("slot-to-keys", 0)] {
                    cx.reply.bulk(format!("overhead.hashtable.{name}").as_bytes());
                    cx.reply.int(bytes as i64);
                }
            }
        }
    }
    Ok(())
}
