//! The connection's own state: who it is, what it speaks, whether it is answered; and what the server tells about
//! commands.

mod support;

use graven_engine::{SessionFlags, Settings};
use support::{World, expect};

const NO_AUTH: &str = "NOAUTH Authentication required.";
const WRONG_PASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// A server with a password and a client that has not said it.
fn locked() -> World {
    let mut world = World::new(Settings { password: "secret".to_owned(), ..Settings::default() });
    world.session.authenticated = false;
    world
}

#[test]
fn without_the_password_nothing_but_authentication_works() {
    let mut world = locked();
    expect(
        &mut world,
        &[
            ("PING", NO_AUTH),
            ("GET k", NO_AUTH),
            ("AUTH wrong", WRONG_PASS),
            ("AUTH secre", WRONG_PASS),
            ("AUTH secrets", WRONG_PASS),
            ("AUTH other secret", WRONG_PASS),
            ("GET k", NO_AUTH),
            ("AUTH default secret", "OK"),
            ("GET k", "nil"),
        ],
    );
}

#[test]
fn hello_authenticates_before_it_changes_anything() {
    let mut world = locked();
    assert!(world.run("HELLO 3").starts_with("NOAUTH HELLO must be called with the client already authenticated"));
    assert_eq!(world.run("HELLO 3 AUTH default wrong SETNAME me"), WRONG_PASS);
    assert_eq!(world.call(&["PING"]), b"-NOAUTH Authentication required.\r\n");
    assert!(
        world.call(&["HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me"]).starts_with(b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
    );
    assert_eq!(world.run("CLIENT GETNAME"), "\"me\"");
    assert_eq!(world.call(&["GET", "k"]), b"_\r\n");
}

#[test]
fn hello_with_an_error_in_it_changes_nothing() {
    let mut world = World::default();
    expect(
        &mut world,
        &[
            ("HELLO 4", "NOPROTO unsupported protocol version"),
            ("HELLO x", "ERR Protocol version is not an integer or out of range"),
            ("HELLO 3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
            ("HELLO 3 SETNAME \"a b\"", "ERR Client names cannot contain spaces, newlines or special characters."),
            ("CLIENT GETNAME", "nil"),
        ],
    );
    assert_eq!(world.call(&["GET", "k"]), b"$-1\r\n");
}

#[test]
fn reset_is_as_good_as_a_new_connection() {
    let mut world = locked();
    for line in ["AUTH secret", "HELLO 3 SETNAME me", "SELECT 3", "CLIENT NO-TOUCH on", "CLIENT NO-EVICT on", "WATCH k", "MULTI", "SET k v"]
    {
        world.run(line);
    }
    world.session.flags.insert(SessionFlags::MONITOR);
    assert_eq!(world.call(&["RESET"]), b"+RESET\r\n");
    assert_eq!(world.engine.watched_keys(), 0);
    assert_eq!(world.session.db, 0);
    assert!(world.session.flags.is_empty() && !world.session.in_transaction());
    expect(&mut world, &[("GET k", NO_AUTH), ("AUTH secret", "OK"), ("CLIENT GETNAME", "nil"), ("SELECT 3", "OK"), ("EXISTS k", "0")]);
}

#[test]
fn client_reply_silences_what_it_says_and_nothing_else() {
    let mut world = World::default();
    let lines =
        ["CLIENT REPLY SKIP", "PING", "PING", "CLIENT REPLY OFF", "PING", "CLIENT REPLY SKIP", "GET", "PING", "CLIENT REPLY ON", "PING"];
    let replies: Vec<Vec<u8>> = lines.iter().map(|line| world.call(&line.split(' ').collect::<Vec<_>>())).collect();
    let none = &b""[..];
    assert_eq!(replies, [none, none, b"+PONG\r\n", none, none, none, none, none, b"+OK\r\n", b"+PONG\r\n"]);
}

#[test]
fn setinfo_keeps_what_can_be_shown() {
    let mut world = World::default();
    expect(
        &mut world,
        &[
            ("CLIENT SETINFO lib-name lib(1)", "OK"),
            ("CLIENT SETINFO LIB-VER 1.2", "OK"),
            ("CLIENT SETINFO LIB-VER \"1 2\"", "ERR LIB-VER cannot contain spaces, newlines or special characters."),
            ("CLIENT SETINFO lib-color red", "ERR Unrecognized option 'lib-color'"),
        ],
    );
    assert_eq!((world.session.lib_name.as_str(), world.session.lib_version.as_str()), ("lib(1)", "1.2"));
}

#[test]
fn the_slow_log_shows_no_password() {
    let settings = Settings { slowlog_slower_than_us: 0, password: "secret".to_owned(), ..Settings::default() };
    let mut world = World::new(settings);
    for line in ["AUTH secret", "HELLO 2 AUTH default secret", "SET k v"] {
        world.run(line);
    }
    let shown = world.run("SLOWLOG GET -1");
    assert!(shown.contains("[\"SET\", \"k\", \"v\"]") && shown.contains("(redacted)"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    expect(&mut world, &[("SLOWLOG GET 0", "[]"), ("SLOWLOG RESET", "OK"), ("SLOWLOG LEN", "1")]);
}

#[test]
fn latency_events_are_told_and_forgotten() {
    let mut world = World::new(Settings { latency_threshold_ms: 10, ..Settings::default() });
    let second = support::START_MS / 1000;
    world.engine.latency.record("expire-cycle", second, 9, 10);
    world.engine.latency.record("expire-cycle", second, 40, 10);
    world.engine.latency.record("expire-cycle", second + 1, 20, 10);
    expect(
        &mut world,
        &[
            ("LATENCY LATEST", &format!("[[\"expire-cycle\", {}, 20, 40]]", second + 1)),
            ("LATENCY HISTORY expire-cycle", &format!("[[{second}, 40], [{}, 20]]", second + 1)),
            ("LATENCY GRAPH nothing", "ERR No samples available for event 'nothing'"),
            ("LATENCY RESET nothing expire-cycle", "1"),
            ("LATENCY LATEST", "[]"),
        ],
    );
}

#[test]
fn getkeys_finds_the_keys_of_any_command() {
    let mut world = World::default();
    expect(
        &mut world,
        &[
            ("COMMAND GETKEYS MSET a 1 b 2", "[\"a\", \"b\"]"),
            ("COMMAND GETKEYS OBJECT ENCODING k", "[\"k\"]"),
            ("COMMAND GETKEYSANDFLAGS SET k v", "[[\"k\", [OW, update]]]"),
            ("COMMAND GETKEYSANDFLAGS SET k v GET", "[[\"k\", [RW, access, update]]]"),
            ("COMMAND GETKEYS PING x", "ERR The command has no key arguments"),
            ("COMMAND GETKEYS GET a b", "ERR Invalid number of arguments specified for command"),
            ("COMMAND GETKEYS NOSUCH a", "ERR Invalid command specified"),
        ],
    );
}

#[test]
fn a_renamed_command_is_listed_and_a_disabled_one_is_not() {
    let mut world = World::default();
    let count: i64 = world.run("COMMAND COUNT").parse().unwrap();
    assert!(world.engine.registry.rename(b"get", b"fetch") && world.engine.registry.rename(b"set", b""));
    assert_eq!(world.run("COMMAND COUNT"), (count - 1).to_string());
    assert_eq!(world.run("COMMAND INFO set"), "[nil]");
    assert!(world.run("COMMAND INFO fetch").contains("readonly"));
    assert!(world.run("SET k v").starts_with("ERR unknown command 'SET'"));
}

#[test]
fn every_container_explains_all_of_its_subcommands() {
    let mut world = World::default();
    let containers: Vec<(String, Vec<String>)> = world
        .engine
        .registry
        .iter()
        .filter(|(_, command)| !command.children.is_empty())
        .map(|(_, command)| {
            let names = command.children.iter().map(|id| world.engine.registry.get(*id).spec.name.to_ascii_uppercase());
            (command.spec.name.to_ascii_uppercase(), names.collect())
        })
        .collect();
    assert!(containers.len() >= 6, "{containers:?}");
    for (container, subcommands) in containers {
        let help = world.run(&format!("{container} HELP"));
        for subcommand in subcommands {
            assert!(help.contains(&subcommand), "{container} {subcommand}: {help}");
        }
    }
}
