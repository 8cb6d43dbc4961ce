//! Values of every type code and layout: what they are read as, and what of them is refused.

mod samples;

use graven_listpack::Listpack;
use graven_rdb::{
    Attributes, Error, Event, Hash, Header, List, Options, Set, Skipped, SortedSet, Stream, Value, ValueDamage, Version, Writer, read_all,
};
use samples::{ITEMS, PAIRS, every_type, file, intset, length, listpack, long, string, strings, ziplist, zipmap};

fn read(code: u8, value: &[u8]) -> Result<Value, Error> {
    let contents = read_all(&file(&[(code, value.to_vec())]))?;
    match contents.events.into_iter().next() {
        Some(Event::Entry { value, .. }) => Ok(value),
        other => panic!("{other:?}"),
    }
}

fn texts(bytes: &[u8]) -> Vec<String> {
    Listpack::new(bytes).iter().map(|item| String::from_utf8(item.to_vec()).expect("text")).collect()
}

/// Elements as text, with scores, values and deadlines where there are any; sets and hashes in the order of the file.
fn elements(value: &Value) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let mut all = Vec::new();
    match value {
        Value::List(list) => list.for_each(|item| all.push(text(item))),
        Value::Set(Set::Members(members)) => all.extend(members.iter().map(text)),
        Value::Set(Set::Packed(bytes)) | Value::SortedSet(SortedSet::Packed(bytes)) => all = texts(bytes),
        Value::Hash(Hash::Packed(bytes) | Hash::PackedWithDeadlines(bytes)) => all = texts(bytes),
        Value::SortedSet(SortedSet::Members { members, scores }) => {
            members.iter().zip(scores).for_each(|(member, score)| all.extend([text(member), format!("{score:?}")]));
        }
        Value::Hash(Hash::Fields { pairs, deadlines }) => {
            all.extend(pairs.iter().map(text));
            all.extend(deadlines.iter().map(u64::to_string));
        }
        other => panic!("{other:?}"),
    }
    all
}

#[test]
fn every_type_code_yields_its_elements() {
    let [long_300, long_20000] = [long(300), long(20_000)];
    let integers = |value: &Value| matches!(value, Value::Set(Set::Intset(bytes)) if bytes.len() == 8 + 3 * usize::from(bytes[0]));
    for (code, bytes) in every_type() {
        let value = read(code, &bytes).unwrap_or_else(|error| panic!("type {code}: {error}"));
        let expected: Vec<&str> = match code {
            1 | 2 | 10 | 20 => ITEMS.to_vec(),
            3 => vec!["n", "-inf", "p", "inf", "a", "0.5", "b", "0.5", "c", "1000000.0"],
            4 | 13 | 16 => PAIRS.to_vec(),
            9 if bytes.len() > 100 => vec!["k", &long_300],
            9 => PAIRS.to_vec(),
            5 => vec!["n", "-inf", "a", "0.5", "b", "0.5", "c", "1000000.0"],
            12 | 17 => samples::SCORED.to_vec(),
            14 if bytes.len() > 10_000 => vec!["x", &long_300, "y", &long_20000, "z"],
            14 => [&ITEMS[..], &["tail"]].concat(),
            18 => [&ITEMS[..], &["a plain one"]].concat(),
            22 => vec!["f", "1", "g", "two", "0", "9000"],
            23 | 25 => vec!["g", "two", "1900000000000", "f", "1", "1900000000500", "-7", "", "0"],
            24 => vec!["f", "1", "g", "two", "0", "1900000000002"],
            11 => {
                assert!(integers(&value), "{value:?}");
                continue;
            }
            15 | 19 | 21 => {
                check_stream(code, &value);
                continue;
            }
            other => panic!("there is no type {other} among the samples"),
        };
        assert_eq!(elements(&value), expected, "type {code}");
    }
}

fn check_stream(code: u8, value: &Value) {
    let Value::Stream(Stream { nodes, length, last_id, max_deleted_id, entries_added, groups, .. }) = value else { panic!("{value:?}") };
    let id = |ms: u128, seq: u128| (ms << 64 | seq).to_be_bytes();
    assert_eq!((nodes.len(), nodes[0].0, *length, *last_id), (1, id(5, 0), 2, id(5, 1)));
    let is_first_layout = code == 15;
    assert_eq!(*entries_added, (!is_first_layout).then_some(3));
    assert_eq!(*max_deleted_id, if is_first_layout { id(0, 0) } else { id(4, 9) });
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((&group.name[..], group.last_id, group.entries_read), (&b"group"[..], id(5, 0), (!is_first_layout).then_some(1)));
    let [consumer] = group.consumers.as_slice() else { panic!("{group:?}") };
    assert_eq!((&consumer.name[..], consumer.seen_ms), (&b"al"[..], 1_700_000_000_001));
    assert_eq!(consumer.active_ms, if code == 21 { None } else { Some(1_700_000_000_001) });
    let [pending] = group.pending.as_slice() else { panic!("{group:?}") };
    assert_eq!((pending.id, pending.delivered_ms, pending.deliveries, pending.consumer), (id(5, 0), 1_700_000_000_000, 7, 0));
}

#[test]
fn the_number_that_valkey_uses_for_field_deadlines_is_read_as_valkey_writes_it() {
    let field = |name: &str, value: &str, deadline: i64| {
        [string(name.as_bytes()), string(value.as_bytes()), deadline.to_le_bytes().to_vec()].concat()
    };
    let value = [length(2), field("f", "1", -1), field("g", "two", 1_900_000_000_000)].concat();
    let bytes = [b"VALKEY080\x16\x01k", &value[..], b"\xff", &samples::NO_CHECKSUM].concat();
    let events = read_all(&bytes).expect("a file of Valkey 9").events;
    let Some(Event::Entry { value, .. }) = events.first() else { panic!("{events:?}") };
    assert_eq!(elements(value), ["f", "1", "g", "two", "0", "1900000000000"]);
}

#[test]
fn what_is_written_is_read_back_as_the_same() {
    let values: Vec<Value> = every_type().iter().map(|(code, bytes)| read(*code, bytes).expect("a sample")).collect();
    let header =
        Header { redis_version: "7.4.0", created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version: Version::Redis7_4 };
    for compress in [false, true] {
        let mut writer = Writer::new(Vec::new(), Options { compress, checksum: true }, &header).expect("memory");
        for value in &values {
            writer.entry(b"key", value, &Attributes::default()).expect("memory");
        }
        let (bytes, _) = writer.finish().expect("memory");
        assert!(bytes.starts_with(b"REDIS0012"));
        let events = read_all(&bytes).expect("it was just written").events;
        let read: Vec<&Value> =
            events.iter().filter_map(|event| if let Event::Entry { value, .. } = event { Some(value) } else { None }).collect();
        assert_eq!(read.len(), values.len());
        for (expected, found) in values.iter().zip(read) {
            match (expected, found) {
                (Value::Set(Set::Intset(_)), _) => assert_eq!(expected, found),
                // The second layout is what is written: it knows no time of activity, and says what the first does not.
                (Value::Stream(one), Value::Stream(other)) => {
                    assert_eq!((&one.nodes, one.length, one.last_id), (&other.nodes, other.length, other.last_id));
                    assert_eq!(one.groups[0].pending, other.groups[0].pending);
                }
                _ => assert_eq!(elements(expected), elements(found)),
            }
        }
    }
}

#[test]
fn without_a_version_that_knows_them_deadlines_are_refused_instead_of_lost() {
    let header = Header { redis_version: "7.0.15", created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version: Version::Redis7 };
    let mut writer = Writer::new(Vec::new(), Options::default(), &header).expect("memory");
    for (code, bytes) in every_type() {
        let value = read(code, &bytes).expect("a sample");
        let written = writer.entry(b"key", &value, &Attributes::default());
        assert_eq!(written.is_err(), (22..=25).contains(&code), "type {code}");
    }
    assert!(writer.finish().expect("memory").0.starts_with(b"REDIS0010"));
}

#[test]
fn damaged_compact_forms_are_refused_with_what_is_wrong() {
    let damage = |code: u8, value: Vec<u8>| match read(code, &value) {
        Err(Error::BadValue { offset, damage }) => {
            assert!(offset >= 16, "{offset}");
            damage
        }
        other => panic!("type {code}: {other:?}"),
    };
    let is_listpack = |damage| matches!(damage, ValueDamage::Listpack(_));
    let cut = |mut bytes: Vec<u8>| {
        bytes.pop();
        string(&bytes)
    };
    for code in [16, 17, 20, 23] {
        assert!(is_listpack(damage(code, cut(listpack(&["a", "b"])))), "type {code}");
    }
    for code in [10, 12, 13] {
        assert_eq!(damage(code, cut(ziplist(&["a", "b"]))), ValueDamage::Ziplist);
    }
    assert_eq!(damage(9, cut(zipmap(&["a", "b"]))), ValueDamage::Zipmap);
    assert_eq!(damage(11, cut(intset(2, &[1, 2]))), ValueDamage::Intset);
    assert_eq!(damage(11, string(&intset(4, &[2, 1]))), ValueDamage::Intset);
    assert_eq!(damage(16, string(&listpack(&["a", "1", "b"]))), ValueDamage::Items);
    assert_eq!(damage(25, [vec![0; 8], string(&listpack(&["a", "1"]))].concat()), ValueDamage::Items);
    for (code, twice) in
        [(16, vec!["a", "1", "a", "2"]), (17, vec!["a", "1", "a", "2"]), (20, vec!["a", "a"]), (13, vec!["5", "1", "5", "2"])]
    {
        let bytes = if code == 13 { ziplist(&twice) } else { listpack(&twice) };
        assert_eq!(damage(code, string(&bytes)), ValueDamage::Duplicate, "type {code}");
    }
    let many: Vec<String> = (0..40).map(|n| format!("member {}", n % 39)).collect();
    assert_eq!(damage(20, string(&listpack(&many.iter().map(String::as_str).collect::<Vec<_>>()))), ValueDamage::Duplicate);
    assert_eq!(damage(17, string(&listpack(&["a", "nan"]))), ValueDamage::Score);
    assert_eq!(damage(17, string(&listpack(&["a", "x"]))), ValueDamage::Score);
    assert_eq!(damage(3, [length(1), string(b"a"), vec![253]].concat()), ValueDamage::Score);
    assert_eq!(damage(5, [length(1), string(b"a"), f64::NAN.to_le_bytes().to_vec()].concat()), ValueDamage::Score);
    assert_eq!(damage(25, [vec![0; 8], string(&listpack(&["a", "1", "-1"]))].concat()), ValueDamage::FieldDeadline);
    assert_eq!(damage(24, [vec![0xff; 8], length(1), length(5), string(b"a"), string(b"1")].concat()), ValueDamage::FieldDeadline);
    // One more than 46 bits.
    assert_eq!(damage(25, [vec![0; 8], string(&listpack(&["a", "1", "70368744177664"]))].concat()), ValueDamage::FieldDeadline);
    let late = (1u64 << 46).to_le_bytes().to_vec();
    assert_eq!(damage(24, [late, length(1), length(1), string(b"a"), string(b"1")].concat()), ValueDamage::FieldDeadline);
    assert_eq!(damage(18, [length(1), length(3), string(b"a")].concat()), ValueDamage::ListNode);
    assert_eq!(damage(19, [length(1), string(b"short"), string(b"a")].concat()), ValueDamage::StreamNode);
}

#[test]
fn pending_entries_belong_to_exactly_one_consumer() {
    let good = samples::stream(19);
    let id = [5_u64.to_be_bytes(), 0_u64.to_be_bytes()].concat();
    // Twice for the same consumer, for nobody, and an entry that the group does not know.
    let twice = [&good[..good.len() - 18], &length(2), &id, &id].concat();
    let nobody = [&good[..good.len() - 18], &length(0)].concat();
    let unknown = [&good[..good.len() - 1], &[9]].concat();
    for bytes in [twice, nobody, unknown] {
        assert!(matches!(read(19, &bytes), Err(Error::BadValue { damage: ValueDamage::Pending, .. })));
    }
}

#[test]
fn what_is_out_of_order_is_read_element_by_element() {
    let unsorted = read(17, &string(&listpack(&["b", "2", "a", "1"]))).expect("all that is wrong is the order");
    assert!(matches!(unsorted, Value::SortedSet(SortedSet::Members { .. })));
    assert_eq!(elements(&unsorted), ["b", "2.0", "a", "1.0"]);
    let unsorted = read(23, &string(&listpack(&["a", "1", "0", "b", "2", "7"]))).expect("all that is wrong is the order");
    assert_eq!(elements(&unsorted), ["a", "1", "b", "2", "0", "7"]);
}

#[test]
fn a_string_in_a_listpack_that_is_an_integer_becomes_one() {
    // "5" as a string of one byte.
    let bytes = [&10_u32.to_le_bytes()[..], &[1, 0], &[0x81, b'5', 2], &[0xff]].concat();
    let Value::Set(Set::Packed(packed)) = read(20, &string(&bytes)).expect("a listpack") else { panic!("not packed") };
    assert_eq!(packed, listpack(&["5"]));
}

#[test]
fn keys_without_elements_are_passed_over_by_name() {
    let empty = [
        (1, length(0)),
        (2, length(0)),
        (4, length(0)),
        (5, length(0)),
        (14, length(0)),
        (16, string(&listpack(&[]))),
        (10, string(&ziplist(&[]))),
    ];
    let events = read_all(&file(&empty)).expect("well formed").events;
    assert_eq!(events.len(), empty.len());
    for (number, event) in events.iter().enumerate() {
        assert_eq!(*event, Event::Skipped(Skipped::EmptyKey { key: format!("key {number}").into_bytes() }));
    }
    let lonely = strings(1, &["a"]);
    assert!(matches!(read(1, &lonely), Ok(Value::List(List::Items(_)))));
}
