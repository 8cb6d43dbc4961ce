//! Measures what the keyspace costs: time per insert and lookup, the worst insert, bytes per key.
//!
//! ```text
//! cargo run --release -p graven-store --example insert_latency -- [KEYS]
//! ```
//!
//! `KEYS` is 2 000 000 unless given. It runs without `--release` too, only with slower figures.
//!
//! Keys have 14 bytes and values 100, the sizes that the design's figures are about. Bytes per key are the growth of the
//! process's resident memory (Linux only) over the number of keys. The fill is repeated, and always does the same; what is slow
//! in one round only was slow because of the machine, what is slow in every round because of the keyspace.

use std::time::{Duration, Instant};

use graven_store::{Key, Keyspace, Slot};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VALUE_BYTES: usize = 100;
const BATCH: usize = 16;
const ROUNDS: u32 = 3;

fn main() {
    let keys: u64 = std::env::args().nth(1).map_or(2_000_000, |count| count.parse().expect("KEYS is a number"));
    let mut keyspace = Keyspace::new(16, *b"insert latencies");
    let value = [b'v'; VALUE_BYTES];

    let mut least: Vec<u32> = vec![u32::MAX; keys as usize];
    println!("{keys} keys of 14 + {VALUE_BYTES} bytes");
    for round in 1..=ROUNDS {
        drop(keyspace.db_mut(0).clear());
        let before = resident_bytes();
        let mut worst = Duration::ZERO;
        let start = Instant::now();
        let mut last = start;
        for number in 0..keys {
            let name = name(number);
            let key = keyspace.key(&name);
            if let Slot::Vacant(vacant) = keyspace.db_mut(0).slot(key) {
                vacant.insert_string(&value, None, 0);
            }
            let now = Instant::now();
            let took = now - last;
            worst = worst.max(took);
            let least = &mut least[number as usize];
            *least = took.as_nanos().min(u128::from(*least)) as u32;
            last = now;
        }
        println!("insert            {:8.1} ns (one clock reading included)", per(start.elapsed(), keys));
        println!("worst insert      {:8.1} us", worst.as_secs_f64() * 1e6);
        if round == 1 {
            println!("resident          {:8.2} B/key", (resident_bytes() - before) as f64 / keys as f64);
        }
    }
    let worst = least.iter().max().copied().unwrap_or(0);
    println!("worst in every round {:5.1} us", f64::from(worst) / 1e3);
    let stats = keyspace.db(0).table_stats();
    assert_eq!(stats.keys as u64, keys);
    println!(
        "tables            {:8.2} B/key ({} segments, load {:.3})",
        stats.bytes as f64 / keys as f64,
        stats.segments,
        stats.keys as f64 / stats.slots as f64
    );

    let lookups = keys.min(2_000_000) / BATCH as u64 * BATCH as u64;
    let start = Instant::now();
    let mut sum = 0;
    for turn in 0..lookups {
        let name = name(scramble(turn) % keys);
        sum += keyspace.db(0).get(keyspace.key(&name)).map_or(0, touch);
    }
    println!("lookup            {:8.1} ns", per(start.elapsed(), lookups));

    let start = Instant::now();
    let mut prefetched_sum = 0;
    for turn in (0..lookups).step_by(BATCH) {
        let db = keyspace.db(0);
        let names: [[u8; 14]; BATCH] = std::array::from_fn(|at| name(scramble(turn + at as u64) % keys));
        let batch: [Key<'_>; BATCH] = std::array::from_fn(|at| keyspace.key(&names[at]));
        batch.iter().for_each(|key| db.prefetch_bucket(key.hash));
        batch.iter().for_each(|key| db.prefetch_entry(key.hash));
        prefetched_sum += batch.iter().map(|&key| db.get(key).map_or(0, touch)).sum::<u64>();
    }
    println!("lookup, prefetched{:8.1} ns", per(start.elapsed(), lookups));
    assert_eq!(sum, prefetched_sum);

    let start = Instant::now();
    let missing = (0..lookups).filter(|&turn| keyspace.db(0).get(keyspace.key(&name(keys + turn))).is_none()).count();
    println!("lookup, missing   {:8.1} ns", per(start.elapsed(), lookups));
    assert_eq!(missing as u64, lookups);

    let start = Instant::now();
    for turn in 0..lookups {
        let name = name(scramble(turn) % keys);
        let key = keyspace.key(&name);
        if let Slot::Occupied(mut occupied) = keyspace.db_mut(0).slot(key) {
            occupied.set_string(&value);
        }
    }
    println!("overwrite         {:8.1} ns", per(start.elapsed(), lookups));
}

fn touch(entry: &graven_store::Entry) -> u64 {
    entry.string().map_or(0, |string| string.len() as u64)
}

fn per(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}

fn name(number: u64) -> [u8; 14] {
    let mut name = *b"key:0000000000";
    let mut rest = number;
    for digit in name[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

fn scramble(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
