//! Many clients of one engine, without sockets.

use graven_engine::{
    Blocked, Clock, Context, Engine, Error, Host, HostCommand, Outcome, Resumed, Session, SessionFlags, Settings, WriteStatus,
};
use graven_resp::{Args, OwnedArgs};
use graven_store::ObjectType;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

struct HandClock(Rc<Cell<u64>>);

impl Clock for HandClock {
    fn unix_us(&self) -> u64 {
        self.0.get() * 1000
    }
    fn monotonic_ns(&self) -> u64 {
        (self.0.get() - super::START_MS) * 1_000_000
    }
}

/// Sessions and what they were sent. The one that executes is taken out.
#[derive(Default)]
pub struct Crowd {
    pub clients: BTreeMap<u64, (Session, Vec<u8>)>,
    /// In the order in which they were served.
    pub served: Vec<u64>,
    /// Positions of the log that replies wait for.
    pub needs: u64,
    /// The least that a message since the last command has waited for.
    pub needs_least: u64,
    /// Position of the log that the last line to monitors waits for.
    pub shown_at: u64,
}

impl Host for Crowd {
    fn run(&mut self, _: HostCommand, _: &mut Context<'_>) -> Result<(), Error> {
        Err("ERR there is no server here".into())
    }
    fn write_status(&self) -> WriteStatus {
        WriteStatus::Available
    }
    fn monitor(&mut self, _: &Session, _: &str, _: Args<'_>, _: u64, lsn: u64) {
        self.shown_at = lsn;
    }
    fn deliver(&mut self, client: u64, message: &[u8], needs: u64) -> bool {
        let Some((_, out)) = self.clients.get_mut(&client) else { return false };
        out.extend_from_slice(message);
        self.needs = self.needs.max(needs);
        self.needs_least = self.needs_least.min(needs);
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

/// An engine and its clients.
pub struct Hall {
    pub engine: Engine,
    pub crowd: Crowd,
    now_ms: Rc<Cell<u64>>,
    pub log: Vec<u8>,
}

impl Hall {
    pub fn new(clients: u64) -> Hall {
        let now_ms = Rc::new(Cell::new(super::START_MS));
        let mut engine = Engine::new(4, *b"a standing start", Box::new(HandClock(now_ms.clone())), Settings::default());
        engine.effects.set_enabled(true);
        let mut crowd = Crowd::default();
        crowd.clients.extend((0..clients).map(|id| (id, (Session::new(id, true), Vec::new()))));
        Hall { engine, crowd, now_ms, log: Vec::new() }
    }

    pub fn waits(&self, client: u64) -> bool {
        self.crowd.clients[&client].0.blocked.is_some()
    }

    /// Executes a line for a client that does not wait; returns its reply.
    pub fn run(&mut self, client: u64, line: &str) -> String {
        let (mut session, _) = self.crowd.clients.remove(&client).expect("a client");
        assert!(session.blocked.is_none(), "{client} waits");
        let owned = OwnedArgs::from_parts(line.split_whitespace().map(str::as_bytes).collect::<Vec<_>>().into_iter());
        let prepared = self.engine.prepare(session.db, owned.as_args());
        let mut out = Vec::new();
        self.crowd.needs_least = u64::MAX;
        self.engine.execute(&mut session, owned.as_args(), prepared, &mut out, &mut self.crowd);
        self.crowd.clients.insert(client, (session, Vec::new()));
        self.engine.serve_waiting(&mut self.crowd);
        self.engine.effects.take(|buffer| self.log.append(buffer));
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What a client was sent meanwhile.
    pub fn heard(&mut self, client: u64) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.crowd.clients.get_mut(&client).expect("a client").1)).into_owned()
    }

    pub fn advance(&mut self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.engine.refresh_clock();
        self.engine.end_late_waits(&mut self.crowd);
    }

    pub fn hang_up(&mut self, client: u64) {
        let (mut session, _) = self.crowd.clients.remove(&client).expect("a client");
        self.engine.disconnect(&mut session);
        self.crowd.clients.insert(client, (Session::new(client, true), Vec::new()));
    }

    pub fn lists(&self) -> Vec<(usize, Vec<u8>)> {
        let databases = (0..4).flat_map(|db| self.engine.keyspace.db(db).iter().map(move |entry| (db, entry)));
        let lists = databases.filter(|(_, entry)| entry.object_type() == ObjectType::List);
        lists.map(|(db, entry)| (db, entry.key().to_vec())).collect()
    }

    /// Nobody waits for a key that has something for it.
    pub fn nobody_waits_in_vain(&self) {
        let lists = self.lists();
        for (client, (session, _)) in &self.crowd.clients {
            let Some(Blocked::Keys(wait)) = &session.blocked else { continue };
            let ready = lists.iter().find(|(db, key)| *db == wait.db && wait.keys.iter().any(|k| **k == **key));
            assert!(ready.is_none(), "client {client} waits for {ready:?}");
        }
    }

    pub fn contents(&mut self) -> BTreeMap<(usize, Vec<u8>), String> {
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
    pub fn replayed(&self) -> Hall {
        let mut other = Hall::new(0);
        let mut session = Session::new(0, true);
        session.flags.insert(SessionFlags::REPLAY);
        other.engine.effects.set_enabled(false);
        other.engine.loading = true;
        let lookup = other.engine.lookup();
        for line in commands(&self.log) {
            let owned = OwnedArgs::from_parts(line.iter().map(Vec::as_slice));
            let prepared = lookup.prepare(owned.as_args());
            let Hall { engine, crowd, .. } = &mut other;
            engine.replay(&mut session, owned.as_args(), prepared, &mut Vec::new(), crowd).expect("the log replays");
        }
        other.engine.loading = false;
        other
    }
}

/// The commands of a log.
pub fn commands(mut log: &[u8]) -> Vec<Vec<Vec<u8>>> {
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
