//! The directory before anything is read: the manifest found, an old single file taken over, or a fresh start.
//!
//! **Taking over** the single file of Redis 6 and older, `dir/NAME`: first the manifest that names it as the base is put in
//! place, then the file is renamed into the directory, and both directories are synced. A stop between the two leaves a manifest
//! whose only file is still at its old place; that is recognised and completed at the next start. A stop before leaves no manifest.
//!
//! **A fresh start** creates the first segment, then the manifest. A stop between leaves an empty segment without a manifest, which is
//! removed. Segments that are not empty are refused without a manifest, since starting without them, from nothing or from a snapshot, would
//! lose them. Whoever begins a log with content marks its segments first, until the manifest names them ([`crate::fresh`], [`crate::rewrite`]).

use std::io;
use std::sync::Arc;

use crate::doubt;
use crate::error::{Error, Result};
use crate::lock;
use crate::manifest::{Entry, Kind, Manifest, SEQ_MAX};
use crate::options::Options;
use crate::rewrite;
use crate::storage::{File, OpenMode, Storage, read_up_to};

/// Where the files are.
pub struct Place<S> {
    /// What holds them.
    pub storage: Arc<S>,
    /// The directory, below the storage's root.
    pub dir: String,
    /// What their names begin with.
    pub file_name: String,
}

/// A directory that is ours.
pub struct Found<S: Storage> {
    pub place: Arc<Place<S>>,
    pub lock: S::Lock,
    /// None for a fresh start.
    pub manifest: Option<Manifest>,
    /// The files that an fsync has failed for.
    pub doubts: Vec<String>,
    pub notices: Vec<String>,
}

impl<S: Storage> Place<S> {
    /// A file's path below the root of the storage.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// A file's path for messages.
    pub fn display(&self, name: &str) -> String {
        self.storage.display(&self.path(name))
    }

    /// An [`Error::Io`] about a file.
    pub fn error(&self, doing: &'static str, name: &str, source: io::Error) -> Error {
        Error::io(doing, self.display(name), source)
    }
}

/// Whether there is a log to load: a manifest, an old single file, or segments, which a start without their manifest refuses.
pub fn exists<S: Storage>(storage: &S, options: &Options) -> Result<bool> {
    let list = |dir: &str| match storage.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|e| Error::io("list", storage.display(dir), e)),
    };
    let Options { dir_name, file_name, .. } = options;
    let names = list(dir_name)?;
    let is_named = names.contains(&Manifest::name(file_name)) || list("")?.contains(file_name);
    Ok(is_named || orphan(storage, dir_name, file_name, &names)?.is_some())
}

/// Locks the directory and finds out what it holds.
pub fn find<S: Storage>(storage: Arc<S>, options: &Options) -> Result<Found<S>> {
    options.validate()?;
    let place = Arc::new(Place { storage, dir: options.dir_name.clone(), file_name: options.file_name.clone() });
    let Place { storage, dir, file_name } = &*place;
    storage.create_dir(dir).map_err(|e| Error::io("create", storage.display(dir), e))?;
    storage.sync_dir("").map_err(|e| Error::io("sync", storage.display(""), e))?;
    let lock = lock::lock(&**storage, dir)?;
    let names = storage.list(dir).map_err(|e| Error::io("list", storage.display(dir), e))?;
    let mut notices = Vec::new();
    let manifest_name = Manifest::name(file_name);
    let manifest = if names.contains(&manifest_name) {
        let manifest = read_manifest(&place, &manifest_name)?;
        if let Some(base) = only_base(&manifest)
            && base.name == *file_name
            && !names.contains(file_name)
            && exists_in_root(&place)?
        {
            move_in(&place)?;
            notices.push(format!("Completed the take-over of the append only file {file_name}"));
        }
        Some(manifest)
    } else if exists_in_root(&place)? {
        refuse_orphans(&place, &names)?;
        let manifest = Manifest { base: Some(Entry { name: file_name.clone(), seq: 1, kind: Kind::Base }), ..Manifest::default() };
        manifest.install(&place).map_err(|e| place.error("write", &manifest_name, e))?;
        move_in(&place)?;
        notices.push(format!("Successfully migrated an old-style AOF: '{file_name}' is now the base in '{dir}'"));
        Some(manifest)
    } else {
        refuse_orphans(&place, &names)?;
        None
    };
    Ok(Found { doubts: doubt::doubted(&names), place, lock, manifest, notices })
}

fn only_base(manifest: &Manifest) -> Option<&Entry> {
    manifest.base.as_ref().filter(|_| manifest.incrs.is_empty())
}

/// The manifest that is in force.
pub fn read_manifest<S: Storage>(place: &Place<S>, name: &str) -> Result<Manifest> {
    let read = || {
        let file = place.storage.open(&place.path(name), OpenMode::Read)?;
        let mut bytes = Vec::new();
        read_up_to(&file, 0, &mut bytes, file.len()? as usize)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| place.error("read", name, e))?;
    Manifest::parse(&place.display(name), &bytes)
}

fn exists_in_root<S: Storage>(place: &Place<S>) -> Result<bool> {
    let names = place.storage.list("").map_err(|e| Error::io("list", place.storage.display(""), e))?;
    Ok(names.contains(&place.file_name))
}

fn move_in<S: Storage>(place: &Place<S>) -> Result<()> {
    let Place { storage, dir, file_name } = place;
    let moved = storage.rename(file_name, &place.path(file_name)).and_then(|()| {
        storage.sync_dir(dir)?;
        storage.sync_dir("")
    });
    let moved = moved.inspect_err(|_| place.mark_doubt(file_name));
    moved.map_err(|e| Error::io("move into the append only directory", storage.display(file_name), e))
}

/// Refuses to begin anew beside an [`orphan`].
pub fn refuse_orphans<S: Storage>(place: &Place<S>, names: &[String]) -> Result<()> {
    let manifest_name = Manifest::name(&place.file_name);
    if names.contains(&manifest_name) {
        return Ok(());
    }
    let orphan = orphan(&*place.storage, &place.dir, &place.file_name, names)?;
    orphan.map_or(Ok(()), |segment| Err(Error::MissingManifest { path: place.display(&manifest_name), segment: place.display(segment) }))
}

/// A segment (or a single file that was taken over) with content. Where there is no manifest, whoever began anew would lose it; but what
/// is marked as debris of a log in the making never counted.
fn orphan<'a, S: Storage>(storage: &S, dir: &str, file_name: &str, names: &'a [String]) -> Result<Option<&'a String>> {
    let creating: Vec<u64> = names.iter().filter_map(|name| rewrite::creating_seq(file_name, name)).collect();
    let counts = |name: &&String| *name == file_name || segment_seq(file_name, name).is_some_and(|seq| !creating.contains(&seq));
    for name in names.iter().filter(counts) {
        let path = format!("{dir}/{name}");
        let file = storage.open(&path, OpenMode::Read).map_err(|e| Error::io("open", storage.display(&path), e))?;
        if !file.is_empty().map_err(|e| Error::io("read", storage.display(&path), e))? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The sequence number of a file that is named like a segment of this log.
pub fn segment_seq(file_name: &str, name: &str) -> Option<u64> {
    let rest = name.strip_prefix(file_name)?.strip_prefix('.')?;
    let digits = [".incr.aof", ".base.aof", ".base.rdb"].iter().find_map(|end| rest.strip_suffix(end))?;
    digits.parse().ok().filter(|&seq| seq <= SEQ_MAX && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The number of the next segment: above those of all that the manifest names, also as history, and of all that is in the directory. A new
/// file under the name of an old one would be removed as history, or played in its place.
pub fn next_seq(file_name: &str, manifest: &Manifest, names: &[String]) -> u64 {
    let named = manifest.live().chain(&manifest.history).map(|entry| &entry.name);
    let taken = named.chain(names).filter_map(|name| segment_seq(file_name, name));
    taken.max().unwrap_or(0).max(manifest.last_incr_seq()) + 1
}

/// Removes what a stop left behind: temporary files, and segments that the manifest does not name. Returns what was done.
///
/// An incremental with content that is numbered above all that was named (`last_named`) is only set aside. A stop in the middle of a roll leaves
/// one, in which nothing was acknowledged; but so does whoever puts an old manifest in place, and then it holds what came later.
pub fn remove_leftovers<S: Storage>(place: &Place<S>, manifest: &Manifest, last_named: u64) -> Vec<String> {
    let Place { storage, dir, file_name } = place;
    let Ok(names) = storage.list(dir) else { return Vec::new() };
    let temp = Manifest::temp_name(file_name);
    let creating: Vec<u64> = names.iter().filter_map(|name| rewrite::creating_seq(file_name, name)).collect();
    let mut notices = Vec::new();
    for name in &names {
        if manifest.live().chain(&manifest.history).any(|entry| entry.name == *name) {
            continue;
        }
        let seq = segment_seq(file_name, name);
        let is_newer = name.ends_with(".incr.aof") && seq.is_some_and(|seq| seq > last_named && !creating.contains(&seq));
        // What can't be looked at is kept.
        let is_empty = || storage.open(&place.path(name), OpenMode::Read).and_then(|file| file.is_empty()).unwrap_or(false);
        let path = place.display(name);
        if is_newer && !is_empty() {
            let aside = (1..).map(|n| format!("{name}.unnamed-{n}")).find(|aside| !names.contains(aside)).expect("there is a free name");
            notices.push(match storage.rename(&place.path(name), &place.path(&aside)) {
                Ok(()) => format!(
                    "{path} is newer than all that the manifest names: it was not loaded, and is kept as {aside}. If the manifest is an old \
                     copy, this file holds what came later; if not, it holds nothing that was acknowledged, and can be removed"
                ),
                Err(e) => format!("Can't set aside {path}, which the manifest does not name: {e}"),
            });
        } else if name == &temp || rewrite::is_temporary(file_name, name) || doubt::is_copy(file_name, name) || seq.is_some() {
            notices.push(match storage.remove(&place.path(name)) {
                Ok(()) => format!("Removed the leftover file {path}"),
                Err(e) => format!("Can't remove the leftover file {path}: {e}"),
            });
        }
    }
    notices
}
