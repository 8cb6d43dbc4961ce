//! A capture is the keyspace as it was at its beginning, whatever happens until its end.

use graven_store::{
    Capture, Entry, Field, FieldDeadline, Keyspace, ObjectType, Part, Side, Slot, SortedPairs, Stream, StreamId, StringRef, Thresholds,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::convert::Infallible;

const DATABASES: usize = 3;

/// A value and its deadline, in a form that can be compared.
type Value = (Option<u64>, Vec<String>);
type Dump = BTreeMap<(usize, Vec<u8>), Value>;

fn text(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().escape_ascii().to_string()
}

fn value_of(entry: &Entry) -> Value {
    let mut lines = Vec::new();
    let bytes = |string: StringRef<'_>| text(string.to_bytes(&mut [0; 20]));
    if let Some(string) = entry.string() {
        lines.push(bytes(string));
    } else if let Some(list) = entry.list() {
        list.for_each_run(|run, _| lines.push(text(run.bytes())));
        lines = vec![lines.concat()];
    } else if let Some(set) = entry.set() {
        lines.extend(set.iter().map(bytes));
        lines.sort();
    } else if let Some(set) = entry.sorted_set() {
        lines.extend(set.iter().map(|(member, score)| pair_line(member, score)));
        assert_eq!(set.len(), lines.len());
    } else if let Some(hash) = entry.hash() {
        lines.extend(hash.iter().map(field_line));
        lines.sort();
    } else if let Some(stream) = entry.stream() {
        lines.extend(stream.nodes().map(|(id, listpack)| format!("{:?} {}", id, text(listpack))));
    }
    (entry.deadline(), lines)
}

fn pair_line(member: StringRef<'_>, score: f64) -> String {
    format!("{} {score}", text(member.to_bytes(&mut [0; 20])))
}

fn pair_lines(pairs: SortedPairs) -> Vec<String> {
    let mut lines = Vec::with_capacity(pairs.len());
    let Ok(()) = pairs.try_for_each(|member, score| {
        lines.push(pair_line(member, score));
        Ok::<_, Infallible>(())
    });
    lines
}

fn field_line(field: Field<'_>) -> String {
    format!("{} {} {:?}", text(field.name.to_bytes(&mut [0; 20])), text(field.value.to_bytes(&mut [0; 20])), field.deadline)
}

fn dump(keyspace: &Keyspace) -> Dump {
    let all = (0..DATABASES).flat_map(|db| keyspace.db(db).iter().map(move |entry| (db, entry)));
    all.map(|(db, entry)| ((db, entry.key().to_vec()), value_of(entry))).collect()
}

/// Puts the parts of a capture together again; panics if anything is there twice.
#[derive(Default)]
struct Assembled {
    dump: Dump,
    open: BTreeMap<u64, Pieces>,
}

/// A hash or set of which some is there.
struct Pieces {
    key: (usize, Vec<u8>),
    len: u64,
    deadline: Option<u64>,
    lines: Vec<String>,
    is_hash: bool,
}

impl Assembled {
    fn add(&mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Entries { db, entries } => {
                    for mut entry in entries {
                        let value = match entry.take_pairs() {
                            None => value_of(&entry),
                            Some(pairs) => (entry.deadline(), pair_lines(pairs)),
                        };
                        let twice = self.dump.insert((db, entry.key().to_vec()), value);
                        assert!(twice.is_none(), "a key is copied once");
                    }
                }
                Part::Open { id, db, opened } => {
                    let key = (db, opened.head.key().to_vec());
                    let is_hash = opened.head.object_type() == ObjectType::Hash;
                    let (len, deadline) = (opened.len, opened.head.deadline());
                    self.open.insert(id, Pieces { key, len, deadline, lines: Vec::new(), is_hash });
                }
                Part::Fields { id, entries } => {
                    let Pieces { lines, is_hash, .. } = self.open.get_mut(&id).expect("it was opened");
                    lines.extend(entries.iter().map(|e| if *is_hash { field_line(Field::of_entry(e)) } else { text(e.key()) }));
                }
                Part::Close { id } => {
                    let Pieces { key, len, deadline, mut lines, .. } = self.open.remove(&id).expect("it was opened");
                    assert_eq!(lines.len() as u64, len, "the number of fields is known in advance");
                    lines.sort();
                    assert!(self.dump.insert(key, (deadline, lines)).is_none(), "a key is copied once");
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    SetString(u8, Vec<u8>),
    Append(u8, usize),
    Remove(u8),
    Deadline(u8, Option<u64>),
    Rename(u8, u8),
    Move(u8, usize),
    Copy(u8, u8),
    HashSet(u8, u16, u8),
    HashFieldDeadline(u8, u16, u64),
    HashRemove(u8, u16),
    SetAdd(u8, u16),
    SetRemove(u8, u16),
    SortedAdd(u8, u16, i8),
    SortedRemove(u8, u16),
    Push(u8, Vec<u8>),
    Pop(u8),
    StreamAdd(u8),
    Expire(u64),
    Clear,
    Swap(usize),
    Step(u16),
    DropLater(bool),
}

/// Of the keys that operations are about.
const NAMES: [&[u8]; 12] =
    [b"key:0", b"key:1", b"key:2", b"key:3", b"key:4", b"key:5", b"key:6", b"key:7", b"key:8", b"key:9", b"key:10", b"key:11"];

fn op() -> impl Strategy<Value = (usize, Op)> {
    let key = || 0..12u8;
    let member = || 0..2000u16;
    let op = prop_oneof![
        4 => (key(), prop::collection::vec(any::<u8>(), 0..100)).prop_map(|(k, v)| Op::SetString(k, v)),
        2 => (key(), prop_oneof![Just(3), Just(2000), Just(20_000)]).prop_map(|(k, n)| Op::Append(k, n)),
        2 => key().prop_map(Op::Remove),
        2 => (key(), prop::option::of(0..1000u64)).prop_map(|(k, d)| Op::Deadline(k, d)),
        3 => (key(), key()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => (key(), 0..DATABASES).prop_map(|(k, db)| Op::Move(k, db)),
        2 => (key(), key()).prop_map(|(a, b)| Op::Copy(a, b)),
        6 => (key(), member(), any::<u8>()).prop_map(|(k, m, v)| Op::HashSet(k, m, v)),
        2 => (key(), member(), 0..1000u64).prop_map(|(k, m, d)| Op::HashFieldDeadline(k, m, d)),
        4 => (key(), member()).prop_map(|(k, m)| Op::HashRemove(k, m)),
        4 => (key(), member()).prop_map(|(k, m)| Op::SetAdd(k, m)),
        4 => (key(), member()).prop_map(|(k, m)| Op::SetRemove(k, m)),
        4 => (key(), member(), any::<i8>()).prop_map(|(k, m, s)| Op::SortedAdd(k, m, s)),
        4 => (key(), member()).prop_map(|(k, m)| Op::SortedRemove(k, m)),
        4 => (key(), prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(k, v)| Op::Push(k, v)),
        2 => key().prop_map(Op::Pop),
        3 => key().prop_map(Op::StreamAdd),
        1 => (0..1000u64).prop_map(Op::Expire),
        1 => Just(Op::Clear),
        1 => (0..DATABASES).prop_map(Op::Swap),
        6 => (1..20_000u16).prop_map(Op::Step),
        1 => any::<bool>().prop_map(Op::DropLater),
    ];
    (0..DATABASES, op)
}

/// A keyspace with something of every kind, large values among it.
fn furnished() -> Keyspace {
    let mut keyspace = Keyspace::new(DATABASES, [3; 16]);
    let mut life = Life { keyspace: &mut keyspace, limits: Thresholds::default(), garbage: Vec::new(), keeps: false, next_id: 0 };
    for k in 0..12u8 {
        for i in 0..1500u16 {
            match k {
                0 | 1 => life.run(0, &Op::HashSet(k, i, 1)),
                2 | 3 => life.run(1, &Op::SetAdd(k, i)),
                4 => life.run(2, &Op::SortedAdd(k, i, i as i8)),
                5 => life.run(0, &Op::Push(k, i.to_string().into_bytes())),
                6 => life.run(1, &Op::StreamAdd(k)),
                7 => life.run(2, &Op::HashFieldDeadline(k, i, 500 + u64::from(i))),
                _ if i < 300 => life.run(usize::from(k) % DATABASES, &Op::HashSet(k, i, 2)),
                _ => {}
            }
        }
    }
    life.run(1, &Op::SetString(9, vec![b'x'; 40_000]));
    keyspace
}

struct Life<'k> {
    keyspace: &'k mut Keyspace,
    limits: Thresholds,
    /// What was taken out and is dropped later, as another thread would.
    garbage: Vec<Box<dyn std::any::Any>>,
    keeps: bool,
    next_id: u64,
}

impl Life<'_> {
    fn drop_or_keep(&mut self, what: impl std::any::Any) {
        match self.keeps {
            true => self.garbage.push(Box::new(what)),
            false => drop(what),
        }
    }

    fn run(&mut self, db: usize, op: &Op) {
        let limits = self.limits;
        let name = |k: u8| NAMES[usize::from(k)].to_vec();
        let member = |m: u16| format!("m:{m}").into_bytes();
        let hasher = self.keyspace.hasher();
        macro_rules! slot {
            ($k:expr) => {{
                let key = self.keyspace.key(NAMES[usize::from($k)]);
                self.keyspace.db_mut(db).slot(key)
            }};
        }
        let removed = match op {
            Op::SetString(k, value) => match slot!(*k) {
                Slot::Occupied(mut place) if place.entry().deadline().is_none() => {
                    Some(place.replace(Entry::new_string(&name(*k), value, None, 0)))
                }
                Slot::Occupied(mut place) => {
                    place.set_string(value);
                    None
                }
                Slot::Vacant(place) => {
                    place.insert_string(value, None, 0);
                    None
                }
            },
            Op::Append(k, n) => {
                match slot!(*k) {
                    Slot::Occupied(mut place) if place.entry().string().is_some() => {
                        place.append(&vec![b'a'; *n]);
                    }
                    _ => {}
                }
                None
            }
            Op::Remove(k) => match slot!(*k) {
                Slot::Occupied(place) => Some(place.remove()),
                Slot::Vacant(_) => None,
            },
            Op::Deadline(k, deadline) => {
                if let Slot::Occupied(mut place) = slot!(*k) {
                    place.set_deadline(*deadline);
                }
                None
            }
            Op::Rename(a, b) if a != b => match slot!(*a) {
                Slot::Occupied(place) => {
                    let entry = place.remove().rename(&name(*b));
                    match slot!(*b) {
                        Slot::Occupied(mut place) => Some(place.replace(entry)),
                        Slot::Vacant(place) => {
                            place.insert_entry(entry);
                            None
                        }
                    }
                }
                Slot::Vacant(_) => None,
            },
            Op::Move(k, to) if *to != db => {
                let (name, to) = (name(*k), *to);
                let key = self.keyspace.key(&name);
                if self.keyspace.db(to).get(key).is_none()
                    && let Some(entry) = self.keyspace.db_mut(db).remove(key)
                {
                    self.keyspace.db_mut(to).insert(key, entry);
                }
                None
            }
            Op::Copy(a, b) if a != b => {
                let copy = match slot!(*a) {
                    Slot::Occupied(place) => Some(place.entry().clone_as(&name(*b))),
                    Slot::Vacant(_) => None,
                };
                let to = name(*b);
                let key = self.keyspace.key(&to);
                copy.and_then(|copy| self.keyspace.db_mut(db).insert(key, copy))
            }
            Op::HashSet(k, m, v) => {
                let value = [b'v', *v];
                match slot!(*k) {
                    Slot::Occupied(mut place) => {
                        if let Some(mut hash) = place.hash_mut() {
                            hash.set(&member(*m), &value, FieldDeadline::Keep, &limits);
                        }
                    }
                    Slot::Vacant(place) => {
                        let mut builder = graven_store::HashBuilder::new(hasher, &limits);
                        builder.set(&member(*m), &value, None);
                        place.insert_entry(builder.finish(&name(*k), None, 0));
                    }
                }
                None
            }
            Op::HashFieldDeadline(k, m, deadline) => {
                self.run(db, &Op::HashSet(*k, *m, 7));
                if let Slot::Occupied(mut place) = slot!(*k)
                    && let Some(mut hash) = place.hash_mut()
                {
                    hash.set(&member(*m), b"timed", FieldDeadline::At(*deadline), &limits);
                }
                None
            }
            Op::HashRemove(k, m) => match slot!(*k) {
                Slot::Occupied(mut place) => {
                    let empty = place.hash_mut().is_some_and(|mut hash| {
                        hash.remove(&member(*m));
                        hash.len() == 0
                    });
                    empty.then(|| place.remove())
                }
                Slot::Vacant(_) => None,
            },
            Op::SetAdd(k, m) => {
                match slot!(*k) {
                    Slot::Occupied(mut place) => {
                        if let Some(mut set) = place.set_mut() {
                            set.add(&member(*m), &limits);
                        }
                    }
                    Slot::Vacant(place) => {
                        let mut builder = graven_store::SetBuilder::new(hasher, &limits);
                        builder.add(&member(*m));
                        place.insert_entry(builder.into_entry(&name(*k), None, 0));
                    }
                }
                None
            }
            Op::SetRemove(k, m) => match slot!(*k) {
                Slot::Occupied(mut place) => {
                    let empty = place.set_mut().is_some_and(|mut set| {
                        set.remove(&member(*m));
                        set.as_ref().is_empty()
                    });
                    empty.then(|| place.remove())
                }
                Slot::Vacant(_) => None,
            },
            Op::SortedAdd(k, m, score) => {
                match slot!(*k) {
                    Slot::Occupied(mut place) => {
                        if let Some(mut set) = place.sorted_set_mut() {
                            set.insert(&member(*m), f64::from(*score), &limits);
                        }
                    }
                    Slot::Vacant(place) => {
                        let mut builder = graven_store::SortedSetBuilder::new(1, &limits, hasher);
                        builder.insert(&member(*m), f64::from(*score));
                        place.insert_entry(builder.into_entry(&name(*k), None, 0));
                    }
                }
                None
            }
            Op::SortedRemove(k, m) => match slot!(*k) {
                Slot::Occupied(mut place) => {
                    let empty = place.sorted_set_mut().is_some_and(|mut set| {
                        set.remove(&member(*m));
                        set.as_ref().is_empty()
                    });
                    empty.then(|| place.remove())
                }
                Slot::Vacant(_) => None,
            },
            Op::Push(k, item) => {
                let limits = graven_store::ListLimits::of(&limits);
                let items = std::iter::once(&item[..]);
                match slot!(*k) {
                    Slot::Occupied(mut place) if place.entry().list().is_some() => {
                        place.list_push(Side::Right, items, limits);
                    }
                    Slot::Occupied(_) => {}
                    Slot::Vacant(place) => {
                        place.insert_list(Side::Right, items, limits, 0);
                    }
                }
                None
            }
            Op::Pop(k) => match slot!(*k) {
                Slot::Occupied(mut place) if place.entry().list().is_some() => {
                    place.list_pop(Side::Left, 1, graven_store::ListLimits::of(&limits), |_| {});
                    (place.entry().list().is_some_and(|list| list.len() == 0)).then(|| place.remove())
                }
                _ => None,
            },
            Op::StreamAdd(k) => {
                self.next_id += 1;
                let id = StreamId { ms: self.next_id, seq: 1 };
                let pairs = [b"field".as_slice(), b"value"];
                match slot!(*k) {
                    Slot::Occupied(mut place) => {
                        if let Some(stream) = place.stream_mut() {
                            stream.append(id, pairs.into_iter(), &limits);
                        }
                    }
                    Slot::Vacant(place) => {
                        let mut stream = Stream::default();
                        stream.append(id, pairs.into_iter(), &limits);
                        place.insert_stream(stream, 0);
                    }
                }
                None
            }
            Op::Expire(now) => {
                let mut gone = Vec::new();
                while !self.keyspace.db_mut(db).expire_all(*now, &mut || true, &mut |expired| gone.push(expired)) {}
                self.drop_or_keep(gone);
                None
            }
            Op::Clear => {
                let old = self.keyspace.db_mut(db).clear();
                self.drop_or_keep(old);
                None
            }
            Op::Swap(other) => {
                self.keyspace.swap(db, *other);
                None
            }
            Op::DropLater(keeps) => {
                self.keeps = *keeps;
                self.garbage.clear();
                None
            }
            _ => None,
        };
        self.drop_or_keep(removed);
    }
}

fn finish(mut capture: Capture, keyspace: &mut Keyspace, assembled: &mut Assembled) {
    while !capture.step(keyspace, 5000) {
        assembled.add(capture.take());
    }
    assembled.add(capture.take());
    assert!(capture.is_complete());
    capture.finish(keyspace);
    assert!(assembled.open.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_capture_is_the_keyspace_at_its_beginning(lives in prop::collection::vec(prop::collection::vec(op(), 0..400), 1..4)) {
        let mut keyspace = furnished();
        let mut next_id = 10_000;
        for ops in lives {
            let expected = dump(&keyspace);
            let mut capture = keyspace.begin_capture();
            let mut assembled = Assembled::default();
            let mut life = Life { keyspace: &mut keyspace, limits: Thresholds::default(), garbage: Vec::new(), keeps: false, next_id };
            for (db, op) in ops {
                match op {
                    Op::Step(bytes) => {
                        capture.step(life.keyspace, usize::from(bytes));
                        assembled.add(capture.take());
                    }
                    op => life.run(db, &op),
                }
            }
            next_id = life.next_id;
            drop(life);
            finish(capture, &mut keyspace, &mut assembled);
            prop_assert!(assembled.dump == expected);
        }
    }
}

#[test]
fn a_capture_copies_little_at_a_time() {
    let mut keyspace = Keyspace::new(1, [1; 16]);
    for i in 0..100_000 {
        let text = format!("key:{i}");
        let key = keyspace.key(text.as_bytes());
        keyspace.db_mut(0).insert(key, Entry::new_bytes(key.bytes, &[b'v'; 60], None, 0));
    }
    let mut capture = keyspace.begin_capture();
    let (mut steps, mut entries) = (0, 0);
    loop {
        let walked = capture.step(&mut keyspace, 10_000);
        assert!(capture.waiting_bytes() <= 10_000 + 2048);
        for part in capture.take() {
            let Part::Entries { entries: some, .. } = part else { panic!("nothing is large here") };
            entries += some.len();
        }
        steps += 1;
        if walked {
            break;
        }
    }
    assert_eq!(entries, 100_000);
    assert!(steps > 500, "{steps} steps");
    capture.finish(&mut keyspace);
}
