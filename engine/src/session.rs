//! What the engine knows of a connected client.

use crate::pubsub::{Subscriptions, Topic};
use graven_resp::{OwnedArgs, Protocol, Reply};

bitflags::bitflags! {
    /// States of a session that are on or off.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SessionFlags: u32 {
        /// `CLIENT NO-EVICT on`
        const NO_EVICT = 1 << 0;
        /// `CLIENT NO-TOUCH on`
        const NO_TOUCH = 1 << 1;
        /// `CLIENT REPLY OFF`
        const REPLY_OFF = 1 << 2;
        /// `CLIENT REPLY SKIP`: the next command's reply is skipped.
        const REPLY_SKIP_NEXT = 1 << 3;
        /// The running command's reply is skipped.
        const REPLY_SKIP = 1 << 4;
        /// The connection is closed once its output has been sent.
        const CLOSE_AFTER_REPLY = 1 << 5;
        /// `MONITOR`
        const MONITOR = 1 << 6;
        /// Commands come from the log, not from a client.
        const REPLAY = 1 << 7;
        /// Connected through a unix socket.
        const UNIX_SOCKET = 1 << 8;
        /// It speaks another protocol and is closed without a word.
        const HTTP = 1 << 9;
    }
}

/// Why a session executes nothing for now. The server decides when it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// `WAIT` and `WAITAOF`: until the log is durable up to `lsn`, or a deadline (Unix ms; 0: none) passes.
    Wait {
        /// Position that must be durable.
        lsn: u64,
        /// Unix milliseconds; 0 for never.
        deadline_ms: u64,
        /// The local log must be durable for the wait to succeed.
        local: bool,
        /// Replicas asked for.
        replicas: i64,
        /// `WAITAOF` rather than `WAIT`: replies two numbers.
        aof: bool,
    },
    /// `CLIENT PAUSE`: until the pause is over; then the command is executed again.
    Paused,
    /// `SHUTDOWN` waits for the log.
    Shutdown,
    /// `DEBUG LOADAOF`: until the data set has been loaded again.
    Reload,
    /// `BLPOP` and its like: until a key is ready, or time is up.
    Keys(Box<KeyWait>),
}

/// A command that waits for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWait {
    /// The database of the keys.
    pub db: usize,
    /// The keys; repetitions are possible.
    pub keys: Vec<Box<[u8]>>,
    /// What is executed when one of them has changed.
    pub command: crate::CommandId,
    /// Its arguments.
    pub args: OwnedArgs,
    /// Unix milliseconds; 0 for never.
    pub deadline_ms: u64,
    /// What is replied when time is up.
    pub on_timeout: TimeoutReply,
    /// A key that holds something else is not ready.
    pub wanted: graven_store::ObjectType,
    /// The wait is over also when a key is gone or holds something else.
    pub ends_with_key: bool,
    /// The client's place in the queues: lower ones are served first.
    pub ticket: u64,
}

/// The reply of a command that has waited in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReply {
    /// No array.
    NullArray,
    /// No string.
    Null,
}

/// Commands queued by `MULTI`.
#[derive(Default)]
pub struct Transaction {
    /// What is to be executed.
    pub queue: Vec<(crate::CommandId, OwnedArgs)>,
    /// Some command was refused: `EXEC` will be too.
    pub aborted: bool,
    /// Bytes held.
    pub bytes: usize,
}

/// A watched key and the version it had.
pub struct Watched {
    pub(crate) db: usize,
    pub(crate) key: Box<[u8]>,
    pub(crate) version: u64,
    /// It was past its deadline already when `WATCH` was called.
    pub(crate) expired: bool,
}

/// A client's state between two commands.
#[derive(Default)]
pub struct Session {
    /// Unique, ascending.
    pub id: u64,
    /// Selected database.
    pub db: usize,
    /// Protocol version.
    pub protocol: Protocol,
    /// `AUTH` succeeded, or is not needed.
    pub authenticated: bool,
    /// Name given by `CLIENT SETNAME`.
    pub name: String,
    /// Library name given by `CLIENT SETINFO`.
    pub lib_name: String,
    /// Library version given by `CLIENT SETINFO`.
    pub lib_version: String,
    /// Address, as `CLIENT LIST` shows it.
    pub peer: String,
    /// Commands queued since `MULTI`.
    pub transaction: Option<Box<Transaction>>,
    /// `EXEC` is executing the queued commands: nothing may block.
    pub in_exec: bool,
    /// What it listens to; absent if nothing.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// Keys watched.
    pub watched: Vec<Watched>,
    /// On-off states.
    pub flags: SessionFlags,
    /// Waits for something.
    pub blocked: Option<Blocked>,
    /// The reply to the command that waits is not wanted (`CLIENT REPLY`).
    pub wait_muted: bool,
    /// Position in the log of this client's last write (for `WAIT` and `WAITAOF`).
    pub last_write_lsn: u64,
    /// The last command, for `CLIENT LIST`.
    pub last_command: Option<crate::CommandId>,
    /// Once the output is longer than this, the rest of a command's reply is dropped (0: never). The client must then be closed.
    pub reply_limit: usize,
}

impl Session {
    /// A new client.
    pub fn new(id: u64, authenticated: bool) -> Session {
        Session { id, authenticated, ..Session::default() }
    }

    /// Where the reply to a command is written.
    #[inline]
    pub(crate) fn reply<'o>(&self, out: &'o mut Vec<u8>) -> Reply<'o> {
        let mut reply = Reply::new(out, self.protocol);
        if self.reply_limit > 0 {
            reply.set_limit(self.reply_limit);
        }
        reply
    }

    /// Whether `MULTI` is open.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// How many channels, patterns or shard channels it listens to.
    pub fn subscribed(&self, topic: Topic) -> usize {
        self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.len(topic))
    }

    /// Bytes held for what it listens to and for what it waits for.
    pub fn memory_usage(&self) -> usize {
        let waits = match &self.blocked {
            Some(Blocked::Keys(wait)) => {
                size_of::<KeyWait>() + wait.args.memory_usage() + wait.keys.iter().map(|key| key.len()).sum::<usize>()
            }
            _ => 0,
        };
        waits + self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.memory_usage())
    }

    /// Whether its connection carries messages, and nothing but a few commands: replies and messages look the same in RESP2.
    pub fn only_listens(&self) -> bool {
        self.subscriptions.is_some() && self.protocol == Protocol::Resp2
    }

    /// Whether it waits for keys.
    #[inline]
    pub fn waits_for_keys(&self) -> bool {
        matches!(self.blocked, Some(Blocked::Keys(_)))
    }

    /// Whether commands come from the log.
    pub fn is_replay(&self) -> bool {
        self.flags.contains(SessionFlags::REPLAY)
    }
}
