//! The promises of `SCAN` and random picks.

use std::collections::{HashMap, HashSet};

use graven_store::{Entry, Keyspace};
use proptest::prelude::*;

fn add(keyspace: &mut Keyspace, number: u64) {
    let bytes = number.to_le_bytes();
    let key = keyspace.key(&bytes);
    keyspace.db_mut(0).insert(key, Entry::new_string(&bytes, b"value", None, 0));
}

fn remove(keyspace: &mut Keyspace, number: u64) -> bool {
    let bytes = number.to_le_bytes();
    let key = keyspace.key(&bytes);
    keyspace.db_mut(0).remove(key).is_some()
}

fn number_of(entry: &Entry) -> u64 {
    u64::from_le_bytes(entry.key().try_into().expect("keys have eight bytes"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_element_that_stays_is_visited_exactly_once_whatever_resizes(
        staying in 1u64..4000,
        steps in prop::collection::vec((0u64..3000, any::<bool>(), 1usize..400), 1..40),
        clear_at in prop::option::of(0usize..40),
        seed in any::<[u8; 16]>(),
    ) {
        let mut keyspace = Keyspace::new(1, seed);
        (0..staying).for_each(|number| add(&mut keyspace, number));
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut cursor = 0;
        let mut step = 0;
        let mut highest = 1_000_000;
        loop {
            let (churn, grow, count) = steps[step % steps.len()];
            cursor = keyspace.db(0).scan(cursor, count, &mut |entry| *seen.entry(number_of(entry)).or_default() += 1);
            if cursor == 0 {
                break;
            }
            prop_assert!(cursor < 1 << 48);
            if clear_at == Some(step) {
                // The table starts anew with a coarser geometry, and the same elements come back.
                drop(keyspace.db_mut(0).clear());
                (0..staying).rev().for_each(|number| add(&mut keyspace, number));
                highest = 1_000_000;
            }
            if grow && highest < 1_020_000 {
                (highest..highest + churn).for_each(|number| add(&mut keyspace, number));
                highest += churn;
            } else {
                let lowest = (highest - churn).max(1_000_000);
                (lowest..highest).for_each(|number| assert!(remove(&mut keyspace, number)));
                highest = lowest;
            }
            step += 1;
        }
        for number in 0..staying {
            prop_assert_eq!(seen.get(&number), Some(&1), "element {}", number);
        }
    }
}

#[test]
fn scan_of_an_empty_database_and_of_absurd_cursors_ends_at_once() {
    let mut keyspace = Keyspace::new(1, [3; 16]);
    assert_eq!(keyspace.db(0).scan(0, 10, &mut |_| panic!("there is nothing")), 0);
    (0..10_000).for_each(|number| add(&mut keyspace, number));
    assert_eq!(keyspace.db(0).scan(1 << 48, 10, &mut |_| panic!("nothing is there")), 0);
    assert_eq!(keyspace.db(0).scan(u64::MAX, 10, &mut |_| panic!("nothing is there")), 0);
    assert_eq!(keyspace.db(0).scan((1 << 48) - 1, 10, &mut |_| ()), 0);
    let mut seen = 0;
    assert_eq!(keyspace.db(0).scan(0, usize::MAX, &mut |_| seen += 1), 0);
    assert_eq!(seen, 10_000);
}

#[test]
fn one_scan_call_visits_about_as_many_as_asked_and_does_bounded_work_in_a_sparse_table() {
    let mut keyspace = Keyspace::new(1, [3; 16]);
    (0..50_000).for_each(|number| add(&mut keyspace, number));
    let mut seen = 0;
    assert_ne!(keyspace.db(0).scan(0, 100, &mut |_| seen += 1), 0);
    assert!((100..140).contains(&seen), "{seen}");
    (0..50_000).for_each(|number| assert!(remove(&mut keyspace, number)));
    assert_ne!(keyspace.db(0).scan(0, 5, &mut |_| panic!("it is empty")), 0);
}

#[test]
fn random_picks_every_key_about_equally_often() {
    let mut keyspace = Keyspace::new(1, [5; 16]);
    assert!(keyspace.db(0).random(1).is_none());
    for keys in [1u64, 7, 30, 3000] {
        (0..keys).for_each(|number| add(&mut keyspace, number));
        let mut picks: HashMap<u64, f64> = HashMap::new();
        let per_key = 200;
        for random in 0..keys * per_key {
            let entry = keyspace.db(0).random(random.wrapping_mul(0x2545_f491_4f6c_dd1d)).expect("there are keys");
            *picks.entry(number_of(entry)).or_default() += 1.0;
        }
        assert_eq!(picks.len() as u64, keys);
        let chi_square: f64 = picks.values().map(|picked| (picked - per_key as f64).powi(2) / per_key as f64).sum();
        assert!(chi_square < keys as f64 + 6.0 * (2.0 * keys as f64).sqrt() + 10.0, "{keys} keys: {chi_square}");
    }
}

#[test]
fn random_finds_the_last_key_of_a_database_that_was_large() {
    let mut keyspace = Keyspace::new(1, [5; 16]);
    (0..100_000).for_each(|number| add(&mut keyspace, number));
    (1..100_000).for_each(|number| assert!(remove(&mut keyspace, number)));
    let picked: HashSet<u64> = (0..50).map(|random| number_of(keyspace.db(0).random(random).expect("one is left"))).collect();
    assert_eq!(picked, HashSet::from([0]));
}
