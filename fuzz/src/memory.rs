//! A directory in memory, for running recovery on files that never were.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard};

use graven_aof::{File, LockError, OpenMode, Storage};

type Content = Arc<Mutex<Vec<u8>>>;

/// Files by path, and directories, which may be empty.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    files: Mutex<BTreeMap<String, Content>>,
    dirs: Mutex<BTreeSet<String>>,
}

/// A file of a [`MemoryStorage`]; it stays readable when its name is gone, as on Unix.
#[derive(Debug)]
pub struct MemoryFile(Content);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl MemoryStorage {
    /// Creates or replaces a file.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        held(&self.files).insert(path.to_owned(), Arc::new(Mutex::new(bytes.to_vec())));
        if let Some((dir, _)) = path.rsplit_once('/') {
            held(&self.dirs).insert(dir.to_owned());
        }
    }
}

impl Storage for MemoryStorage {
    type File = MemoryFile;
    type Lock = ();

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let files = held(&self.files);
        let mut names: Vec<String> = files.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect();
        names.iter_mut().for_each(|name| name.truncate(name.find('/').unwrap_or(name.len())));
        names.dedup();
        if dir.is_empty() || held(&self.dirs).contains(dir) { Ok(names) } else { Err(not_found()) }
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        held(&self.dirs).insert(dir.to_owned());
        Ok(())
    }

    fn open(&self, path: &str, mode: OpenMode) -> io::Result<MemoryFile> {
        let mut files = held(&self.files);
        match (files.get(path), mode) {
            (Some(_), OpenMode::CreateNew) => Err(io::ErrorKind::AlreadyExists.into()),
            (Some(content), _) => Ok(MemoryFile(content.clone())),
            (None, OpenMode::CreateNew) => Ok(MemoryFile(files.entry(path.to_owned()).or_default().clone())),
            (None, _) => Err(not_found()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = held(&self.files);
        let content = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        held(&self.files).remove(path).map(drop).ok_or_else(not_found)
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &str) -> Result<(), LockError> {
        Ok(())
    }

    fn display(&self, path: &str) -> String {
        path.to_owned()
    }
}

impl File for MemoryFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut content = held(&self.0);
        let start = (offset as usize).min(content.len());
        let rest = content.split_off(start);
        parts.iter().for_each(|part| content.extend_from_slice(part));
        let written = parts.iter().map(|part| part.len()).sum();
        content.extend_from_slice(rest.get(written..).unwrap_or_default());
        Ok(written)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = held(&self.0);
        let rest = content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn begin_sync(&self, _offset: u64, _bytes: u64) {}

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        held(&self.0).truncate(bytes as usize);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(held(&self.0).len() as u64)
    }
}
