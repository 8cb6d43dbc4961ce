//! Which keys have been written and are not durable yet (`appendfsync always`).
//!
//! Under `always` no reply may show a value that could still be lost, but a reply that shows something else
//! has no reason to wait. So the keys of writes that are on their way to the disk are remembered by their
//! hashes, exactly, until the log says they have arrived. The table holds the keys of the commands executed while
//! the log was not durable to its end; it is empty while nothing is under way.
//!
//! Two keys of one hash share their fate: one may wait for the other, never the other way round.
//!
//! What is noted is bounded: commands without effect (`DEL` of what is not there) are noted too, and no limit of the log counts them. Beyond
//! the limit all keys of a database share the fate of the last one written.

use hashbrown::HashMap;
use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

/// So many notes about keys are kept at most.
const NOTES_MAX: usize = 1 << 20;

/// Hashes are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only 64-bit keys are used");
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Positions in the log that keys wait for.
#[derive(Default)]
pub(crate) struct Unsettled {
    keys: HashMap<u64, u64, BuildHasherDefault<Identity>>,
    order: VecDeque<(u64, u64)>,
    /// By database: the last write to anything in it, and the last that no key can be named for.
    databases: Vec<(u64, u64)>,
}

impl Unsettled {
    pub(crate) fn new(databases: usize) -> Unsettled {
        Unsettled { databases: vec![(0, 0); databases], ..Unsettled::default() }
    }

    fn mix(db: usize, hash: u64) -> u64 {
        hash ^ (db as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// A key is (perhaps) being written by the command whose effects begin before `lsn`.
    #[inline]
    pub(crate) fn note(&mut self, db: usize, hash: u64, lsn: u64) {
        let id = Self::mix(db, hash);
        if self.keys.insert(id, lsn) != Some(lsn) {
            self.order.push_back((lsn, id));
        }
        self.databases[db].0 = lsn;
        if self.order.len() == NOTES_MAX {
            self.forget_keys();
        }
    }

    #[cold]
    fn forget_keys(&mut self) {
        self.databases.iter_mut().for_each(|(anything, whole)| *whole = *anything);
        (self.keys, self.order) = Default::default();
    }

    /// A whole database is being written.
    pub(crate) fn note_db(&mut self, db: usize, lsn: u64) {
        self.databases[db] = (lsn, lsn);
    }

    /// The position that a reply showing this key depends on.
    #[inline]
    pub(crate) fn of_key(&self, db: usize, hash: u64) -> u64 {
        let whole = self.databases[db].1;
        if self.keys.is_empty() {
            return whole;
        }
        self.keys.get(&Self::mix(db, hash)).map_or(whole, |lsn| whole.max(*lsn))
    }

    /// The position that a reply showing anything of a database depends on.
    pub(crate) fn of_db(&self, db: usize) -> u64 {
        self.databases[db].0
    }

    /// The log is durable up to here.
    pub(crate) fn settle(&mut self, durable: u64) {
        while let Some(&(lsn, id)) = self.order.front()
            && lsn <= durable
        {
            self.order.pop_front();
            if self.keys.get(&id) == Some(&lsn) {
                self.keys.remove(&id);
            }
        }
    }

    /// How many notes about keys are kept.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Nothing needs to be remembered any more (another policy).
    pub(crate) fn clear(&mut self) {
        *self = Unsettled::new(self.databases.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_for_its_own_last_write_only() {
        let mut unsettled = Unsettled::new(2);
        unsettled.note(0, 7, 10);
        unsettled.note(0, 8, 20);
        unsettled.note(0, 7, 30);
        assert_eq!([unsettled.of_key(0, 7), unsettled.of_key(0, 8), unsettled.of_key(0, 9), unsettled.of_key(1, 7)], [30, 20, 0, 0]);
        unsettled.settle(20);
        assert_eq!([unsettled.of_key(0, 7), unsettled.of_key(0, 8)], [30, 0]);
        unsettled.settle(30);
        assert_eq!(unsettled.of_key(0, 7), 0);
        assert!(unsettled.keys.is_empty() && unsettled.order.is_empty());
    }

    #[test]
    fn too_many_keys_share_the_fate_of_the_last() {
        let mut unsettled = Unsettled::new(2);
        unsettled.note(1, 3, 4);
        for hash in 0..NOTES_MAX as u64 {
            unsettled.note(0, hash, 10);
        }
        assert!(unsettled.len() < 2, "{} notes", unsettled.len());
        assert_eq!([unsettled.of_key(0, 5), unsettled.of_key(0, u64::MAX), unsettled.of_key(1, 9)], [10, 10, 4]);
        unsettled.note(0, 7, 30);
        assert_eq!([unsettled.of_key(0, 7), unsettled.of_key(0, 8)], [30, 10]);
    }

    #[test]
    fn a_flush_concerns_all_keys_of_its_database() {
        let mut unsettled = Unsettled::new(2);
        unsettled.note_db(1, 5);
        assert_eq!([unsettled.of_key(0, 1), unsettled.of_key(1, 1), unsettled.of_db(1), unsettled.of_db(0)], [0, 5, 5, 0]);
    }
}
