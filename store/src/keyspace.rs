//! All databases, and the hash they share.

use crate::hasher::{Hasher, Key};
use crate::table::Table;

/// The numbered databases of one server.
pub struct Keyspace {
    databases: Vec<Table>,
    hasher: Hasher,
}

impl Keyspace {
    /// `databases` empty databases, hashing under `seed` (which should be random and secret).
    pub fn new(databases: usize, seed: [u8; 16]) -> Self {
        let hasher = Hasher::new(seed);
        Keyspace { databases: (0..databases).map(|_| Table::new(hasher)).collect(), hasher }
    }

    /// What keys are hashed with, and fields and members too.
    #[inline]
    pub fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// The hash of a key, the same in every database.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash(bytes)
    }

    /// A key with its hash.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        self.hasher.key(bytes)
    }

    /// Database `index`; panics if there is none.
    #[inline]
    pub fn db(&self, index: usize) -> &Table {
        &self.databases[index]
    }

    /// Database `index`; panics if there is none.
    #[inline]
    pub fn db_mut(&mut self, index: usize) -> &mut Table {
        &mut self.databases[index]
    }

    /// How many databases there are.
    #[inline]
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// Exchanges the contents of two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }

    /// Two different databases at once; panics if they are the same or one does not exist.
    pub fn two_dbs(&mut self, a: usize, b: usize) -> (&mut Table, &mut Table) {
        let [a, b] = self.databases.get_disjoint_mut([a, b]).expect("two different existing databases");
        (a, b)
    }
}
