//! What the server and its operator see while the disk fails or stalls, and what stands in the files.

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bench::{Bench, batch, bench, open};
use graven_aof::sim::{Dice, EIO, ENOSPC, Fault, Op, SimStorage};
use graven_aof::{Clients, File, FsyncPolicy, Limits, OpenMode, Options, Recovery, Runtime, Storage, Work};

const INCR_1: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const INCR_2: &str = "appendonlydir/appendonly.aof.2.incr.aof";

#[test]
fn under_everysec_an_acknowledged_write_survives_a_kill_while_an_fsync_stalls() {
    let mut bench = bench(FsyncPolicy::Everysec);
    bench.submit("first");
    // The sync of the first second begins, and does not end.
    assert!(bench.begin_job());
    for i in 0..50 {
        let lsn = bench.submit(&format!("stalled {i}"));
        bench.begin_job();
        assert_eq!(bench.log.watermarks().written, lsn, "written without waiting for the sync");
        bench.pass(100_000);
    }
    let info = bench.log.info(bench.now());
    assert_eq!(info.pending_bio_fsync, 1);
    assert!((4..=6).contains(&info.delayed_fsync), "{} late seconds", info.delayed_fsync);
    assert!(info.at_risk_ms >= 4_900 && info.at_risk_bytes > 0, "{info:?}");
    assert_eq!(bench.log.watermarks().durable, 0);
    let (_, values) = open(&bench.disk.kill(), Options::default(), 4);
    assert_eq!(values, 51);
    bench.run_io();
    bench.pass(1);
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    assert_eq!(bench.log.info(bench.now()).at_risk_ms, 0);
}

/// Under `always`; each look at the clock moves it, so that an inline sync takes as long.
fn bench_with_syncs_of(sync_us: u64) -> Bench {
    let mut bench = bench(FsyncPolicy::Always);
    let clock = bench.clock.clone();
    let runtime = Runtime::stepped(Arc::new(move || clock.fetch_add(sync_us, Ordering::Relaxed)), 4);
    let mut recovery = Recovery::open(Arc::new(bench.disk.kill()), Options { policy: FsyncPolicy::Always, ..Options::default() }).unwrap();
    assert!(recovery.next_part().unwrap().is_none());
    bench.log = recovery.finish(runtime).unwrap().0;
    bench
}

/// A disk that has just been found slow.
fn slow_disk_bench() -> Bench {
    let mut bench = bench_with_syncs_of(6_000);
    bench.submit("inline");
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    // A few run alone, to see whether the disk is slow also when not inline.
    for i in 0..5 {
        bench.submit(&format!("alone {i}"));
        bench.run_io();
    }
    bench
}

/// Eight clients lately came together, on a fast disk. What it gives submits for so many of them, and tells whether all is durable.
fn eight_together() -> (Bench, impl Fn(&mut Bench, u64) -> bool) {
    let mut bench = bench_with_syncs_of(100);
    let submit = |bench: &mut Bench, clients: u64| {
        bench.log.note_turn(Clients { connected: 8, waiting: 0 }, Work { commands: clients, reads: clients });
        bench.submit("x") == bench.log.watermarks().durable
    };
    for _ in 0..50 {
        assert!(submit(&mut bench, 8), "as many as usual leave at once");
        assert!(!bench.log.is_gathering());
    }
    (bench, submit)
}

#[test]
fn under_always_a_block_waits_on_a_free_disk_for_those_who_usually_come_with_it() {
    let (mut bench, submit) = eight_together();
    assert!(!submit(&mut bench, 1) && bench.log.is_gathering());
    assert!(submit(&mut bench, 6), "seven of eight are enough");

    assert!(!submit(&mut bench, 2));
    let until_us = bench.log.next_deadline().expect("it does not wait for ever");
    assert!(until_us > bench.now() && until_us < bench.now() + 100, "{}", until_us - bench.now());
    bench.pass(until_us - bench.now());
    assert_eq!(bench.log.watermarks().durable, bench.log.appended(), "the others did not come");
    assert!(submit(&mut bench, 2), "they are not waited for again at once");
}

#[test]
fn a_block_that_waits_for_company_leaves_when_it_is_wanted() {
    let (mut bench, submit) = eight_together();
    assert!(!submit(&mut bench, 1));
    bench.log.want_durable(bench.log.appended(), bench.now());
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());

    let (mut bench, submit) = eight_together();
    assert!(!submit(&mut bench, 1));
    bench.log.flush(1_000_000).unwrap();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());

    let (mut bench, submit) = eight_together();
    assert!(!submit(&mut bench, 1) && bench.log.is_gathering());
    bench.log.set_policy(FsyncPolicy::Everysec, bench.now());
    assert!(!bench.log.is_gathering(), "nobody waits for its sync");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
}

#[test]
fn under_always_a_small_block_behind_a_large_one_gathers_for_a_moment() {
    let mut bench = slow_disk_bench();
    let in_flight = |bench: &Bench| bench.log.info(0).pending_bio_fsync;
    bench.submit(&"large".repeat(200));
    assert_eq!((in_flight(&bench), bench.log.next_deadline()), (1, None), "nothing is in flight: it starts at once");
    let submitted_us = bench.now();
    bench.submit("small");
    assert_eq!(in_flight(&bench), 1);
    let until_us = bench.log.next_deadline().expect("it does not wait for the disk");
    assert!(until_us > submitted_us && until_us <= submitted_us + 1_000, "{}", until_us - submitted_us);
    bench.pass(until_us - submitted_us);
    assert_eq!((in_flight(&bench), bench.log.next_deadline()), (2, None));
    bench.submit("small");
    bench.submit(&"not small".repeat(40));
    assert_eq!(in_flight(&bench), 3, "together they are a fair share");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
}

#[test]
fn under_always_syncs_overlap_on_a_slow_disk_and_a_later_one_covers_the_earlier() {
    let mut bench = slow_disk_bench();
    let before = bench.log.watermarks();
    let lsns: Vec<u64> = (0..4).map(|i| bench.submit(&format!("overlapping {i}"))).collect();
    assert_eq!(bench.log.watermarks(), graven_aof::Watermarks { appended: lsns[3], ..before });
    for _ in 0..4 {
        assert!(bench.begin_job());
    }
    assert_eq!(bench.log.info(0).pending_bio_fsync, 4);
    // The third ends first.
    bench.log.step(&mut |_| 2, 0);
    assert_eq!(bench.log.watermarks().durable, lsns[2]);
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, lsns[3]);
}

#[test]
fn a_full_disk_is_reported_leaves_whole_blocks_and_is_forgotten_when_space_returns() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No] {
        let mut bench = bench(policy);
        let kept = bench.submit("fits");
        bench.run_io();
        let whole = bench.disk.content(INCR_1).unwrap();
        bench.disk.set_capacity(Some(bench.disk.used() + 100));
        for i in 0..10 {
            bench.submit(&format!("does not fit {i} {}", "x".repeat(200)));
            bench.pass(30_000);
            bench.run_io();
        }
        assert_eq!(bench.log.status().unwrap_err().message, "No space left on device");
        assert_eq!(bench.log.watermarks().written, kept);
        assert_eq!(bench.disk.content(INCR_1).unwrap(), whole, "no half block");
        assert!(!bench.log.info(0).last_write_ok);
        bench.disk.heal();
        bench.pass(1_100_000);
        bench.run_io();
        assert_eq!(bench.log.status(), Ok(()));
        assert_eq!(bench.log.watermarks().written, bench.log.appended());
        let info = bench.log.info(0);
        assert!(info.last_write_ok && info.last_error == "No space left on device");
        let (_, values) = open(&bench.disk.kill(), Options::default(), 1);
        assert_eq!(values, 11);
        assert!(bench.disk.content(INCR_2).is_none(), "a write that could be undone does not cost a file");
    }
}

fn bench_with_filler(bytes: u64) -> Bench {
    let limits = Limits { fill_ahead_bytes: bytes, ..Limits::default() };
    open(&SimStorage::new(), Options { policy: FsyncPolicy::Always, limits, ..Options::default() }, 4).0
}

#[test]
fn filler_for_which_there_is_no_room_is_left_out_and_that_of_a_full_disk_is_used_up() {
    let mut bench = bench_with_filler(5_000);
    bench.disk.set_capacity(Some(bench.disk.used() + 1_000));
    bench.submit("the filler does not fit");
    bench.run_io();
    assert_eq!((bench.log.status(), bench.log.watermarks().durable), (Ok(()), bench.log.appended()));
    assert!(bench.disk.content(INCR_1).unwrap().ends_with(b"the filler does not fit\r\n"));
    bench.disk.heal();
    bench.submit("now it does");
    bench.run_io();
    let filled = bench.disk.content(INCR_1).unwrap();
    assert!(filled.len() > 5_000 && filled.ends_with(b"###\n"));
    bench.disk.set_capacity(Some(bench.disk.used()));
    let mut kept = 2;
    while bench.log.status().is_ok() {
        bench.submit(&format!("over the filler {}", "x".repeat(100)));
        bench.run_io();
        kept += usize::from(bench.log.status().is_ok());
        assert!(kept < 100);
    }
    assert!(kept > 20, "{kept} had room");
    assert_eq!(bench.log.status().unwrap_err().message, "No space left on device");
    assert!(bench.disk.content(INCR_1).unwrap().ends_with(b"x\r\n"), "no half block");
    assert_eq!(open(&bench.disk.kill(), Options::default(), 1).1, kept);
    bench.disk.heal();
    bench.pass(1_100_000);
    bench.run_io();
    assert_eq!((bench.log.status(), bench.log.watermarks().durable), (Ok(()), bench.log.appended()));
    assert_eq!(open(&bench.disk.power_loss(&mut Dice::new(1)), Options::default(), 1).1, kept + 1);
    assert!(bench.disk.content(INCR_2).is_none(), "a write that could be undone does not cost a file");
}

/// Else a lost sector before it could pass for the end of filler, and what a client wrote behind that line for commands.
#[test]
fn a_block_that_holds_a_line_of_filler_is_not_laid_over_filler() {
    let line = format!("{}\n", "#".repeat(63));
    for (value, is_cut) in [("x".repeat(64), false), (line.clone(), true), (format!("x{}x", line.repeat(5)), true)] {
        let mut bench = bench_with_filler(5_000);
        bench.submit("first");
        bench.run_io();
        bench.disk.record();
        bench.submit(&value);
        bench.run_io();
        let operations: Vec<_> = bench.disk.take_recorded().into_iter().map(|recorded| recorded.op).collect();
        assert_eq!(operations.starts_with(&[Op::SetLen, Op::Write]), is_cut, "{operations:?}");
        assert!(bench.disk.content(INCR_1).unwrap().ends_with(b"###\n"), "there is filler behind it");
        assert_eq!(open(&bench.disk.kill(), Options::default(), 1).1, 2);
    }
}

#[test]
fn large_blocks_and_other_policies_bring_no_filler() {
    let mut bench = bench_with_filler(5_000);
    bench.submit(&"x".repeat(2_000));
    bench.run_io();
    assert!(bench.disk.content(INCR_1).unwrap().ends_with(b"x\r\n"));
    bench.submit("small");
    bench.run_io();
    assert!(bench.disk.content(INCR_1).unwrap().ends_with(b"###\n"));
    bench.log.set_policy(FsyncPolicy::Everysec, bench.now());
    bench.submit(&"y".repeat(20_000));
    bench.run_io();
    let file = bench.disk.content(INCR_1).unwrap();
    assert!(file.ends_with(b"y\r\n") && file.len() < 24_000, "over the filler, and none behind");
}

#[test]
fn a_disk_slower_than_the_clients_saturates_instead_of_filling_memory() {
    let limits = Limits { queued_bytes: 10_000, retained_bytes: 50_000, early_sync_bytes: 20_000, ..Limits::default() };
    let (mut bench, _) = open(&SimStorage::new(), Options { limits, ..Options::default() }, 2);
    bench.submit("x");
    bench.begin_job();
    // One sync stalls; writes go on until too much is at risk.
    let mut submitted = 0;
    while !bench.log.is_saturated() {
        bench.submit(&"y".repeat(1_000));
        bench.begin_job();
        submitted += 1;
        assert!(submitted < 100, "never saturated");
    }
    assert!(submitted > 40, "the retained limit, not the queue's");
    bench.run_io();
    bench.run_io();
    assert!(!bench.log.is_saturated());
    // Nobody writes at all any more: the queue's limit.
    bench.disk.fail_all(Op::Write, ENOSPC);
    let mut submitted = 0;
    while !bench.log.is_saturated() {
        bench.submit(&"z".repeat(1_000));
        submitted += 1;
        assert!(submitted < 20, "never saturated");
    }
    bench.disk.heal();
    bench.pass(2_000_000);
    bench.run_io();
    assert!(!bench.log.is_saturated());
}

#[test]
fn turning_to_always_makes_what_was_before_durable() {
    for from in [FsyncPolicy::No, FsyncPolicy::Everysec] {
        let mut bench = bench(from);
        bench.submit("before");
        bench.submit("also before");
        bench.log.set_policy(FsyncPolicy::Always, bench.now());
        bench.run_io();
        assert_eq!(bench.log.watermarks().durable, bench.log.appended());
    }
}

#[test]
fn under_no_a_failed_fsync_at_the_end_still_saves_what_was_forgotten() {
    let mut bench = bench(FsyncPolicy::No);
    for i in 0..20 {
        bench.submit(&format!("forgotten {i}"));
    }
    assert_eq!(bench.log.watermarks().written, bench.log.appended());
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    let _ = bench.log.flush(1_000_000);
    bench.pass(2_000_000);
    bench.log.flush(1_000_000).unwrap();
    let (_, values) = open(&bench.disk.power_loss(&mut Dice::new(3)), Options::default(), 1);
    assert_eq!(values, 20);
}

#[test]
fn whoever_wants_durability_under_no_gets_it_with_one_fsync_for_all() {
    let mut bench = bench(FsyncPolicy::No);
    let first = bench.submit("a");
    let second = bench.submit("b");
    bench.pass(60_000_000);
    assert!(!bench.begin_job(), "nobody wants a sync");
    let now = bench.now();
    bench.log.want_durable(first, now);
    assert_eq!(bench.log.watermarks().durable, 0, "the executing thread does not sync");
    assert!(bench.begin_job());
    bench.log.want_durable(second, now);
    let third = bench.submit("c");
    assert!(bench.begin_job(), "while a sync runs, a thread writes");
    bench.log.want_durable(third, now);
    bench.log.want_durable(u64::MAX, now);
    assert_eq!(bench.log.info(now).pending_bio_fsync, 1);
    assert!(bench.log.step(&mut |_| 0, now));
    assert_eq!(bench.log.watermarks().durable, second, "what was written when the sync began");
    assert_eq!(bench.log.info(now).pending_bio_fsync, 1, "another one for what came later");
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, third);
    bench.submit("d");
    bench.log.want_durable(third, now);
    assert!(!bench.begin_job(), "what is durable needs no sync, and nobody wants more");
}

#[test]
fn a_wanted_fsync_that_fails_is_made_up_for_in_a_new_file() {
    let mut bench = bench(FsyncPolicy::No);
    let lsn = bench.submit("wanted");
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    bench.log.want_durable(lsn, bench.now());
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, lsn);
    assert_eq!(open(&bench.disk.power_loss(&mut Dice::new(5)), Options::default(), 1).1, 1);
}

#[test]
fn under_no_what_is_at_risk_is_exact_and_its_age_is_that_of_its_oldest_byte() {
    let mut bench = bench(FsyncPolicy::No);
    let covered = bench.submit("before");
    bench.pass(10_000_000);
    let info = bench.log.info(bench.now());
    assert_eq!((info.at_risk_bytes, info.at_risk_ms), (covered, 10_000));
    bench.log.want_durable(covered, bench.now());
    assert!(bench.begin_job());
    bench.pass(3_000_000);
    let behind = bench.submit("while it syncs") - covered;
    assert!(bench.begin_job(), "it is written, and memory forgets it");
    bench.pass(1_000_000);
    let info = bench.log.info(bench.now());
    assert_eq!((info.at_risk_bytes, info.at_risk_ms), (covered + behind, 14_000));
    bench.run_io();
    let info = bench.log.info(bench.now());
    assert_eq!(info.at_risk_bytes, behind);
    assert!((1_000..=4_000).contains(&info.at_risk_ms), "since it was appended, or at most since the sync began: {}", info.at_risk_ms);
    bench.log.want_durable(u64::MAX, bench.now());
    bench.run_io();
    let info = bench.log.info(bench.now());
    assert_eq!((info.at_risk_bytes, info.at_risk_ms), (0, 0));
}

#[test]
fn under_no_what_cannot_be_read_back_is_told_with_a_way_out() {
    for missing in [false, true] {
        let mut bench = bench(FsyncPolicy::No);
        let lsn = bench.submit("forgotten");
        let file = bench.disk.open(INCR_1, OpenMode::Write).unwrap();
        file.set_len(file.len().unwrap() - 5).unwrap();
        if !missing {
            file.write_at(file.len().unwrap(), &[std::io::IoSlice::new(&[0; 5])]).unwrap();
        }
        bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
        bench.log.want_durable(lsn, bench.now());
        bench.run_io();
        let message = bench.log.status().unwrap_err().message.clone();
        assert!(message.contains("can't be read back; SAVE, then SHUTDOWN NOSAVE FORCE"), "{message}");
        assert_eq!(bench.log.watermarks().durable, 0);
    }
}

#[test]
fn a_flush_in_vain_says_why() {
    let mut bench = bench(FsyncPolicy::Everysec);
    bench.disk.fail_all(Op::Write, ENOSPC);
    bench.submit("x");
    let text = bench.log.flush(1_000).unwrap_err().to_string();
    assert!(text.contains("No space left on device"), "{text}");
}

#[test]
fn a_flush_on_a_failing_disk_gives_up_soon_although_a_slow_one_would_be_waited_for() {
    let disk = SimStorage::new();
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let time = clock.clone();
    let mut runtime = Runtime::new(|| ());
    // Each look at the clock takes a fifth of a second, so that this takes no real seconds.
    runtime.clock = Arc::new(move || time.fetch_add(200_000, Ordering::Relaxed));
    let options = Options { policy: FsyncPolicy::No, ..Options::default() };
    let (mut log, _) = Recovery::open(Arc::new(disk.clone()), options).unwrap().finish(runtime).unwrap();
    log.submit(&mut batch("x"), clock.load(Ordering::Relaxed));
    disk.fail_all(Op::Sync, EIO);
    let text = log.flush(600_000_000).unwrap_err().to_string();
    assert!(text.contains("Input/output error"), "{text}");
    let gave_up_us = clock.load(Ordering::Relaxed);
    assert!(gave_up_us < 60_000_000);
    // By now it has failed for long: one more attempt is enough.
    let synced = disk.operations();
    log.flush(600_000_000).unwrap_err();
    assert!(disk.operations() > synced, "there was no attempt");
    assert!(clock.load(Ordering::Relaxed) < gave_up_us + 2_000_000);
    disk.heal();
    log.flush(600_000_000).unwrap();
}

#[test]
fn paused_fsyncs_wait_and_go_on() {
    let mut bench = bench(FsyncPolicy::Everysec);
    bench.log.pause_fsync(true);
    bench.submit("x");
    bench.pass(5_000_000);
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, 0);
    assert_eq!(bench.log.next_deadline(), None);
    bench.log.pause_fsync(false);
    bench.pass(0);
    bench.run_io();
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
}

#[test]
fn buffers_are_recycled_and_given_back_after_a_burst() {
    let mut bench = bench(FsyncPolicy::Always);
    let mut seen = std::collections::BTreeSet::new();
    let mut content = Vec::with_capacity(100_000);
    for _ in 0..1_000 {
        content.extend(batch(&"v".repeat(70_000)));
        seen.insert(content.as_ptr() as usize);
        let now = bench.now();
        bench.log.submit(&mut content, now);
        bench.run_io();
        bench.pass(10);
    }
    assert!(seen.len() <= 3, "{} buffers for one batch at a time", seen.len());
}

#[test]
fn while_a_rewrite_keeps_the_file_from_being_left_nothing_is_due() {
    let mut bench = bench(FsyncPolicy::Always);
    bench.submit("a");
    bench.run_io();
    // Its first job is under way, and does not end.
    bench.log.begin_rewrite(bench.now()).unwrap();
    bench.disk.plant(Op::Sync, 1, Fault::Errno(EIO));
    bench.submit("b");
    assert!(bench.log.status().is_err());
    bench.pass(10);
    assert_eq!(bench.log.next_deadline(), None, "the caller would come back again and again");
    bench.run_io();
    assert_eq!(bench.log.status(), Ok(()));
    assert_eq!(bench.log.watermarks().durable, bench.log.appended());
}
