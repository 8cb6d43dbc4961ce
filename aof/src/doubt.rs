//! What a failed fsync leaves in doubt, for the next process.
//!
//! After a failed fsync the kernel may go on showing bytes that will never reach the disk, also to the next process, whose fsync may
//! succeed, since the error was told. So whoever sees an fsync of the log fail, also a start that cuts a torn tail or makes durable what
//! it has read, leaves an empty file `.fsync-failed.NAME`, which lives in the same cache as those bytes. NAME is the file that failed. For the
//! directory, whose fsync makes a new manifest's name durable, it is the manifest; that mark is there before the name is, and goes when the fsync is over.
//!
//! Whoever puts it right removes the mark: a completed [`crate::roll`] that of the file that was left, a manifest that is durable that of
//! the manifest. What a stop leaves marked the next start puts right: it copies the file, syncs the copy, and **loads the copy**, so that
//! what was verified is what stays. Once all is loaded, copies are renamed over their files and the manifest is installed anew, which makes both names
//! durable; then the marks go. Interrupted anywhere, the next start does it again.
//!
//! A loss of power may remove a mark, which is right, since the bytes are gone then as well. (What remains is a kill in the microseconds
//! between the failure and the mark, or a file system without room for the mark, followed by a loss of power.)

use std::io;

use crate::directory::Place;
use crate::rewrite::temp_number;
use crate::segment::write_all_at;
use crate::storage::{File, OpenMode, Storage, read_up_to};

/// What a mark's name begins with.
const MARK: &str = ".fsync-failed.";
const COPY_BYTES: usize = 1 << 20;

impl<S: Storage> Place<S> {
    /// Marks a file. When even that fails there is nothing left to do.
    pub fn mark_doubt(&self, name: &str) {
        let _ = self.storage.open(&self.path(&mark(name)), OpenMode::CreateNew);
    }

    /// Removes a file's mark, if it has one. If that fails, the next start copies it needlessly.
    pub fn clear_doubt(&self, name: &str) {
        let mark = mark(name);
        if self.storage.list(&self.dir).is_ok_and(|names| names.contains(&mark)) {
            let _ = self.storage.remove(&self.path(&mark));
        }
    }
}

fn mark(name: &str) -> String {
    format!("{MARK}{name}")
}

/// The files that are marked.
pub fn doubted(names: &[String]) -> Vec<String> {
    names.iter().filter_map(|name| name.strip_prefix(MARK)).map(str::to_owned).collect()
}

/// The temporary name of the copy of the file that stands here in the manifest.
pub fn copy_name(file_name: &str, index: usize) -> String {
    format!("temp-{file_name}.{index}.copy")
}

/// Whether this is a copy that a stop has left.
pub fn is_copy(file_name: &str, name: &str) -> bool {
    temp_number(file_name, name, ".copy").is_some()
}

/// A copy of a whole file, durable but for its name.
pub fn copy<S: Storage>(place: &Place<S>, file: &S::File, name: &str) -> io::Result<S::File> {
    match place.storage.remove(&place.path(name)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let copy = place.storage.open(&place.path(name), OpenMode::CreateNew)?;
    let (mut piece, mut at) = (Vec::new(), 0);
    loop {
        piece.clear();
        read_up_to(file, at, &mut piece, COPY_BYTES)?;
        if piece.is_empty() {
            copy.sync_data()?;
            return Ok(copy);
        }
        write_all_at(&copy, at, std::iter::once(piece.as_slice()))?;
        at += piece.len() as u64;
    }
}
