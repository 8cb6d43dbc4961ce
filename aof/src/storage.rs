//! The seam to the disk. Everything the log does to files goes through [`Storage`] and [`File`], so that the same code runs
//! on a file system ([`crate::FsStorage`]) and on a simulated disk that loses, tears and refuses.
//!
//! What an implementation promises, and nothing more may be assumed:
//! * bytes written survive the death of the process, but survive a loss of power only after [`File::sync_data`] returned `Ok`;
//! * a file created, renamed or removed is so after a loss of power only when [`Storage::sync_dir`] of its directory
//!   returned `Ok`, and a rename replaces its target atomically;
//! * after a failed `sync_data` nothing is known about the bytes written since the last successful one;
//! * each opened [`File`] reports a write-back error that happened while it was open to its own next `sync_data`: this is
//!   why overlapping syncs each use a handle of their own (on Linux an error is told once per open file description, so two
//!   threads that share one could see one failure and one undeserved success).

use std::io::{self, IoSlice, Read, Write};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading; it must exist.
    Read,
    /// For writing (and reading, and truncating); it must exist.
    Write,
    /// As `Write`, created; an existing file of the name is an error.
    CreateNew,
}

/// A directory tree in which the log lives. Paths are relative to its root and use `/`.
pub trait Storage: Send + Sync + 'static {
    /// An open file.
    type File: File;
    /// What keeps a directory locked until it is dropped.
    type Lock: Send + 'static;

    /// The names in a directory. A missing directory is [`io::ErrorKind::NotFound`].
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Creates a directory; one that is already there is fine.
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    /// Opens a file.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Self::File>;
    /// Renames a file, replacing the target.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory survive a loss of power.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Takes the lock file at `path`, or tells who holds it.
    fn lock(&self, path: &str) -> Result<Self::Lock, LockError>;
    /// The path as the operator should read it.
    fn display(&self, path: &str) -> String;
}

/// An open file. It is written at its end, or over filler; it is cut, read and synced.
pub trait File: Send + Sync + 'static {
    /// Writes at an offset, which is at most the length; like `pwritev` it may write less than it was given.
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Reads at an offset; 0 means the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Makes the bytes written so far, and the length needed to read them, survive a loss of power (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Sends these bytes, which were written, on their way to the disk, without waiting. A hint before a [`File::sync_data`] on another
    /// thread: it promises nothing, and what fails is told by that sync.
    fn begin_sync(&self, offset: u64, bytes: u64);
    /// Cuts the file (it is never used to lengthen one).
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether there is nothing in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Why a lock was not given.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it: the process id found in the lock file, if it could be read.
    Held(Option<u32>),
    /// The lock file could not be opened or locked.
    Io(io::Error),
}

/// Appends up to `count` bytes of the file, fewer at its end.
pub(crate) fn read_up_to<F: File>(file: &F, offset: u64, into: &mut Vec<u8>, count: usize) -> io::Result<()> {
    let start = into.len();
    into.resize(start + count, 0);
    let mut filled = 0;
    while filled < count {
        match file.read_at(offset + filled as u64, &mut into[start + filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    into.truncate(start + filled);
    Ok(())
}

/// [`File::sync_data`], again if it was interrupted: that must not reach [`Write::write_all`], for which an interruption means that nothing
/// was written and is to be written again.
pub fn sync_uninterrupted<F: File>(file: &F) -> io::Result<()> {
    loop {
        match file.sync_data() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            synced => return synced,
        }
    }
}

/// A file that is read from its beginning to its end.
pub struct SequentialReader<F> {
    file: F,
    offset: u64,
}

impl<F: File> SequentialReader<F> {
    /// Of a whole file.
    pub fn new(file: F) -> Self {
        SequentialReader { file, offset: 0 }
    }
}

impl<F: File> Read for SequentialReader<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(self.offset, into)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// A file that is written from its beginning to its end.
pub struct Appender<F> {
    /// The file.
    pub file: F,
    len: u64,
}

impl<F: File> Appender<F> {
    /// Of an empty file.
    pub fn new(file: F) -> Self {
        Appender { file, len: 0 }
    }
}

impl<F: File> Write for Appender<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(self.len, &[IoSlice::new(bytes)])?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
