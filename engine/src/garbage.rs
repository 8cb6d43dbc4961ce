//! What was removed and is worth dropping elsewhere.

use graven_store::{Db, Entry};

/// Memory that somebody with time on their hands should give back.
pub enum Garbage {
    /// A large value.
    Entry(Entry),
    /// The old content of a flushed database.
    Db(Db),
}
