//! The commands of sorted sets.

use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::sorted_set::*;
use crate::table::flags;

/// A number of keys at argument `index`, and the keys after it.
const fn numbered(index: i32, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin: BeginSearch::Index(index), find: FindKeys::KeyNum { number: 0, first: 1, step: 1 }, notes: "" }
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("zadd", -4, zadd)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs(
            "sorted-set",
            "1.2.0",
            "O(log(N)) for each member given, N being those there",
            "Gives members scores, adding those that are missing.",
        )
        .history(&[("2.4.0", "Takes several members."), ("3.0.2", "Options `XX`, `NX`, `CH`, `INCR`."), ("6.2.0", "Options `GT`, `LT`.")])
        .args(&[
            Arg::key(),
            Arg::new("condition", ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")])).optional().since("3.0.2"),
            Arg::new("comparison", ArgType::OneOf(&[Arg::word("gt", "GT"), Arg::word("lt", "LT")])).optional().since("6.2.0"),
            Arg::word("change", "CH").optional().since("3.0.2"),
            Arg::word("increment", "INCR").optional().since("3.0.2"),
            Arg::new("score_member", ArgType::Block(&[Arg::new("score", ArgType::Double), Arg::new("member", ArgType::String)])).multiple(),
        ]),
    CommandSpec::engine("zcard", 2, zcard)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("sorted-set", "1.2.0", "O(1)", "Tells how many members there are.")
        .args(&[Arg::key()]),
    CommandSpec::engine("zcount", 4, zcount)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.0.0", "O(log(N)) for N members", "Tells how many members have a score in a range.")
        .args(&[Arg::key(), Arg::new("min", ArgType::Double), Arg::new("max", ArgType::Double)]),
    CommandSpec::engine("zincrby", 4, zincrby)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("sorted-set", "1.2.0", "O(log(N)) for N members", "Adds to the score of a member, which is added if it is missing.")
        .args(&[Arg::key(), Arg::new("increment", ArgType::Integer), Arg::new("member", ArgType::String)]),
    CommandSpec::engine("zlexcount", 4, zlexcount)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.8.9", "O(log(N)) for N members", "Tells how many members are in a range, where all scores are equal.")
        .args(&[Arg::key(), Arg::new("min", ArgType::String), Arg::new("max", ArgType::String)]),
    CommandSpec::engine("zmscore", -3, zmscore)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "6.2.0", "O(N) for N members asked for", "Returns the scores of several members.")
        .args(&[Arg::key(), Arg::new("member", ArgType::String).multiple()]),
    CommandSpec::engine("zrange", -4, zrange)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "1.2.0",
            "O(log(N) + M) for M of N members returned",
            "Returns the members in a range of ranks, scores or names.",
        )
        .history(&[("6.2.0", "Options `REV`, `BYSCORE`, `BYLEX`, `LIMIT`.")])
        .args(&[
            Arg::key(),
            Arg::new("start", ArgType::String),
            Arg::new("stop", ArgType::String),
            Arg::new("sortby", ArgType::OneOf(&[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")])).optional().since("6.2.0"),
            Arg::word("rev", "REV").optional().since("6.2.0"),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional()
                .since("6.2.0"),
            Arg::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::engine("zrangebylex", -4, zrangebylex)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.8.9",
            "O(log(N) + M) for M of N members returned",
            "Returns the members in a range of names, where all scores are equal.",
        )
        .args(&[
            Arg::key(),
            Arg::new("min", ArgType::String),
            Arg::new("max", ArgType::String),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    CommandSpec::engine("zrangebyscore", -4, zrangebyscore)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "1.0.5", "O(log(N) + M) for M of N members returned", "Returns the members with scores in a range.")
        .history(&[("2.0.0", "Option `WITHSCORES`.")])
        .args(&[
            Arg::key(),
            Arg::new("min", ArgType::Double),
            Arg::new("max", ArgType::Double),
            Arg::word("withscores", "WITHSCORES").optional().since("2.0.0"),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    CommandSpec::engine("zrangestore", -5, zrangestore)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)), KeySpec::one(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "6.2.0", "O(log(N) + M) for M of N members stored", "Stores the members in a range of ranks, scores or names.")
        .args(&[
            Arg::new("dst", ArgType::Key(0)),
            Arg::new("src", ArgType::Key(1)),
            Arg::new("min", ArgType::String),
            Arg::new("max", ArgType::String),
            Arg::new("sortby", ArgType::OneOf(&[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")])).optional(),
            Arg::word("rev", "REV").optional(),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional(),
        ]),
    CommandSpec::engine("zrank", -3, zrank)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.0.0", "O(log(N)) for N members", "Tells how many members come before one, from the lowest score on.")
        .history(&[("7.2.0", "Option `WITHSCORE`.")])
        .args(&[Arg::key(), Arg::new("member", ArgType::String), Arg::word("withscore", "WITHSCORE").optional().since("7.2.0")]),
    CommandSpec::engine("zrem", -3, zrem)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "1.2.0",
            "O(M*log(N)) for M of N members removed",
            "Takes members out; an emptied sorted set goes with its key.",
        )
        .history(&[("2.4.0", "Takes several members.")])
        .args(&[Arg::key(), Arg::new("member", ArgType::String).multiple()]),
    CommandSpec::engine("zremrangebylex", 4, zremrangebylex)
        .flags(Flags::WRITE)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "2.8.9",
            "O(log(N) + M) for M of N members removed",
            "Takes out the members in a range of names, where all scores are equal.",
        )
        .args(&[Arg::key(), Arg::new("min", ArgType::String), Arg::new("max", ArgType::String)]),
    CommandSpec::engine("zremrangebyrank", 4, zremrangebyrank)
        .flags(Flags::WRITE)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs("sorted-set", "2.0.0", "O(log(N) + M) for M of N members removed", "Takes out the members in a range of ranks.")
        .args(&[Arg::key(), Arg::new("start", ArgType::Integer), Arg::new("stop", ArgType::Integer)]),
    CommandSpec::engine("zremrangebyscore", 4, zremrangebyscore)
        .flags(Flags::WRITE)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs("sorted-set", "1.2.0", "O(log(N) + M) for M of N members removed", "Takes out the members with scores in a range.")
        .args(&[Arg::key(), Arg::new("min", ArgType::Double), Arg::new("max", ArgType::Double)]),
    CommandSpec::engine("zrevrange", -4, zrevrange)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "1.2.0",
            "O(log(N) + M) for M of N members returned",
            "Returns the members in a range of ranks, from the highest score down.",
        )
        .args(&[
            Arg::key(),
            Arg::new("start", ArgType::Integer),
            Arg::new("stop", ArgType::Integer),
            Arg::word("withscores", "WITHSCORES").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    CommandSpec::engine("zrevrangebylex", -4, zrevrangebylex)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.8.9",
            "O(log(N) + M) for M of N members returned",
            "Returns the members in a range of names from its end, where all scores are equal.",
        )
        .args(&[
            Arg::key(),
            Arg::new("max", ArgType::String),
            Arg::new("min", ArgType::String),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    CommandSpec::engine("zrevrangebyscore", -4, zrevrangebyscore)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.2.0",
            "O(log(N) + M) for M of N members returned",
            "Returns the members with scores in a range, from the highest down.",
        )
        .history(&[("2.1.6", "The ends may be excluded.")])
        .args(&[
            Arg::key(),
            Arg::new("max", ArgType::Double),
            Arg::new("min", ArgType::Double),
            Arg::word("withscores", "WITHSCORES").optional(),
            Arg::new("offset_count", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
                .token("LIMIT")
                .optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    CommandSpec::engine("zrevrank", -3, zrevrank)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.0.0", "O(log(N)) for N members", "Tells how many members come before one, from the highest score down.")
        .history(&[("7.2.0", "Option `WITHSCORE`.")])
        .args(&[Arg::key(), Arg::new("member", ArgType::String), Arg::word("withscore", "WITHSCORE").optional().since("7.2.0")]),
    CommandSpec::engine("zscore", 3, zscore)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "1.2.0", "O(1)", "Returns the score of a member.")
        .args(&[Arg::key(), Arg::new("member", ArgType::String)]),
];
