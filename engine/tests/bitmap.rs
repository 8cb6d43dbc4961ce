//! Bitmaps: replies, what is logged, what a replay makes of it.

mod support;

use support::World;

#[test]
fn bits_are_set_read_counted_and_found() {
    let mut w = World::default();
    for (line, reply) in [
        ("SETBIT b 7 1", "0"),
        ("SETBIT b 7 1", "1"),
        ("GET b", "\"\\x01\""),
        ("SETBIT b 23 1", "0"),
        ("GETBIT b 23", "1"),
        ("GETBIT b 4294967295", "0"),
        ("BITCOUNT b", "2"),
        ("BITCOUNT b 1 -1", "1"),
        ("BITCOUNT b 8 22 BIT", "0"),
        ("BITPOS b 1", "7"),
        ("BITPOS b 1 1", "23"),
        ("BITPOS b 0 23 -1 BIT", "-1"),
        ("BITOP NOT n b", "3"),
        ("GET n", "\"\\xfe\\xff\\xfe\""),
        ("BITFIELD f SET u8 #1 255 INCRBY u8 #1 10 OVERFLOW SAT INCRBY u8 #1 1000 OVERFLOW FAIL INCRBY u8 #1 1", "[0, 9, 255, nil]"),
        ("BITFIELD_RO f GET u8 8 GET i8 8", "[255, -1]"),
        ("OBJECT ENCODING f", "\"raw\""),
    ] {
        assert_eq!(w.run(line), reply, "{line}");
    }
    assert_eq!(w.replayed().data_set(), w.data_set());
}

#[test]
fn what_changes_nothing_is_not_logged() {
    let mut w = World::default();
    w.run("SETBIT b 7 1");
    for line in
        ["SETBIT b 7 1", "GETBIT b 7", "BITCOUNT b", "BITPOS b 1", "BITFIELD b GET u8 0", "BITFIELD_RO b GET u8 0", "BITOP AND d missing"]
    {
        assert_eq!(w.logged(line), [""; 0], "{line}");
    }
    assert_eq!(w.logged("SETBIT b 7 0"), ["SETBIT b 7 0"]);
    assert_eq!(w.logged("BITOP OR d b b"), ["BITOP OR d b b"]);
}

#[test]
fn offsets_that_no_string_has_allocate_nothing_and_change_nothing() {
    let mut w = World::default();
    w.run("SET s ab");
    let out = "ERR bit offset is not an integer or out of range";
    for line in [
        "SETBIT s 4294967296 1",
        "SETBIT s 9223372036854775808 1",
        "SETBIT s -1 1",
        "GETBIT s 4294967296",
        "BITFIELD s SET u8 4294967296 1",
        "BITFIELD s SET u8 #4294967296 1",
        "BITFIELD s SET u8 #9223372036854775807 1",
    ] {
        assert_eq!(w.run(line), out, "{line}");
    }
    assert_eq!(w.run("SETBIT s 1 2"), "ERR bit is not an integer or out of range");
    assert_eq!(w.run("GET s"), "\"ab\"");
    w.run("RPUSH l a");
    for line in ["SETBIT l 0 1", "GETBIT l 0", "BITCOUNT l", "BITPOS l 1", "BITOP AND d s l", "BITFIELD l GET u8 0"] {
        assert_eq!(w.run(line), "WRONGTYPE Operation against a key holding the wrong kind of value", "{line}");
    }
}
