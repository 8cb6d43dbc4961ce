//! Comparing the members of one set with other sets.
//!
//! Members are taken in batches. For each set the buckets of the batch are asked for, then the entries that may be meant, and then
//! members are compared with them, when most have arrived. A member whose fate is sealed is not looked up in the remaining sets.
//! The hash of a compact set's members is computed once for all sets; of a table's members enough of it is known
//! ([`Clue`]), so that those which other tables do not have are not even read.

use super::view::{BATCH, Form, SetRef};
use crate::clue::{Clue, Trace};
use crate::entry::Entry;
use crate::hasher::Hasher;
use crate::table::Table;
use crate::value::StringRef;
use std::ops::ControlFlow;

/// Which members [`SetRef::filter`] lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Those that are in all other sets.
    InAll,
    /// Those that are in none of them.
    InNone,
}

impl<'a> SetRef<'a> {
    /// Visits the members that are in all of the other sets, or in none, until `visit` breaks. Every set belongs to the same
    /// keyspace.
    pub fn filter(self, others: &[SetRef<'_>], probe: Probe, mut visit: impl FnMut(StringRef<'a>) -> ControlFlow<()>) {
        let hasher = others.iter().find_map(|set| match set.0 {
            Form::Table(table) => Some(table.hasher),
            _ => None,
        });
        let Some(hasher) = hasher else {
            let wanted = probe == Probe::InAll;
            return self.for_each(|member| match others.iter().all(|set| set.contains_member(member) == wanted) {
                true => visit(member),
                false => ControlFlow::Continue(()),
            });
        };
        // A break is the visitor's own doing: it knows.
        let _ = match self.0 {
            Form::Table(table) => filter_table(table, others, probe, &mut visit),
            _ => self.filter_compact(others, probe, hasher, &mut visit),
        };
    }

    /// The same of a set that is no table.
    fn filter_compact(
        self,
        others: &[SetRef<'_>],
        probe: Probe,
        hasher: Hasher,
        visit: &mut impl FnMut(StringRef<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut members = self.iter();
        loop {
            let (mut batch, mut texts) = ([StringRef::Int(0); BATCH], [[0; 20]; BATCH]);
            let mut len = 0;
            for (place, member) in batch.iter_mut().zip(&mut members) {
                *place = member;
                len += 1;
            }
            let (mut clues, mut keys) = ([Clue::default(); BATCH], [&[][..]; BATCH]);
            for (((clue, key), member), text) in clues.iter_mut().zip(&mut keys).zip(&batch[..len]).zip(&mut texts) {
                *key = member.to_bytes(text);
                *clue = Clue::of_hash(hasher.hash(key));
            }
            let found = look_up(&mut clues[..len], |i| keys[i], |_| {}, others, probe);
            Bits(found).try_for_each(|i| visit(batch[i]))?;
            if len < BATCH {
                return ControlFlow::Continue(());
            }
        }
    }
}

/// The same of a set that is a table.
fn filter_table<'a>(
    table: &'a Table,
    others: &[SetRef<'_>],
    probe: Probe,
    visit: &mut impl FnMut(StringRef<'a>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut members = table.entries_with_clues();
    let mut entries: Vec<&Entry> = Vec::with_capacity(BATCH);
    loop {
        entries.clear();
        let mut clues = [Clue::default(); BATCH];
        for (place, (clue, entry)) in clues.iter_mut().zip(&mut members) {
            *place = clue;
            entries.push(entry);
        }
        let found = look_up(&mut clues[..entries.len()], |i| entries[i].key(), |i| entries[i].prefetch(), others, probe);
        if probe == Probe::InNone {
            Bits(found).for_each(|i| entries[i].prefetch());
        }
        Bits(found).try_for_each(|i| visit(StringRef::Bytes(entries[i].key())))?;
        if entries.len() < BATCH {
            return ControlFlow::Continue(());
        }
    }
}

/// Which of some members pass, one bit each. `key` reads one of them, after `prefetch` has asked for it.
fn look_up<'k>(clues: &mut [Clue], key: impl Fn(usize) -> &'k [u8], prefetch: impl Fn(usize), others: &[SetRef<'_>], probe: Probe) -> u32 {
    let mut passing = if clues.len() == BATCH { u32::MAX } else { (1 << clues.len()) - 1 };
    for set in others {
        if passing == 0 {
            return 0;
        }
        let found = match set.0 {
            Form::Table(table) => look_up_in_table(clues, &key, &prefetch, passing, table),
            _ => ones(passing, |i| set.contains(key(i))),
        };
        passing &= if probe == Probe::InAll { found } else { !found };
    }
    passing
}

/// Which of the `wanted` members a table has.
fn look_up_in_table<'k>(clues: &mut [Clue], key: impl Fn(usize) -> &'k [u8], prefetch: impl Fn(usize), wanted: u32, table: &Table) -> u32 {
    let mut traces = [None; BATCH];
    let undecided = ones(wanted, |i| {
        traces[i] = table.trace(clues[i]);
        traces[i].inspect(Trace::prefetch).is_none()
    });
    if undecided != 0 {
        Bits(undecided).for_each(&prefetch);
        Bits(undecided).for_each(|i| {
            clues[i] = Clue::of_hash(table.key(key(i)).hash);
            traces[i] = table.trace(clues[i]).inspect(Trace::prefetch);
        });
    }
    let likely = ones(wanted, |i| {
        let likely = traces[i].is_some_and(|trace| trace.may_exist());
        if likely {
            prefetch(i);
        }
        likely
    });
    ones(likely, |i| traces[i].is_some_and(|trace| trace.exists(key(i))))
}

/// The bits of a word for whose places something is true.
#[inline]
fn ones(word: u32, mut is_true: impl FnMut(usize) -> bool) -> u32 {
    Bits(word).fold(0, |ones, i| ones | u32::from(is_true(i)) << i)
}

/// The places of the ones in a word.
struct Bits(u32);

const _: () = assert!(BATCH == u32::BITS as usize, "a batch is a word of bits");

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(place)
    }
}
