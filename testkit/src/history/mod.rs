//! Concurrent writers, a crash at a random moment, and the question whether history was kept.
//!
//! Every writer numbers its operations. After a crash those of a writer that are still there must be a *prefix* of what it
//! sent, and must contain all that the promise covers: nothing acknowledged is lost (or, after a loss of power under
//! `everysec`, nothing acknowledged more than a bound ago), nothing comes back out of order, a transaction is there wholly
//! or not at all. Positions on two counters that all writers share tie the writers' prefixes together. A reader notes the
//! newest values that it was shown; under `always` those must be there too.
//!
//! [`run`] drives: `writer.rs` sends and remembers, `judge.rs` compares, `upkeep.rs` asks for rewrites and snapshots
//! meanwhile.

mod judge;
pub mod power;
mod upkeep;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::Client;
use crate::process::Server;
use crate::rng::Rng;
use crate::value::Value;
use judge::Shared;
use writer::{PLAIN, Writer};

/// How a run goes. [`Plan::kills`] has a plain one to change.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything but the threads' interleaving.
    pub seed: u64,
    /// Crashes.
    pub rounds: usize,
    /// Concurrent writers.
    pub writers: usize,
    /// Operations sent before their replies are read.
    pub pipeline: usize,
    /// How long each writer rests after each of these, so that long rounds do not drown the judge.
    pub pause: Duration,
    /// The crash comes at a random moment in this range after the start.
    pub kill_after_ms: (u64, u64),
    /// Whether a `MISCONF` reply is an answer or a failure of the test. What was refused may be there or not: the log can
    /// fail before a write is executed, or after it.
    pub errors_allowed: bool,
    /// Whether what any client was shown must be kept as well: the promise of `appendfsync always`.
    pub shown_is_kept: bool,
    /// What a crash may cost.
    pub may_lose: MayLose,
    /// Whether rewrites and snapshots are asked for all the time.
    pub upkeep: bool,
    /// Whether broken promises are counted instead of ending the run, for a server that does not make them.
    pub survey: bool,
}

/// Which acknowledged operations a crash may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayLose {
    /// None.
    Nothing,
    /// Those acknowledged less than this before it.
    Younger(Duration),
    /// All of this round; what was there at its start stays.
    Anything,
}

/// When the caller of [`run`] is asked to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The server serves; writers start after this.
    Started,
    /// The instant of the crash: the server is killed after this, if it still runs.
    Dying,
    /// The process is dead; it is restarted after this.
    Killed,
    /// The restart was refused; it is tried once more after this.
    Refused,
    /// That was refused too: the data directory must be made empty. Only in a survey.
    Abandoned,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Crashes.
    pub rounds: usize,
    /// Operations acknowledged in all rounds.
    pub acknowledged: u64,
    /// Operations that were sent, not acknowledged, and found all the same.
    pub kept_unacknowledged: u64,
    /// Operations answered with an error.
    pub refused: u64,
    /// Operations acknowledged and not found. The rest of those acknowledged were each found.
    pub lost: u64,
    /// Rounds in which something acknowledged was lost.
    pub rounds_with_losses: usize,
    /// How long before its crash the oldest lost operation was acknowledged.
    pub oldest_lost: Duration,
    /// Restarts that were refused at first.
    pub refused_starts: usize,
    /// Restarts that were refused after the repair as well; the data was given up.
    pub abandoned: usize,
    /// Rounds in which the process ended before it was killed.
    pub ended_by_itself: usize,
    /// Rewrites of the log, and snapshots, that the server said it had started.
    pub rewrites: u64,
    /// See `rewrites`.
    pub saves: u64,
    /// Broken promises, in a survey; else the run ends with the first.
    pub violations: u64,
    /// The first of them.
    pub first_violation: Option<String>,
}

impl Plan {
    /// Six writers, killed after 2 to 60 ms, nothing may be lost.
    pub fn kills(seed: u64, rounds: usize, pipeline: usize) -> Plan {
        Plan {
            seed,
            rounds,
            writers: 6,
            pipeline,
            pause: Duration::ZERO,
            kill_after_ms: (2, 60),
            errors_allowed: false,
            shown_is_kept: false,
            may_lose: MayLose::Nothing,
            upkeep: false,
            survey: false,
        }
    }
}

impl Summary {
    fn violation(&mut self, plan: &Plan, text: String) -> Result<()> {
        ensure!(plan.survey, "{text}");
        self.violations += 1;
        self.first_violation.get_or_insert(text);
        Ok(())
    }
}

/// Starts the (prepared, not running) server, crashes and restarts it `plan.rounds` times; `act` is called at each moment.
///
/// # Errors
/// If an operation is missing that may not be, history is not a prefix, or the server does not come back.
pub fn run(server: &mut Server, plan: &Plan, mut act: impl FnMut(&mut Server, Moment) -> Result<()>) -> Result<Summary> {
    let mut writers: Vec<Writer> = (0..plan.writers).map(Writer::new).collect();
    let shown: Vec<AtomicU64> = (0..plan.writers * PLAIN).map(|_| AtomicU64::new(0)).collect();
    let mut shared = Shared::default();
    let mut summary = Summary::default();
    let mut rng = Rng::new(plan.seed);
    server.start()?;
    for round in 0..plan.rounds {
        let context = || format!("seed {}, round {round}", plan.seed);
        writers.iter_mut().try_for_each(|writer| writer.begin_round(&mut server.client(), round)).with_context(context)?;
        act(server, Moment::Started).with_context(context)?;
        let died = crash(server, plan, &mut act, &mut writers, &shown, &mut rng, &mut summary).with_context(context)?;
        act(server, Moment::Killed).with_context(context)?;
        if !restart(server, plan, &mut act, &mut summary).with_context(context)? {
            summary.rounds += 1;
            give_up(&mut writers, &shown, &mut summary, died);
            shared = Shared::default();
            continue;
        }
        shared = judge::judge(server, plan, &mut writers, &shown, &shared, died, &mut summary).with_context(context)?;
        summary.rounds += 1;
    }
    ensure!(plan.survey || summary.acknowledged > 0, "no operation was ever acknowledged, so nothing was tested");
    Ok(summary)
}

/// Writers write until the server dies; returns the instant of its death.
fn crash(
    server: &mut Server,
    plan: &Plan,
    act: &mut impl FnMut(&mut Server, Moment) -> Result<()>,
    writers: &mut [Writer],
    shown: &[AtomicU64],
    rng: &mut Rng,
    summary: &mut Summary,
) -> Result<Instant> {
    let stop = &AtomicBool::new(false);
    let (low, high) = plan.kill_after_ms;
    let wait = Duration::from_micros(rng.between(low as i64 * 1000, high as i64 * 1000) as u64);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for writer in writers {
            let mut client = server.client();
            let mut rng = Rng::new(rng.next_u64());
            threads.push(scope.spawn(move || writer.work(&mut client, &mut rng, plan, stop)));
        }
        let mut reader = server.client();
        let mut reader_rng = Rng::new(rng.next_u64());
        threads.push(scope.spawn(move || read(&mut reader, &mut reader_rng, plan, shown, stop)));
        let upkeep = plan.upkeep.then(|| {
            let mut client = server.client();
            let mut rng = Rng::new(rng.next_u64());
            scope.spawn(move || upkeep::work(&mut client, &mut rng, stop))
        });
        std::thread::sleep(wait);
        summary.ended_by_itself += usize::from(!server.is_running());
        let died = Instant::now();
        let acted = act(server, Moment::Dying);
        server.kill9();
        stop.store(true, Ordering::Relaxed);
        let done = threads.into_iter().map(|thread| thread.join().expect("writers do not panic"));
        let done: Result<Vec<()>> = done.collect();
        if let Some(upkeep) = upkeep {
            let started = upkeep.join().expect("upkeep does not panic")?;
            summary.rewrites += started.rewrites;
            summary.saves += started.saves;
        }
        acted?;
        done?;
        Ok(died)
    })
}

/// Whether the server serves again, perhaps after a repair.
fn restart(
    server: &mut Server,
    plan: &Plan,
    act: &mut impl FnMut(&mut Server, Moment) -> Result<()>,
    summary: &mut Summary,
) -> Result<bool> {
    let Err(refusal) = server.start() else { return Ok(true) };
    server.kill9();
    summary.refused_starts += 1;
    act(server, Moment::Refused).with_context(|| format!("{refusal:#}"))?;
    let Err(refusal) = server.start() else { return Ok(true) };
    server.kill9();
    summary.violation(plan, format!("the start was refused again: {refusal:#}"))?;
    summary.abandoned += 1;
    act(server, Moment::Abandoned)?;
    server.start().context("starting on an empty directory")?;
    Ok(false)
}

/// Everything is gone: all that was acknowledged in this round counts as lost, and the writers begin anew.
fn give_up(writers: &mut [Writer], shown: &[AtomicU64], summary: &mut Summary, died: Instant) {
    for writer in writers {
        let acked = writer.acknowledged();
        summary.acknowledged += acked.len() as u64;
        summary.lost += acked.len() as u64;
        let oldest = acked.first().map_or(Duration::ZERO, |at| died.saturating_duration_since(*at));
        summary.oldest_lost = summary.oldest_lost.max(oldest);
        writer.forget();
    }
    summary.rounds_with_losses += 1;
    shown.iter().for_each(|newest| newest.store(0, Ordering::Relaxed));
}

fn read(client: &mut Client, rng: &mut Rng, plan: &Plan, shown: &[AtomicU64], stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let at = rng.below(shown.len() as u64) as usize;
        match client.cmd(&["GET", &format!("w{}:k{}", at / PLAIN, at % PLAIN)]) {
            // A value that the failing disk does not hold may be refused instead of shown.
            Ok(Value::Error(text)) if plan.errors_allowed && text.starts_with(b"MISCONF") => {}
            Ok(Value::Error(text)) => ensure!(plan.survey, "reader: {}", String::from_utf8_lossy(&text)),
            Ok(reply) if plan.shown_is_kept => match op_number(&reply) {
                Ok(number) => drop(shown[at].fetch_max(number, Ordering::Relaxed)),
                Err(error) => ensure!(plan.survey, "reader: {error:#}"),
            },
            Ok(_) => {}
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// The number before the padding; 0 for a key that is not there.
fn op_number(reply: &Value) -> Result<u64> {
    if reply.is_null() {
        return Ok(0);
    }
    if let Value::Int(number) = reply {
        return u64::try_from(*number).with_context(|| format!("unexpected value {number}"));
    }
    let text = reply.text();
    let number = text.split(':').next().unwrap_or_default();
    number.parse().with_context(|| format!("unexpected value {text:?}"))
}
