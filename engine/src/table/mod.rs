//! The command table: one line for each command, one file for each group.

use crate::command::CommandSpec;

mod connection;
mod database;
mod generic;
mod string;
mod transactions;

/// All commands, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static CommandSpec> {
    [connection::COMMANDS, database::COMMANDS, generic::COMMANDS, string::COMMANDS, transactions::COMMANDS].into_iter().flatten()
}
