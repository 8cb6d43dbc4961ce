//! What a healthy writer does next: `always` here, `everysec` and `no` there.

use super::{FSYNC_INTERVAL_US, Writer};
use crate::job::{Action, Executor};
use crate::policy::{FsyncPolicy, Watermarks};
use crate::strategy::Mode;

/// Handed-over writes without sync that may wait for the I/O threads.
const WRITES_IN_FLIGHT_MAX: usize = 2;
/// After a sync, an early one waits as long as that took: so a slow disk is not kept busy with them. With so many times the bytes
/// that allow an early sync, it does not wait.
const EARLY_SYNC_MUST: u64 = 4;

impl Writer {
    pub(super) fn next_always(&mut self, now_us: u64) -> Option<Action> {
        if !self.has_unhanded() {
            let covered = self.in_flight.iter().filter_map(|job| job.sync).map(|(lsn, _)| lsn).max().unwrap_or(0);
            let behind = self.marks.written > self.marks.durable.max(covered) && self.in_flight.iter().all(|job| job.write.is_none());
            return behind.then(|| self.sync(now_us));
        }
        match self.strategy.mode(now_us) {
            Mode::Inline if self.in_flight.is_empty() => {
                if self.waits_for_company(now_us) {
                    return None;
                }
                let sync = !self.strategy.hands_over_sync();
                Some(self.write(Executor::Inline, sync, now_us))
            }
            Mode::Inline => None,
            Mode::Overlapped(most) => {
                (self.in_flight.len() < most && !self.gathers(most, now_us)).then(|| self.write(Executor::Handed, true, now_us))
            }
        }
    }

    /// Whether the block that is ready waits though the disk is free, since nobody asked for its sync and more is about to come.
    fn waits_for_company(&mut self, now_us: u64) -> bool {
        let Some((_, since_us)) = self.queue.first_unhanded() else { return false };
        let is_wanted = self.want_durable > self.marks.durable;
        self.gather_until_us = if is_wanted { None } else { self.strategy.gathers_until(since_us, now_us) };
        self.gather_until_us.is_some()
    }

    /// Whether what waits is less than its share of all that is not durable, while another sync is under way: the clients
    /// that were just answered are about to send more, and a block of the first few would take a place from the rest.
    fn gathers(&mut self, most: usize, now_us: u64) -> bool {
        let Some((lsn, since_us)) = self.queue.first_unhanded() else { return false };
        let Watermarks { appended, durable, .. } = self.marks;
        let until_us = since_us + self.strategy.gather_us();
        let gathers = !self.in_flight.is_empty() && (appended - lsn) * (most as u64) < appended - durable && now_us < until_us;
        self.gather_until_us = gathers.then_some(until_us);
        gathers
    }

    pub(super) fn next_relaxed(&mut self, now_us: u64) -> Option<Action> {
        if self.has_unhanded() {
            if self.in_flight.is_empty() && now_us >= self.slow_writes_until_us {
                return Some(self.write(Executor::Inline, false, now_us));
            }
            if self.in_flight.iter().filter(|job| job.write.is_some()).count() < WRITES_IN_FLIGHT_MAX {
                return Some(self.write(Executor::Handed, false, now_us));
            }
        }
        if self.marks.written == self.marks.durable {
            return None;
        }
        let syncing = self.in_flight.iter().any(|job| job.sync.is_some());
        let at_risk = self.marks.written - self.marks.durable;
        // One sync for all that is wanted: not before it is all written.
        let want = self.want_durable.min(self.limit());
        let wanted = want > self.marks.durable && want <= self.marks.written;
        let (due, early) = match self.policy {
            FsyncPolicy::No => (false, false),
            _ if self.holds_back() => (false, false),
            _ => (now_us >= self.next_tick_us, self.is_early_sync_due(at_risk, now_us)),
        };
        if syncing {
            if due {
                self.counters.delayed_fsync += 1;
                self.sync_owed = true;
                self.next_tick_us = now_us + FSYNC_INTERVAL_US;
            }
            return None;
        }
        (due || early || wanted).then(|| self.sync(now_us))
    }

    /// Whether so much is at risk, and held in memory, that a sync shall not wait until its second is over.
    fn is_early_sync_due(&self, at_risk: u64, now_us: u64) -> bool {
        let limit = self.limits.early_sync_bytes;
        at_risk > limit && (now_us >= self.early_sync_from_us || at_risk > EARLY_SYNC_MUST * limit)
    }

    /// Whether syncs are paused, and memory is not yet so full that they must go on.
    pub(super) fn holds_back(&self) -> bool {
        self.paused && self.marks.written - self.marks.durable < self.limits.retained_bytes / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Event;
    use crate::options::Limits;

    struct Disk {
        writer: Writer,
        now_us: u64,
    }

    impl Disk {
        /// Appends and writes so many bytes; the sync that this brings, if it does.
        fn write(&mut self, bytes: usize) -> Option<u64> {
            self.writer.append(&mut vec![b'x'; bytes], self.now_us);
            loop {
                match self.writer.next_action(self.now_us) {
                    Some(Action::Run(job)) if job.write.is_some() => {
                        self.writer.on_event(Event::Written { id: job.id, took_us: 1 }, self.now_us);
                    }
                    Some(Action::Run(job)) => return Some(job.id),
                    Some(other) => panic!("{other:?}"),
                    None => return None,
                }
            }
        }

        fn sync(&mut self, id: u64, took_us: u64) {
            self.now_us += took_us;
            self.writer.on_event(Event::Synced { id, took_us }, self.now_us);
        }
    }

    #[test]
    fn an_early_sync_rests_as_long_as_the_last_took_unless_too_much_is_at_risk() {
        let limits = Limits { early_sync_bytes: 1_000, ..Limits::default() };
        let mut disk = Disk { writer: Writer::new(FsyncPolicy::Everysec, true, limits, 0, 0), now_us: 2_000_000 };
        let first = disk.write(10).expect("the first second is over");
        disk.sync(first, 500);
        assert_eq!(disk.write(1_200), None, "it rests");
        disk.now_us += 499;
        assert_eq!(disk.write(10), None, "it still rests");
        disk.now_us += 1;
        let second = disk.write(10).expect("an early sync");
        disk.sync(second, 1_000);
        assert_eq!(disk.write(3_900), None, "it rests again");
        assert!(disk.write(200).is_some(), "four times the limit");
        assert!(disk.now_us < 2_900_000, "no second was over");
    }
}
