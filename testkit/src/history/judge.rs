//! What is there after a crash, against what was sent and acknowledged before it.
//!
//! One writer's operations are walked in order, and after each of them every slot is asked whether it holds what it would
//! hold if history had ended here. History is a prefix if there is a place at which all slots say yes; the last such place
//! must lie behind everything that the promise covers. Operations that were refused may have been done or not, so they only
//! widen what a slot may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::writer::{ACCOUNTS, Operation, Outcome, PLAIN, Slot, Writer, own_slots};
use super::{MayLose, Plan, Summary, op_number};
use crate::client::Client;
use crate::process::Server;

/// How far the counters are that all writers share.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    count: u64,
    transfers: u64,
}

/// Compares, and takes what was found as the base of the next round.
pub fn judge(
    server: &Server,
    plan: &Plan,
    writers: &mut [Writer],
    shown: &[AtomicU64],
    before: &Shared,
    died: Instant,
    summary: &mut Summary,
) -> Result<Shared> {
    let mut client = server.client();
    let after = Shared { count: read_number(&mut client, "shared")?, transfers: read_number(&mut client, "transfers")? };
    for broken in shared_promises(&mut client, writers, before, &after)? {
        summary.violation(plan, broken)?;
    }
    let lost_before = summary.lost;
    for (writer, shown) in writers.iter_mut().zip(shown.chunks(PLAIN)) {
        for broken in judge_writer(&mut client, plan, writer, shown, &after, died, summary)? {
            summary.violation(plan, broken)?;
        }
    }
    summary.rounds_with_losses += usize::from(summary.lost > lost_before);
    Ok(after)
}

/// What all writers' operations together must have kept.
fn shared_promises(client: &mut Client, writers: &[Writer], before: &Shared, after: &Shared) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let mut sum = 0;
    for account in 0..ACCOUNTS {
        let balance = client.cmd(&["GET", &format!("account:{account}")])?;
        match balance.as_int() {
            Some(balance) => sum += balance,
            None if balance.is_null() => {}
            None => broken.push(format!("account:{account} holds {balance:?}")),
        }
    }
    if sum != 0 {
        broken.push(format!("half a transaction was kept: the accounts' sum is {sum}"));
    }
    for (name, slot, before, after) in
        [("shared", Slot::Shared, before.count, after.count), ("transfers", Slot::Transfer, before.transfers, after.transfers)]
    {
        let operations = writers.iter().flat_map(|writer| &writer.operations);
        let sent = operations.filter(|op| op.slot == slot).count() as u64;
        if !(before..=before + sent).contains(&after) {
            broken.push(format!("the counter '{name}' is {after}; it was {before}, and {sent} were sent"));
        }
    }
    Ok(broken)
}

fn judge_writer(
    client: &mut Client,
    plan: &Plan,
    writer: &mut Writer,
    shown: &[AtomicU64],
    after: &Shared,
    died: Instant,
    summary: &mut Summary,
) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let id = writer.id;
    let mut slots = Vec::new();
    let mut base = BTreeMap::new();
    for slot in own_slots() {
        let key = writer.key(slot);
        let before = writer.base.get(&slot).copied().unwrap_or(0);
        let holds = match slot {
            Slot::List | Slot::Hash | Slot::SortedSet | Slot::Stream => {
                let found = read_elements(client, slot, &key)?;
                if slot == Slot::List && !found.iter().rev().is_sorted() {
                    broken.push(format!("{key} is out of order: {found:?}"));
                }
                Holds::elements(found)
            }
            Slot::Counter => {
                let found = read_number(client, &key)?;
                base.insert(slot, found);
                Holds::Count { found: found.wrapping_sub(before), low: 0, high: 0 }
            }
            _ => {
                let found = read_number(client, &key)?;
                base.insert(slot, found);
                Holds::Value { found, possible: [before].into() }
            }
        };
        slots.push(Watched { name: key, slot, holds, fitted: None });
    }
    for (slot, reached) in [(Slot::Shared, after.count), (Slot::Transfer, after.transfers)] {
        let kept = |op: &&Operation| op.slot == slot && position(op).is_some_and(|position| position <= reached);
        let kept = writer.operations.iter().filter(kept).map(|op| op.number).collect();
        slots.push(Watched { name: format!("{slot:?} positions"), slot, holds: Holds::positions(kept), fitted: None });
    }
    for (slot, newest) in shown.iter().enumerate() {
        let (shown, found) = (newest.load(Ordering::Relaxed), base[&Slot::Plain(slot)]);
        if plan.shown_is_kept && found < shown {
            broken.push(format!("w{id}:k{slot} was shown with operation {shown} and now holds {found}"));
        }
        newest.store(found, Ordering::Relaxed);
    }

    let kept = last_fit(&writer.operations, &mut slots);
    let required = required(&writer.operations, plan.may_lose, died);
    match kept {
        None => broken.push(format!("no prefix of writer {id}'s operations fits; {}", describe(&slots, &writer.operations))),
        Some(kept) if kept < required => {
            let missing = writer.operations[kept].number;
            let needed = writer.operations[required - 1].number;
            broken.push(format!(
                "writer {id}: operation {missing} is lost, {needed} was acknowledged; {}",
                describe(&slots, &writer.operations)
            ));
        }
        Some(_) => {}
    }
    count(&writer.operations, kept, &slots, died, summary);
    writer.base = base;
    Ok(broken)
}

fn position(op: &Operation) -> Option<u64> {
    if let Outcome::Acknowledged { position, .. } = op.outcome { position } else { None }
}

/// How many operations, counted from the first, must be there.
fn required(operations: &[Operation], may_lose: MayLose, died: Instant) -> usize {
    let younger = match may_lose {
        MayLose::Nothing => Duration::ZERO,
        MayLose::Younger(than) => than,
        MayLose::Anything => return 0,
    };
    // Replies that were read after the instant of the crash had been sent before it.
    let due = |at: &Instant| younger.is_zero() || died.saturating_duration_since(*at) > younger;
    let covered = |op: &Operation| matches!(&op.outcome, Outcome::Acknowledged { at, .. } if due(at));
    operations.iter().rposition(covered).map_or(0, |last| last + 1)
}

/// Adds one writer's round to the summary.
fn count(operations: &[Operation], kept: Option<usize>, slots: &[Watched], died: Instant, summary: &mut Summary) {
    for (index, op) in operations.iter().enumerate() {
        // Without a prefix that fits, each slot speaks for itself.
        let there = match kept {
            Some(kept) => index < kept,
            None => {
                slots.iter().filter(|watched| watched.slot == op.slot).all(|watched| watched.fitted.is_some_and(|(_, last)| index < last))
            }
        };
        match op.outcome {
            Outcome::Acknowledged { at, .. } => {
                summary.acknowledged += 1;
                if !there {
                    summary.lost += 1;
                    summary.oldest_lost = summary.oldest_lost.max(died.saturating_duration_since(at));
                }
            }
            Outcome::Refused => summary.refused += 1,
            Outcome::Unchanged => {}
            Outcome::Sent => summary.kept_unacknowledged += u64::from(there),
        }
    }
}

/// One slot, and whether it holds what it would hold after the operations walked so far.
#[derive(Debug)]
struct Watched {
    name: String,
    slot: Slot,
    holds: Holds,
    /// The first and last number of operations after which it fitted.
    fitted: Option<(usize, usize)>,
}

#[derive(Debug)]
enum Holds {
    /// The number of an operation, or 0.
    Value { found: u64, possible: BTreeSet<u64> },
    /// How many operations were counted in this round.
    Count { found: u64, low: u64, high: u64 },
    /// The numbers of all operations; `ahead` are there and not yet walked, `missing` were walked and are not there.
    Elements { found: BTreeSet<u64>, ahead: usize, missing: usize, only_with_position: bool },
}

impl Holds {
    fn elements(found: Vec<u64>) -> Holds {
        let found: BTreeSet<u64> = found.into_iter().collect();
        Holds::Elements { ahead: found.len(), found, missing: 0, only_with_position: false }
    }

    fn positions(found: BTreeSet<u64>) -> Holds {
        Holds::Elements { ahead: found.len(), found, missing: 0, only_with_position: true }
    }

    fn walk(&mut self, op: &Operation) {
        if op.outcome == Outcome::Unchanged {
            return;
        }
        let certain = op.outcome != Outcome::Refused;
        match self {
            Holds::Value { possible, .. } => {
                let deleted = op.slot == Slot::Toggle && op.number.is_multiple_of(2);
                if certain {
                    possible.clear();
                }
                possible.insert(if deleted { 0 } else { op.number });
            }
            Holds::Count { low, high, .. } => {
                *low += u64::from(certain);
                *high += 1;
            }
            Holds::Elements { only_with_position: true, .. } if position(op).is_none() => {}
            Holds::Elements { found, ahead, missing, .. } => {
                if found.contains(&op.number) {
                    *ahead -= 1;
                } else if certain {
                    *missing += 1;
                }
            }
        }
    }

    fn fits(&self) -> bool {
        match self {
            Holds::Value { found, possible } => possible.contains(found),
            Holds::Count { found, low, high } => (low..=high).contains(&found),
            Holds::Elements { ahead, missing, .. } => *ahead == 0 && *missing == 0,
        }
    }
}

/// The greatest number of operations after which every slot fits.
fn last_fit(operations: &[Operation], slots: &mut [Watched]) -> Option<usize> {
    let mut last = None;
    for walked in 0..=operations.len() {
        if let Some(op) = walked.checked_sub(1).map(|index| &operations[index]) {
            slots.iter_mut().filter(|watched| watched.slot == op.slot).for_each(|watched| watched.holds.walk(op));
        }
        let mut all = true;
        for watched in slots.iter_mut() {
            if watched.holds.fits() {
                let first = watched.fitted.map_or(walked, |(first, _)| first);
                watched.fitted = Some((first, walked));
            } else {
                all = false;
            }
        }
        if all {
            last = Some(walked);
        }
    }
    last
}

/// Where each slot would have history end, for the reader of a failure.
fn describe(slots: &[Watched], operations: &[Operation]) -> String {
    let number = |walked: usize| walked.checked_sub(1).map_or(0, |index| operations[index].number);
    let each = slots.iter().map(|watched| match watched.fitted {
        Some((first, last)) => format!("{} fits after {} to {}", watched.name, number(first), number(last)),
        None => format!("{} fits nowhere ({:?})", watched.name, watched.holds),
    });
    let last = operations.last().map_or(0, |op| op.number);
    format!("sent up to {last}; {}", each.collect::<Vec<_>>().join(", "))
}

/// What stands for a value that no writer has ever written: it fits nowhere.
const NEVER_WRITTEN: u64 = u64::MAX;

fn read_number(client: &mut Client, key: &str) -> Result<u64> {
    Ok(op_number(&client.cmd(&["GET", key])?).unwrap_or(NEVER_WRITTEN))
}

/// The numbers of the operations that are in a collection, in its own order.
fn read_elements(client: &mut Client, slot: Slot, key: &str) -> Result<Vec<u64>> {
    let reply = match slot {
        Slot::List => client.cmd(&["LRANGE", key, "0", "-1"]),
        Slot::Hash => client.cmd(&["HKEYS", key]),
        Slot::SortedSet => client.cmd(&["ZRANGE", key, "0", "-1"]),
        _ => client.cmd(&["XRANGE", key, "-", "+"]),
    }?;
    // A key of another type answers with an error.
    let Some(elements) = reply.elements() else { return Ok(vec![NEVER_WRITTEN]) };
    let number = |element: &crate::Value| match element.elements() {
        Some([id, _]) => id.text().trim_end_matches("-1").parse().ok(),
        _ => element.text().parse().ok(),
    };
    Ok(elements.iter().map(|element| number(element).unwrap_or(NEVER_WRITTEN)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(slots: &[Slot]) -> Vec<Operation> {
        let at = Instant::now();
        let op = |(index, slot): (usize, &Slot)| {
            let outcome = Outcome::Acknowledged { at, position: None };
            Operation { number: index as u64 + 1, slot: *slot, outcome }
        };
        slots.iter().enumerate().map(op).collect()
    }

    fn value(slot: Slot, before: u64, found: u64) -> Watched {
        Watched { name: format!("{slot:?}"), slot, holds: Holds::Value { found, possible: [before].into() }, fitted: None }
    }

    fn list(found: &[u64]) -> Watched {
        Watched { name: "list".into(), slot: Slot::List, holds: Holds::elements(found.to_vec()), fitted: None }
    }

    const K: Slot = Slot::Plain(0);

    #[test]
    fn a_prefix_is_found_and_ends_before_the_first_operation_that_is_missing() {
        let sent = operations(&[K, Slot::List, K, Slot::List]);
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 3), list(&[2, 4])]), Some(4));
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 3), list(&[2])]), Some(3));
        assert_eq!(last_fit(&sent, &mut [value(K, 9, 9), list(&[])]), Some(0));
    }

    #[test]
    fn a_later_operation_without_an_earlier_one_fits_nowhere() {
        let sent = operations(&[K, Slot::List, K, Slot::List]);
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 1), list(&[2, 4])]), None);
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 3), list(&[4])]), None);
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 0), list(&[2])]), None);
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 7), list(&[2, 4])]), None, "a value that was never sent");
    }

    #[test]
    fn a_deleted_key_that_came_back_fits_nowhere() {
        let sent = operations(&[Slot::Toggle, Slot::Toggle, K]);
        assert_eq!(last_fit(&sent, &mut [value(Slot::Toggle, 0, 0), value(K, 0, 3)]), Some(3));
        assert_eq!(last_fit(&sent, &mut [value(Slot::Toggle, 0, 1), value(K, 0, 3)]), None);
    }

    #[test]
    fn a_refused_operation_may_be_there_or_not() {
        let mut sent = operations(&[K, Slot::List, K]);
        sent[1].outcome = Outcome::Refused;
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 3), list(&[])]), Some(3));
        assert_eq!(last_fit(&sent, &mut [value(K, 0, 3), list(&[2])]), Some(3));
    }

    #[test]
    fn a_deletion_that_found_nothing_promises_nothing() {
        let mut sent = operations(&[Slot::Toggle, Slot::Toggle, K, Slot::Toggle]);
        sent[1].outcome = Outcome::Refused;
        sent[3].outcome = Outcome::Unchanged;
        let mut kept = [value(Slot::Toggle, 0, 1), value(K, 0, 3)];
        assert_eq!(last_fit(&sent, &mut kept), Some(4));
        assert_eq!(required(&sent, MayLose::Nothing, Instant::now()), 3);
    }

    #[test]
    fn what_must_be_there_depends_on_its_age() {
        let mut sent = operations(&[K, K, K]);
        let died = Instant::now() + Duration::from_secs(2);
        sent[2].outcome = Outcome::Acknowledged { at: died, position: None };
        assert_eq!(required(&sent, MayLose::Nothing, died), 3);
        assert_eq!(required(&sent, MayLose::Younger(Duration::from_secs(1)), died), 2);
        assert_eq!(required(&sent, MayLose::Younger(Duration::from_secs(3)), died), 0);
        assert_eq!(required(&sent, MayLose::Anything, died), 0);
    }
}
