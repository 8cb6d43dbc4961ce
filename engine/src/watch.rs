//! `WATCH`: has a key changed since?
//!
//! Each watched key has a version, which every change of the key raises. A session remembers the version it
//! saw; at `EXEC` the two are compared. No session is ever looked up when a key changes, and while nobody
//! watches anything a change costs one comparison.

use hashbrown::HashMap;

struct Version {
    version: u64,
    watchers: usize,
}

/// Versions of all watched keys.
#[derive(Default)]
pub(crate) struct Watches {
    keys: HashMap<(usize, Box<[u8]>), Version, std::hash::RandomState>,
    changes: u64,
}

impl Watches {
    /// Whether any key is watched.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys are watched.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Begins to watch; returns the version.
    pub(crate) fn watch(&mut self, db: usize, key: &[u8]) -> u64 {
        let entry = self.keys.entry((db, key.into())).or_insert(Version { version: 0, watchers: 0 });
        entry.watchers += 1;
        entry.version
    }

    /// Ends one watch of a key.
    pub(crate) fn unwatch(&mut self, db: usize, key: Box<[u8]>) {
        if let hashbrown::hash_map::Entry::Occupied(mut entry) = self.keys.entry((db, key)) {
            entry.get_mut().watchers -= 1;
            if entry.get().watchers == 0 {
                entry.remove();
            }
        }
    }

    /// The version of a watched key.
    pub(crate) fn version(&self, db: usize, key: &[u8]) -> Option<u64> {
        self.keys.get(&(db, Box::from(key))).map(|v| v.version)
    }

    /// A key has changed.
    #[cold]
    pub(crate) fn touch(&mut self, db: usize, key: &[u8]) {
        self.changes += 1;
        let changes = self.changes;
        if let Some(entry) = self.keys.get_mut(&(db, Box::from(key))) {
            entry.version = changes;
        }
    }

    /// All keys of a database for which `changed` holds have changed.
    pub(crate) fn touch_db(&mut self, db: usize, mut changed: impl FnMut(&[u8]) -> bool) {
        self.changes += 1;
        for ((_, key), entry) in self.keys.iter_mut().filter(|((d, _), _)| *d == db) {
            if changed(key) {
                entry.version = self.changes;
            }
        }
    }
}
