//! Transactions in the command table.

use crate::command::{Arg, CommandSpec, Flags, KeyFlags, KeySpec, Run};
use crate::commands::transactions::{discard, multi, unwatch, watch};

const CONTROL: Flags =
    Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST).union(Flags::ALLOW_BUSY).union(Flags::NOT_QUEUED);
const TRANSACTION: crate::Categories = crate::Categories::TRANSACTION;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("multi", 1, multi).flags(CONTROL).categories_too(TRANSACTION).docs(
        "transactions",
        "1.2.0",
        "O(1)",
        "Opens a transaction: later commands are queued.",
    ),
    CommandSpec::new("exec", 1, Run::Exec)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::SKIP_SLOWLOG).union(Flags::NOT_QUEUED))
        .categories_too(TRANSACTION)
        .docs("transactions", "1.2.0", "Depends on commands in the transaction", "Executes the queued commands as one."),
    CommandSpec::engine("discard", 1, discard).flags(CONTROL).categories_too(TRANSACTION).docs(
        "transactions",
        "2.0.0",
        "O(N), when N is the number of queued commands",
        "Drops the queued commands and ends the transaction.",
    ),
    CommandSpec::engine("watch", -2, watch)
        .flags(CONTROL)
        .categories_too(TRANSACTION)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs("transactions", "2.2.0", "O(1) for every key.", "Makes the next transaction depend on keys staying as they are.")
        .args(&[Arg::key().multiple()]),
    CommandSpec::engine("unwatch", 1, unwatch)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST).union(Flags::ALLOW_BUSY))
        .categories_too(TRANSACTION)
        .docs("transactions", "2.2.0", "O(1)", "Forgets all watched keys of the connection."),
];
