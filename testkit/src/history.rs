//! Concurrent writers, a kill at a random moment, and the question whether history was kept.
//!
//! Every writer numbers its operations. After a kill the operations of a writer that are still there must be a *prefix* of
//! those it sent, and must contain all that were acknowledged to it: nothing acknowledged is lost, nothing comes back out
//! of order, a transaction is there wholly or not at all. A reader notes the newest values that it was shown; those must
//! be there too.
//!
//! Slots of a writer, each a key or a pair of keys:
//! plain values (the number of the operation that wrote them), a counter, a pair written by `MULTI … EXEC`, and a key that is
//! written and deleted in turn. Beside them all writers count up one shared counter.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::client::{Client, encode};
use crate::process::Server;
use crate::rng::Rng;
use crate::value::Value;

/// How a kill test runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything but the threads' interleaving.
    pub seed: u64,
    /// Kills.
    pub rounds: usize,
    /// Concurrent writers.
    pub writers: usize,
    /// Operations sent before their replies are read.
    pub pipeline: usize,
    /// The kill comes at a random moment in this range after the start.
    pub kill_after_ms: (u64, u64),
    /// Whether a `MISCONF` reply is an answer or a failure of the test. What was refused may be there or not: the log can
    /// fail before a write is executed, or after it.
    pub errors_allowed: bool,
    /// Whether what any client was shown must be kept as well: the promise of `appendfsync always`.
    pub shown_is_kept: bool,
}

/// When the caller of [`run`] is asked to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The server serves; writers start after this.
    Started,
    /// The process is dead; it is restarted after this.
    Killed,
}

/// What a kill test did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    /// Kills.
    pub rounds: usize,
    /// Operations acknowledged in all rounds, each of which was found again.
    pub acknowledged: u64,
    /// Operations that were sent, not acknowledged, and found all the same.
    pub kept_unacknowledged: u64,
    /// Operations answered with an error.
    pub refused: u64,
}

const PLAIN: usize = 6;
const COUNTER: usize = PLAIN;
const PAIR: usize = PLAIN + 1;
const TOGGLE: usize = PLAIN + 2;
const SLOTS: usize = PLAIN + 3;
const SHARED: usize = SLOTS;

/// One writer's memory of what it did.
#[derive(Debug, Default)]
struct Writer {
    id: usize,
    /// Number of the last operation sent.
    last_op: u64,
    /// Number of the last operation acknowledged, or of the last one before this round.
    acked_op: u64,
    /// Operations of this round per slot, in order.
    sent: [Vec<u64>; SLOTS],
    /// Those of them that were answered with an error.
    refused_ops: BTreeSet<u64>,
    /// What each slot held at the start of the round: an operation's number (the counter: its value), 0 for nothing.
    base: [u64; SLOTS],
    /// Operations on the shared counter in this round, and how many of them were acknowledged.
    shared_sent: u64,
    shared_acked: u64,
    acked: u64,
    refused: u64,
}

/// Starts the (prepared, not running) server, kills and restarts it `plan.rounds` times; `act` is called at each moment.
///
/// # Errors
/// If an acknowledged operation is missing, history is not a prefix, or the server does not come back.
pub fn run(server: &mut Server, plan: &Plan, mut act: impl FnMut(&mut Server, Moment) -> Result<()>) -> Result<Summary> {
    let mut writers: Vec<Writer> = (0..plan.writers).map(|id| Writer { id, ..Writer::default() }).collect();
    let shown: Vec<AtomicU64> = (0..plan.writers * PLAIN).map(|_| AtomicU64::new(0)).collect();
    let mut shared_base = 0;
    let mut summary = Summary::default();
    let mut rng = Rng::new(plan.seed);
    server.start()?;
    for round in 0..plan.rounds {
        let context = || format!("seed {}, round {round}", plan.seed);
        act(server, Moment::Started).with_context(context)?;
        let stop = AtomicBool::new(false);
        let (low, high) = plan.kill_after_ms;
        let wait = Duration::from_micros(rng.between(low as i64 * 1000, high as i64 * 1000) as u64);
        std::thread::scope(|scope| -> Result<()> {
            let mut threads = Vec::new();
            for writer in &mut writers {
                let mut client = server.client();
                let mut rng = Rng::new(rng.next_u64());
                let stop = &stop;
                threads.push(scope.spawn(move || writer.work(&mut client, &mut rng, plan, stop)));
            }
            let mut reader = server.client();
            let mut reader_rng = Rng::new(rng.next_u64());
            let (stop, shown) = (&stop, &shown);
            threads.push(scope.spawn(move || read(&mut reader, &mut reader_rng, plan, shown, stop)));
            std::thread::sleep(wait);
            server.kill9();
            stop.store(true, Ordering::Relaxed);
            threads.into_iter().try_for_each(|thread| thread.join().expect("writers do not panic"))
        })
        .with_context(context)?;
        act(server, Moment::Killed).with_context(context)?;
        server.start().with_context(context)?;
        shared_base = check(server, &mut writers, &shown, shared_base, &mut summary).with_context(context)?;
        summary.rounds += 1;
    }
    ensure!(summary.acknowledged > 0, "no operation was ever acknowledged, so nothing was tested");
    Ok(summary)
}

impl Writer {
    /// Sends operations until the server dies.
    fn work(&mut self, client: &mut Client, rng: &mut Rng, plan: &Plan, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let mut bytes = Vec::new();
            let mut batch = Vec::new();
            for _ in 0..plan.pipeline {
                batch.push(self.operation(rng, &mut bytes));
            }
            if client.send_raw(&bytes).is_err() {
                return Ok(());
            }
            for (op, slot) in batch {
                let replies = if slot == PAIR { 4 } else { 1 };
                let mut last = Value::Closed;
                for _ in 0..replies {
                    match client.reply() {
                        Ok(reply) => last = reply,
                        Err(_) => return Ok(()),
                    }
                }
                match last {
                    Value::Error(text) if plan.errors_allowed => {
                        self.note_refusal(op, &text)?;
                    }
                    Value::Error(text) => bail!("writer {}: {}", self.id, String::from_utf8_lossy(&text)),
                    _ => self.acknowledge(op, slot),
                }
            }
        }
        Ok(())
    }

    fn operation(&mut self, rng: &mut Rng, out: &mut Vec<u8>) -> (u64, usize) {
        let slot = rng.below(SLOTS as u64 + 1) as usize;
        self.last_op += 1;
        let op = self.last_op;
        let number = op.to_string();
        let id = self.id;
        match slot {
            SHARED => encode(out, &["INCR", "shared"]),
            COUNTER => encode(out, &["INCR", &format!("w{id}:counter")]),
            PAIR => {
                encode(out, &["MULTI"]);
                encode(out, &["SET", &format!("w{id}:left"), &number]);
                encode(out, &["SET", &format!("w{id}:right"), &number]);
                encode(out, &["EXEC"]);
            }
            TOGGLE if op.is_multiple_of(2) => encode(out, &["DEL", &format!("w{id}:toggle")]),
            TOGGLE => encode(out, &["SET", &format!("w{id}:toggle"), &number]),
            _ => {
                let padding = "x".repeat(rng.below(200) as usize);
                encode(out, &["SET", &format!("w{id}:k{slot}"), &format!("{number}:{padding}")]);
            }
        }
        match slot {
            SHARED => self.shared_sent += 1,
            _ => self.sent[slot].push(op),
        }
        (op, slot)
    }

    fn acknowledge(&mut self, op: u64, slot: usize) {
        self.acked += 1;
        self.acked_op = op;
        if slot == SHARED {
            self.shared_acked += 1;
        }
    }

    fn note_refusal(&mut self, op: u64, error: &[u8]) -> Result<()> {
        let refusal = error.starts_with(b"MISCONF") || error.starts_with(b"EXECABORT");
        ensure!(refusal, "writer {}: {}", self.id, String::from_utf8_lossy(error));
        self.refused += 1;
        self.refused_ops.insert(op);
        Ok(())
    }

    /// The first of these operations that should be there if history went on beyond it.
    fn first_missed(&self, ops: &[u64]) -> u64 {
        ops.iter().copied().find(|op| !self.refused_ops.contains(op)).unwrap_or(u64::MAX)
    }

    /// Checks what is left of this writer's operations; returns how many unacknowledged ones were kept.
    fn check(&mut self, client: &mut Client, shown: &[AtomicU64]) -> Result<u64> {
        let id = self.id;
        let mut found = [0; SLOTS];
        for (slot, newest) in shown.iter().enumerate() {
            found[slot] = read_op(client, &format!("w{id}:k{slot}"))?;
            let shown = newest.load(Ordering::Relaxed);
            ensure!(found[slot] >= shown, "w{id}:k{slot} was shown with operation {shown} and now holds {}", found[slot]);
        }
        found[PAIR] = read_op(client, &format!("w{id}:left"))?;
        let right = read_op(client, &format!("w{id}:right"))?;
        ensure!(found[PAIR] == right, "writer {id}: half a transaction was kept: left {}, right {right}", found[PAIR]);
        let count = read_op(client, &format!("w{id}:counter"))?;
        let counted = count.checked_sub(self.base[COUNTER]);
        let counted = counted.with_context(|| format!("w{id}:counter fell from {} to {count}", self.base[COUNTER]))? as usize;
        ensure!(counted <= self.sent[COUNTER].len(), "w{id}:counter: {counted} kept of {}", self.sent[COUNTER].len());
        found[TOGGLE] = read_op(client, &format!("w{id}:toggle"))?;

        // The last operation that is there, and the first that is not.
        let mut kept = 0;
        let mut lost = u64::MAX;
        for (slot, ops) in self.sent.iter().enumerate() {
            let survivors = match slot {
                // Which of the operations it counted is not known if some of them may or may not have happened.
                COUNTER if ops.iter().any(|op| self.refused_ops.contains(op)) => {
                    let acked = ops.iter().filter(|op| **op <= self.acked_op && !self.refused_ops.contains(op)).count();
                    ensure!(counted >= acked, "w{id}:counter: {counted} kept, {acked} acknowledged");
                    continue;
                }
                COUNTER => counted,
                TOGGLE => continue,
                _ if found[slot] == self.base[slot] => 0,
                _ => match ops.iter().position(|op| *op == found[slot]) {
                    Some(index) => index + 1,
                    None => bail!("writer {id}, slot {slot}: holds {}, which it did not send in this round", found[slot]),
                },
            };
            if survivors > 0 {
                kept = kept.max(ops[survivors - 1]);
            }
            lost = lost.min(self.first_missed(&ops[survivors..]));
        }
        let (kept, lost) = self.check_toggle(found[TOGGLE], kept, lost)?;
        ensure!(lost > self.acked_op, "writer {id}: operation {lost} is lost, {} was acknowledged", self.acked_op);
        ensure!(kept < lost, "writer {id}: operation {kept} is there, the earlier {lost} is not");

        let extra = kept.saturating_sub(self.acked_op);
        self.base = found;
        self.base[COUNTER] = count;
        self.sent = Default::default();
        self.refused_ops.clear();
        self.acked_op = self.last_op;
        Ok(extra)
    }

    /// An absent key says only that some deletion (or nothing) came last: any of them will do that fits the other slots.
    fn check_toggle(&self, found: u64, kept: u64, lost: u64) -> Result<(u64, u64)> {
        let ops = &self.sent[TOGGLE];
        let fits = (0..=ops.len()).find_map(|survivors| {
            let last = if survivors == 0 { self.base[TOGGLE] } else { ops[survivors - 1] };
            let held = if last.is_multiple_of(2) { 0 } else { last };
            let next = self.first_missed(&ops[survivors..]);
            let sent_last = if survivors == 0 { 0 } else { last };
            let consistent = held == found && kept.max(sent_last) < lost.min(next) && next > self.acked_op;
            consistent.then_some((kept.max(sent_last), lost.min(next)))
        });
        fits.with_context(|| {
            let base = self.base[TOGGLE];
            let acked = self.acked_op;
            format!("w{}:toggle holds {found}; before {base}, sent {ops:?}, acknowledged up to {acked}", self.id)
        })
    }
}

fn read(client: &mut Client, rng: &mut Rng, plan: &Plan, shown: &[AtomicU64], stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let at = rng.below(shown.len() as u64) as usize;
        match client.cmd(&["GET", &format!("w{}:k{}", at / PLAIN, at % PLAIN)]) {
            // A value that the failing disk does not hold may be refused instead of shown.
            Ok(Value::Error(text)) if plan.errors_allowed && text.starts_with(b"MISCONF") => {}
            Ok(Value::Error(text)) => bail!("reader: {}", String::from_utf8_lossy(&text)),
            Ok(reply) if plan.shown_is_kept => drop(shown[at].fetch_max(op_number(&reply)?, Ordering::Relaxed)),
            Ok(_) => {}
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

fn check(server: &Server, writers: &mut [Writer], shown: &[AtomicU64], shared_base: u64, summary: &mut Summary) -> Result<u64> {
    let mut client = server.client();
    for (writer, shown) in writers.iter_mut().zip(shown.chunks(PLAIN)) {
        summary.kept_unacknowledged += writer.check(&mut client, shown)?;
        summary.acknowledged += std::mem::take(&mut writer.acked);
        summary.refused += std::mem::take(&mut writer.refused);
    }
    let acked: u64 = writers.iter().map(|writer| writer.shared_acked).sum();
    let sent: u64 = writers.iter().map(|writer| writer.shared_sent).sum();
    let shared = read_op(&mut client, "shared")?;
    ensure!(
        (shared_base + acked..=shared_base + sent).contains(&shared),
        "the shared counter is {shared}; before {shared_base}, then {acked} acknowledged of {sent} sent"
    );
    for writer in writers {
        writer.shared_acked = 0;
        writer.shared_sent = 0;
    }
    Ok(shared)
}

fn read_op(client: &mut Client, key: &str) -> Result<u64> {
    op_number(&client.cmd(&["GET", key])?).with_context(|| format!("GET {key}"))
}

/// The number before the padding; 0 for a key that is not there.
fn op_number(reply: &Value) -> Result<u64> {
    if reply.is_null() {
        return Ok(0);
    }
    let text = reply.text();
    let number = text.split(':').next().unwrap_or_default();
    number.parse().with_context(|| format!("unexpected value {text:?}"))
}
