//! Keys put in many at a time are there exactly as if they had come one by one.

use graven_store::{Entry, HashBuilder, Incoming, Keyspace, Table, Thresholds};

const SEED: [u8; 16] = *b"0123456789abcdef";

fn keyspace() -> Keyspace {
    Keyspace::new(1, SEED)
}

/// One in seven has a deadline; one in eleven is a hash one of whose fields has one.
fn entry(keyspace: &Keyspace, number: usize) -> Entry {
    let key = format!("key:{number}");
    let deadline = number.is_multiple_of(7).then_some(1_000_000 + number as u64);
    if !number.is_multiple_of(11) {
        return Entry::new_string(key.as_bytes(), number.to_string().as_bytes(), deadline, 0);
    }
    let thresholds = Thresholds::default();
    let mut hash = HashBuilder::new(keyspace.hasher(), &thresholds);
    hash.set(b"field", b"value", Some(500_000 + number as u64));
    hash.finish(key.as_bytes(), deadline, 0)
}

fn incoming(keyspace: &Keyspace, numbers: impl IntoIterator<Item = usize>) -> Vec<Incoming> {
    let one = |number| {
        let entry = entry(keyspace, number);
        Incoming::new(keyspace.key(entry.key().to_vec().as_slice()), entry)
    };
    numbers.into_iter().map(one).collect()
}

/// What is known of a table, and of the keys `0..count`.
fn facts(keyspace: &Keyspace, count: usize) -> (Vec<usize>, u128, Option<u64>, Vec<Option<u64>>) {
    let table = keyspace.db(0);
    let deadlines = (0..count).map(|number| {
        let key = format!("key:{number}");
        let entry = table.get(keyspace.key(key.as_bytes())).expect("each key is there");
        assert_eq!(entry.key(), key.as_bytes());
        entry.deadline()
    });
    let deadlines = deadlines.collect();
    let numbers = vec![table.len(), table.volatile_len(), table.expiring_hashes(), table.iter().count()];
    (numbers, table.deadline_sum(), table.next_deadline(), deadlines)
}

fn one_by_one(count: usize) -> Keyspace {
    let mut keyspace = keyspace();
    for number in 0..count {
        let entry = entry(&keyspace, number);
        let bytes = entry.key().to_vec();
        let key = keyspace.key(&bytes);
        assert!(keyspace.db_mut(0).insert(key, entry).is_none());
    }
    keyspace
}

#[test]
fn keys_put_in_together_are_there_as_if_they_had_come_alone() {
    const COUNT: usize = 40_000;
    let expected = facts(&one_by_one(COUNT), COUNT);
    // No hint, one that is much too small, a right one, and one that is much too large.
    for hint in [0, 500, COUNT, 20 * COUNT] {
        let mut keyspace = keyspace();
        keyspace.db_mut(0).reserve(hint);
        for from in (0..COUNT).step_by(1_000) {
            let entries = incoming(&keyspace, from..from + 1_000);
            assert!(keyspace.db_mut(0).insert_all(entries).is_ok());
        }
        assert_eq!(facts(&keyspace, COUNT), expected, "hint {hint}");
    }
}

#[test]
fn a_key_that_is_there_is_found_and_nothing_after_it_goes_in() {
    let mut keyspace = keyspace();
    let entries = incoming(&keyspace, 0..100);
    assert!(keyspace.db_mut(0).insert_all(entries).is_ok());
    let entries = incoming(&keyspace, [100, 101, 42, 102]);
    let Err((place, entry)) = keyspace.db_mut(0).insert_all(entries) else { panic!("42 is there") };
    assert_eq!((place, entry.key()), (2, &b"key:42"[..]));
    let entries = incoming(&keyspace, [102, 103, 102, 104]);
    let Err((place, entry)) = keyspace.db_mut(0).insert_all(entries) else { panic!("102 comes twice") };
    assert_eq!((place, entry.key()), (2, &b"key:102"[..]));
    assert_eq!(facts(&keyspace, 104).0[0], 104);
}

fn filled(reserve: bool, count: usize) -> Keyspace {
    let mut keyspace = keyspace();
    if reserve {
        keyspace.db_mut(0).reserve(count);
    }
    let entries = incoming(&keyspace, 0..count);
    assert!(keyspace.db_mut(0).insert_all(entries).is_ok());
    keyspace
}

#[test]
fn room_made_in_advance_is_room_that_is_used() {
    let bytes = |keyspace: &Keyspace| Table::table_bytes(keyspace.db(0));
    for count in [30, 1_000, 150_000, 160_000, 250_000, 300_000] {
        let (reserved, grown) = (filled(true, count), filled(false, count));
        assert!(bytes(&reserved) < bytes(&grown) * 6 / 5 + 4096, "{count}: {} and {}", bytes(&reserved), bytes(&grown));
        let stats = reserved.db(0).table_stats();
        assert!(stats.keys * 100 > stats.slots * 65 || count < 100, "{count}: {stats:?}");
        let walk = reserved.db(0).average_missing_walk();
        assert!(walk < 2.5, "{count}: a lookup looks at {walk} buckets");
    }
}

#[test]
fn a_hint_for_a_table_with_keys_loses_none() {
    let mut keyspace = one_by_one(5_000);
    keyspace.db_mut(0).reserve(1_000_000);
    assert_eq!(facts(&keyspace, 5_000), facts(&one_by_one(5_000), 5_000));
    assert!(keyspace.db(0).table_stats().segments >= 1_000_000 / 600);
}

/// Keys that come one by one into a table that expects so many.
fn expecting(expected: usize, count: usize) -> Keyspace {
    let mut keyspace = keyspace();
    for number in 0..count {
        if number.is_multiple_of(5_000) {
            keyspace.db_mut(0).expect(expected);
        }
        let entry = entry(&keyspace, number);
        let bytes = entry.key().to_vec();
        let key = keyspace.key(&bytes);
        assert!(keyspace.db_mut(0).insert(key, entry).is_none());
    }
    keyspace.db_mut(0).settle();
    keyspace
}

#[test]
fn a_table_that_expects_keys_has_what_came_whatever_was_expected() {
    const COUNT: usize = 40_000;
    let expected = facts(&one_by_one(COUNT), COUNT);
    for guess in [1, COUNT / 10, COUNT, 50 * COUNT, usize::MAX] {
        assert_eq!(facts(&expecting(guess, COUNT), COUNT), expected, "guess {guess}");
    }
}

#[test]
fn a_wrong_guess_costs_few_bytes_a_key() {
    const COUNT: usize = 200_000;
    let grown = one_by_one(COUNT).db(0).table_bytes() as f64 / COUNT as f64;
    for (guess, more) in [(COUNT / 10, 0.5), (COUNT, 2.0), (2 * COUNT, 3.0), (1000 * COUNT, 5.0)] {
        let guessed = expecting(guess, COUNT);
        let bytes = guessed.db(0).table_bytes() as f64 / COUNT as f64;
        assert!(bytes < grown + more, "{guess} keys expected: {bytes} bytes a key, otherwise {grown}");
    }
}
