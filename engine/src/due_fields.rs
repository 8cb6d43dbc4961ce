//! Fields of hashes whose deadlines have passed.
//!
//! They are taken out like due keys: when their hash is looked at, and by the active cycle. One look takes out a bounded number of
//! them, so that a hash of which a million fields fall due at once stops nobody; what is left is left out by readers
//! ([`Engine::due_before`]) and taken out by writers where they name it ([`Engine::expire_named_fields`]). A command that looks at
//! a hash again finds it as it left it: a second batch could take out the last field, and the key that was there would be gone.

use crate::engine::Engine;
use crate::notify::EventClass;
use graven_store::{Entry, Key, Slot};

/// About how many due fields a command takes out that comes upon them.
const MOST_AT_A_LOOK: usize = 512;

impl Engine {
    /// Fields with a deadline before this moment are due: now, but never while loading, since the log says what expired.
    #[inline]
    pub fn due_before(&self) -> u64 {
        if self.loading { 0 } else { self.now_ms }
    }

    /// Takes due fields out of a hash, and records that.
    #[cold]
    pub(crate) fn expire_fields(&mut self, db: usize, key: Key<'_>) {
        if self.partly_expired.contains(&(db, key.hash)) {
            return;
        }
        let before = self.due_before();
        let Slot::Occupied(mut place) = self.keyspace.db_mut(db).slot(key) else { return };
        let Some(mut hash) = place.hash_mut() else { return };
        let mut fields = Vec::new();
        if !hash.take_due(before, MOST_AT_A_LOOK, &mut |field| fields.push(Box::from(field))) {
            self.partly_expired.push((db, key.hash));
        }
        let emptied = (hash.len() == 0).then(|| place.remove());
        if !fields.is_empty() {
            self.will_write(db, key);
            self.fields_expired(db, key, &fields, emptied);
        }
    }

    /// Takes the due ones among these fields out, for a command that is about to change them. Nothing is done if the key is no hash.
    #[inline]
    pub fn expire_named_fields<'f>(&mut self, db: usize, key: Key<'_>, fields: impl Iterator<Item = &'f [u8]>) {
        if self.keyspace.db(db).expiring_hashes() > 0 && !self.loading {
            self.expire_to_write(db, key);
            self.expire_each(db, key, fields);
        }
    }

    fn expire_each<'f>(&mut self, db: usize, key: Key<'_>, fields: impl Iterator<Item = &'f [u8]>) {
        let before = self.due_before();
        let Slot::Occupied(mut place) = self.keyspace.db_mut(db).slot(key) else { return };
        let Some(mut hash) = place.hash_mut().filter(|hash| hash.view().may_have_due(before)) else { return };
        let mut taken: Vec<Box<[u8]>> = Vec::new();
        for field in fields {
            if hash.view().get(field).is_some_and(|found| found.is_due(before)) {
                hash.remove(field);
                taken.push(field.into());
            }
        }
        let emptied = (hash.len() == 0).then(|| place.remove());
        if !taken.is_empty() {
            self.will_write(db, key);
            self.fields_expired(db, key, &taken, emptied);
        }
    }

    /// Due fields have been taken out, and with the last of them their hash.
    pub(crate) fn fields_expired(&mut self, db: usize, key: Key<'_>, fields: &[Box<[u8]>], emptied: Option<Entry>) {
        self.stats.expired_fields += fields.len() as u64;
        let names = fields.iter().map(|field| &field[..]);
        let parts: Vec<&[u8]> = [b"HDEL", key.bytes].into_iter().chain(names).collect();
        self.effects.push(db, &parts);
        self.signal(db, key.bytes);
        self.notify(EventClass::HASH, "hexpired", db, key.bytes);
        if let Some(entry) = emptied {
            self.notify(EventClass::GENERIC, "del", db, key.bytes);
            self.drop_entry(entry, false);
        }
    }
}
