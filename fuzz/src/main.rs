//! Runs the fuzz targets from a fixed seed, on a stable compiler.
//!
//! A panic anywhere, also on a thread of the code under test, or an input that takes longer than ten seconds ends the run: the
//! input is printed in hexadecimal and kept under `fuzz/artifacts`, from where `--replay` runs it again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use graven_fuzz::mutate::Mutator;
use graven_fuzz::{TARGETS, Target};

/// Fuzz targets of Graven, run by mutation from a fixed seed.
#[derive(Parser)]
struct Arguments {
    /// Only this target (all by default).
    #[arg(long)]
    target: Option<String>,
    /// Run each target for so many seconds instead of its number of iterations.
    #[arg(long)]
    seconds: Option<u64>,
    /// Run so many inputs of each target.
    #[arg(long, conflicts_with = "seconds")]
    iterations: Option<u64>,
    /// Decides the inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run this file as the only input.
    #[arg(long, requires = "target")]
    replay: Option<PathBuf>,
}

const SLOWEST: Duration = Duration::from_secs(10);

static PANICKED: AtomicBool = AtomicBool::new(false);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let chosen: Vec<&Target> = TARGETS.iter().filter(|target| arguments.target.as_deref().is_none_or(|name| name == target.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        bail!("there is no such target; there are {}", names.join(", "));
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICKED.store(true, Ordering::SeqCst);
        report(info);
    }));
    let current = watch();
    for target in chosen {
        if let Some(path) = &arguments.replay {
            let input = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            run(target, &input, &current)?;
            println!("{}: no failure", target.name);
            continue;
        }
        let mut mutator = Mutator::new(arguments.seed, (target.seeds)(), target.dictionary);
        let start = Instant::now();
        let iterations = arguments.iterations.unwrap_or(target.iterations);
        let mut count = 0;
        while arguments.seconds.map_or(count < iterations, |seconds| start.elapsed() < Duration::from_secs(seconds)) {
            run(target, &mutator.next_input(), &current)?;
            count += 1;
        }
        println!("{}: {count} inputs in {:.1} s", target.name, start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn run(target: &Target, input: &[u8], current: &Current) -> Result<()> {
    current.begin(target.name, input);
    let outcome = std::panic::catch_unwind(|| (target.run)(input));
    current.end();
    if outcome.is_err() || PANICKED.load(Ordering::SeqCst) {
        keep(target.name, input);
        bail!("target {} failed", target.name);
    }
    Ok(())
}

fn keep(target: &str, input: &[u8]) {
    let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("input ({} bytes): {hex}", input.len());
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let path = dir.join(format!("{target}-{}-{}", input.len(), &hex[..hex.len().min(16)]));
    match std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, input)) {
        Ok(()) => eprintln!("kept as {}; run it again with --target {target} --replay {}", path.display(), path.display()),
        Err(error) => eprintln!("{} could not be written: {error}", path.display()),
    }
}

/// The input being run, for the watching thread.
#[derive(Clone)]
struct Current {
    input: Arc<Mutex<(&'static str, Vec<u8>)>>,
    /// Counts up at each begin and each end; odd while an input runs.
    turns: Arc<AtomicU64>,
}

impl Current {
    fn begin(&self, target: &'static str, input: &[u8]) {
        let mut current = self.input.lock().expect("the watcher does not panic");
        current.0 = target;
        current.1.clear();
        current.1.extend_from_slice(input);
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }
}

/// Ends the process when one input takes too long: a parser that does not end is as bad as one that crashes.
fn watch() -> Current {
    let current = Current { input: Arc::default(), turns: Arc::default() };
    let watched = current.clone();
    std::thread::spawn(move || {
        loop {
            let before = watched.turns.load(Ordering::SeqCst);
            std::thread::sleep(SLOWEST);
            if before % 2 == 1 && watched.turns.load(Ordering::SeqCst) == before {
                let (target, input) = &*watched.input.lock().expect("the runner does not panic while holding it");
                eprintln!("target {target}: an input takes longer than {SLOWEST:?}");
                keep(target, input);
                std::process::exit(1);
            }
        }
    });
    current
}
