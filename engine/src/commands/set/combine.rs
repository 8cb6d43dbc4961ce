//! `SINTER`, `SUNION`, `SDIFF`, their `STORE` forms, and `SINTERCARD`.
//!
//! All keys are looked up and their types checked before anything is computed; then the sets are borrowed together. Nothing is
//! collected on the way to a reply: a member of the result is one that the other sets have, or have not. The encoding of a stored
//! result is the one that Redis 7.2 arrives at by adding the members one by one.

use super::set_of;
use crate::commands::destination;
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_resp::push_bulk;
use graven_store::{Key, Probe, SetBuilder, SetRef, StringRef};
use std::ops::ControlFlow;

/// Up to so many sets, a union asks for each member whether a set before has it; of more it keeps what it has seen.
const FEW: usize = 4;

/// How sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Inter,
    Union,
    Diff,
}

/// `SINTER key [key …]`
pub fn sinter(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_combined(cx, Operation::Inter)
}

/// `SUNION key [key …]`
pub fn sunion(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_combined(cx, Operation::Union)
}

/// `SDIFF key [key …]`
pub fn sdiff(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_combined(cx, Operation::Diff)
}

/// `SINTERSTORE destination key [key …]`
pub fn sinterstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_combined(cx, Operation::Inter, "sinterstore")
}

/// `SUNIONSTORE destination key [key …]`
pub fn sunionstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_combined(cx, Operation::Union, "sunionstore")
}

/// `SDIFFSTORE destination key [key …]`
pub fn sdiffstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_combined(cx, Operation::Diff, "sdiffstore")
}

/// The keys at arguments `first..end`, those that do not exist as `None`.
fn find<'a>(cx: &mut Context<'a>, first: usize, end: usize) -> Result<Vec<Option<Key<'a>>>, Error> {
    let mut keys = Vec::with_capacity(end - first);
    for i in first..end {
        let key = cx.key(i);
        keys.push(match cx.engine.read(cx.session, key) {
            Some(entry) => set_of(entry).map(|_| Some(key))?,
            None => None,
        });
    }
    Ok(keys)
}

/// The sets under keys that were found.
fn sets<'s>(cx: &'s Context<'_>, keys: &[Option<Key<'_>>]) -> Vec<Option<SetRef<'s>>> {
    let db = cx.engine.keyspace.db(cx.session.db);
    keys.iter().map(|key| key.and_then(|key| db.get(key)?.set())).collect()
}

/// The sets in the order of their sizes; `None` if one is missing, so that nothing is in all of them.
fn smallest_first(sets: Vec<Option<SetRef<'_>>>) -> Option<Vec<SetRef<'_>>> {
    let mut sets = sets.into_iter().collect::<Option<Vec<_>>>()?;
    sets.sort_by_key(|set| set.len());
    Some(sets)
}

/// The sets of a difference, the first one apart and the others from the largest; `None` if there is nothing to take from.
fn minuend<'s>(sets: &[Option<SetRef<'s>>]) -> Option<(SetRef<'s>, Vec<SetRef<'s>>)> {
    let (first, others) = sets.split_first()?;
    let mut others: Vec<_> = others.iter().copied().flatten().collect();
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    Some(((*first)?, others))
}

/// Whether it costs less to look each member up in all other sets than to take all of theirs out.
fn prefers_lookups(first: SetRef<'_>, others: &[SetRef<'_>]) -> bool {
    let sizes: usize = others.iter().map(|set| set.len()).sum();
    first.len() * (others.len() + 1) / 2 <= first.len() + sizes
}

/// Adds all members of a set.
fn add_all(result: &mut SetBuilder, set: SetRef<'_>) {
    set.for_each(|member| {
        result.add_member(member);
        ControlFlow::Continue(())
    });
}

/// Takes the members of the other sets out of a copy of the first.
fn subtract(result: &mut SetBuilder, first: SetRef<'_>, others: &[SetRef<'_>]) {
    add_all(result, first);
    for set in others {
        set.for_each(|member| {
            result.remove(member);
            if result.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}

fn reply_combined(cx: &mut Context<'_>, operation: Operation) -> Result<(), Error> {
    let keys = find(cx, 1, cx.args.len())?;
    let (mut found, mut encoded) = (0, Vec::new());
    let mut show = |member: StringRef<'_>| {
        found += 1;
        push_bulk(&mut encoded, member.to_bytes(&mut [0; 20]));
        ControlFlow::Continue(())
    };
    let sets = sets(cx, &keys);
    match operation {
        Operation::Inter => {
            if let Some(sets) = smallest_first(sets) {
                sets[0].filter(&sets[1..], Probe::InAll, show);
            }
        }
        Operation::Union => {
            let sets: Vec<_> = sets.into_iter().flatten().collect();
            if sets.len() <= FEW {
                for (i, set) in sets.iter().enumerate() {
                    set.filter(&sets[..i], Probe::InNone, &mut show);
                }
            } else {
                let mut seen = SetBuilder::new(cx.engine.keyspace.hasher(), &cx.engine.settings.thresholds);
                for set in sets {
                    set.for_each(|member| if seen.add_member(member) { show(member) } else { ControlFlow::Continue(()) });
                }
            }
        }
        Operation::Diff => {
            if let Some((first, others)) = minuend(&sets) {
                if prefers_lookups(first, &others) {
                    first.filter(&others, Probe::InNone, show);
                } else {
                    let mut left = SetBuilder::new(cx.engine.keyspace.hasher(), &cx.engine.settings.thresholds);
                    subtract(&mut left, first, &others);
                    left.as_ref().for_each(show);
                }
            }
        }
    }
    cx.reply.set(found);
    cx.reply.raw(&encoded);
    Ok(())
}

/// The members of an intersection as a set to be stored.
fn intersection(result: &mut SetBuilder, sets: &[SetRef<'_>]) {
    sets[0].filter(&sets[1..], Probe::InAll, |member| {
        result.add_member(member);
        ControlFlow::Continue(())
    });
    result.prefer_intset();
}

fn store_combined(cx: &mut Context<'_>, operation: Operation, event: &str) -> Result<(), Error> {
    let keys = find(cx, 2, cx.args.len())?;
    let (hasher, thresholds) = (cx.engine.keyspace.hasher(), cx.engine.settings.thresholds);
    let mut result = SetBuilder::new(hasher, &thresholds);
    let sets = sets(cx, &keys);
    match operation {
        Operation::Inter => {
            if let Some(sets) = smallest_first(sets) {
                result = SetBuilder::like(sets[0], hasher, &thresholds);
                intersection(&mut result, &sets);
            }
        }
        Operation::Union => sets.into_iter().flatten().for_each(|set| add_all(&mut result, set)),
        Operation::Diff => {
            if let Some((first, others)) = minuend(&sets) {
                if prefers_lookups(first, &others) {
                    first.filter(&others, Probe::InNone, |member| {
                        result.add_member(member);
                        ControlFlow::Continue(())
                    });
                } else {
                    subtract(&mut result, first, &others);
                }
            }
        }
    }
    store(cx, result, event);
    Ok(())
}

/// Puts a result in the place of the key at argument 1 and of what it held, and replies how many members it has. An empty
/// result deletes the key.
fn store(cx: &mut Context<'_>, result: SetBuilder, event: &str) {
    let (key, len) = (cx.key(1), result.len());
    let entry = (len > 0).then(|| result.into_entry(key.bytes, None, cx.engine.fresh_access()));
    destination::store(cx, key, entry, EventClass::SET, event);
    cx.reply.int(len as i64);
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`
pub fn sintercard(cx: &mut Context<'_>) -> Result<(), Error> {
    let count = match parse_i64(cx.args.at(1)) {
        Some(count @ 1..) => count as u64,
        _ => return Err("ERR numkeys should be greater than 0".into()),
    };
    if count > cx.args.len() as u64 - 2 {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let end = 2 + count as usize;
    let mut limit = usize::MAX;
    let mut i = end;
    while i < cx.args.len() {
        let number = cx.args.get(i + 1).filter(|_| cx.is(i, "limit")).ok_or(SYNTAX)?;
        let number = parse_i64(number).and_then(|number| usize::try_from(number).ok());
        limit = match number.ok_or("ERR LIMIT can't be negative")? {
            0 => usize::MAX,
            number => number,
        };
        i += 2;
    }
    let keys = find(cx, 2, end)?;
    let mut found = 0;
    if let Some(sets) = smallest_first(sets(cx, &keys)) {
        sets[0].filter(&sets[1..], Probe::InAll, |_| {
            found += 1;
            if found < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
    cx.reply.int(found as i64);
    Ok(())
}
