//! What was done, and where the crashes were.

use graven_aof::sim::{FileRole, Op};
use std::collections::BTreeMap;
use std::fmt;

/// Where a process can stop, by what it did to which kind of file: those that every set of runs must reach.
const KNOWN: [(Op, FileRole, &str); 22] = [
    (Op::Write, FileRole::Increment, "write: a block"),
    (Op::Sync, FileRole::Increment, "write: fsync of a block"),
    (Op::SetLen, FileRole::Increment, "write: half a block is taken back"),
    (Op::Create, FileRole::Increment, "rewrite, roll: a new incremental"),
    (Op::Create, FileRole::Manifest, "rewrite, roll: a new manifest"),
    (Op::Write, FileRole::Manifest, "rewrite, roll: its content"),
    (Op::Sync, FileRole::Manifest, "rewrite, roll: its fsync"),
    (Op::Rename, FileRole::Manifest, "rewrite, roll: the manifest is switched"),
    (Op::SyncDir, FileRole::Other, "rewrite, roll: fsync of the directory"),
    (Op::Create, FileRole::Base, "rewrite: a new base"),
    (Op::Write, FileRole::Base, "rewrite: its content"),
    (Op::Sync, FileRole::Base, "rewrite: its fsync"),
    (Op::Rename, FileRole::Base, "rewrite: it gets its name"),
    (Op::Remove, FileRole::Increment, "rewrite: history is removed"),
    (Op::Remove, FileRole::Base, "rewrite: the old base is removed"),
    (Op::Read, FileRole::Increment, "recovery: an incremental is read"),
    (Op::Read, FileRole::Manifest, "recovery: the manifest is read"),
    (Op::Read, FileRole::Base, "recovery: the base is read"),
    (Op::Create, FileRole::Snapshot, "snapshot: a new one"),
    (Op::Write, FileRole::Snapshot, "snapshot: its content"),
    (Op::Sync, FileRole::Snapshot, "snapshot: its fsync"),
    (Op::Rename, FileRole::Snapshot, "snapshot: it gets its name"),
];

/// How often each crash point was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrashPoints(BTreeMap<(Op, FileRole), u64>);

impl CrashPoints {
    pub(crate) fn hit(&mut self, point: (Op, FileRole)) {
        *self.0.entry(point).or_default() += 1;
    }

    fn add(&mut self, other: &CrashPoints) {
        other.0.iter().for_each(|(point, count)| *self.0.entry(*point).or_default() += count);
    }

    /// Names of those that were never hit.
    pub fn missed(&self) -> Vec<&'static str> {
        KNOWN.iter().filter(|(op, role, _)| !self.0.contains_key(&(*op, *role))).map(|(.., name)| *name).collect()
    }

    /// How many of the named ones were hit, and how many there are.
    pub fn coverage(&self) -> (usize, usize) {
        (KNOWN.len() - self.missed().len(), KNOWN.len())
    }
}

impl fmt::Display for CrashPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (op, role, name) in KNOWN {
            writeln!(f, "{:>9}  {name}", self.0.get(&(op, role)).copied().unwrap_or(0))?;
        }
        let known = |point: &(Op, FileRole)| KNOWN.iter().any(|(op, role, _)| (*op, *role) == *point);
        for ((op, role), count) in self.0.iter().filter(|(point, _)| !known(point)) {
            writeln!(f, "{count:>9}  {op:?}, {role:?}")?;
        }
        Ok(())
    }
}

/// Sums over runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Seeds.
    pub runs: u64,
    /// Times a server stopped, in a life or while it started.
    pub crashes: u64,
    /// How many of those were losses of power.
    pub power_losses: u64,
    /// Commands that were answered.
    pub commands: u64,
    /// Starts with a flipped bit.
    pub flips: u64,
    /// How many of them were refused.
    pub flips_refused: u64,
    /// Times something of the disk was broken.
    pub faults: u64,
    /// Rewrites of the log that came to their end.
    pub rewrites: u64,
    /// Snapshots that did.
    pub saves: u64,
    /// Snapshots that were loaded by themselves.
    pub snapshots: u64,
    /// Where it stopped.
    pub points: CrashPoints,
}

impl Totals {
    /// Adds those of other runs.
    pub fn add(&mut self, other: &Totals) {
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.power_losses += other.power_losses;
        self.commands += other.commands;
        self.flips += other.flips;
        self.flips_refused += other.flips_refused;
        self.faults += other.faults;
        self.rewrites += other.rewrites;
        self.saves += other.saves;
        self.snapshots += other.snapshots;
        self.points.add(&other.points);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hit, all) = self.points.coverage();
        let Totals { runs, crashes, power_losses, commands, faults, rewrites, saves, flips, flips_refused, snapshots, .. } = self;
        write!(
            f,
            "{runs} runs, {crashes} crashes ({power_losses} losses of power), {commands} commands, {faults} faults, \
             {rewrites} rewrites, {saves} snapshots ({snapshots} loaded), {flips} flipped bits ({flips_refused} refused), {hit} of {all} crash points"
        )
    }
}
