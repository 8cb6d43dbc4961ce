//! One writer: what it sends, and what it remembers of it.
//!
//! Slots of a writer, each a key: plain values (the number of the operation that wrote them), a counter, a key that is
//! written and deleted in turn, and a list, a hash, a sorted set and a stream that get the number of each operation as an
//! element; these four are new in each round. A transfer is a transaction that moves an amount between two accounts that all
//! writers share, notes its number, and takes the next position on a shared counter; so the accounts' sum is 0 for ever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::{Plan, op_number};
use crate::client::{Client, encode};
use crate::rng::Rng;
use crate::value::Value;

/// Keys with plain values, of each writer.
pub const PLAIN: usize = 6;
/// Accounts that all writers share.
pub const ACCOUNTS: u64 = 8;

/// What an operation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    Plain(usize),
    Counter,
    Toggle,
    Transfer,
    List,
    Hash,
    SortedSet,
    Stream,
    /// The counter that all writers count up.
    Shared,
}

const COLLECTIONS: [Slot; 4] = [Slot::List, Slot::Hash, Slot::SortedSet, Slot::Stream];

/// Every slot that one writer alone writes.
pub fn own_slots() -> impl Iterator<Item = Slot> {
    (0..PLAIN).map(Slot::Plain).chain([Slot::Counter, Slot::Toggle, Slot::Transfer]).chain(COLLECTIONS)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server died before it answered.
    Sent,
    /// Answered with an error: done or not.
    Refused,
    /// A deletion that found nothing to delete. It is no write, so it is answered like a read: if the deletion before it was
    /// refused and the server died, the key may be there again. Where what was shown is kept, it counts as acknowledged.
    Unchanged,
    /// Done; the position is that on the shared counter, for the slots that have one.
    Acknowledged { at: Instant, position: Option<u64> },
}

#[derive(Debug, Clone, Copy)]
pub struct Operation {
    pub number: u64,
    pub slot: Slot,
    pub outcome: Outcome,
}

/// One writer's memory of what it did.
#[derive(Debug)]
pub struct Writer {
    pub id: usize,
    round: usize,
    last_number: u64,
    /// Those of this round, in order.
    pub operations: Vec<Operation>,
    /// What each slot that outlives a round held at its start.
    pub base: BTreeMap<Slot, u64>,
}

impl Writer {
    pub fn new(id: usize) -> Writer {
        Writer { id, round: 0, last_number: 0, operations: Vec::new(), base: BTreeMap::new() }
    }

    /// The key of one of its slots.
    pub fn key(&self, slot: Slot) -> String {
        let (id, round) = (self.id, self.round);
        match slot {
            Slot::Plain(n) => format!("w{id}:k{n}"),
            Slot::Counter => format!("w{id}:counter"),
            Slot::Toggle => format!("w{id}:toggle"),
            Slot::Transfer => format!("w{id}:transfer"),
            Slot::List => format!("w{id}:list:{round}"),
            Slot::Hash => format!("w{id}:hash:{round}"),
            Slot::SortedSet => format!("w{id}:scores:{round}"),
            Slot::Stream => format!("w{id}:stream:{round}"),
            Slot::Shared => "shared".to_owned(),
        }
    }

    /// Forgets the operations of the last round, and deletes the keys that were only for it. Whether that deletion is kept
    /// is not asked.
    pub fn begin_round(&mut self, client: &mut Client, round: usize) -> Result<()> {
        for slot in COLLECTIONS {
            client.cmd(&["DEL", &self.key(slot)])?;
        }
        self.operations.clear();
        self.round = round;
        Ok(())
    }

    /// After the server has lost everything.
    pub fn forget(&mut self) {
        self.operations.clear();
        self.base.clear();
    }

    /// When operations of this round were acknowledged, in order.
    pub fn acknowledged(&self) -> Vec<Instant> {
        let at = |op: &Operation| if let Outcome::Acknowledged { at, .. } = op.outcome { Some(at) } else { None };
        self.operations.iter().filter_map(at).collect()
    }

    /// Sends operations until the server dies.
    pub fn work(&mut self, client: &mut Client, rng: &mut Rng, plan: &Plan, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let mut bytes = Vec::new();
            let first = self.operations.len();
            (0..plan.pipeline).for_each(|_| self.operation(rng, &mut bytes));
            if client.send_raw(&bytes).is_err() {
                return Ok(());
            }
            for at in first..self.operations.len() {
                let slot = self.operations[at].slot;
                let mut last = Value::Closed;
                for _ in 0..if slot == Slot::Transfer { 6 } else { 1 } {
                    match client.reply() {
                        Ok(reply) => last = reply,
                        Err(_) => return Ok(()),
                    }
                }
                self.operations[at].outcome = self.outcome(slot, last, plan)?;
            }
            std::thread::sleep(plan.pause);
        }
        Ok(())
    }

    fn operation(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        self.last_number += 1;
        let number = self.last_number;
        let text = number.to_string();
        let slot = match rng.below(PLAIN as u64 + 8) as usize {
            plain if plain < PLAIN => Slot::Plain(plain),
            other => match other - PLAIN {
                0 => Slot::Counter,
                1 => Slot::Toggle,
                2 => Slot::Shared,
                3 => Slot::Transfer,
                collection => COLLECTIONS[collection - 4],
            },
        };
        let key = self.key(slot);
        match slot {
            Slot::Plain(_) => encode(out, &["SET", &key, &format!("{number}:{}", "x".repeat(rng.below(200) as usize))]),
            Slot::Counter | Slot::Shared => encode(out, &["INCR", &key]),
            Slot::Toggle if number.is_multiple_of(2) => encode(out, &["DEL", &key]),
            Slot::Toggle => encode(out, &["SET", &key, &text]),
            Slot::List => encode(out, &["LPUSH", &key, &text]),
            Slot::Hash => encode(out, &["HSET", &key, &text, "field"]),
            Slot::SortedSet => encode(out, &["ZADD", &key, &text, &text]),
            Slot::Stream => encode(out, &["XADD", &key, &format!("{number}-1"), "writer", &self.id.to_string()]),
            Slot::Transfer => {
                let (from, to) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS));
                let amount = (1 + rng.below(100)).to_string();
                encode(out, &["MULTI"]);
                encode(out, &["DECRBY", &format!("account:{from}"), &amount]);
                encode(out, &["INCRBY", &format!("account:{to}"), &amount]);
                encode(out, &["SET", &key, &text]);
                encode(out, &["INCR", "transfers"]);
                encode(out, &["EXEC"]);
            }
        }
        self.operations.push(Operation { number, slot, outcome: Outcome::Sent });
    }

    fn outcome(&self, slot: Slot, reply: Value, plan: &Plan) -> Result<Outcome> {
        if let Value::Error(text) = &reply {
            let refusal = text.starts_with(b"MISCONF") || text.starts_with(b"EXECABORT");
            // In a survey a value may have been damaged, so that its commands fail.
            ensure!(plan.survey || refusal && plan.errors_allowed, "writer {}: {}", self.id, String::from_utf8_lossy(text));
            return Ok(Outcome::Refused);
        }
        if slot == Slot::Toggle && reply == Value::Int(0) && !plan.shown_is_kept {
            return Ok(Outcome::Unchanged);
        }
        let position = match slot {
            Slot::Shared => Some(op_number(&reply)?),
            Slot::Transfer => match reply.elements().and_then(<[Value]>::last) {
                Some(Value::Error(_)) if plan.survey => return Ok(Outcome::Refused),
                Some(position) => Some(op_number(position)?),
                None => bail!("writer {}: EXEC was answered with {reply:?}", self.id),
            },
            _ => None,
        };
        Ok(Outcome::Acknowledged { at: Instant::now(), position })
    }
}
