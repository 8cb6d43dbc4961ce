//! What a command has in its hands while it runs.

use crate::command::CommandSpec;
use crate::engine::Engine;
use crate::error::{Error, NOT_INTEGER};
use crate::registry::CommandId;
use crate::session::Session;
use graven_resp::{Args, Reply, number};
use graven_store::Key;

/// One execution of one command. The fields are apart so that a value can be borrowed from the engine while
/// the reply is written.
pub struct Context<'a> {
    /// Data, settings, statistics.
    pub engine: &'a mut Engine,
    /// Who asks.
    pub session: &'a mut Session,
    /// What is asked, the command's name first.
    pub args: Args<'a>,
    /// Where the answer goes.
    pub reply: Reply<'a>,
    /// The line of the table.
    pub spec: &'static CommandSpec,
    /// The command's place in the table.
    pub id: CommandId,
    /// Hash of argument 1, if it was computed ahead.
    pub(crate) key_hash: Option<u64>,
}

impl<'a> Context<'a> {
    /// Argument `i` as a key. Its hash is computed unless it was already.
    #[inline]
    pub fn key(&self, i: usize) -> Key<'a> {
        let bytes = self.args.at(i);
        match self.key_hash {
            Some(hash) if i == 1 => Key { bytes, hash },
            _ => self.engine.keyspace.key(bytes),
        }
    }

    /// The selected database.
    #[inline]
    pub fn db(&self) -> usize {
        self.session.db
    }

    /// Argument `i` as an integer.
    pub fn int(&self, i: usize) -> Result<i64, Error> {
        number::parse_i64(self.args.at(i)).ok_or(NOT_INTEGER.into())
    }

    /// Argument `i` as an integer. A log may hold greater ones where commands count: such counts end at the greatest.
    pub fn count(&self, i: usize) -> Result<i64, Error> {
        let is_beyond = || self.session.is_replay() && number::parse_u64(self.args.at(i)).is_some();
        self.int(i).or_else(|error| if is_beyond() { Ok(i64::MAX) } else { Err(error) })
    }

    /// Argument `i` as an integer whose negative is one too.
    pub fn symmetric_int(&self, i: usize) -> Result<i64, Error> {
        match self.int(i)? {
            i64::MIN => Err(format!("ERR value is out of range, value must between {} and {}", -i64::MAX, i64::MAX).into()),
            number => Ok(number),
        }
    }

    /// Whether argument `i` is this word, in any case. False past the end.
    pub fn is(&self, i: usize, word: &str) -> bool {
        self.args.get(i).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Notes that a key of the selected database was changed by this command. Unless the command records
    /// effects of its own ([`Context::log`]), it is logged as it arrived.
    #[inline]
    pub fn changed(&mut self, key: &[u8]) {
        self.engine.changed(self.session.db, key);
    }

    /// The same for a change that counts as several.
    #[inline]
    pub fn changed_by(&mut self, key: &[u8], changes: u64) {
        self.engine.changed_by(self.session.db, key, changes);
    }

    /// Logs the command as it arrived, although it may not have changed anything.
    pub fn log_as_called(&mut self) {
        self.engine.log_as_called(self.session.db, self.id, self.args);
    }

    /// Records an effect in the selected database, instead of the command as it arrived.
    pub fn log<P: AsRef<[u8]>>(&mut self, parts: &[P]) {
        self.engine.log(self.session.db, parts);
    }
}
