//! The log with real threads: syncs overlap, the waker is called for everything that is done, and nothing is believed early.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use graven_aof::sim::{EIO, ENOSPC, Fault, Op, SimFile, SimLock, SimStorage};
use graven_aof::{Clients, File, FsyncPolicy, LockError, Log, OpenMode, Options, Part, Recovery, Runtime, Storage, Work};

/// A simulated disk whose syncs take real time.
#[derive(Clone)]
struct SlowDisk {
    disk: SimStorage,
    sync_us: Arc<AtomicU64>,
    syncing: Arc<AtomicUsize>,
    most_syncing: Arc<AtomicUsize>,
}

struct SlowFile(SimFile, SlowDisk);

impl SlowDisk {
    fn new(sync_us: u64) -> Self {
        SlowDisk {
            disk: SimStorage::new(),
            sync_us: Arc::new(AtomicU64::new(sync_us)),
            syncing: Arc::default(),
            most_syncing: Arc::default(),
        }
    }
}

impl Storage for SlowDisk {
    type File = SlowFile;
    type Lock = SimLock;

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<SlowFile> {
        Ok(SlowFile(self.disk.open(path, mode)?, self.clone()))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn lock(&self, path: &str) -> Result<SimLock, LockError> {
        self.disk.lock(path)
    }
    fn display(&self, path: &str) -> String {
        self.disk.display(path)
    }
}

impl File for SlowFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_at(offset, parts)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, into)
    }
    fn sync_data(&self) -> io::Result<()> {
        let now = self.1.syncing.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.most_syncing.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_micros(self.1.sync_us.load(Ordering::SeqCst)));
        self.1.syncing.fetch_sub(1, Ordering::SeqCst);
        self.0.sync_data()
    }
    fn begin_sync(&self, _offset: u64, _bytes: u64) {}
    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

struct Server {
    log: Log<SlowDisk>,
    wakes: crossbeam_channel::Receiver<()>,
    start: Instant,
}

fn open(disk: &SlowDisk, policy: FsyncPolicy) -> Server {
    let (wake, wakes) = crossbeam_channel::unbounded();
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options { policy, ..Options::default() }).unwrap();
    assert!(recovery.next_part().unwrap().is_none());
    let start = Instant::now();
    let mut runtime = Runtime::new(move || wake.send(()).unwrap_or(()));
    runtime.clock = Arc::new(move || start.elapsed().as_micros() as u64);
    let (log, _) = recovery.finish(runtime).unwrap();
    Server { log, wakes, start }
}

impl Server {
    fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn submit(&mut self, i: usize) -> u64 {
        let value = i.to_string();
        let mut content = format!("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$4\r\nECHO\r\n${}\r\n{value}\r\n", value.len()).into_bytes();
        let now = self.now();
        self.log.submit(&mut content, now)
    }

    /// A turn of pipelining clients.
    fn submit_busily(&mut self, i: usize) -> u64 {
        self.log.note_turn(Clients { connected: 50, waiting: 50 }, Work { commands: 1_000, reads: 20 });
        self.submit(i)
    }

    /// Sleeps as an event loop does: until the waker or the deadline, and never by chance.
    fn wait_until(&mut self, lsn: u64, mark: impl Fn(&Log<SlowDisk>) -> u64) {
        let until = Instant::now() + Duration::from_secs(10);
        while mark(&self.log) < lsn {
            assert!(Instant::now() < until, "nobody woke the loop");
            let now = self.now();
            let sleep_us = self.log.next_deadline().map_or(10_000_000, |at| at.saturating_sub(now));
            let _ = self.wakes.recv_timeout(Duration::from_micros(sleep_us));
            let now = self.now();
            self.log.poll(now);
        }
    }
}

fn numbers_after_power_loss(disk: &SlowDisk) -> Vec<usize> {
    let disk = disk.disk.power_loss(&mut graven_aof::sim::Dice::new(5));
    let options = Options { corrupt_tail_max_bytes: u64::MAX, ..Options::default() };
    let mut recovery = Recovery::open(Arc::new(disk), options).unwrap();
    let mut numbers = Vec::new();
    while let Some(Part::Commands(chunk)) = recovery.next_part().unwrap() {
        for command in chunk.commands() {
            let args: Vec<&[u8]> = command.args().collect();
            if args[0] == b"ECHO" {
                numbers.push(std::str::from_utf8(args[1]).unwrap().parse().unwrap());
            }
        }
    }
    numbers
}

#[test]
fn on_a_slow_disk_syncs_overlap_and_every_reply_is_durable() {
    let disk = SlowDisk::new(3_000);
    let mut server = open(&disk, FsyncPolicy::Always);
    for turn in 0..60 {
        let lsns: Vec<u64> = (0..6).map(|i| server.submit(turn * 6 + i)).collect();
        server.wait_until(lsns[turn % 6], |log| log.watermarks().durable);
        if turn % 20 == 19 {
            let kept = numbers_after_power_loss(&disk);
            assert!(kept.len() > turn * 6 + turn % 6, "{} after turn {turn}", kept.len());
            assert!(kept.iter().copied().eq(0..kept.len()));
        }
    }
    let most = disk.most_syncing.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} syncs at once");
    server.log.flush(5_000_000).unwrap();
    assert_eq!(numbers_after_power_loss(&disk).len(), 360);
    let info = server.log.info(server.now());
    assert!(info.fsync_usec_p50 >= 3_000 && info.blocks > 0, "{info:?}");
    let mut samples = Vec::new();
    server.log.take_latency_samples(&mut samples);
    assert!(samples.iter().any(|sample| sample.event == "aof-fsync-always" && sample.took_us >= 3_000));
}

#[test]
fn a_busy_caller_writes_and_does_not_wait_for_the_sync() {
    let disk = SlowDisk::new(0);
    let mut server = open(&disk, FsyncPolicy::Always);
    let lsn = server.submit(0);
    server.wait_until(lsn, |log| log.watermarks().durable);
    disk.sync_us.store(400_000, Ordering::SeqCst);
    let lsn = server.submit_busily(1);
    let marks = server.log.watermarks();
    assert_eq!((marks.written, marks.durable < lsn), (lsn, true), "written here, synced elsewhere");
    assert!(!server.log.has_news(), "the sync takes 400 ms");
    let next = server.submit_busily(2);
    assert_eq!(server.log.watermarks().written, lsn, "one sync at a time; what comes meanwhile is one block");
    assert_eq!(numbers_after_power_loss(&disk), [0]);
    disk.sync_us.store(0, Ordering::SeqCst);
    while !server.log.has_news() {
        server.wakes.recv_timeout(Duration::from_secs(10)).expect("the loop is woken");
    }
    let now = server.now();
    server.log.poll(now);
    assert!(server.log.watermarks().durable >= lsn);
    server.wait_until(next, |log| log.watermarks().durable);
    // The thread may call the waker after its news was taken in.
    std::thread::sleep(Duration::from_millis(20));
    assert!(!server.log.has_news(), "nothing is under way");
    assert_eq!(numbers_after_power_loss(&disk), [0, 1, 2]);
}

#[test]
fn a_stalled_fsync_never_holds_up_everysec_and_a_fast_disk_is_synced_inline_again() {
    let disk = SlowDisk::new(0);
    let mut server = open(&disk, FsyncPolicy::Everysec);
    disk.sync_us.store(1_500_000, Ordering::SeqCst);
    server.submit(0);
    for i in 1..200 {
        let lsn = server.submit(i);
        server.wait_until(lsn, |log| log.watermarks().written);
    }
    assert_eq!(server.log.watermarks().durable, 0, "the fsync was waited for");
    disk.sync_us.store(0, Ordering::SeqCst);
    let now = server.now();
    server.log.set_policy(FsyncPolicy::Always, now);
    let lsn = server.submit(200);
    server.wait_until(lsn, |log| log.watermarks().durable);
    for i in 201..300 {
        let lsn = server.submit(i);
        server.wait_until(lsn, |log| log.watermarks().durable);
    }
    assert_eq!(numbers_after_power_loss(&disk).len(), 300);
}

#[test]
fn failures_pass_without_a_restart_and_the_loop_is_woken_for_it() {
    failures_pass(2_500, Server::submit);
    failures_pass(0, Server::submit_busily);
}

fn failures_pass(sync_us: u64, submit: impl Fn(&mut Server, usize) -> u64) {
    let disk = SlowDisk::new(sync_us);
    let mut server = open(&disk, FsyncPolicy::Always);
    let mut next = 0;
    for fault in [(Op::Sync, Fault::Errno(EIO)), (Op::Write, Fault::ShortThen(10, ENOSPC)), (Op::Sync, Fault::Errno(EIO))] {
        for nth in 1..4 {
            disk.disk.plant(fault.0, nth, fault.1);
            let lsns: Vec<u64> = (next..next + 12).map(|i| submit(&mut server, i)).collect();
            next += 12;
            server.wait_until(lsns[11], |log| log.watermarks().durable);
            assert_eq!(numbers_after_power_loss(&disk).len(), next);
        }
    }
    assert_eq!(server.log.status(), Ok(()));
}
