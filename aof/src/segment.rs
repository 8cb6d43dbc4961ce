//! An open segment, and the two things done to it: writing whole blocks at its end, and making them durable.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::filler;
use crate::job::Span;
use crate::queue::Block;
use crate::storage::{File, OpenMode, Storage};

/// The most buffers handed to one vectored write.
const SLICES_MAX: usize = 64;

/// The file that the log goes on in: blocks, and perhaps filler behind them.
///
/// Each I/O thread syncs through a handle of its own, opened before anything was written through any of them: the kernel tells
/// a write-back error once per handle, so that with a shared one an overlapping sync could succeed undeservedly.
pub struct Segment<F> {
    /// Its name in the directory.
    pub name: String,
    /// Writes, cuts and inline syncs.
    pub file: F,
    lanes: Vec<F>,
    /// Where the filler ends. One write follows the other, whoever does it, so that this needs no order of its own.
    filled_to: AtomicU64,
}

impl<F: File> Segment<F> {
    /// Opens `dir/name`, which has no filler, with handles for `lanes` threads.
    pub fn open<S: Storage<File = F>>(storage: &S, dir: &str, name: &str, mode: OpenMode, lanes: usize) -> io::Result<Self> {
        let path = format!("{dir}/{name}");
        let file = storage.open(&path, mode)?;
        let lanes = (0..lanes).map(|_| storage.open(&path, OpenMode::Write)).collect::<io::Result<_>>()?;
        Ok(Segment { name: name.to_owned(), file, lanes, filled_to: AtomicU64::new(0) })
    }

    /// Syncs through the handle of a thread.
    pub fn sync_lane(&self, lane: usize) -> io::Result<()> {
        self.lanes.get(lane).unwrap_or(&self.file).sync_data()
    }

    /// Writes the blocks of the span wholly, or cuts the file back to the span's beginning: it never keeps half a command in its middle.
    pub fn write<'a>(&self, blocks: impl Iterator<Item = &'a Block> + Clone, span: &Span) -> Result<(), WriteFailure> {
        if self.filled_to.load(Ordering::Relaxed) > span.file_start && blocks.clone().any(|block| filler::holds_line(&block.content)) {
            self.cut_filler(span.file_start).map_err(|error| WriteFailure { error, undone: true })?;
        }
        let tail = filler::Tail::new(span.file_end, self.filled_to.load(Ordering::Relaxed), span.fill_ahead);
        let parts = blocks.flat_map(|block| [block.header.as_bytes(), block.content.as_slice()]).filter(|part| !part.is_empty());
        let mut written = span.file_start;
        let result = write_from(&self.file, &mut written, parts.chain(tail.parts()));
        let Err(error) = result else {
            self.filled_to.store(tail.filled_to, Ordering::Relaxed);
            return Ok(());
        };
        // Where only the filler is missing, the blocks are there: the next ones take longer, that is all.
        let is_whole = written >= span.file_end;
        let end = if is_whole { span.file_end } else { span.file_start };
        let is_cut = self.file.set_len(end).is_ok() && self.file.len().is_ok_and(|len| len == end);
        self.filled_to.store(end, Ordering::Relaxed);
        if is_whole && is_cut { Ok(()) } else { Err(WriteFailure { error, undone: is_cut }) }
    }

    /// Cuts the filler off, which begins at `end`; whether there was any.
    pub fn cut_filler(&self, end: u64) -> io::Result<bool> {
        let is_there = self.filled_to.load(Ordering::Relaxed) > end;
        if is_there {
            self.file.set_len(end)?;
            self.filled_to.store(end, Ordering::Relaxed);
        }
        Ok(is_there)
    }
}

/// A write that did not succeed.
#[derive(Debug)]
pub struct WriteFailure {
    pub error: io::Error,
    /// Whether the file is as long as before, so that it ends with a whole block.
    pub undone: bool,
}

/// Writes all the parts, one behind the other from `offset` on, completing short writes.
pub fn write_all_at<'a, F: File>(file: &F, mut offset: u64, parts: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    write_from(file, &mut offset, parts)
}

/// The same; `offset` moves with what was written.
fn write_from<'a, F: File>(file: &F, offset: &mut u64, mut parts: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
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
            match file.write_at(*offset, rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    *offset += n as u64;
                    IoSlice::advance_slices(&mut rest, n);
                }
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
