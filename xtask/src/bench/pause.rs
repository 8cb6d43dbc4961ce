//! What clients notice of a snapshot or a rewrite: many keys, or one large value, and clients at half of what the server can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use graven_testkit::{Client, Rng, Server};

use super::data::fill;
use super::report::{head, rate, row};
use super::{Arguments, Contender};

const CLIENTS: u64 = 16;
/// How long the disk has for what filling has logged.
const SETTLE: Duration = Duration::from_secs(12);
/// How long the load lasts without the snapshot.
const BEFORE: Duration = Duration::from_secs(5);
/// How long the server is asked what it can do.
const PROBE: Duration = Duration::from_secs(2);
/// How often progress and memory are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// No snapshot takes longer.
const MAX_SNAPSHOT: Duration = Duration::from_secs(300);

/// What the server holds, and a write to a random part of it.
struct Shape {
    name: &'static str,
    count: u64,
    fill: fn(&Server, u64) -> Result<()>,
    write: fn(&mut Rng, u64) -> Vec<String>,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "keys",
        count: 10_000_000,
        fill: |server, count| {
            let reply = server.client().call(&["DEBUG", "POPULATE", &count.to_string(), "key", "100"]);
            ensure!(reply.is_ok(), "{reply:?}");
            Ok(())
        },
        write: |random, count| vec!["SET".into(), format!("key:{}", random.below(count)), "x".repeat(100)],
    },
    Shape {
        name: "members of a sorted set",
        count: 5_000_000,
        fill: |server, count| fill(server, count, |n| member(n, n.wrapping_mul(0x9e37_79b9) % 1_000_000)),
        write: |random, count| member(random.below(count), random.below(1_000_000)),
    },
];

fn member(n: u64, score: u64) -> Vec<String> {
    vec!["ZADD".into(), "zset".into(), score.to_string(), format!("member:{n:010}")]
}

const COMMANDS: &[(&str, &str, &str)] =
    &[("BGREWRITEAOF", "aof_rewrite_in_progress", "aof_last_cow_size"), ("BGSAVE", "rdb_bgsave_in_progress", "rdb_last_cow_size")];

/// Requests of some span of time.
struct Latencies {
    per_second: f64,
    p999_ms: f64,
    max_ms: f64,
}

impl Latencies {
    fn of(mut micros: Vec<u32>, span: Duration) -> Latencies {
        micros.sort_unstable();
        let at = |share: f64| micros.get((micros.len() as f64 * share) as usize).or(micros.last()).map_or(0.0, |us| f64::from(*us) / 1e3);
        Latencies { per_second: micros.len() as f64 / span.as_secs_f64(), p999_ms: at(0.999), max_ms: at(1.0) }
    }
}

/// What one server did.
struct Outcome {
    before: Latencies,
    during: Latencies,
    seconds: f64,
    peak: f64,
}

/// The longest request, throughput and memory, before and during.
pub fn run(arguments: &Arguments, contenders: &[Contender; 2]) -> Result<()> {
    let wanted: Vec<_> = SHAPES
        .iter()
        .flat_map(|shape| COMMANDS.iter().map(move |command| (format!("{}, {}", command.0, shape.name), shape, command)))
        .filter(|(name, ..)| arguments.wants(name))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    head(&["beside clients at half load", "server", "took", "p99.9", "longest", "requests", "memory at its peak"]);
    for (_, shape, command) in wanted {
        let count = shape.count / arguments.divide;
        for round in 0..arguments.rounds {
            for contender in contenders {
                let Outcome { before, during, seconds, peak } =
                    measure(contender, shape, count, command, round).with_context(|| format!("{}: {}", contender.name, command.0))?;
                row(&[
                    format!("{}, {count} {}", command.0, shape.name),
                    contender.name.to_owned(),
                    format!("{seconds:.1} s"),
                    format!("{:.2} → {:.2} ms", before.p999_ms, during.p999_ms),
                    format!("{:.1} → {:.1} ms", before.max_ms, during.max_ms),
                    format!("{} → {}", rate(before.per_second), rate(during.per_second)),
                    format!("{peak:.2}×"),
                ]);
            }
        }
    }
    Ok(())
}

fn measure(contender: &Contender, shape: &Shape, count: u64, command: &(&str, &str, &str), round: usize) -> Result<Outcome> {
    let (command, in_progress, copied) = *command;
    let logs = if command == "BGREWRITEAOF" { "yes" } else { "no" };
    let server = Server::builder(&contender.program)
        .option("auto-aof-rewrite-percentage", 0)
        .option("save", "")
        .option("appendonly", logs)
        .option("enable-debug-command", "yes")
        .start()?;
    (shape.fill)(&server, count)?;
    std::thread::sleep(SETTLE);
    let load = |pause: Option<Duration>, phase: &Arc<AtomicU64>| Load::start(&server, shape, count, pause, phase, round as u64);
    let (phase, probe) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let probing = load(None, &phase);
    std::thread::sleep(PROBE);
    let possible = Latencies::of(probing.finish()?.swap_remove(0), probe.elapsed()).per_second;

    let (mut control, phase) = (server.client(), Arc::new(AtomicU64::new(0)));
    let (load, began) = (load(Some(Duration::from_secs_f64(CLIENTS as f64 / (possible / 2.0))), &phase), Instant::now());
    std::thread::sleep(BEFORE);
    let (resident, before, began) = (server.resident_bytes(), began.elapsed(), Instant::now());
    phase.store(1, Relaxed);
    let reply = control.line(command);
    ensure!(reply.error_text().is_none(), "{reply:?}");
    let mut peak = resident;
    while server.info_field("persistence", in_progress) != "0" {
        ensure!(began.elapsed() < MAX_SNAPSHOT, "it does not end");
        peak = peak.max(server.resident_bytes());
        std::thread::sleep(LOOK_EVERY);
    }
    let during = began.elapsed();
    phase.store(2, Relaxed);
    let mut micros = load.finish()?;
    micros.truncate(2);
    // What a forked child copied is not the server's; it tells.
    peak += server.info_field("persistence", copied).parse().unwrap_or(0);
    let (in_during, in_before) = (micros.pop().unwrap_or_default(), micros.pop().unwrap_or_default());
    Ok(Outcome {
        before: Latencies::of(in_before, before),
        during: Latencies::of(in_during, during),
        seconds: during.as_secs_f64(),
        peak: peak as f64 / resident as f64,
    })
}

/// Clients that write, each over and over.
struct Load {
    phase: Arc<AtomicU64>,
    clients: Vec<JoinHandle<std::io::Result<Vec<Vec<u32>>>>>,
}

/// What [`Load::finish`] sets the phase to.
const OVER: u64 = u64::MAX;

impl Load {
    /// With `pause`, each client begins a request so long after the one before; without, at once.
    fn start(server: &Server, shape: &Shape, count: u64, pause: Option<Duration>, phase: &Arc<AtomicU64>, seed: u64) -> Load {
        let client = |n: u64| {
            let (client, write, phase) = (server.client(), shape.write, phase.clone());
            let random = Rng::new(seed * CLIENTS + n);
            std::thread::spawn(move || write_on(client, random, |random| write(random, count), pause, &phase))
        };
        Load { phase: phase.clone(), clients: (0..CLIENTS).map(client).collect() }
    }

    /// How long each request took, microseconds, by the phase in which it began.
    fn finish(self) -> Result<Vec<Vec<u32>>> {
        self.phase.store(OVER, Relaxed);
        let mut all: Vec<Vec<u32>> = vec![vec![], vec![], vec![]];
        for client in self.clients {
            let micros = client.join().expect("a client does not panic")?;
            all.iter_mut().zip(micros).for_each(|(all, micros)| all.extend(micros));
        }
        Ok(all)
    }
}

fn write_on(
    mut client: Client,
    mut random: Rng,
    command: impl Fn(&mut Rng) -> Vec<String>,
    pause: Option<Duration>,
    phase: &AtomicU64,
) -> std::io::Result<Vec<Vec<u32>>> {
    let mut micros = vec![vec![], vec![], vec![]];
    let mut next = Instant::now();
    loop {
        let command = command(&mut random);
        if let Some(pause) = pause {
            next += pause;
            match next.checked_duration_since(Instant::now()) {
                Some(left) => std::thread::sleep(left),
                None => next = Instant::now(),
            }
        }
        let now = phase.load(Relaxed);
        let Some(micros) = micros.get_mut(now as usize) else { return Ok(micros) };
        let began = Instant::now();
        client.cmd(&command)?;
        micros.push(began.elapsed().as_micros() as u32);
    }
}
