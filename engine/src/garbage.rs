//! What was removed and is worth dropping elsewhere.

use graven_store::{Entry, Table};

/// Memory that somebody with time on their hands should give back.
#[allow(clippy::large_enum_variant)] // a handful exist at any time, and entries must not be boxed on their way
pub enum Garbage {
    /// A large value.
    Entry(Entry),
    /// The old content of a flushed database.
    Table(Table),
}

impl Garbage {
    /// Bytes that are free once it is dropped, roughly.
    pub fn memory_usage(&self) -> u64 {
        let bytes = match self {
            Garbage::Entry(entry) => entry.memory_usage(),
            Garbage::Table(table) => table.memory_usage(),
        };
        bytes as u64
    }
}
