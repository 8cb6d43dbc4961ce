//! Histories on a disk that loses power: every crash of [`super::run`] becomes a loss of power under the server.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{Moment, Plan, Summary, run};
use crate::power::LossyDisk;
use crate::process::Server;
use crate::rng::Rng;

/// What the losses of a run were.
#[derive(Debug, Default, Clone)]
pub struct Losses {
    /// How often the power went out, restarts interrupted by it included.
    pub losses: usize,
    /// Bytes written and not durable at the instants of the losses, and so left to chance.
    pub bytes_at_risk: u64,
}

/// Runs the plan on a server whose data is on `disk`. `act` is called at each moment, [`Moment::Killed`] after the loss. Every
/// fourth restart or so is interrupted by a loss of its own.
///
/// # Errors
/// As [`run`]; what the disk held is kept if `GRAVEN_KEEP` is set.
pub fn run_on(
    disk: &mut LossyDisk,
    server: &mut Server,
    plan: &Plan,
    mut act: impl FnMut(&mut LossyDisk, &mut Server, Moment) -> Result<()>,
) -> Result<(Summary, Losses)> {
    let mut losses = Losses::default();
    let mut rng = Rng::new(plan.seed ^ 0x10_55);
    let summary = run(server, plan, |server, moment| {
        match moment {
            Moment::Dying => cut(disk, server)?,
            Moment::Killed => {
                losses.lose(disk, &mut rng)?;
                while rng.chance(25) {
                    server.spawn()?;
                    std::thread::sleep(Duration::from_micros(rng.below(60_000)));
                    cut(disk, server)?;
                    server.kill9();
                    losses.lose(disk, &mut rng)?;
                }
            }
            Moment::Abandoned => disk.format()?,
            Moment::Started | Moment::Refused => {}
        }
        act(disk, server, moment)
    });
    if summary.is_err() && std::env::var_os("GRAVEN_KEEP").is_some() {
        let kept = tempfile::Builder::new().prefix("graven-disk-kept-").tempdir()?.keep();
        disk.export(&kept)?;
        eprintln!("the disk as the server saw it last: {}", kept.display());
    }
    Ok((summary.with_context(|| format!("after {} losses of power", losses.losses))?, losses))
}

impl Losses {
    fn lose(&mut self, disk: &mut LossyDisk, rng: &mut Rng) -> Result<()> {
        self.losses += 1;
        self.bytes_at_risk += disk.lose_power(rng.next_u64())?;
        Ok(())
    }
}

/// The power goes out: nothing reaches the disk any more, and the process is killed before it can notice.
fn cut(disk: &LossyDisk, server: &mut Server) -> Result<()> {
    disk.freeze();
    if server.is_running() {
        server.signal(Signal::KILL)?;
    }
    disk.fail_waiting();
    Ok(())
}
