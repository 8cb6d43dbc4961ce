//! Fuzz targets: one function for each thing that parses bytes it cannot trust.
//!
//! A target panics if an invariant is broken and returns otherwise, whatever the bytes are. The same functions are driven
//! in two ways: by this package's binary, which mutates seed inputs from a fixed seed on a stable compiler (so that every
//! test run does it), and by libFuzzer through the thin wrappers in `fuzz/libfuzzer`, which need `cargo fuzz`.

pub mod compact;
pub mod config;
pub mod lzf;
pub mod memory;
pub mod mutate;
pub mod rdb;
pub mod resp;
pub mod restore;
pub mod segment;

/// A thing to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As the command line names it.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Small valid inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that mean something to the parser.
    pub dictionary: &'static [&'static [u8]],
    /// Inputs of a fixed-seed run: some seconds.
    pub iterations: u64,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "resp", run: resp::run, seeds: resp::seeds, dictionary: resp::DICTIONARY, iterations: 1_000_000 },
    Target {
        name: "manifest",
        run: segment::run_manifest,
        seeds: segment::manifest_seeds,
        dictionary: segment::MANIFEST_WORDS,
        iterations: 200_000,
    },
    Target {
        name: "segment",
        run: segment::run_segment,
        seeds: segment::segment_inputs,
        dictionary: segment::SEGMENT_WORDS,
        iterations: 60_000,
    },
    Target { name: "rdb", run: rdb::run, seeds: rdb::seeds, dictionary: rdb::DICTIONARY, iterations: 300_000 },
    Target {
        name: "listpack",
        run: compact::run_listpack,
        seeds: compact::listpack_seeds,
        dictionary: compact::DICTIONARY,
        iterations: 200_000,
    },
    Target {
        name: "ziplist",
        run: compact::run_ziplist,
        seeds: compact::ziplist_seeds,
        dictionary: compact::DICTIONARY,
        iterations: 300_000,
    },
    Target { name: "zipmap", run: compact::run_zipmap, seeds: compact::zipmap_seeds, dictionary: compact::DICTIONARY, iterations: 400_000 },
    Target {
        name: "intset",
        run: compact::run_intset,
        seeds: compact::intset_seeds,
        dictionary: compact::DICTIONARY,
        iterations: 1_000_000,
    },
    Target { name: "lzf", run: lzf::run, seeds: lzf::seeds, dictionary: lzf::DICTIONARY, iterations: 400_000 },
    Target { name: "restore", run: restore::run, seeds: restore::seeds, dictionary: rdb::DICTIONARY, iterations: 150_000 },
    Target { name: "config", run: config::run, seeds: config::seeds, dictionary: config::DICTIONARY, iterations: 300_000 },
];
