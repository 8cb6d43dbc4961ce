//! Connection commands in the command table.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags};
use crate::commands::connection::{echo, ping, select};

const CONNECTION: Categories = Categories::CONNECTION;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("ping", -1, ping)
        .flags(Flags::FAST.union(Flags::SENTINEL))
        .categories_too(CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Tells that the server is there.")
        .args(&[Arg::new("message", ArgType::String).optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    CommandSpec::engine("echo", 2, echo)
        .flags(Flags::FAST.union(Flags::LOADING).union(Flags::STALE))
        .categories_too(CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Returns its argument.")
        .args(&[Arg::new("message", ArgType::String)]),
    CommandSpec::engine("select", 2, select)
        .flags(Flags::FAST.union(Flags::LOADING).union(Flags::STALE))
        .categories_too(CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Changes the connection's database.")
        .args(&[Arg::new("index", ArgType::Integer)]),
];
