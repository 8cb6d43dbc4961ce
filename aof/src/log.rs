//! The log as the server drives it.
//!
//! One turn of the server's loop looks like this:
//!
//! ```text
//! while clients have commands:
//!     execute; effects go to `content`              each reply notes the LSN it needs: log.appended() + content.len()
//! if !content.is_empty(): log.submit(&mut content, now)      content comes back empty, with some capacity
//! log.poll(now)                                     also on every wake-up and at log.next_deadline()
//! let mark = log.watermarks().acknowledged(log.policy())
//! release every reply whose LSN <= mark
//! if log.is_saturated(): read no more from clients that write
//! ```
//!
//! A write command is answered with `-MISCONF Errors writing to the AOF file: {message}` while [`Log::status`] is an error;
//! replies that already wait go on waiting and are released when the disk is back.
//!
//! When `set_policy` leaves `always`, replies that already wait for `durable` must go on doing so: note the watermark kind
//! with the reply, or release by [`Watermarks::durable`] up to the LSN that was appended at the change.

use crate::error::Result;
use crate::policy::{FsyncPolicy, Watermarks};
use crate::storage::Storage;

/// The open log: takes batches of effects, writes and syncs them as the policy asks, and tells how far it got.
/// It belongs to the thread that executes commands; the I/O threads are its own.
pub struct Log<S: Storage> {
    _storage: std::marker::PhantomData<S>,
}

/// Why writes are refused at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the operating system said, as in `No space left on device`.
    pub message: String,
    /// When it began, on the log's clock.
    pub since_us: u64,
}

/// Something that took long enough for `LATENCY` to want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// The event's name as Redis has it (`aof-write`, `aof-fsync-always`, …).
    pub event: &'static str,
    /// How long it took.
    pub took_us: u64,
}

/// What `INFO persistence` shows of the log.
#[derive(Clone, Debug, Default)]
pub struct LogInfo {
    /// `aof_lsn_appended`, `aof_lsn_written`, `aof_lsn_durable`.
    pub marks: Watermarks,
    /// `aof_current_size`: bytes in all files the manifest names.
    pub current_size: u64,
    /// `aof_base_size`: the same when the log was opened or last rewritten.
    pub base_size: u64,
    /// `aof_buffer_length`: bytes appended and not yet written.
    pub buffer_length: u64,
    /// `aof_pending_bio_fsync`: fsyncs running on the I/O threads.
    pub pending_bio_fsync: u64,
    /// `aof_delayed_fsync`: how often an fsync was due while the previous one was still running.
    pub delayed_fsync: u64,
    /// `aof_at_risk_bytes`: what a loss of power would cost now.
    pub at_risk_bytes: u64,
    /// `aof_at_risk_ms`: the age of the oldest byte at risk.
    pub at_risk_ms: u64,
    /// `aof_fsync_usec_p50`.
    pub fsync_usec_p50: u64,
    /// `aof_fsync_usec_p99`.
    pub fsync_usec_p99: u64,
    /// `aof_blocks`: blocks written since the start.
    pub blocks: u64,
    /// `aof_last_error`: the last failure's text, also after it passed; empty if there was none.
    pub last_error: String,
    /// `aof_last_write_status`: ok or err.
    pub last_write_ok: bool,
    /// Whether the last fsync succeeded.
    pub last_fsync_ok: bool,
}

#[allow(unused_variables)]
impl<S: Storage> Log<S> {
    /// Submits one batch of effects. It must begin with a `SELECT`, consist of whole commands, and hold whole transactions.
    /// The buffer is swapped for an empty one. Returns the LSN after it, which is what its replies wait for.
    /// May write and sync before it returns, when that is the fastest way.
    pub fn submit(&mut self, content: &mut Vec<u8>, now_us: u64) -> u64 {
        todo!()
    }

    /// Takes in what the I/O threads finished and does what has become due.
    pub fn poll(&mut self, now_us: u64) {
        todo!()
    }

    /// When `poll` wants to be called next, on the log's clock, if nothing else happens.
    pub fn next_deadline(&self) -> Option<u64> {
        todo!()
    }

    /// How far the log has come.
    pub fn watermarks(&self) -> Watermarks {
        todo!()
    }

    /// The end of everything submitted.
    pub fn appended(&self) -> u64 {
        todo!()
    }

    /// Why writes must be refused at present, if they must.
    pub fn status(&self) -> Result<(), &Failure> {
        todo!()
    }

    /// Whether the disk is so far behind that clients that write must wait.
    pub fn is_saturated(&self) -> bool {
        todo!()
    }

    /// The policy in force.
    pub fn policy(&self) -> FsyncPolicy {
        todo!()
    }

    /// Changes `appendfsync`. Turning to `Always` starts making everything before durable.
    pub fn set_policy(&mut self, policy: FsyncPolicy, now_us: u64) {
        todo!()
    }

    /// `aof-block-checksums`, from the next block on.
    pub fn set_block_checksums(&mut self, on: bool) {
        todo!()
    }

    /// `no-appendfsync-on-rewrite`: while paused, no fsync starts except under `Always`... and at `close`.
    pub fn pause_fsync(&mut self, paused: bool) {
        todo!()
    }

    /// How many clients are connected: with one, nobody else is kept waiting by an inline fsync.
    pub fn set_clients(&mut self, clients: usize) {
        todo!()
    }

    /// Writes and syncs everything, waiting at most `max_wait_us` for it (for `SHUTDOWN`). The log stays usable.
    pub fn flush(&mut self, max_wait_us: u64) -> Result<()> {
        todo!()
    }

    /// For `INFO persistence`.
    pub fn info(&self, now_us: u64) -> LogInfo {
        todo!()
    }

    /// Moves the latency samples (of 1 ms and more) gathered since the last call to `into`.
    pub fn take_latency_samples(&mut self, into: &mut Vec<LatencySample>) {
        todo!()
    }
}
