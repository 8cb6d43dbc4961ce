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
pub const DEVIATIONS: &[Deviation] = &[Deviation {
    reason: "Redis shares the objects of small integers, but not in every command (COPY makes one of its own), and a queued \
             command still holds its arguments; there are no shared objects to count here",
    applies: |args, redis, tested| {
        let refcount = args[0].eq_ignore_ascii_case(b"OBJECT") && args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(b"REFCOUNT"));
        refcount && matches!((redis, tested), (Value::Int(1..), Value::Int(1..)))
    },
}];
