//! Waiting for keys, with many clients and no sockets: random commands, after each of which nobody waits in vain.

mod support;

use graven_engine::{Clock, Context, Engine, Error, Host, HostCommand, Outcome, Resumed, Session, SessionFlags, Settings, WriteStatus};
use graven_resp::{Args, OwnedArgs};
use graven_store::ObjectType;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

struct HandClock(Rc<Cell<u64>>);

impl Clock for HandClock {
    fn unix_us(&self) -> u64 {
        self.0.get() * 1000
    }
    fn monotonic_ns(&self) -> u64 {
        (self.0.get() - support::START_MS) * 1_000_000
    }
}

/// Sessions and what they were sent. The one that executes is taken out.
#[derive(Default)]
struct Crowd {
    clients: BTreeMap<u64, (Session, Vec<u8>)>,
    /// In the order in which they were served.
    served: Vec<u64>,
    /// Positions of the log that replies wait for.
    needs: u64,
}

impl Host for Crowd {
    fn run(&mut self, _: HostCommand, _: &mut Context<'_>) -> Result<(), Error> {
        Err("ERR there is no server here".into())
    }
    fn write_status(&self) -> WriteStatus {
        WriteStatus::Available
    }
    fn monitor(&mut self, _: &Session, _: Args<'_>, _: u64, _: u64) {}
    fn deliver(&mut self, client: u64, message: &[u8], needs: u64) -> bool {
        let Some((_, out)) = self.clients.get_mut(&client) else { return false };
        out.extend_from_slice(message);
        self.needs = self.needs.max(needs);
        true
    }
    fn resume(&mut self, client: u64, run: &mut Resumed<'_>) -> bool {
        let Some((mut session, mut out)) = self.clients.remove(&client) else { return false };
        let Outcome { needs, .. } = run(self, &mut session, &mut out);
        self.needs = self.needs.max(needs);
        if session.blocked.is_none() {
            self.served.push(client);
        }
        self.clients.insert(client, (session, out));
        true
    }
}

struct Hall {
    engine: Engine,
    crowd: Crowd,
    now_ms: Rc<Cell<u64>>,
    log: Vec<u8>,
}

impl Hall {
    fn new(clients: u64) -> Hall {
        let now_ms = Rc::new(Cell::new(support::START_MS));
        let mut engine = Engine::new(4, *b"a standing start", Box::new(HandClock(now_ms.clone())), Settings::default());
        engine.effects.set_enabled(true);
        let mut crowd = Crowd::default();
        crowd.clients.extend((0..clients).map(|id| (id, (Session::new(id, true), Vec::new()))));
        Hall { engine, crowd, now_ms, log: Vec::new() }
    }

    fn waits(&self, client: u64) -> bool {
        self.crowd.clients[&client].0.blocked.is_some()
    }

    /// Executes a line for a client that does not wait; returns its reply.
    fn run(&mut self, client: u64, line: &str) -> String {
        let (mut session, _) = self.crowd.clients.remove(&client).expect("a client");
        assert!(session.blocked.is_none(), "{client} waits");
        let owned = OwnedArgs::from_parts(line.split_whitespace().map(str::as_bytes).collect::<Vec<_>>().into_iter());
        let prepared = self.engine.prepare(session.db, owned.as_args());
        let mut out = Vec::new();
        self.engine.execute(&mut session, owned.as_args(), prepared, &mut out, &mut self.crowd);
        self.crowd.clients.insert(client, (session, Vec::new()));
        self.engine.serve_waiting(&mut self.crowd);
        self.engine.effects.take(|buffer| self.log.append(buffer));
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What a client was sent meanwhile.
    fn heard(&mut self, client: u64) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.crowd.clients.get_mut(&client).expect("a client").1)).into_owned()
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.engine.refresh_clock();
        self.engine.end_late_waits(&mut self.crowd);
    }

    fn hang_up(&mut self, client: u64) {
        let (mut session, _) = self.crowd.clients.remove(&client).expect("a client");
        self.engine.disconnect(&mut session);
        self.crowd.clients.insert(client, (Session::new(client, true), Vec::new()));
    }

    fn lists(&self) -> Vec<(usize, Vec<u8>)> {
        let databases = (0..4).flat_map(|db| self.engine.keyspace.db(db).iter().map(move |entry| (db, entry)));
        let lists = databases.filter(|(_, entry)| entry.object_type() == ObjectType::List);
        lists.map(|(db, entry)| (db, entry.key().to_vec())).collect()
    }

    /// Nobody waits for a key that has something for it.
    fn nobody_waits_in_vain(&self) {
        let lists = self.lists();
        for (client, (session, _)) in &self.crowd.clients {
            let Some(graven_engine::Blocked::Keys(wait)) = &session.blocked else { continue };
            let ready = lists.iter().find(|(db, key)| *db == wait.db && wait.keys.iter().any(|k| **k == **key));
            assert!(ready.is_none(), "client {client} waits for {ready:?}");
        }
    }

    fn contents(&mut self) -> BTreeMap<(usize, Vec<u8>), String> {
        let reader = 1_000_000;
        self.crowd.clients.insert(reader, (Session::new(reader, true), Vec::new()));
        let lists = self.lists();
        let contents = lists.into_iter().map(|(db, key)| {
            self.run(reader, &format!("SELECT {db}"));
            let shown = self.run(reader, &format!("LRANGE {} 0 -1", String::from_utf8_lossy(&key)));
            ((db, key), shown)
        });
        let contents = contents.collect();
        self.crowd.clients.remove(&reader);
        contents
    }

    /// Another engine that has replayed the log.
    fn replayed(&self) -> Hall {
        let mut other = Hall::new(0);
        let mut session = Session::new(0, true);
        session.flags.insert(SessionFlags::REPLAY);
        other.engine.effects.set_enabled(false);
        other.engine.loading = true;
        for line in commands(&self.log) {
            let owned = OwnedArgs::from_parts(line.iter().map(Vec::as_slice));
            let prepared = other.engine.prepare_replay(session.db, owned.as_args());
            let Hall { engine, crowd, .. } = &mut other;
            engine.replay(&mut session, owned.as_args(), prepared, &mut Vec::new(), crowd).expect("the log replays");
        }
        other.engine.loading = false;
        other
    }
}

fn commands(mut log: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let number = |log: &mut &[u8]| {
        let end = log.iter().position(|byte| *byte == b'\r').expect("a line");
        let number = String::from_utf8_lossy(&log[1..end]).parse::<usize>().expect("a number");
        *log = &log[end + 2..];
        number
    };
    let mut all = Vec::new();
    while !log.is_empty() {
        let parts = number(&mut log);
        all.push(
            (0..parts)
                .map(|_| {
                    let len = number(&mut log);
                    let part = log[..len].to_vec();
                    log = &log[len + 2..];
                    part
                })
                .collect(),
        );
    }
    all
}

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
    assert_eq!(hall.engine.next_wait_deadline_ms(), Some(support::START_MS + 5));
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
