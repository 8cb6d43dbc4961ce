//! Loading what the log holds, and opening it for appending.
//!
//! ```text
//! let mut recovery = Recovery::open(storage, options)?;          lock, manifest, take-over of an old single file
//! while let Some(part) = recovery.next_part()? {
//!     match part {
//!         Part::Rdb(rdb)       => { decode rdb.reader; recovery.rdb_consumed(bytes it took) }
//!         Part::Commands(chunk) => for command in chunk.commands() { args.clear(); args.extend(command.args()); execute }
//!     }
//!     (between parts: answer clients with -LOADING; progress is recovery.bytes_read() of recovery.bytes_total())
//! }
//! let (log, summary) = recovery.finish(runtime, now_us)?;        cuts torn tails, removes leftovers, opens the segment
//! for warning in &summary.warnings { log at level warning }
//! ```
//!
//! A command that the engine can't execute stops the start: `return Err(recovery.refuse(chunk, command, reason))`.

use std::io::Read;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::log::Log;
use crate::options::{Options, Runtime};
use crate::storage::Storage;

/// A log that is being loaded.
pub struct Recovery<S: Storage> {
    _storage: std::marker::PhantomData<S>,
}

/// The next thing to load.
pub enum Part {
    /// An RDB file or preamble. Tell [`Recovery::rdb_consumed`] how many bytes it took before asking for the next part.
    Rdb(RdbPart),
    /// Whole commands, whole transactions.
    Commands(Chunk),
}

/// An RDB file, or the RDB preamble of a base.
pub struct RdbPart {
    /// The file, for messages.
    pub path: String,
    /// The file's length; commands may follow the RDB.
    pub bytes: u64,
    /// The file from its first byte.
    pub reader: Box<dyn Read + Send>,
}

/// A run of whole commands, verified and split into arguments ahead of execution.
pub struct Chunk {
    bytes: Vec<u8>,
}

/// One command of a [`Chunk`].
#[derive(Clone, Copy)]
pub struct Command<'a> {
    chunk: &'a Chunk,
}

impl Chunk {
    /// The commands in order.
    pub fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        std::iter::empty()
    }
}

impl<'a> Command<'a> {
    /// The arguments, the command's name first.
    pub fn args(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let _ = &self.chunk.bytes;
        std::iter::empty()
    }

    /// Where it stands in its file.
    pub fn offset(&self) -> u64 {
        todo!()
    }
}

/// What the recovery found and did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Sentences for the server's log: what was cut where, what was taken over, what was removed.
    pub warnings: Vec<String>,
    /// The LSN at which the log goes on.
    pub lsn: u64,
    /// Bytes that were loaded.
    pub bytes: u64,
    /// Whether there was no log before.
    pub created: bool,
}

#[allow(unused_variables)]
impl<S: Storage> Recovery<S> {
    /// Locks the directory, reads the manifest, and takes over an old single-file log.
    pub fn open(storage: Arc<S>, options: Options) -> Result<Self> {
        todo!()
    }

    /// Whether there was no log at all (then an RDB file, if there is one, is what to load).
    pub fn is_fresh(&self) -> bool {
        todo!()
    }

    /// The next thing to load, or `None` at the end. May block while the reading thread is behind.
    pub fn next_part(&mut self) -> Result<Option<Part>> {
        todo!()
    }

    /// Tells how many bytes of the file the RDB was.
    pub fn rdb_consumed(&mut self, bytes: u64) {
        todo!()
    }

    /// The error for a command that can't be executed.
    pub fn refuse(&self, chunk: &Chunk, command: &Command<'_>, reason: &str) -> Error {
        todo!()
    }

    /// The bytes of all files to load.
    pub fn bytes_total(&self) -> u64 {
        todo!()
    }

    /// How many of them were handed out.
    pub fn bytes_read(&self) -> u64 {
        todo!()
    }

    /// Cuts what was found torn, removes leftovers, and opens the last segment (or a new one) for appending.
    pub fn finish(self, runtime: Runtime, now_us: u64) -> Result<(Log<S>, Summary)> {
        todo!()
    }
}
