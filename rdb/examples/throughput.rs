//! How fast strings are compressed, decompressed and checksummed on this machine, beside copying them.
//!
//! ```text
//! cargo run --release --package graven-rdb --example throughput
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use crc_fast::{CrcAlgorithm, checksum};
use graven_lzf::{Compressor, decompress_into};

const ROUND: Duration = Duration::from_millis(300);

/// Bytes per second of `work`, which handles `bytes`; the best of five rounds, in MB/s.
fn rate(bytes: usize, mut work: impl FnMut()) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed() < ROUND {
            work();
            done += bytes;
        }
        best = best.max(done as f64 / start.elapsed().as_secs_f64());
    }
    best / 1e6
}

fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Records as programs store them.
fn records(bytes: usize) -> Vec<u8> {
    let mut next = random();
    let mut text = String::new();
    while text.len() < bytes {
        let n = next();
        text += &format!(
            "{{\"id\":{},\"name\":\"user-{}\",\"email\":\"user-{}@example.com\",\"active\":{},\"score\":{}}},",
            n % 1_000_000,
            n % 5_000,
            n % 5_000,
            n.is_multiple_of(3),
            n % 997
        );
    }
    text.truncate(bytes);
    text.into_bytes()
}

fn main() {
    let mut next = random();
    println!("{:<28} {:>8} {:>12} {:>12} {:>8}", "LZF, MB/s of plain bytes", "length", "compressing", "decompressing", "ratio");
    for length in [100, 1_000, 8_000, 64_000, 1_000_000] {
        let kinds =
            [("records", records(length)), ("a repeated byte", vec![b'x'; length]), ("noise", (0..length).map(|_| next() as u8).collect())];
        for (name, plain) in kinds {
            let mut compressor = Compressor::new();
            let compressing = rate(length, || {
                black_box(compressor.compress(black_box(&plain)));
            });
            let compressed = compressor.compress(&plain).map(<[u8]>::to_vec);
            let mut out = Vec::new();
            let decompressing = compressed.as_ref().map(|compressed| {
                rate(length, || {
                    out.clear();
                    decompress_into(&mut out, black_box(compressed), length as u64).expect("it was compressed here");
                    black_box(&out);
                })
            });
            let ratio = compressed.map(|compressed| length as f64 / compressed.len() as f64);
            let shown = |number: Option<f64>, digits: usize| number.map_or("-".to_owned(), |number| format!("{number:.digits$}"));
            println!("{name:<28} {length:>8} {compressing:>12.0} {:>12} {:>8}", shown(decompressing, 0), shown(ratio, 2));
        }
    }
    println!("\n{:<28} {:>8} {:>12}", "CRC-64, MB/s", "length", "");
    for length in [100, 64 << 10, 64 << 20] {
        let bytes = records(length);
        let summing = rate(length, || {
            black_box(checksum(CrcAlgorithm::Crc64Redis, black_box(&bytes)));
        });
        let mut copy = vec![0; length];
        let copying = rate(length, || {
            copy.copy_from_slice(black_box(&bytes));
            black_box(&copy);
        });
        println!("{:<28} {length:>8} {summing:>12.0}   copying: {copying:.0}", "");
    }
}
