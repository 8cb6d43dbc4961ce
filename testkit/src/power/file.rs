//! One file on a disk that may lose power.
//!
//! The file is kept as its durable bytes and the changes since, in order. Every sector that was touched has a few
//! versions: the durable one, and one after each change. After a loss of power each touched sector may be any of them, or
//! torn between two, or zeros where nothing durable was; the size is any that the file had since the last sync. Bytes that
//! were synced and not changed again are in every version, so they cannot be lost: that is the whole promise of fsync.
//!
//! A failed fsync forgets pages, as Linux does: the bytes stay visible, the disk never gets them, and a later fsync succeeds
//! without them. Their size may still arrive.

use std::collections::{BTreeMap, VecDeque};

use super::Mark;
use crate::rng::Rng;

/// What a disk writes at once.
const SECTOR: u64 = 512;

/// The bytes of one file: seen, durable, and between the two.
#[derive(Debug, Clone, Default)]
pub struct File {
    content: Vec<u8>,
    durable: Vec<u8>,
    /// Changes that no sync has covered, oldest first.
    pending: VecDeque<Change>,
    /// The number of the oldest of them.
    first: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    Resize {
        size: u64,
    },
    /// A write whose pages a failed fsync dropped: only the size may come.
    Dropped {
        end: u64,
    },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[start..end].copy_from_slice(bytes);
            }
            Change::Resize { size } => to.resize(*size as usize, 0),
            Change::Dropped { end } => {
                if to.len() < *end as usize {
                    to.resize(*end as usize, 0);
                }
            }
        }
    }

    fn size_after(&self, size: u64) -> u64 {
        match self {
            Change::Write { offset, bytes } => size.max(offset + bytes.len() as u64),
            Change::Resize { size } => *size,
            Change::Dropped { end } => size.max(*end),
        }
    }

    /// The sectors it changes, given the largest size the file has had.
    fn sectors(&self, largest: u64) -> std::ops::Range<u64> {
        match self {
            Change::Write { offset, bytes } => offset / SECTOR..(offset + bytes.len() as u64).div_ceil(SECTOR),
            Change::Resize { size } => size / SECTOR..largest.div_ceil(SECTOR),
            Change::Dropped { .. } => 0..0,
        }
    }

    /// Applies what falls into one sector.
    fn apply_to_sector(&self, index: u64, sector: &mut [u8]) {
        let start = index * SECTOR;
        match self {
            Change::Write { offset, bytes } => {
                let from = (*offset).max(start);
                let to = (offset + bytes.len() as u64).min(start + SECTOR);
                if from < to {
                    let source = &bytes[(from - offset) as usize..(to - offset) as usize];
                    sector[(from - start) as usize..(to - start) as usize].copy_from_slice(source);
                }
            }
            Change::Resize { size } => {
                let keep = size.saturating_sub(start).min(SECTOR) as usize;
                sector[keep..].fill(0);
            }
            Change::Dropped { .. } => {}
        }
    }
}

impl File {
    /// A file whose bytes are all durable.
    pub fn durable(bytes: Vec<u8>) -> File {
        File { content: bytes.clone(), durable: bytes, pending: VecDeque::new(), first: 0 }
    }

    /// What a reader sees.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Writes, beyond the end too: what is between is zeros.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    /// Cuts the file, or extends it with zeros.
    pub fn resize(&mut self, size: u64) {
        self.change(Change::Resize { size });
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.content);
        self.pending.push_back(change);
    }

    /// A sync that begins now covers what was done before this mark.
    pub fn mark(&self) -> Mark {
        Mark(self.first + self.pending.len() as u64)
    }

    /// The sync that began at `mark` has succeeded.
    pub fn synced(&mut self, mark: Mark) {
        while self.first < mark.0 {
            let change = self.pending.pop_front().expect("a mark is never ahead of the changes");
            change.apply(&mut self.durable);
            self.first += 1;
        }
    }

    /// The sync that began at `mark` has failed, and the pages it covered are forgotten.
    pub fn dropped(&mut self, mark: Mark) {
        let count = mark.0.saturating_sub(self.first) as usize;
        for change in self.pending.iter_mut().take(count) {
            if let Change::Write { offset, bytes } = change {
                *change = Change::Dropped { end: *offset + bytes.len() as u64 };
            }
        }
    }

    /// How many bytes were written and are not durable; a loss of power may cost them.
    pub fn at_risk_bytes(&self) -> u64 {
        let written = |change: &Change| if let Change::Write { bytes, .. } = change { bytes.len() as u64 } else { 0 };
        self.pending.iter().map(written).sum()
    }

    /// What a loss of power leaves; `rng` decides.
    pub fn survivor(&self, rng: &mut Rng) -> Vec<u8> {
        if self.pending.is_empty() {
            return self.durable.clone();
        }
        match rng.below(8) {
            0 => self.durable.clone(),
            1 => self.after(self.pending.len()),
            2 | 3 => self.torn_prefix(rng),
            4 => self.size_without_content(rng),
            _ => self.any_sectors(rng),
        }
    }

    /// The durable bytes and the first `count` changes.
    fn after(&self, count: usize) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        self.pending.iter().take(count).for_each(|change| change.apply(&mut bytes));
        bytes
    }

    /// Written back in order, the last write torn anywhere.
    fn torn_prefix(&self, rng: &mut Rng) -> Vec<u8> {
        let count = rng.below(self.pending.len() as u64) as usize;
        let mut bytes = self.after(count);
        if let Change::Write { offset, bytes: written } = &self.pending[count] {
            let part = rng.below(written.len() as u64 + 1) as usize;
            Change::Write { offset: *offset, bytes: written[..part].to_vec() }.apply(&mut bytes);
        }
        bytes
    }

    /// Each size that the file has had since it was last synced, the durable one first.
    fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![self.durable.len() as u64];
        for change in &self.pending {
            sizes.push(change.size_after(*sizes.last().expect("it begins with one")));
        }
        sizes
    }

    /// The size has arrived, the new bytes have not.
    fn size_without_content(&self, rng: &mut Rng) -> Vec<u8> {
        let sizes = self.sizes();
        let size = sizes[rng.below(sizes.len() as u64) as usize];
        let mut bytes = self.durable.clone();
        bytes.resize(size as usize, 0);
        bytes
    }

    /// Some size, and each sector in some version.
    fn any_sectors(&self, rng: &mut Rng) -> Vec<u8> {
        let sizes = self.sizes();
        let largest = sizes.iter().copied().max().expect("it begins with one");
        let size = if rng.chance(50) { self.content.len() as u64 } else { sizes[rng.below(sizes.len() as u64) as usize] };
        let mut touching: BTreeMap<u64, Vec<&Change>> = BTreeMap::new();
        for change in &self.pending {
            for sector in change.sectors(largest) {
                touching.entry(sector).or_default().push(change);
            }
        }
        let mut bytes = self.durable.clone();
        bytes.resize(largest.div_ceil(SECTOR) as usize * SECTOR as usize, 0);
        for (index, changes) in touching {
            let start = (index * SECTOR) as usize;
            let sector = &mut bytes[start..start + SECTOR as usize];
            survive_sector(index, sector, &changes, self.durable.len(), rng);
        }
        bytes.truncate(size as usize);
        bytes
    }
}

/// Turns the durable content of one sector into what is left of it.
fn survive_sector(index: u64, sector: &mut [u8], changes: &[&Change], durable_len: usize, rng: &mut Rng) {
    let durable = sector.to_vec();
    let kept = rng.below(changes.len() as u64 + 1) as usize;
    changes[..kept].iter().for_each(|change| change.apply_to_sector(index, sector));
    match rng.below(8) {
        // Torn: its beginning is in this version, its end in the durable one.
        0 => {
            let at = rng.below(SECTOR) as usize;
            sector[at..].copy_from_slice(&durable[at..]);
        }
        // Allocated and never written.
        1 => {
            let new = durable_len.saturating_sub((index * SECTOR) as usize).min(SECTOR as usize);
            sector.copy_from_slice(&durable);
            sector[new..].fill(0);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        Resize(u64),
        Append(Vec<u8>),
        Sync,
        FailedSync,
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = || proptest::collection::vec(1..=255u8, 1..900);
        prop_oneof![
            2 => (0..3000u64, bytes()).prop_map(|(at, bytes)| Step::Write(at, bytes)),
            1 => (0..4000u64).prop_map(Step::Resize),
            4 => bytes().prop_map(Step::Append),
            2 => Just(Step::Sync),
            1 => Just(Step::FailedSync),
        ]
    }

    fn run(file: &mut File, step: &Step) {
        match step {
            Step::Write(at, bytes) => file.write(*at, bytes),
            Step::Resize(size) => file.resize(*size),
            Step::Append(bytes) => file.write(file.content().len() as u64, bytes),
            Step::Sync => file.synced(file.mark()),
            Step::FailedSync => file.dropped(file.mark()),
        }
    }

    proptest! {
        #[test]
        fn what_was_synced_and_not_touched_again_survives_every_loss(
            steps in proptest::collection::vec(step(), 1..20), tail in proptest::collection::vec(1..=255u8, 1..900), seed: u64
        ) {
            let mut file = File::default();
            for step in steps.iter().filter(|step| !matches!(step, Step::FailedSync)) {
                run(&mut file, step);
            }
            file.synced(file.mark());
            let synced = file.content().to_vec();
            // Only bytes behind the synced ones follow, as in a log.
            file.write(synced.len() as u64, &tail);
            let mut rng = Rng::new(seed);
            for _ in 0..20 {
                let left = file.survivor(&mut rng);
                prop_assert!(left.len() >= synced.len());
                prop_assert_eq!(&left[..synced.len()], &synced[..]);
            }
        }

        #[test]
        fn every_surviving_byte_is_one_that_was_there_or_zero(steps in proptest::collection::vec(step(), 1..20), seed: u64) {
            let mut file = File::default();
            let mut seen: Vec<Vec<u8>> = vec![vec![]; 20_000];
            let mut sizes = vec![0];
            for step in &steps {
                run(&mut file, step);
                sizes.push(file.content().len());
                for (at, byte) in file.content().iter().enumerate() {
                    seen[at].push(*byte);
                }
            }
            let mut rng = Rng::new(seed);
            for _ in 0..20 {
                let left = file.survivor(&mut rng);
                prop_assert!(left.len() <= *sizes.iter().max().unwrap());
                for (at, byte) in left.iter().enumerate() {
                    prop_assert!(*byte == 0 || seen[at].contains(byte), "byte {} is {}", at, byte);
                }
            }
        }

        #[test]
        fn a_reader_sees_what_was_written_whatever_is_durable(steps in proptest::collection::vec(step(), 1..30)) {
            let mut file = File::default();
            let mut plain = Vec::new();
            for step in &steps {
                let change = match step {
                    Step::Write(offset, bytes) => Some(Change::Write { offset: *offset, bytes: bytes.clone() }),
                    Step::Append(bytes) => Some(Change::Write { offset: plain.len() as u64, bytes: bytes.clone() }),
                    Step::Resize(size) => Some(Change::Resize { size: *size }),
                    _ => None,
                };
                change.iter().for_each(|change| change.apply(&mut plain));
                run(&mut file, step);
                prop_assert_eq!(file.content(), &plain[..]);
            }
        }
    }

    /// Runs many losses of one file and returns the distinct results.
    fn losses(file: &File) -> std::collections::BTreeSet<Vec<u8>> {
        let mut rng = Rng::new(1);
        (0..2_000).map(|_| file.survivor(&mut rng)).collect()
    }

    #[test]
    fn an_unsynced_append_survives_wholly_partly_as_zeros_and_not_at_all() {
        let mut file = File::durable(vec![1; 700]);
        file.write(700, &[2; 1500]);
        let left = losses(&file);
        let tails: Vec<&[u8]> = left.iter().map(|bytes| &bytes[700..]).collect();
        assert!(tails.iter().any(|tail| tail.is_empty()));
        assert!(tails.iter().any(|tail| *tail == [2; 1500]));
        assert!(tails.iter().any(|tail| *tail == [0; 1500]));
        assert!(tails.iter().any(|tail| tail.len() == 1500 && tail[..324] == [0; 324] && tail[324..836] == [2; 512]));
        assert!(tails.iter().any(|tail| !tail.is_empty() && tail.len() < 1500 && tail.iter().all(|byte| *byte == 2)));
    }

    #[test]
    fn a_sync_covers_what_was_written_before_it_began_and_no_more() {
        let mut file = File::default();
        file.write(0, b"before");
        let mark = file.mark();
        file.write(6, b"after");
        file.synced(mark);
        assert!(losses(&file).iter().all(|left| left.starts_with(b"before")));
        assert!(losses(&file).contains(b"before".as_slice()));
        file.synced(file.mark());
        assert_eq!(losses(&file).into_iter().collect::<Vec<_>>(), [b"beforeafter"]);
    }

    #[test]
    fn a_later_fsync_does_not_bring_back_what_a_failed_one_dropped() {
        let mut file = File::durable(b"old".to_vec());
        file.write(3, b"dropped");
        file.dropped(file.mark());
        file.write(10, b"new");
        file.synced(file.mark());
        assert_eq!(file.content(), b"olddroppednew");
        assert_eq!(losses(&file).into_iter().collect::<Vec<_>>(), [b"old\0\0\0\0\0\0\0new"]);
    }

    #[test]
    fn a_cut_that_was_not_synced_may_come_undone() {
        let mut file = File::durable(vec![7; 2000]);
        file.resize(600);
        let sizes: std::collections::BTreeSet<usize> = losses(&file).iter().map(Vec::len).collect();
        assert!(sizes.contains(&600) && sizes.contains(&2000));
        assert!(losses(&file).iter().all(|left| left[..600] == [7; 600]));
    }
}
