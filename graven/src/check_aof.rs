//! `graven check-aof`

use crate::check_rdb;
use anyhow::Context;
use graven_aof::repair::{CheckOptions, Surroundings, check};
use std::fs::File;
use std::io::{self, BufWriter, Write, stdin, stdout};
use std::path::Path;

/// True if everything is valid, or was made so.
pub fn run(file: &Path, fix: bool, truncate_to_timestamp: Option<i64>) -> anyhow::Result<bool> {
    let mut surroundings = Surroundings { out: &mut stdout(), confirm: &mut confirm, rdb: &mut check_rdb };
    check(file, CheckOptions { fix, truncate_to_timestamp }, &mut surroundings).with_context(|| format!("Can't check '{}'", file.display()))
}

fn confirm() -> bool {
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && answer.trim_start().starts_with(['y', 'Y'])
}

/// Checks the RDB at the beginning of a file as `check-rdb` does, so that no base is called sane which a start refuses.
fn check_rdb(path: &Path, shown: &str, out: &mut dyn Write) -> io::Result<Option<u64>> {
    let mut out = BufWriter::new(out);
    let length = check_rdb::report(File::open(path)?, shown, &mut out)?;
    out.flush()?;
    Ok(length)
}
