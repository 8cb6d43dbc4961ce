//! Commands that wait for keys: `BLPOP`, `BZPOPMIN`, `XREAD BLOCK` and their like.
//!
//! A command that finds nothing calls [`Context::block`]: the client joins the queue of each of its keys ([`queues`]). Whatever
//! changes a key, be it a push, a `RENAME`, a transaction or `SWAPDB`, marks it as ready if somebody waits for it. When the
//! command or transaction that did so is over, those who wait for ready keys are served ([`serve`]), each by executing its
//! command again, in the order in which they began to wait.
//!
//! Why nothing is lost or handed out twice: nothing is ever handed to a client. A waiting client owns no element and
//! reserves none; at its turn its command is executed as if it had just arrived, as a unit of effects of its own, and pops for
//! itself. A client that is gone by then has left the queues, and its turn is the next one's.

mod queues;
mod serve;

use crate::command::{CommandSpec, Flags};
use crate::context::Context;
use crate::error::Error;
use crate::long_double::LongDouble;
use crate::session::{Blocked, KeyWait, TimeoutReply};
use graven_resp::OwnedArgs;
use graven_resp::number::{parse_f64, parse_i64};
use graven_store::ObjectType;

pub(crate) use queues::Queues;

/// The type of value that a command waits for: a key of another type does not wake it.
fn wanted(spec: &CommandSpec) -> ObjectType {
    match spec.group {
        "list" => ObjectType::List,
        "stream" => ObjectType::Stream,
        _ => ObjectType::SortedSet,
    }
}

impl Context<'_> {
    /// Whether the running command may wait: not inside a transaction, and not while the log is replayed.
    pub fn may_block(&self) -> bool {
        debug_assert!(self.spec.flags.contains(Flags::BLOCKING));
        !self.session.in_exec && !self.session.is_replay()
    }

    /// Has the client wait for keys of the selected database. When one of them has been changed, `again` is executed in its
    /// place (or the running command, if it is `None`); it either replies or calls this again, and then waits on where it
    /// was in the queue, until the moment that was its deadline at first. The command must not have replied.
    pub fn block<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        deadline_ms: u64,
        on_timeout: TimeoutReply,
        again: Option<OwnedArgs>,
    ) {
        let mut wait = KeyWait {
            db: self.session.db,
            keys: keys.map(Into::into).collect(),
            command: self.id,
            args: again.unwrap_or_else(|| self.args.to_owned()),
            deadline_ms,
            on_timeout,
            wanted: wanted(self.spec),
            // The group that it reads for is gone with the key: it need not wait for another.
            ends_with_key: self.spec.name == "xreadgroup",
            ticket: 0,
        };
        self.engine.waits.join(self.session.id, &mut wait);
        self.session.blocked = Some(Blocked::Keys(Box::new(wait)));
    }

    /// The timeout in argument `i`, in seconds with a fraction, as a moment in Unix milliseconds; 0 for never.
    pub fn timeout(&self, i: usize) -> Result<u64, Error> {
        let text = self.args.at(i);
        // Redis reads a `long double`, which holds more.
        let seconds = parse_f64(text).or_else(|| LongDouble::parse(text).map(LongDouble::to_f64));
        let seconds = seconds.ok_or("ERR timeout is not a float or out of range")?;
        self.moment_after((seconds * 1000.0).ceil() as i64)
    }

    /// The timeout in argument `i`, in milliseconds, as a moment in Unix milliseconds; 0 for never.
    pub fn timeout_ms(&self, i: usize) -> Result<u64, Error> {
        self.moment_after(parse_i64(self.args.at(i)).ok_or("ERR timeout is not an integer or out of range")?)
    }

    /// The moment that lies so many milliseconds ahead; 0 for 0, which means never.
    fn moment_after(&self, ms: i64) -> Result<u64, Error> {
        let now_ms = self.engine.now_ms();
        match u64::try_from(ms) {
            Err(_) => Err("ERR timeout is negative".into()),
            Ok(0) => Ok(0),
            Ok(ms) if ms > i64::MAX as u64 - now_ms => Err("ERR timeout is out of range".into()),
            Ok(ms) => Ok(now_ms + ms),
        }
    }
}
