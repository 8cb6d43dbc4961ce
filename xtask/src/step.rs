//! Running other programs, with their names and times on standard output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the crate is a directory of the workspace").to_path_buf()
}

/// Cargo, in the root.
pub fn cargo_command() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs cargo in the root and fails if it fails.
pub fn cargo<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Result<()> {
    let mut command = cargo_command();
    command.args(args);
    status(command)
}

/// Runs a program in the root and fails if it fails.
pub fn program(name: &str, args: &[&str]) -> Result<()> {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    status(command)
}

/// Runs a command and fails if it fails.
pub fn status(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "{command:?} failed with {status}");
    Ok(())
}

/// Runs one step, with its name before and its time after it.
pub fn timed(name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {name}");
    let start = Instant::now();
    let result = step();
    println!("── {name}: {} after {:.1} s", if result.is_ok() { "passed" } else { "FAILED" }, start.elapsed().as_secs_f64());
    result.with_context(|| name.to_owned())
}
