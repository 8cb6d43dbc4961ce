//! Places on the earth beside a real `redis-server`.

use graven_testkit::oracle::Oracle;
use graven_testkit::rng::Rng;
use graven_testkit::{Program, Server};

fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

#[test]
fn random_geo_commands_do_what_redis_does() {
    for protocol in [2, 3] {
        let first = u64::from(protocol) * 1_000;
        Oracle::check_group(&graven(), "geo", protocol, first..first + 40).unwrap();
    }
}

/// Degrees up to a limit: anywhere, or at the limit or in the middle.
fn degrees(rng: &mut Rng, most: f64) -> f64 {
    match rng.below(12) {
        0 => most,
        1 => -most,
        2 => 0.0,
        _ => (rng.below(1 << 40) as f64 / (1u64 << 39) as f64 - 1.0) * most,
    }
}

/// Searches of all sizes around any place among places that are all different, so that the order of the results is determined.
#[test]
fn searches_among_many_places_find_what_redis_finds_in_its_order() {
    let (redis, tested) = (Server::builder(&Program::redis()).start().unwrap(), Server::builder(&graven()).start().unwrap());
    let mut clients = [redis.client(), tested.client()];
    let mut rng = Rng::new(6);
    let mut agree = |command: &str| {
        let [expected, found] = clients.each_mut().map(|client| client.line(command));
        assert!(expected == found, "{command}\n  redis:  {expected:?}\n  tested: {found:?}");
    };
    for (key, members) in [("few", 100), ("many", 3_000)] {
        for member in 0..members {
            // The scores, and not the places, are random: no two are the same.
            agree(&format!("ZADD {key} {} m{member}", rng.below(1 << 52)));
        }
    }
    for _ in 0..1_500 {
        let (key, members) = *rng.pick(&[&("few", 100), &("many", 3_000)]);
        let from = match rng.chance(50) {
            true => format!("FROMMEMBER m{}", rng.below(members)),
            false => format!("FROMLONLAT {} {}", degrees(&mut rng, 180.0), degrees(&mut rng, 85.05)),
        };
        let (unit, metres) = *rng.pick(&[&("m", 1.0), &("km", 1000.0), &("ft", 0.3048), &("mi", 1609.34)]);
        let mut length = || f64::powf(10.0, 3.0 + rng.below(4_500) as f64 / 1000.0) / metres;
        let (one, other) = (length(), length());
        let by = if rng.chance(50) { format!("BYRADIUS {one} {unit}") } else { format!("BYBOX {one} {other} {unit}") };
        let order = *rng.pick(&[&"", &" ASC", &" DESC", &" COUNT 7 ANY", &" ASC COUNT 12", &" DESC COUNT 3"]);
        let shown = *rng.pick(&[&"", &" WITHDIST", &" WITHCOORD WITHDIST WITHHASH"]);
        agree(&format!("GEOSEARCH {key} {from} {by}{order}{shown}"));
        if rng.chance(10) {
            let distances = if rng.chance(50) { " STOREDIST" } else { "" };
            agree(&format!("GEOSEARCHSTORE found {key} {from} {by}{order}{distances}"));
            agree("ZRANGE found 0 -1");
            agree("OBJECT ENCODING found");
        }
        agree(&format!("GEODIST {key} m{} m{} {unit}", rng.below(members), rng.below(members)));
        agree(&format!("GEOPOS {key} m{}", rng.below(members)));
    }
}

#[test]
fn scores_that_are_no_places_lie_where_redis_sees_them() {
    let (redis, tested) = (Server::builder(&Program::redis()).start().unwrap(), Server::builder(&graven()).start().unwrap());
    let scores = ["inf", "-inf", "-1", "-5.5", "1e19", "1e20", "18446744073709551615", "9223372036854775808", "-1e300", "0.5", "1e16"];
    let mut clients = [redis.client(), tested.client()];
    for score in scores {
        for command in [format!("ZADD z {score} m{score}"), format!("GEOPOS z m{score}"), format!("GEOHASH z m{score}")] {
            let [expected, found] = clients.each_mut().map(|client| client.line(&command));
            assert_eq!(expected, found, "{command}");
        }
    }
}
