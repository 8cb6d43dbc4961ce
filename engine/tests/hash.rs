//! Hashes: replies, errors, effects, and the deadlines of fields.

mod support;

use support::World;

/// A hash of `count` fields `f0`, `f1`, … with values `0`, `1`, …
fn fill(world: &mut World, key: &str, count: usize) {
    for start in (0..count).step_by(500) {
        let fields: Vec<String> = (start..count.min(start + 500)).map(|i| format!("f{i} {i}")).collect();
        world.run(&format!("HSET {key} {}", fields.join(" ")));
    }
}

#[test]
fn fields_are_set_read_and_removed() {
    let mut w = World::default();
    assert_eq!(w.run("HSET h a 1 b two a 3"), "2");
    assert_eq!(w.run("HGET h a"), "\"3\"");
    assert_eq!(w.run("HGETALL h"), "[\"a\", \"3\", \"b\", \"two\"]");
    assert_eq!(w.run("HMGET h a nosuch b"), "[\"3\", nil, \"two\"]");
    assert_eq!(w.run("HSETNX h a 9"), "0");
    assert_eq!(w.run("HSETNX h c 9"), "1");
    assert_eq!(w.run("HKEYS h"), "[\"a\", \"b\", \"c\"]");
    assert_eq!(w.run("HVALS h"), "[\"3\", \"two\", \"9\"]");
    assert_eq!(w.run("HLEN h"), "3");
    assert_eq!(w.run("HSTRLEN h b"), "3");
    assert_eq!(w.run("HEXISTS h b"), "1");
    assert_eq!(w.run("HMSET h a x"), "OK");
    assert_eq!(w.run("HDEL h a b nosuch a"), "2");
    assert_eq!(w.run("HDEL h c"), "1");
    assert_eq!(w.run("EXISTS h"), "0");
    assert_eq!(w.run("HSET h a"), "ERR wrong number of arguments for 'hset' command");
    w.run("SET s 1");
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for command in ["HSET s a 1", "HGET s a", "HGETALL s", "HDEL s a", "HLEN s", "HSCAN s 0", "HINCRBY s a 1", "HEXPIRE s x FIELDS 1 a"] {
        assert_eq!(w.run(command), wrong, "{command}");
    }
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn a_hash_becomes_large_at_its_thresholds_and_stays_so() {
    let mut w = World::default();
    fill(&mut w, "h", 512);
    assert_eq!(w.run("OBJECT ENCODING h"), "\"listpack\"");
    w.run("HSET h f512 512");
    assert_eq!(w.run("OBJECT ENCODING h"), "\"hashtable\"");
    for i in 2..513 {
        w.run(&format!("HDEL h f{i}"));
    }
    assert_eq!(w.run("OBJECT ENCODING h"), "\"hashtable\"");
    assert_eq!(w.run("HLEN h"), "2");
    let long = "x".repeat(65);
    w.run(&format!("HSET v a {long}"));
    assert_eq!(w.run("OBJECT ENCODING v"), "\"hashtable\"");
    w.run("HSET f a 1");
    w.run(&format!("HINCRBY f {long} 1"));
    assert_eq!(w.run("OBJECT ENCODING f"), "\"hashtable\"");
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn numbers_are_counted_in_fields() {
    let mut w = World::default();
    assert_eq!(w.run("HINCRBY h n 5"), "5");
    assert_eq!(w.run("HINCRBY h n -7"), "-2");
    assert_eq!(w.run("HINCRBY h n 1.5"), "ERR value is not an integer or out of range");
    w.run("HSET h max 9223372036854775807 text abc");
    assert_eq!(w.run("HINCRBY h max 1"), "ERR increment or decrement would overflow");
    assert_eq!(w.run("HINCRBY h text 1"), "ERR hash value is not an integer");
    assert_eq!(w.run("HINCRBYFLOAT h text 1"), "ERR hash value is not a float");
    assert_eq!(w.run("HINCRBYFLOAT h n inf"), "ERR value is NaN or Infinity");
    assert_eq!(w.run("HINCRBYFLOAT h n x"), "ERR value is not a valid float");
    assert_eq!(w.run("HINCRBYFLOAT h n 0.5"), "\"-1.5\"");
    assert_eq!(w.logged("HINCRBYFLOAT h n 0.25"), ["HSET h n -1.25"]);
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn deadlines_of_fields_are_set_asked_for_and_removed() {
    let mut w = World::default();
    w.run("HSET h a 1 b 2 c 3");
    let at = w.now_ms.get() + 10_000;
    assert_eq!(w.run("HEXPIRE h 10 FIELDS 3 a nosuch c"), "[1, -2, 1]");
    assert_eq!(w.effects().last().unwrap(), &format!("HPEXPIREAT h {at} FIELDS 2 a c"));
    assert_eq!(w.run("OBJECT ENCODING h"), "\"listpackex\"");
    assert_eq!(w.run("HTTL h FIELDS 3 a b nosuch"), "[10, -1, -2]");
    assert_eq!(w.run("HPTTL h FIELDS 1 a"), "[10000]");
    assert_eq!(w.run("HPEXPIRETIME h FIELDS 1 a"), format!("[{at}]"));
    assert_eq!(w.run("HEXPIRETIME h FIELDS 1 a"), format!("[{}]", at.div_ceil(1000)));
    assert_eq!(w.run("HEXPIRE h 20 NX FIELDS 2 a b"), "[0, 1]");
    assert_eq!(w.run("HEXPIRE h 15 GT FIELDS 2 a b"), "[1, 0]");
    assert_eq!(w.run("HEXPIRE h 5 LT FIELDS 1 a"), "[1]");
    assert_eq!(w.run("HEXPIRE h 5 XX FIELDS 1 a"), "[1]");
    assert_eq!(w.logged("HPERSIST h FIELDS 3 a a nosuch"), ["HPERSIST h FIELDS 1 a"]);
    assert_eq!(w.run("HPERSIST h FIELDS 2 a nosuch"), "[-1, -2]");
    assert_eq!(w.run("HTTL nosuch FIELDS 1 a"), "[-2]");
    assert_eq!(w.run("HEXPIRE nosuch 1 FIELDS 1 a"), "[-2]");
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn mistakes_in_deadlines_are_told_in_redis_words() {
    let mut w = World::default();
    w.run("HSET h a 1");
    for (command, error) in [
        ("HEXPIRE h x FIELDS 1 a", "ERR value is not an integer or out of range"),
        ("HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"),
        ("HPEXPIREAT h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpireat' command"),
        ("HEXPIRE h 10 FOO 1 a b", "ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HEXPIRE h 10 FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0"),
        ("HEXPIRE h 10 FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"),
        ("HTTL h FOO 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HTTL h FIELDS x a", "ERR Number of fields must be a positive integer"),
        ("HPERSIST h FIELDS 1 a b", "ERR The `numfields` parameter must match the number of arguments"),
        ("HGETDEL h FIELDS 9223372036854775807 a", "ERR The `numfields` parameter must match the number of arguments"),
        ("HSETEX h EX 1 PX 1 FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"),
        ("HSETEX h FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"),
        ("HSETEX h FOO FIELDS 1 a 1", "ERR unknown argument: FOO"),
        ("HSETEX h FIELDS 2 a 1 b", "ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h FIELDS 0 a 1", "ERR invalid number of fields"),
        ("HGETEX h EX 10 PERSIST FIELDS 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"),
    ] {
        assert_eq!(w.run(command), error, "{command}");
    }
    assert_eq!(w.run("HPTTL h FIELDS 1 a"), "[-1]");
}

#[test]
fn a_deadline_that_has_passed_deletes_the_field() {
    let mut w = World::default();
    w.run("HSET h a 1 b 2 c 3");
    assert_eq!(w.run("HEXPIRE h 0 FIELDS 3 a a nosuch"), "[2, -2, -2]");
    assert_eq!(w.effects().last().unwrap(), "HDEL h a");
    assert_eq!(w.run("HGETEX h PXAT 1 FIELDS 1 b"), "[\"2\"]");
    assert_eq!(w.logged("HSETEX h PXAT 1 FIELDS 2 c 4 d 5"), ["HDEL h c"]);
    assert_eq!(w.run("EXISTS h"), "0");
    assert_eq!(w.run("HSETEX new EX 0 FIELDS 1 a 1"), "1");
    assert_eq!(w.run("EXISTS new"), "0");
    assert_eq!(w.replayed().data_set(), w.data_set());
}

/// Time passes, and a turn of the event loop begins.
fn pass(world: &mut World, ms: u64) {
    world.now_ms.set(world.now_ms.get() + ms);
    world.engine.refresh_clock();
}

/// Small and large hashes.
fn sizes() -> [usize; 2] {
    [20, 1000]
}

#[test]
fn due_fields_are_absent_for_every_command() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        w.run("HPEXPIRE h 100 FIELDS 3 f0 f1 f2");
        pass(&mut w, 101);
        w.effects();
        assert_eq!(w.run("HGET h f0"), "nil");
        let mut effects = w.effects();
        assert_eq!(effects.len(), 1);
        let mut parts: Vec<String> = effects.remove(0).split(' ').map(str::to_owned).collect();
        parts.sort();
        assert_eq!(parts, ["HDEL", "f0", "f1", "f2", "h"]);
        assert_eq!(w.run("HLEN h"), (size - 3).to_string());
        assert_eq!(w.run("HSET h f0 new"), "1");
        assert_eq!(w.run("HTTL h FIELDS 1 f0"), "[-1]");
        assert_eq!(w.replayed().data_set(), w.data_set());
    }
}

#[test]
fn the_active_cycle_takes_due_fields_and_emptied_hashes() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        fill(&mut w, "other", size);
        for i in 0..size {
            w.run(&format!("HPEXPIRE h 100 FIELDS 1 f{i}"));
        }
        w.run("HPEXPIRE other 200 FIELDS 1 f7");
        pass(&mut w, 101);
        assert!(w.engine.expire_due(&mut || true));
        assert_eq!(w.engine.keyspace.db(0).len(), 1, "the emptied hash is gone");
        assert_eq!(w.engine.stats.expired_fields, size as u64);
        assert_eq!(w.run("HLEN other"), size.to_string());
        pass(&mut w, 100);
        assert!(w.engine.expire_due(&mut || true));
        assert_eq!(w.engine.stats.expired_fields, size as u64 + 1);
        assert_eq!(w.engine.keyspace.db(0).expiring_hashes(), 0);
        assert_eq!(w.replayed().data_set(), w.data_set());
    }
}

#[test]
fn a_command_that_looks_twice_at_a_hash_of_many_due_fields_finds_it_again() {
    for line in ["RENAME h g", "RENAMENX h g", "MOVE h 1", "BITPOS h 1", "PFDEBUG ENCODING h", "LMOVE h g LEFT LEFT", "SMOVE h g f0"] {
        for size in [600, 1100, 1300, 1500, 1900] {
            let mut w = World::default();
            fill(&mut w, "h", size);
            let fields: Vec<String> = (0..size).map(|i| format!("f{i}")).collect();
            w.run(&format!("HPEXPIRE h 100 FIELDS {size} {}", fields.join(" ")));
            pass(&mut w, 101);
            w.run(line);
            assert!(w.engine.stats.expired_fields > 0, "{line}");
            assert_eq!(w.replayed().data_set(), w.data_set(), "{line}");
            pass(&mut w, 1);
            assert!(w.engine.expire_due(&mut || true));
            assert_eq!(w.engine.stats.expired_fields, size as u64);
            assert!(w.data_set().is_empty(), "{line}");
        }
    }
}

#[test]
fn deadlines_of_fields_go_with_their_hash() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        w.run("HPEXPIRE h 1000 FIELDS 1 f0");
        w.run("RENAME h r");
        w.run("COPY r c");
        w.run("COPY r m");
        w.run("MOVE m 1");
        w.run("EXPIRE c 100");
        w.run("PERSIST c");
        for key in ["r", "c"] {
            assert_eq!(w.run(&format!("HPTTL {key} FIELDS 2 f0 f1")), "[1000, -1]");
        }
        pass(&mut w, 1001);
        assert!(w.engine.expire_due(&mut || true));
        assert_eq!(w.engine.stats.expired_fields, 3);
        assert_eq!(w.run("HLEN c"), (size - 1).to_string());
    }
}

#[test]
fn writing_a_field_keeps_or_clears_its_deadline_as_redis_does() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        w.run("HEXPIRE h 100 FIELDS 3 f0 f1 f2");
        w.run("HSET h f0 1");
        w.run("HINCRBY h f1 1");
        let logged = w.logged("HINCRBYFLOAT h f2 1.5");
        assert_eq!(logged, ["HSETEX h KEEPTTL FIELDS 1 f2 3.5"]);
        assert_eq!(w.run("HTTL h FIELDS 3 f0 f1 f2"), "[-1, 100, 100]");
        w.run("HSETEX h KEEPTTL FIELDS 1 f1 x");
        w.run("HSETEX h FIELDS 1 f2 x");
        assert_eq!(w.run("HTTL h FIELDS 2 f1 f2"), "[100, -1]");
        let at = w.now_ms.get() + 5;
        assert_eq!(w.logged("HSETEX h FXX PX 5 FIELDS 1 f1 y"), [format!("HSETEX h PXAT {at} FIELDS 1 f1 y")]);
        assert_eq!(w.run("HSETEX h FNX FIELDS 2 new 1 f1 y"), "0");
        assert_eq!(w.run("HSETEX h FXX FIELDS 2 new 1 f1 y"), "0");
        assert_eq!(w.run("HGETEX h PERSIST FIELDS 2 f1 nosuch"), "[\"y\", nil]");
        assert_eq!(w.run("HGETEX h EX 7 FIELDS 1 f1"), "[\"y\"]");
        assert_eq!(w.run("HTTL h FIELDS 1 f1"), "[7]");
        assert_eq!(w.run("HGETDEL h FIELDS 3 f1 f1 nosuch"), "[\"y\", nil, nil]");
        assert_eq!(w.replayed().data_set(), w.data_set());
    }
}

#[test]
fn random_fields_are_of_the_hash_and_as_many_as_asked() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        let count = |shown: &str| shown.matches('"').count() / 2;
        assert!(w.run("HRANDFIELD h").starts_with("\"f"));
        for (asked, got) in [("3", 3), ("0", 0), ("100000", size), ("-7", 7), ("900", size.min(900))] {
            let shown = w.run(&format!("HRANDFIELD h {asked}"));
            assert_eq!(count(&shown), got, "{asked} of {size}");
            assert_eq!(count(&w.run(&format!("HRANDFIELD h {asked} WITHVALUES"))), 2 * got);
            if !asked.starts_with('-') {
                let mut names: Vec<&str> = shown.split(", ").collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), got.max(1), "no field twice");
            }
        }
        assert_eq!(w.run("HRANDFIELD h -9223372036854775807"), "ERR value is out of range");
        assert_eq!(w.run("HRANDFIELD h -9223372036854775807 WITHVALUES"), "ERR value is out of range");
        assert_eq!(
            w.run("HRANDFIELD h -9223372036854775808"),
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
        );
        assert_eq!(w.run("HRANDFIELD h 1 WITH"), "ERR syntax error");
    }
}

#[test]
fn scans_show_each_field_once() {
    for size in sizes() {
        let mut w = World::default();
        fill(&mut w, "h", size);
        let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
        loop {
            let shown = w.run(&format!("HSCAN h {cursor} COUNT 7 NOVALUES"));
            let mut parts = shown.trim_matches(['[', ']']).split(", ").map(|part| part.trim_matches(['[', ']', '"']).to_owned());
            cursor = parts.next().unwrap();
            seen.extend(parts.filter(|part| !part.is_empty()));
            if cursor == "0" {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), size);
    }
    let mut w = World::default();
    w.run("HSET h a 1 b 2");
    assert_eq!(w.run("HSCAN h 0 MATCH a*"), "[\"0\", [\"a\", \"1\"]]");
    assert_eq!(w.run("HSCAN h 0 COUNT 0"), "ERR syntax error");
    assert_eq!(w.run("HSCAN h x"), "ERR invalid cursor");
    assert_eq!(w.run("HSCAN nosuch 0 FOO"), "[\"0\", []]");
}
