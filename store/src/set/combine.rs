//! Comparing the members of one set with other sets.
//!
//! Members are taken in batches. The hash of each is computed once for all sets; then for each set the buckets of the batch
//! are asked for, then the entries, and then they are looked up, when most of them have arrived. A member whose fate is sealed is
//! not looked up in the remaining sets.

use super::view::{BATCH, Form, SetRef, entry_batches};
use crate::hasher::{Hasher, Key};
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
            Form::Table(table) => entry_batches(table, |batch| {
                let mut keys = [Key { bytes: &[], hash: 0 }; BATCH];
                for (key, entry) in keys.iter_mut().zip(batch) {
                    *key = hasher.key(entry.key());
                }
                let found = look_up(&keys[..batch.len()], others, probe);
                Bits(found).try_for_each(|i| visit(StringRef::Bytes(batch[i].key())))
            }),
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
            let mut keys = [Key { bytes: &[], hash: 0 }; BATCH];
            for ((key, member), text) in keys.iter_mut().zip(&batch[..len]).zip(&mut texts) {
                *key = hasher.key(member.to_bytes(text));
            }
            let found = look_up(&keys[..len], others, probe);
            Bits(found).try_for_each(|i| visit(batch[i]))?;
            if len < BATCH {
                return ControlFlow::Continue(());
            }
        }
    }
}

/// Which of the keys pass, one bit each.
fn look_up(keys: &[Key<'_>], others: &[SetRef<'_>], probe: Probe) -> u32 {
    let mut passing = if keys.len() == BATCH { u32::MAX } else { (1 << keys.len()) - 1 };
    for set in others {
        if passing == 0 {
            return 0;
        }
        let found = match set.0 {
            Form::Table(table) => look_up_in_table(keys, passing, table),
            _ => Bits(passing).filter(|i| set.contains(keys[*i].bytes)).fold(0, |found, i| found | 1 << i),
        };
        passing &= if probe == Probe::InAll { found } else { !found };
    }
    passing
}

/// Which of the `wanted` keys a table has.
#[inline]
fn look_up_in_table(keys: &[Key<'_>], wanted: u32, table: &Table) -> u32 {
    Bits(wanted).for_each(|i| table.prefetch_bucket(keys[i].hash));
    Bits(wanted).for_each(|i| table.prefetch_entry(keys[i].hash));
    Bits(wanted).fold(0, |found, i| found | u32::from(table.get(keys[i]).is_some()) << i)
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
