//! `cargo xtask simulate`: runs seeds until the time is over or one fails; then shows the failing one, made smaller, step by step.

use anyhow::{Result, bail};
use clap::Parser;
use graven_aof::FsyncPolicy;
use graven_server::logging;
use graven_simulator::{Plan, Totals, run, shrink};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Simulates a server on a hostile disk, crashes it, and judges what comes back.
#[derive(Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// Only this seed, with every step shown.
    #[arg(long)]
    seed: Option<u64>,
    /// How long.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this appendfsync.
    #[arg(long)]
    policy: Option<FsyncPolicy>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // A panic is a finding, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.seed.is_none() {
        logging::set_level(logging::Level::Nothing);
    }
    let plan = |seed| Plan { policy: arguments.policy, ..Plan::new(seed) };
    if let Some(seed) = arguments.seed {
        let outcome = run(plan(seed), Some(&mut |line| println!("{line}")));
        println!("{}, digest {:016x}", outcome.totals, outcome.digest);
        return report(plan(seed), outcome.failure);
    }
    let (began, end) = (Instant::now(), Duration::from_secs_f64(arguments.minutes * 60.0));
    let mut totals = Totals::default();
    let mut told = Instant::now();
    for seed in arguments.from.. {
        let outcome = run(plan(seed), None);
        totals.add(&outcome.totals);
        if outcome.failure.is_some() {
            println!("\n{totals}");
            return report(plan(seed), outcome.failure);
        }
        if told.elapsed() > Duration::from_secs(1) && std::io::stdout().is_terminal() {
            told = Instant::now();
            print!("\r{totals}");
            std::io::stdout().flush()?;
        }
        if began.elapsed() >= end {
            break;
        }
    }
    let per_minute = totals.runs as f64 * 60.0 / began.elapsed().as_secs_f64();
    println!(
        "\r{totals}\n{per_minute:.0} runs a minute, seeds {} to {}\n{}",
        arguments.from,
        arguments.from + totals.runs - 1,
        totals.points
    );
    let missed = totals.points.missed();
    println!("{}", if missed.is_empty() { "Every crash point was hit.".to_owned() } else { format!("Never hit: {}", missed.join("; ")) });
    Ok(())
}

fn report(plan: Plan, failure: Option<String>) -> Result<()> {
    let Some(failure) = failure else { return Ok(()) };
    println!("Seed {} fails: {failure}\nMaking it smaller ...", plan.seed);
    let (small, why) = shrink(plan, failure.clone());
    let outcome = run(small, Some(&mut |line| println!("{line}")));
    println!("{small:?}: {why}");
    debug_assert!(outcome.failure.is_some());
    bail!("seed {} fails: {failure}", plan.seed);
}
