//! A canonical picture of everything a server holds, taken through its commands.
//!
//! Two servers with equal dumps hold the same databases, keys, types, values and deadlines, byte for byte; the order in
//! which a server lists keys, members and fields does not show.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail, ensure};

use crate::client::Client;
use crate::stream_info::{comparable, same_within};
use crate::value::{Value, printable};

/// What one key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As `TYPE` names it.
    pub kind: String,
    /// Milliseconds since 1970, or `None`.
    pub deadline_ms: Option<i64>,
    /// The content in canonical order.
    pub value: Vec<Value>,
}

/// All databases: (database, key) → entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dump(pub BTreeMap<(u32, Vec<u8>), Entry>);

const BATCH: usize = 500;

impl Dump {
    /// Reads everything. Keys must not change meanwhile.
    pub fn take(client: &mut Client) -> Result<Dump> {
        let mut entries = BTreeMap::new();
        let databases = client.cmd(&["CONFIG", "GET", "databases"])?.get("databases").and_then(|n| n.as_int()).unwrap_or(16);
        for database in 0..databases as u32 {
            ensure!(client.cmd(&["SELECT", &database.to_string()])?.is_ok(), "SELECT {database} failed");
            if client.cmd(&["DBSIZE"])? == Value::Int(0) {
                continue;
            }
            let keys = scan(client)?;
            for batch in keys.chunks(BATCH) {
                read_batch(client, database, batch, &mut entries)?;
            }
        }
        client.cmd(&["SELECT", "0"])?;
        Ok(Dump(entries))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line for each key.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(key, entry)| format!("{}: {}", name(key), show(entry))).collect()
    }

    /// What differs, one line a key, or `None`; deadlines may be apart by `tolerance_ms` (0 between runs of one log,
    /// some seconds between two servers that were given relative times one after the other).
    pub fn diff(&self, other: &Dump, tolerance_ms: i64) -> Option<String> {
        const SHOWN: usize = 20;
        let mut lines = Vec::new();
        for (key, entry) in &self.0 {
            match other.0.get(key) {
                None => lines.push(format!("- {}: {}", name(key), show(entry))),
                Some(there) if !same(entry, there, tolerance_ms) => {
                    lines.push(format!("~ {}: {} ≠ {}", name(key), show(entry), show(there)));
                }
                Some(_) => {}
            }
        }
        let added = other.0.iter().filter(|(key, _)| !self.0.contains_key(*key));
        lines.extend(added.map(|(key, entry)| format!("+ {}: {}", name(key), show(entry))));
        if lines.is_empty() {
            return None;
        }
        let mut text = format!("{} of {} keys differ (left -, right +)\n", lines.len(), self.len().max(other.len()));
        for line in lines.iter().take(SHOWN) {
            let _ = writeln!(text, "{line}");
        }
        if lines.len() > SHOWN {
            let _ = writeln!(text, "… and {} more", lines.len() - SHOWN);
        }
        Some(text)
    }
}

fn same(one: &Entry, other: &Entry, tolerance_ms: i64) -> bool {
    let deadlines = match (one.deadline_ms, other.deadline_ms) {
        (Some(a), Some(b)) => a.abs_diff(b) <= tolerance_ms.unsigned_abs(),
        (a, b) => a == b,
    };
    let values = match &*one.kind {
        "stream" => {
            one.value.len() == other.value.len() && one.value.iter().zip(&other.value).all(|(a, b)| same_within(a, b, tolerance_ms))
        }
        _ => one.value == other.value,
    };
    deadlines && one.kind == other.kind && values
}

fn name((database, key): &(u32, Vec<u8>)) -> String {
    format!("db{database} \"{}\"", printable(key))
}

fn show(entry: &Entry) -> String {
    let deadline = entry.deadline_ms.map(|ms| format!(" until {ms}")).unwrap_or_default();
    format!("{} {:?}{deadline}", entry.kind, entry.value)
}

/// All keys of the selected database.
fn scan(client: &mut Client) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    let mut cursor = b"0".to_vec();
    loop {
        let reply = client.cmd(&[&b"SCAN"[..], &cursor, b"COUNT", b"1000"])?;
        let Some([next, found]) = reply.elements() else { bail!("SCAN replied {reply:?}") };
        let found = found.elements().unwrap_or_default();
        keys.extend(found.iter().filter_map(|key| key.as_bytes()).map(<[u8]>::to_vec));
        cursor = next.as_bytes().unwrap_or_default().to_vec();
        if cursor == b"0" {
            keys.sort();
            keys.dedup();
            return Ok(keys);
        }
    }
}

fn read_batch(client: &mut Client, database: u32, keys: &[Vec<u8>], entries: &mut BTreeMap<(u32, Vec<u8>), Entry>) -> Result<()> {
    let ask: Vec<Vec<Vec<u8>>> =
        keys.iter().flat_map(|key| [vec![b"TYPE".to_vec(), key.clone()], vec![b"PEXPIRETIME".to_vec(), key.clone()]]).collect();
    let known = client.pipeline(&ask)?;
    let kinds: Vec<String> = known.iter().step_by(2).map(Value::text).collect();
    let mut reads = Vec::new();
    for (key, kind) in keys.iter().zip(&kinds) {
        reads.push(read_command(kind, key)?);
    }
    let mut values = client.pipeline(&reads)?;
    add_field_deadlines(client, keys, &kinds, &mut values)?;
    for (i, key) in keys.iter().enumerate() {
        if kinds[i] == "none" {
            continue;
        }
        let deadline_ms = match known[2 * i + 1] {
            Value::Int(ms) if ms >= 0 => Some(ms),
            Value::Int(-1) => None,
            ref other => bail!("PEXPIRETIME of \"{}\" replied {other:?}", printable(key)),
        };
        let value = canonical(&kinds[i], &values[i]);
        entries.insert((database, key.clone()), Entry { kind: kinds[i].clone(), deadline_ms, value });
    }
    Ok(())
}

/// Puts the deadline of each hash field that has one behind its value. Servers that know no such deadlines are not asked.
fn add_field_deadlines(client: &mut Client, keys: &[Vec<u8>], kinds: &[String], values: &mut [Value]) -> Result<()> {
    let hashes: Vec<usize> = (0..keys.len()).filter(|i| kinds[*i] == "hash").collect();
    let known = client.cmd(&["COMMAND", "INFO", "HPEXPIRETIME"])?;
    if hashes.is_empty() || known.elements().is_none_or(|commands| commands.iter().all(Value::is_null)) {
        return Ok(());
    }
    let fields = |value: &Value| value.pairs().unwrap_or_default();
    let ask = hashes.iter().map(|i| {
        let names: Vec<Vec<u8>> = fields(&values[*i]).iter().filter_map(|(name, _)| name.as_bytes().map(<[u8]>::to_vec)).collect();
        let count = names.len().to_string().into_bytes();
        [vec![b"HPEXPIRETIME".to_vec(), keys[*i].clone(), b"FIELDS".to_vec(), count], names].concat()
    });
    let ask: Vec<Vec<Vec<u8>>> = ask.collect();
    for (i, deadlines) in hashes.iter().zip(client.pipeline(&ask)?) {
        let deadlines = deadlines.elements().unwrap_or_default();
        let with_deadline = |((name, value), deadline): ((Value, Value), &Value)| match deadline {
            Value::Int(ms @ 0..) => [name, Value::Array(vec![value, Value::Int(*ms)])],
            _ => [name, value],
        };
        values[*i] = Value::Array(fields(&values[*i]).into_iter().zip(deadlines).flat_map(with_deadline).collect());
    }
    Ok(())
}

fn read_command(kind: &str, key: &[u8]) -> Result<Vec<Vec<u8>>> {
    let words: &[&[u8]] = match kind {
        "string" | "none" => &[b"GET", b""],
        "list" => &[b"LRANGE", b"", b"0", b"-1"],
        "set" => &[b"SMEMBERS", b""],
        "hash" => &[b"HGETALL", b""],
        "zset" => &[b"ZRANGE", b"", b"0", b"-1", b"WITHSCORES"],
        "stream" => &[b"XINFO", b"STREAM", b"", b"FULL", b"COUNT", b"0"],
        other => bail!("the dump does not know the type {other}"),
    };
    Ok(words.iter().map(|word| if word.is_empty() { key.to_vec() } else { word.to_vec() }).collect())
}

/// Servers write the same double with more or fewer digits.
fn write_as_shortest(score: &mut Value) {
    if let Ok(number) = score.text().parse::<f64>() {
        *score = Value::bulk(format!("{number:?}"));
    }
}

fn canonical(kind: &str, reply: &Value) -> Vec<Value> {
    match kind {
        "set" => {
            let mut members = reply.elements().unwrap_or_default().to_vec();
            members.sort();
            members
        }
        "hash" => {
            let mut fields = reply.pairs().unwrap_or_default();
            fields.sort();
            fields.into_iter().flat_map(|(field, value)| [field, value]).collect()
        }
        "list" => reply.elements().unwrap_or_default().to_vec(),
        "zset" => {
            let mut items = reply.elements().unwrap_or_default().to_vec();
            items.iter_mut().skip(1).step_by(2).for_each(write_as_shortest);
            items
        }
        "stream" => vec![comparable(reply)],
        _ => vec![reply.clone()],
    }
}
