//! The commands, one file a group, as the documentation groups them.

pub mod connection;
pub mod database;
pub mod generic;
pub mod string;
pub mod transactions;
