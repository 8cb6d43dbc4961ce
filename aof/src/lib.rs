//! The append-only log: the database as it is on disk.
//!
//! **Owns** the directory of segments, the manifest that orders them, the blocks inside them, the writer that makes batches
//! durable, the recovery that reads them back, and the analysis that `check-aof` prints.
//!
//! **Does not know** what a command means (but for `MULTI` and `EXEC`, which must not be separated), who waits for which
//! position, or how an RDB is decoded.
//!
//! **Invariants**
//! * An LSN is a position in the endless stream of logged command bytes. Block headers do not count. It never goes back.
//! * Every submitted batch begins with a `SELECT` and holds whole commands and whole transactions. So every block boundary
//!   is a place where a new segment may begin, and no block is ever loaded in part.
//! * `durable <= written <= appended`; what is not durable is still in memory (but under `appendfsync no`).
//! * A file whose fsync failed is never appended to again, and nothing in it after its last successful fsync is believed.
//!
//! Where to look: [`Recovery`] loads and opens, [`Log`] is what a server drives, [`repair`] is what `check-aof` does, [`sim`] is a
//! hostile disk for tests. Inside, `writer` decides and does no I/O; `pool`, `segment` and `roll` do what it decided.

mod block;
mod directory;
mod disk;
mod doubt;
mod error;
mod filler;
mod free_space;
mod fresh;
mod fs;
mod gathering;
mod intake;
mod job;
mod lock;
mod log;
mod log_rewrite;
mod manifest;
mod options;
mod policy;
mod pool;
mod queue;
mod reader;
mod recovery;
mod remedy;
pub mod repair;
mod rewrite;
mod roll;
mod scan;
mod segment;
pub mod sim;
mod storage;
mod strategy;
mod torn;
mod writer;

pub use block::HeaderLine as BlockHeader;
pub use disk::{Disk, DiskFile, DiskLock};
pub use error::{Error, Result};
pub use fresh::BaseFormat;
pub use fs::{FsFile, FsLock, FsStorage};
pub use log::{Failure, LatencySample, Log, LogInfo};
pub use log_rewrite::Sizes;
pub use options::{Limits, Options, Runtime};
pub use policy::{FsyncPolicy, UnknownPolicy, Watermarks};
pub use reader::{Chunk, Command};
pub use recovery::{Part, RdbPart, Recovery, Summary};
pub use rewrite::{BaseTarget, BaseWriter, FinishedBase, RewriteState};
pub use storage::{Appender, File, LockError, OpenMode, SequentialReader, Storage, sync_uninterrupted};
pub use strategy::{Clients, Work};
