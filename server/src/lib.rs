//! The server around the engine: sockets, the event loop, clients, configuration, timers, when to persist, `INFO`.
//!
//! Does not know: data structures, file formats, what a command means.
//!
//! Invariants:
//! * The thread that executes commands waits for nobody: not for a client, and not for a slow disk.
//! * A reply leaves only when the log has reached the position it depends on.
//! * What a client can make the server hold in memory is bounded.

mod allocator;
mod client;
mod client_eviction;
mod clock;
mod coalescing;
pub mod config;
mod file_limit;
mod host;
mod listener;
mod load;
mod log_switch;
pub mod logging;
mod memory;
mod output;
mod outside;
mod persistence;
mod pid_file;
mod reclaimer;
mod replay;
mod rewrite;
mod server;
mod server_stats;
mod shutdown;
mod signals;
pub mod simulation;
mod snapshot;
mod start;
mod surroundings;
mod timers;
mod turn;
mod waiting;

pub use allocator::set_allocator;
pub use graven_engine::REDIS_VERSION;
pub use listener::ListenError;
pub use server::{Server, ServerError};
pub use start::start;

/// The version of Graven.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
