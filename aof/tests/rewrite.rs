//! A rewrite beside whatever else may happen to the log: stalls, other wishes for durability, abandoned bases, failing names.

mod bench;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bench::{Bench, batch, bench, load, open};
use graven_aof::sim::{Dice, EINTR, EIO, ENOSPC, Fault, Op, SimStorage};
use graven_aof::{BaseFormat, Error, FinishedBase, FsyncPolicy, Limits, Log, Options, RewriteState, Runtime, Storage};

/// What the next process loads after this one is killed, and the names it leaves in the directory.
fn after_kill(disk: &SimStorage) -> Result<(Vec<String>, Vec<String>), Error> {
    let disk = disk.kill();
    let (log, values) = load(&disk, Options::default(), &Arc::new(AtomicU64::new(1)), 4)?;
    drop(log);
    let names = disk.list("appendonlydir").unwrap();
    Ok((values, names.into_iter().filter(|name| !name.starts_with('.')).collect()))
}

/// What the rewrites here are made of.
trait Rewriting {
    fn get_ready(&mut self);
    fn base(&self, values: &[&str]) -> FinishedBase<SimStorage>;
    fn rewrite(&mut self, values: &[&str]);
}

impl Rewriting for Bench {
    fn get_ready(&mut self) {
        self.log.begin_rewrite(self.now()).unwrap();
        self.run_io();
        assert_eq!(self.log.rewrite(), RewriteState::Ready);
    }

    fn base(&self, values: &[&str]) -> FinishedBase<SimStorage> {
        let mut base = self.log.base_writer(BaseFormat::Commands, false);
        values.iter().for_each(|value| base.write_all(&batch(value)).unwrap());
        base.finish().unwrap()
    }

    fn rewrite(&mut self, values: &[&str]) {
        self.get_ready();
        self.log.switch(self.now());
        self.run_io();
        let base = self.base(values);
        self.log.install_base(base, self.now());
        self.run_io();
    }
}

#[test]
fn a_wish_for_durability_behind_the_line_does_not_keep_the_files_from_being_changed() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No] {
        for paused in [false, true] {
            let mut bench = bench(policy);
            bench.submit("first");
            bench.get_ready();
            bench.submit("covered by a sync that is under way");
            bench.log.want_durable(bench.log.appended(), bench.now());
            bench.begin_job();
            bench.submit("before the line");
            bench.log.pause_fsync(paused);
            bench.log.switch(bench.now());
            let behind = bench.submit("behind the line");
            // WAITAOF, or a SHUTDOWN, while the old file is not yet durable.
            bench.log.want_durable(behind, bench.now());
            for _ in 0..10 {
                bench.run_io();
                bench.pass(1_000);
            }
            assert_eq!(bench.log.watermarks().durable, behind, "{policy}, paused {paused}");
        }
    }
}

#[test]
fn a_base_that_comes_too_late_is_not_taken_for_that_of_the_next_rewrite() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.submit("a");
    bench.get_ready();
    bench.log.switch(bench.now());
    bench.run_io();
    let late = bench.base(&["a"]);
    bench.log.end_rewrite();
    bench.log.install_base(late, bench.now());
    bench.submit("b");
    bench.run_io();
    bench.get_ready();
    bench.log.switch(bench.now());
    bench.run_io();
    bench.submit("c");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    assert_eq!(after_kill(&bench.disk).unwrap().0, ["a", "b", "c"]);
}

#[test]
fn an_interrupted_sync_does_not_write_a_piece_of_the_base_twice() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.get_ready();
    bench.log.switch(bench.now());
    let mut base = bench.log.base_writer(BaseFormat::Commands, true);
    let piece = vec![7u8; 256 << 10];
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EINTR));
    for _ in 0..20 {
        if base.write_all(&piece).is_err() {
            return;
        }
    }
    assert_eq!(base.finish().unwrap().bytes(), 20 * piece.len() as u64);
}

#[test]
fn a_base_whose_write_failed_is_never_called_finished() {
    for (op, nth) in [(Op::Write, 1), (Op::Write, 3), (Op::Sync, 1)] {
        let mut bench = bench(FsyncPolicy::Always);
        bench.get_ready();
        bench.log.switch(bench.now());
        let mut base = bench.log.base_writer(BaseFormat::Commands, true);
        bench.disk.plant(op, nth, Fault::Errno(EIO));
        let piece = vec![7u8; 256 << 10];
        let failed = (0..20).filter(|_| base.write_all(&piece).is_err()).count();
        assert!(failed > 0, "{op:?} {nth}");
        assert!(base.finish().is_err(), "{op:?} {nth}: a base with a hole, or an fsync that failed, was called finished");
    }
}

#[test]
fn the_writer_of_an_abandoned_base_does_not_touch_that_of_the_next() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.submit("a");
    bench.get_ready();
    bench.log.switch(bench.now());
    bench.run_io();
    let abandoned = bench.log.base_writer(BaseFormat::Commands, false);
    bench.log.end_rewrite();
    bench.get_ready();
    bench.log.switch(bench.now());
    bench.run_io();
    let mut next = bench.log.base_writer(BaseFormat::Commands, false);
    next.write_all(&batch("a")).unwrap();
    // The encoder notices late that nobody wants it.
    drop(abandoned);
    bench.log.install_base(next.finish().unwrap(), bench.now());
    bench.run_io();
    assert_eq!(bench.log.rewrite(), RewriteState::Done);
    assert_eq!(after_kill(&bench.disk).unwrap().0, ["a"]);
}

#[test]
fn a_finished_base_that_nobody_wants_takes_no_space() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.submit("a");
    bench.get_ready();
    bench.log.switch(bench.now());
    bench.run_io();
    drop(bench.base(&["a"]));
    bench.log.end_rewrite();
    let names = bench.disk.list("appendonlydir").unwrap();
    assert!(!names.iter().any(|name| name.starts_with("temp-")), "{names:?}");
}

/// One failing step of a rewrite, a rewrite that succeeds, a restart: nothing but what the manifest names is left.
#[test]
fn after_a_failed_rewrite_and_one_that_succeeds_no_unnamed_file_is_left() {
    let mut bad = Vec::new();
    for op in [Op::Create, Op::Open, Op::Sync, Op::Rename, Op::SyncDir, Op::Remove, Op::Write] {
        for nth in 1..=6 {
            let mut bench = bench(FsyncPolicy::Always);
            bench.submit("a");
            bench.run_io();
            bench.disk.plant(op, nth, Fault::Errno(EIO));
            if bench.log.begin_rewrite(bench.now()).is_ok() {
                bench.run_io();
                if bench.log.rewrite() == RewriteState::Ready {
                    bench.log.switch(bench.now());
                    bench.run_io();
                    let mut base = bench.log.base_writer(BaseFormat::Commands, false);
                    if base.write_all(&batch("a")).is_ok()
                        && let Ok(base) = base.finish()
                    {
                        bench.log.install_base(base, bench.now());
                    }
                }
            }
            bench.run_io();
            bench.log.end_rewrite();
            bench.disk.heal();
            for _ in 0..5 {
                bench.pass(2_000_000);
                bench.run_io();
            }
            bench.rewrite(&["a"]);
            if bench.log.rewrite() != RewriteState::Done {
                bad.push(format!("{op:?} {nth}: the second rewrite is {:?}", bench.log.rewrite()));
                continue;
            }
            match after_kill(&bench.disk) {
                Ok((values, names)) => {
                    if values != ["a"] || names.len() != 3 {
                        bad.push(format!("{op:?} {nth}: {values:?}, {names:?}"));
                    }
                }
                Err(e) => bad.push(format!("{op:?} {nth}: {e}")),
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// What a failed sync of the directory left in doubt is put right by the next manifest, or by the next start; the segment never was in doubt.
#[test]
fn a_name_in_doubt_is_put_right_by_the_next_rewrite_or_start() {
    for restarts in [false, true] {
        let mut bench = bench(FsyncPolicy::Always);
        bench.submit("a");
        bench.run_io();
        bench.disk.plant(Op::SyncDir, 2, Fault::Errno(EIO));
        bench.log.begin_rewrite(bench.now()).unwrap();
        bench.run_io();
        assert!(matches!(bench.log.rewrite(), RewriteState::Failed(_)));
        bench.log.end_rewrite();
        let marks = |disk: &SimStorage| disk.paths().into_iter().filter(|path| path.contains(".fsync-failed")).collect::<Vec<_>>();
        assert_eq!(marks(&bench.disk), ["appendonlydir/.fsync-failed.appendonly.aof.manifest"]);
        if restarts {
            let disk = bench.disk.kill();
            disk.record();
            let (log, _) = load(&disk, Options { policy: FsyncPolicy::Always, ..Options::default() }, &bench.clock, 4).unwrap();
            assert!(!disk.take_recorded().iter().any(|recorded| recorded.path.contains(".copy")), "nothing is copied");
            bench = Bench { disk, clock: bench.clock, log };
        } else {
            bench.rewrite(&["a"]);
            assert_eq!(bench.log.rewrite(), RewriteState::Done);
        }
        assert_eq!(marks(&bench.disk), [""; 0]);
        bench.submit("b");
        bench.run_io();
        for seed in 0..20 {
            assert_eq!(after_kill(&bench.disk.power_loss(&mut Dice::new(seed))).unwrap().0, ["a", "b"], "seed {seed}");
        }
    }
}

fn begin_pending(disk: &SimStorage, clock: &Arc<AtomicU64>) -> Result<Log<SimStorage>, Error> {
    let time = clock.clone();
    let runtime = Runtime::stepped(Arc::new(move || time.load(Ordering::Relaxed)), 4);
    Log::begin(Arc::new(disk.clone()), Options { policy: FsyncPolicy::Always, ..Options::default() }, runtime, 100)
}

/// `CONFIG SET appendonly yes`, stopped after each operation of the disk; `earlier` with files of an earlier log.
fn pending_life(earlier: bool, arrange: impl Fn(&SimStorage)) -> (SimStorage, bool) {
    let disk = if earlier {
        let mut bench = bench(FsyncPolicy::Always);
        bench.submit("old");
        bench.run_io();
        bench.disk.kill()
    } else {
        SimStorage::new()
    };
    let clock = Arc::new(AtomicU64::new(1));
    arrange(&disk);
    if let Ok(log) = begin_pending(&disk, &clock) {
        let mut bench = Bench { disk: disk.clone(), clock, log };
        bench.submit("meanwhile");
        bench.run_io();
        let mut base = bench.log.base_writer(BaseFormat::Commands, false);
        if base.write_all(&batch("state")).is_ok()
            && let Ok(base) = base.finish()
        {
            bench.log.install_base(base, bench.now());
            bench.run_io();
        }
        let done = bench.log.rewrite() == RewriteState::Done;
        return (disk, done);
    }
    (disk, false)
}

#[test]
fn a_log_in_the_making_may_stop_anywhere_and_the_next_start_is_clean() {
    let mut bad = Vec::new();
    for earlier in [false, true] {
        let mut at = 0;
        loop {
            let (disk, done) = pending_life(earlier, |disk| disk.stop_at(disk.operations() + at));
            if !disk.has_stopped() {
                break;
            }
            match after_kill(&disk) {
                Ok((values, names)) => {
                    let old: &[&str] = if earlier { &["old"] } else { &[] };
                    let is_old = values == old;
                    let is_new = values == ["state", "meanwhile"];
                    if !(is_new || is_old && !done) || names.len() > 3 {
                        bad.push(format!("earlier {earlier}, stop at {at}, done {done}: {values:?} {names:?}"));
                    }
                }
                Err(e) => bad.push(format!("earlier {earlier}, stop at {at}: {e}")),
            }
            at += 1;
        }
        assert!(at > 15, "{at} operations");
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn a_log_in_the_making_whose_base_failed_can_be_given_another() {
    let mut bad = Vec::new();
    for op in [Op::Rename, Op::SyncDir, Op::Create, Op::Sync, Op::Write] {
        for nth in 1..=3 {
            let disk = SimStorage::new();
            let clock = Arc::new(AtomicU64::new(1));
            let log = begin_pending(&disk, &clock).unwrap();
            let mut bench = Bench { disk: disk.clone(), clock: clock.clone(), log };
            bench.submit("meanwhile");
            bench.run_io();
            let base = bench.base(&["state"]);
            disk.plant(op, nth, Fault::Errno(EIO));
            bench.log.install_base(base, bench.now());
            bench.run_io();
            disk.heal();
            if bench.log.rewrite() == RewriteState::Done {
                continue;
            }
            // The server drops the log and begins another.
            drop(bench);
            match begin_pending(&disk, &clock) {
                Ok(log) => {
                    let mut bench = Bench { disk: disk.clone(), clock, log };
                    let base = bench.base(&["second"]);
                    bench.log.install_base(base, bench.now());
                    bench.run_io();
                    match after_kill(&disk) {
                        Ok((values, names)) if values == ["second"] && names.len() == 3 => {}
                        Ok(other) => bad.push(format!("{op:?} {nth}: {other:?} {:?}", bench.log.rewrite())),
                        Err(e) => bad.push(format!("{op:?} {nth}: {e}")),
                    }
                }
                Err(e) => bad.push(format!("{op:?} {nth}: {e}")),
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The mark of a failed fsync is that of the file's final name, and not of a file that was begun before under the same one.
#[test]
fn a_log_in_the_making_marks_its_own_file() {
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1)));
    let marks = || disk.paths().into_iter().filter(|path| path.contains(".fsync-failed")).collect::<Vec<_>>();
    let begin = || Bench { disk: disk.clone(), clock: clock.clone(), log: begin_pending(&disk, &clock).unwrap() };
    let fail_a_sync = |bench: &mut Bench| {
        disk.plant(Op::Sync, 1, Fault::Errno(EIO));
        disk.fail_all(Op::Create, ENOSPC);
        bench.submit("meanwhile");
        bench.run_io();
        disk.heal();
        assert_eq!(marks(), ["appendonlydir/.fsync-failed.appendonly.aof.1.incr.aof"]);
    };
    let mut bench = begin();
    fail_a_sync(&mut bench);
    assert!(matches!(bench.log.rewrite(), RewriteState::Failed(_)));
    // The server drops the log and begins another.
    drop(bench);
    let mut bench = begin();
    let base = bench.base(&["state"]);
    bench.log.install_base(base, bench.now());
    bench.run_io();
    assert_eq!(bench.log.rewrite(), RewriteState::Done);
    assert_eq!(marks(), [""; 0]);
    fail_a_sync(&mut bench);
}

#[test]
fn beginning_a_rewrite_of_a_log_in_the_making_is_refused() {
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1)));
    let mut log = begin_pending(&disk, &clock).unwrap();
    log.end_rewrite();
    assert!(log.begin_rewrite(1).is_err(), "its manifest would be put in force without a base");
}

#[test]
fn history_is_not_collected_while_the_log_leaves_a_file() {
    let options = Options { policy: FsyncPolicy::Always, auto_gc: false, ..Options::default() };
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1_000_000)));
    let (log, _) = load(&disk, options, &clock, 4).unwrap();
    let mut bench = Bench { disk, clock, log };
    bench.submit("a");
    bench.rewrite(&["a"]);
    bench.log.end_rewrite();
    assert!(bench.disk.content("appendonlydir/appendonly.aof.1.incr.aof").is_some(), "history stays");
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    bench.submit("b");
    // The roll waits for an I/O thread when CONFIG SET aof-disable-auto-gc no comes.
    assert!(bench.log.status().is_err());
    bench.log.set_auto_collect(true);
    bench.run_io();
    bench.submit("c");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    assert!(bench.disk.content("appendonlydir/appendonly.aof.1.incr.aof").is_none(), "history goes");
    assert_eq!(after_kill(&bench.disk).unwrap().0, ["a", "b", "c"]);
}

/// `BGREWRITEAOF` right after `CONFIG SET aof-disable-auto-gc no`.
#[test]
fn a_rewrite_waits_for_a_collection_of_history() {
    let options = Options { policy: FsyncPolicy::Always, auto_gc: false, ..Options::default() };
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1_000_000)));
    let (log, _) = load(&disk, options, &clock, 4).unwrap();
    let mut bench = Bench { disk, clock, log };
    for round in 0..3 {
        bench.submit("a");
        bench.rewrite(&["a"]);
        bench.log.end_rewrite();
        bench.log.set_auto_collect(true);
        bench.log.set_auto_collect(false);
        bench.log.set_auto_collect(true);
        assert_eq!(bench.log.begin_rewrite(bench.now()), Ok(()));
        assert_eq!(bench.log.rewrite(), RewriteState::Preparing);
        assert!(bench.log.begin_rewrite(bench.now()).is_err(), "one at a time");
        match round {
            0 => bench.log.end_rewrite(),
            1 => {
                // The disk fails meanwhile: it begins when that is over, or fails, and nothing hangs.
                bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
                bench.submit("a");
            }
            _ => {}
        }
        bench.run_io();
        bench.pass(1_000_000);
        bench.run_io();
        let expected = if round == 0 { RewriteState::Idle } else { RewriteState::Ready };
        assert_eq!(bench.log.rewrite(), expected, "round {round}");
        let names = bench.disk.list("appendonlydir").unwrap();
        assert_eq!(names.iter().filter(|name| name.contains(".base.")).count(), 1, "history is gone: {names:?}");
        bench.log.end_rewrite();
        bench.log.set_auto_collect(false);
    }
    bench.rewrite(&["a"]);
    bench.submit("b");
    bench.run_io();
    assert_eq!(after_kill(&bench.disk).unwrap().0, ["a", "b"]);
}

#[test]
fn a_rewrite_that_waited_while_the_disk_failed_says_why_it_does_not_begin() {
    let options = Options { policy: FsyncPolicy::Always, auto_gc: false, ..Options::default() };
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1_000_000)));
    let (log, _) = load(&disk, options, &clock, 4).unwrap();
    let mut bench = Bench { disk, clock, log };
    bench.rewrite(&["a"]);
    bench.log.end_rewrite();
    bench.log.set_auto_collect(true);
    bench.log.begin_rewrite(bench.now()).unwrap();
    bench.disk.fail_all(Op::Write, ENOSPC);
    bench.disk.record();
    bench.submit("b");
    bench.run_io();
    assert_eq!(bench.log.rewrite(), RewriteState::Failed("No space left on device".to_owned()));
    let recorded = bench.disk.take_recorded();
    assert!(!recorded.iter().any(|recorded| recorded.path.contains("3.incr")), "nothing was begun: {recorded:?}");
}

/// A stop in the middle of a collection leaves history that is named and not there.
#[test]
fn no_new_file_takes_the_name_of_history() {
    let disk = SimStorage::new();
    let history = "file appendonly.aof.1.base.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type h\n";
    let manifest = format!("{history}file appendonly.aof.1.incr.aof seq 1 type i\n");
    disk.put("appendonlydir/appendonly.aof.manifest", manifest.as_bytes());
    disk.put("appendonlydir/appendonly.aof.1.incr.aof", &batch("a"));
    for rewritten in [false, true] {
        let disk = disk.kill();
        let options = Options { policy: FsyncPolicy::Always, auto_gc: false, ..Options::default() };
        let clock = Arc::new(AtomicU64::new(1_000_000));
        let (log, _) = load(&disk, options, &clock, 4).unwrap();
        let mut bench = Bench { disk, clock, log };
        // The log leaves its file for a new one, or begins with a new base.
        if rewritten {
            bench.rewrite(&["a"]);
        } else {
            bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
        }
        bench.submit("b");
        bench.run_io();
        bench.log.set_auto_collect(true);
        bench.run_io();
        assert_eq!(bench.log.watermarks().durable, bench.log.appended());
        assert_eq!(after_kill(&bench.disk).unwrap().0, ["a", "b"], "rewritten: {rewritten}");
    }
}

#[test]
fn history_survives_a_start_with_auto_gc_disabled_and_goes_at_one_without() {
    let keeps = Options { policy: FsyncPolicy::Always, auto_gc: false, ..Options::default() };
    let (disk, clock) = (SimStorage::new(), Arc::new(AtomicU64::new(1_000_000)));
    let (log, _) = load(&disk, keeps.clone(), &clock, 4).unwrap();
    let mut bench = Bench { disk, clock, log };
    bench.submit("a");
    bench.rewrite(&["a"]);
    let disk = bench.disk.kill();
    drop(load(&disk, keeps, &bench.clock, 4).unwrap());
    assert!(disk.content("appendonlydir/appendonly.aof.1.incr.aof").is_some());
    drop(load(&disk, Options::default(), &bench.clock, 4).unwrap());
    assert!(disk.content("appendonlydir/appendonly.aof.1.incr.aof").is_none());
}

#[test]
fn the_position_survives_a_loss_of_power_right_after_a_rewrite() {
    for seed in 0..60 {
        let mut bench = bench(FsyncPolicy::Everysec);
        bench.submit("a");
        bench.rewrite(&["a"]);
        let line = bench.log.appended();
        bench.submit("not synced");
        let disk = bench.disk.power_loss(&mut Dice::new(seed));
        let options = Options { corrupt_tail_max_bytes: u64::MAX, ..Options::default() };
        let (log, _) = load(&disk, options, &bench.clock, 4).unwrap();
        assert!(log.appended() >= line, "seed {seed}: the log goes on at {} instead of {line}", log.appended());
    }
}

#[test]
fn a_new_file_left_at_its_first_fsync_is_not_the_first_one_behind_the_base() {
    for cut_works in [true, false] {
        for seed in 0..40 {
            let mut bench = bench(FsyncPolicy::Always);
            bench.submit("a");
            bench.run_io();
            bench.get_ready();
            let line = bench.log.switch(bench.now());
            bench.run_io();
            bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
            if !cut_works {
                bench.disk.plant(Op::SetLen, 1, Fault::Errno(EIO));
            }
            bench.submit("b");
            bench.run_io();
            assert_eq!(bench.log.watermarks().durable, bench.log.appended());
            let base = bench.base(&["a"]);
            bench.log.install_base(base, bench.now());
            bench.run_io();
            assert_eq!(bench.log.rewrite(), RewriteState::Done);
            let appended = bench.log.appended();
            let (log, values) = load(&bench.disk.power_loss(&mut Dice::new(seed)), Options::default(), &bench.clock, 4).unwrap();
            assert_eq!((values, log.appended()), (vec!["a".to_owned(), "b".to_owned()], appended), "seed {seed}");
            assert!(line < appended);
        }
    }
}

#[test]
fn the_file_that_is_left_is_as_it_was_synced() {
    let limits = Limits { fill_ahead_bytes: 10_000, ..Limits::default() };
    let (mut bench, _) = open(&SimStorage::new(), Options { policy: FsyncPolicy::Always, limits, ..Options::default() }, 4);
    bench.submit("a");
    bench.log.begin_rewrite(bench.now()).unwrap();
    bench.run_io();
    let before = bench.disk.content("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
    assert!(before.ends_with(b"####\n"), "there is no filler");
    bench.log.switch(bench.now());
    bench.run_io();
    assert!(bench.disk.content("appendonlydir/appendonly.aof.2.incr.aof").unwrap().starts_with(b"#BLK:"), "the files were not changed");
    // Else a loss of power might leave zeros in its end, with nothing durable behind them that tells where it ends.
    assert_eq!(bench.disk.content("appendonlydir/appendonly.aof.1.incr.aof").unwrap(), before);
}

#[test]
fn a_kill_right_after_a_failed_sync_of_the_directory_finds_the_manifest_marked() {
    let mut stops = 0;
    for at in 0.. {
        let mut bench = bench(FsyncPolicy::Always);
        bench.submit("a");
        bench.run_io();
        // The one behind the rename of the manifest.
        bench.disk.plant(Op::SyncDir, 2, Fault::Errno(EIO));
        bench.disk.stop_at(bench.disk.operations() + at);
        bench.log.begin_rewrite(bench.now()).unwrap();
        bench.run_io();
        if !bench.disk.has_stopped() {
            break;
        }
        stops += 1;
        let disk = bench.disk.kill();
        let options = Options { policy: FsyncPolicy::Always, ..Options::default() };
        let (log, values) = load(&disk, options, &bench.clock, 4).unwrap();
        assert_eq!(values, ["a"], "stopped at {at}");
        let mut next = Bench { disk: disk.clone(), clock: bench.clock.clone(), log };
        next.submit("b");
        next.run_io();
        for seed in 0..20 {
            let after = after_kill(&disk.power_loss(&mut Dice::new(seed))).unwrap().0;
            assert_eq!(after, ["a", "b"], "stopped at {at}, seed {seed}");
        }
    }
    assert!(stops > 10, "{stops} operations");
}
