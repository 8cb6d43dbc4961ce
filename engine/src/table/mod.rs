//! The command table: one line for each command, one file for each group.

use crate::command::CommandSpec;

mod connection;
mod transactions;

/// All commands, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static CommandSpec> {
    [connection::COMMANDS, transactions::COMMANDS].into_iter().flatten()
}
