//! Who syncs under `appendfsync always`, and how many syncs at once. It follows the disk:
//!
//! * a fast one (an fsync of some 100 µs): the executing thread itself, since handing over costs more than waiting;
//! * a slow one: up to eight overlapping syncs on the I/O threads, so that clients do not fall into two alternating groups.
//!   Each waits a moment for its share of the commands, else the first few to arrive would take a place from the rest.
//!
//! Inline syncs measure the disk by themselves. Overlapping ones disturb each other, so every half second a few run alone to
//! tell whether the disk has become fast. A sync that was inline and slow ends inline syncs at once, and each such surprise
//! keeps them away for longer. One that waited some milliseconds for somebody else (a rewrite syncs its base, freed blocks are
//! discarded) says little about the next: it counts as a somewhat slow one.

/// How to make the next block durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The executing thread writes and syncs.
    Inline,
    /// I/O threads write and sync, so many at once.
    Overlapped(usize),
}

/// Below this an fsync is done inline.
const INLINE_BELOW_US: u64 = 250;
/// Inline syncs go on until they take this long on average.
const INLINE_UNTIL_US: u64 = 400;
/// From here on eight overlap; between, two.
const EIGHT_FROM_US: u64 = 600;
/// A small block waits for more at most this fraction of an fsync.
const GATHER_FRACTION: u64 = 8;
/// With a single client nobody else is kept waiting: inline up to here.
const SOLE_CLIENT_INLINE_BELOW_US: u64 = 4_000;
/// An inline sync this slow is a surprise.
const SURPRISE_US: u64 = 5_000;
/// A sync counts at most as so many times as long as they take …
const OUTLIER_FACTOR: u64 = 3;
/// … and this.
const OUTLIER_US: u64 = 100;
const BAN_FIRST_US: u64 = 100_000;
const BAN_MAX_US: u64 = 6_400_000;
const PROBE_EVERY_US: u64 = 500_000;
const PROBE_SYNCS: u32 = 3;

/// The choice, from how long an fsync takes, the mode so far, and the number of clients.
pub fn choose(so_far: Mode, fsync_us: u64, clients: usize) -> Mode {
    let inline_limit_us = match so_far {
        _ if clients <= 1 => SOLE_CLIENT_INLINE_BELOW_US,
        Mode::Inline => INLINE_UNTIL_US,
        Mode::Overlapped(_) => INLINE_BELOW_US,
    };
    match fsync_us {
        us if us < inline_limit_us => Mode::Inline,
        us if us < EIGHT_FROM_US => Mode::Overlapped(2),
        _ => Mode::Overlapped(8),
    }
}

/// Remembers what the disk did lately.
pub struct Strategy {
    mode: Mode,
    fsync_us: u64,
    clients: usize,
    banned_until_us: u64,
    ban_us: u64,
    probe_at_us: u64,
    probes_left: u32,
}

impl Strategy {
    pub fn new() -> Self {
        Strategy {
            mode: Mode::Inline,
            fsync_us: 0,
            clients: usize::MAX,
            banned_until_us: 0,
            ban_us: BAN_FIRST_US,
            probe_at_us: 0,
            probes_left: 0,
        }
    }

    pub fn set_clients(&mut self, clients: usize) {
        self.clients = clients;
    }

    /// How long a small block may wait for more while others are on their way.
    pub fn gather_us(&self) -> u64 {
        self.fsync_us / GATHER_FRACTION
    }

    /// The mode for a block that is ready now.
    pub fn mode(&mut self, now_us: u64) -> Mode {
        let choice = choose(self.mode, self.fsync_us, self.clients);
        self.mode = match choice {
            Mode::Inline if now_us < self.banned_until_us => Mode::Overlapped(2),
            other => other,
        };
        if let Mode::Overlapped(_) = self.mode {
            if now_us >= self.probe_at_us {
                self.probe_at_us = now_us + PROBE_EVERY_US;
                self.probes_left = PROBE_SYNCS;
            }
            if self.probes_left > 0 {
                return Mode::Overlapped(1);
            }
        }
        self.mode
    }

    /// An fsync took so long; `inline` on the executing thread, `alone` without another beside it.
    pub fn record(&mut self, took_us: u64, inline: bool, alone: bool, now_us: u64) {
        if inline && took_us >= SURPRISE_US {
            let recent = now_us < self.banned_until_us.saturating_add(10 * self.ban_us);
            self.ban_us = if recent && self.banned_until_us > 0 { (self.ban_us * 2).min(BAN_MAX_US) } else { BAN_FIRST_US };
            self.banned_until_us = now_us + self.ban_us;
            self.fsync_us = took_us;
            return;
        }
        if alone {
            self.probes_left = self.probes_left.saturating_sub(1);
            let (weight, counts_us) = if inline { (8, took_us.min(OUTLIER_FACTOR * self.fsync_us + OUTLIER_US)) } else { (2, took_us) };
            self.fsync_us = (self.fsync_us * (weight - 1) + counts_us) / weight;
        } else if took_us < self.fsync_us {
            self.fsync_us = (self.fsync_us * 7 + took_us) / 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_disk_is_synced_inline_and_a_slow_one_by_eight() {
        assert_eq!(choose(Mode::Inline, 85, 50), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(8), 85, 50), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(8), 300, 50), Mode::Overlapped(2));
        assert_eq!(choose(Mode::Inline, 1_000, 50), Mode::Overlapped(8));
        assert_eq!(choose(Mode::Overlapped(8), 1_000, 1), Mode::Inline);
        assert_eq!(choose(Mode::Inline, 3_000_000, 1), Mode::Overlapped(8));
    }

    #[test]
    fn between_the_limits_the_mode_stays() {
        assert_eq!(choose(Mode::Inline, 320, 50), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(2), 320, 50), Mode::Overlapped(2));
    }

    #[test]
    fn one_slow_inline_sync_ends_inline_at_once_and_repeated_ones_for_longer() {
        let mut strategy = Strategy::new();
        let mut now = 1_000_000;
        let mut away = Vec::new();
        for _ in 0..4 {
            assert_eq!(strategy.mode(now), Mode::Inline);
            strategy.record(3_000_000, true, true, now);
            let start = now;
            while strategy.mode(now) != Mode::Inline {
                strategy.record(80, false, true, now);
                now += 1_000;
            }
            away.push(now - start);
        }
        assert!(away[0] >= BAN_FIRST_US && away.is_sorted() && away[3] >= 4 * away[0], "{away:?}");
    }

    #[test]
    fn single_slow_syncs_do_not_end_inline_but_a_disk_that_turned_slow_does() {
        let mut strategy = Strategy::new();
        for now in 0..1_000 {
            strategy.record(if now % 50 == 49 { 4_000 } else { 75 }, true, true, now);
            assert_eq!(strategy.mode(now), Mode::Inline);
        }
        let slow = (1_000..1_100).take_while(|&now| {
            strategy.record(1_000, true, true, now);
            strategy.mode(now) == Mode::Inline
        });
        assert!(slow.count() < 12);
    }

    #[test]
    fn a_disk_that_turned_fast_is_noticed_while_syncs_overlap() {
        let mut strategy = Strategy::new();
        strategy.record(1_500, true, true, 0);
        for now in 0..20 {
            strategy.record(1_500, true, true, now);
        }
        let mut alone = 0;
        for step in 0..3_000u64 {
            let now = 1_000 + step * 1_000;
            match strategy.mode(now) {
                Mode::Inline => {
                    assert!(alone <= 30, "probing alone is the exception: {alone}");
                    return;
                }
                Mode::Overlapped(1) => {
                    alone += 1;
                    strategy.record(if step < 1_500 { 1_000 } else { 90 }, false, true, now);
                }
                Mode::Overlapped(_) => strategy.record(if step < 1_500 { 1_800 } else { 700 }, false, false, now),
            }
        }
        panic!("never went back to inline");
    }
}
