//! The project's chores: `cargo xtask test`, `cargo xtask bench`, `cargo xtask faults`, `cargo xtask simulate`,
//! `cargo xtask sanitize`, `cargo xtask fuzz`.

mod bench;
mod faults;
mod sanitize;
mod setup;
mod step;
mod test;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Chores of the Graven repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing, then check the format, lint, and run every test and the fixed-seed fuzz runs.
    Test,
    /// Compare with redis-server side by side and print the tables of the README and docs/performance.md.
    Bench(bench::Arguments),
    /// Kill, fill the disk and cut the power, of Graven and of redis-server, and print what each lost.
    Faults(faults::Arguments),
    /// Simulate a server on a hostile disk, crash it, and judge what comes back.
    #[command(disable_help_flag = true)]
    Simulate {
        /// What the simulator is told; `--help` lists it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The server of `bench` that does nothing.
    #[command(hide = true, name = bench::answerer::SUBCOMMAND, disable_help_flag = true)]
    Answer {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// The load generator of `bench` that does little.
    #[command(hide = true, name = bench::asker::SUBCOMMAND)]
    Ask(bench::asker::Options),
    /// Run the tests of the crates with `unsafe` code under AddressSanitizer.
    Sanitize,
    /// Run the fuzz targets on the stable compiler.
    Fuzz {
        /// Only this target.
        #[arg(long)]
        target: Option<String>,
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Decides the inputs; another seed finds other things.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Test => test::run(),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Faults(arguments) => faults::run(&arguments),
        Chore::Simulate { arguments } => {
            let args = ["run", "--quiet", "--package", "graven-simulator", "--"].map(str::to_owned);
            step::cargo(&args.into_iter().chain(arguments).collect::<Vec<_>>())
        }
        Chore::Answer { options } => bench::answerer::serve(&options),
        Chore::Ask(options) => bench::asker::run(&options),
        Chore::Sanitize => sanitize::run(),
        Chore::Fuzz { target, seconds, seed } => {
            let mut args = vec!["run".to_owned(), "--release".into(), "--package".into(), "graven-fuzz".into(), "--".into()];
            args.extend(["--seconds".into(), seconds.to_string(), "--seed".into(), seed.to_string()]);
            args.extend(target.into_iter().flat_map(|target| ["--target".to_owned(), target]));
            step::cargo(&args)
        }
    }
}
