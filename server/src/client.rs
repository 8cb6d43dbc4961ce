//! One connection: its socket, its unread bytes, its session and its output.

use crate::listener::Stream;
use crate::output::Output;
use graven_engine::{Session, SessionFlags};
use graven_resp::Parser;

/// Which of the `client-output-buffer-limit` classes a client belongs to. As in Redis, `MONITOR` makes no replica of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientClass {
    /// An ordinary client.
    Normal = 0,
    /// One that has subscribed to channels.
    PubSub = 2,
}

/// A connected client.
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) stream: Stream,
    /// `CLIENT LIST`'s `addr` and `laddr`.
    pub(crate) address: String,
    pub(crate) local_address: String,
    /// The peer is on this machine.
    pub(crate) is_local: bool,
    /// Absent while one of the client's commands is being executed: the executor has it.
    pub(crate) session: Option<Box<Session>>,
    pub(crate) parser: Parser,
    /// Bytes that have arrived and belong to no executed command.
    pub(crate) input: Vec<u8>,
    pub(crate) output: Output,
    /// While the executor has that: what was in it, and messages that are to follow.
    pub(crate) away_bytes: usize,
    /// Unix milliseconds.
    pub(crate) connected_ms: u64,
    pub(crate) active_ms: u64,
    /// The socket may have more to read: nothing will be heard of it until it has been emptied.
    pub(crate) readable: bool,
    /// The window of [`crate::coalescing`] in which it was served last.
    pub(crate) served_in_window: u32,
    /// Stands in the queue of clients to be served.
    pub(crate) queued: bool,
    /// Stands in the list of clients whose replies wait for the log.
    pub(crate) held: bool,
    /// The peer has closed its side: when its bytes have been read, that is the end.
    pub(crate) hung_up: bool,
    /// Nor does the peer take any more bytes, as far as the operating system knows.
    pub(crate) gone: bool,
    /// The input holds commands that were not executed for want of room or time: no more is read before they are.
    pub(crate) backlog: bool,
    /// Stands in the list of clients whose replies are to be sent.
    pub(crate) flushing: bool,
    /// Stands in the list of clients that are not served for now.
    pub(crate) stalled: bool,
    /// The last command wrote: such clients wait when the disk falls behind.
    pub(crate) writes: bool,
    /// To be closed at the end of this turn, whatever is unsent.
    pub(crate) doomed: bool,
    /// Since when the output has been past its soft limit, Unix milliseconds.
    pub(crate) over_soft_limit_since_ms: Option<u64>,
    /// When bytes were last sent to it, Unix milliseconds.
    pub(crate) sent_ms: u64,
    /// Bytes of memory held when that was last counted (`maxmemory-clients`).
    pub(crate) counted_bytes: u64,
    /// Bytes received, and commands executed.
    pub(crate) received_bytes: u64,
    pub(crate) commands: u64,
}

impl Client {
    pub(crate) fn new(id: u64, stream: Stream, addresses: (String, String), is_local: bool, authenticated: bool, now_ms: u64) -> Client {
        let mut session = Session::new(id, authenticated);
        session.peer = addresses.0.clone();
        if matches!(stream, Stream::Unix(_)) {
            session.flags.insert(SessionFlags::UNIX_SOCKET);
        }
        Client {
            id,
            stream,
            address: addresses.0,
            local_address: addresses.1,
            is_local,
            session: Some(Box::new(session)),
            parser: Parser::default(),
            input: Vec::new(),
            output: Output::default(),
            away_bytes: 0,
            connected_ms: now_ms,
            active_ms: now_ms,
            readable: false,
            served_in_window: 0,
            queued: false,
            held: false,
            hung_up: false,
            gone: false,
            backlog: false,
            flushing: false,
            stalled: false,
            writes: false,
            doomed: false,
            over_soft_limit_since_ms: None,
            sent_ms: now_ms,
            counted_bytes: 0,
            received_bytes: 0,
            commands: 0,
        }
    }

    /// Whether commands may be executed for it.
    pub(crate) fn is_blocked(&self) -> bool {
        self.session.as_ref().is_some_and(|s| s.blocked.is_some())
    }

    /// Whether it has subscribed to channels.
    pub(crate) fn is_listening(&self) -> bool {
        self.session.as_ref().is_some_and(|s| s.subscriptions.is_some())
    }

    pub(crate) fn has_flag(&self, flag: SessionFlags) -> bool {
        self.session.as_ref().is_some_and(|s| s.flags.contains(flag))
    }

    pub(crate) fn class(&self) -> ClientClass {
        if self.is_listening() { ClientClass::PubSub } else { ClientClass::Normal }
    }

    /// Bytes of memory held for it (`tot-mem`).
    pub(crate) fn memory_usage(&self) -> usize {
        let queued = self.session.as_ref().and_then(|s| s.transaction.as_ref()).map_or(0, |t| t.bytes);
        size_of::<Client>()
            + size_of::<Session>()
            + self.input.capacity()
            + self.parser.memory_usage()
            + self.output.memory_usage()
            + queued
            + self.session.as_ref().map_or(0, |s| s.memory_usage())
    }
}
