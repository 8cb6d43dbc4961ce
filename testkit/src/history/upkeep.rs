//! Rewrites of the log and snapshots while writers write: crashes are to meet them at every step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::client::Client;
use crate::rng::Rng;
use crate::value::Value;

/// What the server said it began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Started {
    pub rewrites: u64,
    pub saves: u64,
}

/// Asks until the server dies.
pub fn work(client: &mut Client, rng: &mut Rng, stop: &AtomicBool) -> Result<Started> {
    let mut started = Started::default();
    while !stop.load(Ordering::Relaxed) {
        let rewrite = rng.chance(70);
        match client.cmd(&[if rewrite { "BGREWRITEAOF" } else { "BGSAVE" }]) {
            Ok(Value::Simple(_)) if rewrite => started.rewrites += 1,
            Ok(Value::Simple(_)) => started.saves += 1,
            // One is under way, or the disk fails, or this server does not have the command.
            Ok(Value::Error(_)) => {}
            Ok(other) => bail!("a rewrite was answered with {other:?}"),
            Err(_) => return Ok(started),
        }
        std::thread::sleep(Duration::from_millis(1 + rng.below(60)));
    }
    Ok(started)
}
