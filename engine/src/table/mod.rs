//! The command table: one line for each command, one file for each group.

use crate::command::{CommandSpec, Flags};

mod bitmap;
mod connection;
mod database;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod introspection;
mod list;
mod pubsub;
mod server;
mod set;
mod sort;
mod sorted_set;
mod stream;
mod string;
mod transactions;

/// All commands, in no particular order.
pub(crate) fn all() -> impl Iterator<Item = &'static CommandSpec> {
    [
        bitmap::COMMANDS,
        connection::COMMANDS,
        database::COMMANDS,
        generic::COMMANDS,
        geo::COMMANDS,
        hash::COMMANDS,
        hyperloglog::COMMANDS,
        introspection::COMMANDS,
        list::COMMANDS,
        pubsub::COMMANDS,
        server::COMMANDS,
        set::COMMANDS,
        sort::COMMANDS,
        sorted_set::COMMANDS,
        stream::COMMANDS,
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
