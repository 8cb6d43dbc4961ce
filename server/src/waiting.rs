//! Clients that wait for something, and how they go on.
//!
//! A blocked client is neither read nor served. Those that wait for keys are in the engine's queues; all others are in one list
//! ([`Outside::waiting`]), which is gone through only when something has happened that may end a wait. Whoever ends one calls
//! [`Outside::unblock`], which puts the client back into the queue of those to be served.

use crate::outside::Outside;
use crate::server::Server;
use graven_engine::{Blocked, Pause, Resumed, SessionFlags};

/// When the list of waiting clients must be gone through again.
#[derive(Default)]
pub(crate) struct WaitWatch {
    /// Somebody began to wait.
    pub(crate) changed: bool,
    durable: Option<u64>,
    paused: bool,
    /// Unix milliseconds of the earliest deadline; 0 for none.
    pub(crate) next_deadline_ms: u64,
}

impl Outside {
    /// A client has begun to wait.
    pub(crate) fn note_blocked(&mut self, slot: usize) {
        if !matches!(self.blocked(slot), Some(Blocked::Keys(_))) {
            self.waiting.push(slot);
            self.wait_watch.changed = true;
        }
    }

    /// Goes on with a client that waits for keys: `run` has its session and its output. Not with one that is gone or going: what
    /// it would take would be lost.
    pub(crate) fn resume_client(&mut self, id: u64, run: &mut Resumed<'_>) -> bool {
        let Some(slot) = self.slot_of(id) else { return false };
        let client = &mut self.clients[slot];
        if client.doomed || client.hung_up {
            return false;
        }
        let Some(mut session) = client.session.take() else { return false };
        let mut output = std::mem::take(&mut client.output);
        client.away_bytes = output.pending_bytes();
        session.reply_limit = self.reply_limit(&session, &output);
        let outcome = run(self, &mut session, &mut output.tail);
        if session.reply_limit > 0 && output.tail_bytes() > session.reply_limit {
            self.close_for_output(slot);
        }
        self.seal(&mut output, outcome);
        if session.blocked.is_none() {
            self.resumed.push(slot);
        }
        let client = &mut self.clients[slot];
        client.session = Some(session);
        client.output = output;
        client.writes |= outcome.wrote;
        self.note_output(slot);
        true
    }

    /// Ends a client's wait with a reply (unless it wants none), and has it served again.
    pub(crate) fn unblock(&mut self, slot: usize, reply: &[u8]) {
        let Some(session) = self.clients.get_mut(slot).and_then(|c| c.session.as_mut()) else { return };
        if session.blocked.take().is_none() {
            return;
        }
        let muted = session.wait_muted || session.flags.contains(SessionFlags::REPLY_OFF);
        self.resumed.push(slot);
        self.wait_watch.changed = true;
        if !muted && !reply.is_empty() {
            self.push(slot, 0, |out| out.extend_from_slice(reply));
        }
    }

    /// Ends the waits of all clients that wait for this.
    pub(crate) fn unblock_all(&mut self, what: &Blocked, reply: &[u8]) {
        for slot in self.waiting.clone() {
            if self.blocked(slot) == Some(what) {
                self.unblock(slot, reply);
            }
        }
    }

    /// What a client waits for.
    pub(crate) fn blocked(&self, slot: usize) -> Option<&Blocked> {
        self.clients.get(slot)?.session.as_ref()?.blocked.as_ref()
    }
}

impl Server {
    /// What happened without a command: messages of keys that expired, waits for keys that took too long, keys that became
    /// ready.
    pub(crate) fn wake_waiting(&mut self) {
        let Server { engine, outside, .. } = self;
        if engine.pause != Pause::Off && engine.now_ms() >= outside.pause_until_ms {
            engine.pause = Pause::Off;
        }
        engine.deliver_messages(outside);
        engine.deliver_returning(outside);
        engine.end_late_waits(outside);
        engine.serve_waiting(outside);
    }

    /// `WAIT`, `WAITAOF`, `CLIENT PAUSE`: who has waited long enough.
    pub(crate) fn release_waiting(&mut self) {
        let Server { engine, outside, .. } = self;
        if outside.waiting.is_empty() {
            return;
        }
        let now_ms = engine.now_ms();
        let durable = outside.durable();
        let paused = engine.pause != Pause::Off;
        let watch = &outside.wait_watch;
        let late = watch.next_deadline_ms > 0 && now_ms >= watch.next_deadline_ms;
        if !watch.changed && !late && durable == watch.durable && paused == watch.paused {
            return;
        }
        let mut next_deadline_ms = u64::MAX;
        let mut waiting = std::mem::take(&mut outside.waiting);
        waiting.retain(|&slot| {
            match outside.blocked(slot) {
                None => return false,
                Some(Blocked::Paused) if !paused => outside.unblock(slot, b""),
                Some(Blocked::Wait { .. }) => outside.try_finish_wait(slot, now_ms),
                Some(_) => {}
            }
            if let Some(&Blocked::Wait { deadline_ms: deadline_ms @ 1.., .. }) = outside.blocked(slot) {
                next_deadline_ms = next_deadline_ms.min(deadline_ms);
            }
            outside.blocked(slot).is_some()
        });
        waiting.append(&mut outside.waiting);
        outside.waiting = waiting;
        let next_deadline_ms = if next_deadline_ms == u64::MAX { 0 } else { next_deadline_ms };
        outside.wait_watch = WaitWatch { changed: false, durable, paused, next_deadline_ms };
    }
}
