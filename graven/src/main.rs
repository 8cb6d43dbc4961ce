//! `graven`: the server and its tools.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An in-memory data store that speaks the Redis protocol and keeps what it acknowledges.
#[derive(Parser)]
#[command(name = "graven", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the server (what `graven` alone does too).
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Server {
        /// A configuration file (`-` for standard input), then overrides: `--port 7000 --save "" --appendonly yes`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CONFIG | --OPTION VALUE")]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Server { args: Vec::new() });
    let result = match command {
        Command::Server { args } => server(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

fn server(args: Vec<String>) -> anyhow::Result<()> {
    graven_server::start(args)?;
    Ok(())
}
