//! `DEBUG DIGEST`: a fingerprint of the data set that does not depend on the order of keys, equal to the one that
//! `redis-server` computes of the same data.
//!
//! Each key has a digest of its own, in which its parts are mixed in order. The digests are hashed once more and
//! combined by exclusive or, so that their order does not matter.

use graven_engine::Engine;
use graven_store::{Entry, ObjectType};
use sha1::{Digest as _, Sha1};

/// A SHA-1 fingerprint in the making.
#[derive(Clone, Copy, Default)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    /// Adds something whose order among other additions does not matter.
    fn add(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds something whose order matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Type, value and deadline.
    fn mix_value(&mut self, entry: &Entry) {
        let kind: u32 = match entry.object_type() {
            ObjectType::String => 0,
            ObjectType::List => 1,
            ObjectType::Set => 2,
            ObjectType::SortedSet => 3,
            ObjectType::Hash => 4,
            ObjectType::Stream => 6,
        };
        self.mix(&kind.to_be_bytes());
        if let Some(string) = entry.string() {
            self.mix(string.to_bytes(&mut [0; 20]));
        }
        if entry.deadline().is_some() {
            self.add(b"!!expire!!");
        }
    }

    pub(super) fn of_value(entry: &Entry) -> Digest {
        let mut digest = Digest::default();
        digest.mix_value(entry);
        digest
    }

    pub(super) fn of_everything(engine: &Engine) -> Digest {
        let mut all = Digest::default();
        for index in 0..engine.keyspace.databases() {
            let db = engine.keyspace.db(index);
            if db.is_empty() {
                continue;
            }
            all.mix(&(index as u32).to_be_bytes());
            for entry in db.iter() {
                let mut digest = Digest::default();
                digest.mix(entry.key());
                digest.mix_value(entry);
                all.add(&digest.0);
            }
        }
        all
    }

    pub(super) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_digest_that_redis_computes() {
        let entry = Entry::new_string(b"a", b"b", None, 0);
        assert_eq!(Digest::of_value(&entry).hex(), "b78559cd22bce6e6df712eb99ce7f3b08e8f8f1f");
    }

    #[test]
    fn an_expiry_changes_the_digest_and_its_time_does_not() {
        let of = |deadline| Digest::of_value(&Entry::new_string(b"a", b"b", deadline, 0)).hex();
        assert_ne!(of(None), of(Some(1)));
        assert_eq!(of(Some(2)), of(Some(1)));
    }
}
