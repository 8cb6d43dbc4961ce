//! Command semantics: what each command of the Redis protocol means.
//!
//! Owns: the command table, execution, effects for the log, transactions and `WATCH`, waiting for keys, publish/subscribe, keyspace
//! events, eviction, the slow log, latency events and statistics per command.
//!
//! Does not know: sockets, files, threads, the wall clock. Time and randomness are handed in ([`Clock`],
//! a seed), commands that need the outside are run by a [`Host`].
//!
//! Invariants:
//! * One command (or transaction) is one unit of effects; replaying the effects on the state before it gives the
//!   state after it ([`effect`]).
//! * A command that fails changed nothing and logged nothing.
//! * A reply says which position of the log it depends on ([`Outcome::needs`]).

pub mod access;
mod blocking;
mod command;
mod command_reply;
pub mod commands;
mod context;
mod due_fields;
mod effect;
mod engine;
pub mod error;
mod eviction;
mod garbage;
pub mod glob;
mod host;
pub mod key_extraction;
mod keys;
pub mod latency;
pub mod long_double;
mod notify;
mod pubsub;
mod random;
mod registry;
mod replay;
pub mod secrets;
mod session;
mod settings;
mod slowlog;
mod stats;
mod table;
mod unsettled;
mod watch;

pub use command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec, Run};
pub use context::Context;
pub use effect::Effects;
pub use engine::{Engine, Outcome, Pause, Prepared};
pub use error::Error;
pub use garbage::Garbage;
pub use host::{Clock, Host, HostCommand, Resumed, WriteStatus};
pub use notify::EventClass;
pub use pubsub::{Subscriptions, Topic, push_byte};
pub use random::Random;
pub use registry::{Command, CommandId, Registry};
pub use replay::Lookup;
pub use session::{Blocked, KeyWait, Session, SessionFlags, TimeoutReply, Transaction};
pub use settings::{EvictionPolicy, Settings};
pub use slowlog::{SlowEntry, Slowlog};
pub use stats::{CommandStats, Durations, Stats};

/// The version of Redis whose behaviour this is.
pub const REDIS_VERSION: &str = "7.2.5";
