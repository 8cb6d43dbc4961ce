//! Tables stay small and lookups short, whatever has been inserted and deleted before.

use graven_store::{Entry, Keyspace};

fn add(keyspace: &mut Keyspace, number: u64) {
    let bytes = number.to_le_bytes();
    let key = keyspace.key(&bytes);
    keyspace.db_mut(0).insert(key, Entry::new_string(&bytes, b"value", None, 0));
}

fn remove(keyspace: &mut Keyspace, number: u64) {
    let bytes = number.to_le_bytes();
    let key = keyspace.key(&bytes);
    keyspace.db_mut(0).remove(key).expect("the key exists");
}

#[test]
fn lookups_stay_short_after_millions_of_inserts_and_deletes() {
    const LIVE: u64 = 50_000;
    let mut keyspace = Keyspace::new(1, [2; 16]);
    (0..LIVE).for_each(|number| add(&mut keyspace, number));
    let fresh = keyspace.db(0).average_missing_walk();
    let mut longest = fresh;
    for number in LIVE..LIVE + 2_000_000 {
        remove(&mut keyspace, number - LIVE);
        add(&mut keyspace, number);
        if number % 100_000 == 0 {
            longest = longest.max(keyspace.db(0).average_missing_walk());
        }
    }
    assert_eq!(keyspace.db(0).len() as u64, LIVE);
    // Were the overflow marks never cleared, such a lookup would walk most of its segment: dozens of buckets.
    println!("{fresh:.2} buckets per missing lookup when fresh, at worst {longest:.2}");
    assert!(fresh < 4.0 && longest < 6.0, "{fresh} buckets when fresh, {longest} at worst");
}

#[test]
fn deleting_most_keys_gives_the_tables_back() {
    let mut keyspace = Keyspace::new(1, [2; 16]);
    (0..200_000).for_each(|number| add(&mut keyspace, number));
    let full = keyspace.db(0).table_bytes();
    (1000..200_000).for_each(|number| remove(&mut keyspace, number));
    assert!(keyspace.db(0).table_bytes() < full / 5);
    (0..1000).for_each(|number| remove(&mut keyspace, number));
    assert!(keyspace.db(0).is_empty());
    assert_eq!(keyspace.db(0).table_stats().slots, 0);
    (0..200_000).for_each(|number| add(&mut keyspace, number));
    assert_eq!(keyspace.db(0).len(), 200_000);
}

#[test]
fn tables_cost_at_most_12_bytes_per_key_at_any_number_of_keys() {
    let mut keyspace = Keyspace::new(1, [2; 16]);
    for number in 0..600_000 {
        add(&mut keyspace, number);
        let keys = number + 1;
        if keys >= 10_000 && keys % 10_000 == 0 {
            let per_key = keyspace.db(0).table_bytes() as f64 / keys as f64;
            assert!(per_key < 12.0, "{per_key} at {keys} keys");
        }
    }
}

#[test]
fn an_unused_keyspace_is_small() {
    let keyspace = Keyspace::new(16, [2; 16]);
    let bytes: usize = (0..keyspace.databases()).map(|index| keyspace.db(index).table_bytes()).sum();
    assert!(bytes < 2000, "{bytes}");
}
