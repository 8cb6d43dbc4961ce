//! Sorted sets: replies, what is logged, what a replay makes of it.

mod support;

use graven_engine::Settings;
use graven_store::Thresholds;
use support::World;

/// Runs lines and compares their replies.
fn expect(world: &mut World, cases: &[(&str, &str)]) {
    for (line, reply) in cases {
        assert_eq!(world.run(line), *reply, "{line}");
    }
}

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
