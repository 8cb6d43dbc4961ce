//! After a failed fsync nobody believes what the cache shows: not the log, and not the next process.

mod bench;

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bench::{batch, bench, open};
use graven_aof::sim::{Dice, EIO, ENOSPC, Fault, Op, SimStorage};
use graven_aof::{File, FsyncPolicy, Limits, OpenMode, Options, Recovery, Runtime, Storage};

const INCR_1: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const INCR_2: &str = "appendonlydir/appendonly.aof.2.incr.aof";

#[test]
fn after_a_failed_fsync_the_file_is_left_and_what_was_not_durable_is_written_again() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::Everysec] {
        let mut bench = bench(policy);
        bench.submit("durable");
        bench.run_io();
        bench.pass(1_100_000);
        let durable = bench.log.watermarks().durable;
        let durable_bytes = bench.disk.content(INCR_1).unwrap();
        assert_eq!(durable, bench.log.appended());
        bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
        bench.disk.fail_all(Op::Create, ENOSPC);
        bench.submit("doubtful");
        bench.run_io();
        assert_eq!(bench.log.status().unwrap_err().message, "No space left on device", "the latest reason");
        assert_eq!(bench.log.watermarks().durable, durable);
        assert!(!bench.log.info(0).last_fsync_ok);
        assert_eq!(marks(&bench.disk), [".fsync-failed.appendonly.aof.1.incr.aof"]);
        bench.submit("waiting");
        bench.disk.heal();
        bench.pass(1_100_000);
        bench.run_io();
        assert_eq!(bench.log.status(), Ok(()));
        assert_eq!(marks(&bench.disk), [""; 0]);
        assert_eq!(bench.log.watermarks().durable, bench.log.appended());
        assert_eq!(bench.disk.content(INCR_1).unwrap(), durable_bytes, "the old file ends where it was durable");
        let second =
            String::from_utf8(bench.disk.content("appendonlydir/appendonly.aof.3.incr.aof").or(bench.disk.content(INCR_2)).unwrap())
                .unwrap();
        assert!(second.contains("doubtful") && second.contains("waiting"), "{second}");
        let (_, values) = open(&bench.disk.power_loss(&mut Dice::new(1)), Options::default(), 1);
        assert_eq!(values, 3);
    }
}

/// A log whose process was killed before anything was durable, in the middle of a block if `is_torn`, and after a rewrite
/// had named an empty file behind it if `is_followed`.
fn killed_disk(is_torn: bool, is_followed: bool) -> SimStorage {
    let mut bench = bench(FsyncPolicy::No);
    if is_followed {
        bench.log.begin_rewrite(bench.now()).unwrap();
        bench.run_io();
    }
    for i in 0..20 {
        bench.submit(&format!("{i} {}", "not durable ".repeat(20)));
    }
    let disk = bench.disk.kill();
    assert_eq!(disk.content(INCR_2), is_followed.then(Vec::new));
    if is_torn {
        let file = disk.open(INCR_1, OpenMode::Write).unwrap();
        file.write_at(file.len().unwrap(), &[IoSlice::new(b"#BLK:v1;")]).unwrap();
    }
    disk
}

#[test]
fn what_a_start_could_not_sync_is_not_believed_by_the_next_one() {
    for (is_torn, is_followed) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut nth = 0;
        loop {
            nth += 1;
            let disk = killed_disk(is_torn, is_followed);
            disk.plant(Op::Sync, nth, Fault::Errno(EIO));
            if !is_believed_only_when_durable(&disk, 20, &format!("sync {nth} failed, torn: {is_torn}, followed: {is_followed}")) {
                break;
            }
        }
        assert!(nth > 1 + u64::from(is_torn) + u64::from(is_followed), "each sync of the start failed once");
    }
}

/// Syncs of the directory too: of a new log, of one that is taken over, and of one that has a base and needs a segment.
#[test]
fn a_name_that_a_start_could_not_sync_is_not_believed_by_the_next_one() {
    let base = [("appendonlydir/appendonly.aof.manifest", b"file b.aof seq 1 type b\n".to_vec()), ("appendonlydir/b.aof", batch("a"))];
    let directories = [vec![], vec![("appendonly.aof", batch("a"))], base.to_vec()];
    for (files, op) in directories.iter().flat_map(|files| [(files, Op::Sync), (files, Op::SyncDir), (files, Op::Rename)]) {
        for nth in 1.. {
            let disk = SimStorage::new();
            disk.put(".exists", b"");
            files.iter().for_each(|(path, content)| disk.put(path, content));
            disk.plant(op, nth, Fault::Errno(EIO));
            if !is_believed_only_when_durable(&disk, files.len().min(1), &format!("{op:?} {nth} of {files:?}")) {
                break;
            }
        }
    }
}

/// A kill in the middle of a rewrite leaves names that are not durable yet, of which the manifest's may be one.
#[test]
fn a_name_that_a_kill_left_uncertain_and_a_start_could_not_sync_is_not_believed_by_the_next_one() {
    let mut refused = 0;
    for stop in 0.. {
        let mut bench = bench(FsyncPolicy::Always);
        bench.submit("a");
        bench.run_io();
        bench.disk.stop_at(bench.disk.operations() + stop);
        bench.log.begin_rewrite(bench.now()).unwrap();
        bench.run_io();
        for nth in 1..4 {
            let disk = bench.disk.kill();
            disk.plant(Op::SyncDir, nth, Fault::Errno(EIO));
            refused += usize::from(is_believed_only_when_durable(&disk, 1, &format!("stop {stop}, sync {nth} of a directory")));
        }
        if !bench.disk.has_stopped() {
            break;
        }
    }
    assert!(refused > 10, "{refused}");
}

/// The single file of a Redis that was killed: nothing of it is durable before our first start.
#[test]
fn a_base_that_a_start_could_not_sync_is_not_believed_by_the_next_one() {
    let mut nth = 0;
    loop {
        nth += 1;
        let disk = SimStorage::new();
        disk.put(".exists", b"");
        let file = disk.open("appendonly.aof", OpenMode::CreateNew).unwrap();
        for i in 0..40 {
            file.write_at(file.len().unwrap(), &[IoSlice::new(&batch(&i.to_string()))]).unwrap();
        }
        disk.sync_dir("").unwrap();
        let disk = disk.kill();
        disk.plant(Op::Sync, nth, Fault::Errno(EIO));
        if !is_believed_only_when_durable(&disk, 40, &format!("sync {nth} failed")) {
            break;
        }
    }
    assert!(nth > 3, "the base was synced");
}

/// Starts on this disk, whose fault ends the first start, and again; goes on, and loses power. False if the first start did not fail.
fn is_believed_only_when_durable(disk: &SimStorage, count: usize, what: &str) -> bool {
    let time = Arc::new(AtomicU64::new(1_000_000));
    if bench::load(disk, Options::default(), &time, 4).is_ok() {
        return false;
    }
    let (mut bench, values) = open(&disk.kill(), Options { policy: FsyncPolicy::Always, ..Options::default() }, 4);
    assert_eq!(values, count, "{what}");
    assert_eq!(marks(&bench.disk), [""; 0], "{what}");
    let lsn = bench.submit("acknowledged");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, lsn, "{what}");
    for seed in 0..20 {
        let lost = bench.disk.power_loss(&mut Dice::new(seed));
        let loaded = bench::load(&lost, Options::default(), &time, 4);
        let values = loaded.map(|(_, values)| values.len()).map_err(|e| e.to_string());
        assert_eq!(values, Ok(count + 1), "{what}, seed {seed}");
    }
    true
}

/// The marks of files that an fsync has failed for.
fn marks(disk: &SimStorage) -> Vec<String> {
    disk.list("appendonlydir").unwrap().into_iter().filter(|name| name.starts_with(".fsync-failed")).collect()
}

/// The kernel may drop such pages at any time, also after they were read.
#[test]
fn the_copy_of_a_file_in_doubt_is_what_is_loaded_and_what_stays() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.submit("a");
    bench.run_io();
    let disk = bench.disk.kill();
    let content = disk.content(INCR_1).unwrap();
    disk.put("appendonlydir/.fsync-failed.appendonly.aof.1.incr.aof", b"");
    disk.put("appendonlydir/temp-appendonly.aof.0.copy", b"of a start that was stopped");
    disk.put("appendonlydir/temp-appendonly.aof.9.copy", b"the same");
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options::default()).unwrap();
    disk.flip_bit(INCR_1, content.len() - 3, 1);
    while recovery.next_part().unwrap().is_some() {}
    disk.flip_bit(INCR_1, content.len() - 4, 1);
    let (_, summary) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
    assert!(summary.warnings[0].contains(&format!("{INCR_1} had failed")), "{:?}", summary.warnings);
    assert_eq!(disk.power_loss(&mut Dice::new(1)).content(INCR_1).unwrap(), content);
    assert!(!disk.paths().iter().any(|path| path.ends_with(".copy")) && marks(&disk).is_empty(), "{:?}", disk.paths());
}

#[test]
fn a_sync_that_succeeds_beside_a_failed_one_is_not_believed() {
    let mut bench = bench(FsyncPolicy::Everysec);
    bench.submit("first");
    bench.begin_job();
    bench.submit("second");
    bench.begin_job();
    bench.log.set_policy(FsyncPolicy::Always, bench.now());
    // Two syncs of the same file are now under way or due; whichever ends first fails and drops both writes.
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    bench.run_io();
    for _ in 0..30 {
        bench.pass(100_000);
        bench.run_io();
    }
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    let (_, values) = open(&bench.disk.power_loss(&mut Dice::new(7)), Options::default(), 1);
    assert_eq!(values, 2);
}

#[test]
fn the_cut_of_filler_is_synced_and_the_file_left_if_that_fails() {
    let limits = Limits { fill_ahead_bytes: 10_000, ..Limits::default() };
    let (mut bench, _) = open(&SimStorage::new(), Options { policy: FsyncPolicy::Always, limits, ..Options::default() }, 4);
    bench.submit("a");
    bench.log.flush(1_000_000).unwrap();
    assert_eq!(bench.log.status(), Ok(()));
    bench.submit("b");
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    bench.log.flush(1_000_000).unwrap();
    assert!(bench.log.status().is_err(), "nobody synced the cut");
    bench.pass(10);
    bench.run_io();
    bench.submit("c");
    assert_eq!((bench.log.status(), bench.log.watermarks().durable), (Ok(()), bench.log.appended()));
    for seed in 0..20 {
        assert_eq!(open(&bench.disk.power_loss(&mut Dice::new(seed)), Options::default(), 1).1, 3);
    }
}
