//! `graven`: the server and its tools. This file only wires.

mod allocator;
mod check_aof;
mod check_rdb;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// An in-memory data store that speaks the Redis protocol and keeps what it acknowledges.
#[derive(Parser)]
#[command(name = "graven", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (what `graven` alone does too)
    #[command(after_help = SERVER_HELP, disable_version_flag = true)]
    Server {
        /// A configuration file (`-`: standard input), then options that override it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CONFIG | --OPTION VALUE")]
        args: Vec<String>,
    },
    /// Check a file of the log, or all files that a manifest names; the server must not be running
    CheckAof {
        /// Cut off what is damaged at the end of the last file, after asking
        #[arg(long)]
        fix: bool,
        /// Cut off everything after this time (Unix seconds; needs `aof-timestamp-enabled yes` while it was written)
        #[arg(long, value_name = "SECONDS")]
        truncate_to_timestamp: Option<i64>,
        /// A segment, a base, or a manifest
        file: PathBuf,
    },
    /// Check an RDB file, or the RDB part that a file of the log begins with
    #[command(after_help = CHECK_RDB_HELP)]
    CheckRdb {
        /// A `dump.rdb`, a base, or a log with an RDB part in front
        file: PathBuf,
    },
}

const SERVER_HELP: &str = "\
Examples:
  graven server                                   logs into ./appendonlydir, listens on 127.0.0.1:6379
  graven server /etc/redis/redis.conf             a redis.conf, as it is
  graven server --port 7000 --appendfsync always  options of redis.conf with two dashes in front
  echo 'port 7000' | graven server -              the configuration from standard input";

const CHECK_RDB_HELP: &str = "\
Prints what redis-check-rdb prints; the exit status is 0 if a server would load the file. Nothing is changed: a damaged
RDB file cannot be repaired, only restored from a copy.";

fn main() -> ExitCode {
    graven_server::set_allocator(allocator::used_bytes, allocator::give_back);
    let command = Cli::parse().command.unwrap_or(Command::Server { args: Vec::new() });
    let result = match command {
        // The server has told its own log already.
        Command::Server { args } => return graven_server::start(args).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Command::CheckAof { fix, truncate_to_timestamp, file } => check_aof::run(&file, fix, truncate_to_timestamp),
        Command::CheckRdb { file } => check_rdb::run(&file),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::FAILURE
        }
    }
}
