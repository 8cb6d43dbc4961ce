//! `cargo xtask sanitize`: tests of the crates that have `unsafe` code, under AddressSanitizer.
//!
//! The sanitizer is a feature of unreleased compilers that `RUSTC_BOOTSTRAP` opens in the released one. Where the compiler has no
//! sanitizer for the machine this is said and nothing fails: the same tests run without it anyway.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::step;

/// What has `unsafe` code, or reads what others wrote: the store, the log's files, RDB files, and in the binary the allocator, of
/// which the sanitizer sees what is around it and not its blocks.
const TESTS: &[&[&str]] = &[
    &["--package", "graven-store", "--lib", "--tests"],
    &["--package", "graven-rdb", "--lib", "--tests"],
    &["--package", "graven-aof", "--test", "check_aof"],
    &["--package", "graven", "--bin", "graven"],
];
const FLAGS: &str = "-Zsanitizer=address";

/// Runs these tests, or says why not.
pub fn run() -> Result<()> {
    let host = host()?;
    if let Some(reason) = obstacle(&host)? {
        println!("not run: this compiler has no AddressSanitizer for {host} ({reason})");
        return Ok(());
    }
    // Nothing of what the other steps have built can be used, nor may it be built anew for them.
    let target = step::root().join("target/sanitizer");
    for tests in TESTS {
        let mut command = step::cargo_command();
        command.args(["test", "--quiet", "--target", &host]).args(*tests);
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target);
        step::status(command)?;
    }
    Ok(())
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// The machine that the compiler compiles for by itself.
fn host() -> Result<String> {
    let output = rustc().arg("-vV").output().context("running rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    ensure!(output.status.success() && host.is_some(), "rustc -vV does not name its host: {text}");
    Ok(host.unwrap_or_default())
}

/// Why the smallest program cannot be made with the sanitizer, if it cannot.
fn obstacle(host: &str) -> Result<Option<String>> {
    let dir = step::root().join("target/sanitizer/probe");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let program = dir.join("probe.rs");
    std::fs::write(&program, "fn main() {}\n").with_context(|| format!("writing {}", program.display()))?;
    let output = rustc()
        .args([FLAGS, "--target", host, "-o"])
        .arg(dir.join("probe"))
        .arg(&program)
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .context("running rustc")?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok((!output.status.success()).then(|| said.lines().next().unwrap_or("no reason given").to_owned()))
}
