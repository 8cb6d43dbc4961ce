//! RDB files: any bytes are a file or an error with its place, and what is read can be written and read again. Compact forms
//! that are let through can be walked.

use graven_listpack::{Intset, Item, Listpack};
use graven_rdb::{Attributes, Error, Event, Hash, Header, List, ListNode, Options, Set, SortedSet, Value, Version, Writer, read_all};
use graven_store::{Stream, StreamId, StreamParts, check_node};

/// Pieces of the format: opcodes, types, special lengths and encodings.
pub const DICTIONARY: &[&[u8]] = &[
    b"\xff",
    b"\xfe\x00",
    b"\xfb\x01\x01",
    b"\xfc\x01\x00\x00\x00\x00\x00\x00\x00",
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\xff\xff\xff\xff",
    b"\xc0\x05",
    b"\xc3\x04\x0b\x00b\xe0\x01\x00",
    b"\x07\x00\x00\x00\x00\x00\xff",
    b"\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff",
    b"\x02\x00\x00\x00\x01\x00\x00\x00",
    b"\xf4",
    b"\xf0",
    b"\x01k",
    b"\x12",
    b"\x13",
    b"\x19",
];

/// A listpack of these items.
fn listpack(items: &[&str]) -> Vec<u8> {
    let mut bytes = graven_listpack::new();
    graven_listpack::extend(&mut bytes, items.iter().map(|item| Item::of(item.as_bytes())));
    bytes
}

/// Valid bodies of files, one for most types.
pub fn seeds() -> Vec<Vec<u8>> {
    let string = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let node = listpack(&["2", "0", "1", "field", "0", "2", "0", "0", "one", "4", "2", "0", "1", "two", "4"]);
    let id = b"\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00";
    let group = [&b"\x01\x01g\x05\x00\x01\x01"[..], id, &[1; 8], b"\x01\x01\x02al", &[1; 8], b"\x01", id].concat();
    vec![
        b"\x00\x01k\x01v\x01\x01l\x02\x01a\xc0\x05\x02\x01s\x01\x01m\x04\x01h\x01\x01f\x01v".to_vec(),
        b"\x03\x01z\x02\x01a\x011\x01b\xfe\x05\x01z\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f".to_vec(),
        [b"\x0b\x01s", &string(b"\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00")[..]].concat(),
        [b"\x0a\x01l", &string(b"\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xfe\x80\xff")[..]].concat(),
        [b"\x09\x01h", &string(b"\x01\x01f\x01\x00v\xff")[..]].concat(),
        [b"\x10\x01h", &string(&listpack(&["f", "v", "5", "6"]))[..]].concat(),
        [b"\x11\x01z", &string(&listpack(&["f", "1", "g", "2.5"]))[..]].concat(),
        [b"\x12\x01l\x02\x02", &string(&listpack(&["a", "1000"]))[..], b"\x01\x01x"].concat(),
        [b"\x19\x01h\x01\x00\x00\x00\x00\x00\x00\x00", &string(&listpack(&["f", "v", "7", "g", "w", "0"]))[..]].concat(),
        [b"\x13\x01x\x01\x10", &id[..], &string(&node), b"\x02\x05\x01\x05\x00\x00\x00\x02", &group].concat(),
    ]
}

fn file_of(body: &[u8]) -> Vec<u8> {
    [b"REDIS0012", body, b"\xff\x00\x00\x00\x00\x00\x00\x00\x00"].concat()
}

/// A body of a file, without header and end.
pub fn run(body: &[u8]) {
    let contents = match read_all(&file_of(body)) {
        Ok(contents) => contents,
        Err(Error::NotRdb { .. } | Error::UnsupportedVersion { .. } | Error::AlreadyFailed { .. }) => panic!("the header is right"),
        Err(_) => return,
    };
    let header =
        Header { redis_version: "7.4.0", created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version: Version::Redis7_4 };
    let mut writer = Writer::new(Vec::new(), Options::default(), &header).expect("memory can be written to");
    let mut keys = 0;
    for event in &contents.events {
        let Event::Entry { key, value, .. } = event else { continue };
        walk(value);
        writer.entry(key, value, &Attributes::default()).expect("memory can be written to");
        keys += 1;
    }
    let (again, _) = writer.finish().expect("memory can be written to");
    let again = read_all(&again).expect("what was read can be written and read again");
    let found = again.events.iter().filter(|event| matches!(event, Event::Entry { .. })).count();
    assert_eq!(found, keys);
}

fn walk_listpack(bytes: &[u8], step: usize) {
    let items = Listpack::new(bytes);
    let forwards: Vec<Item<'_>> = items.iter().collect();
    let mut backwards: Vec<Item<'_>> = items.iter().rev().collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    assert!(forwards.len().is_multiple_of(step) && forwards.len() == items.len());
}

fn walk(value: &Value) {
    match value {
        Value::List(List::Nodes(nodes)) => {
            for node in nodes {
                if let ListNode::Packed(bytes) = node {
                    walk_listpack(bytes, 1);
                }
            }
        }
        Value::Set(Set::Packed(bytes)) => walk_listpack(bytes, 1),
        Value::Set(Set::Intset(bytes)) => assert!(Intset::new(bytes).iter().is_sorted_by(|one, other| one < other)),
        Value::Hash(Hash::Packed(bytes)) | Value::SortedSet(SortedSet::Packed(bytes)) => walk_listpack(bytes, 2),
        Value::Hash(Hash::PackedWithDeadlines(bytes)) => walk_listpack(bytes, 3),
        Value::Stream(stream) => walk_stream(stream),
        _ => {}
    }
}

/// A stream whose nodes are let through can be read in both directions.
fn walk_stream(stream: &graven_rdb::Stream) {
    for (id, node) in &stream.nodes {
        // Most are damaged; the others are walked below.
        let _ = check_node(StreamId::from_bytes(*id), node);
    }
    let parts = StreamParts {
        nodes: stream.nodes.iter().map(|(id, node)| (StreamId::from_bytes(*id), node.clone())).collect(),
        length: stream.length,
        last_id: StreamId::from_bytes(stream.last_id),
        first_id: None,
        max_deleted_id: StreamId::from_bytes(stream.max_deleted_id),
        entries_added: stream.entries_added,
    };
    if let Ok(stream) = Stream::from_parts(parts) {
        let forwards = stream.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.fields().count()).sum::<usize>();
        let backwards = stream.range_reversed(StreamId::MIN, StreamId::MAX).map(|entry| entry.fields().count()).sum::<usize>();
        assert_eq!(forwards, backwards);
        assert_eq!(stream.range(StreamId::MIN, StreamId::MAX).count() as u64, stream.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_valid() {
        for seed in seeds() {
            let contents = read_all(&file_of(&seed)).unwrap_or_else(|error| panic!("{}: {error}", seed.escape_ascii()));
            assert!(contents.events.iter().all(|event| matches!(event, Event::Entry { .. })), "{:?}", contents.events);
            run(&seed);
        }
    }
}
