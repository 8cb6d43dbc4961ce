//! Who waits for which key, in which order, and until when.
//!
//! Each wait has a ticket, and each key a queue in the order of tickets; so a client that waits for several keys has the same
//! place in all of their queues, and one that is served and must wait on keeps it. Deadlines are in an order of their own.
//!
//! Invariants:
//! * A client is in the queues of exactly the keys of its [`KeyWait`], and only while its session holds that.
//! * A key without anybody waiting has no queue: while nobody waits at all, a change costs one comparison.
//! * A key stands in the list of ready keys at most once while its queue says so.

use crate::session::KeyWait;
use graven_store::ObjectType;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::RandomState;

/// One client in one key's queue.
#[derive(Clone, Copy)]
pub(super) struct Waiter {
    pub(super) client: u64,
    pub(super) wanted: ObjectType,
    pub(super) ends_with_key: bool,
}

#[derive(Default)]
struct Queue {
    /// By ticket.
    waiters: BTreeMap<u64, Waiter>,
    /// How many of them are woken also when the key is gone.
    ending_with_key: usize,
    /// Stands in the list of ready keys, or is being served.
    ready: bool,
}

/// A wait that a served client goes on with if it has to.
#[derive(Clone, Copy)]
struct Place {
    ticket: u64,
    deadline_ms: u64,
}

/// All queues.
#[derive(Default)]
pub(crate) struct Queues {
    databases: Vec<HashMap<Box<[u8]>, Queue, RandomState>>,
    /// Clients that wait.
    clients: usize,
    /// Keys that changed, in that order.
    ready: VecDeque<(usize, Box<[u8]>)>,
    /// Deadline in Unix milliseconds, ticket, client.
    deadlines: BTreeSet<(u64, u64, u64)>,
    last_ticket: u64,
    resuming: Option<Place>,
}

impl Queues {
    pub(crate) fn new(databases: usize) -> Queues {
        Queues { databases: (0..databases).map(|_| HashMap::default()).collect(), ..Queues::default() }
    }

    /// Whether nobody waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.clients == 0
    }

    /// Whether a key that somebody waits for has changed.
    #[inline]
    pub(crate) fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether the running command is one that waited, executed again.
    pub(crate) fn is_resuming(&self) -> bool {
        self.resuming.is_some()
    }

    /// How many keys are waited for, and for how many of them somebody waits who is woken by their end.
    pub(crate) fn key_counts(&self) -> (usize, usize) {
        let queues = self.databases.iter().flat_map(HashMap::values);
        queues.fold((0, 0), |(keys, ending), queue| (keys + 1, ending + (queue.ending_with_key > 0) as usize))
    }

    /// How many waits have a deadline.
    pub(crate) fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }

    /// A client begins to wait, at the end of the queues; or goes on waiting where it was, if it is being served.
    pub(super) fn join(&mut self, client: u64, wait: &mut KeyWait) {
        match self.resuming {
            Some(place) => (wait.ticket, wait.deadline_ms) = (place.ticket, place.deadline_ms),
            None => {
                self.last_ticket += 1;
                wait.ticket = self.last_ticket;
            }
        }
        let waiter = Waiter { client, wanted: wait.wanted, ends_with_key: wait.ends_with_key };
        for key in &wait.keys {
            let queue = self.databases[wait.db].entry_ref(&**key).or_default();
            if queue.waiters.insert(wait.ticket, waiter).is_none() {
                queue.ending_with_key += wait.ends_with_key as usize;
            }
        }
        if wait.deadline_ms > 0 {
            self.deadlines.insert((wait.deadline_ms, wait.ticket, client));
        }
        self.clients += 1;
    }

    /// A client waits no more.
    pub(super) fn leave(&mut self, client: u64, wait: &KeyWait) {
        let queues = &mut self.databases[wait.db];
        for key in &wait.keys {
            // A key that was named twice has lost its queue already.
            let Some(queue) = queues.get_mut(&**key) else { continue };
            if queue.waiters.remove(&wait.ticket).is_some() {
                queue.ending_with_key -= wait.ends_with_key as usize;
            }
            if queue.waiters.is_empty() {
                queues.remove(&**key);
            }
        }
        self.deadlines.remove(&(wait.deadline_ms, wait.ticket, client));
        self.clients -= 1;
    }

    /// A client's command is executed again; if it waits again, it is the same wait.
    pub(super) fn begin_resuming(&mut self, wait: &KeyWait) {
        self.resuming = Some(Place { ticket: wait.ticket, deadline_ms: wait.deadline_ms });
    }

    pub(super) fn end_resuming(&mut self) {
        self.resuming = None;
    }

    /// A key has changed.
    #[cold]
    pub(crate) fn signal(&mut self, db: usize, key: &[u8]) {
        if let Some(queue) = self.databases[db].get_mut(key)
            && !std::mem::replace(&mut queue.ready, true)
        {
            self.ready.push_back((db, key.into()));
        }
    }

    /// All keys of a database may have changed.
    pub(crate) fn signal_db(&mut self, db: usize) {
        for (key, queue) in &mut self.databases[db] {
            if !std::mem::replace(&mut queue.ready, true) {
                self.ready.push_back((db, key.clone()));
            }
        }
    }

    /// The next ready key. Until [`Queues::served`], changes of it are not noticed.
    pub(super) fn next_ready(&mut self) -> Option<(usize, Box<[u8]>)> {
        self.ready.pop_front()
    }

    /// Everybody who waits for a key has had a turn.
    pub(super) fn served(&mut self, db: usize, key: &[u8]) {
        if let Some(queue) = self.databases[db].get_mut(key) {
            queue.ready = false;
        }
    }

    /// The greatest ticket there is.
    pub(super) fn last_ticket(&self) -> u64 {
        self.last_ticket
    }

    /// The first who waits for a key with a ticket of `from..=to`. If `gone`, only if somebody is woken by the key's end.
    pub(super) fn next_waiter(&self, db: usize, key: &[u8], from: u64, to: u64, gone: bool) -> Option<(u64, Waiter)> {
        let queue = self.databases[db].get(key)?;
        if gone && queue.ending_with_key == 0 || from > to {
            return None;
        }
        queue.waiters.range(from..=to).next().map(|(ticket, waiter)| (*ticket, *waiter))
    }

    /// The earliest deadline, Unix milliseconds.
    pub(super) fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline_ms, ..)| *deadline_ms)
    }

    /// Takes out a deadline that has come; whose it was.
    pub(super) fn take_late(&mut self, now_ms: u64) -> Option<u64> {
        self.next_deadline_ms().filter(|deadline_ms| *deadline_ms <= now_ms)?;
        self.deadlines.pop_first().map(|(.., client)| client)
    }
}
