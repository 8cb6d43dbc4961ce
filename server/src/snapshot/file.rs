//! The RDB file on the disk.
//!
//! It is replaced, never changed: written under a temporary name, synced, renamed over the old one, and the directory synced. A stop
//! at any of these leaves the old file or the new one whole; what a killed process leaves under its temporary name is removed
//! at the next start.

use graven_aof::{Appender, Disk, DiskFile, OpenMode, Storage, sync_uninterrupted};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// With `rdb-save-incremental-fsync`, a sync after so many bytes, so that the disk is not given everything at the end.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// Has `write` write what takes the place of the file of this name in the data directory.
pub(super) fn replace<T>(disk: &Disk, name: &str, write: impl FnOnce(DiskFile) -> io::Result<T>) -> io::Result<T> {
    let temporary = temporary_name(std::process::id());
    let create = || match disk.remove(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => disk.open(&temporary, OpenMode::CreateNew),
    };
    let result = create().and_then(write).and_then(|done| {
        disk.rename(&temporary, name)?;
        disk.sync_dir("")?;
        Ok(done)
    });
    if result.is_err() {
        // What is wrong is told by the error.
        let _ = disk.remove(&temporary);
    }
    result
}

fn temporary_name(pid: u32) -> String {
    format!("temp-{pid}.rdb")
}

/// Removes what processes have left that were killed while they saved.
pub(crate) fn remove_leftovers(disk: &Disk) -> io::Result<()> {
    for name in disk.list("")? {
        let pid = name.strip_prefix("temp-").and_then(|name| name.strip_suffix(".rdb")?.parse().ok());
        let is_running = |pid: u32| pid != std::process::id() && Path::new(&format!("/proc/{pid}")).exists();
        if pid.is_some_and(|pid| !is_running(pid)) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

/// A file that is synced as it grows.
pub(super) struct Syncing {
    out: BufWriter<Appender<DiskFile>>,
    unsynced: u64,
    is_incremental: bool,
}

impl Syncing {
    pub(super) fn new(file: DiskFile, is_incremental: bool) -> Syncing {
        Syncing { out: BufWriter::with_capacity(BUFFER_BYTES, Appender::new(file)), unsynced: 0, is_incremental }
    }

    /// Makes everything durable.
    pub(super) fn finish(self) -> io::Result<()> {
        sync_uninterrupted(&self.out.into_inner()?.file)
    }
}

impl Write for Syncing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.unsynced += written as u64;
        if self.is_incremental && self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            self.out.flush()?;
            sync_uninterrupted(&self.out.get_ref().file)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graven_aof::sim::{Dice, ENOSPC, Fault, Op, SimStorage};

    const NAME: &str = "dump.rdb";
    const OLD: &[u8] = b"what there was";

    /// More than two incremental syncs.
    fn new_content() -> Vec<u8> {
        (0..SYNC_EVERY_BYTES * 2 + 4321).map(|n| (n % 251) as u8).collect()
    }

    fn save(disk: &SimStorage, content: &[u8]) -> io::Result<()> {
        replace(&Disk::Simulated(disk.clone()), NAME, |file| {
            let mut out = Syncing::new(file, true);
            content.chunks(100_000).try_for_each(|part| out.write_all(part))?;
            out.finish()
        })
    }

    fn with_old() -> SimStorage {
        let disk = SimStorage::new();
        save(&disk, OLD).expect("nothing fails");
        disk
    }

    /// After a start: no debris, and one of the two files, whole.
    #[track_caller]
    fn check(disk: &SimStorage, must_be_new: bool, what: &str) {
        remove_leftovers(&Disk::Simulated(disk.clone())).expect("nothing fails");
        assert_eq!(disk.list("").expect("it can be listed"), [NAME], "{what}");
        let found = disk.content(NAME).expect("it is listed");
        assert!(found == new_content() || (!must_be_new && found == OLD), "{what}: {} bytes", found.len());
    }

    #[test]
    fn a_stop_at_any_operation_leaves_the_old_file_or_the_new_one() {
        let whole = with_old();
        let first = whole.operations();
        save(&whole, &new_content()).expect("nothing fails");
        let last = whole.operations();
        assert!(last > first + 40, "too few operations to prove anything");
        let mut dice = Dice::new(1);
        for at in first..=last {
            let disk = with_old();
            disk.stop_at(at);
            let is_done = save(&disk, &new_content()).is_ok();
            check(&disk.kill(), is_done, &format!("killed at operation {at}"));
            for _ in 0..4 {
                check(&disk.power_loss(&mut dice), is_done, &format!("power lost at operation {at}"));
            }
        }
    }

    #[test]
    fn a_failed_operation_leaves_a_whole_file_and_the_next_save_succeeds() {
        let mut failures = 0;
        for op in [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncDir] {
            for nth in 1.. {
                let disk = with_old();
                disk.plant(op, nth, Fault::Errno(ENOSPC));
                if save(&disk, &new_content()).is_ok() {
                    break;
                }
                failures += 1;
                check(&disk, false, &format!("{op:?} {nth}"));
                save(&disk, &new_content()).expect("it fails once");
                check(&disk, true, &format!("{op:?} {nth}, then good"));
            }
        }
        assert!(failures > 40, "only {failures} saves failed");
    }
}
