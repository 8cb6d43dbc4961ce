//! [`Storage`] on a real file system.

use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::free_space;
use crate::storage::{File, LockError, OpenMode, Storage};

/// The most buffers one `writev` takes on Linux.
const IOV_MAX: usize = 1024;

/// A directory of the file system.
#[derive(Clone, Debug)]
pub struct FsStorage {
    root: PathBuf,
}

impl FsStorage {
    /// The tree below `root` (the server's `dir`).
    pub fn new(root: impl Into<PathBuf>) -> Self {
        FsStorage { root: root.into() }
    }

    /// Where a path of this storage is in the file system.
    pub fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

/// An `flock` on a file that holds our process id. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct FsLock {
    _file: fs::File,
}

/// An open file of the file system.
#[derive(Debug)]
pub struct FsFile(fs::File);

impl Storage for FsStorage {
    type File = FsFile;
    type Lock = FsLock;

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        match fs::create_dir(self.path(dir)) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn open(&self, path: &str, mode: OpenMode) -> io::Result<FsFile> {
        let mut options = fs::OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => {
                options.write(true);
            }
            OpenMode::CreateNew => {
                options.write(true).create_new(true).mode(0o644);
            }
        }
        let file = options.open(self.path(path))?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(FsFile(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        let replaced = free_space::hold(&to);
        fs::rename(from, to)?;
        free_space::release(replaced);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        let removed = free_space::hold(&path);
        fs::remove_file(path)?;
        free_space::release(removed);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        match fs::File::open(self.path(dir))?.sync_all() {
            // Some file systems (of networks, or in user space) have no fsync of directories at all. Nothing better exists there,
            // and nothing was tried that could have failed: names are as durable as that file system makes them. Redis goes on too.
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            synced => synced,
        }
    }

    fn lock(&self, path: &str) -> Result<FsLock, LockError> {
        let path = self.path(path);
        let mut file =
            fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(&path).map_err(LockError::Io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held(holder(&mut file))),
            Err(e) => return Err(LockError::Io(e.into())),
        }
        // The process id is for the operator's eyes; a full disk must not keep the server from starting.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(FsLock { _file: file })
    }

    fn display(&self, path: &str) -> String {
        self.path(path).display().to_string()
    }
}

fn holder(file: &mut fs::File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl File for FsFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let offset = libc::off64_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let count = parts.len().min(IOV_MAX) as libc::c_int;
        // SAFETY: an `IoSlice` has the layout of an `iovec`, as its documentation promises; `count` of them are borrowed during the call, with
        // what they point to, and so is the descriptor.
        let written = unsafe { libc::pwritev64(self.0.as_raw_fd(), parts.as_ptr().cast(), count, offset) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn begin_sync(&self, offset: u64, bytes: u64) {
        let (Ok(offset), Ok(bytes)) = (libc::off64_t::try_from(offset), libc::off64_t::try_from(bytes)) else { return };
        // SAFETY: the call takes no pointers, and the descriptor is open as long as `self` is borrowed. Without the flags that wait, it
        // does not take an error away from `fdatasync`.
        unsafe { libc::sync_file_range(self.0.as_raw_fd(), offset, bytes, libc::SYNC_FILE_RANGE_WRITE) };
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_has_no_fsync_is_no_failure() {
        // Linux has none for the directories of processes.
        let directory = fs::File::open("/proc").unwrap();
        assert_eq!(directory.sync_all().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        FsStorage::new("/proc").sync_dir("").unwrap();
        assert!(FsStorage::new("/proc").sync_dir("no such directory").is_err());
    }
}
