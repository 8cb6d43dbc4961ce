//! What two servers' descriptions of a stream (`XINFO`) have in common when the streams are the same.
//!
//! Left out are times of consumers and the shape of Redis's tree, and consumers for whom nothing is pending: up to 7.0 a
//! claim that claims nothing makes no consumer, from 7.2 on it does. Times of deliveries stay, and may lie apart.

use crate::value::Value;

const LEFT_OUT: &[&[u8]] = &[b"seen-time", b"active-time", b"idle", b"inactive", b"radix-tree-nodes"];

/// Numbers from here on are times, Unix milliseconds.
const FIRST_TIME_MS: i64 = 1_000_000_000_000;

/// The description without what may differ; maps as flat arrays.
pub fn comparable(info: &Value) -> Value {
    let flat = match info {
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect(),
        Value::Array(items) => items.clone(),
        Value::Null | Value::NullArray => return Value::NullBulk,
        other => return other.clone(),
    };
    let is_map = flat.first().and_then(Value::as_bytes).is_some_and(|key| key == b"name" || key == b"length");
    if !is_map {
        let items = flat.iter().filter(|item| !is_idle_consumer(item));
        return Value::Array(items.map(comparable).collect());
    }
    let pairs = flat.chunks_exact(2).filter(|pair| {
        let key = pair[0].as_bytes().unwrap_or_default();
        // A number of consumers counts the idle ones.
        !(LEFT_OUT.contains(&key) || key == b"consumers" && pair[1].as_int().is_some())
    });
    Value::Array(pairs.flat_map(|pair| [pair[0].clone(), comparable(&pair[1])]).collect())
}

/// A consumer has no `last-delivered-id`, which tells it from a group.
fn is_idle_consumer(item: &Value) -> bool {
    let nothing = |key: &str| item.get(key) == Some(Value::Int(0));
    item.get("name").is_some() && item.get("last-delivered-id").is_none() && (nothing("pel-count") || nothing("pending"))
}

/// Whether two replies are the same but for times, which may lie so far apart.
pub fn same_within(one: &Value, other: &Value, tolerance_ms: i64) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_within(one, other, tolerance_ms))
        }
        (Value::Int(one), Value::Int(other)) if *one >= FIRST_TIME_MS && *other >= FIRST_TIME_MS => {
            one.abs_diff(*other) <= tolerance_ms.unsigned_abs()
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, Value)]) -> Value {
        Value::Array(pairs.iter().flat_map(|(key, value)| [Value::bulk(key), value.clone()]).collect())
    }

    fn stream(delivered_ms: i64, seen_ms: i64, idle_consumers: usize) -> Value {
        let consumer = |name: &str, pending: Vec<Value>| {
            let count = Value::Int(pending.len() as i64);
            let times = [("seen-time", Value::Int(seen_ms)), ("pel-count", count), ("pending", Value::Array(pending))];
            pairs(&[&[("name", Value::bulk(name))], &times[..]].concat())
        };
        let entry = Value::Array(vec![Value::bulk("1-1"), Value::Int(delivered_ms), Value::Int(1)]);
        let mut consumers = vec![consumer("busy", vec![entry])];
        consumers.extend((0..idle_consumers).map(|n| consumer(&format!("idle{n}"), vec![])));
        let group = pairs(&[("name", Value::bulk("g")), ("last-delivered-id", Value::bulk("1-1")), ("consumers", Value::Array(consumers))]);
        pairs(&[("length", Value::Int(1)), ("radix-tree-nodes", Value::Int(seen_ms)), ("groups", Value::Array(vec![group]))])
    }

    #[test]
    fn only_what_may_differ_is_left_out() {
        let now = 1_700_000_000_000;
        let same = |a: &Value, b: &Value| same_within(&comparable(a), &comparable(b), 5);
        assert!(same(&stream(now, now, 0), &stream(now + 5, now + 999, 2)));
        assert!(!same(&stream(now, now, 0), &stream(now + 6, now, 0)));
        assert_ne!(comparable(&stream(now, now, 0)), comparable(&stream(now, now, 0).elements().unwrap()[0]));
    }
}
