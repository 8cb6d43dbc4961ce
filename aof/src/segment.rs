//! An open segment, and the two things done to it: appending whole blocks, and making them durable.

use std::io::{self, IoSlice};

use crate::queue::Block;
use crate::storage::{File, OpenMode, Storage};

/// The most buffers handed to one vectored write.
const SLICES_MAX: usize = 64;

/// The file that is being appended to.
///
/// Each I/O thread syncs through a handle of its own, opened before anything was written through any of them: the kernel tells
/// a write-back error once per handle, so that with a shared one an overlapping sync could succeed undeservedly.
pub struct Segment<F> {
    /// Writes, cuts and inline syncs.
    pub file: F,
    lanes: Vec<F>,
}

impl<F: File> Segment<F> {
    /// Opens `dir/name` for appending, with handles for `lanes` threads.
    pub fn open<S: Storage<File = F>>(storage: &S, dir: &str, name: &str, mode: OpenMode, lanes: usize) -> io::Result<Self> {
        let path = format!("{dir}/{name}");
        let file = storage.open(&path, mode)?;
        let lanes = (0..lanes).map(|_| storage.open(&path, OpenMode::Append)).collect::<io::Result<_>>()?;
        Ok(Segment { file, lanes })
    }

    /// Syncs through the handle of a thread.
    pub fn sync_lane(&self, lane: usize) -> io::Result<()> {
        self.lanes.get(lane).unwrap_or(&self.file).sync_data()
    }
}

/// A write that did not succeed.
#[derive(Debug)]
pub struct WriteFailure {
    pub error: io::Error,
    /// Whether the file is as long as before, so that it ends with a whole block.
    pub undone: bool,
}

/// Appends the blocks wholly, or cuts the file back to `file_start`: it never keeps half a command in its middle.
pub fn append_or_undo<'a, F: File>(file: &F, blocks: impl Iterator<Item = &'a Block>, file_start: u64) -> Result<(), WriteFailure> {
    let parts = blocks.flat_map(|block| [block.header.as_bytes(), block.content.as_slice()]).filter(|part| !part.is_empty());
    append_all(file, parts).map_err(|error| {
        let undone = file.set_len(file_start).is_ok() && file.len().is_ok_and(|len| len == file_start);
        WriteFailure { error, undone }
    })
}

/// Appends all the parts, completing short writes.
pub fn append_all<'a, F: File>(file: &F, mut parts: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    loop {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(&mut parts) {
            *slice = IoSlice::new(part);
            used += 1;
        }
        if used == 0 {
            return Ok(());
        }
        let mut rest = &mut slices[..used];
        while !rest.is_empty() {
            match file.append(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => IoSlice::advance_slices(&mut rest, n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// What the operator should read: the system's words without the number.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
