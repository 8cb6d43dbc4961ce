//! A hash against a model that is plainly right: small, large, across the threshold, with and without deadlines of fields.

use graven_store::{Expired, FieldDeadline, HashBuilder, HashRef, Keyspace, Slot, Table, Thresholds};
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEY: &[u8] = b"a hash";
const NEVER: u64 = u64::MAX;

/// Fields with values and deadlines.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Clone, Debug)]
enum Op {
    Set(Vec<u8>, Vec<u8>, Deadline),
    SetAll(Vec<(Vec<u8>, Vec<u8>)>),
    Remove(Vec<u8>),
    SetDeadline(Vec<u8>, Option<u64>),
    TakeDue(u64, usize),
    Expire(u64),
}

#[derive(Clone, Copy, Debug)]
enum Deadline {
    Keep,
    Clear,
    At(u64),
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0u32..40).prop_map(|n| format!("field {n}").into_bytes()),
        (0u32..10).prop_map(|n| n.to_string().into_bytes()),
        Just(Vec::new()),
        Just(vec![b'x'; 70]),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![(-1000i64..1000).prop_map(|n| n.to_string().into_bytes()), prop::collection::vec(any::<u8>(), 0..60), Just(vec![b'y'; 100])]
}

fn op(deadlines: bool) -> impl Strategy<Value = Op> {
    let at = 1u64..100;
    let some = if deadlines { 3 } else { 0 };
    prop_oneof![
        8 => (field(), value()).prop_map(|(field, value)| Op::Set(field, value, Deadline::Clear)),
        2 => (field(), value()).prop_map(|(field, value)| Op::Set(field, value, Deadline::Keep)),
        3 => prop::collection::vec((field(), value()), 1..12).prop_map(Op::SetAll),
        5 => field().prop_map(Op::Remove),
        some => (field(), value(), at.clone()).prop_map(|(field, value, at)| Op::Set(field, value, Deadline::At(at))),
        some => (field(), prop::option::of(at.clone())).prop_map(|(field, at)| Op::SetDeadline(field, at)),
        some => (at.clone(), 1usize..10).prop_map(|(before, most)| Op::TakeDue(before, most)),
        some => at.prop_map(Op::Expire),
    ]
}

fn shown(hash: HashRef<'_>) -> Model {
    hash.iter().map(|field| (field.name.to_vec(), (field.value.to_vec(), field.deadline))).collect()
}

fn check(db: &Table, model: &Model) {
    let Some(entry) = db.get(db.key(KEY)) else {
        assert!(model.is_empty(), "the hash is there");
        assert_eq!((db.expiring_hashes(), db.next_deadline()), (0, None));
        return;
    };
    let hash = entry.hash().expect("a hash");
    assert_eq!(&shown(hash), model);
    assert_eq!(hash.len(), model.len());
    assert!(hash.is_in_order());
    for (name, (value, deadline)) in model {
        let found = hash.get(name).expect("the field is there");
        assert_eq!((&found.value.to_vec(), found.deadline), (value, *deadline));
    }
    let mut scanned = 0;
    let mut cursor = 0;
    loop {
        cursor = hash.scan(cursor, 3, &mut |_| scanned += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, model.len());
    let first = model.values().filter_map(|(_, deadline)| *deadline).min();
    assert_eq!(hash.next_deadline().is_some(), first.is_some());
    assert!(hash.next_deadline() <= first, "a bound is not later than the first deadline");
    assert_eq!(db.expiring_hashes(), usize::from(first.is_some()));
    assert!(db.next_deadline() <= first && db.next_deadline().is_some() == first.is_some());
    for before in [0, 50, NEVER] {
        let live = model.values().filter(|(_, deadline)| deadline.is_none_or(|ms| ms >= before)).count();
        assert_eq!(hash.live_len(before), live);
    }
}

fn due(model: &Model, before: u64) -> Vec<Vec<u8>> {
    let due = model.iter().filter(|(_, (_, deadline))| deadline.is_some_and(|ms| ms < before));
    due.map(|(name, _)| name.clone()).collect()
}

fn apply(db: &mut Table, model: &mut Model, limits: &Thresholds, op: &Op) {
    let hasher = db.key(KEY);
    let mut place = match db.slot(hasher) {
        Slot::Occupied(place) => place,
        Slot::Vacant(place) => {
            let Op::SetAll(fields) = op else { return };
            let mut hash = HashBuilder::new(place.hasher(), limits);
            for (field, value) in fields {
                let created = hash.set(field, value, None);
                assert_eq!(created, model.insert(field.clone(), (value.clone(), None)).is_none());
            }
            place.insert_entry(hash.finish(KEY, None, 0));
            return;
        }
    };
    let mut hash = place.hash_mut().expect("a hash");
    match op {
        Op::Set(field, value, change) => {
            let old = model.get(field).and_then(|(_, deadline)| *deadline);
            let (change, new) = match change {
                Deadline::Keep => (FieldDeadline::Keep, old),
                Deadline::Clear => (FieldDeadline::Clear, None),
                Deadline::At(ms) => (FieldDeadline::At(*ms), Some(*ms)),
            };
            let created = model.insert(field.clone(), (value.clone(), new)).is_none();
            assert_eq!(hash.set(field, value, change, limits), created);
        }
        Op::SetAll(fields) => {
            let before = model.len();
            model.extend(fields.iter().map(|(field, value)| (field.clone(), (value.clone(), None))));
            let pairs = fields.iter().map(|(field, value)| (&field[..], &value[..]));
            assert_eq!(hash.set_all(pairs, limits), model.len() - before);
        }
        Op::Remove(field) => assert_eq!(hash.remove(field), model.remove(field).is_some()),
        Op::SetDeadline(field, deadline) => {
            let known = model.get_mut(field).map(|(_, there)| *there = *deadline).is_some();
            assert_eq!(hash.set_deadline(field, *deadline), known);
        }
        Op::TakeDue(before, most) => {
            let mut expected = due(model, *before);
            let mut taken = Vec::new();
            let done = hash.take_due(*before, *most, &mut |field| taken.push(field.to_vec()));
            for field in &taken {
                assert!(expected.contains(field));
                expected.retain(|other| other != field);
                model.remove(field);
            }
            assert!(!done || expected.is_empty());
            assert!(taken.len() >= expected.len().min(*most), "some are taken");
        }
        Op::Expire(before) => {
            let mut taken = Vec::new();
            let mut gone = false;
            let done = db.expire_all(*before, &mut || true, &mut |expired| match expired {
                Expired::Key(_) => panic!("the key has no deadline"),
                Expired::Fields { key, fields, emptied } => {
                    assert_eq!(&*key, KEY);
                    gone |= emptied.is_some();
                    taken.extend(fields.into_iter().map(Vec::from));
                }
            });
            assert!(done);
            taken.sort();
            assert_eq!(taken, due(model, *before));
            taken.iter().for_each(|field| drop(model.remove(field)));
            assert_eq!(gone, model.is_empty() && !taken.is_empty());
            return;
        }
    }
    if hash.len() == 0 {
        place.remove();
    }
}

fn run(limits: &Thresholds, ops: &[Op]) {
    let mut keyspace = Keyspace::new(1, [7; 16]);
    let mut model = Model::new();
    for op in ops {
        apply(keyspace.db_mut(0), &mut model, limits, op);
        check(keyspace.db(0), &model);
    }
    // A copy holds the same, and its fields expire too.
    let db = keyspace.db_mut(0);
    if let Some(entry) = db.get(db.key(KEY)) {
        let copy = entry.clone_as(b"copy");
        let key = db.key(b"copy");
        db.insert(key, copy);
        let found = db.get(key).and_then(|entry| entry.hash()).expect("the copy is a hash");
        assert_eq!(shown(found), model);
        db.expire_all(NEVER, &mut || true, &mut |_| {});
        assert_eq!((db.expiring_hashes(), db.next_deadline()), (0, None));
        let left = model.values().any(|(_, deadline)| deadline.is_none());
        assert_eq!(db.len(), if left { 2 } else { 0 });
    }
}

fn limits(entries: usize) -> Thresholds {
    Thresholds { hash_max_listpack_entries: entries, ..Thresholds::default() }
}

proptest! {
    #[test]
    fn a_hash_is_what_was_set(entries in prop_oneof![Just(0usize), Just(8), Just(512)], ops in prop::collection::vec(op(false), 1..80)) {
        run(&limits(entries), &ops);
    }

    #[test]
    fn fields_with_deadlines_go_when_they_are_due(
        entries in prop_oneof![Just(0usize), Just(8), Just(512)],
        ops in prop::collection::vec(op(true), 1..80),
    ) {
        run(&limits(entries), &ops);
    }
}

#[test]
fn only_hashes_with_due_fields_are_opened() {
    let mut keyspace = Keyspace::new(1, [3; 16]);
    let db = keyspace.db_mut(0);
    let limits = Thresholds::default();
    for i in 0..5000u64 {
        let name = format!("hash {i}").into_bytes();
        let key = db.key(&name);
        let Slot::Vacant(place) = db.slot(key) else { panic!("new") };
        let mut hash = HashBuilder::new(place.hasher(), &limits);
        hash.set(b"plain", b"1", None);
        place.insert_entry(hash.finish(&name, None, 0));
    }
    for i in (0..5000u64).step_by(1000) {
        let name = format!("hash {i}").into_bytes();
        let key = db.key(&name);
        let Slot::Occupied(mut place) = db.slot(key) else { panic!("known") };
        place.hash_mut().expect("a hash").set(b"due", b"1", FieldDeadline::At(100 + i), &limits);
    }
    assert_eq!((db.expiring_hashes(), db.volatile_len(), db.next_deadline()), (5, 0, Some(100)));
    let mut passes = 0;
    let mut names = Vec::new();
    let mut budget = || {
        passes += 1;
        true
    };
    db.expire_all(1101, &mut budget, &mut |expired| {
        if let Expired::Fields { fields, .. } = expired {
            names.extend(fields);
        }
    });
    assert_eq!(names.len(), 2);
    assert!(passes <= 2, "segments without due fields are not opened");
    assert_eq!((db.expiring_hashes(), db.next_deadline()), (3, Some(2100)));
}

#[test]
fn many_due_fields_are_taken_in_small_steps() {
    let mut keyspace = Keyspace::new(1, [3; 16]);
    let hasher = keyspace.hasher();
    let db = keyspace.db_mut(0);
    let limits = Thresholds::default();
    let mut hash = HashBuilder::new(hasher, &limits);
    for i in 0..100_000u32 {
        hash.set(&i.to_le_bytes(), b"", Some(5));
    }
    let key = db.key(KEY);
    db.insert(key, hash.finish(KEY, None, 0));
    let (mut steps, mut most, mut emptied) = (0, 0, false);
    while db.expiring_hashes() > 0 {
        steps += 1;
        db.expire_all(6, &mut || false, &mut |expired| {
            if let Expired::Fields { fields, emptied: last, .. } = expired {
                most = most.max(fields.len());
                emptied |= last.is_some();
            }
        });
    }
    assert!(emptied && db.is_empty());
    assert!(steps > 30 && most < 3000, "{steps} steps of up to {most} fields");
}
