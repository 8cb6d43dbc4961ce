//! Rewriting: the log begins again with a base that holds the state of one moment, and nobody waits for it.
//!
//! ```text
//! 1 prepare   create the next incremental, sync it, name it in the manifest           I/O thread
//! 2 switch    at a moment X: all before X stays in the file there was, all after X goes into the new one
//! 3 drain     the old file is written up to X and durable; then the new file is in force
//! 4 base      the state at X, into a temporary file, synced                           elsewhere: BaseWriter
//! 5 install   rename it, sync the directory; manifest: new base, incrementals since X, the rest is history; sync the directory
//! 6 collect   remove history, and name it no more                                     I/O thread
//! ```
//!
//! What a stop leaves, and why that is right:
//! * in 1, before the manifest: a file that nobody names; removed at the next start;
//! * until 3 is over: the manifest names an empty file behind the one that is written to. A file with nothing but empty ones behind it
//!   is treated as the last one (recovery), so a torn tail is cut as ever;
//! * in 3 and 4: base, old incrementals and the new one, in order, are the whole log. No byte is written into the new file before
//!   everything before X is durable in the old one, so the old one ends whole, also after a loss of power;
//! * in 5, before the manifest: the same, and a base nobody names. The directory is synced between the rename and the manifest, so that a
//!   manifest never survives without its base. The anchor of the new incremental is durable before: it is then the only place that
//!   tells the position. The writer makes it so, since a handle opened here would not be told of an earlier failure ([`crate::storage`]). After the manifest: the new base and the incrementals since X are the whole log.
//! * in 6: files that no manifest needs.
//!
//! **When the disk fails meanwhile.** If the old file can't be believed before 3 is over, the log leaves it as ever ([`crate::roll`]), all
//! that is not durable goes into a file behind the prepared one, which stays empty, and the rewrite has failed: the state at X is no
//! longer at a boundary of files. After 3 the log may leave the new file for another one at any time: all incrementals since X count, but
//! for the new file when nothing in it was durable: all of it is in the next one, and its anchor may be lost.
//! A base is not put in place before the log is well again. The manifest is changed by one job at a time: rolls wait for a prepare or an install, and the other way.
//!
//! **A log in the making** ([`crate::Log::begin`]) is one of which 1 to 3 are done and there is no manifest yet: its incremental has a temporary
//! name until 5 renames it as well. What is appended is not promised to anybody until then ([`crate::Log::is_pending`]); the files of an earlier
//! log stay in force. Where there is none, a stop between the renames and the manifest would leave segments without a manifest,
//! which a start refuses. So an empty file `temp-NAME.SEQ.creating` comes first: without a manifest, it tells that the segments of that
//! number are debris.
//!
//! **A base belongs to its rewrite.** Encoders end late: each base has a temporary name of its own, and one that was made for another
//! rewrite is thrown away, since the incrementals that follow its moment may be gone.

use std::io::{self, Write};
use std::sync::Arc;

use crate::block::HeaderLine;
use crate::directory::Place;
use crate::directory::{self, segment_seq};
use crate::fresh::BaseFormat;
use crate::fs::FsStorage;
use crate::manifest::{Entry, Kind, Manifest};
use crate::segment::{Segment, write_all_at};
use crate::storage::{File, OpenMode, Storage, sync_uninterrupted};

/// With `aof-rewrite-incremental-fsync`, a sync after so many bytes.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// How far a rewrite is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewriteState {
    /// There is none.
    Idle,
    /// The next incremental is being made.
    Preparing,
    /// [`crate::Log::switch`] may be called at the end of a turn.
    Ready,
    /// The base is wanted: [`crate::Log::install_base`].
    Switched,
    /// The base is being put in place.
    Installing,
    /// It has failed, for this reason; the log goes on as it was. [`crate::Log::end_rewrite`] forgets it.
    Failed(String),
    /// It is done. [`crate::Log::end_rewrite`] forgets it.
    Done,
}

/// What the log knows of a rewrite.
pub(crate) enum Rewrite<F> {
    Idle,
    /// It begins when nobody else is changing the manifest.
    Wanted,
    Preparing,
    Ready {
        segment: Segment<F>,
        seq: u64,
    },
    /// The old file is brought to its end.
    Draining {
        segment: Segment<F>,
        seq: u64,
    },
    /// The base for the rewrite of this number may be installed. Incrementals from `first_seq` on go with it.
    Switched {
        seq: u64,
        first_seq: u64,
    },
    Installing,
    Failed(String),
    Done,
}

/// A file for the base of a rewritten log. It belongs to whoever encodes the state, and is created at the first write, so that
/// only the encoder waits for the disk. Dropping it without [`BaseWriter::finish`] removes the file. After an error it stays failed.
pub struct BaseWriter<S: Storage> {
    temp: TempBase<S>,
    file: Option<S::File>,
    is_incremental: bool,
    buffer: Vec<u8>,
    bytes: u64,
    unsynced: u64,
    has_failed: bool,
}

/// Where a base will be written: may go to the thread that does it.
pub struct BaseTarget<S: Storage> {
    pub(crate) place: Arc<Place<S>>,
    pub(crate) format: BaseFormat,
    pub(crate) first_seq: u64,
    pub(crate) is_incremental: bool,
}

impl<S: Storage> BaseTarget<S> {
    /// The writer. It creates its file at the first write.
    pub fn create(self) -> BaseWriter<S> {
        BaseWriter::new(self.place, self.format, self.first_seq, self.is_incremental)
    }
}

/// A base that is whole and durable, under its temporary name. Dropping it removes the file.
pub struct FinishedBase<S: Storage = FsStorage> {
    temp: TempBase<S>,
    bytes: u64,
}

/// A temporary file that goes when nobody wants it any more.
struct TempBase<S: Storage> {
    place: Arc<Place<S>>,
    format: BaseFormat,
    /// The rewrite it is for: the number of the first incremental after it.
    first_seq: u64,
    /// None before it is created, and after it got its final name.
    name: Option<String>,
}

impl<S: Storage> Drop for TempBase<S> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // If it stays, the next start removes it.
            let _ = self.place.storage.remove(&self.place.path(name));
        }
    }
}

impl<S: Storage> FinishedBase<S> {
    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rewrite it is for.
    pub(crate) fn first_seq(&self) -> u64 {
        self.temp.first_seq
    }
}

/// The temporary name of the incremental of a log in the making, which a start removes.
pub(crate) fn incr_temp_name(file_name: &str) -> String {
    format!("temp-{file_name}.incr.aof")
}

fn base_temp_name(file_name: &str, number: u64) -> String {
    format!("temp-{file_name}.{number}.base")
}

fn creating_name(file_name: &str, seq: u64) -> String {
    format!("temp-{file_name}.{seq}.creating")
}

/// The number in a temporary name that ends so.
pub(crate) fn temp_number(file_name: &str, name: &str, end: &str) -> Option<u64> {
    let digits = name.strip_prefix("temp-")?.strip_prefix(file_name)?.strip_prefix('.')?.strip_suffix(end)?;
    digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The number of the segments that a log in the making was about to name.
pub(crate) fn creating_seq(file_name: &str, name: &str) -> Option<u64> {
    temp_number(file_name, name, ".creating")
}

/// Whether a rewrite uses this name for a file that no manifest ever names.
pub(crate) fn is_temporary(file_name: &str, name: &str) -> bool {
    name == incr_temp_name(file_name) || temp_number(file_name, name, ".base").is_some() || creating_seq(file_name, name).is_some()
}

impl<S: Storage> BaseWriter<S> {
    pub(crate) fn new(place: Arc<Place<S>>, format: BaseFormat, first_seq: u64, is_incremental: bool) -> Self {
        let temp = TempBase { place, format, first_seq, name: None };
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        BaseWriter { temp, file: None, is_incremental, buffer, bytes: 0, unsynced: 0, has_failed: false }
    }

    /// Writes some whole commands (of a base of commands) as a block, so that damage is found.
    pub fn write_block(&mut self, lsn: u64, commands: &[u8]) -> io::Result<()> {
        self.write_all(HeaderLine::new(lsn, commands).as_bytes())?;
        self.write_all(commands)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// The disk fails, or has failed while the base was written.
    pub fn finish(mut self) -> io::Result<FinishedBase<S>> {
        self.put()?;
        sync_uninterrupted(self.file.as_ref().expect("it was created by the first write"))?;
        Ok(FinishedBase { temp: self.temp, bytes: self.bytes })
    }

    /// Writes what is in the buffer. After an error nobody knows what is in the file, so that nothing more is tried.
    fn put(&mut self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("the base could not be written before"));
        }
        self.has_failed = true;
        if self.file.is_none() {
            self.file = Some(self.temp.create()?);
        }
        let file = self.file.as_ref().expect("it is there or was created");
        write_all_at(file, self.bytes, std::iter::once(self.buffer.as_slice()).filter(|bytes| !bytes.is_empty()))?;
        self.bytes += self.buffer.len() as u64;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        if self.is_incremental && self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            sync_uninterrupted(file)?;
        }
        self.has_failed = false;
        Ok(())
    }
}

impl<S: Storage> TempBase<S> {
    /// Another encoder that was not stopped yet may have a file of its own.
    fn create(&mut self) -> io::Result<S::File> {
        let mut number = 1;
        loop {
            let name = base_temp_name(&self.place.file_name, number);
            match self.place.storage.open(&self.place.path(&name), OpenMode::CreateNew) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                opened => {
                    self.name = opened.is_ok().then_some(name);
                    return opened;
                }
            }
        }
    }
}

impl<S: Storage> Write for BaseWriter<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.put()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.put()
    }
}

/// A change of the manifest, for an I/O thread.
pub(crate) enum ManifestJob<S: Storage> {
    Prepare { place: Arc<Place<S>>, manifest: Manifest, seq: u64, lanes: usize },
    Install(Box<InstallJob<S>>),
    Collect { place: Arc<Place<S>>, manifest: Manifest },
}

pub(crate) struct InstallJob<S: Storage> {
    pub(crate) place: Arc<Place<S>>,
    pub(crate) manifest: Manifest,
    pub(crate) base: FinishedBase<S>,
    /// The first incremental after the base.
    pub(crate) first_seq: u64,
    /// The incremental still has its temporary name.
    pub(crate) is_pending: bool,
    /// Remove what is history.
    pub(crate) collects: bool,
}

/// What came of it.
pub(crate) enum ManifestDone<F> {
    Prepared(io::Result<(Segment<F>, Manifest, u64)>),
    /// The manifest, and the bytes in all files but the last.
    Installed(io::Result<(Manifest, u64)>),
    Collected(Manifest),
}

impl<S: Storage> ManifestJob<S> {
    pub(crate) fn run(self) -> ManifestDone<S::File> {
        match self {
            ManifestJob::Prepare { place, manifest, seq, lanes } => {
                ManifestDone::Prepared(prepare(&place, manifest, seq, lanes).map(|(segment, manifest)| (segment, manifest, seq)))
            }
            ManifestJob::Install(job) => ManifestDone::Installed(install(*job)),
            ManifestJob::Collect { place, manifest } => ManifestDone::Collected(collect(&place, manifest)),
        }
    }
}

fn prepare<S: Storage>(place: &Place<S>, mut manifest: Manifest, seq: u64, lanes: usize) -> io::Result<(Segment<S::File>, Manifest)> {
    let Place { storage, dir, file_name } = place;
    let name = Manifest::incr_name(file_name, seq);
    let create = || {
        let segment = Segment::open(&**storage, dir, &name, OpenMode::CreateNew, lanes)?;
        segment.file.sync_data()?;
        Ok(segment)
    };
    let segment = create().inspect_err(|_: &io::Error| {
        // A leftover only takes space; the next install or start removes it if this does not.
        let _ = storage.remove(&place.path(&name));
    })?;
    manifest.incrs.push(Entry { name: name.clone(), seq, kind: Kind::Incr });
    put_in_force(place, &manifest, &name)?;
    Ok((segment, manifest))
}

/// Installs a manifest that names a new file. If it is not in force the file goes, which may be what the disk is full of. If
/// that is unknown the file stays.
fn put_in_force<S: Storage>(place: &Place<S>, manifest: &Manifest, new_name: &str) -> io::Result<()> {
    manifest.install(place).inspect_err(|_| {
        if !may_be_named(place, new_name) {
            let _ = place.storage.remove(&place.path(new_name));
        }
    })
}

fn install<S: Storage>(job: InstallJob<S>) -> io::Result<(Manifest, u64)> {
    let InstallJob { place, manifest: old, mut base, first_seq, is_pending, collects } = job;
    let Place { storage, dir, file_name } = &*place;
    let names = storage.list(dir)?;
    let (manifest, base_name) = next_manifest(&place, &old, &names, base.temp.format, first_seq, is_pending);
    if is_pending {
        storage.sync_dir("")?;
        mark_creating(&place, first_seq)?;
    }
    let temporary = base.temp.name.as_ref().expect("a finished base has a file");
    storage.rename(&place.path(temporary), &place.path(&base_name))?;
    base.temp.name = None;
    let move_all = || {
        if is_pending {
            storage.rename(&place.path(&incr_temp_name(file_name)), &place.path(&Manifest::incr_name(file_name, first_seq)))?;
        }
        storage.sync_dir(dir)?;
        let (_, before) = manifest.incrs.split_last().expect("the log has a file that it writes to");
        before.iter().try_fold(base.bytes, |sum, entry| Ok(sum + storage.open(&place.path(&entry.name), OpenMode::Read)?.len()?))
    };
    let earlier_bytes = move_all().inspect_err(|_: &io::Error| {
        // It may be what the disk is full of.
        let _ = storage.remove(&place.path(&base_name));
    })?;
    put_in_force(&place, &manifest, &base_name)?;
    let manifest = if collects { collect(&place, manifest) } else { manifest };
    remove_unnamed(&place, &manifest, collects || !is_pending);
    Ok((manifest, earlier_bytes))
}

/// Marks the segments of this number as those of a log in the making, durably, before any of them has its name.
pub(crate) fn mark_creating<S: Storage>(place: &Place<S>, seq: u64) -> io::Result<()> {
    match place.storage.open(&place.path(&creating_name(&place.file_name, seq)), OpenMode::CreateNew) {
        // An attempt before this one has left it.
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => place.storage.sync_dir(&place.dir),
    }
}

/// The manifest with the new base (and the base's name). What it replaces is history.
fn next_manifest<S: Storage>(
    place: &Place<S>,
    old: &Manifest,
    names: &[String],
    format: BaseFormat,
    first_seq: u64,
    is_pending: bool,
) -> (Manifest, String) {
    let file_name = &place.file_name;
    let past = old.history.iter().map(|entry| &entry.name);
    let bases = names.iter().chain(past).filter(|name| !name.ends_with(".incr.aof"));
    let last_base = bases.filter_map(|name| segment_seq(file_name, name)).chain(old.base.iter().map(|entry| entry.seq)).max();
    // A log in the making has a number above all there are.
    let seq = if is_pending { first_seq } else { last_base.unwrap_or(0) + 1 };
    let base = Entry { name: format.base_name(file_name, seq), seq, kind: Kind::Base };
    let base_name = base.name.clone();
    let replaced = if is_pending { replaced_log(place, names) } else { old.clone() };
    let past = replaced.live().filter(|entry| entry.kind == Kind::Base || is_pending || entry.seq < first_seq);
    let past = past.map(|entry| Entry { kind: Kind::History, ..entry.clone() });
    let history = replaced.history.iter().cloned().chain(past).collect();
    let incrs = old.incrs.iter().filter(|incr| incr.seq >= first_seq).cloned().collect();
    (Manifest { base: Some(base), history, incrs }, base_name)
}

/// The manifest of the log that one in the making replaces, if it has one that can be read.
pub(crate) fn replaced_log<S: Storage>(place: &Place<S>, names: &[String]) -> Manifest {
    let name = Manifest::name(&place.file_name);
    let is_there = names.contains(&name);
    is_there.then(|| directory::read_manifest(place, &name).ok()).flatten().unwrap_or_default()
}

/// Removes the marks of logs in the making and, if wanted, segments of attempts that failed. To be called when the manifest is durable.
pub(crate) fn remove_unnamed<S: Storage>(place: &Place<S>, manifest: &Manifest, segments: bool) {
    let Ok(names) = place.storage.list(&place.dir) else { return };
    let is_named = |name: &str| manifest.live().chain(&manifest.history).any(|entry| entry.name == name);
    for name in names.iter().filter(|name| !is_named(name)) {
        if segments && segment_seq(&place.file_name, name).is_some() || creating_seq(&place.file_name, name).is_some() {
            // What stays is removed at the next start.
            let _ = place.storage.remove(&place.path(name));
        }
    }
}

/// Whether the manifest in force may name a file.
fn may_be_named<S: Storage>(place: &Place<S>, name: &str) -> bool {
    directory::read_manifest(place, &Manifest::name(&place.file_name))
        .map_or(true, |manifest| manifest.live().any(|entry| entry.name == name))
}

/// Removes history. The files go first: without them, a manifest that still names them is no harm. What can't be removed stays history.
fn collect<S: Storage>(place: &Place<S>, mut manifest: Manifest) -> Manifest {
    if manifest.history.is_empty() {
        return manifest;
    }
    let is_left = |entry: &Entry| match place.storage.remove(&place.path(&entry.name)) {
        Ok(()) => false,
        Err(e) => e.kind() != io::ErrorKind::NotFound,
    };
    let history = std::mem::take(&mut manifest.history);
    manifest.history = history.iter().filter(|entry| is_left(entry)).cloned().collect();
    if manifest.install(place).is_err() {
        manifest.history = history;
    }
    manifest
}
