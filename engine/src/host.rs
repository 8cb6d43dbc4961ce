//! The seam between the engine and what stands around it.
//!
//! The engine knows no sockets, files or wall clock. Commands that need them are in the command table like
//! all others and are run by the [`Host`]; time comes from a [`Clock`]. The server implements both, and so
//! does a simulator.

use crate::context::Context;
use crate::engine::Outcome;
use crate::error::Error;
use crate::session::Session;
use graven_resp::Args;

/// Commands that the engine's surroundings execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the commands
pub enum HostCommand {
    BackgroundRewrite,
    BackgroundSave,
    ClientInfo,
    ClientKill,
    ClientList,
    ClientPause,
    ClientUnblock,
    ClientUnpause,
    ConfigGet,
    ConfigResetStat,
    ConfigRewrite,
    ConfigSet,
    Debug,
    Dump,
    FlushAll,
    Info,
    LastSave,
    MemoryDoctor,
    MemoryMallocStats,
    MemoryPurge,
    MemoryStats,
    Monitor,
    Restore,
    Role,
    Save,
    Shutdown,
    Wait,
    WaitAof,
}

/// Whether writes are possible now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteStatus {
    /// They are.
    Available,
    /// The log cannot be written: the text of the `MISCONF` error.
    Failing(String),
}

/// What the engine asks of its surroundings.
pub trait Host {
    /// Executes a command of the table that is not the engine's.
    fn run(&mut self, command: HostCommand, cx: &mut Context<'_>) -> Result<(), Error>;

    /// Asked only when [`crate::Engine::writes_denied`] says that something is wrong.
    fn write_status(&self) -> WriteStatus;

    /// Bytes that count against `maxmemory`: what is allocated, without the log's buffers and without what is being given back.
    fn memory_used(&self) -> u64 {
        0
    }

    /// A command was executed, and [`crate::Engine::monitored`] says that somebody watches. What they are told tells of effects up to
    /// `lsn` (0: nobody needs to wait). `command` is its name in the table.
    fn monitor(&mut self, session: &Session, command: &str, args: Args<'_>, now_us: u64, lsn: u64);

    /// Sends a message to a client that has subscribed, once the log is at `needs`. It is encoded for RESP3; for RESP2 it begins
    /// with another byte ([`crate::push_byte`]). False if one of the client's commands is being executed, so that the
    /// message must follow that command's reply; the host bounds what waits in this way, and closes a client for which it is too much.
    fn deliver(&mut self, client: u64, message: &[u8], needs: u64) -> bool;

    /// Goes on with a client that waits for keys: calls `run` once with its session and its output, and sees to it that what
    /// `run` appended leaves when its [`Outcome`] allows. False, without calling it, if the client is gone or about to be, or
    /// is the one whose command is being executed.
    fn resume(&mut self, client: u64, run: &mut Resumed<'_>) -> bool;
}

/// What is done for a client that waited: handed the host again, the client's session and its output.
pub type Resumed<'r> = dyn FnMut(&mut dyn Host, &mut Session, &mut Vec<u8>) -> Outcome + 'r;

/// Time, handed in.
pub trait Clock {
    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> u64 {
        self.unix_us() / 1000
    }
    /// Microseconds since the Unix epoch.
    fn unix_us(&self) -> u64;
    /// Nanoseconds since some moment; never goes back.
    fn monotonic_ns(&self) -> u64;
}
