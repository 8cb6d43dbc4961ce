//! Strings and keys: replies, what is logged, what watchers and statistics see.

mod support;

use graven_engine::{SessionFlags, Settings};
use support::{START_MS, World, expect, world};

#[test]
fn relative_deadlines_are_logged_as_absolute_ones() {
    let at = |ms: u64| (START_MS + ms).to_string();
    let cases = [
        ("SET k v EX 10", format!("SET k v PXAT {}", at(10_000))),
        ("SET k v PX 10 NX", format!("SET k v PXAT {}", at(10))),
        ("SET k v GET PXAT 1700000000500", "SET k v PXAT 1700000000500".to_owned()),
        ("SETEX k 10 v", format!("SET k v PXAT {}", at(10_000))),
        ("PSETEX k 10 v", format!("SET k v PXAT {}", at(10))),
    ];
    for (line, logged) in cases {
        assert_eq!(world(&[]).logged(line), [logged], "{line}");
    }
    let cases = [
        ("EXPIRE k 10", format!("PEXPIREAT k {}", at(10_000))),
        ("PEXPIRE k 10 NX", format!("PEXPIREAT k {}", at(10))),
        ("EXPIREAT k 1700000001", format!("PEXPIREAT k {}", at(1000))),
        ("PEXPIREAT k 1700000000001 LT", format!("PEXPIREAT k {}", at(1))),
        ("GETEX k EX 10", format!("PEXPIREAT k {}", at(10_000))),
        ("GETEX k PXAT 1700000000500", format!("PEXPIREAT k {}", at(500))),
    ];
    for (line, logged) in cases {
        assert_eq!(world(&["SET k v"]).logged(line), [logged], "{line}");
    }
}

#[test]
fn a_deadline_in_the_past_is_logged_as_a_deletion() {
    for line in ["EXPIRE k 0", "EXPIRE k -1", "PEXPIREAT k 1", "EXPIREAT k 1700000000", "GETEX k EXAT 5", "GETDEL k"] {
        let mut world = world(&["SET k v"]);
        assert_eq!(world.logged(line), ["DEL k"], "{line}");
        assert_eq!(world.run("EXISTS k"), "0");
    }
    let mut lazy = World::new(Settings { lazy_expire: true, ..Settings::default() });
    lazy.run("SET k v");
    assert_eq!(lazy.logged("EXPIRE k 0"), ["UNLINK k"]);
}

#[test]
fn conditions_and_reads_stay_out_of_the_log() {
    let mut world = world(&["SET k v"]);
    assert_eq!(world.logged("SET k w XX GET"), ["SET k w XX"]);
    assert_eq!(world.logged("SET k w KEEPTTL"), ["SET k w KEEPTTL"]);
    assert_eq!(world.logged("GETSET k x"), ["SET k x"]);
    assert_eq!(world.logged("INCRBYFLOAT f 1.50"), ["SET f 1.5 KEEPTTL"]);
}

#[test]
fn what_changes_nothing_logs_nothing() {
    let mut world = world(&["SET k v", "SET e v EX 100", "SET n 9223372036854775807"]);
    for line in [
        "GET k",
        "MGET k e",
        "DEL missing",
        "UNLINK missing",
        "SET k w NX",
        "SET missing w XX",
        "SETNX k w",
        "MSETNX missing 1 k 2",
        "SETRANGE k 3 \"\"",
        "SETRANGE missing 3 \"\"",
        "PERSIST k",
        "PERSIST missing",
        "EXPIRE missing 10",
        "EXPIRE e 10 GT",
        "EXPIRE e 10 NX",
        "EXPIRE k 10 XX",
        "GETEX k",
        "GETEX k PERSIST",
        "GETDEL missing",
        "RENAMENX k e",
        "RENAME k k",
        "COPY k e",
        "COPY missing x",
        "MOVE missing 1",
        "INCR n",
        "INCR k",
        "INCRBYFLOAT k 1",
        "TOUCH k",
        "OBJECT ENCODING k",
        "SET k v EX 0",
        "LCS k e",
        "RENAME missing x",
    ] {
        assert_eq!(world.logged(line), [""; 0], "{line}");
    }
}

#[test]
fn flushes_are_logged_even_if_there_is_nothing_to_remove() {
    let mut world = world(&[]);
    assert_eq!(world.logged("FLUSHALL"), ["FLUSHALL"]);
    assert_eq!(world.logged("FLUSHDB ASYNC"), ["FLUSHDB ASYNC"]);
    assert_eq!(world.logged("SWAPDB 0 1"), ["SWAPDB 0 1"]);
    assert_eq!(world.logged("APPEND k \"\""), ["APPEND k "]);
    assert_eq!(world.logged("APPEND k \"\""), ["APPEND k "]);
}

#[test]
fn a_due_key_is_gone_and_its_deletion_is_logged_once() {
    let mut world = world(&["SET k v PX 100", "SET other v PX 100"]);
    world.advance(101);
    assert_eq!(world.run("GET k"), "nil");
    assert_eq!(world.run("SCAN 0"), "[\"0\", []]");
    assert_eq!(world.effects(), ["DEL k", "DEL other"]);
    assert_eq!(world.run("DBSIZE"), "0");
    assert_eq!(world.effects(), [""; 0]);
}

#[test]
fn replay_obeys_deadlines_that_have_passed_meanwhile() {
    let mut world = world(&["SET a v PX 50", "SET b v", "PEXPIRE b 60", "SET c v", "GETEX c PX 70", "SET c w KEEPTTL", "SETRANGE d 5 x"]);
    let before = world.data_set();
    assert_eq!(before.len(), 4);
    assert_eq!(world.replayed().data_set(), before);
}

#[test]
fn replay_is_not_bound_by_the_length_limit() {
    let mut world = world(&["SETRANGE a 2000 x", "APPEND a yz"]);
    let before = world.data_set();
    let mut limited = World::new(Settings { max_bulk_bytes: 1000, ..Settings::default() });
    expect(
        &mut limited,
        &[
            ("SETRANGE a 1000 x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
            ("SETRANGE a 999 x", "1000"),
            ("APPEND a y", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
            ("SETRANGE a 9223372036854775807 x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
            ("STRLEN a", "1000"),
        ],
    );
    let mut replayed = world.replayed_under(Settings { max_bulk_bytes: 1000, ..Settings::default() });
    assert_eq!(replayed.data_set(), before);
}

#[test]
fn encodings_are_those_that_redis_reports() {
    let long = "x".repeat(45);
    let mut w = world(&[
        "SET int 12",
        "SET embstr hello",
        "SET padded 012",
        "SET appended 1",
        "APPEND appended 2",
        "APPEND fresh 12",
        "SETRANGE ranged 0 12",
        "INCRBYFLOAT float 3",
        "SET counted 10",
        "APPEND counted 0",
        "INCR counted",
        &format!("SET raw {long}"),
        "SET big 9223372036854775808",
        "COPY appended copied",
    ]);
    for (key, encoding) in [
        ("int", "int"),
        ("embstr", "embstr"),
        ("padded", "embstr"),
        ("appended", "raw"),
        ("fresh", "int"),
        ("ranged", "raw"),
        ("float", "embstr"),
        ("counted", "int"),
        ("raw", "raw"),
        ("big", "embstr"),
        ("copied", "raw"),
    ] {
        assert_eq!(w.run(&format!("OBJECT ENCODING {key}")), format!("\"{encoding}\""), "{key}");
    }
    expect(&mut w, &[("OBJECT REFCOUNT int", "2147483647"), ("OBJECT REFCOUNT embstr", "1"), ("OBJECT ENCODING missing", "nil")]);
}

#[test]
fn numbers_that_do_not_fit_are_refused_and_nothing_changes() {
    let mut w = world(&["SET n 9223372036854775807", "SET s \" 1\"", "SET f 1e4932"]);
    let before = w.data_set();
    expect(
        &mut w,
        &[
            ("INCR n", "ERR increment or decrement would overflow"),
            ("INCR s", "ERR value is not an integer or out of range"),
            ("DECRBY n -9223372036854775808", "ERR decrement would overflow"),
            ("INCRBY n 1.5", "ERR value is not an integer or out of range"),
            ("INCRBYFLOAT s 1", "ERR value is not a valid float"),
            ("INCRBYFLOAT f 1.1e4932", "ERR increment would produce NaN or Infinity"),
            ("INCRBYFLOAT f nan", "ERR value is not a valid float"),
            ("INCRBYFLOAT f inf", "ERR increment would produce NaN or Infinity"),
        ],
    );
    assert_eq!(w.data_set(), before);
    assert_eq!(w.effects(), [""; 0]);
}

#[test]
fn deadlines_that_do_not_fit_are_refused() {
    let mut w = world(&["SET k v"]);
    expect(
        &mut w,
        &[
            ("SET k v EX 0", "ERR invalid expire time in 'set' command"),
            ("SET k v EX 9223372036854775807", "ERR invalid expire time in 'set' command"),
            ("SET k v PX 9223372036854775807", "ERR invalid expire time in 'set' command"),
            ("SETEX k 0 v", "ERR invalid expire time in 'setex' command"),
            ("GETEX k PX -1", "ERR invalid expire time in 'getex' command"),
            ("EXPIRE k 9223372036854775807", "ERR invalid expire time in 'expire' command"),
            ("PEXPIRE k 9223372036854775807", "ERR invalid expire time in 'pexpire' command"),
            ("SET k v EX ten", "ERR value is not an integer or out of range"),
            ("SET k v EX", "ERR syntax error"),
            ("SET k v EX 10 PX 10", "ERR syntax error"),
            ("SET k v EX 10 KEEPTTL", "ERR syntax error"),
            ("SET k v NX XX", "ERR syntax error"),
            ("EXPIRE k 1 NX GT", "ERR NX and XX, GT or LT options at the same time are not compatible"),
            ("EXPIRE k 1 GT LT", "ERR GT and LT options at the same time are not compatible"),
            ("EXPIRE k 1 MAYBE", "ERR Unsupported option MAYBE"),
            ("TTL k", "-1"),
        ],
    );
}

#[test]
fn deadlines_move_with_their_values() {
    let mut w = world(&["SET k v PX 5000", "SET old v PX 9", "RENAME k old", "COPY old new", "MOVE new 3"]);
    expect(
        &mut w,
        &[("PTTL old", "5000"), ("TTL old", "5"), ("PEXPIRETIME old", "1700000005000"), ("SELECT 3", "OK"), ("PTTL new", "5000")],
    );
    expect(&mut w, &[("SET new w KEEPTTL", "OK"), ("PTTL new", "5000"), ("SET new w", "OK"), ("PTTL new", "-1"), ("PTTL gone", "-2")]);
}

#[test]
fn scan_returns_every_key_that_stays_whatever_comes_and_goes() {
    let mut w = World::default();
    (0..3000).for_each(|i| drop(w.run(&format!("SET stay:{i} v"))));
    let (mut cursor, mut seen, mut round) = ("0".to_owned(), std::collections::BTreeSet::new(), 0);
    loop {
        let reply = w.run(&format!("SCAN {cursor} COUNT 20 MATCH stay:*"));
        let words: Vec<&str> = reply.split('"').skip(1).step_by(2).collect();
        seen.extend(words[1..].iter().map(|key| key.to_string()));
        cursor = words[0].to_owned();
        round += 1;
        (0..20).for_each(|i| drop(w.run(&format!("SET come:{round}:{i} v"))));
        w.run(&format!("DEL come:{}:1", round - 1));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 3000);
}

#[test]
fn scan_and_keys_filter() {
    let mut w = world(&["MSET one 1 two 2 three 3"]);
    expect(
        &mut w,
        &[
            ("KEYS t?o", "[\"two\"]"),
            ("KEYS missing*", "[]"),
            ("SCAN 0 MATCH o* COUNT 100", "[\"0\", [\"one\"]]"),
            ("SCAN 0 COUNT 100 TYPE list", "[\"0\", []]"),
            ("SCAN 0 COUNT 0", "ERR syntax error"),
            ("SCAN abc", "ERR invalid cursor"),
            ("SCAN 0 COUNT", "ERR syntax error"),
            ("SCAN 18446744073709551615", "[\"0\", []]"),
        ],
    );
    w.run("FLUSHALL");
    assert_eq!(w.run("RANDOMKEY"), "nil");
}

#[test]
fn lcs_finds_what_redis_finds() {
    let mut w = world(&["MSET a ohmytext b mynewtext e \"\""]);
    expect(
        &mut w,
        &[
            ("LCS a b", "\"mytext\""),
            ("LCS a b LEN", "6"),
            ("LCS a b IDX", "[\"matches\", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], \"len\", 6]"),
            ("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "[\"matches\", [[[4, 7], [5, 8], 4]], \"len\", 6]"),
            ("LCS a missing", "\"\""),
            ("LCS a e LEN", "0"),
            ("LCS a b LEN IDX", "ERR If you want both the length and indexes, please just use IDX."),
        ],
    );
    let mut small = World::new(Settings { max_bulk_bytes: 1000, ..Settings::default() });
    small.run(&format!("MSET a {0} b {0}", "x".repeat(20)));
    assert_eq!(small.run("LCS a b"), "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
}

#[test]
fn watchers_see_every_key_that_a_command_touches() {
    for (line, key) in [
        ("RENAME k x", "k"),
        ("RENAME k x", "x"),
        ("COPY k x", "x"),
        ("MOVE k 1", "k"),
        ("APPEND k \"\"", "k"),
        ("PERSIST e", "e"),
        ("EXPIRE k 10", "k"),
        ("GETDEL k", "k"),
        ("FLUSHDB", "k"),
        ("SWAPDB 0 1", "k"),
        ("MSETNX y 1 x 1", "x"),
        ("GETEX k EXAT 1", "k"),
    ] {
        let mut w = world(&["SET k v", "SET e v EX 10"]);
        w.run(&format!("WATCH {key}"));
        w.run(line);
        expect(&mut w, &[("SELECT 0", "OK"), ("MULTI", "OK"), ("PING", "QUEUED"), ("EXEC", "nil")]);
    }
    let mut w = world(&["SET k v"]);
    expect(&mut w, &[("WATCH k", "OK"), ("SETRANGE k 1 \"\"", "1"), ("MULTI", "OK"), ("PING", "QUEUED"), ("EXEC", "[PONG]")]);
}

#[test]
fn one_command_is_one_change_unless_it_changes_several_keys() {
    for (line, changes) in [
        ("RENAME k x", 1),
        ("MOVE k 1", 1),
        ("COPY k x", 1),
        ("DEL k e", 2),
        ("MSET a 1 b 2 c 3", 3),
        ("SET k v EX 10", 1),
        ("FLUSHALL", 2),
        ("FLUSHDB", 2),
    ] {
        let mut w = world(&["MSET k v e v"]);
        let before = w.engine.dirty;
        w.run(line);
        assert_eq!(w.engine.dirty - before, changes, "{line}");
    }
}

#[test]
fn asking_about_a_key_counts_but_is_no_use_of_it() {
    let mut w = world(&["SET k v"]);
    w.advance(7_000);
    for line in ["TTL k", "EXISTS k", "TYPE k", "OBJECT ENCODING k"] {
        let hits = w.engine.stats.hits;
        w.run(line);
        assert_eq!(w.engine.stats.hits, hits + 1, "{line}");
    }
    assert_eq!(w.run("OBJECT IDLETIME k"), "7");
    w.run("TOUCH k");
    assert_eq!(w.run("OBJECT IDLETIME k"), "0");
    let misses = w.engine.stats.misses;
    w.run("GET missing");
    assert_eq!(w.engine.stats.misses, misses + 1);
}

#[test]
fn databases_are_swapped_with_everything_in_them() {
    let mut w = world(&["SET k zero", "SELECT 1", "SET k one PX 700", "SWAPDB 0 1"]);
    expect(&mut w, &[("GET k", "\"zero\""), ("SELECT 0", "OK"), ("GET k", "\"one\""), ("PTTL k", "700")]);
    expect(
        &mut w,
        &[
            ("SWAPDB 0 16", "ERR DB index is out of range"),
            ("SWAPDB x 1", "ERR invalid first DB index"),
            ("SWAPDB 1 x", "ERR invalid second DB index"),
            ("MOVE k 0", "ERR source and destination objects are the same"),
            ("MOVE k 99", "ERR DB index is out of range"),
            ("COPY k k", "ERR source and destination objects are the same"),
            ("COPY k x DB 99999999999", "ERR value is out of range, value must between -2147483648 and 2147483647"),
        ],
    );
}

#[test]
fn writing_a_key_is_use_of_it_unless_the_client_says_no() {
    for line in ["SET k w", "SET k w PX 90000", "SET k w KEEPTTL", "APPEND k w", "EXPIRE k 100", "PERSIST k"] {
        let mut w = world(&["SET k v"]);
        w.advance(7_000);
        w.session.flags.insert(SessionFlags::NO_TOUCH);
        w.run(line);
        w.run("GET k");
        assert_eq!(w.run("OBJECT IDLETIME k"), "7", "{line}");
        w.session.flags.remove(SessionFlags::NO_TOUCH);
        w.run(line);
        assert_eq!(w.run("OBJECT IDLETIME k"), "0", "{line}");
    }
}

#[test]
fn commands_of_many_keys_treat_each_of_them() {
    let keys: Vec<String> = (0..50).map(|i| format!("key{i}")).collect();
    let mut w = World::default();
    let pairs = keys.iter().enumerate().map(|(i, key)| format!("{key} {i}")).collect::<Vec<_>>().join(" ");
    assert_eq!(w.run(&format!("MSET {pairs}")), "OK");
    let values = (0..50).map(|i| format!("\"{i}\"")).collect::<Vec<_>>().join(", ");
    let keys = keys.join(" ");
    expect(
        &mut w,
        &[
            (&format!("MGET {keys}"), &format!("[{values}]")),
            (&format!("EXISTS {keys} key0 missing"), "51"),
            (&format!("DEL {keys} key0"), "50"),
            ("DBSIZE", "0"),
        ],
    );
}
