//! What happens to the servers.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use graven_testkit::history::power::run_on;
use graven_testkit::history::{self, MayLose, Moment, Plan, Summary};
use graven_testkit::power::{LossyDisk, Order};
use graven_testkit::{DiskFaults, Program, Server};

/// One row of the table.
pub struct Scenario {
    pub name: &'static str,
    policy: &'static str,
    event: Event,
    /// Rounds are this much rarer than asked for, because they take long.
    rarer: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Event {
    Kill,
    /// Each fsync takes three seconds.
    KillWhileFsyncStalls,
    /// An fsync fails with an I/O error; a moment later the server is killed, or the power goes out.
    FailedFsync,
    /// The disk has room for some kilobytes only; then the server is killed.
    FullDisk,
    PowerLoss(Order),
}

/// All rows, in the table's order.
pub fn all() -> Vec<Scenario> {
    use Event::*;
    let row = |name, policy, event, rarer| Scenario { name, policy, event, rarer };
    vec![
        row("kill -9, always", "always", Kill, 1),
        row("kill -9, everysec", "everysec", Kill, 1),
        row("kill -9, no", "no", Kill, 1),
        row("kill -9 while each fsync takes 3 s, everysec", "everysec", KillWhileFsyncStalls, 8),
        row("disk full, then kill -9, always", "always", FullDisk, 4),
        row("disk full, then kill -9, everysec", "everysec", FullDisk, 4),
        row("an fsync fails, then loss of power, always", "always", FailedFsync, 2),
        row("loss of power, always, names in order (as ext4)", "always", PowerLoss(Order::Journaled), 1),
        row("loss of power, always, names by chance (POSIX)", "always", PowerLoss(Order::Independent), 1),
        row("loss of power, everysec, names in order (as ext4)", "everysec", PowerLoss(Order::Journaled), 4),
        row("loss of power, everysec, names by chance (POSIX)", "everysec", PowerLoss(Order::Independent), 4),
        row("loss of power, no, names in order (as ext4)", "no", PowerLoss(Order::Journaled), 4),
    ]
}

impl Scenario {
    /// Runs one server through it; nothing if no FUSE file system can be mounted.
    pub fn run(&self, program: &Program, crashes: usize, seed: u64) -> Result<Option<Summary>> {
        let plan = self.plan(crashes.div_ceil(self.rarer), seed);
        let summary = match self.event {
            Event::Kill | Event::KillWhileFsyncStalls | Event::FullDisk => self.on_a_faulty_disk(program, &plan),
            Event::FailedFsync | Event::PowerLoss(_) => self.on_a_lossy_disk(program, &plan),
        };
        summary.with_context(|| self.name)
    }

    fn plan(&self, rounds: usize, seed: u64) -> Plan {
        let base = Plan { survey: true, upkeep: true, pause: Duration::from_micros(200), ..Plan::kills(seed, rounds, 4) };
        let power = matches!(self.event, Event::PowerLoss(_) | Event::FailedFsync);
        let may_lose = match self.policy {
            "everysec" if power => MayLose::Younger(Duration::from_millis(1_800)),
            "no" if power => MayLose::Anything,
            _ => MayLose::Nothing,
        };
        let (kill_after_ms, pause) = match (self.event, self.policy) {
            (Event::Kill, _) => ((2, 100), base.pause),
            (Event::KillWhileFsyncStalls, _) => ((1_100, 4_500), Duration::from_millis(5)),
            (Event::PowerLoss(_), "everysec") => ((100, 4_000), Duration::from_millis(5)),
            (Event::PowerLoss(_), _) => ((5, 150), base.pause),
            (Event::FailedFsync | Event::FullDisk, _) => ((50, 500), base.pause),
        };
        let errors_allowed = matches!(self.event, Event::FailedFsync | Event::FullDisk);
        // Redis waits for the disk itself when a rewrite begins, and would acknowledge nothing in that row.
        let upkeep = self.event != Event::KillWhileFsyncStalls;
        Plan { upkeep, may_lose, kill_after_ms, pause, errors_allowed, shown_is_kept: power && self.policy == "always", ..base }
    }

    /// Kills; the disk keeps what it was given.
    fn on_a_faulty_disk(&self, program: &Program, plan: &Plan) -> Result<Option<Summary>> {
        let faults = DiskFaults::new()?;
        let builder = Server::builder(program).option("appendfsync", self.policy);
        let mut server = faults.preload(builder).prepare()?;
        let mut round = 0;
        let summary = history::run(&mut server, plan, |server, moment| {
            match moment {
                Moment::Started if self.event == Event::KillWhileFsyncStalls => faults.sync_delay(Duration::from_secs(3)),
                Moment::Started if self.event == Event::FullDisk => {
                    round += 1;
                    faults.space_left(i64::from(round) * 3_001);
                }
                Moment::Killed => faults.repair(),
                Moment::Refused => repair(server, program)?,
                Moment::Abandoned => {
                    std::fs::remove_dir_all(server.data())?;
                    std::fs::create_dir_all(server.data())?;
                }
                Moment::Started | Moment::Dying => {}
            }
            Ok(())
        })?;
        Ok(Some(summary))
    }

    /// Losses of power.
    fn on_a_lossy_disk(&self, program: &Program, plan: &Plan) -> Result<Option<Summary>> {
        let order = if let Event::PowerLoss(order) = self.event { order } else { Order::Journaled };
        let Ok(mut disk) = LossyDisk::mount(order) else { return Ok(None) };
        let mut server = Server::builder(program).option("appendfsync", self.policy).data(disk.path()).prepare()?;
        let mut round = 0;
        let (summary, _) = run_on(&mut disk, &mut server, plan, |disk, server, moment| {
            match moment {
                Moment::Started => {
                    round += 1;
                    disk.sync_delay(Duration::from_micros([0, 300, 1_000, 4_000][round % 4]));
                    if self.event == Event::FailedFsync {
                        disk.fail_syncs(10 + round as u32 * 17 % 60, 1);
                    }
                }
                Moment::Refused => repair(server, program)?,
                Moment::Dying => cut_tails(server, program, 0),
                Moment::Killed | Moment::Abandoned => {}
            }
            Ok(())
        })?;
        Ok(Some(summary))
    }
}

/// How much of a damaged tail the next start of Graven cuts; Redis 7.0 has no such option.
fn cut_tails(server: &mut Server, program: &Program, max_bytes: u64) {
    if !program.is_redis() {
        server.set_option("aof-load-corrupt-tail-max-size", max_bytes);
    }
}

/// What the server's refusal, or its documentation, advises.
fn repair(server: &mut Server, program: &Program) -> Result<()> {
    cut_tails(server, program, 64 << 20);
    let manifest = server.append_dir().join("appendonly.aof.manifest");
    if program.is_redis() && manifest.exists() {
        let mut check = Command::new("redis-check-aof");
        check.arg("--fix").arg(&manifest).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = check.spawn().context("running redis-check-aof")?;
        if let Some(mut answers) = child.stdin.take() {
            use std::io::Write;
            // It may end without asking.
            let _ = answers.write_all(b"y\ny\ny\n");
        }
        child.wait()?;
    }
    Ok(())
}
