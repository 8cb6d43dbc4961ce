//! The commands, one file a group, as the documentation groups them.

pub mod client;
pub mod command;
pub mod connection;
pub mod database;
pub mod generic;
pub mod help;
pub mod latency;
mod many_keys;
pub mod memory;
pub mod slowlog;
pub mod string;
pub mod time;
pub mod transactions;
