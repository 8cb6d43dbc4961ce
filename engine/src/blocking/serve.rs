//! The end of a wait: a key is ready, time is up, somebody else ends it, or the client goes.
//!
//! Serving ends: each pass over a key's queue goes once through those who waited when it began, and a key becomes ready again
//! only by a change that a served client made, who then waits no more.
//!
//! While `CLIENT PAUSE` holds writes back, and while the log fails, ready keys stay ready and nobody is served: commands that
//! arrive then are held back or refused, and those that wait can do better than fail.

use crate::engine::{Engine, Outcome, Pause};
use crate::host::Host;
use crate::session::{Blocked, KeyWait, Session, SessionFlags, TimeoutReply};
use graven_resp::Reply;
use graven_store::Key;

const NOTHING: Outcome = Outcome { needs: 0, wrote: false };

impl Engine {
    /// Serves those who wait for keys that are ready. Called at the end of each command or transaction, and to be called when
    /// something else may have made keys ready: a pause is over, keys have expired, the log has recovered.
    pub fn serve_waiting(&mut self, host: &mut dyn Host) {
        while self.waits.any_ready() && self.pause == Pause::Off && !self.writes_denied && !self.loading {
            let (db, key) = self.waits.next_ready().expect("a key is ready");
            self.serve_key(db, &key, host);
        }
    }

    fn serve_key(&mut self, db: usize, name: &[u8], host: &mut dyn Host) {
        let Key { hash, .. } = self.keyspace.key(name);
        let last = self.waits.last_ticket();
        let mut from = 0;
        loop {
            let entry = self.keyspace.db(db).get(Key { bytes: name, hash }).filter(|entry| !self.is_due(entry.deadline()));
            let found = entry.map(|entry| entry.object_type());
            let Some((ticket, waiter)) = self.waits.next_waiter(db, name, from, last, found.is_none()) else { break };
            from = ticket + 1;
            if found == Some(waiter.wanted) || waiter.ends_with_key {
                host.resume(waiter.client, &mut |host, session, out| self.execute_again(session, out, host));
            }
        }
        self.waits.served(db, name);
    }

    /// Executes the command of a client that waits, as if it had arrived now.
    fn execute_again(&mut self, session: &mut Session, out: &mut Vec<u8>, host: &mut dyn Host) -> Outcome {
        let Some(wait) = self.leave_queues(session) else { return NOTHING };
        let before = self.effects.lsn();
        self.needs = 0;
        let reply = reply_to_waiting(session, out);
        self.waits.begin_resuming(&wait);
        self.effects.begin_unit();
        self.call(session, wait.args.as_args(), wait.command, None, reply, host);
        self.effects.end_unit();
        self.waits.end_resuming();
        self.outcome(session, before, out)
    }

    /// Ends a session's wait for keys, without a reply.
    fn leave_queues(&mut self, session: &mut Session) -> Option<Box<KeyWait>> {
        match session.blocked.take() {
            Some(Blocked::Keys(wait)) => {
                self.waits.leave(session.id, &wait);
                Some(wait)
            }
            other => {
                session.blocked = other;
                None
            }
        }
    }

    /// Ends the waits whose time is up.
    pub fn end_late_waits(&mut self, host: &mut dyn Host) {
        while let Some(client) = self.waits.take_late(self.now_ms) {
            self.end_wait(client, None, host);
        }
    }

    /// When the next wait for keys will have lasted long enough, Unix milliseconds.
    pub fn next_wait_deadline_ms(&self) -> Option<u64> {
        self.waits.next_deadline_ms()
    }

    /// Ends a client's wait for keys with the reply for those who waited in vain, or with an error. False if it waits for none.
    pub fn end_wait(&mut self, client: u64, error: Option<&str>, host: &mut dyn Host) -> bool {
        let mut ended = false;
        host.resume(client, &mut |_, session, out| {
            let Some(wait) = self.leave_queues(session) else { return NOTHING };
            let mut reply = reply_to_waiting(session, out);
            match (error, wait.on_timeout) {
                (Some(error), _) => self.fail(wait.command, error.to_owned().into(), &mut reply),
                (None, TimeoutReply::NullArray) => reply.null_array(),
                (None, TimeoutReply::Null) => reply.null(),
            }
            self.stats.commands += 1;
            self.command_stats[wait.command.index()].record(0, self.settings.latency_tracking);
            ended = true;
            NOTHING
        });
        ended
    }

    /// A client is gone: it watches nothing, listens to nothing and waits for nothing any more.
    pub fn disconnect(&mut self, session: &mut Session) {
        self.unwatch(session);
        self.silence(session);
        self.leave_queues(session);
    }

    /// How many keys are waited for, and for how many of them somebody waits who is woken by their end.
    pub fn waited_keys(&self) -> (usize, usize) {
        self.waits.key_counts()
    }

    /// How many waits for keys have a deadline.
    pub fn waits_with_deadline(&self) -> usize {
        self.waits.deadline_count()
    }
}

/// The reply to a command that waited. It is not wanted if it was not when the command arrived.
fn reply_to_waiting<'r>(session: &Session, out: &'r mut Vec<u8>) -> Reply<'r> {
    let mut reply = session.reply(out);
    reply.set_muted(session.wait_muted || session.flags.contains(SessionFlags::REPLY_OFF));
    reply
}
