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
pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        reason: "7.0 prints the doubles of replies with 17 digits, 7.2 with as few as read back the same",
        applies: |args, redis, tested| {
            let name = args[0].to_ascii_uppercase();
            (name.starts_with(b"Z") || name.starts_with(b"BZ")) && same_doubles(redis, tested)
        },
    },
    Deviation {
        reason: "Redis shares the objects of small integers, but not in every command (COPY makes one of its own), and a queued \
             command still holds its arguments; there are no shared objects to count here",
        applies: |args, redis, tested| {
            let refcount = args[0].eq_ignore_ascii_case(b"OBJECT") && args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(b"REFCOUNT"));
            refcount && matches!((redis, tested), (Value::Int(1..), Value::Int(1..)))
        },
    },
];

/// Whether two replies differ only in how they write the same doubles.
fn same_doubles(redis: &Value, tested: &Value) -> bool {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    match (redis, tested) {
        (Value::Bulk(one), Value::Bulk(other)) | (Value::Double(one), Value::Double(other)) => {
            let exactly = |text| number(text).map(f64::to_bits);
            one == other || exactly(one).is_some() && exactly(one) == exactly(other)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_doubles(one, other))
        }
        _ => redis == tested,
    }
}
