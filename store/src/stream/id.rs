//! Identifiers of entries: a time in milliseconds, and a number that tells apart what came within one.

/// The identifier of an entry, written `ms-seq`. Ascending in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since the Unix epoch, or whatever a client says.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The greatest.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };
    /// The longest text, in bytes.
    pub const TEXT_MAX_BYTES: usize = 41;

    /// The one after it; none after the greatest.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The one before it; none before `0-0`.
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Its text, written into `buffer`.
    #[inline]
    pub fn text(self, buffer: &mut [u8; Self::TEXT_MAX_BYTES]) -> &[u8] {
        let mut digits = itoa::Buffer::new();
        let ms = digits.format(self.ms).as_bytes();
        let dash = ms.len();
        buffer[..dash].copy_from_slice(ms);
        buffer[dash] = b'-';
        let seq = digits.format(self.seq).as_bytes();
        let end = dash + 1 + seq.len();
        buffer[dash + 1..end].copy_from_slice(seq);
        &buffer[..end]
    }

    /// The text as an owned string.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut [0; Self::TEXT_MAX_BYTES]).to_vec()
    }

    /// The identifier that lies so far behind a node's, as entries store it. Differences wrap.
    pub(super) fn plus(self, ms: i64, seq: i64) -> StreamId {
        StreamId { ms: self.ms.wrapping_add(ms as u64), seq: self.seq.wrapping_add(seq as u64) }
    }

    /// Sixteen bytes, big-endian: how nodes and pending entries are keyed in files.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.ms.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    /// The opposite of [`StreamId::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        let number = u128::from_be_bytes(bytes);
        StreamId { ms: (number >> 64) as u64, seq: number as u64 }
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::StreamId;

    #[test]
    fn neighbours_carry_into_the_milliseconds() {
        let id = |ms, seq| StreamId { ms, seq };
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn text_and_bytes_hold_the_greatest() {
        assert_eq!(StreamId::MAX.to_vec(), StreamId::MAX.to_string().into_bytes());
        let id = StreamId { ms: 1 << 40, seq: 7 };
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
    }
}
