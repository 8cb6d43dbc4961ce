//! A sorted set against a model that is plainly right, small and large and across the threshold.

use graven_store::{
    Entry, Keyspace, LexBound, LexRange, ObjectType, ScoreRange, Slot, SortedSetBuilder, SortedSetRef, StringRef, Thresholds,
};
use proptest::prelude::*;

const KEY: &[u8] = b"a sorted set";

/// Members and scores in order.
#[derive(Default, Clone)]
struct Model(Vec<(Vec<u8>, f64)>);

impl Model {
    fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.iter().find(|(other, _)| other == member).map(|(_, score)| *score)
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.score(member);
        if old != Some(score) {
            self.remove(member);
            let before = |(other, at): &(Vec<u8>, f64)| *at < score || *at == score && other.as_slice() < member;
            let at = self.0.partition_point(before);
            self.0.insert(at, (member.to_vec(), score));
        }
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.0.iter().position(|(other, _)| other == member)?;
        Some(self.0.remove(at).1)
    }
}

fn shown<'a>(members: impl Iterator<Item = (StringRef<'a>, f64)>) -> Vec<(Vec<u8>, f64)> {
    members.map(|(member, score)| (member.to_vec(), score)).collect()
}

fn check(set: SortedSetRef<'_>, model: &Model) {
    assert_eq!(set.len(), model.0.len());
    assert_eq!(shown(set.iter()), model.0);
    let mut backwards = shown(set.range(0..set.len(), true));
    backwards.reverse();
    assert_eq!(backwards, model.0);
    for (rank, (member, score)) in model.0.iter().enumerate() {
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(set.score(member), Some(*score));
    }
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 7, &mut |member, score| scanned.push((member.to_vec(), score)));
        if cursor == 0 {
            break;
        }
    }
    scanned.sort_by(|one, other| one.0.cmp(&other.0));
    let mut all = model.0.clone();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(scanned, all);
}

fn check_ranges(set: SortedSetRef<'_>, model: &Model, range: &ScoreRange) {
    let inside = |score: f64| {
        let low = if range.min_excluded { score > range.min } else { score >= range.min };
        low && if range.max_excluded { score < range.max } else { score <= range.max }
    };
    let expected: Vec<_> = model.0.iter().filter(|(_, score)| inside(*score)).cloned().collect();
    assert_eq!(shown(set.by_score(range)), expected, "{range:?}");
    let mut backwards = shown(set.range(set.ranks_by_score(range), true));
    backwards.reverse();
    assert_eq!(backwards, expected, "{range:?}");
}

/// A keyspace with one sorted set of one member, and its model.
fn start(thresholds: &Thresholds) -> (Keyspace, Model) {
    let mut keyspace = Keyspace::new(1, *b"sixteen bytes ok");
    let key = keyspace.key(KEY);
    let Slot::Vacant(place) = keyspace.db_mut(0).slot(key) else { panic!("it is empty") };
    let mut builder = SortedSetBuilder::new(0, thresholds, place.hasher());
    builder.insert(b"first", 0.0);
    place.insert_entry(builder.into_entry(KEY, None, 0));
    let mut model = Model::default();
    model.insert(b"first", 0.0);
    (keyspace, model)
}

fn entry(keyspace: &Keyspace) -> &Entry {
    keyspace.db(0).get(keyspace.key(KEY)).expect("it is there")
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>, f64),
    Row(u16, u16, bool),
    Remove(Vec<u8>),
    RemoveAt(u16),
    RemoveRanks(u16, u16),
    Ranges(ScoreRange),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u16..400).prop_map(|n| format!("member:{n}").into_bytes()),
        2 => (0i64..300).prop_map(|n| n.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
        1 => (0u8..9, 0usize..3000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5i32..5).prop_map(f64::from),
        2 => (-1000i32..1000).prop_map(|n| f64::from(n) / 8.0),
        1 => any::<f64>().prop_filter("a number", |n| !n.is_nan()),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e300), Just(5e-324), Just(9e18)],
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let range = (score(), score(), any::<bool>(), any::<bool>()).prop_map(|(min, max, min_excluded, max_excluded)| ScoreRange {
        min,
        max,
        min_excluded,
        max_excluded,
    });
    prop_oneof![
        10 => (member(), score()).prop_map(|(member, score)| Step::Insert(member, score)),
        2 => (0u16..2000, 1u16..300, any::<bool>()).prop_map(|(from, count, up)| Step::Row(from, count, up)),
        4 => member().prop_map(Step::Remove),
        3 => any::<u16>().prop_map(Step::RemoveAt),
        2 => (any::<u16>(), 0u16..200).prop_map(|(from, count)| Step::RemoveRanks(from, count)),
        1 => range.prop_map(Step::Ranges),
    ]
}

fn run(steps: &[Step], thresholds: &Thresholds) {
    let (mut keyspace, mut model) = start(thresholds);
    let key = Keyspace::new(1, *b"sixteen bytes ok").key(KEY);
    for step in steps {
        let Slot::Occupied(mut place) = keyspace.db_mut(0).slot(key) else { panic!("it is there") };
        let mut set = place.sorted_set_mut().expect("a sorted set");
        match step {
            Step::Insert(member, score) => {
                assert_eq!(set.insert(member, *score, thresholds), model.insert(member, *score));
            }
            Step::Row(from, count, up) => {
                for n in 0..i64::from(*count) {
                    let n = i64::from(*from) + if *up { n } else { -n };
                    let member = format!("row:{n}").into_bytes();
                    assert_eq!(set.insert(&member, n as f64, thresholds), model.insert(&member, n as f64));
                }
            }
            Step::Remove(member) => {
                if model.0.len() > 1 {
                    assert_eq!(set.remove(member), model.remove(member));
                }
            }
            Step::RemoveAt(at) => {
                if model.0.len() > 1 {
                    let (member, score) = model.0.remove(usize::from(*at) % model.0.len());
                    assert_eq!(set.remove(&member), Some(score));
                }
            }
            Step::RemoveRanks(from, count) => {
                let from = usize::from(*from) % model.0.len();
                let to = (from + usize::from(*count)).min(model.0.len());
                if to - from < model.0.len() {
                    assert_eq!(set.remove_ranks(from..to), to - from);
                    model.0.drain(from..to);
                }
            }
            Step::Ranges(range) => check_ranges(set.as_ref(), &model, range),
        }
    }
    check(entry(&keyspace).sorted_set().expect("a sorted set"), &model);
    let copy = entry(&keyspace).clone();
    check(copy.sorted_set().expect("a sorted set"), &model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_large_one_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..120)) {
        run(&steps, &Thresholds { zset_max_listpack_entries: 0, ..Thresholds::default() });
    }

    #[test]
    fn a_small_one_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let sizes = Thresholds { zset_max_listpack_entries: usize::MAX, zset_max_listpack_value: usize::MAX, ..Thresholds::default() };
        run(&steps, &sizes);
    }

    #[test]
    fn one_that_crosses_the_thresholds_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        run(&steps, &Thresholds { zset_max_listpack_entries: 40, ..Thresholds::default() });
    }

    #[test]
    fn a_range_of_members_is_found_among_equal_scores(
        members in proptest::collection::btree_set(member(), 1..300),
        one in member(),
        other in member(),
        entries in prop_oneof![Just(0usize), Just(10_000)],
    ) {
        let thresholds = Thresholds { zset_max_listpack_entries: entries, zset_max_listpack_value: usize::MAX, ..Thresholds::default() };
        let mut builder = SortedSetBuilder::new(0, &thresholds, Keyspace::new(1, [7; 16]).hasher());
        members.iter().rev().for_each(|member| assert_eq!(builder.insert(member, 1.0), None));
        let entry = builder.into_entry(KEY, None, 0);
        let set = entry.sorted_set().expect("a sorted set");
        for (min, max) in [
            (LexBound::Included(&one), LexBound::Included(&other)),
            (LexBound::Excluded(&one), LexBound::Excluded(&other)),
            (LexBound::Least, LexBound::Excluded(&other)),
            (LexBound::Included(&one), LexBound::Greatest),
            (LexBound::Greatest, LexBound::Least),
        ] {
            let above = |member: &Vec<u8>| match min {
                LexBound::Least => true,
                LexBound::Greatest => false,
                LexBound::Included(bound) => member.as_slice() >= bound,
                LexBound::Excluded(bound) => member.as_slice() > bound,
            };
            let below = |member: &Vec<u8>| match max {
                LexBound::Least => false,
                LexBound::Greatest => true,
                LexBound::Included(bound) => member.as_slice() <= bound,
                LexBound::Excluded(bound) => member.as_slice() < bound,
            };
            let expected: Vec<_> = members.iter().filter(|m| above(m) && below(m)).map(|m| (m.clone(), 1.0)).collect();
            let found = shown(set.range(set.ranks_by_lex(&LexRange { min, max }), false));
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_million_members_in_a_row_are_well_packed_and_go_in_pieces() {
    let thresholds = Thresholds::default();
    let mut builder = SortedSetBuilder::new(1_000_000, &thresholds, Keyspace::new(1, [7; 16]).hasher());
    for n in 0..200_000u64 {
        let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        builder.insert(format!("element:{n:08}").as_bytes(), scattered as f64);
    }
    let entry = builder.into_entry(KEY, None, 0);
    assert_eq!(entry.object_type(), ObjectType::SortedSet);
    let bytes = entry.memory_usage() as f64 / 200_000.0;
    assert!(bytes < 100.0, "{bytes} bytes a member");
}

#[test]
fn a_zero_keeps_its_sign_only_in_a_large_one() {
    for (entries, negative) in [(0, true), (128, false)] {
        let thresholds = Thresholds { zset_max_listpack_entries: entries, ..Thresholds::default() };
        let mut builder = SortedSetBuilder::new(0, &thresholds, Keyspace::new(1, [7; 16]).hasher());
        builder.insert(b"zero", -0.0);
        let entry = builder.into_entry(KEY, None, 0);
        let score = entry.sorted_set().expect("a sorted set").score(b"zero").expect("it is there");
        assert_eq!((score, score.is_sign_negative()), (0.0, negative));
    }
}
