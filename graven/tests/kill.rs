//! Acknowledged means kept: `kill -9` at random moments under concurrent writers, for every policy, on good and bad disks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use graven_testkit::disk_faults::{EIO, ENOSPC};
use graven_testkit::history::{self, Moment, Plan, Summary};
use graven_testkit::process::Builder;
use graven_testkit::{DiskFaults, Program, Rng, Server};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

fn plan(seed: u64, rounds: usize, pipeline: usize) -> Plan {
    Plan { upkeep: true, ..Plan::kills(seed, rounds, pipeline) }
}

fn kept_under(policy: &str, seed: u64) {
    for (pipeline, rounds) in [(1, 50), (16, 50)] {
        let mut server = graven().option("appendfsync", policy).prepare().unwrap();
        // Without a pause the log would grow to a hundred megabytes, and its loading would take most of the time.
        let pause = Duration::from_micros(if pipeline == 1 { 0 } else { 500 });
        let plan = Plan { pause, shown_is_kept: policy == "always", ..plan(seed, rounds, pipeline) };
        let summary = history::run(&mut server, &plan, |_, _| Ok(())).unwrap();
        assert_eq!(summary.rounds, rounds);
        report(policy, summary);
    }
}

fn report(what: &str, summary: Summary) {
    println!("{what}: {summary:?}");
    assert_eq!(summary.lost, 0);
    assert!(summary.acknowledged as usize > summary.rounds * 10, "too little happened to prove anything: {summary:?}");
}

#[test]
fn acked_writes_survive_kill_nine_under_always() {
    kept_under("always", 1);
}

#[test]
fn acked_writes_survive_kill_nine_under_everysec() {
    kept_under("everysec", 2);
}

#[test]
fn acked_writes_survive_kill_nine_under_no() {
    kept_under("no", 3);
}

/// Each fsync takes three seconds, so that the kill comes while one is under way.
#[test]
fn acked_writes_survive_kill_nine_while_an_everysec_fsync_stalls() {
    for pipeline in [1, 16] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", "everysec")).prepare().unwrap();
        let plan = Plan { kill_after_ms: (1_100, 2_000), pause: Duration::from_millis(2), ..plan(4, 8, pipeline) };
        let summary = history::run(&mut server, &plan, |_, moment| {
            match moment {
                Moment::Started => faults.sync_delay(Duration::from_secs(3)),
                Moment::Killed => faults.sync_delay(Duration::ZERO),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        assert!(faults.syncs() > 0, "no fsync went through the slow disk");
        report("everysec, fsync of 3 s", summary);
    }
}

#[test]
fn acked_writes_survive_power_loss_under_always() {
    for (pipeline, delay_us) in [(1, 0), (16, 0), (1, 1_000), (16, 1_000), (4, 5_000)] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", "always")).prepare().unwrap();
        let plan = Plan { kill_after_ms: (5, 120), shown_is_kept: true, ..plan(5, 16, pipeline) };
        let mut lost = 0;
        let summary = history::run(&mut server, &plan, |server, moment| {
            match moment {
                Moment::Started => faults.sync_delay(Duration::from_micros(delay_us)),
                Moment::Killed => {
                    faults.sync_delay(Duration::ZERO);
                    lost += faults.lose_power(&server.append_dir())?;
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        assert!(faults.syncs() > 0, "no fsync went through the preloaded disk");
        println!("{lost} unsynced bytes lost");
        report("always, power loss", summary);
    }
}

#[test]
fn everysec_loses_no_more_than_the_last_second_to_a_power_loss() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "everysec")).start().unwrap();
    let mut client = server.client();
    let start = Instant::now();
    let mut acked = Vec::new();
    while start.elapsed() < Duration::from_millis(3_700) {
        let n = acked.len();
        assert!(client.call(&["SET", "n", &n.to_string()]).is_ok());
        acked.push(start.elapsed());
    }
    let end = start.elapsed();
    server.kill9();
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    let kept = server.client().line("GET n").as_int().unwrap_or(-1);
    let oldest_lost = acked.get((kept + 1) as usize).copied().unwrap_or(end);
    // A second between fsyncs, and some time for the fsync itself and a busy machine.
    assert!(end - oldest_lost < Duration::from_millis(1_800), "lost {:?} of history", end - oldest_lost);
}

#[test]
fn changing_the_policy_under_load_loses_nothing() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "no")).prepare().unwrap();
    let plan = Plan { kill_after_ms: (30, 120), ..plan(6, 20, 4) };
    let mut changer = None;
    let summary = history::run(&mut server, &plan, |server, moment| {
        match moment {
            Moment::Started => {
                let mut client = server.client();
                changer = Some(std::thread::spawn(move || {
                    let policies = ["always", "everysec", "no", "always", "no", "everysec"];
                    let mut changes = 0;
                    while client.cmd(&["CONFIG", "SET", "appendfsync", policies[changes % policies.len()]]).is_ok_and(|reply| reply.is_ok())
                    {
                        changes += 1;
                        std::thread::sleep(Duration::from_millis(3));
                    }
                    changes
                }));
            }
            Moment::Dying | Moment::Refused | Moment::Abandoned => {}
            Moment::Killed => {
                let changes = changer.take().expect("started before it is killed").join().expect("the changer does not panic");
                assert!(changes > 0, "the policy was never changed");
            }
        }
        Ok(())
    })
    .unwrap();
    report("changing policies", summary);
}

/// What the thread that breaks the disk is to do.
#[derive(Clone, Copy, PartialEq)]
enum Sabotage {
    Go,
    Pause,
    End,
}

fn sabotage(faults: &DiskFaults, act: &Mutex<Sabotage>) {
    let mut rng = Rng::new(11);
    loop {
        match *act.lock().unwrap() {
            Sabotage::End => return,
            Sabotage::Pause => {}
            Sabotage::Go => match rng.below(5) {
                0 => faults.space_left(rng.between(0, 5_000)),
                1 => faults.fail_writes(EIO, rng.between(1, 3)),
                2 => faults.fail_syncs(EIO, rng.between(1, 2)),
                3 => faults.short_writes(rng.between(1, 100)),
                _ => {
                    faults.fail_writes(ENOSPC, 2);
                    faults.fail_truncation(EIO);
                }
            },
        }
        std::thread::sleep(Duration::from_millis(rng.below(60)));
        let act = act.lock().unwrap();
        faults.repair();
        drop(act);
        std::thread::sleep(Duration::from_millis(rng.below(120)));
    }
}

/// Writers go on through full disks, I/O errors, failed fsyncs and short writes; what was acknowledged must be there, also
/// after a power loss.
#[test]
fn acked_writes_survive_kills_on_a_failing_disk() {
    for (policy, power_loss) in [("always", true), ("everysec", false)] {
        let faults = Arc::new(DiskFaults::new().unwrap());
        let mut server = faults.preload(graven().option("appendfsync", policy)).prepare().unwrap();
        let plan = Plan {
            kill_after_ms: (200, 900),
            pause: Duration::from_millis(1),
            errors_allowed: true,
            shown_is_kept: power_loss,
            ..plan(7, 12, 2)
        };
        let act = Arc::new(Mutex::new(Sabotage::Pause));
        let saboteur = {
            let (faults, act) = (faults.clone(), act.clone());
            std::thread::spawn(move || sabotage(&faults, &act))
        };
        let summary = history::run(&mut server, &plan, |server, moment| {
            let mut act = act.lock().unwrap();
            if moment == Moment::Started {
                *act = Sabotage::Go;
            } else if moment == Moment::Killed {
                // The disk is good while the server starts: a server that cannot write need not start.
                *act = Sabotage::Pause;
                faults.repair();
                if power_loss {
                    faults.lose_power(&server.append_dir())?;
                }
            }
            Ok(())
        });
        *act.lock().unwrap() = Sabotage::End;
        saboteur.join().unwrap();
        let summary = summary.unwrap();
        assert!(faults.faults() > 0, "no fault was delivered");
        println!("{} faults", faults.faults());
        report(policy, summary);
    }
}
