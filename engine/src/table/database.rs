//! Commands on whole databases in the command table.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags};
use crate::commands::database::*;
use crate::host::HostCommand;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("dbsize", 1, dbsize)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::KEYSPACE)
        .docs("server", "1.0.0", "O(1)", "Counts the keys of the database.")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    CommandSpec::host("flushall", -1, HostCommand::FlushAll)
        .flags(Flags::WRITE)
        .categories_too(Categories::DANGEROUS.union(Categories::KEYSPACE))
        .docs("server", "1.0.0", "O(N) where N is the total number of keys in all databases", "Removes all keys of all databases.")
        .history(&[("4.0.0", "Option `ASYNC`."), ("6.2.0", "Option `SYNC`, and `lazyfree-lazy-user-flush` decides without either.")])
        .args(&[Arg::new("async", ArgType::OneOf(&[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")]))
            .optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    CommandSpec::engine("flushdb", -1, flushdb)
        .flags(Flags::WRITE)
        .categories_too(Categories::DANGEROUS.union(Categories::KEYSPACE))
        .docs("server", "1.0.0", "O(N) where N is the number of keys in the selected database", "Removes all keys of the database.")
        .history(&[("4.0.0", "Option `ASYNC`."), ("6.2.0", "Option `SYNC`, and `lazyfree-lazy-user-flush` decides without either.")])
        .args(&[Arg::new("async", ArgType::OneOf(&[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")]))
            .optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    CommandSpec::engine("swapdb", 3, swapdb)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::DANGEROUS.union(Categories::KEYSPACE))
        .docs(
            "server",
            "4.0.0",
            "O(N) where N is the count of clients watching or blocking on keys from both databases.",
            "Exchanges the contents of two databases.",
        )
        .args(&[Arg::new("index1", ArgType::Integer), Arg::new("index2", ArgType::Integer)]),
];
