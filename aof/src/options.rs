//! What the log is told when it is opened, and what it needs from the process around it.

use std::sync::Arc;

use crate::FsyncPolicy;
use crate::error::{Error, Result};

/// The configuration of the log. The defaults are Redis's.
#[derive(Clone, Debug)]
pub struct Options {
    /// `appenddirname`, below the root of the storage.
    pub dir_name: String,
    /// `appendfilename`, the prefix of every file's name.
    pub file_name: String,
    /// `appendfsync`.
    pub policy: FsyncPolicy,
    /// `aof-load-truncated`: whether a torn tail is cut (with a warning) or refused.
    pub load_truncated: bool,
    /// `aof-load-corrupt-tail-max-size`: how long a damaged tail of the last file may be to be cut; 0 refuses them all.
    pub corrupt_tail_max_bytes: u64,
    /// `aof-block-checksums`: whether blocks carry the header line.
    pub block_checksums: bool,
    /// Not `aof-disable-auto-gc`: whether files that a rewrite has replaced are removed. Else they stay, as history.
    pub auto_gc: bool,
    /// Bounds of what is held in memory.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            dir_name: "appendonlydir".to_owned(),
            file_name: "appendonly.aof".to_owned(),
            policy: FsyncPolicy::Everysec,
            load_truncated: true,
            corrupt_tail_max_bytes: 0,
            block_checksums: true,
            auto_gc: true,
            limits: Limits::default(),
        }
    }
}

impl Options {
    /// Refuses names that would escape the directory or break the manifest.
    pub(crate) fn validate(&self) -> Result<()> {
        for (option, name) in [("appenddirname", &self.dir_name), ("appendfilename", &self.file_name)] {
            let plain = !name.is_empty() && name != "." && name != ".." && !name.contains('/') && !name.chars().any(|c| c.is_control());
            if !plain {
                return Err(Error::BadName { option, name: name.clone() });
            }
        }
        Ok(())
    }
}

/// Bounds of what is held in memory. Past them [`crate::Log::is_saturated`] tells the server to stop reading from clients
/// that write, so that the disk slows them instead of the heap growing.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Submitted but not yet written.
    pub queued_bytes: u64,
    /// Written but not yet durable: kept, because a failed fsync means writing it again.
    pub retained_bytes: u64,
    /// Written but not yet durable: past this an fsync starts before its second is over; past four times this also on a disk that
    /// has only just finished the last.
    pub early_sync_bytes: u64,
    /// Under `always`, with block checksums: how much filler is written behind the last block when a block comes to the file's end. 0 for none.
    pub fill_ahead_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { queued_bytes: 64 << 20, retained_bytes: 256 << 20, early_sync_bytes: 2 << 20, fill_ahead_bytes: 0 }
    }
}

/// What the log needs from the process: a clock, a way to wake its loop, and threads.
#[derive(Clone)]
pub struct Runtime {
    /// Monotonic microseconds. Every `now_us` handed to the log must come from this same clock.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Called from an I/O thread when there is something for [`crate::Log::poll`] to do (wake the event loop).
    pub waker: Arc<dyn Fn() + Send + Sync>,
    /// How many I/O threads (8). With 0 everything runs inside `submit` and `poll`.
    pub threads: usize,
    /// The I/O threads are only imagined, and [`crate::Log::step`] decides which of them does its next step: with a simulated
    /// disk, one seed then decides every interleaving.
    pub stepped: bool,
}

impl Runtime {
    /// Eight threads and the system's monotonic clock.
    pub fn new(waker: impl Fn() + Send + Sync + 'static) -> Self {
        let start = std::time::Instant::now();
        Runtime { clock: Arc::new(move || start.elapsed().as_micros() as u64), waker: Arc::new(waker), threads: 8, stepped: false }
    }

    /// No threads, a clock that the caller moves: for tests and simulations.
    pub fn single_threaded(clock: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Runtime { clock, waker: Arc::new(|| ()), threads: 0, stepped: false }
    }

    /// Imagined threads, a clock that the caller moves: for simulations that decide every interleaving.
    pub fn stepped(clock: Arc<dyn Fn() -> u64 + Send + Sync>, threads: usize) -> Self {
        Runtime { clock, waker: Arc::new(|| ()), threads, stepped: true }
    }
}
