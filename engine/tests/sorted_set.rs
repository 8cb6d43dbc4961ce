//! Sorted sets: replies, what is logged, what a replay makes of it.

mod support;

use graven_engine::Settings;
use graven_store::Thresholds;
use support::{World, expect, world};

/// The same with small and with large sorted sets.
fn everywhere(test: impl Fn(&mut World)) {
    for entries in [128, 0, 2] {
        let thresholds = Thresholds { zset_max_listpack_entries: entries, ..Thresholds::default() };
        test(&mut World::new(Settings { thresholds, ..Settings::default() }));
    }
}

#[test]
fn scores_order_members_and_names_order_equal_scores() {
    everywhere(|world| {
        expect(
            world,
            &[
                ("ZADD z 2 b 1 a 2 a2 -inf low +inf high", "5"),
                ("ZRANGE z 0 -1", r#"["low", "a", "a2", "b", "high"]"#),
                ("ZRANGE z 0 -1 REV WITHSCORES", r#"["high", "inf", "b", "2", "a2", "2", "a", "1", "low", "-inf"]"#),
                ("ZSCORE z a2", r#""2""#),
                ("ZSCORE z nobody", "nil"),
                ("ZMSCORE z a nobody b", r#"["1", nil, "2"]"#),
                ("ZRANK z b", "3"),
                ("ZREVRANK z b WITHSCORE", r#"[1, "2"]"#),
                ("ZCARD z", "5"),
                ("ZCOUNT z (1 2", "2"),
                ("ZRANGEBYSCORE z -inf (2 WITHSCORES LIMIT 1 5", r#"["a", "1"]"#),
                ("ZREVRANGEBYSCORE z +inf 2 LIMIT 1 2", r#"["b", "a2"]"#),
                ("ZREM z a nobody b", "2"),
                ("ZCARD z", "3"),
            ],
        );
    });
}

#[test]
fn the_options_of_zadd_decide_who_is_touched() {
    everywhere(|world| {
        expect(
            world,
            &[
                ("ZADD z XX 1 a", "0"),
                ("EXISTS z", "0"),
                ("ZADD z NX 1 a 2 b 3 a", "2"),
                ("ZADD z NX CH 9 a 3 c", "1"),
                ("ZADD z XX CH 9 a 4 d", "1"),
                ("ZADD z GT CH 8 a 8 b 5 e", "2"),
                ("ZADD z LT CH 1 a 9 b", "1"),
                ("ZADD z GT XX CH 7 nobody", "0"),
                ("ZADD z INCR 1.5 a", r#""2.5""#),
                ("ZADD z NX INCR 1 a", "nil"),
                ("ZADD z GT INCR -1 a", "nil"),
                ("ZADD z XX INCR 1 nobody", "nil"),
                ("ZADD z LT INCR 0 a", "nil"),
                ("ZINCRBY z inf a", r#""inf""#),
                ("ZINCRBY z -inf a", "ERR resulting score is not a number (NaN)"),
                ("ZRANGE z 0 -1 WITHSCORES", r#"["c", "3", "e", "5", "b", "8", "a", "inf"]"#),
                ("ZADD z CH 8 b 8 b", "0"),
                ("ZADD z 1", "ERR wrong number of arguments for 'zadd' command"),
                ("ZADD z 1 a 2", "ERR syntax error"),
                ("ZADD z NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
                ("ZADD z NX GT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
                ("ZADD z GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
                ("ZADD z INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
                ("ZADD z 1 new x other", "ERR value is not a valid float"),
                ("ZADD z nan a", "ERR value is not a valid float"),
                ("ZSCORE z new", "nil"),
            ],
        );
    });
}

#[test]
fn ranks_carry_scores_if_asked_and_nothing_else_is_an_option() {
    expect(
        &mut world(&["ZADD z 1 a 2 b", "SET s v"]),
        &[
            ("ZRANK z b WITHSCORE", r#"[1, "2"]"#),
            ("ZREVRANK z b withscore", r#"[0, "2"]"#),
            ("ZRANK z nobody WITHSCORE", "nil"),
            ("ZRANK missing a WITHSCORE", "nil"),
            ("ZRANK z b WITHSCORES", "ERR syntax error"),
            ("ZRANK z b WITHSCORE x", "ERR wrong number of arguments for 'zrank' command"),
            ("ZRANK s b", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ],
    );
}

#[test]
fn resp3_has_doubles_and_pairs() {
    everywhere(|world| {
        world.run("ZADD z 1 a 2.5 b inf c");
        world.run("HELLO 3");
        expect(
            world,
            &[
                ("ZRANGE z 0 1 WITHSCORES", r#"[["a", 1], ["b", 2.5]]"#),
                ("ZSCORE z c", "inf"),
                ("ZUNION 1 z WITHSCORES", r#"[["a", 1], ["b", 2.5], ["c", inf]]"#),
                ("ZPOPMIN z", r#"["a", 1]"#),
                ("ZPOPMAX z 1", r#"[["c", inf]]"#),
                ("ZMPOP 1 z MIN", r#"["z", [["b", 2.5]]]"#),
                ("ZMPOP 1 z MIN", "nil"),
            ],
        );
    });
}

#[test]
fn hostile_numbers_are_refused_or_clamped() {
    let most = i64::MAX;
    everywhere(|world| {
        world.run("ZADD z 1 a 2 b 3 c");
        expect(
            world,
            &[
                (&format!("ZRANGE z -{most} {most}"), r#"["a", "b", "c"]"#),
                (&format!("ZRANGE z {most} -{most}"), "[]"),
                (&format!("ZRANGE z {most} {most} REV"), "[]"),
                (&format!("ZRANGE z -inf +inf BYSCORE LIMIT {most} {most}"), "[]"),
                (&format!("ZRANGE z -inf +inf BYSCORE LIMIT -{most} 1"), "[]"),
                (&format!("ZRANGE z -inf +inf BYSCORE LIMIT 1 {most}"), r#"["b", "c"]"#),
                ("ZRANGE z +inf -inf BYSCORE", "[]"),
                ("ZRANGE z + - BYLEX", "[]"),
                ("ZCOUNT z (2 (2", "0"),
                (&format!("ZREMRANGEBYRANK z {most} -{most}"), "0"),
                (&format!("ZRANDMEMBER z -{most}"), "ERR value is out of range"),
                (&format!("ZRANDMEMBER z -{most} WITHSCORES"), "ERR value is out of range"),
                ("ZRANDMEMBER z -9223372036854775808", &format!("ERR value is out of range, value must between -{most} and {most}")),
                (&format!("ZINTERCARD {most} z"), "ERR syntax error"),
                (&format!("ZMPOP {most} z MIN"), "ERR syntax error"),
                ("ZPOPMIN z -1", "ERR value is out of range, must be positive"),
                (&format!("ZPOPMIN z {most}"), r#"["a", "1", "b", "2", "c", "3"]"#),
                ("EXISTS z", "0"),
            ],
        );
    });
}

#[test]
fn what_changes_nothing_logs_nothing() {
    let mut world = world(&["ZADD z 1 a 2 b", "ZADD other 1 x", "SET s v"]);
    for line in [
        "ZADD z 1 a",
        "ZADD z NX 5 a",
        "ZADD z XX 5 nobody",
        "ZADD z GT 0 a",
        "ZADD missing XX 1 a",
        "ZADD z 1 new x other",
        "ZADD s 1 a",
        "ZINCRBY z 0 a",
        "ZINCRBY z nan a",
        "ZREM z nobody",
        "ZREM missing a",
        "ZREMRANGEBYSCORE z 5 6",
        "ZREMRANGEBYRANK z 2 5",
        "ZREMRANGEBYLEX missing - +",
        "ZPOPMIN missing",
        "ZPOPMAX z 0",
        "ZMPOP 1 missing MIN",
        "ZUNIONSTORE missing 1 nothing",
        "ZINTERSTORE missing 2 z other",
        "ZDIFFSTORE missing 2 z z",
        "ZRANGESTORE missing z 5 6",
        "ZRANGESTORE missing nothing 0 -1",
        "ZUNIONSTORE z 1 s",
        "ZUNIONSTORE z 1 z WEIGHTS x",
    ] {
        assert_eq!(world.logged(line), [""; 0], "{line}");
    }
}

#[test]
fn a_pop_is_logged_as_what_it_popped() {
    let cases = [
        ("ZPOPMIN z", "ZPOPMIN z"),
        ("ZPOPMAX z 2", "ZPOPMAX z 2"),
        ("ZMPOP 2 missing z MIN", "ZPOPMIN z 1"),
        ("ZMPOP 2 missing z MAX COUNT 10", "ZPOPMAX z 3"),
        ("BZPOPMIN missing z 0", "ZPOPMIN z"),
        ("BZPOPMAX z missing 0", "ZPOPMAX z"),
        ("BZMPOP 0 2 missing z MIN COUNT 2", "ZPOPMIN z 2"),
        ("ZRANGESTORE t z 0 0", "ZRANGESTORE t z 0 0"),
        ("ZRANGESTORE z missing 0 0", "ZRANGESTORE z missing 0 0"),
        ("ZINCRBY z 0.1 a", "ZINCRBY z 0.1 a"),
    ];
    for (line, logged) in cases {
        assert_eq!(world(&["ZADD z 1 a 2 b 3 c"]).logged(line), [logged], "{line}");
    }
}

#[test]
fn nothing_waits_inside_a_transaction() {
    let mut world = world(&["MULTI", "BZPOPMIN missing 0", "BZMPOP 0 1 missing MIN"]);
    assert_eq!(world.run("EXEC"), "[nil, nil]");
}

#[test]
fn sums_that_are_not_numbers_are_zero() {
    everywhere(|world| {
        world.run("ZADD up inf a 1 b");
        world.run("ZADD down -inf a 2 b");
        expect(
            world,
            &[
                ("ZUNION 2 up down WITHSCORES", r#"["a", "0", "b", "3"]"#),
                ("ZINTER 2 up down WITHSCORES", r#"["a", "0", "b", "3"]"#),
                ("ZUNION 1 up WEIGHTS 0 WITHSCORES", r#"["a", "0", "b", "0"]"#),
                ("ZUNION 2 up down WEIGHTS 0 1 AGGREGATE MIN WITHSCORES", r#"["a", "-inf", "b", "0"]"#),
                ("ZINTERSTORE t 2 up down AGGREGATE MAX", "2"),
                ("ZRANGE t 0 -1 WITHSCORES", r#"["b", "2", "a", "inf"]"#),
                ("ZINTERCARD 2 up down LIMIT 1", "1"),
                ("ZDIFF 2 up missing", r#"["b", "a"]"#),
            ],
        );
    });
}

#[test]
fn encodings_change_where_the_limits_say() {
    let thresholds = Thresholds { zset_max_listpack_entries: 3, zset_max_listpack_value: 5, ..Thresholds::default() };
    let mut world = World::new(Settings { thresholds, ..Settings::default() });
    expect(
        &mut world,
        &[
            ("ZADD z 1 a 2 b 3 c", "3"),
            ("OBJECT ENCODING z", r#""listpack""#),
            ("ZADD z 4 d", "1"),
            ("OBJECT ENCODING z", r#""skiplist""#),
            ("ZREM z a b c", "3"),
            ("OBJECT ENCODING z", r#""skiplist""#),
            ("ZUNIONSTORE t 1 z", "1"),
            ("OBJECT ENCODING t", r#""listpack""#),
            ("ZADD t 1 longer", "1"),
            ("OBJECT ENCODING t", r#""skiplist""#),
            // The number of pairs decides also where members repeat.
            ("ZADD u 1 a 2 a 3 a 4 a", "1"),
            ("OBJECT ENCODING u", r#""skiplist""#),
        ],
    );
}

#[test]
fn a_scan_returns_what_stays_exactly_once() {
    let mut world = World::default();
    for n in 0..3000 {
        world.run(&format!("ZADD z {n} stays:{n}"));
    }
    let (mut cursor, mut seen, mut round) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let reply = world.run(&format!("ZSCAN z {cursor} MATCH stays:* COUNT 50"));
        let words: Vec<&str> = reply.split('"').skip(1).step_by(2).collect();
        cursor = words[0].to_owned();
        seen.extend(words[1..].iter().step_by(2).map(|member| member.to_string()));
        if cursor == "0" {
            break;
        }
        for n in 0..40 {
            world.run(&format!("ZADD z {n} comes:{round}:{n}"));
        }
        if round % 3 == 2 {
            world.run("ZREMRANGEBYSCORE z (3000 +inf");
            world.run(&format!("ZREM z comes:{round}:1 comes:{round}:2"));
        }
        round += 1;
    }
    seen.sort();
    let mut all: Vec<String> = (0..3000).map(|n| format!("stays:{n}")).collect();
    all.sort();
    assert_eq!(seen, all);
}

#[test]
fn a_replay_has_the_same_members_scores_and_encodings() {
    let thresholds = Thresholds { zset_max_listpack_entries: 4, ..Thresholds::default() };
    let settings = Settings { thresholds, ..Settings::default() };
    let mut world = World::new(settings.clone());
    for n in 0..300 {
        let (key, member) = (n % 5, n * 7 % 23);
        world.run(&format!("ZADD z{key} {}.{n} m{member}", n % 11));
        world.run(&format!("ZINCRBY z{key} 0.1 m{}", n % 13));
        match n % 9 {
            0 => world.run(&format!("ZUNIONSTORE z{} 2 z0 z1 WEIGHTS 0.3 0.7", n % 4)),
            1 => world.run(&format!("ZMPOP 2 z{key} z3 MAX COUNT 3")),
            2 => world.run(&format!("ZREMRANGEBYRANK z{key} 0 2")),
            3 => world.run(&format!("ZRANGESTORE z{key} z2 0 3")),
            _ => String::new(),
        };
    }
    let mut replayed = world.replayed_under(settings);
    replayed.engine.loading = false;
    assert_eq!(world.data_set(), replayed.data_set());
    assert!(!world.data_set().is_empty());
}

#[test]
fn members_of_sets_count_as_having_the_score_one() {
    for members in ["1 2 3", "a b 3", "a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3"] {
        let mut world = World::new(Settings {
            thresholds: Thresholds { set_max_listpack_entries: 20, ..Thresholds::default() },
            ..Settings::default()
        });
        world.run(&format!("SADD s {members}"));
        world.run("ZADD z 5 3 6 4");
        expect(
            &mut world,
            &[
                ("ZINTER 2 s z WEIGHTS 10 1 WITHSCORES", r#"["3", "15"]"#),
                ("ZINTER 2 z s AGGREGATE MIN WITHSCORES", r#"["3", "1"]"#),
                ("ZDIFF 2 z s WITHSCORES", r#"["4", "6"]"#),
                ("ZINTERCARD 2 s z", "1"),
                ("ZUNIONSTORE u 2 s z", &(members.split(' ').count() + 1).to_string()),
                ("ZSCORE u 3", r#""6""#),
                ("ZSCORE u 4", r#""6""#),
            ],
        );
    }
}
