//! What operations on a sorted set of a million members cost, and how many bytes a member takes.
//!
//! `cargo run --release -p graven-store --example sorted_set_speed`

use std::hint::black_box;
use std::time::Instant;

use graven_store::{Keyspace, ScoreRange, Slot, SortedSetBuilder, Thresholds};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MEMBERS: u64 = 1_000_000;

fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

fn timed(what: &str, count: u64, mut each: impl FnMut(u64)) {
    let start = Instant::now();
    (0..count).for_each(&mut each);
    println!("{what:<40} {:>8.0} ns", start.elapsed().as_nanos() as f64 / count as f64);
}

fn main() {
    let thresholds = Thresholds::default();
    let mut keyspace = Keyspace::new(1, *b"a standing start");
    let before = resident_bytes();
    let key = keyspace.hasher().key(b"z");
    let mut builder = SortedSetBuilder::new(MEMBERS as usize, &thresholds, keyspace.hasher());
    let name = |n: u64| format!("element:{n:010}");
    timed("insert a new member, random score", MEMBERS, |n| {
        builder.insert(name(n).as_bytes(), (scattered(n) % 10_000_000) as f64);
    });
    println!("{:<40} {:>8.1} B", "a member", (resident_bytes() - before) / MEMBERS as f64);
    let Slot::Vacant(place) = keyspace.db_mut(0).slot(key) else { return };
    let mut place = place.insert_entry(builder.into_entry(b"z", None, 0));
    println!("{:<40} {:>8.1} B", "estimated", place.entry().memory_usage() as f64 / MEMBERS as f64);
    let mut set = place.sorted_set_mut().expect("a sorted set");
    timed("give a random member another score", MEMBERS, |n| {
        let member = name(scattered(n) % MEMBERS);
        set.insert(member.as_bytes(), (scattered(n + 7) % 10_000_000) as f64, &thresholds);
    });
    let view = set.as_ref();
    timed("score of a random member", MEMBERS, |n| {
        black_box(view.score(name(scattered(n) % MEMBERS).as_bytes()));
    });
    timed("rank of a random member", MEMBERS, |n| {
        black_box(view.rank(name(scattered(n) % MEMBERS).as_bytes()));
    });
    timed("100 members by rank", MEMBERS / 10, |n| {
        let from = (scattered(n) % (MEMBERS - 100)) as usize;
        view.range(from..from + 100, false).for_each(|pair| {
            black_box(pair);
        });
    });
    timed("members by score", MEMBERS / 10, |n| {
        let from = (scattered(n) % 10_000_000) as f64;
        view.by_score(&ScoreRange::new(from, from + 10.0)).for_each(|pair| {
            black_box(pair);
        });
    });
    timed("pop the lowest", MEMBERS - 1, |_| {
        set.remove_ranks(0..1);
    });
}
