//! Keys, as commands reach them: due keys are gone, use is counted, and what a reply shows or a command changes is
//! noted, so that replies wait for the log, watchers are told, and effects are recorded.
//!
//! Looking at a due key deletes it, except during a pause (`CLIENT PAUSE`), which leaves the data set as it is: then the
//! key is only shown as absent. Whoever writes deletes it even then, since the data set changes anyway.

use crate::access;
use crate::engine::{Engine, Pause};
use crate::garbage::Garbage;
use crate::notify::{self, EventClass};
use crate::pubsub::PubSub;
use crate::registry::CommandId;
use crate::session::Session;
use crate::settings::Settings;
use crate::stats::Stats;
use graven_resp::Args;
use graven_store::{Entry, Expired, Key, Slot, Table};

/// A value of more allocations is never dropped by the thread that executes commands: some hundreds of microseconds.
pub(crate) const LONG_TO_DROP: usize = 4096;

/// What of a key is due.
enum Due {
    Nothing,
    Key,
    /// Perhaps fields of a hash.
    Fields,
}

/// A key that was to be read is not there.
fn missed(settings: &Settings, stats: &mut Stats, pubsub: &mut PubSub, db: usize, key: Key<'_>) {
    stats.misses += 1;
    if settings.notify.contains(EventClass::KEY_MISS) {
        notify::tell(settings.notify, pubsub, "keymiss", db, key.bytes);
    }
}

impl Engine {
    /// A key's entry, for reading: due keys are gone, use is counted, and the reply will wait for what it
    /// shows.
    #[inline]
    pub fn read(&mut self, session: &Session, key: Key<'_>) -> Option<&Entry> {
        let hidden = self.expire_if_due(session.db, key);
        self.depends_on_key(session.db, key);
        let found = self.keyspace.db(session.db).get(key).filter(|_| !hidden);
        match found {
            None => missed(&self.settings, &mut self.stats, &mut self.pubsub, session.db, key),
            Some(entry) => {
                self.stats.hits += 1;
                if !self.no_touch {
                    entry.set_access(access::used(&self.settings, entry.access(), self.now_ms, &mut self.random));
                }
            }
        }
        found
    }

    /// A key's entry, for asking about it rather than using it (`TTL`, `TYPE`, `EXISTS`): counted, not touched.
    pub fn inspect(&mut self, db: usize, key: Key<'_>) -> Option<&Entry> {
        let hidden = self.expire_if_due(db, key);
        self.depends_on_key(db, key);
        let found = self.keyspace.db(db).get(key).filter(|_| !hidden);
        match found {
            None => missed(&self.settings, &mut self.stats, &mut self.pubsub, db, key),
            Some(_) => self.stats.hits += 1,
        }
        found
    }

    /// A key's entry, seen from outside: neither counted nor touched.
    pub fn peek(&mut self, db: usize, key: Key<'_>) -> Option<&Entry> {
        let hidden = self.expire_if_due(db, key);
        self.depends_on_key(db, key);
        self.keyspace.db(db).get(key).filter(|_| !hidden)
    }

    /// A key's place, for changing it: due keys are gone, and use is noted. Under `always`, whoever reads the key from now on
    /// waits for this command's effects.
    #[inline]
    pub fn slot<'s>(&'s mut self, db: usize, key: Key<'s>) -> Slot<'s> {
        self.place(db, key, false)
    }

    /// The same for commands that count as reading a key, although they change what is in it (`XACK`).
    pub fn counted_slot<'s>(&'s mut self, db: usize, key: Key<'s>) -> Slot<'s> {
        self.place(db, key, true)
    }

    #[inline(always)]
    fn place<'s>(&'s mut self, db: usize, key: Key<'s>, counted: bool) -> Slot<'s> {
        self.expire_to_write(db, key);
        self.depends_on_key(db, key);
        self.will_write(db, key);
        let Engine { keyspace, settings, stats, pubsub, random, now_ms, .. } = self;
        let slot = keyspace.db_mut(db).slot(key);
        if counted {
            match slot {
                Slot::Occupied(_) => stats.hits += 1,
                Slot::Vacant(_) => missed(settings, stats, pubsub, db, key),
            }
        }
        if let Slot::Occupied(place) = &slot
            && !self.no_touch
        {
            let entry = place.entry();
            entry.set_access(access::used(settings, entry.access(), *now_ms, random));
        }
        slot
    }

    /// Takes a key out. Due keys are gone.
    pub fn remove(&mut self, db: usize, key: Key<'_>) -> Option<Entry> {
        self.expire_to_write(db, key);
        self.depends_on_key(db, key);
        self.will_write(db, key);
        self.keyspace.db_mut(db).remove(key)
    }

    /// A database, for changing anything in it. Commands that change single keys use [`Engine::slot`].
    pub fn db_mut(&mut self, db: usize) -> &mut Table {
        if self.settings.track_reads {
            self.unsettled.note_db(db, self.effects.lsn() + 1);
        }
        self.keyspace.db_mut(db)
    }

    /// Notes that a key may be changed by the running command.
    #[inline]
    pub(crate) fn will_write(&mut self, db: usize, key: Key<'_>) {
        if self.settings.track_reads {
            // Blocks become durable as wholes, so any position inside the next effect stands for its end.
            self.unsettled.note(db, key.hash, self.effects.lsn() + 1);
        }
    }

    /// The running command's reply shows something of a key.
    #[inline]
    fn depends_on_key(&mut self, db: usize, key: Key<'_>) {
        if self.settings.track_reads {
            self.needs = self.needs.max(self.unsettled.of_key(db, key.hash));
        }
    }

    /// The running command's reply shows something of a whole database (`DBSIZE`, `SCAN`, `KEYS`).
    pub fn depends_on_db(&mut self, db: usize) {
        self.needs = self.needs.max(self.unsettled.of_db(db));
    }

    /// How many writes to keys are remembered, since replies that show those keys have to wait.
    pub fn unsettled_writes(&self) -> usize {
        self.unsettled.len()
    }

    /// The log is durable up to here: replies that show what was written before need not wait.
    ///
    /// A command notes the keys that it may change before it is known whether it does. If it does not, nothing is written
    /// at the position it noted; so once all that was executed is durable, nothing is left to wait for.
    pub fn settle(&mut self, durable: u64) {
        let upto = if durable >= self.effects.lsn() { u64::MAX } else { durable };
        self.unsettled.settle(upto);
    }

    /// Whether replies wait for what they show to be durable (`appendfsync always`).
    pub fn set_track_reads(&mut self, track: bool) {
        if self.settings.track_reads != track {
            self.settings.track_reads = track;
            self.unsettled.clear();
            // What was written before the change may not be durable either.
            let lsn = self.effects.lsn();
            (0..self.keyspace.databases()).for_each(|db| self.unsettled.note_db(db, lsn));
        }
    }

    /// The running command's reply may show anything.
    pub fn depends_on_everything(&mut self) {
        self.needs = self.effects.lsn();
    }

    /// The access bits of an entry made now.
    #[inline]
    pub fn fresh_access(&self) -> u32 {
        access::fresh(&self.settings, self.now_ms)
    }

    /// Whether a deadline has passed. Nothing is ever due while loading: the log says what expired.
    #[inline]
    pub fn is_due(&self, deadline: Option<u64>) -> bool {
        deadline.is_some_and(|d| d < self.now_ms) && !self.loading
    }

    /// Deletes a key whose deadline has passed, and records that. During a pause it stays instead, and the answer is true:
    /// it must not be shown. So it does while writes are refused: a read that deleted it would fail with them.
    #[inline]
    pub fn expire_if_due(&mut self, db: usize, key: Key<'_>) -> bool {
        let stays = self.pause != Pause::Off || self.writes_denied;
        match self.has_expired(db, key) {
            Due::Nothing => false,
            Due::Key => {
                if !stays {
                    self.expire(db, key);
                }
                stays
            }
            Due::Fields => {
                if !stays {
                    self.expire_fields(db, key);
                }
                false
            }
        }
    }

    /// Deletes a key whose deadline has passed, for a command that is about to change it.
    #[inline]
    pub(crate) fn expire_to_write(&mut self, db: usize, key: Key<'_>) {
        match self.has_expired(db, key) {
            Due::Nothing => {}
            Due::Key => self.expire(db, key),
            Due::Fields => self.expire_fields(db, key),
        }
    }

    #[inline]
    fn has_expired(&self, db: usize, key: Key<'_>) -> Due {
        let keys = self.keyspace.db(db);
        if !keys.has_deadlines() {
            return Due::Nothing;
        }
        match keys.get(key) {
            Some(entry) if self.is_due(entry.deadline()) => Due::Key,
            Some(entry) if keys.expiring_hashes() > 0 && self.is_due(entry.field_deadline()) => Due::Fields,
            _ => Due::Nothing,
        }
    }

    #[cold]
    fn expire(&mut self, db: usize, key: Key<'_>) {
        self.will_write(db, key);
        if let Some(entry) = self.keyspace.db_mut(db).remove(key) {
            self.expired(db, entry);
        }
    }

    /// A due entry has been taken out.
    fn expired(&mut self, db: usize, entry: Entry) {
        self.stats.expired += 1;
        let verb = if self.settings.lazy_expire { "UNLINK" } else { "DEL" };
        self.effects.push(db, &[verb.as_bytes(), entry.key()]);
        self.signal(db, entry.key());
        self.notify(EventClass::EXPIRED, "expired", db, entry.key());
        let lazily = self.settings.lazy_expire;
        self.drop_entry(entry, lazily);
    }

    /// Deletes due keys of all databases until none is due or `go_on` says stop. True if none is left.
    /// Each deletion is a unit of its own.
    pub fn expire_due(&mut self, go_on: &mut dyn FnMut() -> bool) -> bool {
        if self.loading || self.pause != Pause::Off || !self.settings.active_expire {
            return true;
        }
        let mut done = true;
        let mut due = Vec::new();
        for db in 0..self.keyspace.databases() {
            if !self.keyspace.db(db).has_deadlines() {
                continue;
            }
            let now_ms = self.now_ms;
            done &= self.keyspace.db_mut(db).expire_all(now_ms, go_on, &mut |expired| due.push(expired));
            for expired in due.drain(..) {
                self.effects.begin_unit();
                match expired {
                    Expired::Key(entry) => {
                        let hash = self.keyspace.hash(entry.key());
                        self.will_write(db, Key { bytes: entry.key(), hash });
                        self.expired(db, entry);
                    }
                    Expired::Fields { key, fields, emptied } => {
                        let key = self.keyspace.key(&key);
                        self.will_write(db, key);
                        self.fields_expired(db, key, &fields, emptied);
                    }
                }
                self.effects.end_unit();
            }
        }
        self.stats.expire_cycles_cut_short += !done as u64;
        done
    }

    /// How many keys all databases hold.
    pub fn key_count(&self) -> usize {
        (0..self.keyspace.databases()).map(|db| self.keyspace.db(db).len()).sum()
    }

    /// Takes a key out to free its memory.
    pub(crate) fn remove_evicted(&mut self, db: usize, key: Key<'_>) -> Entry {
        self.will_write(db, key);
        self.keyspace.db_mut(db).remove(key).expect("the key was found just now")
    }

    /// Drops an entry: here, or on the reclaiming thread if that is asked for and worth it, or if it would take long.
    #[inline]
    pub fn drop_entry(&mut self, entry: Entry, lazily: bool) {
        const WORTH_HANDING_OVER: usize = 64;
        let cost = entry.cost();
        if cost > LONG_TO_DROP || lazily && cost > WORTH_HANDING_OVER {
            self.stats.lazy_freed += 1;
            self.garbage.push(Garbage::Entry(entry));
        }
    }

    /// A key was changed: watchers are told, and the command will be logged.
    #[inline]
    pub fn changed(&mut self, db: usize, key: &[u8]) {
        self.changed_by(db, key, 1);
    }

    /// The same for a change that counts as several: one for each element, where Redis counts so.
    #[inline]
    pub fn changed_by(&mut self, db: usize, key: &[u8], changes: u64) {
        self.dirty += changes;
        self.signal(db, key);
    }

    /// Watchers of a key and those who wait for it are told, for commands that change several keys and count as one change.
    #[inline]
    pub fn signal(&mut self, db: usize, key: &[u8]) {
        if !self.watches.is_empty() {
            self.watches.touch(db, key);
        }
        if !self.waits.is_empty() {
            self.waits.signal(db, key);
        }
    }

    /// Records an effect instead of the running command as it arrived.
    pub fn log<P: AsRef<[u8]>>(&mut self, db: usize, parts: &[P]) {
        self.explicit_effects = true;
        self.effects.push(db, parts);
    }

    /// Records a command as it arrived, but for its name if clients know it by another.
    #[inline]
    pub(crate) fn log_as_called(&mut self, db: usize, id: CommandId, args: Args<'_>) {
        self.explicit_effects = true;
        // The name in front is the container's, if there is one.
        let named = self.registry.get(self.registry.get(id).parent.unwrap_or(id));
        if named.renamed {
            let name = named.spec.name.to_ascii_uppercase();
            let parts: Vec<&[u8]> = std::iter::once(name.as_bytes()).chain(args.skip(1)).collect();
            self.effects.push(db, &parts);
        } else {
            self.effects.push_args(db, args);
        }
    }

    /// The running command is not logged by itself.
    pub fn log_nothing(&mut self) {
        self.explicit_effects = true;
    }

    // ---- WATCH ----

    pub(crate) fn watch(&mut self, session: &mut Session, key: Key<'_>) {
        if session.watched.iter().any(|w| w.db == session.db && *w.key == *key.bytes) {
            return;
        }
        let expired = self.keyspace.db(session.db).get(key).is_some_and(|e| self.is_due(e.deadline()));
        let version = self.watches.watch(session.db, key.bytes);
        session.watched.push(crate::session::Watched { db: session.db, key: key.bytes.into(), version, expired });
    }

    /// Ends all watches of a session. To be called also when its connection closes.
    pub fn unwatch(&mut self, session: &mut Session) {
        for watched in session.watched.drain(..) {
            self.watches.unwatch(watched.db, watched.key);
        }
    }

    /// How many keys are watched.
    pub fn watched_keys(&self) -> usize {
        self.watches.len()
    }

    pub(crate) fn watched_changed(&self, session: &Session) -> bool {
        session.watched.iter().any(|w| {
            let gone_by_time = || {
                let key = self.keyspace.key(&w.key);
                !w.expired && self.keyspace.db(w.db).get(key).is_some_and(|e| self.is_due(e.deadline()))
            };
            self.watches.version(w.db, &w.key) != Some(w.version) && (!w.expired || self.exists(w.db, &w.key)) || gone_by_time()
        })
    }

    fn exists(&self, db: usize, key: &[u8]) -> bool {
        self.keyspace.db(db).get(self.keyspace.key(key)).is_some()
    }

    /// All keys of a database are about to be removed.
    pub(crate) fn touch_flushed(&mut self, db: usize) {
        self.waits.signal_db(db);
        if !self.watches.is_empty() {
            let Engine { watches, keyspace, .. } = self;
            watches.touch_db(db, |key| keyspace.db(db).get(keyspace.key(key)).is_some());
        }
    }

    /// Two databases are about to be swapped: a key changes if it is in either.
    pub(crate) fn touch_swapped(&mut self, a: usize, b: usize) {
        self.waits.signal_db(a);
        self.waits.signal_db(b);
        if !self.watches.is_empty() {
            let Engine { watches, keyspace, .. } = self;
            for db in [a, b] {
                watches.touch_db(db, |key| {
                    let key = keyspace.key(key);
                    keyspace.db(a).get(key).is_some() || keyspace.db(b).get(key).is_some()
                });
            }
        }
    }
}
