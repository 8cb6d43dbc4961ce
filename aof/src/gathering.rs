//! A block that waits for its company, while the disk is free.
//!
//! Clients that wait for each reply come back together after a sync. A block that leaves with the first of them keeps all others
//! waiting for two syncs, its own and theirs. So it waits until about as many have come as lately came at most, but not for long.
//!
//! Whoever does not come in time is not waited for again for a while, and each further disappointment makes that longer. So clients that
//! come when they like, and not because they were answered, pay next to nothing.

/// Of the most that came lately, this part is enough: so many eighths.
const ENOUGH_EIGHTHS: u64 = 7;
/// Of the most that came lately, a block forgets one in so many.
const FORGOTTEN_PART: u64 = 16;
/// After a disappointment so many blocks at most do not wait.
const SKIPPED_MAX: u32 = 1023;

/// How long a block may wait, and what makes that worth while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From its first command on, at most.
    pub wait_us: u64,
    /// So many eighths of the most that came lately must have come.
    pub hoped_eighths: u64,
}

/// See the module.
#[derive(Default)]
pub struct Gathering {
    /// Reads from sockets that the largest of the last blocks came from, times [`FORGOTTEN_PART`].
    most: u64,
    /// The block that is ready has waited.
    has_waited: bool,
    /// So many blocks do not wait.
    skips: u32,
    /// And after the next disappointment.
    next_skips: u32,
}

impl Gathering {
    /// Until when a block waits that came from so many reads, the first at `since_us`; none if it leaves now.
    pub fn until(&mut self, reads: u64, since_us: u64, patience: Patience, now_us: u64) -> Option<u64> {
        let until_us = since_us + patience.wait_us;
        let waits = self.skips == 0 && !self.has_come(reads, ENOUGH_EIGHTHS) && now_us < until_us;
        self.has_waited |= waits;
        waits.then_some(until_us)
    }

    /// A block leaves.
    pub fn note_block(&mut self, reads: u64, patience: Patience) {
        if std::mem::take(&mut self.has_waited) {
            if self.has_come(reads, patience.hoped_eighths) {
                self.next_skips /= 2;
            } else {
                self.next_skips = (self.next_skips * 2 + 1).min(SKIPPED_MAX);
                self.skips = self.next_skips;
            }
        } else {
            self.skips = self.skips.saturating_sub(1);
        }
        self.most = (self.most - self.most / FORGOTTEN_PART).max(reads * FORGOTTEN_PART);
    }

    /// Whether so many reads are so many eighths of the most.
    fn has_come(&self, reads: u64, eighths: u64) -> bool {
        reads * 8 * FORGOTTEN_PART >= self.most * eighths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { wait_us: 150, hoped_eighths: 6 };

    /// One block: it is ready at time 0 when the first requests come, and so on as they come; how many are in it, and whether it waited
    /// as long as it may.
    fn block(gathering: &mut Gathering, arrivals_us: &[u64]) -> (u64, bool) {
        let arrived = |now_us: u64| arrivals_us.iter().filter(|at| **at <= now_us).count() as u64;
        let leaves_us = (0..).find(|now_us| gathering.until(arrived(*now_us), 0, PATIENCE, *now_us).is_none()).expect("it leaves");
        gathering.note_block(arrived(leaves_us), PATIENCE);
        (arrived(leaves_us), leaves_us == PATIENCE.wait_us)
    }

    #[test]
    fn clients_that_come_back_together_leave_together() {
        let mut gathering = Gathering::default();
        let back_together: Vec<u64> = (0..8).map(|client| client * 10).collect();
        // As without waiting: the first, then the seven others.
        gathering.note_block(1, PATIENCE);
        gathering.note_block(7, PATIENCE);
        for _ in 0..100 {
            assert_eq!(block(&mut gathering, &back_together), (7, false));
        }
    }

    #[test]
    fn whoever_comes_when_he_likes_is_not_waited_for() {
        let mut gathering = Gathering::default();
        let in_vain = (0..5_000).filter(|n| block(&mut gathering, if n % 5 == 0 { &[0, 0, 0, 0] } else { &[0] }).1);
        assert!(in_vain.count() < 50);
    }

    #[test]
    fn after_disappointments_it_is_tried_again() {
        let mut gathering = Gathering::default();
        for _ in 0..100 {
            block(&mut gathering, &[0; 8]);
            block(&mut gathering, &[0]);
        }
        let tries = 2 * SKIPPED_MAX;
        let waited = (0..tries).any(|_| block(&mut gathering, &[0; 8]).0 + block(&mut gathering, &[0, 10, 20, 30, 40, 50, 60, 70]).0 > 9);
        assert!(waited, "they come together again, and nobody noticed");
    }

    #[test]
    fn when_fewer_come_from_now_on_they_are_soon_enough() {
        let mut gathering = Gathering::default();
        gathering.note_block(50, PATIENCE);
        for _ in 0..60 {
            gathering.note_block(4, PATIENCE);
        }
        assert_eq!(gathering.until(4, 0, PATIENCE, 0), None);
        assert_eq!(gathering.until(1, 7, PATIENCE, 7), Some(157));
    }
}
