//! How fast a log loads, and what a key costs in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use graven_testkit::{Server, client};

use super::report::{head, median, row};
use super::{Arguments, Contender};

/// So many `SET key:… (100 bytes)` make 332 MB.
const KEYS: u64 = 2_340_000;

/// Seconds from the start of the process to its first `PONG`, and resident bytes for each key.
pub fn run(arguments: &Arguments, contenders: &[Contender; 2]) -> Result<()> {
    if !arguments.wants("load") {
        return Ok(());
    }
    let keys = KEYS / arguments.divide;
    let master = tempfile_dir()?;
    let bytes = write_log(&master.join("appendonlydir"), keys)?;
    let mut measured: [Vec<(f64, f64)>; 2] = [vec![], vec![]];
    for _ in 0..arguments.rounds {
        for (contender, results) in contenders.iter().zip(&mut measured) {
            results.push(measure(contender, &master, keys).with_context(|| format!("{}: load", contender.name))?);
        }
    }
    std::fs::remove_dir_all(&master)?;
    let of = |side: usize, field: fn(&(f64, f64)) -> f64| median(measured[side].iter().map(field).collect());
    head(&["what", "Redis", "Graven", "ratio"]);
    let [redis, graven] = [of(0, |m| m.0), of(1, |m| m.0)];
    let what = format!("loading {} MB of log ({keys} keys)", bytes / 1_000_000);
    row(&[what, format!("{redis:.2} s"), format!("{graven:.2} s"), format!("**{:.1}×** as fast", redis / graven)]);
    let [redis, graven] = [of(0, |m| m.1), of(1, |m| m.1)];
    let what = "memory per key of 14 + 100 bytes".to_owned();
    row(&[what, format!("{redis:.0} B"), format!("{graven:.0} B"), format!("**{:.2}×**", graven / redis)]);
    Ok(())
}

fn tempfile_dir() -> Result<std::path::PathBuf> {
    let path = std::env::temp_dir().join(format!("graven-bench-{}", std::process::id()));
    std::fs::create_dir_all(path.join("appendonlydir"))?;
    Ok(path)
}

fn write_log(dir: &Path, keys: u64) -> Result<u64> {
    std::fs::write(dir.join("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n")?;
    let mut file = BufWriter::new(File::create(dir.join("appendonly.aof.1.incr.aof"))?);
    let mut bytes = 0;
    let mut command = Vec::new();
    client::encode(&mut command, &["SELECT", "0"]);
    for n in 0..keys {
        client::encode(&mut command, &["SET", &format!("key:{n:010}"), &format!("{n:010}").repeat(10)]);
        file.write_all(&command)?;
        bytes += command.len() as u64;
        command.clear();
    }
    file.flush()?;
    Ok(bytes)
}

fn measure(contender: &Contender, master: &Path, keys: u64) -> Result<(f64, f64)> {
    let builder = || Server::builder(&contender.program).option("auto-aof-rewrite-percentage", 0);
    let empty = builder().start()?.anonymous_bytes();
    let mut server = builder().prepare()?;
    graven_testkit::process::copy_dir(master, server.data())?;
    let start = Instant::now();
    server.start()?;
    let seconds = start.elapsed().as_secs_f64();
    let found = server.client().cmd(&["DBSIZE"])?.as_int();
    ensure!(found == Some(keys as i64), "{found:?} keys were loaded of {keys}");
    Ok((seconds, (server.anonymous_bytes() - empty) as f64 / keys as f64))
}
