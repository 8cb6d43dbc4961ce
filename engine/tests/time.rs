//! Time as commands see it: deadlines, transactions, pauses.

mod support;

use graven_engine::Pause;
use support::World;

#[test]
fn time_stands_still_within_a_transaction() {
    let mut world = World::default();
    for line in ["SET k v PX 200", "MULTI", "GET k", "DEBUG SLEEP 400", "GET k", "PTTL k"] {
        world.run(line);
    }
    assert_eq!(world.run("EXEC"), "[\"v\", OK, \"v\", 200]");
    assert_eq!(world.run("GET k"), "nil", "it moves on afterwards");
    let took = |world: &World, name: &[u8]| world.engine.command_stats[world.engine.registry.by_name(name).unwrap().index()].nanoseconds;
    assert_eq!(took(&world, b"debug"), 400_000_000);
    assert_eq!(took(&world, b"pttl"), 0, "each command of a transaction is charged its own time");
}

/// Some keys that are due and one that stays, while writes are paused.
fn paused() -> World {
    let mut world = World::default();
    for n in 0..200 {
        world.run(&format!("SET due:{n} v PX 100"));
    }
    world.run("SET stays v");
    world.effects();
    world.engine.pause = Pause::Writes;
    world.advance(200);
    world
}

#[test]
fn a_pause_leaves_due_keys_alone_and_hides_them() {
    let mut world = paused();
    let data = world.data_set();
    let absent = [
        ("GET due:1", "nil"),
        ("MGET due:1 stays", "[nil, \"v\"]"),
        ("EXISTS due:1 stays", "1"),
        ("TTL due:1", "-2"),
        ("TYPE due:1", "none"),
        ("TOUCH due:1", "0"),
        ("MEMORY USAGE due:1", "nil"),
        ("KEYS *", "[\"stays\"]"),
        ("SCAN 0 COUNT 100000", "[\"0\", [\"stays\"]]"),
        ("RANDOMKEY", "\"stays\""),
    ];
    for (line, reply) in absent {
        assert_eq!(world.run(line), reply, "{line}");
    }
    assert!(world.engine.expire_due(&mut || true));
    assert_eq!((world.effects(), world.data_set()), (vec![], data));
    world.engine.pause = Pause::Off;
    assert_eq!(world.run("GET due:1"), "nil");
    assert_eq!(world.effects(), ["DEL due:1"]);
}

/// While writes are refused a read deletes nothing either: its reply would wait for a log that fails.
#[test]
fn due_keys_and_fields_are_hidden_while_writes_are_refused() {
    let mut world = paused();
    world.engine.pause = Pause::Off;
    for line in ["HSET h due v stays v", "HPEXPIRE h 100 FIELDS 1 due", "HSET gone due v", "HPEXPIRE gone 100 FIELDS 1 due"] {
        world.run(line);
    }
    world.effects();
    world.advance(200);
    world.engine.writes_denied = true;
    let data = world.data_set();
    for (line, reply) in [
        ("GET due:1", "nil"),
        ("MGET due:1 stays", "[nil, \"v\"]"),
        ("EXISTS due:1 stays", "1"),
        ("TTL due:1", "-2"),
        ("STRLEN due:1", "0"),
        ("HGET h due", "nil"),
        ("HMGET h due stays", "[nil, \"v\"]"),
        ("HGETALL h", "[\"stays\", \"v\"]"),
        ("HEXISTS gone due", "0"),
        ("HGETALL gone", "[]"),
    ] {
        assert_eq!(world.run(line), reply, "{line}");
    }
    assert_eq!((world.effects(), world.data_set()), (vec![], data));
    world.engine.writes_denied = false;
    for (line, logged) in [("GET due:1", "DEL due:1"), ("HGET h due", "HDEL h due")] {
        assert_eq!(world.logged(line), [logged]);
    }
    assert!(world.engine.expire_due(&mut || true));
    assert_eq!(world.run("DBSIZE"), "2");
}

#[test]
fn a_random_key_is_looked_for_in_vain_if_all_are_due_during_a_pause() {
    let mut world = paused();
    world.engine.pause = Pause::Off;
    world.run("DEL stays");
    world.engine.pause = Pause::Writes;
    assert_eq!(world.run("RANDOMKEY"), "nil");
    assert_eq!(world.engine.key_count(), 200);
}

#[test]
fn a_write_that_a_pause_does_not_hold_back_replaces_a_due_key() {
    let mut world = paused();
    world.engine.pause = Pause::Off;
    for line in ["MULTI", "CLIENT PAUSE 1000 WRITE", "GET due:1", "SET due:1 new NX", "GET due:1"] {
        world.run(line);
    }
    assert_eq!(world.run("EXEC"), "[OK, nil, OK, \"new\"]");
    assert_eq!(world.effects(), ["MULTI", "DEL due:1", "SET due:1 new NX", "EXEC"]);
}
