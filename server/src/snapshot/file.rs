//! The RDB file on the disk.
//!
//! It is replaced, never changed: written under a temporary name, synced, renamed over the old one, and the directory synced. A stop
//! at any of these leaves the old file or the new one whole; what a killed process leaves under its temporary name is removed
//! at the next start.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// With `rdb-save-incremental-fsync`, a sync after so many bytes, so that the disk is not given everything at the end.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// Has `write` write what takes the place of the file at `path`.
pub(super) fn replace<T>(path: &Path, write: impl FnOnce(File) -> io::Result<T>) -> io::Result<T> {
    let dir = path.parent().expect("a file is in a directory");
    let temporary = dir.join(temporary_name(std::process::id()));
    let result = File::create(&temporary).and_then(write).and_then(|done| {
        std::fs::rename(&temporary, path)?;
        File::open(dir)?.sync_all()?;
        Ok(done)
    });
    if result.is_err() {
        // What is wrong is told by the error.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

fn temporary_name(pid: u32) -> String {
    format!("temp-{pid}.rdb")
}

/// Removes what processes have left that were killed while they saved.
pub(crate) fn remove_leftovers(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("temp-")?.strip_suffix(".rdb")?.parse().ok());
        let is_running = |pid: u32| pid != std::process::id() && Path::new(&format!("/proc/{pid}")).exists();
        if pid.is_some_and(|pid| !is_running(pid)) {
            std::fs::remove_file(dir.join(name))?;
        }
    }
    Ok(())
}

/// A file that is synced as it grows.
pub(super) struct Syncing {
    out: BufWriter<File>,
    unsynced: u64,
    is_incremental: bool,
}

impl Syncing {
    pub(super) fn new(file: File, is_incremental: bool) -> Syncing {
        Syncing { out: BufWriter::with_capacity(BUFFER_BYTES, file), unsynced: 0, is_incremental }
    }

    /// Makes everything durable.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.into_inner()?.sync_all()
    }
}

impl Write for Syncing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.unsynced += written as u64;
        if self.is_incremental && self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            self.out.flush()?;
            self.out.get_ref().sync_data()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
