//! Every way in which opening, loading or writing the log can fail, each worded for the operator: what is wrong, where,
//! and what to do about it.

use std::io;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the log could not be opened, loaded or continued.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation on a file or directory.
    #[error("Can't {doing} '{path}': {source}. Check that the path exists, and its permissions and free space")]
    Io {
        /// What was attempted, as a verb ("open", "create").
        doing: &'static str,
        /// The file or directory.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the lock of the directory.
    #[error(
        "The append only directory '{dir}' is already in use by process {holder}: stop that server first, or choose another 'dir' or 'appenddirname'"
    )]
    InUse {
        /// The directory.
        dir: String,
        /// The process id found in the lock file, or `unknown`.
        holder: String,
    },
    /// The manifest does not follow the syntax, or contradicts itself.
    #[error("Bad AOF manifest '{path}', line {line}: {reason}. Restore the manifest from a backup, or correct that line, then start again")]
    Manifest {
        /// The manifest file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There are segments, but no manifest that orders them.
    #[error(
        "The AOF manifest '{path}' is missing, but there are segments beside it ('{segment}'): restore the manifest from a backup, or write it (a line 'file NAME seq N type i' for each segment, in order, the base first with 'type b'), or move the segments away to start without them"
    )]
    MissingManifest {
        /// Where the manifest should be.
        path: String,
        /// One of the segments.
        segment: String,
    },
    /// The manifest names a file that is not there.
    #[error(
        "The AOF file '{path}' is named by the manifest but does not exist: restore it from a backup (without it the data set would be incomplete)"
    )]
    MissingSegment {
        /// The missing file.
        path: String,
    },
    /// The last file ends in the middle of a command or block, and `aof-load-truncated` is `no`.
    #[error(
        "Unexpected end of file reading the append only file {path} at offset {offset} ({reason}). You can: 1) Make a backup of your AOF file, then use graven check-aof --fix {manifest}. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server"
    )]
    Truncated {
        /// The file.
        path: String,
        /// The first byte that does not belong to a whole command or block.
        offset: u64,
        /// What was incomplete.
        reason: String,
        /// The manifest, for `check-aof`.
        manifest: String,
    },
    /// Damage that is not a torn tail.
    #[error("Bad file format reading the append only file {path} at offset {offset}: {reason}. {remedy}")]
    Damaged {
        /// The file.
        path: String,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        reason: String,
        /// What to do about it: sentences without a full stop at the end.
        remedy: String,
    },
    /// A whole command that the engine can't execute: no damage.
    #[error(
        "Can't execute {command} at offset {offset} of the append only file {path}: {reason}. The file is whole there, so check-aof has nothing to fix: a server that knows this command loads it. To go on without it, cut its {bytes} bytes out of a copy of the directory by hand, and delete the '#BLK' lines of its block and of all later blocks, also in later files"
    )]
    NotExecutable {
        /// The file.
        path: String,
        /// Where the command begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
        /// Its name.
        command: String,
        /// Why it can't be executed.
        reason: String,
    },
    /// The name given for the directory or the files cannot be used.
    #[error("'{name}' can't be used as {option}: it must be a plain file name without '/' and control characters")]
    BadName {
        /// The configuration option.
        option: &'static str,
        /// Its value.
        name: String,
    },
    /// The log did not become durable within the time that was given.
    #[error("The log could not be written and synced completely: {reason}")]
    NotDurable {
        /// The last failure, or that time was up.
        reason: String,
    },
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub fn io(doing: &'static str, path: impl Into<String>, source: io::Error) -> Self {
        Error::Io { doing, path: path.into(), source }
    }
}
