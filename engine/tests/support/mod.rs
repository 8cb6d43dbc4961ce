//! An engine with a clock that stands still, nobody around it, and its effects kept.
//!
//! Used by several test files, none of which uses all of it.
#![allow(dead_code)]

pub mod crowd;

use graven_engine::{Clock, Context, Engine, Error, Host, HostCommand, Pause, Resumed, Session, SessionFlags, Settings, WriteStatus};
use graven_resp::{Args, OwnedArgs, split_line};
use graven_store::{Entry, HashRef, ListRef, ObjectType, SetRef, SortedSetRef, Stream, StreamId, StringRef};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Milliseconds since the epoch when a world begins.
pub const START_MS: u64 = 1_700_000_000_000;
const DATABASES: usize = 16;

struct StandingClock(Rc<Cell<u64>>);

impl Clock for StandingClock {
    fn unix_us(&self) -> u64 {
        self.0.get() * 1000
    }
    fn monotonic_ns(&self) -> u64 {
        (self.0.get() - START_MS) * 1_000_000
    }
}

/// Commands that need a server are refused, but for two: `DEBUG SLEEP ms` lets time pass, `CLIENT PAUSE` pauses writes.
struct Nobody(Rc<Cell<u64>>);

impl Host for Nobody {
    fn run(&mut self, command: HostCommand, cx: &mut Context<'_>) -> Result<(), Error> {
        match command {
            HostCommand::Debug => self.0.set(self.0.get() + cx.int(2)? as u64),
            HostCommand::FlushAll => return graven_engine::commands::database::flushall(cx),
            HostCommand::ClientPause => cx.engine.pause = Pause::Writes,
            _ => return Err("ERR there is no server here".into()),
        }
        cx.reply.ok();
        Ok(())
    }
    fn write_status(&self) -> WriteStatus {
        WriteStatus::Available
    }
    fn monitor(&mut self, _: &Session, _: &str, _: Args<'_>, _: u64, _: u64) {}
    fn deliver(&mut self, _: u64, _: &[u8], _: u64) -> bool {
        true
    }
    fn resume(&mut self, _: u64, _: &mut Resumed<'_>) -> bool {
        false
    }
}

/// Keys by database and name, with value and deadline.
pub type DataSet = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// An engine and one client.
pub struct World {
    pub engine: Engine,
    pub session: Session,
    pub now_ms: Rc<Cell<u64>>,
    /// Everything logged so far.
    log: Vec<u8>,
}

impl Default for World {
    fn default() -> World {
        World::new(Settings::default())
    }
}

impl World {
    pub fn new(settings: Settings) -> World {
        let now_ms = Rc::new(Cell::new(START_MS));
        let mut engine = Engine::new(DATABASES, *b"a standing start", Box::new(StandingClock(now_ms.clone())), settings);
        engine.effects.set_enabled(true);
        World { engine, session: Session::new(1, true), now_ms, log: Vec::new() }
    }

    /// Lets time pass.
    pub fn advance(&mut self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.engine.refresh_clock();
    }

    /// Executes a command and returns its reply as it goes over the wire.
    pub fn call<P: AsRef<[u8]>>(&mut self, parts: &[P]) -> Vec<u8> {
        let owned = OwnedArgs::from_parts(parts.iter().map(AsRef::as_ref));
        let args = owned.as_args();
        let mut out = Vec::new();
        let prepared = self.engine.prepare(self.session.db, args);
        self.engine.execute(&mut self.session, args, prepared, &mut out, &mut Nobody(self.now_ms.clone()));
        out
    }

    /// Executes a line, quoted as in an inline command, and returns the reply in a readable form.
    pub fn run(&mut self, line: &str) -> String {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        split_line(line.as_bytes(), |part| parts.push(part.to_vec())).expect("balanced quotes");
        let reply = self.call(&parts);
        let mut rest = &reply[..];
        let shown = show(&mut rest);
        assert!(rest.is_empty(), "one reply to {line}: {}", String::from_utf8_lossy(&reply));
        shown
    }

    /// What was logged since the last call, one line a command, without the `SELECT` at the beginning.
    pub fn effects(&mut self) -> Vec<String> {
        let start = self.log.len();
        self.keep_effects();
        let lines = commands(&self.log[start..]).iter().map(|parts| join(parts)).collect::<Vec<_>>();
        lines.into_iter().skip_while(|line| line.starts_with("SELECT")).collect()
    }

    fn keep_effects(&mut self) {
        let log = &mut self.log;
        self.engine.effects.take(|buffer| log.append(buffer));
    }

    /// Adds words to what was logged, as another server may have.
    pub fn add_to_log(&mut self, words: &[&str]) {
        self.keep_effects();
        self.log.extend(format!("*{}\r\n", words.len()).bytes());
        words.iter().for_each(|word| self.log.extend(format!("${}\r\n{word}\r\n", word.len()).bytes()));
    }

    /// Executes a line; returns what it logged.
    pub fn logged(&mut self, line: &str) -> Vec<String> {
        self.effects();
        self.run(line);
        self.effects()
    }

    /// Another engine, under another seed and at a later time, that has replayed all effects.
    pub fn replayed(&mut self) -> World {
        self.replayed_under(Settings::default())
    }

    /// The same under other settings.
    pub fn replayed_under(&mut self, settings: Settings) -> World {
        self.replayed_with(settings, &[])
    }

    /// The same with commands renamed.
    pub fn replayed_with(&mut self, settings: Settings, renamed: &[(&str, &str)]) -> World {
        self.keep_effects();
        let now_ms = Rc::new(Cell::new(self.now_ms.get() + 86_400_000));
        let mut engine = Engine::new(DATABASES, *b"another seed....", Box::new(StandingClock(now_ms.clone())), settings);
        rename(&mut engine, renamed);
        engine.loading = true;
        let mut session = Session::new(2, true);
        session.flags.insert(SessionFlags::REPLAY);
        let lookup = engine.lookup();
        for parts in commands(&self.log) {
            let owned = OwnedArgs::from_parts(parts.iter().map(Vec::as_slice));
            let args = owned.as_args();
            let prepared = lookup.prepare(args);
            let replayed = engine.replay(&mut session, args, prepared, &mut Vec::new(), &mut Nobody(now_ms.clone()));
            assert_eq!(replayed, Ok(()), "replay of {}", join(&parts));
        }
        World { engine, session, now_ms, log: Vec::new() }
    }

    /// Everything the databases hold, due or not: strings as they are, collections with all members, sorted where the order is not
    /// theirs. Read past the commands, which refuse while a world still loads.
    pub fn data_set(&mut self) -> DataSet {
        let mut data = DataSet::new();
        for db in 0..DATABASES {
            for entry in self.engine.keyspace.db(db).iter() {
                data.insert((db, entry.key().to_vec()), (stored(entry), entry.deadline()));
            }
        }
        data
    }
}

/// A value as text.
fn stored(entry: &Entry) -> Vec<u8> {
    let known = match entry.object_type() {
        ObjectType::String => entry.string().map(|string| string.to_vec()),
        ObjectType::List => entry.list().map(show_list),
        ObjectType::Set => entry.set().map(show_set),
        ObjectType::SortedSet => entry.sorted_set().map(show_sorted_set),
        ObjectType::Hash => entry.hash().map(show_hash),
        ObjectType::Stream => entry.stream().map(show_stream),
    };
    known.expect("a value is of its type")
}

/// Members, sorted.
fn show_set(set: SetRef<'_>) -> Vec<u8> {
    let mut members: Vec<_> = set.iter().map(|member| member.to_vec().escape_ascii().to_string()).collect();
    members.sort();
    members.join(" ").into_bytes()
}

/// Members with scores, in order.
fn show_sorted_set(set: SortedSetRef<'_>) -> Vec<u8> {
    let members: Vec<_> = set.iter().map(|(member, score)| format!("{}={score:?}", member.to_vec().escape_ascii())).collect();
    members.join(" ").into_bytes()
}

/// Items in order.
fn show_list(list: ListRef<'_>) -> Vec<u8> {
    let mut shown = Vec::new();
    list.for_each(|item| shown.push(item.to_vec().escape_ascii().to_string()));
    shown.join(" ").into_bytes()
}

/// Entries, numbers and groups, with all times; not how entries are spread over nodes.
fn show_stream(stream: &Stream) -> Vec<u8> {
    let ids = (stream.last_id(), stream.first_id(), stream.max_deleted_id(), stream.entries_added());
    let mut shown = format!("{} {ids:?}", stream.len());
    for entry in stream.range(StreamId::MIN, StreamId::MAX) {
        let fields = entry.fields().map(|(field, value)| format!("{}={}", field.to_vec().escape_ascii(), value.to_vec().escape_ascii()));
        shown += &format!("\n{} {}", entry.id, fields.collect::<Vec<_>>().join(" "));
    }
    for (name, group) in stream.groups() {
        assert!(group.is_consistent());
        shown += &format!("\n{} {} {:?}", name.escape_ascii(), group.last_id, group.entries_read);
        for (id, pending) in group.pending_from(StreamId::MIN) {
            let consumer = group.consumer(pending.consumer).name().escape_ascii();
            shown += &format!("\n  {id} {consumer} {} {}", pending.delivered_ms, pending.deliveries);
        }
        for consumer in group.consumers() {
            shown += &format!("\n  {} {} {:?}", consumer.name().escape_ascii(), consumer.seen_ms, consumer.active_ms);
        }
    }
    shown.into_bytes()
}

/// Fields with values and deadlines, sorted.
fn show_hash(hash: HashRef<'_>) -> Vec<u8> {
    let text = |string: StringRef<'_>| string.to_vec().escape_ascii().to_string();
    let mut fields: Vec<_> = hash.iter().map(|f| format!("{}={} {:?}", text(f.name), text(f.value), f.deadline)).collect();
    fields.sort();
    fields.join("; ").into_bytes()
}

/// A world in which these lines were executed; what they logged is not looked at.
pub fn world(lines: &[&str]) -> World {
    let mut world = World::default();
    for line in lines {
        world.run(line);
    }
    world.effects();
    world
}

/// Runs lines and compares their replies.
pub fn expect(world: &mut World, cases: &[(&str, &str)]) {
    for (line, reply) in cases {
        assert_eq!(world.run(line), *reply, "{line}");
    }
}

/// `rename-command`
pub fn rename(engine: &mut Engine, renamed: &[(&str, &str)]) {
    for (old, new) in renamed {
        assert!(engine.registry.rename(old.as_bytes(), new.as_bytes()), "{old} cannot be renamed to {new}");
    }
}

fn join(parts: &[Vec<u8>]) -> String {
    parts.iter().map(|part| part.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("a line ends");
    let line = &rest[..end];
    *rest = &rest[end + 2..];
    line
}

fn number(text: &[u8]) -> usize {
    String::from_utf8_lossy(text).parse().expect("a length")
}

/// The commands of a log.
fn commands(mut log: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    while !log.is_empty() {
        let count = number(&line(&mut log)[1..]);
        let parts = (0..count).map(|_| {
            let len = number(&line(&mut log)[1..]);
            let part = log[..len].to_vec();
            log = &log[len + 2..];
            part
        });
        commands.push(parts.collect());
    }
    commands
}

/// `OK`, `7`, `"bytes"`, `nil`, `ERR …`, `[a, b]`, `{k: v}`.
fn show(rest: &mut &[u8]) -> String {
    let head = line(rest);
    let (kind, text) = (head[0], &head[1..]);
    let plain = String::from_utf8_lossy(text).into_owned();
    match kind {
        b'+' | b'-' | b':' | b',' => plain,
        b'_' => "nil".to_owned(),
        b'$' | b'*' if text == b"-1" => "nil".to_owned(),
        b'$' => {
            let len = number(text);
            let shown = format!("\"{}\"", rest[..len].escape_ascii());
            *rest = &rest[len + 2..];
            shown
        }
        b'*' => format!("[{}]", (0..number(text)).map(|_| show(rest)).collect::<Vec<_>>().join(", ")),
        b'%' => {
            let pairs = (0..number(text)).map(|_| format!("{}: {}", show(rest), show(rest)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        _ => panic!("unknown reply {}", String::from_utf8_lossy(head)),
    }
}
