//! String commands in the command table.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::string::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("append", 3, append)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "string",
            "2.0.0",
            "O(1). The amortized time complexity is O(1) assuming the appended value is small and the \
             already present value is of any size, since the dynamic string library used by Redis will \
             double the free space available on every reallocation.",
            "Adds to the end of a string, creating it if missing.",
        )
        .args(&[Arg::key(), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("decr", 2, decr)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "1.0.0", "O(1)", "Takes one from the integer at a key; a missing key counts as 0.")
        .args(&[Arg::key()]),
    CommandSpec::engine("decrby", 3, decrby)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "1.0.0", "O(1)", "Subtracts from the integer at a key; a missing key counts as 0.")
        .args(&[Arg::key(), Arg::new("decrement", ArgType::Integer)]),
    CommandSpec::engine("get", 2, get)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("string", "1.0.0", "O(1)", "Returns the string at a key.")
        .args(&[Arg::key()]),
    CommandSpec::engine("getdel", 2, getdel)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs("string", "6.2.0", "O(1)", "Returns a string and deletes its key.")
        .args(&[Arg::key()]),
    CommandSpec::engine("getex", -2, getex)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec {
            notes: "RW and UPDATE because it changes the TTL",
            ..KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))
        }])
        .docs("string", "6.2.0", "O(1)", "Returns a string and changes its key's deadline.")
        .args(&[
            Arg::key(),
            Arg::new(
                "expiration",
                ArgType::OneOf(&[
                    Arg::new("seconds", ArgType::Integer).token("EX"),
                    Arg::new("milliseconds", ArgType::Integer).token("PX"),
                    Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT"),
                    Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT"),
                    Arg::word("persist", "PERSIST"),
                ]),
            )
            .optional(),
        ]),
    CommandSpec::engine("getrange", 4, getrange)
        .flags(Flags::READONLY)
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "string",
            "2.4.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately determined by \
             the returned length, but because creating a substring from an existing string is very cheap, it \
             can be considered O(1) for small strings.",
            "Returns a part of a string.",
        )
        .args(&[Arg::key(), Arg::new("start", ArgType::Integer), Arg::new("end", ArgType::Integer)]),
    CommandSpec::engine("getset", 3, getset)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "1.0.0", "O(1)", "Makes a key a string and returns the one before.")
        .args(&[Arg::key(), Arg::new("value", ArgType::String)])
        .deprecated("6.2.0", "`SET` with the `!GET` argument"),
    CommandSpec::engine("incr", 2, incr)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "1.0.0", "O(1)", "Adds one to the integer at a key; a missing key counts as 0.")
        .args(&[Arg::key()]),
    CommandSpec::engine("incrby", 3, incrby)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "1.0.0", "O(1)", "Adds to the integer at a key; a missing key counts as 0.")
        .args(&[Arg::key(), Arg::new("increment", ArgType::Integer)]),
    CommandSpec::engine("incrbyfloat", 3, incrbyfloat)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("string", "2.6.0", "O(1)", "Adds to the decimal number at a key; a missing key counts as 0.")
        .args(&[Arg::key(), Arg::new("increment", ArgType::Double)]),
    CommandSpec::engine("lcs", -3, lcs)
        .flags(Flags::READONLY)
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::range(1, 1, 1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "string",
            "7.0.0",
            "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            "Finds the longest common subsequence of two strings.",
        )
        .args(&[
            Arg::new("key1", ArgType::Key(0)),
            Arg::new("key2", ArgType::Key(0)),
            Arg::word("len", "LEN").optional(),
            Arg::word("idx", "IDX").optional(),
            Arg::new("len", ArgType::Integer).token("MINMATCHLEN").optional(),
            Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
        ]),
    CommandSpec::engine("mget", -2, mget)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("string", "1.0.0", "O(N) where N is the number of keys to retrieve.", "Returns the strings at several keys.")
        .args(&[Arg::key().multiple()])
        .tips(&["request_policy:multi_shard"]),
    CommandSpec::engine("mset", -3, mset)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .docs("string", "1.0.1", "O(N) where N is the number of keys to set.", "Makes several keys strings, all at once.")
        .args(&[Arg::new("key_value", ArgType::Block(&[Arg::key(), Arg::new("value", ArgType::String)])).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    CommandSpec::engine("msetnx", -3, msetnx)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.union(KeyFlags::INSERT))])
        .docs("string", "1.0.1", "O(N) where N is the number of keys to set.", "Makes several keys strings if none of them exists.")
        .args(&[Arg::new("key_value", ArgType::Block(&[Arg::key(), Arg::new("value", ArgType::String)])).multiple()]),
    CommandSpec::engine("psetex", 4, psetex)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .docs("string", "2.6.0", "O(1)", "Makes a key a string that expires after some milliseconds.")
        .args(&[Arg::key(), Arg::new("milliseconds", ArgType::Integer), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("set", -3, set)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec {
            notes: "RW and ACCESS due to the optional `GET` argument",
            ..KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE).union(KeyFlags::VARIABLE_FLAGS))
        }])
        .docs("string", "1.0.0", "O(1)", "Makes a key a string, whatever it was, and takes away its deadline unless told otherwise.")
        .history(&[
            ("2.6.12", "Options `EX`, `PX`, `NX`, `XX`."),
            ("6.0.0", "Option `KEEPTTL`."),
            ("6.2.0", "Options `GET`, `EXAT`, `PXAT`."),
            ("7.0.0", "`NX` and `GET` go together."),
        ])
        .args(&[
            Arg::key(),
            Arg::new("value", ArgType::String),
            Arg::new("condition", ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")])).optional().since("2.6.12"),
            Arg::word("get", "GET").optional().since("6.2.0"),
            Arg::new(
                "expiration",
                ArgType::OneOf(&[
                    Arg::new("seconds", ArgType::Integer).token("EX").since("2.6.12"),
                    Arg::new("milliseconds", ArgType::Integer).token("PX").since("2.6.12"),
                    Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT").since("6.2.0"),
                    Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT").since("6.2.0"),
                    Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
                ]),
            )
            .optional(),
        ]),
    CommandSpec::engine("setex", 4, setex)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .docs("string", "2.0.0", "O(1)", "Makes a key a string that expires after some seconds.")
        .args(&[Arg::key(), Arg::new("seconds", ArgType::Integer), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("setnx", 3, setnx)
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::INSERT))])
        .docs("string", "1.0.0", "O(1)", "Makes a key a string if it does not exist.")
        .args(&[Arg::key(), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("setrange", 4, setrange)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs(
            "string",
            "2.2.0",
            "O(1), not counting the time taken to copy the new string in place. Usually, this string is very \
             small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the \
             length of the value argument.",
            "Overwrites a part of a string from an offset on, creating it if missing.",
        )
        .args(&[Arg::key(), Arg::new("offset", ArgType::Integer), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("strlen", 2, strlen)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("string", "2.2.0", "O(1)", "Returns the length of a string in bytes.")
        .args(&[Arg::key()]),
    CommandSpec::engine("substr", 4, getrange)
        .flags(Flags::READONLY)
        .categories_too(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "string",
            "1.0.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately determined by \
             the returned length, but because creating a substring from an existing string is very cheap, it \
             can be considered O(1) for small strings.",
            "Returns a part of a string.",
        )
        .args(&[Arg::key(), Arg::new("start", ArgType::Integer), Arg::new("end", ArgType::Integer)])
        .deprecated("2.0.0", "`GETRANGE`"),
];
