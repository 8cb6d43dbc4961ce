//! How long the slowest insertion into a growing hash takes, and how many bytes a field takes.
//!
//! `cargo run --release -p graven-store --example hash_growth [fields]`

use graven_store::{Entry, FieldDeadline, Keyspace, Slot, Thresholds};
use std::time::{Duration, Instant};

fn main() {
    let fields: u32 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10_000_000);
    let mut keyspace = Keyspace::new(1, *b"growth of a hash");
    let limits = Thresholds::default();
    let key = keyspace.key(b"hash");
    let db = keyspace.db_mut(0);
    if let Slot::Vacant(place) = db.slot(key) {
        let mut hash = graven_store::HashBuilder::new(place.hasher(), &limits);
        hash.set(b"first", b"1", None);
        place.insert_entry(hash.finish(b"hash", None, 0));
    }
    let (mut slowest, mut total) = (Duration::ZERO, Duration::ZERO);
    for i in 0..fields {
        let (field, value) = (format!("element:{i:012}"), [b'v'; 10]);
        let began = Instant::now();
        if let Slot::Occupied(mut place) = db.slot(key) {
            place.hash_mut().expect("a hash").set(field.as_bytes(), &value, FieldDeadline::Clear, &limits);
        }
        let took = began.elapsed();
        total += took;
        slowest = slowest.max(took);
    }
    let bytes = db.get(key).map_or(0, Entry::memory_usage);
    println!("{fields} fields: {:.0} ns each, the slowest {slowest:?}", total.as_nanos() as f64 / f64::from(fields));
    println!("{:.1} bytes a field of 20 + 10 bytes", bytes as f64 / f64::from(fields));
    let began = Instant::now();
    let found = (0..1_000_000u32).filter(|i| {
        let field = format!("element:{:012}", i.wrapping_mul(7919) % fields);
        db.get(key).and_then(Entry::hash).and_then(|hash| hash.get(field.as_bytes())).is_some()
    });
    println!("{} of 1000000 found, {} ns each", found.count(), began.elapsed().as_nanos() / 1_000_000);
}
