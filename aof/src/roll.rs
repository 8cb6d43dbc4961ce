//! Leaving a file that can't be trusted: everything that is not durable goes into a new one.
//!
//! The order, and what a stop after each step leaves:
//! 1. create the new file, write the blocks, sync it: a file that no manifest names; removed at the next start;
//! 2. put the manifest in place that names it (and sync the directory, which makes the new file's name survive as well):
//!    now the new file counts, and its first block's position tells that it supersedes the old file's end;
//! 3. cut the old file to its durable length: for the eyes of a real Redis, which knows no positions. Recovery would do it too.

use std::io;
use std::sync::Arc;

use crate::block::HeaderLine;
use crate::directory::Place;
use crate::manifest::{Entry, Kind, Manifest};
use crate::queue::Block;
use crate::reader;
use crate::segment::{Segment, write_all_at};
use crate::storage::{File, OpenMode, Storage};

/// Stands in the error that clients get, so it is one line.
const CANNOT_BE_READ_BACK: &str = "what the file held before the failed fsync can't be read back; SAVE, then SHUTDOWN NOSAVE FORCE, move the append only directory away and start again: the log is then made from the snapshot";

/// What to move.
pub struct RollJob<S: Storage> {
    pub id: u64,
    pub place: Arc<Place<S>>,
    /// The manifest in force.
    pub manifest: Manifest,
    pub old: Arc<Segment<S::File>>,
    /// The position from which on the new file holds everything.
    pub from: u64,
    pub cut_len: u64,
    pub reread: Option<(u64, u64)>,
    pub blocks: Vec<Block>,
    pub checksums: bool,
    /// The new file's number: higher than any tried before.
    pub seq: u64,
    pub lanes: usize,
}

/// The new state.
pub struct Rolled<F> {
    pub segment: Segment<F>,
    pub manifest: Manifest,
    pub file_len: u64,
}

/// Why it did not work.
pub struct RollFailure {
    pub error: io::Error,
    /// Whether the new manifest may be in force, so that the new file must stay for now.
    pub may_be_named: bool,
}

/// Does all of it.
pub fn roll<S: Storage>(job: &mut RollJob<S>) -> Result<Rolled<S::File>, RollFailure> {
    let place = job.place.clone();
    let Place { storage, dir, file_name } = &*place;
    let name = Manifest::incr_name(file_name, job.seq);
    let (segment, file_len) = match fill(job, &name) {
        Ok(filled) => filled,
        Err(error) => {
            // A leftover only takes space; the next start removes it if this does not.
            let _ = storage.remove(&format!("{dir}/{name}"));
            return Err(RollFailure { error, may_be_named: false });
        }
    };
    let mut manifest = job.manifest.clone();
    manifest.incrs.push(Entry { name, seq: job.seq, kind: Kind::Incr });
    manifest.install(&place).map_err(|error| RollFailure { error, may_be_named: true })?;
    place.clear_doubt(&job.old.name);
    // Not essential (see above), and the file may be on the part of the disk that fails.
    let _ = job.old.file.set_len(job.cut_len);
    Ok(Rolled { segment, manifest, file_len })
}

fn fill<S: Storage>(job: &mut RollJob<S>, name: &str) -> io::Result<(Segment<S::File>, u64)> {
    let place = job.place.clone();
    let Place { storage, dir, .. } = &*place;
    let segment = Segment::open(&**storage, dir, name, OpenMode::CreateNew, job.lanes)?;
    // A block without content: even with checksums off, and before anything read back, the file begins with its position.
    let anchor = HeaderLine::new(job.from, &[]);
    write_all_at(&segment.file, 0, std::iter::once(anchor.as_bytes()))?;
    let mut file_len = anchor.as_bytes().len() as u64;
    if let Some((from, to)) = job.reread {
        file_len += copy_verified(&job.old.file, from, to, &segment.file, file_len)?;
    }
    for block in &mut job.blocks {
        block.seal(job.checksums);
        write_all_at(
            &segment.file,
            file_len,
            [block.header.as_bytes(), block.content.as_slice()].into_iter().filter(|part| !part.is_empty()),
        )?;
        file_len += block.file_bytes();
    }
    segment.file.sync_data()?;
    Ok((segment, file_len))
}

/// Copies whole blocks of a file whose pages may have been dropped, if they are still what was written.
fn copy_verified<F: File>(from_file: &F, from: u64, to: u64, into: &F, at: u64) -> io::Result<u64> {
    let bytes = (to - from) as usize;
    let mut content = vec![0; bytes];
    let missing = match read_exact(from_file, from, &mut content) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => true,
        read => read.map(|()| false)?,
    };
    if missing || !reader::is_whole(&content) {
        return Err(io::Error::other(CANNOT_BE_READ_BACK));
    }
    write_all_at(into, at, std::iter::once(content.as_slice()))?;
    Ok(bytes as u64)
}

fn read_exact<F: File>(file: &F, offset: u64, into: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(offset + filled as u64, &mut into[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
