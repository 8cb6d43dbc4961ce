//! The commands, one file or folder a group, as the documentation groups them.

pub mod bitmap;
pub mod client;
pub mod command;
pub mod connection;
pub mod database;
mod destination;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod latency;
pub mod list;
mod many_keys;
pub mod memory;
pub mod pubsub;
mod random_count;
mod scan;
pub mod set;
pub mod slowlog;
pub mod sort;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub mod time;
pub mod transactions;
