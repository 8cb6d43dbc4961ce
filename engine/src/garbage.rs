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
