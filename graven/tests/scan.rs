//! A full iteration shows every element that was there throughout exactly once, whatever other clients do to the collection
//! meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use graven_testkit::{Client, Program, Rng, Server, Value};

/// What is iterated: a collection of one type, or the keys of a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scanned {
    Keys,
    Hash,
    Set,
    SortedSet,
}

use Scanned::{Hash, Keys, Set, SortedSet};

impl Scanned {
    /// The beginning of a call of its iteration.
    fn scan(self) -> Vec<String> {
        let words: &[&str] = match self {
            Keys => &["SCAN"],
            Hash => &["HSCAN", "c"],
            Set => &["SSCAN", "c"],
            SortedSet => &["ZSCAN", "c"],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }

    /// Adds elements, or overwrites what they hold.
    fn add(self, client: &mut Client, elements: &[String], rng: &mut Rng) {
        let mut words: Vec<String> = match self {
            Keys => vec!["MSET".into()],
            Hash => vec!["HSET".into(), "c".into()],
            Set => vec!["SADD".into(), "c".into()],
            SortedSet => vec!["ZADD".into(), "c".into()],
        };
        for element in elements {
            let value = rng.below(1000).to_string();
            match self {
                Keys | Hash => words.extend([element.clone(), value]),
                Set => words.push(element.clone()),
                SortedSet => words.extend([value, element.clone()]),
            }
        }
        accepted(client.call(&words));
    }

    fn remove(self, client: &mut Client, elements: &[String]) {
        let mut words: Vec<String> = match self {
            Keys => vec!["DEL".into()],
            Hash => vec!["HDEL".into(), "c".into()],
            Set => vec!["SREM".into(), "c".into()],
            SortedSet => vec!["ZREM".into(), "c".into()],
        };
        words.extend_from_slice(elements);
        accepted(client.call(&words));
    }

    /// Elements lie in the reply one after the other, or with a value each.
    fn stride(self) -> usize {
        if matches!(self, Hash | SortedSet) { 2 } else { 1 }
    }

    fn encoding(self, client: &mut Client) -> String {
        let reply = client.line("OBJECT ENCODING c");
        String::from_utf8_lossy(reply.as_bytes().expect("an encoding")).into_owned()
    }
}

fn accepted(reply: Value) {
    assert_eq!(reply.error_text(), None);
}

fn server() -> Server {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).start().expect("the server starts")
}

/// One call: the next cursor and the elements.
fn step(scanned: Scanned, client: &mut Client, cursor: u64, count: u64, pattern: Option<&str>) -> (u64, Vec<String>) {
    let mut words = scanned.scan();
    words.extend([cursor.to_string(), "COUNT".into(), count.to_string()]);
    words.extend(pattern.iter().flat_map(|pattern| ["MATCH".to_owned(), (*pattern).to_owned()]));
    let reply = client.call(&words);
    let Value::Array(parts) = &reply else { panic!("{reply:?} to {words:?}") };
    let [next, Value::Array(items)] = &parts[..] else { panic!("{reply:?} to {words:?}") };
    let text = |value: &Value| String::from_utf8_lossy(value.as_bytes().expect("a string")).into_owned();
    (text(next).parse().expect("a cursor"), items.iter().step_by(scanned.stride()).map(text).collect())
}

/// Iterates to the end, with `meanwhile` between the calls; how often each element was shown.
fn iterate(
    scanned: Scanned,
    client: &mut Client,
    pattern: Option<&str>,
    mut count: impl FnMut() -> u64,
    mut meanwhile: impl FnMut(),
) -> BTreeMap<String, usize> {
    let (mut cursor, mut shown) = (0, BTreeMap::new());
    for _ in 0..100_000 {
        let (next, elements) = step(scanned, client, cursor, count(), pattern);
        elements.into_iter().for_each(|element| *shown.entry(element).or_insert(0) += 1);
        if next == 0 {
            return shown;
        }
        cursor = next;
        meanwhile();
    }
    panic!("the iteration of {scanned:?} does not end");
}

/// Elements that stay, of `total`; what comes and goes has other names, which `MATCH stay*` excludes.
fn staying(total: usize) -> Vec<String> {
    (0..total).map(|n| format!("stay{n}")).collect()
}

/// A burst of another client: it adds or removes up to as many as make the table grow or shrink by several steps.
fn burst(scanned: Scanned, client: &mut Client, rng: &mut Rng, guests: &mut BTreeSet<String>, most: u64, stay: &[String]) {
    let number = 1 + rng.below(most) as usize;
    if rng.chance(50) && !guests.is_empty() {
        let gone: Vec<String> = guests.iter().take(number).cloned().collect();
        guests.retain(|guest| !gone.contains(guest));
        scanned.remove(client, &gone);
    } else {
        let new: Vec<String> = (0..number).map(|_| format!("guest{}", rng.below(1 << 40))).collect();
        scanned.add(client, &new, rng);
        guests.extend(new);
    }
    // Overwriting what stays does not move it.
    if scanned != Set && rng.chance(30) {
        let one = stay[rng.below(stay.len() as u64) as usize].clone();
        scanned.add(client, &[one], rng);
    }
}

/// Several full iterations of a collection of `total` staying elements among guests that come and go.
fn shows_each_once(scanned: Scanned, seed: u64, total: usize, most: u64, rounds: usize) {
    let server = server();
    let (mut reader, mut writers) = (server.client(), [server.client(), server.client()]);
    let (mut rng, mut guests) = (Rng::new(seed), BTreeSet::new());
    let stay = staying(total);
    scanned.add(&mut reader, &stay, &mut Rng::new(seed + 1));
    for round in 0..rounds {
        let fixed = [1, 10, 100, 1000].get(round % 5).copied();
        let pattern = (round % 2 == 1).then_some("stay*");
        let mut counts = Rng::new(seed + 100 + round as u64);
        let count = || fixed.unwrap_or_else(|| 1 + counts.below(1000));
        let shown = iterate(scanned, &mut reader, pattern, count, || {
            let writer = &mut writers[rng.below(2) as usize];
            burst(scanned, writer, &mut rng, &mut guests, most, &stay);
        });
        let label = format!("{scanned:?}, seed {seed}, round {round}, COUNT {fixed:?}, MATCH {pattern:?}");
        for element in &stay {
            assert_eq!(shown.get(element), Some(&1), "{element}: {label}");
        }
        if pattern.is_some() {
            assert_eq!(shown.len(), stay.len(), "what does not match is not shown: {label}");
        }
    }
}

#[test]
fn a_database_shows_each_staying_key_once() {
    shows_each_once(Keys, 11, 300, 400, 10);
}

#[test]
fn a_hash_shows_each_staying_field_once() {
    shows_each_once(Hash, 12, 700, 400, 10);
}

#[test]
fn a_set_shows_each_staying_member_once() {
    shows_each_once(Set, 13, 700, 400, 10);
}

#[test]
fn a_sorted_set_shows_each_staying_member_once() {
    shows_each_once(SortedSet, 14, 700, 400, 10);
}

#[test]
fn a_table_that_shrinks_to_a_tenth_under_the_cursor_shows_each_staying_member_once() {
    for scanned in [Keys, Hash, Set, SortedSet] {
        let server = server();
        let (mut reader, mut writer) = (server.client(), server.client());
        let (stay, mut rng) = (staying(600), Rng::new(21));
        let mut guests: Vec<String> = (0..6_000).map(|n| format!("guest{n}")).collect();
        scanned.add(&mut reader, &stay, &mut rng);
        scanned.add(&mut reader, &guests, &mut rng);
        let shown = iterate(
            scanned,
            &mut reader,
            None,
            || 50,
            || {
                let gone = guests.split_off(guests.len().saturating_sub(400));
                if !gone.is_empty() {
                    scanned.remove(&mut writer, &gone);
                }
            },
        );
        assert!(guests.is_empty(), "all guests were gone before the end");
        stay.iter().for_each(|element| assert_eq!(shown.get(element), Some(&1), "{element} of {scanned:?}"));
    }
}

#[test]
fn a_compact_collection_is_shown_at_once_and_each_element_once() {
    let server = server();
    let (mut client, mut rng) = (server.client(), Rng::new(31));
    for (scanned, encoding) in [(Hash, "listpack"), (Set, "listpack"), (SortedSet, "listpack")] {
        let stay = staying(40);
        scanned.add(&mut client, &stay, &mut rng);
        assert_eq!(scanned.encoding(&mut client), encoding);
        for count in [1, 7, 1000] {
            let (next, mut elements) = step(scanned, &mut client, 0, count, None);
            elements.sort();
            let mut expected = stay.clone();
            expected.sort();
            assert_eq!((next, elements), (0, expected), "{scanned:?} COUNT {count}");
            assert_eq!(step(scanned, &mut client, 0, count, Some("stay7")), (0, vec!["stay7".to_owned()]));
        }
        client.line("DEL c");
    }
    client.line("SADD c 3 -1 70000 5000000000");
    assert_eq!(Set.encoding(&mut client), "intset");
    assert_eq!(step(Set, &mut client, 0, 1, None), (0, ["-1", "3", "70000", "5000000000"].map(str::to_owned).to_vec()));
}

#[test]
fn a_collection_that_becomes_indexed_between_iterations_shows_each_element_once_in_both_encodings() {
    let server = server();
    let (mut client, mut rng) = (server.client(), Rng::new(41));
    for scanned in [Hash, Set, SortedSet] {
        let stay = staying(30);
        scanned.add(&mut client, &stay, &mut rng);
        let compact = scanned.encoding(&mut client);
        let before = iterate(scanned, &mut client, None, || 3, || {});
        let guests: Vec<String> = (0..900).map(|n| format!("guest{n}")).collect();
        scanned.add(&mut client, &guests, &mut rng);
        assert_ne!(scanned.encoding(&mut client), compact, "{scanned:?} crossed its threshold");
        let after = iterate(scanned, &mut client, Some("stay*"), || 3, || {});
        scanned.remove(&mut client, &guests);
        let small_again = iterate(scanned, &mut client, None, || 3, || {});
        let expected: BTreeMap<String, usize> = stay.into_iter().map(|element| (element, 1)).collect();
        assert_eq!([&before, &after, &small_again], [&expected; 3], "{scanned:?}");
        client.line("DEL c");
    }
}
