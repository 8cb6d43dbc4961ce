//! `kill -9` of a server that does not run smoothly: stopped for stretches, or on a file system that is really full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use graven_testkit::history::{self, Moment, Plan};
use graven_testkit::process::Builder;
use graven_testkit::{Program, Rng, Server, Tmpfs};
use rustix::process::{Pid, Signal, kill_process};

fn graven(policy: &str) -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", policy)
}

/// A thread that makes trouble from a round's start to its crash.
struct Trouble {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl Trouble {
    fn begin(mut step: impl FnMut() + Send + 'static) -> Trouble {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut steps = 0;
            while !stopped.load(Ordering::Relaxed) {
                step();
                steps += 1;
            }
            steps
        });
        Trouble { stop, thread }
    }

    /// How often the trouble was made.
    fn end(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Stopped and continued at random; half of the kills meet it stopped.
#[test]
fn acked_writes_survive_kill_nine_of_a_server_that_is_stopped_for_stretches() {
    for (policy, seed) in [("always", 21), ("everysec", 22), ("no", 23)] {
        let mut server = graven(policy).prepare().unwrap();
        let plan = Plan { kill_after_ms: (20, 120), upkeep: true, shown_is_kept: policy == "always", ..Plan::kills(seed, 14, 4) };
        let mut trouble = None;
        let mut stretches = 0;
        let mut round = seed;
        let summary = history::run(&mut server, &plan, |server, moment| {
            match moment {
                Moment::Started => {
                    let pid = Pid::from_raw(server.pid() as i32).expect("a process id is not 0");
                    round += 1;
                    let mut rng = Rng::new(round);
                    trouble = Some(Trouble::begin(move || {
                        for signal in [Signal::CONT, Signal::STOP] {
                            let _ = kill_process(pid, signal);
                            std::thread::sleep(Duration::from_micros(rng.below(12_000)));
                        }
                    }));
                }
                Moment::Dying => stretches += trouble.take().expect("started before it dies").end(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        println!("{policy}: {stretches} stretches, {summary:?}");
        assert_eq!(summary.lost, 0);
        assert!(stretches > 30 && summary.acknowledged > 500, "too little happened to prove anything");
    }
}

/// The file system is full and has space in turns; the writers are refused and served.
#[test]
fn acked_writes_survive_kill_nine_on_a_file_system_that_is_really_full_at_times() {
    for (policy, seed) in [("always", 31), ("everysec", 32)] {
        let Some(tmpfs) = Tmpfs::mount(24 << 10) else { return };
        let tmpfs = Arc::new(tmpfs);
        let data = tmpfs.path().join("data");
        // Little filler, so that what is written soon needs space.
        let mut server = graven(policy).data(&data).option("aof-fill-ahead", 4096).prepare().unwrap();
        let plan = Plan {
            kill_after_ms: (50, 500),
            upkeep: true,
            errors_allowed: true,
            pause: Duration::from_millis(1),
            shown_is_kept: policy == "always",
            ..Plan::kills(seed, 8, 2)
        };
        let mut trouble = None;
        let mut round = seed;
        let summary = history::run(&mut server, &plan, |_, moment| {
            match moment {
                Moment::Started => {
                    round += 1;
                    let mut rng = Rng::new(round);
                    let tmpfs = tmpfs.clone();
                    trouble = Some(Trouble::begin(move || {
                        tmpfs.fill_but(rng.below(40_000));
                        std::thread::sleep(Duration::from_millis(rng.below(150)));
                        tmpfs.relieve();
                        std::thread::sleep(Duration::from_millis(rng.below(60)));
                    }));
                }
                Moment::Killed => {
                    trouble.take().expect("started before it dies").end();
                    // A server that cannot write need not start.
                    tmpfs.relieve();
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        println!("{policy}: {summary:?}");
        assert_eq!(summary.lost, 0);
        assert!(summary.refused > 0, "the file system was never full");
        assert!(summary.acknowledged > 100, "too little happened to prove anything");
    }
}
