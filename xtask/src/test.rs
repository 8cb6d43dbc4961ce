//! `cargo xtask test`: everything a change must pass, in the order in which it fails soonest.

use anyhow::Result;

use crate::{sanitize, setup, step};

/// Runs all steps; the first that fails ends the run.
pub fn run() -> Result<()> {
    step::timed("everything", || {
        step::timed("set-up", setup::run)?;
        step::timed("format", || step::cargo(&["fmt", "--all", "--check"]))?;
        step::timed("lints", || step::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
        step::timed("links in the documentation", links)?;
        step::timed("tests", || step::cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--quiet"]))?;
        step::timed("tests in the documentation", || step::cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
        step::timed("AddressSanitizer", sanitize::run)?;
        step::timed("fuzz targets from a fixed seed", || step::cargo(&["run", "--quiet", "--package", "graven-fuzz"]))
    })
}

/// The documentation, private items included, whose links must lead somewhere.
fn links() -> Result<()> {
    let mut command = step::cargo_command();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    command.env("RUSTDOCFLAGS", "-Dwarnings -Arustdoc::private_intra_doc_links");
    step::status(command)
}
