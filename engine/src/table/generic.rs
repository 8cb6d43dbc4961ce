//! Key commands in the command table.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::generic::*;
use crate::commands::help::help;
use crate::host::HostCommand;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("dump", 2, HostCommand::Dump)
        .flags(Flags::READONLY)
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "generic",
            "2.6.0",
            "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
            "Gives a key's value as bytes that RESTORE takes.",
        )
        .args(&[Arg::new("key", ArgType::Key(0))])
        .tips(&["nondeterministic_output"]),
    CommandSpec::host("restore", -4, HostCommand::Restore)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .keys(&[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .docs(
            "generic",
            "2.6.0",
            "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
            "Makes a key of what DUMP gave.",
        )
        .history(&[("3.0.0", "`REPLACE`."), ("5.0.0", "`ABSTTL`."), ("5.0.0", "`IDLETIME` and `FREQ`.")])
        .args(&[
            Arg::new("key", ArgType::Key(0)),
            Arg::new("ttl", ArgType::Integer),
            Arg::new("serialized-value", ArgType::String),
            Arg::word("replace", "REPLACE").optional().since("3.0.0"),
            Arg::word("absttl", "ABSTTL").optional().since("5.0.0"),
            Arg::new("seconds", ArgType::Integer).token("IDLETIME").optional().since("5.0.0"),
            Arg::new("frequency", ArgType::Integer).token("FREQ").optional().since("5.0.0"),
        ]),
    CommandSpec::engine("copy", -3, copy)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS)), KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .docs(
            "generic",
            "6.2.0",
            "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
            "Copies a key's value to another key, possibly in another database.",
        )
        .args(&[
            Arg::new("source", ArgType::Key(0)),
            Arg::new("destination", ArgType::Key(1)),
            Arg::new("destination-db", ArgType::Integer).token("DB").optional(),
            Arg::word("replace", "REPLACE").optional(),
        ]),
    CommandSpec::engine("del", -2, del)
        .flags(Flags::WRITE)
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.union(KeyFlags::DELETE))])
        .docs(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys that will be removed. When a key to remove holds a value \
             other than a string, the individual complexity for this key is O(M) where M is the number of \
             elements in the list, set, sorted set or hash. Removing a single key that holds a string value \
             is O(1).",
            "Deletes keys.",
        )
        .args(&[Arg::key().multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    CommandSpec::engine("exists", -2, exists)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs("generic", "1.0.0", "O(N) where N is the number of keys to check.", "Counts how many of the keys exist.")
        .history(&[("3.0.3", "Takes several keys.")])
        .args(&[Arg::key().multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    CommandSpec::engine("expire", -3, expire)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("generic", "1.0.0", "O(1)", "Gives a key a time to live in seconds.")
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT`, `LT`.")])
        .args(&[
            Arg::key(),
            Arg::new("seconds", ArgType::Integer),
            Arg::new(
                "condition",
                ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")]),
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::engine("expireat", -3, expireat)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("generic", "1.2.0", "O(1)", "Makes a key expire at a Unix time in seconds.")
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT`, `LT`.")])
        .args(&[
            Arg::key(),
            Arg::new("unix-time-seconds", ArgType::UnixTime),
            Arg::new(
                "condition",
                ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")]),
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::engine("expiretime", 2, expiretime)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("generic", "7.0.0", "O(1)", "Returns the Unix time in seconds at which a key expires.")
        .args(&[Arg::key()]),
    CommandSpec::engine("keys", 2, keys)
        .flags(Flags::READONLY)
        .categories_too(Categories::DANGEROUS.union(Categories::KEYSPACE))
        .docs(
            "generic",
            "1.0.0",
            "O(N) with N being the number of keys in the database, under the assumption that the key names \
             in the database and the given pattern have limited length.",
            "Returns all keys that match a pattern.",
        )
        .args(&[Arg::new("pattern", ArgType::Pattern)])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    CommandSpec::engine("move", 3, move_key)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("generic", "1.0.0", "O(1)", "Moves a key to another database unless it exists there.")
        .args(&[Arg::key(), Arg::new("db", ArgType::Integer)]),
    CommandSpec::container(
        "object",
        &[
            CommandSpec::engine("encoding", 3, object_encoding)
                .flags(Flags::READONLY)
                .categories_too(Categories::KEYSPACE)
                .keys(&[KeySpec::one(2, KeyFlags::RO)])
                .docs("generic", "2.2.3", "O(1)", "Returns how a value is stored.")
                .args(&[Arg::key()])
                .tips(&["nondeterministic_output"]),
            CommandSpec::engine("freq", 3, object_freq)
                .flags(Flags::READONLY)
                .categories_too(Categories::KEYSPACE)
                .keys(&[KeySpec::one(2, KeyFlags::RO)])
                .docs("generic", "4.0.0", "O(1)", "Returns how often a key is used, as a logarithm.")
                .args(&[Arg::key()])
                .tips(&["nondeterministic_output"]),
            CommandSpec::engine("help", 2, help).flags(Flags::LOADING.union(Flags::STALE)).categories_too(Categories::KEYSPACE).docs(
                "generic",
                "6.2.0",
                "O(1)",
                "Describes the subcommands.",
            ),
            CommandSpec::engine("idletime", 3, object_idletime)
                .flags(Flags::READONLY)
                .categories_too(Categories::KEYSPACE)
                .keys(&[KeySpec::one(2, KeyFlags::RO)])
                .docs("generic", "2.2.3", "O(1)", "Returns for how many seconds a key has not been used.")
                .args(&[Arg::key()])
                .tips(&["nondeterministic_output"]),
            CommandSpec::engine("refcount", 3, object_refcount)
                .flags(Flags::READONLY)
                .categories_too(Categories::KEYSPACE)
                .keys(&[KeySpec::one(2, KeyFlags::RO)])
                .docs("generic", "2.2.3", "O(1)", "Returns how many references there are to a value.")
                .args(&[Arg::key()])
                .tips(&["nondeterministic_output"]),
        ],
    )
    .docs("generic", "2.2.3", "Depends on subcommand.", "Contains commands that look into the representation of values."),
    CommandSpec::engine("persist", 2, persist)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("generic", "2.2.0", "O(1)", "Takes a key's deadline away.")
        .args(&[Arg::key()]),
    CommandSpec::engine("pexpire", -3, pexpire)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("generic", "2.6.0", "O(1)", "Gives a key a time to live in milliseconds.")
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT`, `LT`.")])
        .args(&[
            Arg::key(),
            Arg::new("milliseconds", ArgType::Integer),
            Arg::new(
                "condition",
                ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")]),
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::engine("pexpireat", -3, pexpireat)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs("generic", "2.6.0", "O(1)", "Makes a key expire at a Unix time in milliseconds.")
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT`, `LT`.")])
        .args(&[
            Arg::key(),
            Arg::new("unix-time-milliseconds", ArgType::UnixTime),
            Arg::new(
                "condition",
                ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")]),
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::engine("pexpiretime", 2, pexpiretime)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("generic", "7.0.0", "O(1)", "Returns the Unix time in milliseconds at which a key expires.")
        .args(&[Arg::key()]),
    CommandSpec::engine("pttl", 2, pttl)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("generic", "2.6.0", "O(1)", "Returns how many milliseconds a key has to live.")
        .history(&[("2.8.0", "Answers -2 for a missing key.")])
        .args(&[Arg::key()])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("randomkey", 1, randomkey)
        .flags(Flags::READONLY)
        .categories_too(Categories::KEYSPACE)
        .docs("generic", "1.0.0", "O(1)", "Returns any one of the keys.")
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
    CommandSpec::engine("rename", 3, rename)
        .flags(Flags::WRITE)
        .categories_too(Categories::KEYSPACE)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
        ])
        .docs("generic", "1.0.0", "O(1)", "Renames a key, replacing what has the new name.")
        .args(&[Arg::key(), Arg::new("newkey", ArgType::Key(1))]),
    CommandSpec::engine("renamenx", 3, renamenx)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::OW.union(KeyFlags::INSERT)),
        ])
        .docs("generic", "1.0.0", "O(1)", "Renames a key unless the new name is taken.")
        .history(&[("3.2.0", "The two names may be the same.")])
        .args(&[Arg::key(), Arg::new("newkey", ArgType::Key(1))]),
    CommandSpec::engine("scan", -2, scan)
        .flags(Flags::READONLY)
        .categories_too(Categories::KEYSPACE)
        .docs(
            "generic",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
             cursor to return back to 0. N is the number of elements inside the collection.",
            "Walks through the keys of a database, a few with each call.",
        )
        .history(&[("6.0.0", "Option `TYPE`.")])
        .args(&[
            Arg::new("cursor", ArgType::Integer),
            Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
            Arg::new("type", ArgType::String).token("TYPE").optional().since("6.0.0"),
        ])
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"]),
    CommandSpec::engine("touch", -2, touch)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs(
            "generic",
            "3.2.1",
            "O(N) where N is the number of keys that will be touched.",
            "Counts which of the keys exist and marks them as used now.",
        )
        .args(&[Arg::key().multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    CommandSpec::engine("ttl", 2, ttl)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("generic", "1.0.0", "O(1)", "Returns how many seconds a key has to live.")
        .history(&[("2.8.0", "Answers -2 for a missing key.")])
        .args(&[Arg::key()])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("type", 2, type_of)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("generic", "1.0.0", "O(1)", "Returns the type of the value at a key.")
        .args(&[Arg::key()]),
    CommandSpec::engine("unlink", -2, unlink)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.union(KeyFlags::DELETE))])
        .docs(
            "generic",
            "4.0.0",
            "O(1) for each key removed regardless of its size. Then the command does O(N) work in a \
             different thread in order to reclaim memory, where N is the number of allocations the deleted \
             objects where composed of.",
            "Deletes keys; the memory of large values is given back later.",
        )
        .args(&[Arg::key().multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
];
