//! The commands of sorted sets.

use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::sorted_set::*;
use crate::table::flags;

/// A number of keys at argument `index`, and the keys after it.
const fn numbered(index: i32, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin: BeginSearch::Index(index), find: FindKeys::KeyNum { number: 0, first: 1, step: 1 }, notes: "" }
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("bzmpop", -5, bzmpop)
        .flags(flags(&[Flags::WRITE, Flags::BLOCKING]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(2, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "7.0.0",
            "O(K + M*log(N)) for K keys and M of N members popped",
            "Takes the members with the lowest or highest scores out of the first of several sorted sets that has any; waits if none has.",
        )
        .args(&[
            Arg::new("timeout", ArgType::Double),
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("where", ArgType::OneOf(&[Arg::word("min", "MIN"), Arg::word("max", "MAX")])),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::engine("bzpopmax", -3, bzpopmax)
        .flags(flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::range(1, -2, 1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "5.0.0",
            "O(log(N)) for N members",
            "Takes the member with the highest score out of the first of several sorted sets that has any; waits if none has.",
        )
        .history(&[("6.0.0", "The timeout may have a fraction.")])
        .args(&[Arg::key().multiple(), Arg::new("timeout", ArgType::Double)]),
    CommandSpec::engine("bzpopmin", -3, bzpopmin)
        .flags(flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::range(1, -2, 1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "5.0.0",
            "O(log(N)) for N members",
            "Takes the member with the lowest score out of the first of several sorted sets that has any; waits if none has.",
        )
        .history(&[("6.0.0", "The timeout may have a fraction.")])
        .args(&[Arg::key().multiple(), Arg::new("timeout", ArgType::Double)]),
    CommandSpec::engine("zadd", -4, zadd)
        .members(3, 2, 4)
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
    CommandSpec::engine("zdiff", -3, zdiff)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) for L members in all, N in the first sorted set, K in the result",
            "Returns the members of the first sorted set that the others lack.",
        )
        .args(&[Arg::new("numkeys", ArgType::Integer), Arg::key().multiple(), Arg::word("withscores", "WITHSCORES").optional()]),
    CommandSpec::engine("zdiffstore", -4, zdiffstore)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)), numbered(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) for L members in all, N in the first sorted set, K in the result",
            "Stores the members of the first sorted set that the others lack.",
        )
        .args(&[
            Arg::new("destination", ArgType::Key(0)),
            Arg::new("numkeys", ArgType::Integer),
            Arg::new("key", ArgType::Key(1)).multiple(),
        ]),
    CommandSpec::engine("zincrby", 4, zincrby)
        .members(3, 1, 1)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("sorted-set", "1.2.0", "O(log(N)) for N members", "Adds to the score of a member, which is added if it is missing.")
        .args(&[Arg::key(), Arg::new("increment", ArgType::Integer), Arg::new("member", ArgType::String)]),
    CommandSpec::engine("zinter", -3, zinter)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "6.2.0",
            "O(N*K + M*log(M)) for K sorted sets, the smallest with N members, and M in the result",
            "Returns the members that all of several sorted sets have.",
        )
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("weight", ArgType::Integer).token("WEIGHTS").optional().multiple(),
            Arg::new("aggregate", ArgType::OneOf(&[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]))
                .token("AGGREGATE")
                .optional(),
            Arg::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::engine("zintercard", -3, zintercard)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "7.0.0",
            "O(N*K) for K sorted sets, the smallest with N members",
            "Tells how many members all of several sorted sets have.",
        )
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("limit", ArgType::Integer).token("LIMIT").optional(),
        ]),
    CommandSpec::engine("zinterstore", -4, zinterstore)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)), numbered(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.0.0",
            "O(N*K + M*log(M)) for K sorted sets, the smallest with N members, and M in the result",
            "Stores the members that all of several sorted sets have.",
        )
        .args(&[
            Arg::new("destination", ArgType::Key(0)),
            Arg::new("numkeys", ArgType::Integer),
            Arg::new("key", ArgType::Key(1)).multiple(),
            Arg::new("weight", ArgType::Integer).token("WEIGHTS").optional().multiple(),
            Arg::new("aggregate", ArgType::OneOf(&[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]))
                .token("AGGREGATE")
                .optional(),
        ]),
    CommandSpec::engine("zlexcount", 4, zlexcount)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.8.9", "O(log(N)) for N members", "Tells how many members are in a range, where all scores are equal.")
        .args(&[Arg::key(), Arg::new("min", ArgType::String), Arg::new("max", ArgType::String)]),
    CommandSpec::engine("zmpop", -4, zmpop)
        .flags(Flags::WRITE)
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs(
            "sorted-set",
            "7.0.0",
            "O(K + M*log(N)) for K keys and M of N members popped",
            "Takes the members with the lowest or highest scores out of the first of several sorted sets that has any.",
        )
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("where", ArgType::OneOf(&[Arg::word("min", "MIN"), Arg::word("max", "MAX")])),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::engine("zmscore", -3, zmscore)
        .members(2, 1, 4)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "6.2.0", "O(N) for N members asked for", "Returns the scores of several members.")
        .args(&[Arg::key(), Arg::new("member", ArgType::String).multiple()]),
    CommandSpec::engine("zpopmax", -2, zpopmax)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs("sorted-set", "5.0.0", "O(log(N)*M) for M of N members popped", "Takes out the members with the highest scores.")
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).optional()]),
    CommandSpec::engine("zpopmin", -2, zpopmin)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs("sorted-set", "5.0.0", "O(log(N)*M) for M of N members popped", "Takes out the members with the lowest scores.")
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).optional()]),
    CommandSpec::engine("zrandmember", -2, zrandmember)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "6.2.0", "O(N) for N members returned", "Returns members chosen at random.")
        .args(&[
            Arg::key(),
            Arg::new("options", ArgType::Block(&[Arg::new("count", ArgType::Integer), Arg::word("withscores", "WITHSCORES").optional()]))
                .optional(),
        ])
        .tips(&["nondeterministic_output"]),
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
        .members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.0.0", "O(log(N)) for N members", "Tells how many members come before one, from the lowest score on.")
        .history(&[("7.2.0", "Option `WITHSCORE`.")])
        .args(&[Arg::key(), Arg::new("member", ArgType::String), Arg::word("withscore", "WITHSCORE").optional().since("7.2.0")]),
    CommandSpec::engine("zrem", -3, zrem)
        .members(2, 1, 4)
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
        .members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "2.0.0", "O(log(N)) for N members", "Tells how many members come before one, from the highest score down.")
        .history(&[("7.2.0", "Option `WITHSCORE`.")])
        .args(&[Arg::key(), Arg::new("member", ArgType::String), Arg::word("withscore", "WITHSCORE").optional().since("7.2.0")]),
    CommandSpec::engine("zscan", -3, zscan)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.8.0",
            "O(1) a call, O(N) for all calls that go through N members",
            "Goes through members and scores step by step.",
        )
        .args(&[
            Arg::key(),
            Arg::new("cursor", ArgType::Integer),
            Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("zscore", 3, zscore)
        .members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("sorted-set", "1.2.0", "O(1)", "Returns the score of a member.")
        .args(&[Arg::key(), Arg::new("member", ArgType::String)]),
    CommandSpec::engine("zunion", -3, zunion)
        .flags(Flags::READONLY)
        .categories_too(Categories::SORTEDSET)
        .keys(&[numbered(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "6.2.0",
            "O(N + M*log(M)) for N members in all, and M in the result",
            "Returns the members that any of several sorted sets has.",
        )
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("weight", ArgType::Integer).token("WEIGHTS").optional().multiple(),
            Arg::new("aggregate", ArgType::OneOf(&[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]))
                .token("AGGREGATE")
                .optional(),
            Arg::word("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::engine("zunionstore", -4, zunionstore)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::SORTEDSET)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)), numbered(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "sorted-set",
            "2.0.0",
            "O(N + M*log(M)) for N members in all, and M in the result",
            "Stores the members that any of several sorted sets has.",
        )
        .args(&[
            Arg::new("destination", ArgType::Key(0)),
            Arg::new("numkeys", ArgType::Integer),
            Arg::new("key", ArgType::Key(1)).multiple(),
            Arg::new("weight", ArgType::Integer).token("WEIGHTS").optional().multiple(),
            Arg::new("aggregate", ArgType::OneOf(&[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]))
                .token("AGGREGATE")
                .optional(),
        ]),
];
