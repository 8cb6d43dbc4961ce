//! `rename-command` is between the server and its clients: the log does not know of it.

mod support;

use graven_engine::Settings;
use graven_resp::OwnedArgs;
use support::{World, rename};

/// Everything that a log may hold, under other names; two have exchanged theirs, and one has none.
const RENAMED: &[(&str, &str)] = &[
    ("SELECT", "choose"),
    ("MULTI", "begin"),
    ("EXEC", "commit"),
    ("DEL", ""),
    ("UNLINK", ""),
    ("PEXPIREAT", "until"),
    ("PERSIST", "keep"),
    ("GET", "swapped"),
    ("SET", "get"),
    ("swapped", "set"),
    ("APPEND", "add"),
    ("FLUSHDB", "wipe"),
    ("FLUSHALL", "wipe-all"),
    ("RENAME", "call"),
    ("XGROUP", "grp"),
];

const LINES: &[&str] = &[
    "GET a 1",
    "GET a 2 NX GET",
    "GET a 2 XX GET",
    "GET b 2 PX 100",
    "ADD a 3",
    "CHOOSE 3",
    "BEGIN",
    "GET c 1",
    "EXPIRE c 100",
    "COMMIT",
    "WIPE",
    "GET d 1",
    "CALL d e",
    "CHOOSE 0",
    "EXPIRE a -1",
    "GET f x",
    "GRP create s g $ MKSTREAM",
];

fn renamed() -> World {
    let mut world = World::default();
    rename(&mut world.engine, RENAMED);
    for line in LINES {
        let reply = world.run(line);
        assert!(!reply.starts_with("ERR"), "{line}: {reply}");
    }
    world.advance(200);
    assert_eq!(world.run("SET b"), "nil", "what was GET");
    world
}

#[test]
fn what_renamed_commands_did_is_logged_under_the_names_of_the_table() {
    let log = renamed().effects();
    for line in ["SET a 1", "SET a 2 XX", "APPEND a 3", "FLUSHDB", "RENAME d e", "MULTI", "DEL a", "DEL b", "XGROUP create s g $ MKSTREAM"]
    {
        assert!(log.iter().any(|logged| logged == line), "{line} is not in {log:?}");
    }
}

#[test]
fn a_log_means_the_same_whatever_commands_are_called() {
    let mut world = renamed();
    let data = world.data_set();
    assert!(!data.is_empty());
    assert_eq!(world.replayed().data_set(), data, "read by a server that renames nothing");
    assert_eq!(world.replayed_with(Settings::default(), RENAMED).data_set(), data, "read by a server that renames the same");
}

#[test]
fn a_new_name_in_a_log_is_understood_unless_it_is_a_name_of_the_table() {
    let mut world = World::default();
    rename(&mut world.engine, RENAMED);
    let found = |line: &[&str]| {
        let args = OwnedArgs::from_parts(line.iter().map(|part| part.as_bytes()));
        world.engine.registry.find_logged(args.as_args()).map(|id| world.engine.registry.get(id).spec.name)
    };
    assert_eq!(found(&["ADD", "a", "1"]), Some("append"));
    assert_eq!(found(&["Get", "a"]), Some("get"));
    assert_eq!(found(&["config", "set"]), Some("set"), "the subcommand");
    assert_eq!(found(&["swapped", "a"]), None);
}

#[test]
fn the_slow_log_hides_passwords_whatever_commands_are_called() {
    let mut world = World::new(Settings { slowlog_slower_than_us: 0, ..Settings::default() });
    rename(&mut world.engine, &[("AUTH", "let-me-in"), ("HELLO", "hi"), ("ECHO", "auth")]);
    for line in ["LET-ME-IN default sesame", "HI 3 AUTH default sesame", "AUTH shown"] {
        world.run(line);
    }
    let entries = world.engine.slowlog.entries().iter().rev();
    let shown: Vec<_> = entries.map(|entry| String::from_utf8(entry.args.join(&b' ')).unwrap()).collect();
    assert_eq!(shown, ["LET-ME-IN (redacted) (redacted)", "HI 3 AUTH (redacted) (redacted)", "AUTH shown"]);
}
