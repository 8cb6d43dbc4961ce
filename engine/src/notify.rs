//! Keyspace events (`notify-keyspace-events`): what happens to keys, told to whoever subscribes.
//! <https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/>

use crate::context::Context;
use crate::engine::Engine;
use crate::pubsub::PubSub;

bitflags::bitflags! {
    /// Classes of events, and the two channels that they are told on.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct EventClass: u32 {
        /// `K`: on `__keyspace@<db>__:<key>`
        const KEYSPACE = 1 << 0;
        /// `E`: on `__keyevent@<db>__:<event>`
        const KEYEVENT = 1 << 1;
        /// `g`: commands of any type (`del`, `expire`, `rename_from`, …)
        const GENERIC = 1 << 2;
        /// `$`: strings
        const STRING = 1 << 3;
        /// `l`: lists
        const LIST = 1 << 4;
        /// `s`: sets
        const SET = 1 << 5;
        /// `h`: hashes
        const HASH = 1 << 6;
        /// `z`: sorted sets
        const ZSET = 1 << 7;
        /// `x`: keys that expired
        const EXPIRED = 1 << 8;
        /// `e`: keys that were evicted
        const EVICTED = 1 << 9;
        /// `t`: streams
        const STREAM = 1 << 10;
        /// `m`: reads of missing keys
        const KEY_MISS = 1 << 11;
        /// `d`: module types
        const MODULE = 1 << 12;
        /// `n`: new keys
        const NEW = 1 << 13;
    }
}

impl Engine {
    /// Something happened to a key.
    #[inline]
    pub fn notify(&mut self, class: EventClass, event: &str, db: usize, key: &[u8]) {
        if self.settings.notify.intersects(class) {
            self.tell_event(event, db, key);
        }
    }

    #[cold]
    fn tell_event(&mut self, event: &str, db: usize, key: &[u8]) {
        if !self.loading {
            tell(self.settings.notify, &mut self.pubsub, event, db, key);
        }
    }
}

/// Publishes an event on the channels that it is to be told on.
pub(crate) fn tell(channels: EventClass, pubsub: &mut PubSub, event: &str, db: usize, key: &[u8]) {
    if pubsub.is_silent() {
        return;
    }
    let mut digits = itoa::Buffer::new();
    let db = digits.format(db).as_bytes();
    if channels.contains(EventClass::KEYSPACE) {
        pubsub.announce(&[b"__keyspace@", db, b"__:", key], event.as_bytes());
    }
    if channels.contains(EventClass::KEYEVENT) {
        pubsub.announce(&[b"__keyevent@", db, b"__:", event.as_bytes()], key);
    }
}

impl Context<'_> {
    /// Something happened to a key of the selected database.
    #[inline]
    pub fn notify(&mut self, class: EventClass, event: &str, key: &[u8]) {
        self.engine.notify(class, event, self.session.db, key);
    }
}
