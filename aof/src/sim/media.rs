//! What a simulated disk keeps of files and names when the power goes.
//!
//! Of the bytes that were not synced: a first part or all, and of that any subset of the sectors; the others are what the file had
//! there before, or zeros or what the disk had there if the file was shorter. Names keep their order as a rule, as a journal does; now and then some reach the disk without those before
//! them, which a file system may do.

use super::Dice;
use std::collections::BTreeMap;

const SECTOR_BYTES: usize = 512;

pub(super) type Names = BTreeMap<String, usize>;

/// A file: what is read of it, and what would survive.
#[derive(Clone, Default)]
pub(super) struct Inode {
    pub(super) cache: Vec<u8>,
    pub(super) disk: Vec<u8>,
    /// From here on the cache is not on the disk, and a sync would bring it there.
    pub(super) dirty_from: usize,
    /// The disk is still longer than this.
    pub(super) cut_to: Option<usize>,
    /// Failed syncs so far.
    pub(super) errors: u64,
}

/// A name begins to mean a file, or ceases to.
#[derive(Clone)]
pub(super) enum NameOp {
    Set(String, usize),
    Unset(String),
}

impl NameOp {
    pub(super) fn name(&self) -> &str {
        let (NameOp::Set(name, _) | NameOp::Unset(name)) = self;
        name
    }

    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            NameOp::Set(name, inode) => names.insert(name.clone(), *inode),
            NameOp::Unset(name) => names.remove(name),
        };
    }
}

impl Inode {
    pub(super) fn sync(&mut self) {
        if let Some(cut_to) = self.cut_to.take() {
            self.disk.truncate(cut_to);
        }
        // Bytes between the disk's end and the dirty ones were dropped by a failed sync: they come back as zeros.
        self.disk.truncate(self.cache.len());
        self.disk.resize(self.cache.len(), 0);
        let from = self.dirty_from.min(self.cache.len());
        self.disk[from..].copy_from_slice(&self.cache[from..]);
        self.dirty_from = self.cache.len();
    }

    pub(super) fn after_power_loss(&self, dice: &mut Dice) -> Inode {
        let from = self.dirty_from.min(self.cache.len());
        let dirty = &self.cache[from..];
        let wanted = match dice.below(4) {
            0 => 0,
            1 => dirty.len(),
            _ => dice.below(dirty.len() / SECTOR_BYTES + 1) * SECTOR_BYTES + dice.below(2) * dice.below(SECTOR_BYTES),
        };
        let lost = [Lost::Nothing, Lost::All, Lost::Some, Lost::Garbage][dice.below(4)];
        let mut dirty = &dirty[..wanted.min(dirty.len())];
        let mut old = self.disk.as_slice();
        if let Some(cut_to) = self.cut_to
            && (!dirty.is_empty() || dice.below(2) == 0)
        {
            old = &old[..cut_to.min(old.len())];
        }
        if dirty.is_empty() {
            return Inode::durable(old.to_vec());
        }
        let mut found = old[..from.min(old.len())].to_vec();
        found.resize(from, 0);
        while !dirty.is_empty() {
            let (sector, rest) = dirty.split_at(dirty.len().min(SECTOR_BYTES - found.len() % SECTOR_BYTES));
            dirty = rest;
            let is_lost = match lost {
                Lost::Nothing => false,
                Lost::All => true,
                Lost::Some | Lost::Garbage => dice.below(3) == 0,
            };
            if !is_lost {
                found.extend_from_slice(sector);
                continue;
            }
            // What was written over is as it was; what was not there before is anything.
            let before = old.get(found.len()..).unwrap_or(&[]);
            let before = &before[..before.len().min(sector.len())];
            found.extend_from_slice(before);
            for _ in before.len()..sector.len() {
                found.push(if lost == Lost::Garbage { dice.below(256) as u8 } else { 0 });
            }
        }
        found.extend_from_slice(old.get(found.len()..).unwrap_or(&[]));
        Inode::durable(found)
    }

    /// A file of which all is on the disk.
    pub(super) fn durable(content: Vec<u8>) -> Inode {
        Inode { dirty_from: content.len(), cache: content.clone(), disk: content, ..Inode::default() }
    }
}

/// Which sectors do not reach the disk, although the file's length does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    All,
    Some,
    /// Some, and others' old bytes are in their place.
    Garbage,
}

/// The names after a loss of power: the certain ones, and some of what was done to them since.
pub(super) fn names_after_power_loss(certain: &Names, groups: &[Vec<NameOp>], dice: &mut Dice) -> Names {
    let mut names = certain.clone();
    let last = dice.below(groups.len() + 1);
    let loses_some = dice.below(4) == 0;
    for group in &groups[..last] {
        if !loses_some || dice.below(2) == 0 {
            group.iter().for_each(|op| op.apply(&mut names));
        }
    }
    names
}
