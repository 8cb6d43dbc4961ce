//! The keyed hash, and a key together with its hash.
//!
//! The hash is keyed with bytes chosen at start, so that nobody who cannot read them can choose keys that
//! collide. Its bits are used from both ends: the top ones choose the segment, those
//! below them the home bucket, the low eight the tag.

use siphasher::sip::SipHasher13;

/// A key and its hash, computed once and used for prefetching, lookup and insertion.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes of the key; may be empty.
    pub bytes: &'a [u8],
    /// The keyspace's hash of `bytes`, from [`crate::Keyspace::hash`].
    pub hash: u64,
}

/// SipHash-1-3 under a 128-bit key. Only the key is kept, since every large hash and set has a copy.
#[derive(Clone, Copy)]
pub struct Hasher {
    seed: [u8; 16],
}

impl Hasher {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        Hasher { seed }
    }

    /// A key with its hash.
    #[inline]
    pub fn key(self, bytes: &[u8]) -> Key<'_> {
        Key { bytes, hash: self.hash(bytes) }
    }

    #[inline(always)]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.seed).hash(bytes)
    }
}
