//! What an entry takes, and the edges of its layout.

use graven_store::{EMBEDDED_MAX_BYTES, Encoding, Entry, Keyspace, Slot, StringRef};

#[test]
fn a_key_of_14_bytes_with_a_value_of_100_takes_128_bytes() {
    assert_eq!(Entry::new_string(b"key:0000000001", &[b'v'; 100], None, 0).memory_usage(), 128);
    assert_eq!(Entry::new_string(b"key:0000000001", &[b'v'; 100], Some(1), 0).memory_usage(), 128);
    assert_eq!(Entry::new_string(b"counter", b"-9223372036854775808", None, 0).memory_usage(), 32);
    assert_eq!(size_of::<Option<Entry>>(), 8);
}

#[test]
fn every_length_around_an_edge_reads_back() {
    let lengths = [0, 1, 2, 44, 45, 127, 128, 254, 255, 256, 257, EMBEDDED_MAX_BYTES - 1, EMBEDDED_MAX_BYTES, EMBEDDED_MAX_BYTES + 1];
    for key_len in lengths {
        for value_len in lengths {
            for deadline in [None, Some(0), Some(u64::MAX)] {
                let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
                let entry = Entry::new_string(&key, &value, deadline, 0xabcdef);
                for copy in [entry.clone_as(b"another"), entry.clone_as(&key).rename(b""), entry] {
                    assert_eq!(copy.string(), Some(StringRef::Bytes(&value)));
                    assert_eq!(copy.deadline(), deadline);
                    assert_eq!(copy.access(), 0xabcdef);
                    assert_eq!(copy.encoding(), if value_len <= 44 { Encoding::Embstr } else { Encoding::Raw });
                }
            }
        }
    }
}

#[test]
fn a_value_changes_between_all_lengths_and_kinds() {
    let lengths = [0, 1, 8, 9, 44, 45, 100, 254, 255, 256, 1023, 1024, 1025, 3000];
    let mut keyspace = Keyspace::new(1, [7; 16]);
    for key_len in [0, 3, 14, 255, 256] {
        let name = vec![b'n'; key_len];
        let key = keyspace.key(&name);
        for from in lengths {
            for to in lengths {
                for change in 0..5 {
                    let db = keyspace.db_mut(0);
                    db.remove(key);
                    let Slot::Vacant(vacant) = db.slot(key) else { panic!("the key was removed") };
                    let mut expected = vec![b'a'; from];
                    let mut occupied = vacant.insert_string(&expected, Some(77), 5);
                    let piece = vec![b'b'; to];
                    match change {
                        0 => {
                            occupied.set_string(&piece);
                            expected = piece;
                        }
                        1 => {
                            occupied.append(&piece);
                            expected.extend(piece);
                        }
                        2 => {
                            occupied.set_range(to, b"tail");
                            expected.resize(expected.len().max(to + 4), 0);
                            expected[to..to + 4].copy_from_slice(b"tail");
                        }
                        3 => {
                            occupied.set_int(-12);
                            occupied.append(&piece);
                            expected = [b"-12".as_slice(), &piece].concat();
                        }
                        _ => {
                            occupied.set_deadline(None);
                            occupied.set_deadline(Some(77));
                        }
                    }
                    let entry = db.get(key).unwrap();
                    assert_eq!(entry.string(), Some(StringRef::Bytes(&expected)), "{from} {to} {change}");
                    assert_eq!((entry.deadline(), entry.access(), entry.key()), (Some(77), 5, &name[..]));
                }
            }
        }
    }
}

#[test]
fn encoding_follows_how_a_string_was_written() {
    let mut keyspace = Keyspace::new(1, [7; 16]);
    let key = keyspace.key(b"key");
    let Slot::Vacant(vacant) = keyspace.db_mut(0).slot(key) else { panic!("the database is empty") };
    let mut occupied = vacant.insert_string(b"12", None, 0);
    let mut now = |change: &mut dyn FnMut(&mut graven_store::Occupied<'_>)| {
        change(&mut occupied);
        occupied.entry().encoding().name()
    };
    assert_eq!(now(&mut |_| {}), "int");
    assert_eq!(now(&mut |slot| assert_eq!(slot.append(b"3"), 3)), "raw");
    assert_eq!(now(&mut |slot| slot.set_string(b"123")), "int");
    assert_eq!(now(&mut |slot| slot.set_bytes(b"123")), "embstr");
    assert_eq!(now(&mut |slot| slot.mark_raw()), "raw");
    assert_eq!(now(&mut |slot| slot.set_string(&[b'x'; 44])), "embstr");
    assert_eq!(now(&mut |slot| slot.set_string(&[b'x'; 45])), "raw");
    assert_eq!(now(&mut |slot| slot.set_string(&[b'x'; 5000])), "raw");
    assert_eq!(now(&mut |slot| slot.set_string(b"007")), "embstr");
    assert_eq!(now(&mut |slot| slot.set_string(b"9223372036854775808")), "embstr");
    assert_eq!(now(&mut |slot| assert_eq!(slot.set_range(1, b""), 19)), "raw");
}

#[test]
fn appending_many_small_pieces_copies_an_amortised_amount() {
    let mut keyspace = Keyspace::new(1, [7; 16]);
    let key = keyspace.key(b"log");
    let Slot::Vacant(vacant) = keyspace.db_mut(0).slot(key) else { panic!("the database is empty") };
    let mut occupied = vacant.insert_string(b"", None, 0);
    let mut sizes = std::collections::HashSet::new();
    for turn in 1..=100_000 {
        assert_eq!(occupied.append(b"0123456789"), turn * 10);
        sizes.insert(occupied.entry().memory_usage());
    }
    assert!(sizes.len() < 60, "the value was moved {} times", sizes.len());
}
