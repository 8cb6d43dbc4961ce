//! A [`Media`] as a mounted file system, and the switch that cuts its power.
//!
//! A loss of power has three steps, so that nothing happens between the instant of the loss and the server's death:
//! [`LossyDisk::freeze`] lets no operation finish any more, the caller kills the server, whose threads may hang in such
//! operations, and [`LossyDisk::lose_power`] lets them fail into the dead process, unmounts, and mounts what survived
//! at the same path. A sync that was under way at the instant of the loss has made nothing durable.
//!
//! A failed sync is told as Linux tells it: once to each handle that was open then, so that a second sync through the same handle
//! succeeds and one through another handle fails as well.
//!
//! Every operation locks the one [`Media`]; a slow sync sleeps without the lock. (The kernel keeps writes to a file waiting while
//! an fsync of it runs, so that a slow sync here is also a slow write, unlike on most disks.)

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use fuser::{
    BackgroundSession, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, MountOption,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite,
    Request, TimeOrNow, WriteFlags,
};
use rustix::mount::UnmountFlags;

use super::media::{Attributes, Fault, Media, NodeId, Order};

/// Operations that may hang in slow syncs at the same time; more of them queue.
const THREADS: usize = 6;
/// How long a dead server's children may take to let go of the file system.
const UNMOUNT_WAIT: Duration = Duration::from_secs(10);
const BLOCK: u32 = 4096;

/// Why no file system can be mounted here; tests say so and pass.
#[derive(Debug)]
pub struct Unavailable(String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "no FUSE file system can be mounted here: {}", self.0)
    }
}

/// A mounted disk; unmounted when dropped.
#[derive(Debug)]
pub struct LossyDisk {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    directory: tempfile::TempDir,
    order: Order,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    media: Media,
    power: Power,
    faults: Faults,
    counts: Counts,
    /// How many syncs of each file have failed.
    failures: HashMap<NodeId, u64>,
    /// How many of them each open handle has been told.
    told: HashMap<FileHandle, u64>,
    next_handle: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// Operations wait.
    Frozen,
    /// Operations fail.
    Off,
}

/// Syncs that succeed and do nothing: what a server that left them out would have done. For tests of the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ignored {
    /// None: a sync makes durable what it says.
    #[default]
    Nothing,
    /// Those of files.
    Files,
    /// Those of directories.
    Directories,
}

#[derive(Debug, Default)]
struct Faults {
    ignored: Ignored,
    sync_delay: Duration,
    /// This many succeed before others fail.
    good_syncs: u32,
    failing_syncs: u32,
    /// Bytes that all files together may have.
    capacity: Option<u64>,
}

/// What the disk has done, for a test to see that it tested something.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Syncs that succeeded.
    pub syncs: u64,
    /// Syncs that failed because they were told to.
    pub failed_syncs: u64,
    /// Writes that were cut short or refused because the disk was full.
    pub refused_writes: u64,
}

impl LossyDisk {
    /// Mounts an empty disk.
    ///
    /// # Errors
    /// If there is no `/dev/fuse` or mounting is not permitted.
    pub fn mount(order: Order) -> Result<LossyDisk, Unavailable> {
        let unavailable = |what: &str, error: &dyn std::fmt::Display| Unavailable(format!("{what}: {error}"));
        let device = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
        device.map_err(|error| unavailable("/dev/fuse", &error))?;
        let directory = tempfile::Builder::new().prefix("graven-disk-").tempdir();
        let directory = directory.map_err(|error| unavailable("a temporary directory", &error))?;
        let mut disk = LossyDisk { shared: Arc::new(Shared::new(Media::new(order))), session: None, directory, order };
        disk.attach().map_err(|error| unavailable("mounting", &format!("{error:#}")))?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Each fsync takes this much longer from now on.
    pub fn sync_delay(&self, delay: Duration) {
        self.shared.lock().faults.sync_delay = delay;
    }

    /// After `good` more fsyncs, `count` fail with an I/O error, and what they should have made durable is forgotten.
    pub fn fail_syncs(&self, good: u32, count: u32) {
        let mut state = self.shared.lock();
        state.faults.good_syncs = good;
        state.faults.failing_syncs = count;
    }

    /// These syncs do nothing from now on, also after losses of power.
    pub fn ignore_syncs(&self, ignored: Ignored) {
        self.shared.lock().faults.ignored = ignored;
    }

    /// The disk takes `bytes` more than it holds, then reports that it is full; `None` is no limit.
    pub fn space_left(&self, bytes: Option<u64>) {
        let mut state = self.shared.lock();
        state.faults.capacity = bytes.map(|bytes| state.media.used_bytes() + bytes);
    }

    /// What the disk has done since it was first mounted.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Bytes written and not durable.
    pub fn at_risk_bytes(&self) -> u64 {
        self.shared.lock().media.at_risk_bytes()
    }

    /// The instant of the loss: no operation finishes from now on. Kill the server next, without waiting for its end.
    pub fn freeze(&self) {
        let mut state = self.shared.lock();
        state.power = Power::Frozen;
        self.shared.changed.notify_all();
    }

    /// After [`LossyDisk::freeze`] and the server's kill: waiting operations fail, so that the process can end.
    pub fn fail_waiting(&self) {
        let mut state = self.shared.lock();
        state.power = Power::Off;
        self.shared.changed.notify_all();
    }

    /// Unmounts the disk and mounts what survived, without faults, at the same path. Returns how many bytes were at risk.
    ///
    /// # Errors
    /// If the power is still on, or if mounting fails.
    pub fn lose_power(&mut self, seed: u64) -> Result<u64> {
        self.fail_waiting();
        self.detach();
        let (next, at_risk) = {
            let state = self.shared.lock();
            let next = Shared::new(state.media.survivor(seed));
            next.lock().counts = state.counts;
            next.lock().faults.ignored = state.faults.ignored;
            (next, state.media.at_risk_bytes())
        };
        // Threads of a mount that something still holds must not reach the new disk.
        self.shared = Arc::new(next);
        self.attach()?;
        Ok(at_risk)
    }

    /// Copies what a reader sees into a plain directory, for a look at it after a failure.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn export(&self, target: &Path) -> Result<()> {
        Ok(self.shared.lock().media.export(target)?)
    }

    /// Replaces the disk by an empty one.
    ///
    /// # Errors
    /// If mounting fails.
    pub fn format(&mut self) -> Result<()> {
        self.fail_waiting();
        self.detach();
        self.shared = Arc::new(Shared::new(Media::new(self.order)));
        self.attach()
    }

    fn attach(&mut self) -> Result<()> {
        let mut config = fuser::Config::default();
        config.mount_options = vec![MountOption::FSName("graven-lossy".into()), MountOption::NoAtime];
        config.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(Driver(self.shared.clone()), self.path(), &config);
        self.session = Some(session.with_context(|| format!("mounting a file system at {}", self.path().display()))?);
        Ok(())
    }

    /// Unmounts; children of a killed server (Redis forks some) get a moment to end, then the mount is detached from the path.
    fn detach(&mut self) {
        let Some(session) = self.session.take() else { return };
        let start = Instant::now();
        while rustix::mount::unmount(self.path(), UnmountFlags::empty()) == Err(rustix::io::Errno::BUSY) {
            if start.elapsed() > UNMOUNT_WAIT {
                let _ = rustix::mount::unmount(self.path(), UnmountFlags::DETACH);
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Without the privilege to unmount, this asks fusermount3.
        drop(session);
    }
}

impl Drop for LossyDisk {
    fn drop(&mut self) {
        self.fail_waiting();
        self.detach();
    }
}

impl Shared {
    fn new(media: Media) -> Shared {
        let state = State {
            media,
            power: Power::On,
            faults: Faults::default(),
            counts: Counts::default(),
            failures: HashMap::new(),
            told: HashMap::new(),
            next_handle: 1,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no operation panics")
    }

    /// The state while there is power; waits while it is frozen.
    fn powered(&self) -> Result<MutexGuard<'_, State>, Errno> {
        let state = self.changed.wait_while(self.lock(), |state| state.power == Power::Frozen);
        let state = state.expect("no operation panics");
        if state.power == Power::On { Ok(state) } else { Err(Errno::EIO) }
    }

    /// A sync: what was done before it is durable when it returns `Ok`.
    fn sync(&self, node: NodeId, handle: FileHandle) -> Result<(), Errno> {
        let (marks, delay, fails) = {
            let mut state = self.powered()?;
            let fails = state.faults.good_syncs == 0 && state.faults.failing_syncs > 0;
            state.faults.failing_syncs -= u32::from(fails);
            state.faults.good_syncs = state.faults.good_syncs.saturating_sub(1);
            (state.media.begin_sync(node).map_err(errno)?, state.faults.sync_delay, fails)
        };
        let until = Instant::now() + delay;
        let mut state = self.lock();
        while state.power == Power::On {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).expect("no operation panics").0;
        }
        drop(state);
        let mut state = self.powered()?;
        if fails {
            state.counts.failed_syncs += 1;
            state.media.sync_failed(node, marks).map_err(errno)?;
            *state.failures.entry(node).or_default() += 1;
        }
        let failures = state.failures.get(&node).copied().unwrap_or(0);
        let told = state.told.insert(handle, failures).unwrap_or(0);
        if fails || told < failures {
            return Err(Errno::EIO);
        }
        state.counts.syncs += 1;
        let is_directory = state.media.attributes(node).map_err(errno)?.is_directory;
        let ignored = if is_directory { Ignored::Directories } else { Ignored::Files };
        if state.faults.ignored == ignored {
            return Ok(());
        }
        state.media.synced(node, marks).map_err(errno)
    }
}

impl State {
    fn open(&mut self, node: NodeId) -> FileHandle {
        let handle = FileHandle(self.next_handle);
        self.next_handle += 1;
        self.told.insert(handle, self.failures.get(&node).copied().unwrap_or(0));
        handle
    }

    /// Writes what the disk has room for; at least one byte, or it is full.
    fn write(&mut self, node: NodeId, offset: u64, bytes: &[u8]) -> Result<u32, Errno> {
        let size = self.media.attributes(node).map_err(errno)?.size;
        let mut end = offset + bytes.len() as u64;
        if let Some(capacity) = self.faults.capacity
            && end > size
        {
            let free = capacity.saturating_sub(self.media.used_bytes());
            if end - size > free {
                self.counts.refused_writes += 1;
                end = size + free;
                if end <= offset {
                    return Err(Errno::ENOSPC);
                }
            }
        }
        let written = &bytes[..(end - offset) as usize];
        self.media.write(node, offset, written).map_err(errno)?;
        Ok(written.len() as u32)
    }
}

fn errno(fault: Fault) -> Errno {
    match fault {
        Fault::NotFound => Errno::ENOENT,
        Fault::Exists => Errno::EEXIST,
        Fault::NotADirectory => Errno::ENOTDIR,
        Fault::IsADirectory => Errno::EISDIR,
        Fault::NotEmpty => Errno::ENOTEMPTY,
    }
}

/// What FUSE calls.
#[derive(Debug)]
struct Driver(Arc<Shared>);

/// How long the kernel may believe what it was told: names and sizes change only through it.
const TTL: Duration = Duration::from_secs(60);

fn attr(of: Attributes) -> FileAttr {
    let now = SystemTime::now();
    FileAttr {
        ino: INodeNo(of.node.0),
        size: of.size,
        blocks: of.size.div_ceil(512),
        atime: now,
        mtime: now,
        ctime: now,
        crtime: now,
        kind: kind(of.is_directory),
        perm: of.mode,
        nlink: if of.is_directory { 2 } else { 1 },
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn kind(is_directory: bool) -> FileType {
    if is_directory { FileType::Directory } else { FileType::RegularFile }
}

/// Answers with `$ok` applied to what `$work` gave, or with its error.
macro_rules! answer {
    ($reply:ident, $work:expr, $ok:expr) => {
        match $work {
            Ok(done) => $ok($reply, done),
            Err(error) => $reply.error(error),
        }
    };
}

impl Driver {
    fn look(&self, find: impl FnOnce(&mut Media) -> Result<NodeId, Fault>) -> Result<FileAttr, Errno> {
        let mut state = self.0.powered()?;
        let node = find(&mut state.media).map_err(errno)?;
        state.media.attributes(node).map(attr).map_err(errno)
    }

    fn change(&self, change: impl FnOnce(&mut Media) -> Result<(), Fault>) -> Result<(), Errno> {
        change(&mut self.0.powered()?.media).map_err(errno)
    }
}

fn entry(reply: ReplyEntry, attr: FileAttr) {
    reply.entry(&TTL, &attr, Generation(0));
}

fn permissions(mode: u32, umask: u32) -> u16 {
    (mode & !umask & 0o7777) as u16
}

impl Filesystem for Driver {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.look(|media| media.lookup(NodeId(parent.0), name)), entry);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, self.look(|_| Ok(NodeId(ino.0))), |reply: ReplyAttr, attr| reply.attr(&TTL, &attr));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = self.look(|media| {
            let node = NodeId(ino.0);
            if let Some(size) = size {
                media.resize(node, size)?;
            }
            if let Some(mode) = mode {
                media.set_mode(node, permissions(mode, 0))?;
            }
            Ok(node)
        });
        answer!(reply, set, |reply: ReplyAttr, attr| reply.attr(&TTL, &attr));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        answer!(reply, self.look(|media| media.make_directory(NodeId(parent.0), name, permissions(mode, umask))), entry);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.change(|media| media.unlink(NodeId(parent.0), name)), |reply: ReplyEmpty, ()| reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.change(|media| media.remove_directory(NodeId(parent.0), name)), |reply: ReplyEmpty, ()| reply.ok());
    }

    fn rename(&self, _: &Request, parent: INodeNo, name: &OsStr, to: INodeNo, new: &OsStr, flags: RenameFlags, reply: ReplyEmpty) {
        if flags.intersects(!RenameFlags::RENAME_NOREPLACE) {
            return reply.error(Errno::EINVAL);
        }
        let keep = flags.contains(RenameFlags::RENAME_NOREPLACE);
        let renamed = self.change(|media| media.rename(NodeId(parent.0), name, (NodeId(to.0), new), keep));
        answer!(reply, renamed, |reply: ReplyEmpty, ()| reply.ok());
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let opened = self.0.powered().map(|mut state| state.open(NodeId(ino.0)));
        // Past the page cache: what a server reads is what this disk holds.
        answer!(reply, opened, |reply: ReplyOpen, handle| reply.opened(handle, FopenFlags::FOPEN_DIRECT_IO));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let opened = self.0.powered().map(|mut state| state.open(NodeId(ino.0)));
        answer!(reply, opened, |reply: ReplyOpen, handle| reply.opened(handle, FopenFlags::empty()));
    }

    fn release(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, _: Option<LockOwner>, _: bool, reply: ReplyEmpty) {
        self.0.lock().told.remove(&handle);
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.0.lock().told.remove(&handle);
        reply.ok();
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: i32, reply: ReplyCreate) {
        let created = || {
            let attr = self.look(|media| media.create(NodeId(parent.0), name, permissions(mode, umask)))?;
            Ok((attr, self.0.powered()?.open(NodeId(attr.ino.0))))
        };
        answer!(reply, created(), |reply: ReplyCreate, (attr, handle)| {
            reply.created(&TTL, &attr, Generation(0), handle, FopenFlags::FOPEN_DIRECT_IO);
        });
    }

    fn read(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, size: u32, _: OpenFlags, _: Option<LockOwner>, reply: ReplyData) {
        let read = || Ok(self.0.powered()?.media.read(NodeId(ino.0), offset, size as usize).map_err(errno)?.to_vec());
        answer!(reply, read(), |reply: ReplyData, bytes: Vec<u8>| reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = || self.0.powered()?.write(NodeId(ino.0), offset, data);
        answer!(reply, written(), |reply: ReplyWrite, bytes| reply.written(bytes));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.0.sync(NodeId(ino.0), handle), |reply: ReplyEmpty, ()| reply.ok());
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.0.sync(NodeId(ino.0), handle), |reply: ReplyEmpty, ()| reply.ok());
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = || -> Result<Vec<(u64, bool, std::ffi::OsString)>, Errno> {
            let state = self.0.powered()?;
            let mut entries = vec![(ino.0, true, ".".into()), (ino.0, true, "..".into())];
            for (name, node) in state.media.names(NodeId(ino.0)).map_err(errno)?.iter() {
                let is_directory = state.media.attributes(node).map_err(errno)?.is_directory;
                entries.push((node.0, is_directory, name.to_owned()));
            }
            Ok(entries)
        };
        let entries = match listed() {
            Ok(entries) => entries,
            Err(error) => return reply.error(error),
        };
        for (at, (node, is_directory, name)) in entries.into_iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(node), at as u64 + 1, kind(is_directory), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let state = self.0.lock();
        let used = state.media.used_bytes();
        let capacity = state.faults.capacity.unwrap_or(1 << 40);
        let blocks = |bytes: u64| bytes / u64::from(BLOCK);
        let free = blocks(capacity.saturating_sub(used));
        reply.statfs(blocks(capacity), free, free, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
