//! The bytes of a file, counted, checksummed, and never taken on trust.
//!
//! Two rules live here so that the rest of the reader need not think of them. A length from the file never sizes an
//! allocation: [`Source::bytes`] grows its result as bytes arrive. And the checksum covers exactly the bytes handed out,
//! although the source reads ahead: bytes are added to it in bulk, when the buffer is spent or when it is asked for.

use std::io::{self, Read};

use crc_fast::{CrcAlgorithm, Digest};

use crate::{Error, Result};

/// How much is read from the file at a time, and the most that is allocated on the word of a length.
const BUFFER_BYTES: usize = 64 * 1024;

pub(crate) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    /// The buffer's bytes before this are part of the digest already.
    hashed: usize,
    /// The buffer's bytes before this have been handed out.
    position: usize,
    /// The buffer's bytes before this came from the file.
    filled: usize,
    /// How many bytes were handed out before the buffer's first.
    base: u64,
    /// Where the last piece began that was not at hand as a whole.
    piece: u64,
    digest: Digest,
    /// What reading on will fail with.
    failure: Option<io::Error>,
}

impl<R: Read> Source<R> {
    pub fn new(inner: R) -> Self {
        Source {
            inner,
            buffer: vec![0; BUFFER_BYTES],
            hashed: 0,
            position: 0,
            filled: 0,
            base: 0,
            piece: 0,
            digest: Digest::new(CrcAlgorithm::Crc64Redis),
            failure: None,
        }
    }

    /// A source that begins in the middle of a file: at `base`, with bytes that have been read already, before which the digest
    /// is this. A failure is one that the next reading of the file is to meet, since it was met when reading ahead.
    pub fn from_middle(inner: R, base: u64, ahead: Vec<u8>, digest: Digest, failure: Option<io::Error>) -> Self {
        Source { inner, filled: ahead.len(), buffer: ahead, hashed: 0, position: 0, base, piece: base, digest, failure }
    }

    /// The file, where it goes on, where in it the bytes that were read ahead begin, these bytes, and the digest of all before.
    pub fn into_parts(mut self) -> (R, u64, Vec<u8>, Digest) {
        self.checksum();
        self.buffer.truncate(self.filled);
        self.buffer.drain(..self.position);
        (self.inner, self.base + self.position as u64, self.buffer, self.digest)
    }

    /// Whether all bytes that were read ahead have been handed out.
    pub fn is_spent(&self) -> bool {
        self.position == self.filled
    }

    /// How many bytes have been handed out.
    pub fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Where the piece begins at which reading failed, if it failed for want of bytes.
    pub fn last_piece(&self) -> u64 {
        self.piece
    }

    /// The checksum of the bytes handed out.
    pub fn checksum(&mut self) -> u64 {
        self.digest.update(&self.buffer[self.hashed..self.position]);
        self.hashed = self.position;
        self.digest.finalize()
    }

    /// Turns into what follows the bytes handed out.
    pub fn into_rest(self) -> impl Read {
        let (inner, _, ahead, _) = self.into_parts();
        io::Cursor::new(ahead).chain(inner)
    }

    /// At least one and at most `limit` of the bytes that come next, which must not be zero.
    fn some(&mut self, limit: u64, expected: &'static str) -> Result<&[u8]> {
        debug_assert!(limit > 0);
        if self.position == self.filled {
            self.refill(expected)?;
        }
        let available = self.filled - self.position;
        let taken = usize::try_from(limit).unwrap_or(usize::MAX).min(available);
        let start = self.position;
        self.position += taken;
        Ok(&self.buffer[start..self.position])
    }

    fn refill(&mut self, expected: &'static str) -> Result<()> {
        self.checksum();
        self.base += self.filled as u64;
        (self.hashed, self.position, self.filled) = (0, 0, 0);
        if let Some(source) = self.failure.take() {
            return Err(Error::Io { offset: self.base, source });
        }
        // A source that began in the middle has a buffer as long as what was read ahead.
        self.buffer.resize(BUFFER_BYTES, 0);
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(0) => return Err(Error::Truncated { offset: self.base, expected }),
                Ok(count) => {
                    self.filled = count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Io { offset: self.base, source }),
            }
        }
    }

    /// The next `length` bytes if all of them have been read already, as they mostly have.
    #[inline(always)]
    fn at_hand(&mut self, length: u64) -> Option<&[u8]> {
        if length > (self.filled - self.position) as u64 {
            return None;
        }
        let start = self.position;
        self.position += length as usize;
        Some(&self.buffer[start..self.position])
    }

    /// The next byte, which is part of what `expected` names.
    #[inline(always)]
    pub fn byte(&mut self, expected: &'static str) -> Result<u8> {
        match self.at_hand(1) {
            Some(byte) => Ok(byte[0]),
            None => {
                self.piece = self.offset();
                Ok(self.some(1, expected)?[0])
            }
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N]> {
        if let Some(array) = self.at_hand(N as u64) {
            return Ok(*array.first_chunk().expect("as many bytes as were asked for"));
        }
        self.piece = self.offset();
        let mut array = [0; N];
        let mut done = 0;
        while done < N {
            let some = self.some((N - done) as u64, expected)?;
            array[done..done + some.len()].copy_from_slice(some);
            done += some.len();
        }
        Ok(array)
    }

    /// The next `length` bytes, whatever `length` claims.
    pub fn bytes(&mut self, length: u64, expected: &'static str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.bytes_into(&mut bytes, length, expected)?;
        Ok(bytes)
    }

    /// Passes over the next `length` bytes.
    pub fn skip(&mut self, length: u64, expected: &'static str) -> Result<()> {
        self.piece = self.offset();
        let mut remaining = length;
        while remaining > 0 {
            remaining -= self.some(remaining, expected)?.len() as u64;
        }
        Ok(())
    }

    /// Lets `read` look at the next `length` bytes, whatever `length` claims.
    #[inline]
    pub fn with_bytes<T>(&mut self, length: u64, expected: &'static str, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        match self.at_hand(length) {
            Some(bytes) => Ok(read(bytes)),
            None => Ok(read(&self.bytes(length, expected)?)),
        }
    }

    /// The next `length` bytes, whatever `length` claims, added to the end of `out`.
    #[inline]
    pub fn bytes_into(&mut self, out: &mut Vec<u8>, length: u64, expected: &'static str) -> Result<()> {
        if let Some(bytes) = self.at_hand(length) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        self.gather_into(out, length, expected)
    }

    #[cold]
    fn gather_into(&mut self, out: &mut Vec<u8>, length: u64, expected: &'static str) -> Result<()> {
        if out.is_empty() {
            out.reserve_exact(usize::try_from(length).unwrap_or(usize::MAX).min(BUFFER_BYTES));
        }
        self.piece = self.offset();
        let mut remaining = length;
        while remaining > 0 {
            let some = self.some(remaining, expected)?;
            out.extend_from_slice(some);
            remaining -= some.len() as u64;
        }
        Ok(())
    }
}
