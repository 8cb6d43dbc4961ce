//! Waiting for keys, with many clients and no sockets: random commands, after each of which nobody waits in vain.

mod support;

use proptest::prelude::*;
use std::collections::HashMap;
use support::START_MS;
use support::crowd::{Hall, commands};

#[test]
fn first_come_first_served_and_a_place_is_kept() {
    let mut hall = Hall::new(5);
    for client in [2, 0, 3] {
        hall.run(client, "BLPOP a b 0");
    }
    hall.run(1, "RPUSH b x");
    hall.run(1, "RPUSH a y z");
    assert_eq!(hall.crowd.served, [2, 0, 3]);
    assert_eq!(hall.heard(2), "*2\r\n$1\r\nb\r\n$1\r\nx\r\n");
    assert_eq!(hall.heard(0), "*2\r\n$1\r\na\r\n$1\r\ny\r\n");
    assert_eq!(hall.engine.waited_keys(), (0, 0));
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let mut hall = Hall::new(3);
    hall.run(0, "BLPOP a 0.010");
    hall.run(1, "BLPOP a 0.005");
    hall.run(2, "BLPOP a 0");
    assert_eq!(hall.engine.next_wait_deadline_ms(), Some(START_MS + 5));
    hall.advance(4);
    assert!((0..3).all(|client| hall.waits(client)));
    hall.advance(1);
    assert_eq!(hall.heard(1), "*-1\r\n");
    hall.advance(100);
    assert_eq!(hall.heard(0), "*-1\r\n");
    assert!(hall.waits(2));
    assert_eq!(hall.engine.next_wait_deadline_ms(), None);
}

#[test]
fn what_a_served_client_did_is_a_unit_of_its_own_in_the_log() {
    let mut hall = Hall::new(3);
    hall.run(0, "BLPOP a 0");
    hall.run(1, "BLMOVE a b LEFT LEFT 0");
    hall.run(2, "RPUSH a x y z");
    let log: Vec<String> =
        commands(&hall.log).iter().map(|parts| parts.iter().map(|p| p.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(log, ["SELECT 0", "RPUSH a x y z", "LPOP a", "LMOVE a b LEFT LEFT"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn nobody_waits_in_vain_and_every_element_is_somewhere_once(
        steps in prop::collection::vec((0u64..8, 0usize..16, 0usize..4, 0usize..4), 1..120),
    ) {
        let keys = ["a", "b", "c", "d"];
        let mut hall = Hall::new(8);
        let mut elements = 0;
        for (client, what, one, other) in steps {
            if hall.waits(client) {
                match what {
                    0 => hall.hang_up(client),
                    1 => hall.advance(one as u64 * 10),
                    2 => { hall.engine.end_wait(client, (one == 0).then_some("UNBLOCKED"), &mut hall.crowd); }
                    _ => {}
                }
                hall.nobody_waits_in_vain();
                continue;
            }
            let (one, other) = (keys[one], keys[other]);
            let mut push = |count: usize| {
                let names: Vec<String> = (0..count).map(|i| format!("e{}", elements + i)).collect();
                elements += count;
                names.join(" ")
            };
            let lines = match what {
                0 => vec![format!("RPUSH {one} {}", push(1))],
                1 => vec![format!("LPUSH {one} {}", push(3))],
                2 => vec!["MULTI".into(), format!("RPUSH {one} {}", push(2)), format!("RPUSH {other} {}", push(1)), "EXEC".into()],
                3 | 4 => vec![format!("BLPOP {one} 0")],
                5 => vec![format!("BRPOP {one} {other} 0.01")],
                6 => vec![format!("BLMOVE {one} {other} LEFT RIGHT 0")],
                7 => vec![format!("BRPOPLPUSH {one} {other} 0.02")],
                8 => vec![format!("BLMPOP 0 2 {one} {other} LEFT")],
                9 if one != other => vec![format!("RENAMENX {one} {other}")],
                10 => vec![format!("MOVE {one} 1")],
                11 => vec!["SWAPDB 0 1".into()],
                12 => vec![format!("RPOPLPUSH {one} {other}")],
                13 => vec!["MULTI".into(), format!("BLPOP {one} 0"), format!("BLMOVE {one} {other} LEFT LEFT 0"), "EXEC".into()],
                14 => vec![format!("SELECT {}", one.len() % 2)],
                _ => vec![format!("PEXPIRE {one} 100000")],
            };
            for line in lines {
                let reply = hall.run(client, &line);
                hall.crowd.clients.get_mut(&client).expect("a client").1.extend(reply.bytes());
            }
            hall.nobody_waits_in_vain();
        }
        // Every element is still there, or the log says that it was popped.
        let mut seen: HashMap<String, usize> = HashMap::new();
        let contents = hall.contents();
        for text in contents.values() {
            for word in text.split("\r\n").filter(|word| word.starts_with('e')) {
                *seen.entry(word.to_owned()).or_default() += 1;
            }
        }
        prop_assert!(seen.values().all(|times| *times == 1), "an element is in two places: {:?}", seen);
        let popped: usize = commands(&hall.log)
            .iter()
            .filter(|parts| matches!(&parts[0][..], b"LPOP" | b"RPOP"))
            .map(|parts| parts.get(2).map_or(1, |count| String::from_utf8_lossy(count).parse().expect("a count")))
            .sum();
        prop_assert_eq!(seen.len() + popped, elements);
        let replayed = hall.replayed().contents();
        prop_assert_eq!(contents, replayed);
    }
}
