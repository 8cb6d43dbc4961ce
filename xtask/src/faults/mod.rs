//! `cargo xtask faults`: the same kills, faults and losses of power for Graven and for `redis-server`.
//!
//! Both get the same writers, the same judge and the same disk, each in its default configuration but for what a row names.
//! Every acknowledged operation is looked for after every crash. Where a start is refused, what the server's own message or
//! documentation advises is done (`redis-check-aof --fix`; `aof-load-corrupt-tail-max-size`), and it is counted. Broken promises are
//! counted against what Graven promises, also for Redis, whose documentation promises less; so the columns of plain
//! figures are what to compare.

mod scenarios;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use graven_testkit::Program;
use graven_testkit::history::Summary;

use crate::{setup, step};
use scenarios::Scenario;

/// What to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Crashes of each server in each row of kills and of losses of power; rows with slow rounds take an eighth.
    #[arg(long, default_value_t = 40)]
    crashes: usize,
    /// Decides everything but the threads' interleaving.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only rows whose name contains one of these words (as `kill`, `always`, `power`).
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Only one of the servers: `graven` or `redis`.
    #[arg(long)]
    only: Option<String>,
    /// Use this binary instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Runs the scenarios and prints the table.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.crashes > 0, "--crashes must be at least 1");
    setup::run()?;
    let binary = match &arguments.binary {
        Some(path) => std::path::absolute(path)?,
        None => {
            step::cargo(&["build", "--package", "graven"])?;
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| step::root().join("target"), PathBuf::from);
            target.join("debug/graven")
        }
    };
    let servers = [("Graven", Program::graven(binary)), ("Redis", Program::redis())];
    let mut table = vec![header()];
    let (mut crashes, mut broken) = (0, 0);
    for scenario in scenarios::all() {
        if !arguments.rows.is_empty() && !arguments.rows.iter().any(|word| scenario.name.contains(word.as_str())) {
            continue;
        }
        for (name, program) in &servers {
            if arguments.only.as_ref().is_some_and(|only| !only.eq_ignore_ascii_case(name)) {
                continue;
            }
            let Some(summary) = scenario.run(program, arguments.crashes, arguments.seed)? else {
                println!("left out: {} (no FUSE file system can be mounted here)", scenario.name);
                continue;
            };
            let row = row(&scenario, name, &summary);
            println!("{row}");
            println!("    meanwhile {} rewrites of the log and {} snapshots were begun", summary.rewrites, summary.saves);
            if let Some(first) = &summary.first_violation {
                println!("    the first broken promise of {}: {}", summary.violations, first);
            }
            table.push(row);
            if *name == "Graven" {
                crashes += summary.rounds;
                broken += summary.violations;
            }
        }
    }
    println!("\n{}", table.join("\n"));
    println!("\nGraven: {crashes} crashes, {broken} broken promises");
    ensure!(broken == 0, "Graven broke a promise; the seed was {}", arguments.seed);
    Ok(())
}

fn header() -> String {
    let names = "| what happens | server | crashes | acknowledged | of these lost | oldest lost | ended by itself | start refused | promises broken |";
    format!("{names}\n|---|---|---|---|---|---|---|---|---|")
}

fn row(scenario: &Scenario, server: &str, summary: &Summary) -> String {
    let oldest = if summary.lost == 0 { "–".to_owned() } else { format!("{:.2} s", summary.oldest_lost.as_secs_f64()) };
    let refused = match summary.abandoned {
        0 => summary.refused_starts.to_string(),
        abandoned => format!("{} ({abandoned} beyond repair)", summary.refused_starts),
    };
    format!(
        "| {} | {server} | {} | {} | {} | {oldest} | {} | {refused} | {} |",
        scenario.name, summary.rounds, summary.acknowledged, summary.lost, summary.ended_by_itself, summary.violations
    )
}
