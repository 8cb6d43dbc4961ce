//! Places on the earth: replies of the documentation's example, what is logged, and what a replay makes of it.

mod support;

use support::{expect, world};

const SICILY: &str = "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

#[test]
fn distances_and_searches_are_those_of_the_documentation() {
    let mut world = world(&[SICILY]);
    expect(
        &mut world,
        &[
            ("GEODIST Sicily Palermo Catania", r#""166274.1516""#),
            ("GEODIST Sicily Palermo Catania mi", r#""103.3182""#),
            ("GEODIST Sicily Foo Bar", "nil"),
            ("GEOHASH Sicily Palermo Catania nobody", r#"["sqc8b49rny0", "sqdtr74hyu0", nil]"#),
            ("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC", r#"["Catania", "Palermo"]"#),
            ("GEORADIUS Sicily 15 37 200 km WITHDIST DESC", r#"[["Palermo", "190.4424"], ["Catania", "56.4413"]]"#),
            ("GEOSEARCH Sicily FROMMEMBER Palermo BYBOX 100 100 km ASC COUNT 5", r#"["Palermo"]"#),
            ("GEOSEARCH Sicily FROMMEMBER nobody BYRADIUS 1 km", "ERR could not decode requested zset member"),
            ("GEOADD Sicily 181 0 x", "ERR invalid longitude,latitude pair 181.000000,0.000000"),
        ],
    );
    assert!(world.effects().is_empty(), "looking and failing is not logged");
}

#[test]
fn places_are_logged_as_the_scores_that_they_got() {
    let mut w = world(&[]);
    assert_eq!(w.logged(SICILY), ["ZADD Sicily 3479099956230698 Palermo 3479447370796909 Catania"]);
    assert_eq!(w.logged("GEOADD Sicily NX 1 1 Palermo"), Vec::<String>::new());
    let stored = "GEOSEARCHSTORE near Sicily FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST";
    assert_eq!(w.logged(stored), [stored]);
    assert_eq!(w.logged("GEORADIUS Sicily 0 0 1 km STORE near"), ["GEORADIUS Sicily 0 0 1 km STORE near"]);
    assert_eq!(w.run("EXISTS near"), "0");
    let before = w.data_set();
    assert_eq!(w.replayed().data_set(), before);
}

#[test]
fn what_is_no_place_changes_nothing() {
    let w = &mut world(&[SICILY, "SET s v"]);
    for (line, reply) in [
        ("GEOADD Sicily NX XX 1 1 a", "ERR syntax error"),
        ("GEOADD Sicily NX CH CH", "ERR syntax error"),
        ("GEOADD Sicily 1 1 a 1", "ERR syntax error"),
        ("GEOADD Sicily 1 1 a x 1 b", "ERR value is not a valid float"),
        ("GEOADD Sicily 1 1 a 181 1 b", "ERR invalid longitude,latitude pair 181.000000,1.000000"),
        ("GEOADD Sicily 1 86 a", "ERR invalid longitude,latitude pair 1.000000,86.000000"),
        ("GEORADIUS Sicily 1 1 x km", "ERR need numeric radius"),
        ("GEORADIUS Sicily 1 1 -1 km", "ERR radius cannot be negative"),
        ("GEORADIUS Sicily 1 1 1 parsec", "ERR unsupported unit provided. please use M, KM, FT, MI"),
        ("GEORADIUS Sicily 1 1 1 km COUNT 0", "ERR COUNT must be > 0"),
        ("GEORADIUS Sicily 1 1 1 km COUNT -9223372036854775808", "ERR COUNT must be > 0"),
        ("GEORADIUS Sicily 1 1 1 km ANY", "ERR the ANY argument requires COUNT argument"),
        ("GEORADIUSBYMEMBER Sicily nobody 1 km", "ERR could not decode requested zset member"),
        ("GEORADIUS_RO Sicily 1 1 1 km STORE d", "ERR syntax error"),
        ("ZCARD Sicily", "2"),
    ] {
        assert_eq!(w.run(line), reply, "{line}");
    }
    for command in ["GEOADD s 1 1 a", "GEOPOS s a", "GEODIST s a b", "GEORADIUS s x y 1 km"] {
        assert_eq!(w.run(command), "WRONGTYPE Operation against a key holding the wrong kind of value", "{command}");
    }
}
