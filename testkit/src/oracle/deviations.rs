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
        reason: "`+` as the identifier from which XREAD goes on came with 7.4",
        applies: |args, redis, _| {
            let reads = args[0].eq_ignore_ascii_case(b"XREAD") || args[0].eq_ignore_ascii_case(b"XREADGROUP");
            let invalid = redis.error_text().is_some_and(|text| text.starts_with("ERR Invalid stream ID"));
            reads && invalid && args.iter().any(|arg| arg == b"+")
        },
    },
    Deviation {
        reason: "from 7.2 on reading and claiming make the consumer also if there is nothing for it, so it may exist already",
        applies: |args, redis, tested| {
            let created = args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(b"CREATECONSUMER"));
            created && (redis, tested) == (&Value::Int(1), &Value::Int(0))
        },
    },
    Deviation {
        reason: "7.0 says XREAD and `$` also where XREADGROUP and `>` are meant, 7.2 names the command",
        applies: |_, redis, tested| {
            let unbalanced = |value: &Value| value.error_text().is_some_and(|text| text.starts_with("ERR Unbalanced "));
            unbalanced(redis) && unbalanced(tested)
        },
    },
    Deviation {
        reason: "7.0 prints the doubles of replies with 17 digits, 7.2 with as few as read back the same",
        applies: |args, redis, tested| {
            let name = args[0].to_ascii_uppercase();
            (name.starts_with(b"Z") || name.starts_with(b"BZ")) && same_doubles(redis, tested)
        },
    },
    Deviation {
        reason: "since 7.2 a short list is a listpack; before, every list was a quicklist",
        applies: |args, redis, tested| {
            is_object(args, b"ENCODING") && *redis == Value::bulk("quicklist") && *tested == Value::bulk("listpack")
        },
    },
    Deviation {
        reason: "since 7.2 a timeout that does not fit 64 bits is called what it is; before, it had become a negative number",
        applies: |_, redis, tested| {
            *redis == Value::error("ERR timeout is negative") && *tested == Value::error("ERR timeout is out of range")
        },
    },
    Deviation {
        reason: "since 7.2 LPOS refuses a rank whose opposite does not exist; before, it was negated all the same",
        applies: |args, _, tested| {
            let refused = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
            args[0].eq_ignore_ascii_case(b"LPOS") && *tested == Value::error(refused)
        },
    },
    Deviation {
        reason: "since 7.2 small sets that are not all integers are listpacks; before, they were hash tables",
        applies: |args, redis, tested| {
            is_object(args, b"ENCODING") && *redis == Value::bulk("hashtable") && *tested == Value::bulk("listpack")
        },
    },
    Deviation {
        reason: "since 7.2 small sets that are not all integers are listpacks, which SSCAN returns as a whole, in their order",
        applies: |args, redis, tested| {
            let [Some(part), Some(whole)] = [redis, tested].map(|reply| reply.elements()?.get(1)?.elements()) else { return false };
            let ended = tested.elements().and_then(|reply| reply[0].as_bytes()) == Some(b"0");
            args[0].eq_ignore_ascii_case(b"SSCAN") && ended && part.iter().all(|member| whole.contains(member))
        },
    },
    Deviation {
        reason: "Redis shares the objects of small integers, but not in every command (COPY makes one of its own), and a queued \
             command still holds its arguments; there are no shared objects to count here",
        applies: |args, redis, tested| is_object(args, b"REFCOUNT") && matches!((redis, tested), (Value::Int(1..), Value::Int(1..))),
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

fn is_object(args: &[Vec<u8>], subcommand: &[u8]) -> bool {
    args[0].eq_ignore_ascii_case(b"OBJECT") && args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(subcommand))
}
