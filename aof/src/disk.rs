//! One type for the disk of the machine and the one in memory, so that a whole server runs on either.
//!
//! Calls come once a batch, so telling them apart costs nothing that could be measured.

use std::io::{self, IoSlice};

use crate::fs::{FsFile, FsLock, FsStorage};
use crate::sim::{SimFile, SimLock, SimStorage};
use crate::storage::{File, LockError, OpenMode, Storage};

/// A disk.
#[derive(Clone)]
pub enum Disk {
    /// A directory of the machine's file system.
    Real(FsStorage),
    /// In memory, hostile.
    Simulated(SimStorage),
}

/// A file of a [`Disk`].
pub enum DiskFile {
    /// On the machine.
    Real(FsFile),
    /// In memory.
    Simulated(SimFile),
}

/// A lock of a [`Disk`]: held until it is dropped.
pub struct DiskLock {
    _held: Held,
}

#[expect(dead_code, reason = "held for what dropping them does")]
enum Held {
    Real(FsLock),
    Simulated(SimLock),
}

impl Storage for Disk {
    type File = DiskFile;
    type Lock = DiskLock;

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        match self {
            Disk::Real(disk) => disk.list(dir),
            Disk::Simulated(disk) => disk.list(dir),
        }
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        match self {
            Disk::Real(disk) => disk.create_dir(dir),
            Disk::Simulated(disk) => disk.create_dir(dir),
        }
    }

    fn open(&self, path: &str, mode: OpenMode) -> io::Result<DiskFile> {
        Ok(match self {
            Disk::Real(disk) => DiskFile::Real(disk.open(path, mode)?),
            Disk::Simulated(disk) => DiskFile::Simulated(disk.open(path, mode)?),
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match self {
            Disk::Real(disk) => disk.rename(from, to),
            Disk::Simulated(disk) => disk.rename(from, to),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match self {
            Disk::Real(disk) => disk.remove(path),
            Disk::Simulated(disk) => disk.remove(path),
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        match self {
            Disk::Real(disk) => disk.sync_dir(dir),
            Disk::Simulated(disk) => disk.sync_dir(dir),
        }
    }

    fn lock(&self, path: &str) -> Result<DiskLock, LockError> {
        let held = match self {
            Disk::Real(disk) => Held::Real(disk.lock(path)?),
            Disk::Simulated(disk) => Held::Simulated(disk.lock(path)?),
        };
        Ok(DiskLock { _held: held })
    }

    fn display(&self, path: &str) -> String {
        match self {
            Disk::Real(disk) => disk.display(path),
            Disk::Simulated(disk) => disk.display(path),
        }
    }
}

impl File for DiskFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            DiskFile::Real(file) => file.write_at(offset, parts),
            DiskFile::Simulated(file) => file.write_at(offset, parts),
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        match self {
            DiskFile::Real(file) => file.read_at(offset, into),
            DiskFile::Simulated(file) => file.read_at(offset, into),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        match self {
            DiskFile::Real(file) => file.sync_data(),
            DiskFile::Simulated(file) => file.sync_data(),
        }
    }

    fn begin_sync(&self, offset: u64, bytes: u64) {
        match self {
            DiskFile::Real(file) => file.begin_sync(offset, bytes),
            DiskFile::Simulated(file) => file.begin_sync(offset, bytes),
        }
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        match self {
            DiskFile::Real(file) => file.set_len(bytes),
            DiskFile::Simulated(file) => file.set_len(bytes),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            DiskFile::Real(file) => file.len(),
            DiskFile::Simulated(file) => file.len(),
        }
    }
}
