//! The commands of places on the earth.

use super::flags;
use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::geo::*;

const READ: KeySpec = KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS));
const WRITTEN: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

/// A key after a word, looked for from an argument on.
const fn after(word: &'static str, from: i32) -> KeySpec {
    KeySpec { flags: WRITTEN, begin: BeginSearch::Keyword(word, from), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, notes: "" }
}

const LONGITUDE: Arg = Arg::new("longitude", ArgType::Double);
const LATITUDE: Arg = Arg::new("latitude", ArgType::Double);
const MEMBER: Arg = Arg::new("member", ArgType::String);
const RADIUS: Arg = Arg::new("radius", ArgType::Double);
const UNIT: Arg =
    Arg::new("unit", ArgType::OneOf(&[Arg::word("m", "m"), Arg::word("km", "km"), Arg::word("ft", "ft"), Arg::word("mi", "mi")]));
const ORDER: Arg = Arg::new("order", ArgType::OneOf(&[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")])).optional();
const COUNT: Arg = Arg::new(
    "count-block",
    ArgType::Block(&[Arg::new("count", ArgType::Integer).token("COUNT"), Arg::word("any", "ANY").optional().since("6.2.0")]),
)
.optional();
const WITH_PLACE: Arg = Arg::word("withcoord", "WITHCOORD").optional();
const WITH_DISTANCE: Arg = Arg::word("withdist", "WITHDIST").optional();
const WITH_HASH: Arg = Arg::word("withhash", "WITHHASH").optional();
const STORE: Arg = Arg::new(
    "store",
    ArgType::OneOf(&[Arg::new("storekey", ArgType::Key(1)).token("STORE"), Arg::new("storedistkey", ArgType::Key(2)).token("STOREDIST")]),
)
.optional();
const FROM: Arg = Arg::new(
    "from",
    ArgType::OneOf(&[
        Arg::new("member", ArgType::String).token("FROMMEMBER"),
        Arg::new("fromlonlat", ArgType::Block(&[LONGITUDE, LATITUDE])).token("FROMLONLAT"),
    ]),
);
const BY: Arg = Arg::new(
    "by",
    ArgType::OneOf(&[
        Arg::new("circle", ArgType::Block(&[Arg::new("radius", ArgType::Double).token("BYRADIUS"), UNIT])),
        Arg::new("box", ArgType::Block(&[Arg::new("width", ArgType::Double).token("BYBOX"), Arg::new("height", ArgType::Double), UNIT])),
    ]),
);
const SEARCH_COST: &str = "O(N+log(M)) for N members in the cells around the shape and M found";
const INSTEAD: &str = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument";
const INSTEAD_BY_MEMBER: &str = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments";

const fn geo(spec: CommandSpec) -> CommandSpec {
    spec.categories_too(Categories::GEO)
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    geo(CommandSpec::engine("geoadd", -5, geoadd).members(4, 3, 4))
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("geo", "3.2.0", "O(log(N)) for each place, N being the members", "Adds places to a sorted set, creating it if missing.")
        .history(&[("6.2.0", "Added the `CH`, `NX` and `XX` options.")])
        .args(&[
            Arg::key(),
            Arg::new("condition", ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")])).optional().since("6.2.0"),
            Arg::word("change", "CH").optional().since("6.2.0"),
            Arg::new("data", ArgType::Block(&[LONGITUDE, LATITUDE, MEMBER])).multiple(),
        ]),
    geo(CommandSpec::engine("geodist", -4, geodist).members(2, 1, 2))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "3.2.0", "O(1)", "Returns the distance between two places.")
        .args(&[Arg::key(), Arg::new("member1", ArgType::String), Arg::new("member2", ArgType::String), UNIT.optional()]),
    geo(CommandSpec::engine("geohash", -2, geohash).members(2, 1, 4))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "3.2.0", "O(1) for each member", "Returns the geohashes of places as text.")
        .args(&[Arg::key(), MEMBER.optional().multiple()]),
    geo(CommandSpec::engine("geopos", -2, geopos).members(2, 1, 4))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "3.2.0", "O(1) for each member", "Returns longitude and latitude of places.")
        .args(&[Arg::key(), MEMBER.optional().multiple()]),
    geo(CommandSpec::engine("georadius", -6, georadius))
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS]))
        .keys(&[READ, after("STORE", 6), after("STOREDIST", 6)])
        .docs("geo", "3.2.0", SEARCH_COST, "Finds the places within a distance of a point, and may store them.")
        .history(&[("6.2.0", "Added the `ANY` option for `COUNT`."), ("7.0.0", "Added support for uppercase unit names.")])
        .deprecated("6.2.0", INSTEAD)
        .args(&[Arg::key(), LONGITUDE, LATITUDE, RADIUS, UNIT, WITH_PLACE, WITH_DISTANCE, WITH_HASH, COUNT, ORDER, STORE]),
    geo(CommandSpec::engine("georadius_ro", -6, georadius_ro))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "3.2.10", SEARCH_COST, "Finds the places within a distance of a point.")
        .history(&[("6.2.0", "Added the `ANY` option for `COUNT`.")])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .args(&[Arg::key(), LONGITUDE, LATITUDE, RADIUS, UNIT, WITH_PLACE, WITH_DISTANCE, WITH_HASH, COUNT, ORDER]),
    geo(CommandSpec::engine("georadiusbymember", -5, georadiusbymember))
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS]))
        .keys(&[READ, after("STORE", 5), after("STOREDIST", 5)])
        .docs("geo", "3.2.0", SEARCH_COST, "Finds the places within a distance of a member, and may store them.")
        .history(&[("6.2.0", "Added the `ANY` option for `COUNT`."), ("7.0.0", "Added support for uppercase unit names.")])
        .deprecated("6.2.0", INSTEAD_BY_MEMBER)
        .args(&[Arg::key(), MEMBER, RADIUS, UNIT, WITH_PLACE, WITH_DISTANCE, WITH_HASH, COUNT, ORDER, STORE]),
    geo(CommandSpec::engine("georadiusbymember_ro", -5, georadiusbymember_ro))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "3.2.10", SEARCH_COST, "Finds the places within a distance of a member.")
        .history(&[("6.2.0", "Added the `ANY` option for `COUNT`.")])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .args(&[Arg::key(), MEMBER, RADIUS, UNIT, WITH_PLACE, WITH_DISTANCE, WITH_HASH, COUNT, ORDER]),
    geo(CommandSpec::engine("geosearch", -7, geosearch))
        .flags(Flags::READONLY)
        .keys(&[READ])
        .docs("geo", "6.2.0", SEARCH_COST, "Finds the places within a circle or a box.")
        .history(&[("7.0.0", "Added support for uppercase unit names.")])
        .args(&[Arg::key(), FROM, BY, ORDER, COUNT, WITH_PLACE, WITH_DISTANCE, WITH_HASH]),
    geo(CommandSpec::engine("geosearchstore", -8, geosearchstore))
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, WRITTEN), KeySpec::one(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("geo", "6.2.0", SEARCH_COST, "Finds the places within a circle or a box and stores them.")
        .history(&[("7.0.0", "Added support for uppercase unit names.")])
        .args(&[
            Arg::new("destination", ArgType::Key(0)),
            Arg::new("source", ArgType::Key(1)),
            FROM,
            BY,
            ORDER,
            COUNT,
            Arg::word("storedist", "STOREDIST").optional(),
        ]),
];
