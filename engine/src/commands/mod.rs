//! The commands, one file a group, as the documentation groups them.

pub mod connection;
pub mod transactions;
