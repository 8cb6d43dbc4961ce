//! Acknowledged means kept, also when the machine loses power: the real binary on a file system that drops what was not synced.
//!
//! Sectors, sizes and names survive by chance (`testkit/src/power`), rewrites and snapshots go on, and restarts are interrupted by
//! further losses. Where no FUSE file system can be mounted the tests say so and pass.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use graven_testkit::history::power::{Losses, run_on};
use graven_testkit::history::{MayLose, Moment, Plan, Summary};
use graven_testkit::power::{Ignored, LossyDisk, Order};
use graven_testkit::process::Builder;
use graven_testkit::{Program, Server};

fn graven(policy: &str) -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", policy)
}

fn disk(order: Order) -> Option<LossyDisk> {
    LossyDisk::mount(order).map_err(graven_testkit::skipped).ok()
}

fn plan(seed: u64, rounds: usize) -> Plan {
    Plan { kill_after_ms: (5, 150), upkeep: true, pause: Duration::from_micros(200), ..Plan::kills(seed, rounds, 4) }
}

/// An fsync every second, and some time for the fsync itself and a busy machine.
const EVERYSEC_BOUND: MayLose = MayLose::Younger(Duration::from_millis(1_800));

/// Runs a plan; a start that is refused because of a damaged tail is repeated with the option that the message names.
fn survives(
    policy: &str,
    order: Order,
    plan: &Plan,
    mut act: impl FnMut(&mut LossyDisk, &mut Server, Moment),
) -> Option<(Summary, Losses)> {
    let mut disk = disk(order)?;
    let mut server = graven(policy).data(disk.path()).prepare().unwrap();
    let run = run_on(&mut disk, &mut server, plan, |disk, server, moment| {
        match moment {
            Moment::Refused => {
                let log = server.log();
                let told = log.lines().rev().find(|line| line.contains("aof-load-corrupt-tail-max-size"));
                assert!(told.is_some(), "the refusal names no remedy:\n{log}");
                server.set_option("aof-load-corrupt-tail-max-size", 64 << 20);
            }
            Moment::Killed => a_snapshot_is_whole_or_absent(&server.data().join("dump.rdb")),
            Moment::Dying => server.set_option("aof-load-corrupt-tail-max-size", 0),
            _ => {}
        }
        act(disk, server, moment);
        Ok(())
    });
    let (summary, losses) = run.unwrap();
    println!("{policy}, {order:?} names: {losses:?} {summary:?}; {:?}", disk.counts());
    assert!(losses.bytes_at_risk > 0, "no loss met anything that was not durable");
    assert!(summary.acknowledged as usize > summary.rounds * 10, "too little happened to prove anything");
    Some((summary, losses))
}

/// What `BGSAVE` has published is what it wrote, on the disk that lost power too.
fn a_snapshot_is_whole_or_absent(path: &Path) {
    if path.exists() {
        let output = Command::new("redis-check-rdb").arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn nothing_acknowledged_or_shown_is_lost_to_a_power_loss_under_always() {
    // With long pipelines a fast disk is synced while the executing thread goes on.
    for (order, seed, rounds, pipeline) in [(Order::Independent, 1, 20, 4), (Order::Journaled, 2, 8, 4), (Order::Independent, 8, 8, 64)] {
        let plan = Plan { shown_is_kept: true, pipeline, ..plan(seed, rounds) };
        let mut round = 0;
        let run = survives("always", order, &plan, |disk, _, moment| {
            if moment == Moment::Started {
                // Fast disks are synced by the executing thread, slow ones by overlapping threads.
                disk.sync_delay(Duration::from_micros([0, 300, 1_000, 4_000][round % 4]));
                round += 1;
            }
        });
        let Some((summary, _)) = run else { return };
        assert_eq!(summary.lost, 0);
    }
}

#[test]
fn no_more_than_the_last_second_is_lost_to_a_power_loss_under_everysec() {
    let plan = Plan { may_lose: EVERYSEC_BOUND, kill_after_ms: (100, 3_500), pause: Duration::from_millis(2), ..plan(3, 6) };
    survives("everysec", Order::Independent, &plan, |_, _, _| {});
}

#[test]
fn what_is_left_after_a_power_loss_under_no_is_a_state_that_existed() {
    let plan = Plan { may_lose: MayLose::Anything, ..plan(4, 12) };
    survives("no", Order::Independent, &plan, |_, _, _| {});
}

/// An fsync fails, its pages are gone, the next fsync succeeds; then the power goes out.
#[test]
fn nothing_acknowledged_is_lost_to_a_failed_fsync_and_a_power_loss_under_always() {
    let plan = Plan { shown_is_kept: true, errors_allowed: true, kill_after_ms: (20, 400), ..plan(5, 12) };
    let mut failed = 0;
    let run = survives("always", Order::Independent, &plan, |disk, _, moment| match moment {
        Moment::Started => disk.fail_syncs(failed * 7 % 40, 1 + failed % 3),
        Moment::Killed => failed += 1,
        _ => {}
    });
    let Some((summary, _)) = run else { return };
    assert_eq!(summary.lost, 0);
}

/// The disk is full for a while; then the power goes out, perhaps while it still is.
#[test]
fn nothing_acknowledged_is_lost_to_a_full_disk_and_a_power_loss_under_always() {
    let plan = Plan { shown_is_kept: true, errors_allowed: true, kill_after_ms: (20, 400), ..plan(6, 12) };
    let mut space = 0;
    let run = survives("always", Order::Independent, &plan, |disk, _, moment| {
        if moment == Moment::Started {
            space += 7_001;
            disk.space_left(Some(space));
        }
    });
    let Some((summary, _)) = run else { return };
    assert_eq!(summary.lost, 0);
}

/// Each fsync takes 40 ms, so that most losses come while one is under way.
#[test]
fn nothing_acknowledged_is_lost_to_a_power_loss_while_a_slow_fsync_is_under_way() {
    let plan = Plan { shown_is_kept: true, kill_after_ms: (50, 400), ..plan(7, 8) };
    let run = survives("always", Order::Independent, &plan, |disk, _, moment| {
        if moment == Moment::Started {
            disk.sync_delay(Duration::from_millis(40));
        }
    });
    let Some((summary, _)) = run else { return };
    assert_eq!(summary.lost, 0);
}

/// The test of the tests: a server without these fsyncs is found out.
#[test]
fn an_fsync_that_is_left_out_is_noticed() {
    for ignored in [Ignored::Files, Ignored::Directories] {
        let Some(mut disk) = disk(Order::Independent) else { return };
        disk.ignore_syncs(ignored);
        let mut server = graven("always").data(disk.path()).option("aof-load-corrupt-tail-max-size", 64 << 20).prepare().unwrap();
        let outcome = run_on(&mut disk, &mut server, &plan(8, 30), |_, _, _| Ok(()));
        let text = format!("{:#}", outcome.map(|(summary, _)| summary).expect_err("nothing was noticed"));
        // What was acknowledged is gone, or what was published without it cannot be loaded.
        let noticed = ["is lost", "no prefix", "the counter", "start was refused"].iter().any(|known| text.contains(known));
        assert!(noticed, "{ignored:?}: {text}");
    }
}
