//! A small file system of its own, to be really full.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A mounted tmpfs, unmounted at the end.
#[derive(Debug)]
pub struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// Mounts one; says why and gives nothing if that is not permitted here.
    pub fn mount(kilobytes: u32) -> Option<Tmpfs> {
        let skipped = |reason: &dyn std::fmt::Display| {
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            let _ = writeln!(std::io::stderr(), "SKIPPED {name}: no tmpfs can be mounted here: {reason}");
        };
        let dir = tempfile::tempdir().map_err(|error| skipped(&error)).ok()?;
        let size = format!("size={kilobytes}k");
        match Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output() {
            Ok(output) if output.status.success() => Some(Tmpfs(dir)),
            Ok(output) => {
                skipped(&String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                skipped(&error);
                None
            }
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it up to the last `bytes`, with a file that [`Tmpfs::relieve`] removes.
    pub fn fill_but(&self, bytes: u64) {
        let Ok(mut ballast) = File::create(self.path().join("ballast")) else { return };
        let free = rustix::fs::statvfs(self.path()).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
        let piece = [0u8; 4096];
        // Others write as well: it may be full before.
        for _ in 0..free.saturating_sub(bytes) / piece.len() as u64 {
            if ballast.write_all(&piece).is_err() {
                return;
            }
        }
    }

    /// There is space again.
    pub fn relieve(&self) {
        let _ = std::fs::remove_file(self.path().join("ballast"));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
