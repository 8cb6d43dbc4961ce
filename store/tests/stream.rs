//! Streams against a plain model: what is added, trimmed and deleted, in nodes of any size, shared with clones or not.

use graven_store::{Group, Pending, Stream, StreamDamage, StreamId, StreamParts, Thresholds, Trim, TrimTo, check_node};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A stream without nodes.
#[derive(Clone, Default)]
struct Model {
    entries: BTreeMap<StreamId, Pairs>,
    max_deleted: StreamId,
    added: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Add {
        gap_ms: u64,
        gap_seq: u64,
        pairs: Pairs,
    },
    /// Adds entries of the same fields and values.
    AddMany {
        count: u64,
        pairs: Pairs,
    },
    /// Deletes the entry at this place, and some that are not there.
    Delete {
        places: Vec<usize>,
    },
    TrimLength {
        most: u64,
    },
    TrimId {
        place: usize,
    },
    TrimNodes {
        most: u64,
        limit: u64,
    },
    /// Everything written from now on is written to a clone.
    Share,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "field", "name"]).prop_map(|text| text.as_bytes().to_vec()),
        3 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        2 => (0i64..200).prop_map(|number| number.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..100),
    ]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let one = |name: &'static str| text().prop_map(move |value| vec![(name.as_bytes().to_vec(), value)]);
    prop_oneof![3 => one("a"), 1 => one("7"), 2 => prop::collection::vec((text(), text()), 1..6)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0u64..3, 0u64..300, pairs()).prop_map(|(gap_ms, gap_seq, pairs)| Step::Add { gap_ms, gap_seq, pairs }),
        2 => (1u64..200, pairs()).prop_map(|(count, pairs)| Step::AddMany { count, pairs }),
        1 => (10_000usize..50_000).prop_map(|len| Step::AddMany { count: 3, pairs: vec![(b"long".to_vec(), vec![b'x'; len])] }),
        6 => prop::collection::vec(0usize..400, 1..80).prop_map(|places| Step::Delete { places }),
        1 => (0u64..400).prop_map(|most| Step::TrimLength { most }),
        1 => (0usize..200).prop_map(|place| Step::TrimId { place }),
        1 => (0u64..400, 0u64..300).prop_map(|(most, limit)| Step::TrimNodes { most, limit }),
        2 => Just(Step::Share),
    ]
}

fn shown<'a>(entries: impl Iterator<Item = graven_store::StreamEntry<'a>>) -> Vec<(StreamId, Pairs)> {
    let pairs = |entry: &graven_store::StreamEntry<'_>| entry.fields().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    entries.map(|entry| (entry.id, pairs(&entry))).collect()
}

/// What was trimmed at the front is gone from the model too.
fn keep_last(model: &mut Model, len: u64) {
    while model.entries.len() as u64 > len {
        model.entries.pop_first();
    }
}

fn check(stream: &Stream, model: &Model) {
    let all: Vec<_> = model.entries.iter().map(|(id, pairs)| (*id, pairs.clone())).collect();
    assert_eq!(shown(stream.range(StreamId::MIN, StreamId::MAX)), all);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(shown(stream.range_reversed(StreamId::MIN, StreamId::MAX)), reversed);
    assert_eq!(stream.len(), all.len() as u64);
    assert_eq!(stream.first_id(), all.first().map_or(StreamId::MIN, |entry| entry.0));
    assert_eq!(stream.last_entry().map(|entry| entry.id), all.last().map(|entry| entry.0));
    assert_eq!((stream.max_deleted_id(), stream.entries_added()), (model.max_deleted, model.added));
    let live: u64 = stream.nodes().map(|(id, bytes)| check_node(id, bytes).unwrap().live).sum();
    assert_eq!(live, stream.len());
}

/// The stream as a file would give it back.
fn reloaded(stream: &Stream) -> Stream {
    let parts = StreamParts {
        nodes: stream.nodes().map(|(id, bytes)| (id, bytes.to_vec())).collect(),
        length: stream.len(),
        last_id: stream.last_id(),
        first_id: None,
        max_deleted_id: stream.max_deleted_id(),
        entries_added: Some(stream.entries_added()),
    };
    Stream::from_parts(parts).unwrap()
}

fn execute(stream: &mut Stream, model: &mut Model, step: &Step, limits: &Thresholds) {
    let nth = |model: &Model, place: usize| model.entries.keys().nth(place).copied();
    let add = |stream: &mut Stream, model: &mut Model, id: StreamId, pairs: &Pairs| {
        let flat: Vec<&[u8]> = pairs.iter().flat_map(|(field, value)| [&**field, &**value]).collect();
        stream.append(id, flat.into_iter(), limits);
        model.entries.insert(id, pairs.clone());
        model.added += 1;
    };
    match step {
        Step::Add { gap_ms, gap_seq, pairs } => {
            let last = stream.last_id();
            let seq = if *gap_ms > 0 { *gap_seq } else { last.seq + 1 + gap_seq };
            add(stream, model, StreamId { ms: last.ms + gap_ms, seq }, pairs);
        }
        Step::AddMany { count, pairs } => {
            for _ in 0..*count {
                let id = stream.last_id().next().unwrap();
                add(stream, model, id, pairs);
            }
        }
        Step::Delete { places } => {
            let ids: Vec<_> = places.iter().map(|place| nth(model, *place).unwrap_or(StreamId { ms: u64::MAX, seq: 9 })).collect();
            let deleted = stream.delete(ids.iter().copied());
            let gone: Vec<_> = ids.iter().filter(|id| model.entries.remove(id).is_some()).collect();
            assert_eq!(deleted, gone.len() as u64);
            model.max_deleted = gone.into_iter().copied().max().unwrap_or_default().max(model.max_deleted);
        }
        Step::TrimLength { most } => {
            let expected = stream.len().saturating_sub(*most);
            assert_eq!(stream.trim(&Trim { to: TrimTo::Length(*most), approximate: false, limit: 0 }), expected);
            keep_last(model, *most);
        }
        Step::TrimId { place } => {
            let Some(id) = nth(model, *place) else { return };
            assert_eq!(stream.trim(&Trim { to: TrimTo::MinId(id), approximate: false, limit: 0 }), *place as u64);
            keep_last(model, stream.len());
        }
        Step::TrimNodes { most, limit } => {
            let before = stream.len();
            let removed = stream.trim(&Trim { to: TrimTo::Length(*most), approximate: true, limit: *limit });
            assert_eq!(stream.len(), before - removed);
            assert!(removed == 0 || stream.len() >= *most && (*limit == 0 || removed <= *limit));
            keep_last(model, stream.len());
        }
        Step::Share => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_stream_is_its_entries_in_order(
        steps in prop::collection::vec(step(), 1..80), entries in prop_oneof![0usize..12, Just(0), Just(150)],
        bytes in prop::sample::select(vec![0usize, 64, 200, 4096]),
    ) {
        let limits = Thresholds { stream_node_max_entries: entries, stream_node_max_bytes: bytes, ..Thresholds::default() };
        let (mut stream, mut model) = (Stream::default(), Model::default());
        let mut left_behind: Vec<(Stream, Model)> = Vec::new();
        for step in &steps {
            if let Step::Share = step {
                left_behind.push((stream.clone(), model.clone()));
            }
            execute(&mut stream, &mut model, step, &limits);
            check(&stream, &model);
        }
        check(&reloaded(&stream), &model);
        // What was written after a clone is not in it.
        for (clone, model) in &left_behind {
            check(clone, model);
        }
    }

    #[test]
    fn a_range_holds_what_lies_between_its_ends(count in 1u64..60, start in 0u64..70, end in 0u64..70, deleted in prop::collection::vec(0u64..60, 0..20)) {
        let limits = Thresholds { stream_node_max_entries: 7, ..Thresholds::default() };
        let mut stream = Stream::default();
        let id = |n: u64| StreamId { ms: n / 10, seq: n % 10 };
        for n in 1..=count {
            stream.append(id(n), [&b"f"[..], b"v"].into_iter(), &limits);
        }
        stream.delete(deleted.iter().map(|n| id(*n)));
        let expected: Vec<_> = (1..=count).filter(|n| (start..=end).contains(n) && !deleted.contains(n)).map(id).collect();
        let found: Vec<_> = stream.range(id(start), id(end)).map(|entry| entry.id).collect();
        prop_assert_eq!(&found, &expected);
        let reversed: Vec<_> = stream.range_reversed(id(start), id(end)).map(|entry| entry.id).collect();
        prop_assert!(reversed.iter().eq(expected.iter().rev()));
        for n in 0..=70 {
            prop_assert_eq!(stream.get(id(n)).is_some(), (1..=count).contains(&n) && !deleted.contains(&n));
        }
    }

    #[test]
    fn what_is_pending_for_consumers_is_what_is_pending_in_the_group(
        steps in prop::collection::vec((0u8..4, 0u64..200, 0u8..3), 1..400),
    ) {
        let mut group = Group::new(StreamId::MIN, None);
        let mut model: BTreeMap<StreamId, u8> = BTreeMap::new();
        for (kind, n, who) in steps {
            let (id, name) = (StreamId { ms: n, seq: 0 }, [b'a' + who]);
            match kind {
                0 | 1 => {
                    let consumer = group.find_consumer(&name).unwrap_or_else(|| group.create_consumer(&name, 1));
                    group.deliver(id, Pending { delivered_ms: n, deliveries: 1, consumer });
                    model.insert(id, who);
                }
                2 => prop_assert_eq!(group.acknowledge(id), model.remove(&id).is_some()),
                _ if n < 10 => {
                    let pending = model.values().filter(|of| **of == who).count();
                    prop_assert_eq!(group.delete_consumer(&name).unwrap_or(0), pending);
                    model.retain(|_, of| *of != who);
                }
                _ => {}
            }
            prop_assert!(group.is_consistent());
            let named = group.pending_from(StreamId::MIN).map(|(id, pending)| (id, group.consumer(pending.consumer).name()[0] - b'a'));
            prop_assert!(named.eq(model.iter().map(|(id, who)| (*id, *who))));
        }
    }

    /// Bytes from outside are refused or can be read, whatever they are.
    #[test]
    fn damaged_nodes_are_found_before_they_are_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut stream = Stream::default();
        for n in 1..20 {
            let fields: &[&[u8]] = if n % 3 == 0 { &[b"f", b"v", b"g", b"300"] } else { &[b"f", b"12"] };
            stream.append(StreamId { ms: n, seq: 5 }, fields.iter().copied(), &Thresholds::default());
        }
        stream.delete([StreamId { ms: 3, seq: 5 }].into_iter());
        let (id, bytes) = stream.nodes().next().unwrap();
        let mut bytes = bytes.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(facts) = check_node(id, &bytes) {
            let parts = StreamParts { nodes: vec![(id, bytes)], length: facts.live, last_id: StreamId::MAX, ..StreamParts::default() };
            let read = Stream::from_parts(parts).unwrap();
            let mut live = 0;
            for entry in read.range(StreamId::MIN, StreamId::MAX) {
                prop_assert_eq!(entry.fields().count(), entry.len());
                live += 1;
            }
            prop_assert_eq!(live, facts.live);
            prop_assert_eq!(read.range_reversed(StreamId::MIN, StreamId::MAX).count() as u64, facts.live);
        }
    }
}

#[test]
fn a_node_has_the_bytes_that_redis_writes() {
    let mut stream = Stream::default();
    let limits = Thresholds::default();
    stream.append(StreamId { ms: 5, seq: 1 }, [&b"f"[..], b"v"].into_iter(), &limits);
    stream.append(StreamId { ms: 6, seq: 0 }, [&b"f"[..], b"7"].into_iter(), &limits);
    stream.append(StreamId { ms: 6, seq: 1 }, [&b"g"[..], b"x"].into_iter(), &limits);
    stream.delete([StreamId { ms: 6, seq: 0 }].into_iter());
    let master = [2, 1, 1, 1, 1, 1, 0x81, b'f', 2, 0, 1];
    let first = [2, 1, 0, 1, 0, 1, 0x81, b'v', 2, 4, 1];
    let second = [3, 1, 1, 1, 0xdf, 0xff, 2, 7, 1, 4, 1];
    let third = [0, 1, 1, 1, 0, 1, 1, 1, 0x81, b'g', 2, 0x81, b'x', 2, 6, 1];
    let items: Vec<u8> = [&master[..], &first, &second, &third].concat();
    let mut expected = vec![items.len() as u8 + 7, 0, 0, 0, 5 + 5 + 5 + 7, 0];
    expected.extend(items);
    expected.push(0xff);
    let (id, bytes) = stream.nodes().next().unwrap();
    assert_eq!((id, bytes), (StreamId { ms: 5, seq: 1 }, &expected[..]));
}

#[test]
fn parts_that_contradict_each_other_are_no_stream() {
    let mut stream = Stream::default();
    let limits = Thresholds { stream_node_max_entries: 2, ..Thresholds::default() };
    for n in 1..=4 {
        stream.append(StreamId { ms: n, seq: 0 }, [&b"f"[..], b"v"].into_iter(), &limits);
    }
    let parts = || StreamParts {
        nodes: stream.nodes().map(|(id, bytes)| (id, bytes.to_vec())).collect(),
        length: 4,
        last_id: StreamId { ms: 4, seq: 0 },
        ..StreamParts::default()
    };
    assert!(Stream::from_parts(parts()).is_ok());
    assert_eq!(Stream::from_parts(StreamParts { length: 5, ..parts() }).err(), Some(StreamDamage::Count));
    assert_eq!(Stream::from_parts(StreamParts { last_id: StreamId { ms: 3, seq: 9 }, ..parts() }).err(), Some(StreamDamage::LastId));
    let mut turned = parts();
    turned.nodes.reverse();
    assert_eq!(Stream::from_parts(turned).err(), Some(StreamDamage::Order));
    let mut empty = parts();
    empty.nodes[0].1 = vec![7, 0, 0, 0, 0, 0, 0xff];
    assert_eq!(Stream::from_parts(empty).err(), Some(StreamDamage::Master));
}

/// `XSETID` takes a stream back behind entries that were deleted, and in Redis what is added then stands behind their marks.
#[test]
fn marks_of_deleted_entries_may_be_out_of_order_in_files() {
    let id = |ms| StreamId { ms, seq: 0 };
    let ids = |stream: &Stream| stream.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id.ms).collect::<Vec<_>>();
    let pair = || [&b"f"[..], b"v"].into_iter();
    // A node of 1, 2, 9 and 3, of which 9 is deleted: 3 as Redis adds it, by its difference to the node's identifier.
    let mut added = Stream::default();
    [1, 2, 9, 10].into_iter().for_each(|ms| added.append(id(ms), pair(), &Thresholds::default()));
    added.delete([id(9)].into_iter());
    let (_, bytes) = added.nodes().next().unwrap();
    let mut out_of_order = bytes.to_vec();
    // The last entry: flags, 9, 0, its value, 4 items.
    let at = out_of_order.len() - 1 - 11 + 2;
    assert_eq!(out_of_order[at], 9);
    out_of_order[at] = 2;
    let parts = |node: &[u8], length, last| StreamParts {
        nodes: vec![(id(1), node.to_vec())],
        length,
        last_id: id(last),
        ..StreamParts::default()
    };
    let mut stream = Stream::from_parts(parts(&out_of_order, 3, 3)).unwrap();
    assert_eq!(ids(&stream), [1, 2, 3]);
    assert!(stream.get(id(3)).is_some());
    stream.append(id(4), pair(), &Thresholds::default());
    assert_eq!(ids(&reloaded(&stream)), [1, 2, 3, 4]);

    // The mark is the last of its node, and the next node, or nothing, begins before it.
    let mut cut = Stream::default();
    [1, 2, 9].into_iter().for_each(|ms| cut.append(id(ms), pair(), &Thresholds::default()));
    cut.delete([id(9)].into_iter());
    let marked = cut.nodes().next().unwrap().1.to_vec();
    assert_eq!(ids(&Stream::from_parts(parts(&marked, 2, 2)).unwrap()), [1, 2]);
    let mut next = Stream::default();
    next.append(id(3), pair(), &Thresholds::default());
    let mut two = parts(&marked, 3, 3);
    two.nodes.push((id(3), next.nodes().next().unwrap().1.to_vec()));
    let mut stream = Stream::from_parts(two).unwrap();
    assert_eq!(ids(&stream), [1, 2, 3]);
    assert_eq!(stream.delete([id(2), id(3)].into_iter()), 2);
    assert_eq!(ids(&reloaded(&stream)), [1]);

    // What lives is in order.
    let mut wrong = out_of_order.clone();
    wrong[at] = 0;
    assert_eq!(Stream::from_parts(parts(&wrong, 3, 3)).err(), Some(StreamDamage::Order));
}

#[test]
fn a_stream_that_goes_back_forgets_what_was_deleted_there() {
    for entries in [1, 2, 3, 7, 100] {
        let limits = Thresholds { stream_node_max_entries: entries, ..Thresholds::default() };
        let mut stream = Stream::default();
        (1..=40).for_each(|ms| stream.append(StreamId { ms, seq: 0 }, [&b"f"[..], b"v"].into_iter(), &limits));
        stream.delete((11..=40).chain([5]).map(|ms| StreamId { ms, seq: 0 }));
        let before = stream.clone();
        stream.set_id(StreamId { ms: 10, seq: 0 }, None, Some(StreamId { ms: 5, seq: 0 }));
        (1..=40).for_each(|seq| stream.append(StreamId { ms: 10, seq }, [&b"g"[..], b"v"].into_iter(), &limits));
        assert_eq!(stream.len(), 49);
        for stream in [&stream, &reloaded(&stream)] {
            assert_eq!(stream.range(StreamId::MIN, StreamId::MAX).count(), 49);
            assert!((1..=40).all(|seq| stream.get(StreamId { ms: 10, seq }).is_some()));
        }
        assert_eq!(before.range(StreamId::MIN, StreamId::MAX).count(), 9);
    }
}

#[test]
fn counts_from_files_are_ones_that_a_command_can_say() {
    let mut group = Group::new(StreamId::MIN, Some(u64::MAX - 1));
    assert_eq!(group.entries_read, Some(i64::MAX as u64));
    let consumer = group.create_consumer(b"c", 1);
    group.deliver(StreamId::MIN, Pending { delivered_ms: u64::MAX, deliveries: u64::MAX, consumer });
    let pending = group.pending(StreamId::MIN).unwrap();
    assert_eq!((pending.delivered_ms, pending.deliveries), (i64::MAX as u64, i64::MAX as u64));
    let stream = Stream::from_parts(StreamParts { entries_added: Some(u64::MAX), ..StreamParts::default() }).unwrap();
    assert_eq!(stream.entries_added(), i64::MAX as u64);
}

#[test]
fn what_no_command_could_write_is_no_stream_or_is_put_right() {
    // A node's master entry with its only field's name, if it has one, and an entry with the same fields.
    let node = |fields: &[u8], values: &[u8]| {
        let count = (fields.len() / 3) as u8;
        let items = [&[1, 1, 0, 1, count, 1], fields, &[0, 1], &[2, 1, 0, 1, 0, 1], values, &[3 + count, 1]].concat();
        let number = 8 + 2 * count;
        [&[items.len() as u8 + 7, 0, 0, 0, number, 0], &items[..], &[0xff]].concat()
    };
    let (good, no_fields) = (node(&[0x81, b'f', 2], &[0x81, b'v', 2]), node(&[], &[]));
    let parts = |id: StreamId, node: &[u8]| StreamParts {
        nodes: vec![(id, node.to_vec())],
        length: 1,
        last_id: StreamId { ms: 9, seq: 0 },
        max_deleted_id: StreamId { ms: 10, seq: 0 },
        entries_added: Some(0),
        ..StreamParts::default()
    };
    let id = StreamId { ms: 5, seq: 1 };
    assert!(matches!(Stream::from_parts(parts(id, &no_fields)).err(), Some(StreamDamage::Entry { .. })));
    assert_eq!(Stream::from_parts(parts(StreamId::MIN, &good)).err(), Some(StreamDamage::Order));
    let stream = Stream::from_parts(parts(id, &good)).unwrap();
    assert_eq!((stream.max_deleted_id(), stream.entries_added()), (stream.last_id(), 1));
}

/// Nodes share buffers of 128 KiB: what a stream holds is little more than the bytes of its nodes, whatever their length.
#[test]
fn nodes_lose_little_to_the_allocator() {
    for value in [10, 22, 23, 25, 30] {
        let mut stream = Stream::default();
        let value = vec![b'x'; value];
        for n in 1..=100_000 {
            stream.append(
                StreamId { ms: 1_700_000_000_000 + n / 64, seq: n % 64 },
                [&b"f"[..], &value].into_iter(),
                &Thresholds::default(),
            );
        }
        let nodes: usize = stream.nodes().map(|(_, bytes)| bytes.len()).sum();
        let lost = stream.memory_usage() as f64 / nodes as f64 - 1.0;
        eprintln!("{lost:.4} {nodes}");
        assert!(lost < 0.09, "values of {} bytes: {lost:.3}", value.len());
        // A copy shares the chunks; a write to one copies that one.
        let (copy, first) = (stream.clone(), stream.first_id());
        stream.delete([first].into_iter());
        let shared = stream.nodes().zip(copy.nodes()).filter(|(own, other)| std::ptr::eq(own.1, other.1)).count();
        assert!((900..1_000).contains(&shared), "{shared} of {} nodes", stream.nodes_len());
    }
}
