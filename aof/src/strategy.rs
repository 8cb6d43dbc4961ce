//! Who syncs under `appendfsync always`, and how many syncs at once. It follows the disk:
//!
//! * a fast one (an fsync of some 100 µs): the executing thread itself, since handing over costs more than waiting. If many
//!   commands come at a time, so that it has always something to do, it only writes, and an I/O thread syncs while it serves others.
//!   A block that the disk is free for waits a moment for as many clients as usual ([`crate::gathering`]);
//! * a slow one: up to eight overlapping syncs on the I/O threads, so that clients do not fall into two alternating groups. The more
//!   clients wait, the fewer syncs: two groups of hundreds keep the processors busy, and a sync costs processor time too.
//!   Each waits a moment for its share of the commands, else the first few to arrive would take a place from the rest.
//!
//! Inline syncs measure the disk by themselves. Overlapping ones disturb each other, so every half second a few run alone to
//! tell whether the disk has become fast. A sync that was inline and slow ends inline syncs at once, and each such surprise
//! keeps them away for longer. One that waited some milliseconds for somebody else (a rewrite syncs its base, freed blocks are
//! discarded) says little about the next: it counts as a somewhat slow one.

use crate::gathering::{Gathering, Patience};

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
/// From here on several overlap; between, two.
const SEVERAL_FROM_US: u64 = 600;
/// At most so many, …
const OVERLAPPING_MAX: usize = 8;
/// … and with many clients that wait so few that the product of both is about this.
const WAITING_SHARED: usize = 400;
/// A small block waits for more at most this fraction of an fsync.
const GATHER_FRACTION: u64 = 8;
/// With a single client nobody else is kept waiting: inline up to here.
const SOLE_CLIENT_INLINE_BELOW_US: u64 = 4_000;
/// An inline sync this slow is a surprise.
const SURPRISE_US: u64 = 5_000;
/// The same for one that was handed over meanwhile: nobody stood still for it.
const HANDED_SURPRISE_US: u64 = 50_000;
/// A sync counts at most as so many times as long as they take …
const OUTLIER_FACTOR: u64 = 3;
/// … and this.
const OUTLIER_US: u64 = 100;
/// Blocks of so many commands, on average, are synced by an I/O thread even on a fast disk, …
const BUSY_COMMANDS: u64 = 100;
/// … if so many of them are read at a time. Else the sockets cost so much more than the syncs that handing over gains nothing.
const PIPELINED_COMMANDS: u64 = 24;
/// Blocks count for averages as one in so many.
const USUAL_WEIGHT: u64 = 8;
/// While the executing thread would stand still for a sync, a block waits for company at most this part of it, …
const IDLE_PATIENCE_EIGHTHS: u64 = 6;
/// … and the wait was worth while if this part of the company came. …
const IDLE_HOPED_EIGHTHS: u64 = 6;
/// … While it serves others during a sync, a block waits longer, …
const BUSY_PATIENCE_EIGHTHS: u64 = 16;
/// … and fewer make that worth while.
const BUSY_HOPED_EIGHTHS: u64 = 4;
const BAN_FIRST_US: u64 = 100_000;
const BAN_MAX_US: u64 = 6_400_000;
const PROBE_EVERY_US: u64 = 500_000;
const PROBE_SYNCS: u32 = 3;

/// What the caller did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// Commands executed.
    pub commands: u64,
    /// Reads from sockets that they came in.
    pub reads: u64,
}

/// Clients, when a block is submitted.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    /// That are connected.
    pub connected: usize,
    /// That wait for the log.
    pub waiting: usize,
}

/// The choice, from how long an fsync takes, the mode so far, and the number of clients.
pub fn choose(so_far: Mode, fsync_us: u64, clients: Clients) -> Mode {
    let inline_limit_us = match so_far {
        _ if clients.connected <= 1 => SOLE_CLIENT_INLINE_BELOW_US,
        Mode::Inline => INLINE_UNTIL_US,
        Mode::Overlapped(_) => INLINE_BELOW_US,
    };
    match fsync_us {
        us if us < inline_limit_us => Mode::Inline,
        us if us < SEVERAL_FROM_US => Mode::Overlapped(2),
        _ => Mode::Overlapped((WAITING_SHARED / clients.waiting.max(1)).clamp(2, OVERLAPPING_MAX)),
    }
}

/// Remembers what the disk did lately.
pub struct Strategy {
    mode: Mode,
    fsync_us: u64,
    clients: Clients,
    /// Since the last block.
    work: Work,
    /// For a block, on average lately; times [`USUAL_WEIGHT`].
    usual_work: Work,
    gathering: Gathering,
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
            clients: Clients { connected: usize::MAX, waiting: 0 },
            work: Work::default(),
            usual_work: Work::default(),
            gathering: Gathering::default(),
            banned_until_us: 0,
            ban_us: BAN_FIRST_US,
            probe_at_us: 0,
            probes_left: 0,
        }
    }

    /// These clients there are, and this was done since the last time.
    pub fn note_turn(&mut self, clients: Clients, work: Work) {
        self.clients = clients;
        self.work.commands += work.commands;
        self.work.reads += work.reads;
    }

    /// Whether the mode is [`Mode::Inline`].
    pub fn is_inline(&self) -> bool {
        self.mode == Mode::Inline
    }

    /// Whether only the write is inline of blocks as they lately were.
    fn is_busy(&self) -> bool {
        let Work { commands, reads } = self.usual_work;
        self.clients.connected > 1 && commands >= BUSY_COMMANDS * USUAL_WEIGHT && commands >= PIPELINED_COMMANDS * reads
    }

    /// Until when the block that is ready waits for company, whose first byte was appended at `since_us`; none if it leaves now.
    pub fn gathers_until(&mut self, since_us: u64, now_us: u64) -> Option<u64> {
        let patience = self.patience();
        (self.clients.connected > 1).then(|| self.gathering.until(self.work.reads, since_us, patience, now_us)).flatten()
    }

    fn patience(&self) -> Patience {
        let (eighths, hoped_eighths) = match self.is_busy() {
            true => (BUSY_PATIENCE_EIGHTHS, BUSY_HOPED_EIGHTHS),
            false => (IDLE_PATIENCE_EIGHTHS, IDLE_HOPED_EIGHTHS),
        };
        Patience { wait_us: self.fsync_us * eighths / 8, hoped_eighths }
    }

    /// The block that is ready leaves; whether only the write of it shall be inline.
    pub fn hands_over_sync(&mut self) -> bool {
        let work = std::mem::take(&mut self.work);
        self.gathering.note_block(work.reads, self.patience());
        let usual = &mut self.usual_work;
        usual.commands = usual.commands - usual.commands / USUAL_WEIGHT + work.commands;
        usual.reads = usual.reads - usual.reads / USUAL_WEIGHT + work.reads;
        self.is_busy()
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
            // That tells nothing about blocks that are synced inline.
            self.work = Work::default();
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
        let surprise_us = if inline { SURPRISE_US } else { HANDED_SURPRISE_US };
        // One that was handed over in this mode ran alone, like an inline one.
        let inline = inline || self.is_inline();
        if inline && took_us >= surprise_us {
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

    const FIFTY: Clients = Clients { connected: 50, waiting: 50 };

    #[test]
    fn a_fast_disk_is_synced_inline_and_a_slow_one_by_eight() {
        let sole = Clients { connected: 1, waiting: 1 };
        assert_eq!(choose(Mode::Inline, 85, FIFTY), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(8), 85, FIFTY), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(8), 300, FIFTY), Mode::Overlapped(2));
        assert_eq!(choose(Mode::Inline, 1_000, FIFTY), Mode::Overlapped(8));
        assert_eq!(choose(Mode::Overlapped(8), 1_000, sole), Mode::Inline);
        assert_eq!(choose(Mode::Inline, 3_000_000, sole), Mode::Overlapped(8));
    }

    #[test]
    fn the_more_clients_wait_the_fewer_syncs_overlap() {
        let overlapping = |waiting| choose(Mode::Inline, 1_000, Clients { connected: 1_000, waiting });
        assert_eq!([0, 50, 100, 150, 500].map(overlapping), [8, 8, 4, 2, 2].map(Mode::Overlapped));
    }

    #[test]
    fn between_the_limits_the_mode_stays() {
        assert_eq!(choose(Mode::Inline, 320, FIFTY), Mode::Inline);
        assert_eq!(choose(Mode::Overlapped(2), 320, FIFTY), Mode::Overlapped(2));
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

    /// Whether the sync of a block would be handed over after ten blocks of so much work.
    fn hands_over(clients: usize, commands: u64, reads: u64) -> bool {
        let mut strategy = Strategy::new();
        (0..10).fold(false, |_, _| {
            strategy.note_turn(Clients { connected: clients, waiting: clients }, Work { commands, reads });
            strategy.hands_over_sync()
        })
    }

    #[test]
    fn syncs_are_handed_over_when_pipelines_keep_the_caller_busy() {
        assert!(hands_over(50, 800, 25));
        assert!(!hands_over(1, 800, 25), "nobody else has anything to do");
        assert!(!hands_over(50, 25, 25), "few commands");
        assert!(!hands_over(50, 400, 25), "short pipelines");
        assert!(!hands_over(50, 64, 2), "few clients");
    }

    #[test]
    fn all_turns_count_that_a_block_comes_from() {
        let mut strategy = Strategy::new();
        for _ in 0..10 {
            (0..20).for_each(|_| strategy.note_turn(FIFTY, Work { commands: 32, reads: 1 }));
            strategy.hands_over_sync();
        }
        assert!(strategy.hands_over_sync());
    }

    #[test]
    fn a_handed_over_sync_must_be_much_slower_to_be_a_surprise() {
        let mut strategy = Strategy::new();
        strategy.record(80, true, true, 0);
        strategy.record(20_000, false, true, 1);
        assert_eq!(strategy.mode(2), Mode::Inline);
        strategy.record(60_000, false, true, 3);
        assert_ne!(strategy.mode(4), Mode::Inline);
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
