//! `graven check-rdb`

use anyhow::Context;
use graven_rdb::{Id, Judges, Stream as StreamValue, check};
use graven_store::{Stream, StreamId, StreamParts, check_node};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// True if a server would load the file.
pub fn run(file: &Path) -> anyhow::Result<bool> {
    let name = file.display().to_string();
    let mut out = BufWriter::new(stdout().lock());
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(e) => {
            writeln!(out, "[offset 0] Checking RDB file {name}")?;
            out.flush()?;
            return Err(e).with_context(|| format!("Can't check '{name}'"));
        }
    };
    let length = report(opened, &name, &mut out)?;
    out.flush()?;
    Ok(length.is_some())
}

/// Prints what is found in the RDB that a file begins with; returns its length if a server would load it.
pub fn report(file: File, name: &str, out: &mut dyn Write) -> io::Result<Option<u64>> {
    // A clock before 1970 finds nothing expired.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    check(file, name, now.as_millis() as u64, Judges { node: is_node, stream: judge_stream }, out)
}

fn is_node(id: &Id, listpack: &[u8]) -> bool {
    check_node(StreamId::from_bytes(*id), listpack).is_ok()
}

fn judge_stream(stream: StreamValue) -> Result<(), String> {
    let mut names = HashSet::new();
    for group in &stream.groups {
        let mut consumers = HashSet::new();
        if !names.insert(&group.name) || !group.consumers.iter().all(|consumer| consumers.insert(&consumer.name)) {
            return Err("Stream with a consumer group or a consumer twice".to_owned());
        }
    }
    let parts = StreamParts {
        nodes: stream.nodes.into_iter().map(|(id, listpack)| (StreamId::from_bytes(id), listpack)).collect(),
        length: stream.length,
        last_id: StreamId::from_bytes(stream.last_id),
        first_id: None,
        max_deleted_id: StreamId::from_bytes(stream.max_deleted_id),
        entries_added: stream.entries_added,
    };
    Stream::from_parts(parts).map_or_else(|damage| Err(damage.to_string()), |_| Ok(()))
}
