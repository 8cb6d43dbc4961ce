//! Publish and subscribe with many clients and no sockets: everybody is sent what they listen to, once for each way they do.

mod support;

use graven_engine::{EventClass, Topic};
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::crowd::Hall;

/// A message as the host is handed it: encoded for RESP3.
fn pushed(parts: &[&str]) -> String {
    let bulks: String = parts.iter().map(|part| format!("${}\r\n{part}\r\n", part.len())).collect();
    format!(">{}\r\n{bulks}", parts.len())
}

#[test]
fn events_wait_for_the_effects_that_they_tell_of() {
    let mut hall = Hall::new(2);
    hall.engine.settings.notify = EventClass::KEYEVENT | EventClass::STRING;
    hall.run(0, "SUBSCRIBE __keyevent@0__:set");
    hall.run(1, "SET k v");
    assert_eq!(hall.heard(0), pushed(&["message", "__keyevent@0__:set", "k"]));
    assert_eq!(hall.crowd.needs, hall.engine.effects.lsn());
    assert!(hall.crowd.needs > 0);
}

/// Nobody has to wait for the disk because somebody chats.
#[test]
fn messages_of_clients_that_wrote_nothing_wait_for_nothing() {
    let mut hall = Hall::new(3);
    hall.run(0, "SUBSCRIBE c");
    hall.run(1, "SET k v");
    hall.run(2, "PUBLISH c m");
    assert_eq!(hall.crowd.needs, 0);
    let written = hall.engine.effects.lsn();
    hall.run(1, "PUBLISH c m");
    assert_eq!(hall.crowd.needs, written, "but what a writer says comes after what it wrote");
}

#[test]
fn what_a_transaction_publishes_waits_for_the_writes_behind_it() {
    let mut hall = Hall::new(2);
    hall.run(0, "SUBSCRIBE c");
    for line in ["MULTI", "PUBLISH c m", "SET k v", "PUBLISH c n"] {
        hall.run(1, line);
    }
    assert_eq!(hall.run(1, "EXEC"), "*3\r\n:1\r\n+OK\r\n:1\r\n");
    assert_eq!(hall.heard(0), pushed(&["message", "c", "m"]) + &pushed(&["message", "c", "n"]));
    assert!(!hall.log.is_empty());
    assert_eq!(hall.crowd.needs_least, hall.engine.effects.lsn());
}

/// Though it leaves at the end of the transaction, it goes to those who listened when it was published.
#[test]
fn what_a_transaction_publishes_is_for_those_who_listen_then() {
    let mut hall = Hall::new(2);
    hall.run(0, "HELLO 3");
    for line in ["MULTI", "PUBLISH c early", "SUBSCRIBE c", "PUBLISH c m", "UNSUBSCRIBE c", "PUBLISH c late"] {
        hall.run(0, line);
    }
    let told = hall.run(0, "EXEC");
    assert!(told.ends_with(&pushed(&["message", "c", "m"])), "{told}");
    assert!(!told.contains("early") && !told.contains("late"), "{told}");
}

/// Under `always`, where a write is shown to nobody before it is durable.
#[test]
fn monitors_wait_for_the_write_that_they_are_shown() {
    let mut hall = Hall::new(1);
    hall.engine.set_track_reads(true);
    hall.engine.monitored = true;
    for line in ["SET k v", "LPUSH l a", "INCRBYFLOAT f 1.5", "SPOP nosuch"] {
        hall.run(0, line);
        assert_eq!(hall.crowd.shown_at, hall.engine.effects.lsn(), "{line}");
    }
}

#[test]
fn a_client_in_resp3_hears_itself_after_the_reply() {
    let mut hall = Hall::new(1);
    hall.run(0, "HELLO 3");
    hall.run(0, "SUBSCRIBE c");
    hall.run(0, "PSUBSCRIBE *");
    let expected = format!(":2\r\n{}{}", pushed(&["message", "c", "m"]), pushed(&["pmessage", "*", "c", "m"]));
    assert_eq!(hall.run(0, "PUBLISH c m"), expected);
}

const NAMES: [&str; 5] = ["a", "ab", "b", "a*", "?"];

fn matches(pattern: &str, channel: &str) -> bool {
    match pattern {
        "a*" => channel.starts_with('a'),
        "?" => channel.len() == 1,
        _ => pattern == channel,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn everybody_is_sent_what_they_listen_to(steps in prop::collection::vec((0u64..5, 0usize..10, 0usize..5), 1..100)) {
        let publisher = 5;
        let mut hall = Hall::new(6);
        // Client, kind of topic, name.
        let mut listening: BTreeSet<(u64, u8, &str)> = BTreeSet::new();
        for (client, what, name) in steps {
            let name = NAMES[name];
            let kind = (what % 3) as u8;
            let prefix = ["", "P", "S"][kind as usize];
            match what {
                0..3 => {
                    listening.insert((client, kind, name));
                    hall.run(client, &format!("{prefix}SUBSCRIBE {name}"));
                }
                3..6 => {
                    listening.remove(&(client, kind, name));
                    hall.run(client, &format!("{prefix}UNSUBSCRIBE {name}"));
                }
                6 => {
                    listening.retain(|(who, ..)| *who != client);
                    hall.hang_up(client);
                }
                7 => {
                    listening.retain(|(who, ..)| *who != client);
                    hall.run(client, "RESET");
                }
                8 => {
                    let who: Vec<u64> = listening.iter().filter(|(_, kind, n)| *kind == 2 && *n == name).map(|(who, ..)| *who).collect();
                    prop_assert_eq!(hall.run(publisher, &format!("SPUBLISH {name} text")), format!(":{}\r\n", who.len()));
                    for client in who {
                        prop_assert_eq!(hall.heard(client), pushed(&["smessage", name, "text"]));
                    }
                }
                _ => {
                    let ways = |who: u64| listening.iter().filter(move |(w, kind, n)| {
                        *w == who && (*kind == 0 && *n == name || *kind == 1 && matches(n, name))
                    });
                    let count: usize = (0..5).map(|who| ways(who).count()).sum();
                    prop_assert_eq!(hall.run(publisher, &format!("PUBLISH {name} text")), format!(":{count}\r\n"));
                    for who in 0..5 {
                        let heard = hall.heard(who);
                        let mut length = 0;
                        for (_, kind, n) in ways(who) {
                            let expected = if *kind == 0 {
                                pushed(&["message", name, "text"])
                            } else {
                                pushed(&["pmessage", n, name, "text"])
                            };
                            prop_assert!(heard.contains(&expected), "{heard:?} lacks {expected:?}");
                            length += expected.len();
                        }
                        prop_assert_eq!(heard.len(), length, "nothing else is heard: {:?}", heard);
                    }
                }
            }
            for (kind, topic) in [Topic::Channel, Topic::Pattern, Topic::ShardChannel].into_iter().enumerate() {
                let names: BTreeSet<&str> = listening.iter().filter(|(_, k, _)| *k as usize == kind).map(|(.., name)| *name).collect();
                prop_assert_eq!(hall.engine.topic_count(topic), names.len());
            }
        }
    }
}
