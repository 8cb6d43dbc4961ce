//! Sets against a model, in all encodings, and what their random choices promise.

use graven_store::{Encoding, Entry, Keyspace, Probe, SetBuilder, Slot, Table, Thresholds};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

type Model = BTreeSet<Vec<u8>>;

fn keyspace() -> Keyspace {
    Keyspace::new(1, [3; 16])
}

fn members(entry: &Entry) -> Model {
    entry.set().unwrap().iter().map(|member| member.to_vec()).collect()
}

fn thresholds(intset: usize, listpack: usize) -> Thresholds {
    Thresholds { set_max_intset_entries: intset, set_max_listpack_entries: listpack, set_max_listpack_value: 8, ..Thresholds::default() }
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-20i64..20).prop_map(|number| number.to_string().into_bytes()),
        prop::sample::select(vec![i64::MAX, i64::MIN, 40_000, -40_000, 1 << 40]).prop_map(|number| number.to_string().into_bytes()),
        "[a-d]{0,2}".prop_map(String::into_bytes),
        "[xy]{9,10}".prop_map(String::into_bytes),
        Just(b"007".to_vec()),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => member().prop_map(Step::Add), 3 => member().prop_map(Step::Remove), 1 => (0usize..3).prop_map(Step::Take)]
}

/// A set built of these members under a key; nothing if there are none.
fn insert(keyspace: &mut Keyspace, key: &[u8], members: &Model, thresholds: &Thresholds) {
    let mut set = SetBuilder::new(keyspace.hasher(), thresholds);
    members.iter().for_each(|member| assert!(set.add(member)));
    let key = keyspace.key(key);
    keyspace.db_mut(0).insert(key, set.into_entry(key.bytes, None, 0));
}

proptest! {
    #[test]
    fn a_set_does_what_a_model_does(
        steps in prop::collection::vec(step(), 1..120),
        (intset, listpack) in prop::sample::select(vec![(512, 128), (4, 6), (6, 4), (0, 0), (3, 0), (0, 3)]),
    ) {
        let (mut keyspace, thresholds) = (keyspace(), thresholds(intset, listpack));
        let mut model = Model::new();
        let (key, mut random) = (keyspace.key(b"set"), 0u64);
        for step in steps {
            let hasher = keyspace.hasher();
            match (keyspace.db_mut(0).slot(key), step) {
                (Slot::Vacant(place), Step::Add(member)) => {
                    let mut set = SetBuilder::for_members(&member, 1, hasher, &thresholds);
                    prop_assert!(set.add(&member) && !set.add(&member));
                    place.insert_entry(set.into_entry(b"set", None, 0));
                    model.insert(member);
                }
                (Slot::Vacant(_), _) => {}
                (Slot::Occupied(mut place), step) => {
                    let mut set = place.set_mut().unwrap();
                    match step {
                        Step::Add(member) => prop_assert_eq!(set.add(&member, &thresholds), model.insert(member)),
                        Step::Remove(member) => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                        Step::Take(count) => {
                            let mut taken = 0;
                            let wanted = count.min(model.len());
                            set.take_random(count, &mut || { random = random.wrapping_add(0x9e37_79b9_7f4a_7c15); random }, &mut |member| {
                                taken += 1;
                                assert!(model.remove(&member.to_vec()));
                            });
                            prop_assert_eq!(taken, wanted);
                        }
                    }
                    if set.as_ref().is_empty() {
                        place.remove();
                    }
                }
            }
            match keyspace.db(0).get(key) {
                None => prop_assert!(model.is_empty()),
                Some(entry) => {
                    let set = entry.set().unwrap();
                    prop_assert_eq!(members(entry), model.clone());
                    prop_assert_eq!(set.len(), model.len());
                    let mut visited = Model::new();
                    set.for_each(|member| { visited.insert(member.to_vec()); ControlFlow::Continue(()) });
                    prop_assert_eq!(&visited, &model);
                    for member in [&b"a"[..], b"7", b"-0", b"", b"40000", b"007", b"xxxxxxxxx"] {
                        prop_assert_eq!(set.contains(member), model.contains(member));
                    }
                    prop_assert!(model.contains(&set.random(random).unwrap().to_vec()));
                    prop_assert!(set.encoding() != Encoding::Intset || set.len() <= intset);
                    prop_assert!(set.encoding() != Encoding::Listpack || set.len() <= listpack);
                }
            }
        }
    }

    #[test]
    fn filters_find_what_all_have_and_what_none_has(
        sets in prop::collection::vec((prop::collection::btree_set(member(), 1..60), any::<bool>(), any::<bool>()), 1..4),
    ) {
        let mut keyspace = keyspace();
        for (i, (members, small, _)) in sets.iter().enumerate() {
            insert(&mut keyspace, &[i as u8], members, &if *small { thresholds(512, 128) } else { thresholds(2, 2) });
        }
        let refs: Vec<_> = (0..sets.len()).map(|i| keyspace.db(0).get(keyspace.key(&[i as u8])).unwrap().set().unwrap()).collect();
        for (probe, wanted) in [(Probe::InAll, true), (Probe::InNone, false)] {
            let mut found = Vec::new();
            refs[0].filter(&refs[1..], probe, |member| { found.push(member.to_vec()); ControlFlow::Continue(()) });
            found.sort();
            let expected: Vec<_> = sets[0].0.iter().filter(|member| sets[1..].iter().all(|set| set.0.contains(*member) == wanted)).cloned().collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn members_that_stay_are_scanned_exactly_once(growth in prop::collection::vec((any::<bool>(), 1usize..400), 1..30), count in 1usize..50) {
        let mut keyspace = keyspace();
        let small = thresholds(4, 4);
        let staying: Model = (0..700).map(|i| format!("stays{i}").into_bytes()).collect();
        insert(&mut keyspace, b"set", &staying, &small);
        let key = keyspace.key(b"set");
        let (mut seen, mut cursor, mut next, mut oldest) = (BTreeMap::<Vec<u8>, usize>::new(), 0, 0, 0);
        let mut growth = growth.into_iter().cycle();
        loop {
            let set = keyspace.db(0).get(key).unwrap().set().unwrap();
            cursor = set.scan(cursor, count, &mut |member| *seen.entry(member.to_vec()).or_default() += 1);
            if cursor == 0 {
                break;
            }
            let (grows, by) = growth.next().unwrap();
            let Slot::Occupied(mut place) = keyspace.db_mut(0).slot(key) else { panic!("it is there") };
            let mut set = place.set_mut().unwrap();
            for _ in 0..by {
                // Bounded, or the scan would never catch up.
                if grows && next < 5_000 {
                    set.add(format!("comes{next}").as_bytes(), &small);
                    next += 1;
                } else if oldest < next {
                    set.remove(format!("comes{oldest}").as_bytes());
                    oldest += 1;
                }
            }
        }
        prop_assert!(staying.iter().all(|member| seen.get(member) == Some(&1)));
    }
}

fn encoding_of(members: &[&str], thresholds: &Thresholds) -> Encoding {
    let mut set = SetBuilder::new(keyspace().hasher(), thresholds);
    members.iter().for_each(|member| assert!(set.add(member.as_bytes())));
    set.into_entry(b"k", None, 0).encoding()
}

#[test]
fn encodings_change_where_those_of_redis_do() {
    let limits = thresholds(3, 4);
    assert_eq!(encoding_of(&["1", "2", "3"], &limits), Encoding::Intset);
    assert_eq!(encoding_of(&["1", "2", "3", "4"], &limits), Encoding::Hashtable, "too many numbers are no listpack");
    assert_eq!(encoding_of(&["1", "2", "3", "a"], &limits), Encoding::Listpack);
    assert_eq!(encoding_of(&["1", "2", "3", "a", "b"], &limits), Encoding::Hashtable);
    assert_eq!(encoding_of(&["1", "2", "a longer word"], &limits), Encoding::Hashtable);
    assert_eq!(encoding_of(&["123456789", "a"], &limits), Encoding::Hashtable, "the number is too long for a listpack");
    assert_eq!(encoding_of(&["-12345678", "1", "a"], &limits), Encoding::Hashtable, "the first is the longest");
}

#[test]
fn an_intersection_of_numbers_becomes_an_intset() {
    let (hasher, limits) = (keyspace().hasher(), thresholds(3, 4));
    let mut set = SetBuilder::for_members(b"word", 2, hasher, &limits);
    ["5", "-1", "70000"].iter().for_each(|member| assert!(set.add(member.as_bytes())));
    set.prefer_intset();
    let entry = set.into_entry(b"k", None, 0);
    assert_eq!(entry.encoding(), Encoding::Intset);
    assert_eq!(entry.set().unwrap().iter().map(|member| member.to_vec()).collect::<Vec<_>>(), [&b"-1"[..], b"5", b"70000"]);
}

/// A table that was far larger once.
fn sparse(left: usize) -> Table {
    let mut table = Table::new(keyspace().hasher());
    let name = |i: usize| format!("member:{i}").into_bytes();
    for i in 0..60_000 {
        let name = name(i);
        table.insert(table.key(&name), Entry::new_bytes(&name, b"", None, 0));
    }
    for i in left..60_000 {
        table.remove(table.key(&name(i)));
    }
    table
}

#[test]
fn choices_from_sparse_tables_are_nearly_even() {
    for left in [3, 40, 150, 1_000] {
        let table = sparse(left);
        let draws = 400 * left as u64;
        let mut counts = BTreeMap::<Vec<u8>, f64>::new();
        for i in 0..draws {
            *counts.entry(table.random(i.wrapping_mul(0xd134_2543_de82_ef95)).unwrap().key().to_vec()).or_default() += 1.0;
        }
        assert_eq!(counts.len(), left, "each is chosen sometimes");
        let expected = draws as f64 / left as f64;
        let chi_square: f64 = counts.values().map(|count| (count - expected).powi(2) / expected).sum();
        // Even choices are within five standard deviations of the mean.
        let freedom = left as f64 - 1.0;
        assert!(chi_square < freedom + 5.0 * (2.0 * freedom).sqrt() + 10.0, "{left} left: {chi_square}");
    }
}

#[test]
fn pops_empty_a_large_table_each_member_once() {
    let mut table = sparse(20_000);
    let mut random = 1u64;
    let mut popped = BTreeSet::new();
    while let Some(entry) = table.take_random(random) {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        assert!(popped.insert(entry.key().to_vec()));
    }
    assert_eq!((popped.len(), table.len()), (20_000, 0));
}

#[test]
fn many_members_at_once_are_the_same_as_one_after_the_other() {
    let (mut keyspace, thresholds) = (keyspace(), thresholds(4, 4));
    insert(&mut keyspace, b"set", &(0..2_000).map(|n: u32| n.to_string().into_bytes()).collect(), &thresholds);
    let key = keyspace.key(b"set");
    // Around the size of a batch, each word twice, half of them members already.
    for count in [0, 1, 2, 15, 16, 17, 32, 33, 500] {
        let words: Vec<Vec<u8>> = (0..count).map(|n: u32| (2_000 - count / 4 + n / 2).to_string().into_bytes()).collect();
        let mut model = members(keyspace.db(0).get(key).unwrap());
        let Slot::Occupied(mut place) = keyspace.db_mut(0).slot(key) else { panic!("the set is there") };
        let mut set = place.set_mut().unwrap();

        let mut found = Vec::new();
        set.as_ref().contains_each(words.iter().map(Vec::as_slice), |member| found.push(member));
        assert_eq!(found, words.iter().map(|word| model.contains(word)).collect::<Vec<_>>());

        let new: Model = words.iter().filter(|word| !model.contains(*word)).cloned().collect();
        assert_eq!(set.add_all(words.iter().map(Vec::as_slice), &thresholds), new.len());
        model.extend(new.iter().cloned());
        assert_eq!(set.as_ref().iter().map(|member| member.to_vec()).collect::<Model>(), model);

        // Named twice: only once a member.
        let twice = new.iter().chain(&new).map(Vec::as_slice).collect::<Vec<_>>();
        assert_eq!(set.remove_all(twice.into_iter()), new.len());
        model.retain(|member| !new.contains(member));
        assert_eq!(set.as_ref().iter().map(|member| member.to_vec()).collect::<Model>(), model);
    }
}
