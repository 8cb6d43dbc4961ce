//! When two replies count as the same.
//!
//! Byte for byte, except where a reply depends on the clock, on chance, on an order that no server promises, or on the
//! server itself; and except for the differences that [`super::DEVIATIONS`] lists with their reasons.

use super::deviations;
use crate::stream_info::{comparable, same_within};
use crate::value::Value;

/// Seconds by which the remaining time of a key may differ.
const SECONDS: u64 = 5;

/// Commands whose replies are sets: arrays in no particular order.
const UNORDERED: &[&str] = &["HKEYS", "HVALS", "KEYS", "SDIFF", "SINTER", "SMEMBERS", "SPOP", "SRANDMEMBER", "SUNION"];

/// Commands whose replies are maps, also where RESP2 makes flat arrays of them.
const UNORDERED_PAIRS: &[&str] = &["HGETALL"];

/// Commands that go through one collection step by step.
const COLLECTION_SCANS: &[&str] = &["HSCAN", "SSCAN", "ZSCAN"];

/// Commands whose replies depend on chance: only their type is compared.
const CHANCE: &[&str] = &["TIME", "RANDOMKEY", "ROLE"];

/// Whether the two replies to this command agree. `queued` are the commands that an `EXEC` runs.
pub fn agree(args: &[Vec<u8>], queued: &[Vec<Vec<u8>>], redis: &Value, tested: &Value) -> bool {
    if redis == tested {
        return true;
    }
    let name = args[0].to_ascii_uppercase();
    if name == b"EXEC"
        && let (Value::Array(one), Value::Array(other)) = (redis, tested)
    {
        let count = queued.len();
        let replies = one.iter().zip(other);
        return one.len() == count
            && other.len() == count
            && queued.iter().zip(replies).all(|(args, (one, other))| agree(args, &[], one, other));
    }
    // The cursor of a collection's scan comes after the key.
    let sub_at = if is_one_of(COLLECTION_SCANS, &name) { 2 } else { 1 };
    let sub = args.get(sub_at).map(|arg| arg.to_ascii_uppercase()).unwrap_or_default();
    if name == b"HRANDFIELD" && random_fields_agree(args, redis, tested) {
        return true;
    }
    same_but_for_chance(&name, &sub, redis, tested) || deviations::DEVIATIONS.iter().any(|known| (known.applies)(args, redis, tested))
}

fn same_but_for_chance(name: &[u8], sub: &[u8], redis: &Value, tested: &Value) -> bool {
    match (name, sub) {
        (b"TTL" | b"EXPIRETIME", _) => within(redis, tested, SECONDS),
        (b"PTTL" | b"PEXPIRETIME", _) => within(redis, tested, SECONDS * 1000),
        // A shared integer in Redis has been idle since it was made.
        (b"OBJECT", b"IDLETIME") => within(redis, tested, u64::MAX),
        _ if is_one_of(UNORDERED, name) => sorted(redis).is_some() && same_kind(redis, tested) && sorted(redis) == sorted(tested),
        _ if is_one_of(UNORDERED_PAIRS, name) => pairs_agree(redis, tested),
        _ if is_one_of(CHANCE, name) => same_kind(redis, tested),
        (b"HSCAN", b"0") => field_scans_agree(redis, tested),
        (b"SCAN" | b"SSCAN" | b"ZSCAN", b"0") => scans_agree(redis, tested),
        (b"ZRANDMEMBER", _) => same_shape(redis, tested),
        (b"XINFO", b"STREAM" | b"GROUPS" | b"CONSUMERS") => same_within(&comparable(redis), &comparable(tested), SECONDS as i64 * 1000),
        (b"XPENDING", _) => pending_agree(redis, tested),
        (b"HELLO", _) => greetings_agree(redis, tested),
        (b"CONFIG", b"GET") => pairs_agree(redis, tested),
        // Where a scan goes on, or begins at a cursor that was never handed out, is the server's own business.
        (b"SCAN" | b"SSCAN" | b"ZSCAN", _)
        | (b"CLIENT", b"ID" | b"LIST" | b"HELP")
        | (b"SLOWLOG", b"GET")
        | (b"COMMAND", b"" | b"INFO" | b"DOCS" | b"LIST")
        | (b"MEMORY" | b"SLOWLOG" | b"LATENCY" | b"DEBUG" | b"CONFIG" | b"OBJECT" | b"COMMAND", b"USAGE" | b"HELP") => {
            same_kind(redis, tested)
        }
        _ => false,
    }
}

fn is_one_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

fn within(redis: &Value, tested: &Value, most: u64) -> bool {
    match (redis, tested) {
        (Value::Int(one), Value::Int(other)) => *one >= 0 && *other >= 0 && one.abs_diff(*other) <= most,
        _ => false,
    }
}

fn sorted(value: &Value) -> Option<Vec<Value>> {
    let mut items = value.elements()?.to_vec();
    items.sort();
    Some(items)
}

/// Pending entries have been idle for about the same time.
fn pending_agree(redis: &Value, tested: &Value) -> bool {
    let same = |one: &Value, other: &Value| match (one.elements(), other.elements()) {
        (Some([id, consumer, idle, count]), Some([other_id, other_consumer, other_idle, other_count])) => {
            (id, consumer, count) == (other_id, other_consumer, other_count) && within(idle, other_idle, SECONDS * 1000)
        }
        _ => false,
    };
    match (redis.elements(), tested.elements()) {
        (Some(one), Some(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
        _ => false,
    }
}

/// How much of a table one call of a scan shows is the server's own business.
fn is_unfinished(cursor: &Value) -> bool {
    cursor.as_bytes().is_some_and(|cursor| cursor != b"0")
}

fn scans_agree(redis: &Value, tested: &Value) -> bool {
    match (redis.elements(), tested.elements()) {
        (Some([cursor, keys]), Some([other_cursor, other_keys])) => {
            is_unfinished(cursor) || is_unfinished(other_cursor) || sorted(keys).is_some() && sorted(keys) == sorted(other_keys)
        }
        _ => false,
    }
}

/// Scans that show fields with values.
fn field_scans_agree(redis: &Value, tested: &Value) -> bool {
    match (redis.elements(), tested.elements()) {
        (Some([cursor, fields]), Some([other_cursor, other_fields])) => {
            is_unfinished(cursor) || is_unfinished(other_cursor) || pairs_agree(fields, other_fields)
        }
        _ => false,
    }
}

/// `HRANDFIELD`: a positive count that takes all fields gives the same ones in some order; else only how many there are is compared.
fn random_fields_agree(args: &[Vec<u8>], redis: &Value, tested: &Value) -> bool {
    let (Some(one), Some(other)) = (redis.elements(), tested.elements()) else {
        return args.len() == 2 && same_kind(redis, tested);
    };
    let count = args.get(2).and_then(|count| std::str::from_utf8(count).ok()).and_then(|count| count.parse::<i64>().ok());
    let all = count.is_some_and(|count| count > one.len() as i64);
    let nested = |items: &[Value]| items.iter().all(|item| item.elements().is_some());
    let unordered = if args.len() == 4 && !nested(one) { pairs_agree(redis, tested) } else { sorted(redis) == sorted(tested) };
    one.len() == other.len() && nested(one) == nested(other) && (!all || unordered)
}

/// `HELLO` describes the server: its name, its version and the number of the connection are its own.
fn greetings_agree(redis: &Value, tested: &Value) -> bool {
    let own = |key: &Value| matches!(key.as_bytes(), Some(b"version" | b"id" | b"server"));
    let shared = |value: &Value| {
        let pairs = value.pairs()?;
        Some(pairs.into_iter().filter(|(key, _)| !own(key)).collect::<Vec<_>>())
    };
    let keys = |value: &Value| value.pairs().map(|pairs| pairs.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
    same_kind(redis, tested) && shared(redis).is_some() && shared(redis) == shared(tested) && keys(redis) == keys(tested)
}

fn pairs_agree(redis: &Value, tested: &Value) -> bool {
    let sorted_pairs = |value: &Value| {
        let mut pairs = value.pairs()?;
        pairs.sort();
        Some(pairs)
    };
    same_kind(redis, tested) && sorted_pairs(redis).is_some() && sorted_pairs(redis) == sorted_pairs(tested)
}

/// The same types of replies and as many of them, whatever they say.
fn same_shape(redis: &Value, tested: &Value) -> bool {
    match (redis, tested) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_shape(one, other))
        }
        _ => same_kind(redis, tested),
    }
}

/// The same type of reply, whatever it says; errors are never equal by kind alone.
fn same_kind(redis: &Value, tested: &Value) -> bool {
    !matches!(redis, Value::Error(_)) && std::mem::discriminant(redis) == std::mem::discriminant(tested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_wrong_reply_is_never_excused() {
        let key = Value::bulk("a");
        assert!(!agree(&args("GET k"), &[], &key, &Value::NullBulk));
        assert!(!agree(&args("TTL k"), &[], &Value::Int(-1), &Value::Int(1)));
        assert!(!agree(&args("TTL k"), &[], &Value::Int(100), &Value::Int(200)));
        assert!(!agree(&args("RANDOMKEY"), &[], &key, &Value::NullBulk));
        assert!(!agree(&args("TIME"), &[], &Value::error("ERR a"), &Value::error("ERR b")));
        assert!(!agree(&args("KEYS *"), &[], &Value::Array(vec![key]), &Value::Array(vec![])));
    }

    #[test]
    fn what_depends_on_clock_and_order_is_excused() {
        assert!(agree(&args("PTTL k"), &[], &Value::Int(100_000), &Value::Int(99_998)));
        let keys = |names: &[&str]| Value::Array(names.iter().map(Value::bulk).collect());
        assert!(agree(&args("KEYS *"), &[], &keys(&["a", "b"]), &keys(&["b", "a"])));
        let exec = |ms| Value::Array(vec![Value::Int(7), Value::Int(ms)]);
        let queued = [args("STRLEN k"), args("PTTL k")];
        assert!(agree(&args("EXEC"), &queued, &exec(100_000), &exec(100_003)));
        assert!(!agree(&args("EXEC"), &queued, &Value::Array(vec![Value::Int(7), Value::Int(1)]), &exec(-2)));
    }
}
