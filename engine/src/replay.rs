//! Commands of the log: looked up on any thread, ahead of the one that executes them.

use crate::engine::{Engine, Prepared};
use crate::error::Error;
use crate::host::Host;
use crate::registry::Registry;
use crate::session::Session;
use graven_resp::{Args, Reply};
use graven_store::Hasher;

/// What it takes to look up commands of a log, without the engine. The log knows nothing of `rename-command`.
#[derive(Clone)]
pub struct Lookup {
    registry: Registry,
    hasher: Hasher,
}

impl Lookup {
    /// Looks a command up and hashes its key.
    #[inline]
    pub fn prepare(&self, args: Args<'_>) -> Prepared {
        Prepared::new(&self.registry, self.hasher, self.registry.find_logged(args), args)
    }
}

impl Engine {
    /// What looks up commands for [`Engine::replay`].
    pub fn lookup(&self) -> Lookup {
        Lookup { registry: self.registry.clone(), hasher: self.keyspace.hasher() }
    }

    /// Replays one command from the log, as [`Lookup::prepare`] found it: no reply, no effects, no checks that only clients need.
    pub fn replay(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        scratch: &mut Vec<u8>,
        host: &mut dyn Host,
    ) -> Result<(), Error> {
        debug_assert!(session.is_replay() && !self.effects.is_enabled());
        let id = self.registry.check(prepared.command, args)?;
        let reply = Reply::muted(scratch, session.protocol);
        let errors = self.stats.total_errors;
        self.dispatch(session, args, id, prepared.key_hash, reply, host);
        match self.stats.total_errors == errors {
            true => Ok(()),
            false => Err(format!("ERR '{}' failed", self.registry.get(id).full_name).into()),
        }
    }
}
