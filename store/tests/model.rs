//! The database against a plain map: every operation, random keys and values.

use std::collections::HashMap;

use graven_store::{Encoding, Entry, Keyspace, ObjectType, Slot, StringRef, Table};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    SetString(Vec<u8>),
    SetBytes(Vec<u8>),
    SetInt(i64),
    Append(Vec<u8>),
    SetRange(usize, Vec<u8>),
    SetDeadline(Option<u64>),
    MarkRaw,
    Remove,
    Insert(Vec<u8>, Option<u64>),
    Replace(Vec<u8>, Option<u64>),
    RenameTo(u16),
    CopyTo(u16),
    Touch(u32),
    Expire(u64),
    Clear,
}

#[derive(Clone, Debug, PartialEq)]
struct Model {
    value: Vec<u8>,
    int: bool,
    raw: bool,
    deadline: Option<u64>,
    access: u32,
}

impl Model {
    fn string(value: &[u8], deadline: Option<u64>, access: u32) -> Model {
        Model { value: value.to_vec(), int: graven_store::parse_canonical(value).is_some(), raw: false, deadline, access }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Model { int: true, .. } => Encoding::Int,
            Model { raw: false, value, .. } if value.len() <= 44 => Encoding::Embstr,
            _ => Encoding::Raw,
        }
    }
}

/// Keys of every interesting length; the same number always gives the same key.
fn key_bytes(number: u16) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1..=8 => vec![b'k'; 251 + usize::from(number)],
        9 => vec![0xff; 70_000],
        _ => format!("key:{number}").into_bytes(),
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..60),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => (0i64..3).prop_map(|number| number.to_string().into_bytes()),
        2 => (240usize..272, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        2 => (1010usize..1040, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => (0usize..5000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn deadline() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), (0u64..1000).prop_map(Some), Just(Some(u64::MAX))]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => value().prop_map(Op::SetString),
        2 => value().prop_map(Op::SetBytes),
        2 => any::<i64>().prop_map(Op::SetInt),
        3 => value().prop_map(Op::Append),
        2 => (0usize..1500, value()).prop_map(|(offset, value)| Op::SetRange(offset, value)),
        3 => deadline().prop_map(Op::SetDeadline),
        1 => Just(Op::MarkRaw),
        3 => Just(Op::Remove),
        2 => (value(), deadline()).prop_map(|(value, deadline)| Op::Insert(value, deadline)),
        2 => (value(), deadline()).prop_map(|(value, deadline)| Op::Replace(value, deadline)),
        1 => any::<u16>().prop_map(Op::RenameTo),
        1 => any::<u16>().prop_map(Op::CopyTo),
        1 => any::<u32>().prop_map(Op::Touch),
        1 => (0u64..1000).prop_map(Op::Expire),
        1 => Just(Op::Clear),
    ]
}

struct Both {
    keyspace: Keyspace,
    model: HashMap<Vec<u8>, Model>,
    keys: u16,
}

impl Both {
    fn apply(&mut self, number: u16, op: Op) {
        let bytes = key_bytes(number % self.keys);
        let key = self.keyspace.key(&bytes);
        let hash_of = |bytes: &[u8]| self.keyspace.hash(bytes);
        let new_bytes = |to: u16| key_bytes(to % self.keys);
        match op {
            Op::RenameTo(to) | Op::CopyTo(to) => {
                let to = new_bytes(to);
                let to_key = graven_store::Key { bytes: &to, hash: hash_of(&to) };
                let rename = matches!(op, Op::RenameTo(_));
                let db = self.keyspace.db_mut(1);
                let new = if rename { db.remove(key).map(|entry| entry.rename(&to)) } else { db.get(key).map(|entry| entry.clone_as(&to)) };
                let model = if rename { self.model.remove(&bytes) } else { self.model.get(&bytes).cloned() };
                assert_eq!(new.is_some(), model.is_some());
                if let (Some(new), Some(model)) = (new, model) {
                    let old = db.insert(to_key, new);
                    assert_eq!(old.is_some(), self.model.insert(to.clone(), model).is_some());
                }
                return;
            }
            Op::Expire(now) => {
                let mut expired = Vec::new();
                assert!(self.keyspace.db_mut(1).expire(now, &mut || true, &mut |entry| expired.push(entry)));
                for entry in expired {
                    let model = self.model.remove(entry.key()).expect("an expired key existed");
                    assert!(model.deadline.expect("it had a deadline") < now);
                }
                assert!(self.model.values().all(|model| model.deadline.is_none_or(|deadline| deadline >= now)));
                return;
            }
            Op::Clear => {
                let old = self.keyspace.db_mut(1).clear();
                assert_eq!(old.len(), self.model.len());
                self.model.clear();
                return;
            }
            _ => {}
        }
        let db = self.keyspace.db_mut(1);
        match (db.slot(key), op) {
            (Slot::Vacant(vacant), Op::SetString(value)) => {
                assert_eq!(vacant.key().bytes, bytes);
                let entry = vacant.insert_string(&value, None, 7).into_entry();
                assert_eq!(entry.key(), bytes);
                self.model.insert(bytes, Model::string(&value, None, 7));
            }
            (Slot::Vacant(vacant), Op::SetBytes(value)) => {
                vacant.insert_bytes(&value, Some(5), 8);
                self.model.insert(bytes, Model { int: false, ..Model::string(&value, Some(5), 8) });
            }
            (Slot::Vacant(vacant), Op::SetInt(number)) => {
                vacant.insert_int(number, None, 9);
                self.model.insert(bytes, Model::string(number.to_string().as_bytes(), None, 9));
            }
            (Slot::Vacant(vacant), Op::Insert(value, deadline) | Op::Replace(value, deadline)) => {
                vacant.insert_entry(Entry::new_string(&bytes, &value, deadline, 1));
                self.model.insert(bytes, Model::string(&value, deadline, 1));
            }
            (Slot::Vacant(_), _) => assert!(!self.model.contains_key(&bytes)),
            (Slot::Occupied(mut occupied), op) => {
                let model = self.model.get_mut(&bytes).expect("the key is in the model");
                match op {
                    Op::SetString(value) => {
                        occupied.set_string(&value);
                        *model = Model::string(&value, model.deadline, model.access);
                    }
                    Op::SetBytes(value) => {
                        occupied.set_bytes(&value);
                        *model = Model { int: false, ..Model::string(&value, model.deadline, model.access) };
                    }
                    Op::SetInt(number) => {
                        occupied.set_int(number);
                        *model = Model::string(number.to_string().as_bytes(), model.deadline, model.access);
                    }
                    Op::Append(tail) => {
                        model.value.extend_from_slice(&tail);
                        (model.int, model.raw) = (false, true);
                        assert_eq!(occupied.append(&tail), model.value.len());
                    }
                    Op::SetRange(offset, piece) => {
                        if !piece.is_empty() {
                            let end = offset + piece.len();
                            model.value.resize(model.value.len().max(end), 0);
                            model.value[offset..end].copy_from_slice(&piece);
                        }
                        (model.int, model.raw) = (false, true);
                        assert_eq!(occupied.set_range(offset, &piece), model.value.len());
                    }
                    Op::SetDeadline(deadline) => {
                        occupied.set_deadline(deadline);
                        model.deadline = deadline;
                    }
                    Op::MarkRaw if !model.int => {
                        occupied.mark_raw();
                        model.raw = true;
                    }
                    Op::Remove => {
                        check(&occupied.remove(), &bytes, model);
                        self.model.remove(&bytes);
                    }
                    Op::Replace(value, deadline) => {
                        let old = occupied.replace(Entry::new_string(&bytes, &value, deadline, 3));
                        check(&old, &bytes, model);
                        *model = Model::string(&value, deadline, 3);
                    }
                    Op::Insert(value, deadline) => {
                        let old = db.insert(key, Entry::new_string(&bytes, &value, deadline, 4)).expect("it was there");
                        check(&old, &bytes, model);
                        *model = Model::string(&value, deadline, 4);
                    }
                    Op::Touch(access) => {
                        occupied.entry().set_access(access);
                        model.access = access & 0x00ff_ffff;
                    }
                    _ => {}
                }
            }
        }
    }

    fn check_all(&self) {
        let db = self.keyspace.db(1);
        assert!(self.keyspace.db(0).is_empty());
        assert_eq!(db.len(), self.model.len());
        let deadlines = || self.model.values().filter_map(|model| model.deadline);
        assert_eq!(db.volatile_len(), deadlines().count());
        assert_eq!(db.deadline_sum(), deadlines().map(u128::from).sum());
        for (bytes, model) in &self.model {
            check(db.get(self.keyspace.key(bytes)).expect("the key exists"), bytes, model);
        }
        assert_eq!(db.iter().count(), self.model.len());
        assert!(db.iter().all(|entry| self.model.contains_key(entry.key())));
        for number in 0..self.keys {
            let bytes = key_bytes(number);
            assert_eq!(db.get(self.keyspace.key(&bytes)).is_some(), self.model.contains_key(&bytes));
        }
        assert_eq!(scan_all(db), self.model.len());
    }
}

fn scan_all(db: &Table) -> usize {
    let (mut cursor, mut seen) = (0, 0);
    loop {
        cursor = db.scan(cursor, 3, &mut |_| seen += 1);
        if cursor == 0 {
            return seen;
        }
    }
}

fn check(entry: &Entry, key: &[u8], model: &Model) {
    assert_eq!(entry.key(), key);
    assert_eq!(entry.deadline(), model.deadline);
    assert_eq!(entry.access(), model.access);
    assert_eq!(entry.object_type(), ObjectType::String);
    assert_eq!(entry.encoding(), model.encoding());
    let string = entry.string().expect("a string");
    assert_eq!(string.len(), model.value.len());
    assert_eq!(string.to_bytes(&mut [0; 20]), model.value);
    assert_eq!(matches!(string, StringRef::Int(_)), model.int);
    assert!(entry.memory_usage() >= key.len() + if model.int { 8 } else { model.value.len() });
}

fn run(keys: u16, ops: Vec<(u16, Op)>) {
    let mut both = Both { keyspace: Keyspace::new(2, *b"model seed bytes"), model: HashMap::new(), keys };
    for (number, op) in ops {
        both.apply(number, op);
        if keys < 50 {
            both.check_all();
        }
    }
    both.check_all();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn few_keys_changed_often_behave_like_a_map(ops in prop::collection::vec((any::<u16>(), op()), 1..120)) {
        run(24, ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn many_keys_over_many_segments_behave_like_a_map(
        ops in prop::collection::vec((any::<u16>(), op().prop_filter("keep the keys", |op| !matches!(op, Op::Clear | Op::Expire(_)))), 6000..9000),
    ) {
        run(5000, ops);
    }
}

#[test]
fn entries_move_between_databases_and_threads() {
    let mut keyspace = Keyspace::new(3, [1; 16]);
    for (name, value) in [(b"small", vec![b'x'; 10]), (b"large", vec![b'y'; 100_000])] {
        let key = keyspace.key(name);
        let (from, to) = keyspace.two_dbs(2, 0);
        from.insert(key, Entry::new_string(name, &value, Some(9), 0));
        let moved = from.remove(key).unwrap();
        to.insert(key, moved);
        assert!(from.is_empty());
    }
    keyspace.swap(0, 1);
    let detached = keyspace.db_mut(1).clear();
    let sizes = std::thread::spawn(move || detached.iter().map(|entry| entry.string().unwrap().len()).sum::<usize>());
    assert_eq!(sizes.join().unwrap(), 100_010);
    assert!(keyspace.db(0).is_empty() && keyspace.db(1).is_empty() && keyspace.db(2).is_empty());
}
