//! The slow log: the last commands that took long (`SLOWLOG`).

use crate::secrets::{REDACTED, is_secret};
use crate::session::Session;
use graven_resp::Args;
use std::collections::VecDeque;

/// Arguments kept of one command, and bytes kept of one argument, as in Redis.
const MAX_ARGS: usize = 32;
const MAX_ARG_BYTES: usize = 128;

/// One slow command.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Ascending from 0.
    pub id: u64,
    /// When it was executed, seconds since the epoch.
    pub unix_time: u64,
    /// How long it took, microseconds.
    pub micros: u64,
    /// Its arguments, cut short where they are many or long.
    pub args: Vec<Vec<u8>>,
    /// Address of the client.
    pub peer: String,
    /// Name of the client.
    pub name: String,
}

/// The last slow commands, newest first.
#[derive(Default)]
pub struct Slowlog {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl Slowlog {
    /// The entries, newest first.
    pub fn entries(&self) -> &VecDeque<SlowEntry> {
        &self.entries
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn record(&mut self, unix_time: u64, micros: u64, command: &str, args: Args<'_>, session: &Session, max_len: usize) {
        let kept = if args.len() > MAX_ARGS { MAX_ARGS - 1 } else { args.len() };
        let show = |i| if is_secret(command, args, i) { REDACTED.into() } else { shorten(args.at(i)) };
        let mut shown: Vec<Vec<u8>> = (0..kept).map(show).collect();
        if kept < args.len() {
            shown.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
        }
        self.entries.push_front(SlowEntry {
            id: self.next_id,
            unix_time,
            micros,
            args: shown,
            peer: session.peer.clone(),
            name: session.name.clone(),
        });
        self.next_id += 1;
        self.entries.truncate(max_len);
    }
}

fn shorten(arg: &[u8]) -> Vec<u8> {
    let mut shown = arg[..arg.len().min(MAX_ARG_BYTES)].to_vec();
    if arg.len() > MAX_ARG_BYTES {
        shown.extend_from_slice(format!("... ({} more bytes)", arg.len() - MAX_ARG_BYTES).as_bytes());
    }
    shown
}
