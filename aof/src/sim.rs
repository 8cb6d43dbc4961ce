//! A hostile disk in memory, for tests: it keeps apart what is written and what would survive a loss of power, fails when told
//! to, and behaves after a failure as badly as real systems do.
//!
//! * Bytes are in the cache when written and on the disk when synced. [`SimStorage::power_loss`] keeps what was synced and, of the
//!   rest, nothing, a part, single sectors, zeros or garbage of the right length.
//! * Names (creations, renames, removals) become certain with [`Storage::sync_dir`]; a loss of power keeps some of the uncertain
//!   ones, as a rule the first ones, and directories that their parent was not synced for may go with all that is in them.
//! * A failed `sync_dir` *drops* what was done to names of the directory since the last one: it goes on being shown, but no later sync
//!   will ever bring it to the disk. (A directory itself is not dropped: what is in it could not tell.)
//! * A failed `sync_data` *drops* the dirty bytes: they stay readable, but no later sync will ever bring them to the disk. It is
//!   reported once per open handle.
//! * A full disk takes what fits (a short write) and then answers `ENOSPC`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod media;

use crate::storage::{File, LockError, OpenMode, Storage};
use media::{Inode, NameOp, Names, names_after_power_loss};

/// The operations that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// [`Storage::open`] of an existing file.
    Open,
    /// [`Storage::open`] of a new file.
    Create,
    /// [`File::write_at`].
    Write,
    /// [`File::read_at`].
    Read,
    /// [`File::sync_data`].
    Sync,
    /// [`File::set_len`].
    SetLen,
    /// [`Storage::rename`].
    Rename,
    /// [`Storage::remove`].
    Remove,
    /// [`Storage::sync_dir`].
    SyncDir,
}

/// What a file is for, as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileRole {
    /// The manifest, or the one that is to replace it.
    Manifest,
    /// A base, or one in the making.
    Base,
    /// An incremental file, or one in the making.
    Increment,
    /// A snapshot, or one in the making.
    Snapshot,
    /// A directory, a lock, a mark.
    Other,
}

impl FileRole {
    /// Of the file at a path.
    pub fn of(path: &str) -> FileRole {
        if path.contains(".manifest") {
            FileRole::Manifest
        } else if path.contains("base") {
            FileRole::Base
        } else if path.contains("incr") {
            FileRole::Increment
        } else if path.ends_with(".rdb") {
            FileRole::Snapshot
        } else {
            FileRole::Other
        }
    }
}

/// How an operation misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error number, without effect (a failed sync drops the dirty bytes).
    Errno(i32),
    /// A write takes only so many bytes.
    Short(usize),
    /// A write takes so many bytes, and the next one fails with this error number.
    ShortThen(usize, i32),
}

/// An operation that was asked for: see [`SimStorage::record`].
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What it was.
    pub op: Op,
    /// On which file or directory.
    pub path: String,
    /// How it misbehaved.
    pub fault: Option<Fault>,
}

/// "No space left on device".
pub const ENOSPC: i32 = 28;
/// "Input/output error".
pub const EIO: i32 = 5;
/// "Interrupted system call".
pub const EINTR: i32 = 4;

#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: Names,
    disk_names: Names,
    /// Groups that reach the disk together (a rename is one).
    name_ops: Vec<Vec<NameOp>>,
    dirs: BTreeSet<String>,
    /// Those whose parent was not synced since.
    uncertain_dirs: BTreeSet<String>,
    locked: BTreeSet<String>,
    counts: BTreeMap<Op, u64>,
    operations: u64,
    stop_at: Option<u64>,
    /// Where that was.
    stopped_in: Option<(Op, FileRole)>,
    /// What was asked for, and what was planted for it.
    recorded: Option<Vec<Recorded>>,
    /// Operations that only pretend to be done.
    pretended: BTreeSet<(Op, Option<FileRole>)>,
    hides_failed_syncs: bool,
    planted: Vec<(Op, u64, Fault)>,
    lasting: BTreeMap<Op, i32>,
    capacity: Option<u64>,
}

impl Disk {
    /// Counts the operation, and says how it is to misbehave.
    fn begin(&mut self, op: Op, path: &str) -> io::Result<Option<Fault>> {
        let nth = self.counts.entry(op).or_insert(0);
        *nth += 1;
        let nth = *nth;
        if self.stop_at.is_some_and(|stop_at| self.operations >= stop_at) {
            self.stopped_in.get_or_insert((op, FileRole::of(path)));
            return Err(io::Error::other("the simulated process has stopped"));
        }
        self.operations += 1;
        let planted = self.planted.iter().position(|&(on, at, _)| on == op && at == nth).map(|index| self.planted.swap_remove(index).2);
        let fault = planted.or_else(|| self.lasting.get(&op).map(|&errno| Fault::Errno(errno)));
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Recorded { op, path: path.to_owned(), fault });
        }
        Ok(fault)
    }

    fn check(&mut self, op: Op, path: &str) -> io::Result<()> {
        match self.begin(op, path)? {
            Some(Fault::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            _ => Ok(()),
        }
    }

    fn pretends(&self, op: Op, path: &str) -> bool {
        !self.pretended.is_empty() && [None, Some(FileRole::of(path))].into_iter().any(|role| self.pretended.contains(&(op, role)))
    }

    fn used(&self) -> u64 {
        self.names.values().map(|&inode| self.inodes[inode].cache.len() as u64).sum()
    }
}

/// See the module. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimStorage(Arc<Mutex<Disk>>);

/// A file of a [`SimStorage`].
pub struct SimFile {
    storage: SimStorage,
    path: String,
    inode: usize,
    errors_seen: Mutex<u64>,
}

/// The lock of a [`SimStorage`].
pub struct SimLock {
    storage: SimStorage,
    path: String,
}

/// A small generator of pseudo-random numbers, so that one seed decides everything.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    /// A number below `bound` (0 if that is 0).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

impl SimStorage {
    /// An empty disk.
    pub fn new() -> Self {
        SimStorage::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `nth` further operation of this kind (1 is the next one) misbehaves.
    pub fn plant(&self, op: Op, nth: u64, fault: Fault) {
        let mut disk = self.disk();
        let at = disk.counts.get(&op).copied().unwrap_or(0) + nth;
        disk.planted.push((op, at, fault));
    }

    /// Every operation of this kind fails from now on.
    pub fn fail_all(&self, op: Op, errno: i32) {
        self.disk().lasting.insert(op, errno);
    }

    /// Nothing fails any more, and the disk has no limit.
    pub fn heal(&self) {
        let mut disk = self.disk();
        disk.lasting.clear();
        disk.planted.clear();
        disk.capacity = None;
    }

    /// All files together may have so many bytes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// How many bytes all files have.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// After so many operations in all, each one fails without any effect: as if the process had been stopped there.
    pub fn stop_at(&self, operations: u64) {
        self.disk().stop_at = Some(operations);
    }

    /// Whether that point has been reached.
    pub fn has_stopped(&self) -> bool {
        let disk = self.disk();
        disk.stop_at.is_some_and(|stop_at| disk.operations >= stop_at)
    }

    /// The disk as the next process finds it when this one is killed.
    pub fn kill(&self) -> SimStorage {
        let disk = self.disk();
        Self::with(disk.inodes.clone(), disk.names.clone(), disk.disk_names.clone(), disk.name_ops.clone(), disk.dirs.clone())
    }

    /// The disk as it is found after a loss of power: what was synced, and some of the rest.
    pub fn power_loss(&self, dice: &mut Dice) -> SimStorage {
        let disk = self.disk();
        let mut names = names_after_power_loss(&disk.disk_names, &disk.name_ops, dice);
        let mut dirs = disk.dirs.clone();
        for dir in disk.uncertain_dirs.iter().filter(|_| dice.below(2) == 0) {
            dirs.remove(dir);
            names.retain(|path, _| dir_of(path) != dir);
        }
        let inodes = disk.inodes.iter().map(|inode| inode.after_power_loss(dice)).collect();
        Self::with(inodes, names.clone(), names, Vec::new(), dirs)
    }

    fn with(inodes: Vec<Inode>, names: Names, disk_names: Names, name_ops: Vec<Vec<NameOp>>, dirs: BTreeSet<String>) -> Self {
        SimStorage(Arc::new(Mutex::new(Disk { inodes, names, disk_names, name_ops, dirs, ..Disk::default() })))
    }

    /// In which operation, on what kind of file, the process has stopped, if it has.
    pub fn stopped_in(&self) -> Option<(Op, FileRole)> {
        self.disk().stopped_in
    }

    /// Operations are remembered from now on, for [`SimStorage::take_recorded`].
    pub fn record(&self) {
        self.disk().recorded.get_or_insert_default();
    }

    /// What was asked for since this was last called.
    pub fn take_recorded(&self) -> Vec<Recorded> {
        self.disk().recorded.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Operations of this kind (on this kind of file) report success and do nothing: what a program does that forgets them.
    pub fn pretend(&self, op: Op, role: Option<FileRole>) {
        self.disk().pretended.insert((op, role));
    }

    /// Failed syncs report success: what a program does that ignores their failure.
    pub fn hide_failed_syncs(&self) {
        self.disk().hides_failed_syncs = true;
    }

    /// The names of all files.
    pub fn paths(&self) -> Vec<String> {
        self.disk().names.keys().cloned().collect()
    }

    /// A bit of a file at rest changes.
    pub fn flip_bit(&self, path: &str, byte: usize, bit: u8) {
        let mut disk = self.disk();
        if let Some(&inode) = disk.names.get(path) {
            let Inode { cache, disk, .. } = &mut disk.inodes[inode];
            for content in [cache, disk] {
                if let Some(byte) = content.get_mut(byte) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }

    /// The content of a file, as it can be read now.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.names.get(path).map(|&inode| disk.inodes[inode].cache.clone())
    }

    /// Puts a file on the disk, durably.
    pub fn put(&self, path: &str, content: &[u8]) {
        let mut disk = self.disk();
        let inode = disk.inodes.len();
        disk.inodes.push(Inode::durable(content.to_vec()));
        disk.names.insert(path.to_owned(), inode);
        disk.disk_names.insert(path.to_owned(), inode);
        if let Some((dir, _)) = path.rsplit_once('/') {
            disk.dirs.insert(dir.to_owned());
        }
    }
}

fn dir_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Storage for SimStorage {
    type File = SimFile;
    type Lock = SimLock;

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let disk = self.disk();
        if !dir.is_empty() && !disk.dirs.contains(dir) {
            return Err(not_found());
        }
        Ok(disk
            .names
            .keys()
            .filter(|path| dir_of(path) == dir)
            .map(|path| path[path.rfind('/').map_or(0, |at| at + 1)..].to_owned())
            .collect())
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.check(Op::Create, dir)?;
        if disk.dirs.insert(dir.to_owned()) {
            disk.uncertain_dirs.insert(dir.to_owned());
        }
        Ok(())
    }

    fn open(&self, path: &str, mode: OpenMode) -> io::Result<SimFile> {
        let mut disk = self.disk();
        let op = if mode == OpenMode::CreateNew { Op::Create } else { Op::Open };
        let fault = disk.begin(op, path)?;
        // An empty dot file takes no space, and no disk is needed to show it: its creation is the one thing that can't fail.
        if let (Some(Fault::Errno(errno)), false) = (fault, path.contains("/.")) {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let inode = match (disk.names.get(path).copied(), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode,
            (None, OpenMode::CreateNew) => {
                let inode = disk.inodes.len();
                disk.inodes.push(Inode::default());
                disk.names.insert(path.to_owned(), inode);
                disk.name_ops.push(vec![NameOp::Set(path.to_owned(), inode)]);
                inode
            }
            (None, _) => return Err(not_found()),
        };
        let errors_seen = Mutex::new(disk.inodes[inode].errors);
        Ok(SimFile { storage: self.clone(), path: path.to_owned(), inode, errors_seen })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.check(Op::Rename, to)?;
        let inode = disk.names.remove(from).ok_or_else(not_found)?;
        disk.names.insert(to.to_owned(), inode);
        disk.name_ops.push(vec![NameOp::Unset(from.to_owned()), NameOp::Set(to.to_owned(), inode)]);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.check(Op::Remove, path)?;
        disk.names.remove(path).ok_or_else(not_found)?;
        disk.name_ops.push(vec![NameOp::Unset(path.to_owned())]);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.disk();
        if let Some(Fault::Errno(errno)) = disk.begin(Op::SyncDir, dir)? {
            disk.name_ops.retain(|group| group.iter().all(|op| dir_of(op.name()) != dir));
            return Err(io::Error::from_raw_os_error(errno));
        }
        if disk.pretends(Op::SyncDir, dir) {
            return Ok(());
        }
        disk.uncertain_dirs.retain(|path| dir_of(path) != dir);
        // Journals keep the order: everything up to the last operation on this directory becomes certain.
        if let Some(last) = disk.name_ops.iter().rposition(|group| group.iter().any(|op| dir_of(op.name()) == dir)) {
            let certain: Vec<_> = disk.name_ops.drain(..=last).collect();
            certain.iter().flatten().for_each(|op| op.apply(&mut disk.disk_names));
        }
        Ok(())
    }

    fn lock(&self, path: &str) -> Result<SimLock, LockError> {
        let mut disk = self.disk();
        if !disk.locked.insert(path.to_owned()) {
            return Err(LockError::Held(Some(std::process::id())));
        }
        Ok(SimLock { storage: self.clone(), path: path.to_owned() })
    }

    fn display(&self, path: &str) -> String {
        path.to_owned()
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.storage.disk().locked.remove(&self.path);
    }
}

impl File for SimFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut disk = self.storage.disk();
        let mut most = usize::MAX;
        match disk.begin(Op::Write, &self.path)? {
            Some(Fault::Errno(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Short(bytes)) => most = bytes.max(1),
            Some(Fault::ShortThen(bytes, errno)) => {
                most = bytes.max(1);
                let next = disk.counts[&Op::Write] + 1;
                disk.planted.push((Op::Write, next, Fault::Errno(errno)));
            }
            None => {}
        }
        let len = disk.inodes[self.inode].cache.len();
        let mut at = usize::try_from(offset).ok().filter(|&at| at <= len).expect("nothing is written beyond the end of a file");
        if let Some(capacity) = disk.capacity {
            let room = len - at + capacity.saturating_sub(disk.used()) as usize;
            if room == 0 {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            most = most.min(room);
        }
        let inode = &mut disk.inodes[self.inode];
        inode.dirty_from = inode.dirty_from.min(at);
        let start = at;
        for part in parts {
            let bytes = &part[..part.len().min(most - (at - start))];
            let over = bytes.len().min(inode.cache.len() - at);
            inode.cache[at..at + over].copy_from_slice(&bytes[..over]);
            inode.cache.extend_from_slice(&bytes[over..]);
            at += bytes.len();
        }
        Ok(at - start)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.storage.disk();
        disk.check(Op::Read, &self.path)?;
        let rest = disk.inodes[self.inode].cache.get(offset as usize..).unwrap_or(&[]);
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.storage.disk();
        let fault = disk.begin(Op::Sync, &self.path)?;
        if disk.pretends(Op::Sync, &self.path) {
            return Ok(());
        }
        if let (Some(Fault::Errno(_)), Some(stop_at)) = (fault, disk.stop_at) {
            // A stop in the microseconds before the process can note the failure is beyond what it can defend against.
            disk.stop_at = Some(stop_at.max(disk.operations + 1));
        }
        let hides = disk.hides_failed_syncs;
        let inode = &mut disk.inodes[self.inode];
        if let Some(Fault::Errno(_)) = fault {
            inode.errors += 1;
            inode.dirty_from = inode.cache.len();
        } else {
            inode.sync();
        }
        let mut seen = self.errors_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *seen, inode.errors) != inode.errors && !hides {
            return Err(io::Error::from_raw_os_error(if let Some(Fault::Errno(errno)) = fault { errno } else { EIO }));
        }
        Ok(())
    }

    fn begin_sync(&self, _offset: u64, _bytes: u64) {}

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.storage.disk();
        disk.check(Op::SetLen, &self.path)?;
        let inode = &mut disk.inodes[self.inode];
        let bytes = bytes as usize;
        inode.cache.truncate(bytes);
        inode.dirty_from = inode.dirty_from.min(bytes);
        if inode.disk.len() > bytes {
            inode.cut_to = Some(inode.cut_to.map_or(bytes, |cut_to| cut_to.min(bytes)));
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.storage.disk().inodes[self.inode].cache.len() as u64)
    }
}
