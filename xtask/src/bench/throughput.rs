//! Requests per second, and what each costs the server.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use graven_testkit::{DiskFaults, Server};

use super::data::Data;
use super::distance::Distance;
use super::report::{head, median, median_ratio, rate, row};
use super::types;
use super::{Arguments, Contender, asker};

/// What `redis-benchmark` does.
pub struct Load {
    pub name: &'static str,
    pub ask: Ask,
    pub clients: u32,
    pub pipeline: u32,
    pub requests: u64,
    /// By [`super::asker`] instead of `redis-benchmark`.
    pub lean: bool,
    /// Other clients that `SET` all the time.
    pub writers_beside: u32,
    /// What there is before.
    pub data: Data,
}

/// What it asks.
#[derive(Clone, Copy)]
pub enum Ask {
    /// One of its own tests.
    Test(&'static str),
    /// These words, each time.
    Command(&'static str),
}

pub const fn load(name: &'static str, ask: Ask, clients: u32, pipeline: u32, requests: u64) -> Load {
    Load { name, ask, clients, pipeline, requests, lean: false, writers_beside: 0, data: Data::Nothing }
}

const SET: Ask = Ask::Test("set");
const GET: Ask = Ask::Test("get");
const INCR: Ask = Ask::Test("incr");

pub const LOADS: &[Load] = &[
    load("set-p1", SET, 50, 1, 300_000),
    load("set-p16", SET, 50, 16, 2_000_000),
    Load { data: Data::Strings, ..load("get-p1", GET, 50, 1, 300_000) },
    Load { data: Data::Strings, ..load("get-p16", GET, 50, 16, 2_000_000) },
    load("incr-p1", INCR, 50, 1, 300_000),
    load("incr-p16", INCR, 50, 16, 2_000_000),
    Load { lean: true, ..load("set-p1-lean", SET, 50, 1, 300_000) },
    Load { lean: true, data: Data::Strings, ..load("get-p1-lean", GET, 50, 1, 300_000) },
];

/// On the slow disk, where it is the fsyncs that are shared out.
const SLOW_DISK_LOADS: &[Load] = &[
    load("set-c1", SET, 1, 1, 3_000),
    load("set-c50", SET, 50, 1, 100_000),
    load("set-c500", SET, 500, 1, 200_000),
    load("set-p16", SET, 50, 16, 1_000_000),
    Load { writers_beside: 8, data: Data::Strings, ..load("get-mix", GET, 50, 1, 200_000) },
];

pub const MODES: &[(&str, &[(&str, &str)])] = &[
    ("noaof", &[("appendonly", "no")]),
    ("everysec", &[("appendonly", "yes"), ("appendfsync", "everysec")]),
    ("always", &[("appendonly", "yes"), ("appendfsync", "always")]),
];

pub struct Measured {
    pub per_second: f64,
    p99_ms: f64,
    cpu_us: f64,
    distance: Distance,
}

/// Rounds of measurements, one of each contender in each, at one distance of the processors.
pub struct Rounds {
    pub distance: Distance,
    measured: Vec<Vec<Measured>>,
}

impl Rounds {
    /// One figure of one contender, in the order of the rounds.
    pub fn of(&self, contender: usize, field: fn(&Measured) -> f64) -> Vec<f64> {
        self.measured.iter().map(|round| field(&round[contender])).collect()
    }
}

/// So many times as many rounds as wanted are made at most; then what there is has to do: few at the distance that counts, or else the
/// largest number at another.
const TRIES: usize = 4;

/// All rows, on the disk as it is and on the slow one.
pub fn run(arguments: &Arguments, contenders: &[Contender; 2]) -> Result<()> {
    let mut headed = false;
    for (mode, options) in MODES {
        for load in LOADS {
            measure_row(arguments, contenders, mode, options, load, Duration::ZERO, &mut headed)?;
        }
    }
    for load in types::LOADS {
        measure_row(arguments, contenders, "everysec", MODES[1].1, load, Duration::ZERO, &mut headed)?;
    }
    for load in SLOW_DISK_LOADS {
        measure_row(arguments, contenders, "always, 1 ms disk", MODES[2].1, load, Duration::from_millis(1), &mut headed)?;
    }
    Ok(())
}

fn measure_row(
    arguments: &Arguments,
    contenders: &[Contender; 2],
    mode: &str,
    options: &[(&str, &str)],
    load: &Load,
    sync_delay: Duration,
    headed: &mut bool,
) -> Result<()> {
    if !arguments.wants(&format!("{mode} {}", load.name)) {
        return Ok(());
    }
    let rounds =
        measure_rounds(arguments, &contenders.each_ref(), options, load, sync_delay).with_context(|| format!("{mode} {}", load.name))?;
    if !*headed {
        *headed = true;
        head(&["log", "load", "processors", "Redis", "Graven", "ratio", "p99 Redis", "p99 Graven", "CPU Redis", "CPU Graven", "ratio"]);
    }
    let of = |side: usize, field| rounds.of(side, field);
    let fields: [fn(&Measured) -> f64; 3] = [|m| m.per_second, |m| m.p99_ms, |m| m.cpu_us];
    let [rates, p99s, cpus]: [[f64; 2]; 3] = fields.map(|field| [median(of(0, field)), median(of(1, field))]);
    let ratio = |field| median_ratio(&of(0, field), &of(1, field));
    row(&[
        mode.to_owned(),
        load.name.to_owned(),
        rounds.distance.name().to_owned(),
        rate(rates[0]),
        rate(rates[1]),
        format!("**{:.2}×**", ratio(fields[0])),
        format!("{:.2} ms", p99s[0]),
        format!("{:.2} ms", p99s[1]),
        format!("{:.2} µs", cpus[0]),
        format!("{:.2} µs", cpus[1]),
        format!("**{:.2}×**", ratio(fields[2])),
    ]);
    Ok(())
}

/// Measures all contenders by turns until there are enough rounds at one distance.
pub fn measure_rounds(
    arguments: &Arguments,
    contenders: &[&Contender],
    options: &[(&str, &str)],
    load: &Load,
    sync_delay: Duration,
) -> Result<Rounds> {
    let mut found = Distance::ALL.map(|distance| Rounds { distance, measured: vec![] });
    let counts = |rounds: &Rounds| arguments.distance.map_or(rounds.distance != Distance::Changed, |wanted| rounds.distance == wanted);
    for _ in 0..arguments.rounds * TRIES {
        let measure_one = |contender: &&Contender| measure(arguments, contender, options, load, sync_delay).context(contender.name);
        let round = contenders.iter().map(measure_one).collect::<Result<Vec<_>>>()?;
        let distance = round.iter().map(|one| one.distance).reduce(Distance::between).context("nobody to measure")?;
        let rounds = found.iter_mut().find(|rounds| rounds.distance == distance).expect("all distances are there");
        rounds.measured.push(round);
        if counts(rounds) && rounds.measured.len() == arguments.rounds {
            break;
        }
    }
    let most = found.into_iter().filter(|rounds| !rounds.measured.is_empty()).max_by_key(|rounds| (counts(rounds), rounds.measured.len()));
    most.context("no rounds")
}

/// One measurement on a fresh server.
fn measure(arguments: &Arguments, contender: &Contender, options: &[(&str, &str)], load: &Load, sync_delay: Duration) -> Result<Measured> {
    let faults = (!sync_delay.is_zero()).then(DiskFaults::new).transpose()?;
    let mut builder = Server::builder(&contender.program);
    for (name, value) in options {
        builder = builder.option(name, value);
    }
    if arguments.pin {
        builder = builder.wrapped(&["taskset", "-c", "0"]);
    }
    if let Some(faults) = &faults {
        builder = faults.preload(builder);
    }
    let server = builder.start()?;
    let requests = (load.requests / arguments.divide).max(1_000);
    // Written while the disk is still fast.
    load.data.write(&server, requests)?;
    if let Some(faults) = &faults {
        faults.sync_delay(sync_delay);
    }
    let distance = Distance::now();
    let mut beside = None;
    if load.writers_beside > 0 {
        let writers = self::load("beside", SET, load.writers_beside, 1, 1_000_000_000);
        beside = Some(generator(&server, None, &writers, writers.requests)?.spawn()?);
        std::thread::sleep(Duration::from_millis(100));
    }
    let core = arguments.pin.then_some("1");
    let before = server.cpu_seconds();
    let output = finished(generator(&server, core, load, requests)?.spawn()?);
    let used = server.cpu_seconds() - before;
    if let Some(mut beside) = beside {
        beside.kill()?;
        beside.wait()?;
    }
    let output = output?;
    let line = output.lines().rfind(|line| line.starts_with('"') && !line.starts_with("\"test\"")).context("no result line")?;
    let field = |n: usize| -> Result<f64> {
        let text = line.split(',').nth(n).with_context(|| format!("field {n} of {line}"))?;
        Ok(text.trim_matches('"').parse()?)
    };
    let distance = Distance::between(distance, Distance::now());
    Ok(Measured { per_second: field(1)?, p99_ms: field(6)?, cpu_us: used / requests as f64 * 1e6, distance })
}

/// Asks the server so many times.
fn generator(server: &Server, core: Option<&str>, load: &Load, requests: u64) -> Result<Command> {
    let program = if load.lean { std::env::current_exe()? } else { "redis-benchmark".into() };
    let mut command = match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", core]).arg(program);
            command
        }
        None => Command::new(program),
    };
    if load.lean {
        command.arg(asker::SUBCOMMAND);
    }
    command.args(["--csv", "-d", "100", "-r", "1000000"]).arg("-p").arg(server.port().to_string());
    for (name, value) in [("-c", u64::from(load.clients)), ("-P", u64::from(load.pipeline)), ("-n", requests)] {
        command.arg(name).arg(value.to_string());
    }
    match load.ask {
        Ask::Test(test) => command.args(["-t", test]),
        Ask::Command(words) => command.args(words.split(' ')),
    };
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

fn finished(child: Child) -> Result<String> {
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the load generator failed with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
