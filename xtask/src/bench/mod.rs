//! `cargo xtask bench`: Graven beside `redis-server`, in one run.
//!
//! Machines differ and drift; ratios count. So both servers take every measurement in turns, each on a fresh process and a
//! fresh directory, and each is compared with the one before it; the median of these ratios counts. Only rounds count in which the
//! processors stood equally far apart ([`distance`]). Throughput is what `redis-benchmark` sees; the processor time per request is
//! read from the server, because at high rates the load generator is the bottleneck and only the processor time tells the servers
//! apart; rows that end with `-lean` are made by a generator that costs less ([`asker`]). The slow disk is the one of the test kit:
//! each fsync takes a millisecond more.

pub mod answerer;
pub mod asker;
mod bound;
mod data;
mod distance;
mod load;
mod memory;
mod pause;
mod report;
mod throughput;
mod types;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use graven_testkit::Program;

use crate::{setup, step};
use distance::Distance;

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Measurements of each server for each row; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only rows whose name contains one of these words (as `set-p16`, `always`, `1 ms`, `bound`, `load`, `BGREWRITEAOF`).
    #[arg(long, value_delimiter = ',')]
    loads: Vec<String>,
    /// Wait for rounds in which the processors are so far apart (not for ever: the table tells); by default, whichever comes first.
    #[arg(long, value_enum)]
    distance: Option<Distance>,
    /// Servers on the first core, load generator on the second.
    #[arg(long)]
    pin: bool,
    /// Divides the number of requests: a quick look.
    #[arg(long, default_value_t = 1)]
    divide: u64,
    /// Measure this binary instead of building a release.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Arguments {
    fn wants(&self, row: &str) -> bool {
        self.loads.is_empty() || self.loads.iter().any(|word| row.contains(word.as_str()))
    }
}

/// One of the two servers.
struct Contender {
    name: &'static str,
    program: Program,
}

/// Measures and prints the tables.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.rounds > 0 && arguments.divide > 0, "--rounds and --divide must be at least 1");
    setup::run()?;
    let binary = match &arguments.binary {
        Some(path) => std::path::absolute(path)?,
        None => {
            step::cargo(&["build", "--release", "--package", "graven"])?;
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| step::root().join("target"), PathBuf::from);
            target.join("release/graven")
        }
    };
    let contenders =
        [Contender { name: "Redis", program: Program::redis() }, Contender { name: "Graven", program: Program::graven(binary) }];
    throughput::run(arguments, &contenders)?;
    bound::run(arguments, &contenders)?;
    load::run(arguments, &contenders)?;
    memory::run(arguments, &contenders)?;
    pause::run(arguments, &contenders)
}
