//! `graven check-aof`

use anyhow::Context;
use graven_aof::repair::{CheckOptions, Surroundings, check};
use std::fs::File;
use std::io::{stdin, stdout};
use std::path::Path;

/// True if everything is valid, or was made so.
pub fn run(file: &Path, fix: bool, truncate_to_timestamp: Option<i64>) -> anyhow::Result<bool> {
    let mut surroundings = Surroundings { out: &mut stdout(), confirm: &mut confirm, rdb: &mut rdb_length };
    check(file, CheckOptions { fix, truncate_to_timestamp }, &mut surroundings).with_context(|| format!("Can't check '{}'", file.display()))
}

fn confirm() -> bool {
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && answer.trim_start().starts_with(['y', 'Y'])
}

/// Reads the RDB at the beginning of a file; returns its length.
fn rdb_length(path: &Path) -> Result<u64, String> {
    let read = || -> anyhow::Result<u64> {
        let mut reader = graven_rdb::Reader::new(File::open(path)?)?;
        while reader.next_event()?.is_some() {}
        Ok(reader.bytes_consumed())
    };
    read().map_err(|e| e.to_string())
}
