//! Where the server under test rightly differs from the oracle.
//!
//! The oracle is Redis 7.0; Graven speaks 7.2. Every entry names the reason; an entry without one is a bug.

use crate::value::Value;

/// A difference that is meant.
#[derive(Debug)]
pub struct Deviation {
    /// Why the replies may differ.
    pub reason: &'static str,
    /// Whether this command with these replies (Redis's, then the other's) is the case.
    pub applies: fn(&[Vec<u8>], &Value, &Value) -> bool,
}

/// All differences that are meant.
pub const DEVIATIONS: &[Deviation] = &[];
