//! Whatever the disk does and wherever the process stops: what is recovered is a first part of what was appended, it contains
//! everything that the watermarks promised, and the log goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use graven_aof::sim::{Dice, EINTR, EIO, ENOSPC, Fault, Op, SimStorage};
use graven_aof::{
    BaseFormat, Clients, Error, FinishedBase, FsyncPolicy, Limits, Log, Options, Part, Recovery, RewriteState, Runtime, Storage, Summary,
    Watermarks, Work,
};
use std::io::Write;

const POLICIES: [FsyncPolicy; 3] = [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No];

fn command(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.len()).bytes());
        bytes.extend_from_slice(arg);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn batch(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = command(&[b"SELECT", b"0"]);
    let transaction = dice.below(4) == 0;
    if transaction {
        bytes.extend(command(&[b"MULTI"]));
    }
    for _ in 0..1 + dice.below(3) {
        let len = match dice.below(30) {
            0 => dice.below(100_000),
            1..6 => dice.below(3_000),
            _ => dice.below(30),
        };
        let mut value: Vec<u8> = (0..len).map(|_| b"\r\n*$#ab\0"[dice.below(8)]).collect();
        if dice.below(20) == 0 {
            // Looks like the log's filler, and commands behind it.
            let line = [[b'#'; 63].as_slice(), b"\n"].concat();
            for _ in 0..dice.below(20) {
                value.extend(line.repeat(dice.below(9)));
                value.extend(command(&[b"SELECT", b"7"]));
                value.extend(std::iter::repeat_n(b'#', dice.below(100)));
                value.push(b'\n');
            }
        }
        bytes.extend(command(&[b"SET", dice.below(1000).to_string().as_bytes(), &value]));
    }
    if transaction {
        bytes.extend(command(&[b"EXEC"]));
    }
    bytes
}

fn recover(disk: &SimStorage, options: Options, runtime: Runtime) -> Result<(Log<SimStorage>, Vec<u8>, Summary), Error> {
    let mut recovery = Recovery::open(Arc::new(disk.clone()), options)?;
    let mut bytes = Vec::new();
    while let Some(part) = recovery.next_part()? {
        let Part::Commands(chunk) = part else { panic!("no RDB was written") };
        chunk.commands().for_each(|command| bytes.extend_from_slice(command.raw()));
    }
    let (log, summary) = recovery.finish(runtime)?;
    Ok((log, bytes, summary))
}

/// One log over several lives, and the model it must agree with.
struct World {
    disk: SimStorage,
    dice: Dice,
    clock: Arc<AtomicU64>,
    /// Everything appended, as far as it may still come back.
    stream: Vec<u8>,
    /// Where batches end.
    ends: Vec<u64>,
    checksums: bool,
    /// What survives a kill, and a loss of power.
    promised: Watermarks,
    /// The line that was drawn for the base of the rewrite under way.
    line: Option<usize>,
    rewrites: usize,
    what: String,
}

impl World {
    fn new(seed: u64, checksums: bool) -> World {
        World {
            disk: SimStorage::new(),
            dice: Dice::new(seed),
            clock: Arc::new(AtomicU64::new(1)),
            stream: Vec::new(),
            ends: vec![0],
            checksums,
            promised: Watermarks::default(),
            line: None,
            rewrites: 0,
            what: format!("seed {seed}, checksums {checksums}"),
        }
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn runtime(&mut self) -> Runtime {
        let clock = self.clock.clone();
        // Every look at the clock takes so long: on a slow disk syncs overlap.
        let look_us = [0, 700, 3_000][self.dice.below(3)];
        let clock = Arc::new(move || clock.fetch_add(look_us, Ordering::Relaxed));
        match self.dice.below(5) {
            0 => Runtime::single_threaded(clock),
            lanes => Runtime::stepped(clock, lanes),
        }
    }

    fn observe(&mut self, log: &Log<SimStorage>) {
        let marks = log.watermarks();
        let before = self.promised;
        assert!(marks.durable <= marks.written && marks.written <= marks.appended, "{}: {marks:?}", self.what);
        assert!(marks.durable >= before.durable && marks.written >= before.written, "{}: {marks:?} after {before:?}", self.what);
        assert_eq!(marks.appended, self.stream.len() as u64, "{}", self.what);
        self.promised = marks;
    }

    fn submit(&mut self, log: &mut Log<SimStorage>) {
        let mut content = batch(&mut self.dice);
        self.stream.extend_from_slice(&content);
        self.ends.push(self.stream.len() as u64);
        log.submit(&mut content, self.now());
        assert!(content.is_empty());
    }

    /// Whether the manifest names every file but the lock and the mark of distrust.
    fn only_named_files(&self) -> bool {
        let manifest = self.disk.content("appendonlydir/appendonly.aof.manifest").expect("a start leaves a manifest");
        let manifest = String::from_utf8(manifest).expect("a manifest is text");
        let is_named = |name: &String| manifest.lines().any(|line| line.split(' ').nth(1) == Some(name));
        let names = self.disk.list("appendonlydir").unwrap();
        // A stop in the middle of a roll leaves a file that is set aside.
        let is_aside = |name: &String| name.contains(".incr.aof.unnamed-");
        names.iter().all(|name| is_named(name) || is_aside(name) || name.starts_with('.') || name == "appendonly.aof.manifest")
    }

    /// Goes on with a rewrite, or begins one.
    fn rewrite(&mut self, log: &mut Log<SimStorage>) {
        match log.rewrite() {
            RewriteState::Idle => {
                // It may be refused while the disk fails.
                let _ = log.begin_rewrite(self.now());
            }
            RewriteState::Ready => {
                assert_eq!(log.switch(self.now()), self.stream.len() as u64, "{}", self.what);
                self.line = Some(self.stream.len());
            }
            RewriteState::Switched => {
                let Some(line) = self.line.take() else { return };
                if self.dice.below(10) == 0 {
                    return log.end_rewrite();
                }
                match self.write_base(log, line) {
                    Ok(base) => log.install_base(base, self.now()),
                    Err(_) => log.end_rewrite(),
                }
            }
            RewriteState::Preparing | RewriteState::Installing => {}
            RewriteState::Failed(_) => {
                self.line = None;
                log.end_rewrite();
            }
            RewriteState::Done => {
                self.rewrites += 1;
                log.end_rewrite();
            }
        }
    }

    /// The state at the line: here, all that led to it.
    fn write_base(&mut self, log: &Log<SimStorage>, line: usize) -> std::io::Result<FinishedBase<SimStorage>> {
        let mut base = log.base_writer(BaseFormat::Commands, self.dice.below(2) == 0);
        let mut from = 0;
        for &end in self.ends.iter().filter(|end| **end as usize <= line) {
            let commands = &self.stream[from..end as usize];
            match self.checksums {
                true => base.write_block(from as u64, commands)?,
                false => base.write_all(commands)?,
            }
            from = end as usize;
        }
        base.finish()
    }

    /// Everything that may go wrong with this operation at some point soon.
    fn plant_something(&mut self) {
        let nth = 1 + self.dice.below(4) as u64;
        let errno = [EIO, ENOSPC][self.dice.below(2)];
        let (op, fault) = match self.dice.below(10) {
            0 | 1 => (Op::Sync, Fault::Errno(EIO)),
            2 => (Op::Write, Fault::Errno(errno)),
            3 => (Op::Write, Fault::Errno(EINTR)),
            4 => (Op::Write, Fault::Short(self.dice.below(200))),
            5 => (Op::Write, Fault::ShortThen(self.dice.below(200), errno)),
            6 => {
                self.disk.plant(Op::SetLen, 1, Fault::Errno(EIO));
                (Op::Write, Fault::ShortThen(self.dice.below(200), errno))
            }
            7 => (Op::Create, Fault::Errno(errno)),
            8 => ([Op::Rename, Op::SyncDir, Op::Remove][self.dice.below(3)], Fault::Errno(EIO)),
            _ => {
                let room = self.dice.below(2_000) as u64;
                self.disk.set_capacity(Some(self.disk.used() + room));
                return;
            }
        };
        self.disk.plant(op, nth, fault);
    }

    /// Runs until the process stops by itself (`stop_at`), or for so many steps.
    fn live(&mut self, log: &mut Log<SimStorage>, steps: usize, faults: bool) {
        for _ in 0..steps {
            match self.dice.below(100) {
                0..40 => self.submit(log),
                40..70 => {
                    let dice = &mut self.dice;
                    log.step(&mut |choices| dice.below(choices), self.clock.load(Ordering::Relaxed));
                }
                70..80 => self.rewrite(log),
                80..92 => {
                    self.clock.fetch_add(self.dice.below(400_000) as u64, Ordering::Relaxed);
                    log.poll(self.now());
                }
                92..94 => log.set_policy(POLICIES[self.dice.below(3)], self.now()),
                94 => log.note_turn(
                    Clients { connected: self.dice.below(3), waiting: self.dice.below(300) },
                    Work { commands: self.dice.below(3_000) as u64, reads: 10 },
                ),
                95 if faults => self.disk.heal(),
                96..99 if faults => self.plant_something(),
                _ => {
                    self.clock.fetch_add(self.dice.below(3_000) as u64, Ordering::Relaxed);
                    log.poll(self.now());
                }
            }
            self.observe(log);
            if self.disk.has_stopped() {
                return;
            }
        }
    }

    /// The disk is fine again: without a restart everything must become durable.
    fn heal_and_flush(&mut self, log: &mut Log<SimStorage>) {
        self.disk.heal();
        for _ in 0..400 {
            self.clock.fetch_add(50_000, Ordering::Relaxed);
            log.poll(self.now());
            while log.step(&mut |_| 0, self.clock.load(Ordering::Relaxed)) {}
        }
        log.flush(1_000_000).unwrap_or_else(|e| panic!("{}: {e}", self.what));
        assert_eq!(log.status(), Ok(()), "{}", self.what);
        self.observe(log);
        assert_eq!(self.promised.durable, self.promised.appended, "{}", self.what);
    }

    /// The process ends, or the power goes; then the log is opened again, perhaps only at a second try.
    fn crash(&mut self, policy: FsyncPolicy) -> Log<SimStorage> {
        let mut promised = u64::MAX;
        let mut power_lost = false;
        loop {
            if self.dice.below(2) == 0 {
                self.disk = self.disk.kill();
                promised = promised.min(self.promised.written);
            } else {
                self.disk = self.disk.power_loss(&mut self.dice);
                promised = promised.min(self.promised.durable);
                power_lost = true;
            }
            if self.dice.below(3) == 0 {
                self.disk.stop_at(self.dice.below(40) as u64);
            }
            let corrupt_tail_max_bytes = if power_lost { u64::MAX } else { 0 };
            let block_checksums = self.checksums;
            let fill_ahead_bytes = [0, 600, 5_000, 100_000][self.dice.below(4)];
            let limits = Limits { fill_ahead_bytes, ..Limits::default() };
            let options = Options { policy, corrupt_tail_max_bytes, block_checksums, limits, ..Options::default() };
            let runtime = self.runtime();
            match recover(&self.disk, options, runtime) {
                Ok((log, bytes, summary)) => {
                    let what = format!("{}, power lost: {power_lost}, {:?}", self.what, summary.warnings);
                    let length = bytes.len() as u64;
                    assert!(length >= promised, "{what}: {length} of {promised} promised bytes came back");
                    if power_lost && !self.checksums {
                        // Without checksums a lost sector inside a value that nobody was promised can't be seen.
                        let kept = promised as usize;
                        assert!(bytes.len() <= self.stream.len() && bytes[..kept] == self.stream[..kept], "{what}");
                        self.stream[..bytes.len()].copy_from_slice(&bytes);
                    }
                    assert!(self.stream.starts_with(&bytes), "{what}: not what was appended");
                    assert_eq!(summary.lsn, length, "{what}");
                    if self.checksums {
                        assert!(self.ends.contains(&length), "{what}: a batch came back in part");
                    }
                    self.stream.truncate(bytes.len());
                    self.ends.retain(|&end| end < length);
                    self.ends.push(length);
                    let stopped = self.disk.has_stopped();
                    self.disk.stop_at(u64::MAX);
                    self.promised = log.watermarks();
                    self.line = None;
                    assert_eq!(self.promised.durable, length);
                    assert!(stopped || self.only_named_files(), "{what}: {:?}", self.disk.list("appendonlydir"));
                    return log;
                }
                Err(e) => assert!(self.disk.has_stopped(), "{}: {e}", self.what),
            }
        }
    }
}

#[test]
fn random_lives_on_a_hostile_disk_keep_every_promise() {
    let mut rewrites = 0;
    for seed in 0..1_500 {
        let mut world = World::new(seed, seed % 5 != 0);
        world.disk.put(".exists", b"");
        let policy = POLICIES[seed as usize % 3];
        let mut log = world.crash(policy);
        for _ in 0..4 {
            let faults = world.dice.below(3) > 0;
            let steps = 20 + world.dice.below(150);
            if world.dice.below(2) == 0 {
                let more = world.dice.below(150) as u64;
                world.disk.stop_at(world.disk.operations() + more);
            }
            world.live(&mut log, steps, faults);
            if !world.disk.has_stopped() && world.dice.below(2) == 0 {
                world.disk.stop_at(u64::MAX);
                world.heal_and_flush(&mut log);
            }
            drop(log);
            log = world.crash(policy);
        }
        world.heal_and_flush(&mut log);
        rewrites += world.rewrites;
    }
    assert!(rewrites > 1_000, "only {rewrites} rewrites came to their end");
}

/// The same life for every place and kind of fault: found by exhaustion, not by luck.
fn scripted_life(policy: FsyncPolicy, seed: u64, arrange: impl Fn(&SimStorage)) -> bool {
    let mut world = World::new(seed, true);
    world.disk.put(".exists", b"");
    let clock = world.clock.clone();
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let options = Options { policy, ..Options::default() };
    let runtime = Runtime::stepped(clock, 2);
    let (mut log, ..) = recover(&world.disk, options, runtime).unwrap();
    arrange(&world.disk);
    world.live(&mut log, 100, false);
    let stopped = world.disk.has_stopped();
    if !stopped {
        world.disk.stop_at(u64::MAX);
        world.heal_and_flush(&mut log);
        for _ in 0..5 {
            world.submit(&mut log);
            world.observe(&log);
        }
        world.heal_and_flush(&mut log);
    }
    drop(log);
    drop(world.crash(policy));
    stopped
}

#[test]
fn a_fault_at_every_operation_is_survived_without_restart() {
    let faults = [
        (Op::Write, Fault::Errno(ENOSPC)),
        (Op::Write, Fault::Errno(EIO)),
        (Op::Write, Fault::Errno(EINTR)),
        (Op::Write, Fault::Short(7)),
        (Op::Write, Fault::ShortThen(90, ENOSPC)),
        (Op::Sync, Fault::Errno(EIO)),
    ];
    for policy in POLICIES {
        for (op, fault) in faults {
            for nth in 1..=12 {
                scripted_life(policy, nth, |disk| disk.plant(op, nth, fault));
                // The way out of the first fault is blocked as well.
                for (second, errno) in
                    [(Op::SetLen, EIO), (Op::Create, ENOSPC), (Op::Rename, EIO), (Op::SyncDir, EIO), (Op::Sync, EIO), (Op::Open, EIO)]
                {
                    scripted_life(policy, nth, |disk| {
                        disk.plant(op, nth, fault);
                        disk.plant(second, if second == Op::Sync { nth + 1 } else { 1 }, Fault::Errno(errno));
                    });
                }
            }
        }
    }
}

#[test]
fn a_stop_at_every_operation_loses_nothing_promised() {
    for policy in POLICIES {
        for seed in 0..4 {
            let mut at = 0;
            while scripted_life(policy, seed, |disk| disk.stop_at(disk.operations() + at)) {
                at += 1;
            }
            assert!(at >= 15, "the life had {at} operations");
            // Also while it leaves a file after a failed fsync.
            let mut at = 0;
            while scripted_life(policy, seed, |disk| {
                disk.plant(Op::Sync, 1, Fault::Errno(EIO));
                disk.stop_at(disk.operations() + at);
            }) {
                at += 1;
            }
        }
    }
}
