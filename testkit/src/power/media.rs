//! A tree of files on a disk that may lose power: what the FUSE driver shows, and what is left of it afterwards.
//!
//! Nodes are never freed while the tree lives: a name that was removed and whose directory was not synced may come back,
//! with the bytes that its file had.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{fs, io};

use super::Mark;
use super::file::File;
use super::names::Names;
use crate::rng::Rng;

/// A file or directory, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// Which names survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each change of a directory by itself, until that directory is synced: what POSIX promises.
    Independent,
    /// Changes of all directories in their order; an fsync of anything makes all earlier ones durable: ext4, XFS.
    Journaled,
}

/// What a file system refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is nothing of that name.
    NotFound,
    /// That name is taken.
    Exists,
    /// A file, where a directory is needed.
    NotADirectory,
    /// A directory, where a file is needed.
    IsADirectory,
    /// The directory has names in it.
    NotEmpty,
}

/// What `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Which node this is.
    pub node: NodeId,
    /// Bytes that a reader sees; 0 for a directory.
    pub size: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The permission bits.
    pub mode: u16,
}

#[derive(Debug, Clone)]
struct Node {
    mode: u16,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    File(File),
    Directory(Names),
}

/// The whole disk.
#[derive(Debug, Clone)]
pub struct Media {
    nodes: BTreeMap<NodeId, Node>,
    next_node: u64,
    /// Changes of names so far, in all directories.
    name_changes: u64,
    order: Order,
}

impl Media {
    /// The directory that is always there.
    pub const ROOT: NodeId = NodeId(1);

    /// An empty disk.
    pub fn new(order: Order) -> Media {
        let root = Node { mode: 0o755, kind: Kind::Directory(Names::default()) };
        Media { nodes: [(Media::ROOT, root)].into(), next_node: 2, name_changes: 0, order }
    }

    fn node(&self, id: NodeId) -> Result<&Node, Fault> {
        self.nodes.get(&id).ok_or(Fault::NotFound)
    }

    fn file(&self, id: NodeId) -> Result<&File, Fault> {
        match &self.node(id)?.kind {
            Kind::File(file) => Ok(file),
            Kind::Directory(_) => Err(Fault::IsADirectory),
        }
    }

    fn file_mut(&mut self, id: NodeId) -> Result<&mut File, Fault> {
        match &mut self.nodes.get_mut(&id).ok_or(Fault::NotFound)?.kind {
            Kind::File(file) => Ok(file),
            Kind::Directory(_) => Err(Fault::IsADirectory),
        }
    }

    /// The names in a directory.
    ///
    /// # Errors
    /// If it is none.
    pub fn names(&self, id: NodeId) -> Result<&Names, Fault> {
        match &self.node(id)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Fault::NotADirectory),
        }
    }

    fn names_mut(&mut self, id: NodeId) -> Result<&mut Names, Fault> {
        match &mut self.nodes.get_mut(&id).ok_or(Fault::NotFound)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Fault::NotADirectory),
        }
    }

    /// What has this name in that directory.
    ///
    /// # Errors
    /// If nothing has it.
    pub fn lookup(&self, parent: NodeId, name: &OsStr) -> Result<NodeId, Fault> {
        self.names(parent)?.get(name).ok_or(Fault::NotFound)
    }

    /// Size, kind and permissions.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn attributes(&self, id: NodeId) -> Result<Attributes, Fault> {
        let node = self.node(id)?;
        let (size, is_directory) = match &node.kind {
            Kind::File(file) => (file.content().len() as u64, false),
            Kind::Directory(_) => (0, true),
        };
        Ok(Attributes { node: id, size, is_directory, mode: node.mode })
    }

    /// Changes the permission bits; they survive as the node does.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn set_mode(&mut self, id: NodeId, mode: u16) -> Result<(), Fault> {
        self.nodes.get_mut(&id).ok_or(Fault::NotFound)?.mode = mode;
        Ok(())
    }

    /// A new empty file.
    ///
    /// # Errors
    /// If the name is taken or the parent is no directory.
    pub fn create(&mut self, parent: NodeId, name: &OsStr, mode: u16) -> Result<NodeId, Fault> {
        self.add(parent, name, Node { mode, kind: Kind::File(File::default()) })
    }

    /// A new empty directory.
    ///
    /// # Errors
    /// If the name is taken or the parent is no directory.
    pub fn make_directory(&mut self, parent: NodeId, name: &OsStr, mode: u16) -> Result<NodeId, Fault> {
        self.add(parent, name, Node { mode, kind: Kind::Directory(Names::default()) })
    }

    fn add(&mut self, parent: NodeId, name: &OsStr, node: Node) -> Result<NodeId, Fault> {
        if self.names(parent)?.get(name).is_some() {
            return Err(Fault::Exists);
        }
        let id = NodeId(self.next_node);
        self.next_node += 1;
        self.nodes.insert(id, node);
        let at = self.name_changed();
        self.names_mut(parent)?.add(at, name, id);
        Ok(id)
    }

    fn name_changed(&mut self) -> Mark {
        self.name_changes += 1;
        Mark(self.name_changes - 1)
    }

    /// Takes a file's name away; who has the file open keeps it.
    ///
    /// # Errors
    /// If it is a directory or not there.
    pub fn unlink(&mut self, parent: NodeId, name: &OsStr) -> Result<(), Fault> {
        let id = self.lookup(parent, name)?;
        self.file(id)?;
        let at = self.name_changed();
        self.names_mut(parent)?.remove(at, name);
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// If it is not empty, no directory or not there.
    pub fn remove_directory(&mut self, parent: NodeId, name: &OsStr) -> Result<(), Fault> {
        let id = self.lookup(parent, name)?;
        if !self.names(id)?.is_empty() {
            return Err(Fault::NotEmpty);
        }
        let at = self.name_changed();
        self.names_mut(parent)?.remove(at, name);
        Ok(())
    }

    /// Renames; a file that has the new name is replaced unless `keep_target`. Between two directories it is two changes,
    /// of which one may survive alone.
    ///
    /// # Errors
    /// If there is nothing to rename, or the target may not be replaced.
    pub fn rename(&mut self, parent: NodeId, name: &OsStr, to: (NodeId, &OsStr), keep_target: bool) -> Result<(), Fault> {
        let id = self.lookup(parent, name)?;
        if let Some(target) = self.names(to.0)?.get(to.1) {
            match (&self.node(id)?.kind, &self.node(target)?.kind) {
                _ if keep_target => return Err(Fault::Exists),
                _ if target == id => return Ok(()),
                (Kind::File(_), Kind::Directory(_)) => return Err(Fault::IsADirectory),
                (Kind::Directory(_), Kind::File(_)) => return Err(Fault::NotADirectory),
                (Kind::Directory(_), Kind::Directory(names)) if !names.is_empty() => return Err(Fault::NotEmpty),
                _ => {}
            }
        }
        let at = self.name_changed();
        if parent == to.0 {
            self.names_mut(parent)?.rename(at, name, to.1, id);
        } else {
            self.names_mut(to.0)?.add(at, to.1, id);
            let at = self.name_changed();
            self.names_mut(parent)?.remove(at, name);
        }
        Ok(())
    }

    /// What a reader sees from `offset` on, at most `len` bytes.
    ///
    /// # Errors
    /// If it is no file.
    pub fn read(&self, id: NodeId, offset: u64, len: usize) -> Result<&[u8], Fault> {
        let content = self.file(id)?.content();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        Ok(&content[from..from.saturating_add(len).min(content.len())])
    }

    /// Writes to a file.
    ///
    /// # Errors
    /// If it is none.
    pub fn write(&mut self, id: NodeId, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.file_mut(id)?.write(offset, bytes);
        Ok(())
    }

    /// Cuts or extends a file.
    ///
    /// # Errors
    /// If it is none.
    pub fn resize(&mut self, id: NodeId, size: u64) -> Result<(), Fault> {
        self.file_mut(id)?.resize(size);
        Ok(())
    }

    /// A sync of this file or directory begins.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn begin_sync(&self, id: NodeId) -> Result<(Mark, Mark), Fault> {
        let content = match &self.node(id)?.kind {
            Kind::File(file) => file.mark(),
            Kind::Directory(_) => Mark(0),
        };
        Ok((content, Mark(self.name_changes)))
    }

    /// The sync that began with these marks has succeeded.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn synced(&mut self, id: NodeId, (content, names): (Mark, Mark)) -> Result<(), Fault> {
        match &mut self.nodes.get_mut(&id).ok_or(Fault::NotFound)?.kind {
            Kind::File(file) => file.synced(content),
            Kind::Directory(own) => own.synced(names),
        }
        if self.order == Order::Journaled {
            for node in self.nodes.values_mut() {
                if let Kind::Directory(each) = &mut node.kind {
                    each.synced(names);
                }
            }
        }
        Ok(())
    }

    /// The sync that began with these marks has failed; a file's pages are forgotten, a directory's names are not durable.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn sync_failed(&mut self, id: NodeId, (content, _): (Mark, Mark)) -> Result<(), Fault> {
        if let Kind::File(file) = &mut self.nodes.get_mut(&id).ok_or(Fault::NotFound)?.kind {
            file.dropped(content);
        }
        Ok(())
    }

    /// Bytes of all files that have a name.
    pub fn used_bytes(&self) -> u64 {
        self.named(Media::ROOT).map(|file| file.content().len() as u64).sum()
    }

    /// Bytes written to files that have a name, and not durable.
    pub fn at_risk_bytes(&self) -> u64 {
        self.named(Media::ROOT).map(File::at_risk_bytes).sum()
    }

    fn named(&self, directory: NodeId) -> Box<dyn Iterator<Item = &File> + '_> {
        let Ok(names) = self.names(directory) else { return Box::new(std::iter::empty()) };
        Box::new(names.iter().flat_map(move |(_, id)| match self.nodes.get(&id).map(|node| &node.kind) {
            Some(Kind::File(file)) => Box::new(std::iter::once(file)) as Box<dyn Iterator<Item = &File>>,
            Some(Kind::Directory(_)) => self.named(id),
            None => Box::new(std::iter::empty()),
        }))
    }

    /// The disk after a loss of power: everything on it is durable. The same seed leaves the same disk.
    pub fn survivor(&self, seed: u64) -> Media {
        let mut rng = Rng::new(seed);
        let oldest = |node: &Node| if let Kind::Directory(names) = &node.kind { names.oldest_pending() } else { None };
        let oldest = self.nodes.values().filter_map(oldest).map(|mark| mark.0).min().unwrap_or(self.name_changes);
        let cut = Mark(oldest + rng.below(self.name_changes - oldest + 1));
        let mut left = Media::new(self.order);
        left.next_node = self.next_node;
        self.keep(Media::ROOT, cut, &mut rng, &mut left);
        left
    }

    fn keep(&self, id: NodeId, cut: Mark, rng: &mut Rng, left: &mut Media) {
        let Some(node) = self.nodes.get(&id) else { return };
        let kind = match &node.kind {
            Kind::File(file) => Kind::File(File::durable(file.survivor(rng))),
            Kind::Directory(names) => {
                let names = match self.order {
                    Order::Independent => names.independent_survivor(rng),
                    Order::Journaled => names.journaled_survivor(cut),
                };
                for child in names.values() {
                    if !left.nodes.contains_key(child) {
                        self.keep(*child, cut, rng, left);
                    }
                }
                Kind::Directory(Names::durable(names))
            }
        };
        left.nodes.insert(id, Node { mode: node.mode, kind });
    }

    /// Copies what a reader sees into a plain directory.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn export(&self, target: &Path) -> io::Result<()> {
        self.export_node(Media::ROOT, target)
    }

    fn export_node(&self, id: NodeId, target: &Path) -> io::Result<()> {
        match &self.nodes[&id].kind {
            Kind::File(file) => fs::write(target, file.content()),
            Kind::Directory(names) => {
                fs::create_dir_all(target)?;
                names.iter().try_for_each(|(name, child)| self.export_node(child, &target.join(name)))
            }
        }
    }

    /// A disk that holds what is in a plain directory, all of it durable.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn import(source: &Path, order: Order) -> io::Result<Media> {
        let mut media = Media::new(order);
        media.import_into(Media::ROOT, source)?;
        Ok(media)
    }

    fn import_into(&mut self, directory: NodeId, source: &Path) -> io::Result<()> {
        let mut names: BTreeMap<OsString, NodeId> = BTreeMap::new();
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            let id = NodeId(self.next_node);
            self.next_node += 1;
            names.insert(entry.file_name(), id);
            if entry.file_type()?.is_dir() {
                self.import_into(id, &entry.path())?;
            } else {
                let file = File::durable(fs::read(entry.path())?);
                self.nodes.insert(id, Node { mode: 0o644, kind: Kind::File(file) });
            }
        }
        self.nodes.insert(directory, Node { mode: 0o755, kind: Kind::Directory(Names::durable(names)) });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(media: &mut Media, name: &str, bytes: &[u8], sync: bool) -> NodeId {
        let node = media.create(Media::ROOT, OsStr::new(name), 0o644).unwrap();
        media.write(node, 0, bytes).unwrap();
        if sync {
            media.synced(node, media.begin_sync(node).unwrap()).unwrap();
        }
        node
    }

    fn sync_names(media: &mut Media) {
        media.synced(Media::ROOT, media.begin_sync(Media::ROOT).unwrap()).unwrap();
    }

    fn found(media: &Media, name: &str) -> Option<Vec<u8>> {
        let node = media.lookup(Media::ROOT, OsStr::new(name)).ok()?;
        Some(media.read(node, 0, usize::MAX).unwrap().to_vec())
    }

    fn losses(media: &Media, name: &str) -> std::collections::BTreeSet<Option<Vec<u8>>> {
        (0..300).map(|seed| found(&media.survivor(seed), name)).collect()
    }

    #[test]
    fn a_synced_file_needs_its_directory_synced_too() {
        let mut media = Media::new(Order::Independent);
        write(&mut media, "a", b"bytes", true);
        assert_eq!(losses(&media, "a"), [None, Some(b"bytes".to_vec())].into());
        sync_names(&mut media);
        assert_eq!(losses(&media, "a"), [Some(b"bytes".to_vec())].into());
    }

    #[test]
    fn a_journal_makes_names_durable_with_any_fsync() {
        let mut media = Media::new(Order::Journaled);
        write(&mut media, "a", b"bytes", true);
        assert_eq!(losses(&media, "a"), [Some(b"bytes".to_vec())].into());
    }

    #[test]
    fn a_file_renamed_before_its_fsync_may_be_empty_under_its_final_name() {
        let mut media = Media::new(Order::Independent);
        write(&mut media, "manifest", b"old", true);
        sync_names(&mut media);
        write(&mut media, "temp", b"new", false);
        media.rename(Media::ROOT, OsStr::new("temp"), (Media::ROOT, OsStr::new("manifest")), false).unwrap();
        let left = losses(&media, "manifest");
        assert!(left.contains(&Some(b"old".to_vec())) && left.contains(&Some(vec![])), "{left:?}");
        assert!(left.iter().all(|bytes| bytes.is_some()), "a name that is replaced is never without a file");
    }

    #[test]
    fn a_directory_that_was_not_made_durable_takes_its_files_with_it() {
        let mut media = Media::new(Order::Independent);
        let directory = media.make_directory(Media::ROOT, OsStr::new("logs"), 0o755).unwrap();
        let node = media.create(directory, OsStr::new("a"), 0o644).unwrap();
        media.synced(directory, media.begin_sync(directory).unwrap()).unwrap();
        media.synced(node, media.begin_sync(node).unwrap()).unwrap();
        let kept = (0..100).filter(|seed| media.survivor(*seed).lookup(Media::ROOT, OsStr::new("logs")).is_ok()).count();
        assert!((10..90).contains(&kept), "{kept}");
        sync_names(&mut media);
        for seed in 0..100 {
            let left = media.survivor(seed);
            let logs = left.lookup(Media::ROOT, OsStr::new("logs")).unwrap();
            left.lookup(logs, OsStr::new("a")).unwrap();
        }
    }

    #[test]
    fn the_same_seed_leaves_the_same_disk_and_a_survivor_loses_nothing_more() {
        let mut media = Media::new(Order::Independent);
        for n in 0..8 {
            write(&mut media, &format!("f{n}"), &[n + 1; 2_000], n % 3 == 0);
        }
        for seed in 0..50 {
            let (one, other) = (media.survivor(seed), media.survivor(seed));
            let again = one.survivor(seed + 1);
            for n in 0..8 {
                let name = format!("f{n}");
                assert_eq!(found(&one, &name), found(&other, &name));
                assert_eq!(found(&one, &name), found(&again, &name));
            }
        }
    }

    #[test]
    fn a_disk_is_exported_and_imported_whole() {
        let mut media = Media::new(Order::Independent);
        let directory = media.make_directory(Media::ROOT, OsStr::new("logs"), 0o755).unwrap();
        let node = media.create(directory, OsStr::new("a"), 0o644).unwrap();
        media.write(node, 0, b"bytes").unwrap();
        let plain = tempfile::tempdir().unwrap();
        media.export(plain.path()).unwrap();
        let copy = Media::import(plain.path(), Order::Independent).unwrap();
        let logs = copy.survivor(1).lookup(Media::ROOT, OsStr::new("logs")).unwrap();
        let file = copy.lookup(logs, OsStr::new("a")).unwrap();
        assert_eq!(copy.read(file, 0, 100).unwrap(), b"bytes");
    }
}
