//! Entries of the store, as RDB files have them. Compact bytes go out as they are, except those of sets, which Redis 7.0 does
//! not read; everything else element by element, so that no value is held twice.

use graven_rdb::{Attributes, Collection, Compact, GroupHead, StreamHead, Writer};
use graven_store::{Entry, Group, HashRef, ListRef, Packed, SetRef, SortedSetRef, Stream, StreamId, StringRef};
use std::io::{self, Write};

/// Writes a key and its value.
pub(crate) fn write_entry<W: Write>(writer: &mut Writer<W>, key: &[u8], entry: &Entry, attributes: &Attributes) -> io::Result<()> {
    if let Some((packed, bytes)) = entry.packed() {
        let compact = match packed {
            Packed::Intset => Some(Compact::Intset),
            Packed::SortedSet => Some(Compact::SortedSet),
            Packed::Hash => Some(Compact::Hash),
            Packed::HashWithDeadlines => entry.field_deadline().map(|earliest_ms| Compact::HashWithDeadlines { earliest_ms }),
            Packed::List | Packed::Set => None,
        };
        if let Some(compact) = compact {
            return writer.compact(compact, key, bytes, attributes);
        }
    }
    if let Some(string) = entry.string() {
        writer.string(key, string.to_bytes(&mut [0; 20]), attributes)
    } else if let Some(list) = entry.list() {
        write_list(writer, key, list, attributes)
    } else if let Some(set) = entry.set() {
        write_set(writer, key, set, attributes)
    } else if let Some(set) = entry.sorted_set() {
        write_sorted_set(writer, key, set, attributes)
    } else if let Some(hash) = entry.hash() {
        write_hash(writer, key, hash, attributes)
    } else {
        write_stream(writer, key, entry.stream().expect("there is no other type"), attributes)
    }
}

/// Writes an element of a collection.
pub(super) fn write_element<W: Write>(writer: &mut Writer<W>, string: StringRef<'_>) -> io::Result<()> {
    writer.element(string.to_bytes(&mut [0; 20]))
}

fn write_list<W: Write>(writer: &mut Writer<W>, key: &[u8], list: ListRef<'_>, attributes: &Attributes) -> io::Result<()> {
    writer.begin_collection(Collection::List, key, list.runs() as u64, attributes)?;
    let mut result = Ok(());
    list.for_each_run(|run, items| {
        if result.is_ok() {
            result = writer.list_node(run.bytes(), items);
        }
    });
    result
}

fn write_set<W: Write>(writer: &mut Writer<W>, key: &[u8], set: SetRef<'_>, attributes: &Attributes) -> io::Result<()> {
    writer.begin_collection(Collection::Set, key, set.len() as u64, attributes)?;
    set.iter().try_for_each(|member| write_element(writer, member))
}

fn write_sorted_set<W: Write>(writer: &mut Writer<W>, key: &[u8], set: SortedSetRef<'_>, attributes: &Attributes) -> io::Result<()> {
    writer.begin_collection(Collection::SortedSet, key, set.len() as u64, attributes)?;
    set.iter().try_for_each(|(member, score)| write_pair(writer, member, score))
}

/// Writes a member of a sorted set.
pub(super) fn write_pair<W: Write>(writer: &mut Writer<W>, member: StringRef<'_>, score: f64) -> io::Result<()> {
    write_element(writer, member)?;
    writer.score(score)
}

fn write_hash<W: Write>(writer: &mut Writer<W>, key: &[u8], hash: HashRef<'_>, attributes: &Attributes) -> io::Result<()> {
    let earliest = hash.next_deadline();
    let kind = earliest.map_or(Collection::Hash, |earliest_ms| Collection::HashWithDeadlines { earliest_ms });
    writer.begin_collection(kind, key, hash.len() as u64, attributes)?;
    for field in hash.iter() {
        if earliest.is_some() {
            writer.field_deadline(field.deadline)?;
        }
        write_element(writer, field.name)?;
        write_element(writer, field.value)?;
    }
    Ok(())
}

fn write_stream<W: Write>(writer: &mut Writer<W>, key: &[u8], stream: &Stream, attributes: &Attributes) -> io::Result<()> {
    let head = StreamHead {
        length: stream.len(),
        last_id: stream.last_id().to_bytes(),
        first_id: stream.first_id().to_bytes(),
        max_deleted_id: stream.max_deleted_id().to_bytes(),
        entries_added: stream.entries_added(),
        groups: stream.groups_len() as u64,
    };
    writer.stream(key, &head, stream.nodes().map(|(id, listpack)| (id.to_bytes(), listpack)), attributes)?;
    stream.groups().try_for_each(|(name, group)| write_group(writer, name, group))
}

fn write_group<W: Write>(writer: &mut Writer<W>, name: &[u8], group: &Group) -> io::Result<()> {
    let pending = group.pending_len() as u64;
    writer.group(&GroupHead { name, last_id: group.last_id.to_bytes(), entries_read: group.entries_read, pending })?;
    for (id, pending) in group.pending_from(StreamId::MIN) {
        writer.group_pending(id.to_bytes(), pending.delivered_ms, pending.deliveries)?;
    }
    writer.consumers(group.consumers_len() as u64)?;
    for consumer in group.consumers() {
        writer.consumer(consumer.name(), consumer.seen_ms, consumer.pending_len() as u64)?;
        for id in consumer.pending_from(StreamId::MIN) {
            writer.consumer_pending(id.to_bytes())?;
        }
    }
    Ok(())
}
