//! HyperLogLogs: replies, what is logged, what a replay makes of it.

mod support;

use support::World;

#[test]
fn elements_are_counted_once_and_merged() {
    let mut w = World::default();
    for (line, reply) in [
        ("PFADD h a b c d e f g", "1"),
        ("PFADD h a b", "0"),
        ("PFCOUNT h", "7"),
        ("PFADD i c g x y z", "1"),
        ("PFCOUNT h i missing", "10"),
        ("PFMERGE d h i", "OK"),
        ("PFCOUNT d", "10"),
        ("PFADD empty", "1"),
        ("PFADD empty", "0"),
        ("PFCOUNT empty", "0"),
        ("PFDEBUG ENCODING d", "sparse"),
        ("PFDEBUG TODENSE d", "1"),
        ("PFDEBUG ENCODING d", "dense"),
        ("PFCOUNT d", "10"),
        ("STRLEN d", "12304"),
    ] {
        assert_eq!(w.run(line), reply, "{line}");
    }
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn a_count_is_logged_when_it_is_remembered_and_only_then() {
    let mut w = World::default();
    assert_eq!(w.logged("PFADD h a b"), ["PFADD h a b"]);
    assert_eq!(w.logged("PFADD h a"), [""; 0]);
    assert_eq!(w.logged("PFCOUNT h"), ["PFCOUNT h"]);
    assert_eq!(w.logged("PFCOUNT h"), [""; 0]);
    assert_eq!(w.logged("PFCOUNT h missing"), [""; 0]);
    assert_eq!(w.logged("PFCOUNT missing"), [""; 0]);
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn thousands_of_elements_are_counted_in_both_forms_and_replayed_exactly() {
    let mut w = World::default();
    for start in (0..5_000).step_by(50) {
        let elements: Vec<String> = (start..start + 50).map(|n| format!("e{n}")).collect();
        w.run(&format!("PFADD h {}", elements.join(" ")));
    }
    assert_eq!(w.run("PFDEBUG ENCODING h"), "dense");
    let count: i64 = w.run("PFCOUNT h").parse().unwrap();
    assert!((4_800..5_200).contains(&count), "{count}");
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn strings_that_are_none_are_refused_and_left_alone() {
    let mut w = World::default();
    w.run("SET s hello");
    w.run("SET n 12");
    w.run("RPUSH l a");
    for key in ["s", "n"] {
        for line in [format!("PFADD {key} a"), format!("PFCOUNT {key}"), format!("PFMERGE d {key}"), format!("PFMERGE {key} d")] {
            assert_eq!(w.run(&line), "WRONGTYPE Key is not a valid HyperLogLog string value.", "{line}");
        }
    }
    for line in ["PFADD l a", "PFCOUNT l", "PFMERGE d l"] {
        assert_eq!(w.run(line), "WRONGTYPE Operation against a key holding the wrong kind of value", "{line}");
    }
    assert_eq!(w.run("GET s"), "\"hello\"");
}

#[test]
fn registers_too_many_are_told_also_when_half_a_run_is_one_too_many() {
    for end in ["x", "\\x00", "\\x80"] {
        let mut w = World::default();
        w.run("PFADD h a");
        w.run(&format!("APPEND h \"{end}\""));
        for line in ["PFCOUNT h", "PFCOUNT h h", "PFMERGE d h", "PFDEBUG TODENSE h"] {
            assert_eq!(w.run(line), "INVALIDOBJ Corrupted HLL object detected", "{line} after {end}");
        }
        w.effects();
        assert_eq!(w.logged("PFMERGE d h"), [""; 0]);
        assert_eq!(w.run("EXISTS d"), "0");
    }
}
