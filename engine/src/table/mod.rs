//! The command table: one line for each command, one file for each group.

use crate::command::{CommandSpec, Flags};

mod connection;
mod database;
mod generic;
mod introspection;
mod server;
mod string;
mod transactions;

/// All commands, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static CommandSpec> {
    [
        connection::COMMANDS,
        database::COMMANDS,
        generic::COMMANDS,
        introspection::COMMANDS,
        server::COMMANDS,
        string::COMMANDS,
        transactions::COMMANDS,
    ]
    .into_iter()
    .flatten()
}

/// Several flags as one.
const fn flags(list: &[Flags]) -> Flags {
    let mut all = Flags::empty();
    let mut i = 0;
    while i < list.len() {
        all = all.union(list[i]);
        i += 1;
    }
    all
}
