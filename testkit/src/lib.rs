//! What Graven's tests stand on: real server processes, a client that hides nothing, and a real `redis-server` as the
//! oracle of what a command means.
//!
//! The crate owns the harness, not the promises: every promise is a test under `graven/tests`, `aof/tests` or `simulator/tests`. It does not know any
//! of Graven's crates, and speaks to the server only through its sockets, its files and its process, so that nothing
//! inside the server can make a test agree with it by accident. Everything here works on `redis-server` as well; its own
//! tests run it against two of them, which must agree, and against `appendfsync always`, which must lose nothing.
//!
//! Every random choice comes from a seed that the failing test prints.

pub mod client;
pub mod disk_faults;
pub mod dump;
pub mod generator;
pub mod history;
pub mod oracle;
pub mod ports;
pub mod power;
pub mod process;
pub mod rng;
pub mod stream_info;
pub mod tmpfs;
pub mod transcript;
pub mod value;

pub use client::Client;
pub use disk_faults::DiskFaults;
pub use dump::Dump;
pub use power::LossyDisk;
pub use process::{Builder, Program, Server};
pub use rng::Rng;
pub use tmpfs::Tmpfs;
pub use value::Value;

/// Says past the test harness's capture of output that a test has proved nothing here, and why.
pub fn skipped(reason: impl std::fmt::Display) {
    use std::io::Write;
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {reason}");
}
