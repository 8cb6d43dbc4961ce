//! Gives the space of removed files back a little at a time.
//!
//! The blocks of a file become free when its last name and its last handle are gone, all in one go, and meanwhile no other file on the
//! same file system can be synced. On ext4 with `discard` that took 236 ms for 200 MiB, and replies under `appendfsync always` waited for all
//! of it. So a large file that is removed is kept open, and shrunk step by step before it is closed: syncs wait for one step at most.
//!
//! Only a file that nobody else has is shrunk. One that has another name is somebody's copy, and one that is open elsewhere is perhaps
//! being copied: a copy that ends early would look like a log that ends early.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Smaller files are gone in a moment.
const LARGE_BYTES: u64 = 4 << 20;
/// How much is freed at once: 2 to 4 ms on a disk that takes long.
const STEP_BYTES: u64 = 1 << 20;
/// After a step the disk belongs to others for so many times as long as it took …
const REST: u32 = 100;
/// … unless the whole file would take longer than this: somebody may need the space.
const WHOLE: Duration = Duration::from_secs(20);

/// A handle that keeps the blocks of the file at `path` from being freed when the name goes; none if the file is small.
pub fn hold(path: &Path) -> Option<File> {
    let is_large = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() >= LARGE_BYTES);
    is_large.then(|| File::options().write(true).open(path).ok()).flatten()
}

/// Lets go of a file whose name is gone, slowly, on a thread of its own.
pub fn release(held: Option<File>) {
    if let Some(file) = held.filter(|file| has_no_name(file) && is_open_nowhere_else(file)) {
        // If there can be no more threads the file is closed, and freed at once.
        let _ = std::thread::Builder::new().name("free-space".into()).spawn(move || shrink(&file));
    }
}

fn has_no_name(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// A write lease is only given to who is alone with a file; and without a name it will not be opened any more. It is returned at once, since a
/// lease that somebody breaks raises a signal.
fn is_open_nowhere_else(file: &File) -> bool {
    [libc::F_WRLCK, libc::F_UNLCK].into_iter().all(|lease| {
        // SAFETY: the call takes no pointers, and the descriptor is open as long as `file` is borrowed.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, lease) };
        result == 0
    })
}

/// Cuts a file down to nothing, with rests.
fn shrink(file: &File) {
    let mut len = file.metadata().map_or(0, |metadata| metadata.len());
    let longest_rest = WHOLE / len.div_ceil(STEP_BYTES).clamp(1, u64::from(u32::MAX)) as u32;
    while len > 0 {
        len = len.saturating_sub(STEP_BYTES);
        let began = Instant::now();
        if file.set_len(len).is_err() {
            return;
        }
        std::thread::sleep((REST * began.elapsed()).min(longest_rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u64 = LARGE_BYTES + 12_345;

    fn large_file(directory: &tempfile::TempDir) -> std::path::PathBuf {
        let path = directory.path().join("file");
        fs::write(&path, vec![b'x'; LEN as usize]).unwrap();
        path
    }

    #[test]
    fn a_file_without_a_name_is_shrunk_to_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = large_file(&directory);
        let file = hold(&path).expect("it is large");
        assert!(!has_no_name(&file));
        fs::remove_file(&path).unwrap();
        assert!(has_no_name(&file) && is_open_nowhere_else(&file));
        shrink(&file);
        assert_eq!(file.metadata().unwrap().len(), 0);
    }

    #[test]
    fn who_reads_a_file_that_is_removed_reads_all_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = large_file(&directory);
        let mut reader = File::open(&path).unwrap();
        let file = hold(&path).expect("it is large");
        fs::remove_file(&path).unwrap();
        assert!(has_no_name(&file) && !is_open_nowhere_else(&file));
        release(Some(file));
        assert_eq!(std::io::copy(&mut reader, &mut std::io::sink()).unwrap(), LEN);
    }

    #[test]
    fn a_hard_link_keeps_its_content_when_the_other_name_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = large_file(&directory);
        let backup = directory.path().join("backup");
        fs::hard_link(&path, &backup).unwrap();
        let file = hold(&path).expect("it is large");
        fs::remove_file(&path).unwrap();
        assert!(!has_no_name(&file));
        release(Some(file));
        assert_eq!(fs::metadata(&backup).unwrap().len(), LEN);
    }

    #[test]
    fn only_large_plain_files_are_held() {
        let directory = tempfile::tempdir().unwrap();
        let small = directory.path().join("small");
        fs::write(&small, b"x").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(large_file(&directory), &link).unwrap();
        for path in [&small, &link, &directory.path().join("missing"), &directory.path().to_owned()] {
            assert!(hold(path).is_none(), "{path:?}");
        }
    }
}
