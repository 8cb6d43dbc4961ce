//! Expiry finds everything that is due and nothing else, within its budget.

use std::collections::BTreeMap;

use graven_store::{Entry, Keyspace, Slot};

fn filled(keys: u64) -> (Keyspace, BTreeMap<u64, Option<u64>>) {
    let mut keyspace = Keyspace::new(1, [9; 16]);
    let mut deadlines = BTreeMap::new();
    for number in 0..keys {
        let bytes = number.to_le_bytes();
        let deadline = (number % 3 != 0).then_some(number * 7919 % 100_000);
        let key = keyspace.key(&bytes);
        keyspace.db_mut(0).insert(key, Entry::new_string(&bytes, b"v", deadline, 0));
        deadlines.insert(number, deadline);
    }
    (keyspace, deadlines)
}

fn number_of(entry: &Entry) -> u64 {
    u64::from_le_bytes(entry.key().try_into().expect("keys have eight bytes"))
}

#[test]
fn a_pass_removes_all_that_is_due_and_nothing_else() {
    let (mut keyspace, mut expected) = filled(30_000);
    for now in [0, 1, 50, 50, 10_000, 60_000, 99_999, 100_000, u64::MAX] {
        let db = keyspace.db_mut(0);
        let mut due = Vec::new();
        assert!(db.expire(now, &mut || true, &mut |entry| due.push(number_of(&entry))));
        due.sort_unstable();
        let wanted: Vec<u64> =
            expected.iter().filter(|(_, deadline)| deadline.is_some_and(|at| at < now)).map(|(&number, _)| number).collect();
        assert_eq!(due, wanted, "at {now}");
        expected.retain(|number, _| due.binary_search(number).is_err());
        assert_eq!(db.len(), expected.len());
        assert_eq!(db.volatile_len(), expected.values().flatten().count());
        assert_eq!(db.deadline_sum(), expected.values().flatten().map(|&at| u128::from(at)).sum());
    }
    assert_eq!(keyspace.db(0).volatile_len(), 0);
    assert_eq!(keyspace.db(0).len(), 10_000);
}

#[test]
fn a_pass_that_runs_out_of_budget_goes_on_where_it_stopped() {
    let (mut keyspace, _) = filled(30_000);
    let db = keyspace.db_mut(0);
    let (mut passes, mut total, mut last) = (0, 0, usize::MAX);
    while last != 0 || passes < 3 {
        last = 0;
        let done = db.expire(100_000, &mut || false, &mut |_| last += 1);
        assert!(last < 1200, "one segment at most, not {last}");
        total += last;
        passes += 1;
        assert_eq!(done, last == 0);
        assert!(passes < 1000);
    }
    assert_eq!(total, 20_000);
}

#[test]
fn deadlines_that_are_set_changed_and_removed_later_count() {
    let mut keyspace = Keyspace::new(1, [9; 16]);
    for number in 0..6000u64 {
        let bytes = number.to_le_bytes();
        let key = keyspace.key(&bytes);
        let Slot::Vacant(vacant) = keyspace.db_mut(0).slot(key) else { panic!("it is new") };
        let mut occupied = vacant.insert_string(b"v", (number % 2 == 0).then_some(50), 0);
        match number % 6 {
            0 => occupied.set_deadline(None),
            1 => occupied.set_deadline(Some(40)),
            2 => occupied.set_deadline(Some(400)),
            3 => drop(occupied.replace(Entry::new_string(&bytes, b"w", Some(10), 0))),
            4 => drop(occupied.replace(Entry::new_string(&bytes, b"w", None, 0))),
            _ => {}
        }
    }
    let mut due = Vec::new();
    assert!(keyspace.db_mut(0).expire(100, &mut || true, &mut |entry| due.push(number_of(&entry) % 6)));
    assert_eq!(due.iter().filter(|&&case| case == 1).count(), 1000);
    assert_eq!(due.iter().filter(|&&case| case == 3).count(), 1000);
    assert_eq!(due.len(), 2000);
    assert_eq!(keyspace.db(0).volatile_len(), 1000);
}

#[test]
fn nothing_due_costs_no_segment() {
    let (mut keyspace, _) = filled(30_000);
    let db = keyspace.db_mut(0);
    assert!(db.expire(50_000, &mut || true, &mut drop));
    let mut asked = 0;
    let mut again = || {
        asked += 1;
        true
    };
    assert!(db.expire(50_000, &mut again, &mut |_| panic!("nothing is due")));
    assert_eq!(asked, 0, "segments were opened although their bounds are exact");
}

#[test]
fn at_its_deadline_a_key_still_lives() {
    let entry = Entry::new_string(b"k", b"v", Some(1000), 0);
    assert!(!entry.is_expired(1000));
    assert!(entry.is_expired(1001));
    assert!(!Entry::new_string(b"k", b"v", None, 0).is_expired(u64::MAX));
}
