//! A disk that is slow, full, failing or without power, for a real server process.
//!
//! [`DiskFaults`] compiles `disk_faults.c` with the system's `cc` and hands it to a server through `LD_PRELOAD`; the two
//! share a small mapped file, so that a test changes the disk while the server runs. This reaches only what goes through
//! the C library: a server that makes system calls itself would not notice, which is why the counters exist and tests
//! check that faults did happen.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::Builder;

/// Operation not possible: I/O error.
pub const EIO: i64 = 5;
/// No space left on device.
pub const ENOSPC: i64 = 28;

const SOURCE: &str = include_str!("disk_faults.c");
const FIELDS: u64 = 11;
const FILES: u64 = 512;

/// The control of one preloaded disk.
#[derive(Debug)]
pub struct DiskFaults {
    control: File,
    control_path: PathBuf,
    library: Arc<Library>,
    _dir: tempfile::TempDir,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    SyncDelayUs = 0,
    SyncErrno = 1,
    SyncFailures = 2,
    WriteErrno = 3,
    WriteFailures = 4,
    WriteMaxBytes = 5,
    TruncateErrno = 6,
    SpaceLeft = 7,
    Syncs = 8,
    Writes = 9,
    Faults = 10,
}

impl DiskFaults {
    /// A disk without faults, until told otherwise.
    pub fn new() -> Result<DiskFaults> {
        let dir = tempfile::Builder::new().prefix("graven-faults-").tempdir()?;
        let control_path = dir.path().join("control");
        let control = OpenOptions::new().read(true).write(true).create_new(true).open(&control_path)?;
        control.set_len((FIELDS + 2 * FILES) * 8)?;
        let faults = DiskFaults { control, control_path, library: Library::shared()?, _dir: dir };
        faults.set(Field::SpaceLeft, -1);
        Ok(faults)
    }

    /// Makes a server use this disk.
    pub fn preload(&self, builder: Builder) -> Builder {
        self.environment().into_iter().fold(builder, |builder, (name, value)| builder.env(name, value))
    }

    /// The environment that [`DiskFaults::preload`] sets, for programs that the harness does not start.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.library.path.display().to_string()), ("GRAVEN_DISK_FAULTS", self.control_path.display().to_string())]
    }

    /// Each fsync takes this much longer from now on.
    pub fn sync_delay(&self, delay: Duration) {
        self.set(Field::SyncDelayUs, delay.as_micros() as i64);
    }

    /// The next `count` fsyncs fail with `errno`; `-1` is all of them.
    pub fn fail_syncs(&self, errno: i64, count: i64) {
        self.set(Field::SyncErrno, errno);
        self.set(Field::SyncFailures, count);
    }

    /// The next `count` writes fail with `errno`; `-1` is all of them.
    pub fn fail_writes(&self, errno: i64, count: i64) {
        self.set(Field::WriteErrno, errno);
        self.set(Field::WriteFailures, count);
    }

    /// No write takes more than `bytes` at once; 0 is no limit.
    pub fn short_writes(&self, bytes: i64) {
        self.set(Field::WriteMaxBytes, bytes);
    }

    /// The disk takes `bytes` more, the last write short, then reports that it is full; `-1` is no limit.
    pub fn space_left(&self, bytes: i64) {
        self.set(Field::SpaceLeft, bytes);
    }

    /// Truncation fails with `errno`; 0 is that it works.
    pub fn fail_truncation(&self, errno: i64) {
        self.set(Field::TruncateErrno, errno);
    }

    /// The disk is a good one again.
    pub fn repair(&self) {
        self.sync_delay(Duration::ZERO);
        self.fail_syncs(0, 0);
        self.fail_writes(0, 0);
        self.short_writes(0);
        self.space_left(-1);
        self.fail_truncation(0);
    }

    /// How many syncs of log files were seen.
    pub fn syncs(&self) -> i64 {
        self.get(Field::Syncs)
    }

    /// How many writes of log files were seen while a write fault was set.
    pub fn writes(&self) -> i64 {
        self.get(Field::Writes)
    }

    /// How many faults were delivered.
    pub fn faults(&self) -> i64 {
        self.get(Field::Faults)
    }

    /// Cuts each file of a killed server's log back to what had been synced, as a power loss may do at worst. Files of
    /// which nothing was ever synced become empty. Returns how many bytes were lost.
    ///
    /// # Errors
    /// If the files cannot be read or cut.
    pub fn lose_power(&self, append_dir: &Path) -> Result<u64> {
        let mut lost = 0;
        for entry in fs::read_dir(append_dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let log_file = entry.file_name().to_string_lossy().ends_with(".aof");
            if !metadata.is_file() || !log_file {
                continue;
            }
            let synced = self.synced_bytes(metadata.ino()).min(metadata.len());
            if synced < metadata.len() {
                OpenOptions::new().write(true).open(entry.path())?.set_len(synced)?;
                lost += metadata.len() - synced;
            }
        }
        Ok(lost)
    }

    fn synced_bytes(&self, inode: u64) -> u64 {
        let slot = (0..FILES).find(|slot| self.word(FIELDS + 2 * slot) == inode);
        slot.map_or(0, |slot| self.word(FIELDS + 2 * slot + 1))
    }

    fn word(&self, index: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, index * 8).expect("the control file has its full length");
        u64::from_ne_bytes(bytes)
    }

    fn get(&self, field: Field) -> i64 {
        self.word(field as u64) as i64
    }

    fn set(&self, field: Field, value: i64) {
        let written = self.control.write_all_at(&value.to_ne_bytes(), field as u64 * 8);
        written.expect("the control file is writable");
    }
}

/// The compiled library.
#[derive(Debug)]
struct Library {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Library {
    /// The one that others use now, or else a new one: it goes with the last of them, so that nothing is left behind.
    fn shared() -> Result<Arc<Library>> {
        static SHARED: Mutex<Weak<Library>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = shared.upgrade() {
            return Ok(library);
        }
        let library = Arc::new(Library::compile()?);
        *shared = Arc::downgrade(&library);
        Ok(library)
    }

    fn compile() -> Result<Library> {
        let dir = tempfile::Builder::new().prefix("graven-faults-lib-").tempdir()?;
        let source = dir.path().join("disk_faults.c");
        let path = dir.path().join("disk_faults.so");
        fs::write(&source, SOURCE)?;
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-o"])
            .args([&path, &source])
            .arg("-ldl")
            .output()
            .context("running cc, which compiles the faulty disk; install gcc or clang")?;
        ensure!(output.status.success(), "cc failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Library { path, _dir: dir })
    }
}
