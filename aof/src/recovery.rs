//! Loading what the log holds, and opening it for appending.
//!
//! ```text
//! let mut recovery = Recovery::open(storage, options)?;          lock, manifest, take-over of an old single file
//! while let Some(part) = recovery.next_part()? {
//!     match part {
//!         Part::Rdb(rdb)       => { decode rdb.reader; recovery.rdb_consumed(bytes it took) }
//!         Part::Commands(chunk) => for command in chunk.commands() { args.clear(); args.extend(command.args()); execute }
//!     }
//!     (between parts: answer clients with -LOADING; progress is recovery.bytes_read() of recovery.bytes_total())
//! }
//! let (log, summary) = recovery.finish(runtime)?;                cuts torn tails, removes leftovers, opens the segment
//! for warning in &summary.warnings { log at level warning }
//! ```
//!
//! A command that the engine can't execute stops the start: `return Err(recovery.refuse(&chunk, &command, reason))`.
//! Commands between `MULTI` and `EXEC` are never handed out without the `EXEC`, so they may be executed as they come.
//!
//! Before `finish` nothing is changed on disk but for the take-over, and nothing added but copies of files in doubt ([`crate::doubt`]), which
//! are loaded in their place: a start that is refused leaves the files as they were.
//!
//! **What is cut and what is refused.** The last file may end torn, as after any crash; `aof-load-truncated` cuts that. Damage
//! (a checksum that does not fit, zeros, garbage) is cut only in the last file, and only if it is no longer than
//! `aof-load-corrupt-tail-max-size`, whose default is 0. A loss of power can leave such a tail too, when the file's length reached
//! the disk before its pages. Nothing acknowledged under `always` is in it then, but from the file alone that can't be told from
//! rot that ate acknowledged writes, and cutting those silently is worse than asking. Whose file system does that sets the option.
//! Everywhere else damage is refused, with the file, the offset, and the remedy. A file that is not the last may end early only
//! where the next file's first verified block continues: that is what the writer leaves when it abandons a file.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};

use crate::directory::Place;
use crate::directory::{self, Found};
use crate::doubt;
use crate::error::{Error, Result};
use crate::filler;
use crate::log::{Log, Opened};
use crate::manifest::{Entry, Kind, Manifest};
use crate::options::{Options, Runtime};
use crate::reader::{Chunk, Command, End, Message, Position, Reader, Tail, first_block_lsn};
use crate::remedy;
use crate::segment::Segment;
use crate::storage::{File, OpenMode, SequentialReader, Storage};
use crate::writer::Writer;

/// How many chunks the reading thread is ahead at most.
const CHUNKS_AHEAD: usize = 4;
const RDB_BUFFER_BYTES: usize = 256 << 10;
const RDB_MAGICS: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// The next thing to load.
pub enum Part<C = Chunk> {
    /// An RDB file or preamble. Tell [`Recovery::rdb_consumed`] how many bytes it took before asking for the next part.
    Rdb(RdbPart),
    /// Whole commands, whole transactions.
    Commands(C),
}

/// An RDB file, or the RDB preamble of a base.
pub struct RdbPart {
    /// The file, for messages.
    pub path: String,
    /// The file's length; commands may follow the RDB.
    pub bytes: u64,
    /// The file from its first byte.
    pub reader: Box<dyn Read + Send>,
}

/// What the recovery found and did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Sentences for the server's log: what was cut where, what was taken over, what was removed.
    pub warnings: Vec<String>,
    /// The LSN at which the log goes on.
    pub lsn: u64,
    /// Bytes that were loaded.
    pub bytes: u64,
    /// Whether there was no log before.
    pub created: bool,
}

struct FileToLoad {
    entry: Entry,
    /// The file that is read: itself, or the copy of one in doubt.
    source: String,
    /// Where its content ends, and its filler.
    len: u64,
    whole_len: u64,
    /// Where its first verified block says that it begins.
    first_lsn: Option<u64>,
}

enum State<C> {
    /// The file of this index is next.
    Next,
    /// Its RDB is with the caller.
    Rdb,
    /// Its commands are being read.
    Reading(Receiver<Message<C>>),
    Done,
}

/// What the reading thread makes of a chunk before it hands it out.
type Convert<C> = Arc<dyn Fn(Chunk) -> C + Send + Sync>;

/// A log that is being loaded. `C` is what chunks of commands are handed out as.
pub struct Recovery<S: Storage, C = Chunk> {
    place: Arc<Place<S>>,
    lock: S::Lock,
    options: Options,
    manifest: Option<Manifest>,
    /// Marked files: see [`crate::doubt`].
    doubts: Vec<String>,
    files: Vec<FileToLoad>,
    index: usize,
    state: State<C>,
    convert: Convert<C>,
    rdb_end: u64,
    position: Position,
    /// Where which files are to be cut.
    cuts: Vec<(usize, u64)>,
    warnings: Vec<String>,
    bytes_before: u64,
    bytes_in_file: u64,
}

impl<S: Storage> Recovery<S> {
    /// Whether there is a log to load. Needs no lock and changes nothing.
    pub fn exists(storage: &S, options: &Options) -> Result<bool> {
        directory::exists(storage, options)
    }

    /// Locks the directory, reads the manifest, and takes over an old single-file log.
    pub fn open(storage: Arc<S>, options: Options) -> Result<Self> {
        Recovery::open_with(storage, options, |chunk| chunk)
    }
}

impl<S: Storage, C: Send + 'static> Recovery<S, C> {
    /// The same; the reading thread makes something of each chunk with `convert`, ahead of the thread that executes it.
    pub fn open_with(storage: Arc<S>, options: Options, convert: impl Fn(Chunk) -> C + Send + Sync + 'static) -> Result<Self> {
        let Found { place, lock, manifest, doubts, notices } = directory::find(storage, &options)?;
        let mut files = Vec::new();
        for (index, entry) in manifest.iter().flat_map(Manifest::live).enumerate() {
            let mut file = place.storage.open(&place.path(&entry.name), OpenMode::Read).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => Error::MissingSegment { path: place.display(&entry.name) },
                _ => place.error("open", &entry.name, e),
            })?;
            let mut source = entry.name.clone();
            if doubts.contains(&entry.name) {
                source = doubt::copy_name(&place.file_name, index);
                file = doubt::copy(&place, &file, &source).map_err(|e| place.error("copy", &entry.name, e))?;
            }
            let reading = |e| place.error("read", &entry.name, e);
            let whole_len = file.len().map_err(reading)?;
            let (mut len, mut first_lsn) = (whole_len, None);
            if entry.kind == Kind::Incr {
                len = filler::content_end(&file, whole_len).map_err(reading)?;
                first_lsn = first_block_lsn(&file, 0, len).map_err(reading)?;
            }
            files.push(FileToLoad { entry: entry.clone(), source, len, whole_len, first_lsn });
        }
        Ok(Recovery {
            place,
            lock,
            options,
            manifest,
            doubts,
            files,
            index: 0,
            state: State::Next,
            convert: Arc::new(convert),
            rdb_end: 0,
            position: Position { lsn: 0, anchored: false },
            cuts: Vec::new(),
            warnings: notices,
            bytes_before: 0,
            bytes_in_file: 0,
        })
    }

    /// Whether there was no log at all.
    pub fn is_fresh(&self) -> bool {
        self.manifest.is_none()
    }

    /// The next thing to load, or `None` at the end. May block while the reading thread is behind.
    pub fn next_part(&mut self) -> Result<Option<Part<C>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Ok(None),
                State::Next => {
                    if self.index == self.files.len() {
                        return Ok(None);
                    }
                    if let Some(rdb) = self.open_rdb()? {
                        self.state = State::Rdb;
                        return Ok(Some(Part::Rdb(rdb)));
                    }
                    self.state = self.start_reading(0)?;
                }
                State::Rdb => self.state = self.start_reading(self.rdb_end)?,
                State::Reading(messages) => match messages.recv() {
                    Ok(Message::Chunk(chunk, file_bytes)) => {
                        self.bytes_in_file += file_bytes;
                        self.state = State::Reading(messages);
                        return Ok(Some(Part::Commands(chunk)));
                    }
                    Ok(Message::End(end)) => {
                        let end = end.map_err(|e| self.place.error("read", &self.files[self.index].entry.name, e))?;
                        self.end_of_file(end)?;
                        self.state = State::Next;
                    }
                    Err(_) => {
                        let e = io::Error::other("the reading thread stopped");
                        return Err(self.place.error("read", &self.files[self.index].entry.name, e));
                    }
                },
            }
        }
    }

    fn open_file(&self) -> Result<S::File> {
        let FileToLoad { entry, source, .. } = &self.files[self.index];
        self.place.storage.open(&self.place.path(source), OpenMode::Read).map_err(|e| self.place.error("open", &entry.name, e))
    }

    fn open_rdb(&mut self) -> Result<Option<RdbPart>> {
        let file = self.open_file()?;
        let FileToLoad { entry, len, .. } = &self.files[self.index];
        let mut magic = [0; 6];
        file.read_at(0, &mut magic).map_err(|e| self.place.error("read", &entry.name, e))?;
        if !RDB_MAGICS.iter().any(|m| magic.starts_with(m)) {
            return Ok(None);
        }
        self.rdb_end = *len;
        let reader = SequentialReader::new(file);
        Ok(Some(RdbPart {
            path: self.place.display(&entry.name),
            bytes: *len,
            reader: Box::new(BufReader::with_capacity(RDB_BUFFER_BYTES, reader)),
        }))
    }

    /// Tells how many bytes of the file the RDB was (all of them, if this is not called).
    pub fn rdb_consumed(&mut self, bytes: u64) {
        self.rdb_end = bytes;
    }

    fn start_reading(&mut self, offset: u64) -> Result<State<C>> {
        let file = self.open_file()?;
        let FileToLoad { entry, len, .. } = &self.files[self.index];
        self.bytes_in_file = offset;
        let reader = Reader {
            file,
            path: self.place.display(&entry.name).into(),
            len: *len,
            offset,
            position: self.position,
            limit: self.files[self.index + 1..].iter().filter_map(|later| later.first_lsn).min(),
            counts: entry.kind == Kind::Incr,
        };
        let (sender, receiver) = bounded(CHUNKS_AHEAD);
        let convert = self.convert.clone();
        std::thread::Builder::new()
            .name("aof-read".to_owned())
            .spawn(move || reader.send_to(&sender, &*convert))
            .map_err(|e| self.place.error("start a thread to read", &entry.name, e))?;
        Ok(State::Reading(receiver))
    }

    fn end_of_file(&mut self, end: End) -> Result<()> {
        let FileToLoad { entry, len, whole_len, .. } = &self.files[self.index];
        let (len, whole_len) = (*len, *whole_len);
        let path = self.place.display(&entry.name);
        let behind = &self.files[self.index + 1..];
        // A rewrite names the next incremental before the present one is at its end.
        let is_last = behind.is_empty() || entry.kind == Kind::Incr && behind.iter().all(|file| file.len == 0);
        let counts = entry.kind == Kind::Incr;
        let lost = len - end.offset;
        match end.tail {
            Tail::Clean | Tail::Superseded => {
                if end.tail == Tail::Superseded && lost > 0 {
                    self.warnings.push(format!(
                        "{path}: {lost} bytes from offset {} on were written again into a later file after a disk failure, and are cut off",
                        end.offset
                    ));
                }
                if counts && end.offset < whole_len {
                    self.cuts.push((self.index, end.offset));
                }
            }
            Tail::Torn(what) if is_last => {
                if !self.options.load_truncated {
                    let reason = format!("{what} is incomplete");
                    return Err(Error::Truncated { path, offset: end.offset, reason, manifest: self.manifest_path() });
                }
                self.warnings.push(format!(
                    "!!! Warning: short read while loading the AOF file {path}!!! {what} is incomplete. AOF loaded anyway because aof-load-truncated is enabled: Truncating the AOF at offset {} ({lost} bytes are cut off)",
                    end.offset
                ));
                self.cuts.push((self.index, end.offset));
            }
            Tail::Damaged(reason) if is_last && lost <= self.options.corrupt_tail_max_bytes => {
                self.warnings.push(format!(
                    "!!! Warning: corrupted AOF file tail in {path}!!! At offset {}: {reason}. AOF loaded anyway because its {lost} bytes are within aof-load-corrupt-tail-max-size: Truncating the AOF at offset {}",
                    end.found_at, end.offset
                ));
                self.cuts.push((self.index, end.offset));
            }
            Tail::Torn(what) => {
                return Err(Error::Damaged {
                    path,
                    offset: end.offset,
                    reason: format!("{what} is incomplete, and this is not the last file"),
                    remedy: remedy::of_an_earlier_file(&self.manifest_path()),
                });
            }
            Tail::Damaged(reason) => {
                let manifest = self.manifest_path();
                let remedy = match end.whole_block {
                    _ if !is_last => remedy::of_an_earlier_file(&manifest),
                    Some(at) => remedy::before_a_whole_block(at, lost, &manifest),
                    None => remedy::of_a_tail(lost, &manifest),
                };
                return Err(Error::Damaged { path, offset: end.found_at, reason, remedy });
            }
        }
        if counts {
            self.position = end.position;
        }
        self.bytes_before += len;
        self.bytes_in_file = 0;
        self.index += 1;
        Ok(())
    }

    /// The error for a command that can't be executed.
    pub fn refuse(&self, chunk: &Chunk, command: &Command<'_>, reason: &str) -> Error {
        Error::NotExecutable {
            path: chunk.path().to_owned(),
            offset: command.offset(),
            bytes: command.raw().len() as u64,
            command: command.args().next().map_or_else(|| "a command without a name".to_owned(), |name| name.escape_ascii().to_string()),
            reason: reason.to_owned(),
        }
    }

    fn manifest_path(&self) -> String {
        self.place.display(&Manifest::name(&self.place.file_name))
    }

    /// The bytes of all files to load.
    pub fn bytes_total(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }

    /// How many of them were handed out.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_before + self.bytes_in_file
    }

    /// Cuts what was found torn, replaces what is in doubt, removes leftovers, and opens the last segment (or a new one) for appending. Everything loaded is
    /// durable afterwards. To be called when [`Recovery::next_part`] has returned `None`.
    pub fn finish(mut self, runtime: Runtime) -> Result<(Log<S>, Summary)> {
        assert!(matches!(self.state, State::Done) || self.files.is_empty(), "finish comes after the last part");
        let bytes = self.bytes_read();
        let created = self.is_fresh();
        for &(index, offset) in &self.cuts {
            self.cut(index, offset)?;
        }
        self.end_doubts()?;
        let mut manifest = self.manifest.take().unwrap_or_default();
        let place = self.place.clone();
        let storage = &*place.storage;
        let last_named = manifest.last_incr_seq();
        if manifest.incrs.is_empty() {
            self.add_segment(&mut manifest)?;
        }
        self.sync_all(&manifest)?;
        let last = manifest.incrs.last().expect("there is an incremental").clone();
        let segment = Segment::open(storage, &place.dir, &last.name, OpenMode::Write, runtime.threads)
            .map_err(|e| place.error("open", &last.name, e))?;
        let file_len = segment.file.len().map_err(|e| place.error("read", &last.name, e))?;
        let mut earlier_bytes = 0;
        for entry in manifest.live().filter(|entry| **entry != last) {
            let file = storage.open(&place.path(&entry.name), OpenMode::Read).map_err(|e| place.error("open", &entry.name, e))?;
            earlier_bytes += file.len().map_err(|e| place.error("read", &entry.name, e))?;
        }
        self.warnings.extend(directory::remove_leftovers(&place, &manifest, last_named));
        if self.options.auto_gc {
            self.drop_history(&mut manifest);
        }
        let Options { policy, block_checksums, limits, auto_gc, .. } = self.options;
        let lsn = self.position.lsn;
        let writer = Writer::new(policy, block_checksums, limits, lsn, file_len);
        let opened = Opened { writer, segment, directory: place, manifest, earlier_bytes, lock: self.lock };
        let mut log = Log::new(opened, runtime)?;
        log.collects = auto_gc;
        Ok((log, Summary { warnings: self.warnings, lsn, bytes, created }))
    }

    fn cut(&self, index: usize, offset: u64) -> Result<()> {
        let FileToLoad { entry, source, .. } = &self.files[index];
        let cut = || {
            let file = self.place.storage.open(&self.place.path(source), OpenMode::Write)?;
            file.set_len(offset)?;
            // This makes what stays durable, too. If it fails the cache still shows it, whole and cut, to the next start.
            file.sync_data().inspect_err(|_| self.place.mark_doubt(&entry.name))
        };
        cut().map_err(|e| self.place.error("truncate", &entry.name, e))
    }

    /// Puts the copies of files in doubt in their place, and a manifest that is not.
    fn end_doubts(&mut self) -> Result<()> {
        let place = self.place.clone();
        for FileToLoad { entry, source, .. } in self.files.iter().filter(|file| file.source != file.entry.name) {
            let renamed = place.storage.rename(&place.path(source), &place.path(&entry.name));
            renamed.map_err(|e| place.error("replace", &entry.name, e))?;
            let path = place.display(&entry.name);
            self.warnings.push(format!("An fsync of {path} had failed before the last stop: its content was copied into a new file"));
        }
        let manifest_name = Manifest::name(&place.file_name);
        if let Some(manifest) = self.manifest.as_ref().filter(|_| !self.doubts.is_empty()) {
            manifest.install(&place).map_err(|e| place.error("write", &manifest_name, e))?;
        }
        if self.doubts.contains(&manifest_name) {
            let path = place.display(&manifest_name);
            self.warnings.push(format!("An fsync of the directory of {path} had failed before the last stop: it was written again"));
        }
        self.doubts.iter().for_each(|name| place.clear_doubt(name));
        Ok(())
    }

    /// What was read may only have been in the page cache; from here on it counts as durable.
    fn sync_all(&self, manifest: &Manifest) -> Result<()> {
        let place = &*self.place;
        for Entry { name, .. } in manifest.live() {
            let file = place.storage.open(&place.path(name), OpenMode::Write).map_err(|e| place.error("open", name, e))?;
            file.sync_data().map_err(|e| {
                place.mark_doubt(name);
                place.error("sync", name, e)
            })?;
        }
        place.storage.sync_dir(&place.dir).map_err(|e| {
            place.mark_doubt(&Manifest::name(&place.file_name));
            Error::io("sync", place.storage.display(&place.dir), e)
        })
    }

    /// Adds an empty segment to the manifest.
    fn add_segment(&self, manifest: &mut Manifest) -> Result<()> {
        let Place { storage, dir, file_name } = &*self.place;
        let names = storage.list(dir).map_err(|e| Error::io("list", storage.display(dir), e))?;
        let seq = directory::next_seq(file_name, manifest, &names);
        let name = Manifest::incr_name(file_name, seq);
        let created = storage.open(&self.place.path(&name), OpenMode::CreateNew).and_then(|file| file.sync_data());
        created.map_err(|e| self.place.error("create", &name, e))?;
        manifest.incrs.push(Entry { name, seq, kind: Kind::Incr });
        manifest.install(&self.place).map_err(|e| self.place.error("write", &Manifest::name(file_name), e))
    }

    /// The files go first: without them, a manifest that still names them is no harm.
    fn drop_history(&mut self, manifest: &mut Manifest) {
        if manifest.history.is_empty() {
            return;
        }
        for entry in &manifest.history {
            match self.place.storage.remove(&self.place.path(&entry.name)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    self.warnings.push(format!("Can't remove the history file {}: {e}", self.place.display(&entry.name)));
                    return;
                }
                _ => {}
            }
        }
        let history = std::mem::take(&mut manifest.history);
        if let Err(e) = manifest.install(&self.place) {
            self.warnings.push(format!("Can't write the manifest without its history: {e}"));
            manifest.history = history;
        }
    }
}
