//! Lists: replies, what is logged, and what replay makes of it.

mod support;

use graven_engine::Settings;
use graven_store::Thresholds;
use support::{World, expect, world};

#[test]
fn what_was_popped_is_logged_as_the_pop_that_happened() {
    let cases = [
        ("LPOP l", "LPOP l"),
        ("RPOP l 2", "RPOP l 2"),
        ("LMPOP 2 missing l RIGHT COUNT 9", "RPOP l 3"),
        ("LMPOP 1 l LEFT", "LPOP l 1"),
        ("BLPOP missing l 0", "LPOP l"),
        ("BRPOP l 0", "RPOP l"),
        ("BLMPOP 0 1 l LEFT COUNT 2", "LPOP l 2"),
        ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT"),
        ("BRPOPLPUSH l m 0", "RPOPLPUSH l m"),
        ("RPOPLPUSH l m", "RPOPLPUSH l m"),
        ("LMOVE l l LEFT RIGHT", "LMOVE l l LEFT RIGHT"),
    ];
    for (line, logged) in cases {
        assert_eq!(world(&["RPUSH l a b c"]).logged(line), [logged], "{line}");
    }
}

#[test]
fn what_changes_nothing_logs_nothing() {
    let mut world = world(&["RPUSH l a b c", "SET s v"]);
    for line in [
        "LPUSHX missing a",
        "LPOP missing",
        "LPOP l 0",
        "LPOP l -1",
        "LPOP s",
        "LPUSH s a",
        "LRANGE l 0 -1",
        "LSET l 3 x",
        "LSET missing 0 x",
        "LINSERT l BEFORE x y",
        "LINSERT missing BEFORE x y",
        "LREM l 0 x",
        "LTRIM l 0 -1",
        "LTRIM l 0 100",
        "LTRIM missing 1 0",
        "LMOVE missing l LEFT LEFT",
        "LMOVE l s LEFT LEFT",
        "RPOPLPUSH l s",
        "LMPOP 1 missing LEFT",
        "LMPOP 2 s l LEFT",
        "LPOS l a",
    ] {
        assert_eq!(world.logged(line), [""; 0], "{line}");
    }
    assert_eq!(world.run("LRANGE l 0 -1"), r#"["a", "b", "c"]"#);
}

#[test]
fn numbers_of_any_size_are_harmless() {
    let mut world = world(&["RPUSH l a b a"]);
    expect(
        &mut world,
        &[
            ("LRANGE l -9223372036854775808 9223372036854775807", r#"["a", "b", "a"]"#),
            ("LRANGE l 9223372036854775807 9223372036854775807", "[]"),
            ("LINDEX l -9223372036854775808", "nil"),
            ("LINDEX l 9223372036854775807", "nil"),
            ("LSET l 9223372036854775807 x", "ERR index out of range"),
            ("LPOS l a RANK -9223372036854775807", "nil"),
            ("LPOS l a RANK 9223372036854775807 COUNT 9223372036854775807", "[]"),
            ("LPOS l a MAXLEN 9223372036854775807 COUNT 0", "[0, 2]"),
            (
                "LPOS l a RANK -9223372036854775808",
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ),
            ("LMPOP 9223372036854775807 l LEFT", "ERR syntax error"),
            ("LPOP l -9223372036854775808", "ERR value is out of range, must be positive"),
            ("LREM l -9223372036854775807 a", "2"),
            ("LPOP l 9223372036854775807", r#"["b"]"#),
            ("EXISTS l", "0"),
        ],
    );
}

#[test]
fn inside_a_transaction_nothing_waits() {
    let mut world = world(&[]);
    for line in ["BLPOP l 0", "BLMOVE l m LEFT LEFT 0", "BRPOPLPUSH l m 0", "BLMPOP 0 1 l LEFT"] {
        world.run("MULTI");
        world.run(line);
        assert_eq!(world.run("EXEC"), "[nil]", "{line}");
    }
}

#[test]
fn the_encoding_follows_the_configured_size_both_ways() {
    let thresholds = Thresholds { list_max_listpack_size: 8, ..Thresholds::default() };
    let mut world = World::new(Settings { thresholds, ..Settings::default() });
    expect(
        &mut world,
        &[
            ("RPUSH l 1 2 3 4 5 6 7 8", "8"),
            ("OBJECT ENCODING l", r#""listpack""#),
            ("RPUSH l 9", "9"),
            ("OBJECT ENCODING l", r#""quicklist""#),
            ("LTRIM l 0 4", "OK"),
            ("OBJECT ENCODING l", r#""quicklist""#),
            ("RPOP l", r#""5""#),
            ("OBJECT ENCODING l", r#""listpack""#),
            ("LINSERT l BEFORE none x", "-1"),
            ("OBJECT ENCODING l", r#""listpack""#),
        ],
    );
}

#[test]
fn replay_gives_the_same_lists() {
    let mut world = World::default();
    let mut random = 12_345_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..3000 {
        let (key, other, number) = (next(4), next(4), next(40));
        let line = match next(14) {
            0..4 => format!("RPUSH l{key} {number} word{number} {}", "x".repeat(number as usize * 10)),
            4 | 5 => format!("LPUSH l{key} {number}"),
            6 => format!("LPOP l{key} {}", number / 8),
            7 => format!("LMPOP 2 l{key} l{other} RIGHT COUNT 3"),
            8 => format!("LMOVE l{key} l{other} RIGHT LEFT"),
            9 => format!("LINSERT l{key} AFTER word{number} new"),
            10 => format!("LREM l{key} -1 {number}"),
            11 => format!("LSET l{key} {number} {}", "y".repeat(number as usize * 50)),
            12 => format!("LTRIM l{key} 0 {}", number * 20),
            _ => format!("RENAME l{key} l{other}"),
        };
        world.run(&line);
    }
    assert_eq!(world.replayed().data_set(), world.data_set());
}
