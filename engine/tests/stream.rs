//! Streams: replies, errors, what is logged, what a replay makes of it.

mod support;

use graven_engine::Settings;
use support::{START_MS, World, expect, world};

/// A world with small nodes.
fn small_nodes(entries: usize) -> World {
    let mut settings = Settings::default();
    settings.thresholds.stream_node_max_entries = entries;
    World::new(settings)
}

const ENTRIES: &[&str] = &["XADD s 1-1 a 1", "XADD s 2-1 a 2", "XADD s 3-1 b 3 c 4"];
const TO_ALICE: &str = "XREADGROUP GROUP g alice COUNT 2 STREAMS s >";

#[test]
fn identifiers_are_completed_and_logged_as_they_became() {
    let mut world = world(&[]);
    assert_eq!(world.logged("XADD s * f v"), [format!("XADD s {START_MS}-0 f v")]);
    assert_eq!(world.logged("XADD s * f v"), [format!("XADD s {START_MS}-1 f v")]);
    assert_eq!(world.logged(&format!("XADD s {}-* f v", START_MS + 1)), [format!("XADD s {}-0 f v", START_MS + 1)]);
    // The clock is behind.
    assert_eq!(world.logged("XADD s * f v"), [format!("XADD s {}-1 f v", START_MS + 1)]);
    assert_eq!(world.logged("XADD s NOMKSTREAM 1800000000000 f v"), ["XADD s NOMKSTREAM 1800000000000 f v"]);
    assert_eq!(world.logged("XADD other NOMKSTREAM * f v"), [""; 0]);
    assert_eq!(world.replayed().data_set(), world.data_set());
}

#[test]
fn what_cannot_be_added_changes_and_logs_nothing() {
    let smaller = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    let cases = [
        ("XADD s 3-1 f v", smaller),
        ("XADD s 2-* f v", smaller),
        ("XADD s 0-0 f v", "ERR The ID specified in XADD must be greater than 0-0"),
        ("XADD s x f v", "ERR Invalid stream ID specified as stream command argument"),
        ("XADD s * f v odd", "ERR wrong number of arguments for 'xadd' command"),
        ("XADD s MAXLEN -1 * f v", "ERR The MAXLEN argument must be >= 0."),
        ("XADD s MAXLEN 1 LIMIT 1 * f v", "ERR syntax error, LIMIT cannot be used without the special ~ option"),
        ("XADD s LIMIT 1 * f v", "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"),
        ("XADD s MAXLEN 1 MINID 1 * f v", "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"),
        ("XTRIM s LIMIT 0", "ERR syntax error, XTRIM must be called with a trimming strategy"),
        ("XTRIM s MAXLEN abc", "ERR value is not an integer or out of range"),
        ("XSETID s 2-0", "ERR The ID specified in XSETID is smaller than the target stream top item"),
        ("XSETID none 2-0", "ERR no such key"),
        (
            "XGROUP CREATE none g $",
            "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
        ),
        ("XGROUP SETID s none 0", "NOGROUP No such consumer group 'none' for key name 's'"),
        ("XREADGROUP GROUP none c STREAMS s >", "NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option"),
        ("XCLAIM s none c 0 1-1", "NOGROUP No such key 's' or consumer group 'none'"),
        ("XREAD STREAMS s", "ERR wrong number of arguments for 'xread' command"),
        ("XREAD STREAMS s 0 1", "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."),
    ];
    let mut world = world(ENTRIES);
    let before = world.data_set();
    for (line, error) in cases {
        assert_eq!(world.run(line), error, "{line}");
    }
    assert_eq!(world.effects(), [""; 0]);
    assert_eq!(world.data_set(), before);
}

#[test]
fn the_last_identifier_is_the_end() {
    let mut world = world(&["XADD s 18446744073709551615-18446744073709551615 f v"]);
    assert_eq!(world.run("XADD s * f v"), "ERR The stream has exhausted the last possible ID, unable to add more items");
    assert_eq!(world.run("XREAD STREAMS s 18446744073709551615-18446744073709551615"), "nil");
}

#[test]
fn ranges_include_their_ends_unless_told_not_to() {
    expect(
        &mut world(ENTRIES),
        &[
            ("XRANGE s - + COUNT 1", r#"[["1-1", ["a", "1"]]]"#),
            ("XRANGE s 2 2", r#"[["2-1", ["a", "2"]]]"#),
            ("XRANGE s (1-1 (3-1", r#"[["2-1", ["a", "2"]]]"#),
            ("XREVRANGE s + (2-1", r#"[["3-1", ["b", "3", "c", "4"]]]"#),
            ("XRANGE s - + COUNT 0", "nil"),
            ("XRANGE none - +", "[]"),
            ("XRANGE s (- +", "ERR Invalid stream ID specified as stream command argument"),
            ("XRANGE s - (0-0", "ERR invalid end ID for the interval"),
            ("XLEN s", "3"),
        ],
    );
}

#[test]
fn reading_begins_after_an_identifier_at_the_end_or_with_the_last_entry() {
    expect(
        &mut world(ENTRIES),
        &[
            ("XREAD COUNT 1 STREAMS s 1-1", r#"[["s", [["2-1", ["a", "2"]]]]]"#),
            ("XREAD STREAMS s $", "nil"),
            ("XREAD STREAMS s +", r#"[["s", [["3-1", ["b", "3", "c", "4"]]]]]"#),
            ("XREAD STREAMS none s + 3", r#"[["s", [["3-1", ["b", "3", "c", "4"]]]]]"#),
            ("XDEL s 3-1", "1"),
            ("XREAD STREAMS s +", r#"[["s", [["2-1", ["a", "2"]]]]]"#),
            ("XREAD STREAMS s 2-1", "nil"),
        ],
    );
}

#[test]
fn trimming_to_whole_nodes_is_logged_as_what_it_left() {
    let mut world = small_nodes(4);
    for i in 1..=10 {
        world.run(&format!("XADD s {i} f v"));
    }
    assert_eq!(world.logged("XTRIM s MAXLEN ~ 7"), [""; 0], "no node can go");
    assert_eq!(world.logged("XTRIM s MAXLEN ~ 5"), ["XTRIM s MAXLEN = 6"]);
    assert_eq!(world.logged("XADD s MINID ~ 9 11 f v"), ["XADD s MAXLEN = 3 11-0 f v"]);
    assert_eq!(world.logged("XADD s MAXLEN = 2 12 f v"), ["XADD s MAXLEN = 2 12 f v"]);
    assert_eq!(world.run("XRANGE s - +"), r#"[["11-0", ["f", "v"]], ["12-0", ["f", "v"]]]"#);
    // Nodes are of another size there.
    assert_eq!(world.replayed().data_set(), world.data_set());
}

#[test]
fn deliveries_are_logged_with_their_time_and_count() {
    let mut world = world(ENTRIES);
    world.run("XGROUP CREATE s g 0");
    world.effects();
    let claim = |ids: &str, count: u64| format!("XCLAIM s g alice 0 {ids} TIME {START_MS} RETRYCOUNT {count} FORCE JUSTID LASTID 2-1");
    assert_eq!(
        world.logged(TO_ALICE),
        [
            "MULTI".to_owned(),
            "XGROUP CREATECONSUMER s g alice".to_owned(),
            claim("1-1 2-1", 1),
            "XGROUP SETID s g 2-1 ENTRIESREAD 2".to_owned(),
            "EXEC".to_owned(),
        ]
    );
    assert_eq!(world.logged("XREADGROUP GROUP g alice STREAMS s 1-1"), [claim("2-1", 2).replace(" LASTID 2-1", "")]);
    assert_eq!(world.logged("XREADGROUP GROUP g alice NOACK STREAMS s >"), ["XGROUP SETID s g 3-1 ENTRIESREAD 3"]);
    assert_eq!(world.logged("XREADGROUP GROUP g alice STREAMS s >"), [""; 0]);
    assert_eq!(world.logged("XACK s g 1-1 9-9"), ["XACK s g 1-1 9-9"]);
    assert_eq!(world.logged("XACK s g 1-1"), [""; 0]);
    assert_eq!(world.replayed().data_set(), world.data_set());
}

#[test]
fn claims_are_replayed_with_the_times_of_entries_and_consumers() {
    let mut world = world(ENTRIES);
    for line in ["XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g idler", TO_ALICE] {
        world.run(line);
    }
    world.advance(1000);
    for line in [
        "XCLAIM s g bob 500 1-1 IDLE 100 RETRYCOUNT 7",
        "XCLAIM s g carol 5000 2-1",
        "XAUTOCLAIM s g dave 1000 0 COUNT 1",
        "XREADGROUP GROUP g eve STREAMS s >",
        "XREADGROUP GROUP g frank STREAMS s >",
        "XREADGROUP GROUP g eve STREAMS s 0",
        "XCLAIM s g gina 0 9-9 FORCE LASTID 9-9",
    ] {
        world.run(line);
        world.advance(10);
    }
    assert_eq!(world.replayed().data_set(), world.data_set());
    expect(
        &mut world,
        &[
            ("XPENDING s g", r#"[3, "1-1", "3-1", [["bob", "1"], ["dave", "1"], ["eve", "1"]]]"#),
            ("XPENDING s g IDLE 150 - + 10 bob", "[[\"1-1\", \"bob\", 170, 7]]"),
            ("XINFO GROUPS s", r#"[["name", "g", "consumers", 8, "pending", 3, "last-delivered-id", "9-9", "entries-read", 3, "lag", 0]]"#),
        ],
    );
}

#[test]
fn entries_that_the_stream_has_no_longer_stop_being_pending_when_claimed() {
    let mut world = world(ENTRIES);
    for line in ["XGROUP CREATE s g 0", "XREADGROUP GROUP g alice STREAMS s >", "XDEL s 1-1 2-1"] {
        world.run(line);
    }
    assert_eq!(world.run("XREADGROUP GROUP g alice COUNT 1 STREAMS s 0"), r#"[["s", [["1-1", nil]]]]"#);
    world.effects();
    assert_eq!(world.logged("XCLAIM s g alice 0 1-1"), ["XACK s g 1-1"]);
    assert_eq!(world.run("XAUTOCLAIM s g alice 0 - JUSTID"), r#"["0-0", ["3-1"], ["2-1"]]"#);
    assert_eq!(world.run("XPENDING s g"), r#"[1, "3-1", "3-1", [["alice", "1"]]]"#);
    assert_eq!(world.replayed().data_set(), world.data_set());
}

#[test]
fn lag_is_unknown_once_there_is_a_hole_ahead() {
    let mut world = world(&["XADD s 1 f v", "XADD s 2 f v", "XADD s 3 f v", "XADD s 4 f v", "XGROUP CREATE s g 0"]);
    let progress = |world: &mut World| {
        let reply = world.run("XINFO GROUPS s");
        reply[reply.find("\"entries-read\"").expect("a group")..].trim_end_matches(']').to_owned()
    };
    assert_eq!(progress(&mut world), r#""entries-read", nil, "lag", 4"#);
    world.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
    assert_eq!(progress(&mut world), r#""entries-read", 1, "lag", 3"#);
    world.run("XDEL s 3");
    assert_eq!(progress(&mut world), r#""entries-read", 1, "lag", nil"#);
    world.run("XREADGROUP GROUP g c STREAMS s >");
    assert_eq!(progress(&mut world), r#""entries-read", 4, "lag", 0"#);
}

#[test]
fn counts_end_where_a_log_can_still_say_them() {
    let most = i64::MAX;
    let cases: [&[&str]; 7] = [
        &["XREADGROUP GROUP g c STREAMS s 0"],
        &["XCLAIM s g d 0 1-1"],
        &["XAUTOCLAIM s g d 0 0"],
        &["XGROUP SETID s g 0 ENTRIESREAD 9223372036854775807", "XREADGROUP GROUP g c STREAMS s >"],
        &["XSETID s 1-1 ENTRIESADDED 9223372036854775807", "XADD s 2-1 a b", "XREADGROUP GROUP g c STREAMS s >"],
        &["XSETID s 1-1 ENTRIESADDED 9223372036854775807", "XADD s 2-1 a b", "XGROUP CREATE s h 1-1", "XREADGROUP GROUP h c STREAMS s >"],
        &["XGROUP SETID s g 0 ENTRIESREAD 9223372036854775807", "XREADGROUP GROUP g c NOACK STREAMS s >"],
    ];
    for lines in cases {
        let mut world = world(&["XADD s 1-1 a b", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >"]);
        world.run(&format!("XCLAIM s g c 0 1-1 RETRYCOUNT {most}"));
        for line in lines {
            let reply = world.run(line);
            assert!(!reply.starts_with("ERR"), "{line}: {reply}");
        }
        let shown = world.run("XINFO STREAM s FULL");
        assert!(shown.contains(&most.to_string()) && !shown.contains("-9223372036854775808"), "{lines:?}: {shown}");
        assert_eq!(world.replayed().data_set(), world.data_set(), "{lines:?}");
    }
}

#[test]
fn a_log_may_hold_counts_beyond_the_greatest() {
    let mut world = world(&["XADD s 1-1 a b", "XGROUP CREATE s g 1-1"]);
    let beyond = "9223372036854775808";
    let time = START_MS.to_string();
    let claim = ["XCLAIM", "s", "g", "c", "0", "1-1", "TIME", &time, "RETRYCOUNT", beyond, "FORCE", "JUSTID"];
    world.add_to_log(&claim);
    world.add_to_log(&["XGROUP", "SETID", "s", "g", "1-1", "ENTRIESREAD", beyond]);
    world.add_to_log(&["XSETID", "s", "1-1", "ENTRIESADDED", beyond]);
    let mut replayed = world.replayed();
    replayed.engine.loading = false;
    let most = i64::MAX;
    assert_eq!(replayed.run("XPENDING s g - + 1"), format!(r#"[["1-1", "c", {}, {most}]]"#, 86_400_000));
    let shown = replayed.run("XINFO STREAM s FULL");
    assert_eq!(shown.matches(&most.to_string()).count(), 4, "{shown}");
    // No client may say so.
    world.run("XCLAIM s g c 0 1-1 FORCE");
    for line in [&claim.join(" "), "XGROUP SETID s g 1-1 ENTRIESREAD 9223372036854775808", "XSETID s 1-1 ENTRIESADDED 9223372036854775808"]
    {
        assert!(world.run(line).starts_with("ERR"), "{line}");
    }
}

#[test]
fn an_identifier_may_go_back_behind_deleted_entries() {
    for entries in [100, 3, 2, 1] {
        let mut world = small_nodes(entries);
        for line in ["XADD s 1-1 a 1", "XADD s 2-1 a 2", "XADD s 3-1 a 3", "XADD s 4-1 b 4", "XDEL s 4-1 3-1"] {
            world.run(line);
        }
        expect(
            &mut world,
            &[
                ("XSETID s 4-1 MAXDELETEDID 1-1", "OK"),
                ("XSETID s 2-1", "OK"),
                ("XADD s 2-2 x y", r#""2-2""#),
                ("XRANGE s 2-2 2-2", r#"[["2-2", ["x", "y"]]]"#),
                ("XRANGE s - + COUNT 9", r#"[["1-1", ["a", "1"]], ["2-1", ["a", "2"]], ["2-2", ["x", "y"]]]"#),
                ("XDEL s 2-2", "1"),
                ("XLEN s", "2"),
            ],
        );
        assert_eq!(world.replayed().data_set(), world.data_set());
    }
}
