//! A log on a simulated disk, whose clock and whose I/O threads do what the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use graven_aof::sim::SimStorage;
use graven_aof::{Error, FsyncPolicy, Log, Options, Part, Recovery, Runtime};

/// A block that sets the key `k`.
pub fn batch(value: &str) -> Vec<u8> {
    format!("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()).into_bytes()
}

/// See the module.
pub struct Bench {
    pub disk: SimStorage,
    pub clock: Arc<AtomicU64>,
    pub log: Log<SimStorage>,
}

/// Loads the log; also returns the values that were set, in order.
pub fn load(disk: &SimStorage, options: Options, clock: &Arc<AtomicU64>, threads: usize) -> Result<(Log<SimStorage>, Vec<String>), Error> {
    let time = clock.clone();
    let runtime = Runtime::stepped(Arc::new(move || time.load(Ordering::Relaxed)), threads);
    let mut recovery = Recovery::open(Arc::new(disk.clone()), options)?;
    let mut values = Vec::new();
    while let Some(part) = recovery.next_part()? {
        let Part::Commands(chunk) = part else { panic!("no RDB here") };
        let sets = chunk.commands().filter(|command| command.args().len() == 3);
        values.extend(sets.map(|command| String::from_utf8(command.args().nth(2).unwrap().to_vec()).unwrap()));
    }
    Ok((recovery.finish(runtime)?.0, values))
}

/// A log on a new disk.
pub fn bench(policy: FsyncPolicy) -> Bench {
    open(&SimStorage::new(), Options { policy, ..Options::default() }, 4).0
}

/// The log on this disk, and how many values it sets.
pub fn open(disk: &SimStorage, options: Options, threads: usize) -> (Bench, usize) {
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let (log, values) = load(disk, options, &clock, threads).unwrap();
    (Bench { disk: disk.clone(), clock, log }, values.len())
}

impl Bench {
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub fn submit(&mut self, value: &str) -> u64 {
        self.log.submit(&mut batch(value), self.now())
    }

    pub fn pass(&mut self, us: u64) {
        self.clock.fetch_add(us, Ordering::Relaxed);
        self.log.poll(self.now());
    }

    /// A step of the imagined threads that begins a job rather than ending a sync.
    pub fn begin_job(&mut self) -> bool {
        self.log.step(&mut |choices| choices - 1, self.clock.load(Ordering::Relaxed))
    }

    pub fn run_io(&mut self) {
        while self.log.step(&mut |_| 0, self.clock.load(Ordering::Relaxed)) {}
    }
}
