//! A file in pieces that can be decoded beside each other.
//!
//! ```text
//! header │ records … │ records … │ records … │ end, or the first thing whose extent is not known, and all that follows
//!        └ Piece::Records, each with its offset └ Piece::Rest, a reader
//! ```
//!
//! One thread reads the file, adds up its checksum and finds where records end; that is a small part of the work. Decoding a piece
//! needs nothing but the piece.
//!
//! **Nothing is decided here**, so a file has one meaning whichever way it is read. Pieces are made of records whose lengths are
//! plausible; what is in them a [`Reader`] judges, which is what each piece becomes. At whatever is not such a record (the
//! end, data of a kind whose extent is not known, a length that reaches beyond the file, a failure to read) the pieces end, and a reader
//! goes on from there as if it had read all of the file. Taken in order, the events of all pieces are those of one reader, up to and including
//! the error.

use std::io::{self, Read};

use crc_fast::{CrcAlgorithm, Digest};

use crate::extent::{self, Extent, Unknown};
use crate::reader::Reader;
use crate::source::Source;

/// About the length of a piece.
const PIECE_BYTES: usize = 128 * 1024;
/// How much is read at a time.
const READ_BYTES: usize = 512 * 1024;

/// A part of a file.
pub enum Piece<R> {
    /// Some records.
    Records(Records),
    /// Everything that follows, to be read in order. The last piece of every file.
    Rest(Box<Reader<R>>),
}

/// Whole records, read but not decoded.
#[derive(Debug)]
pub struct Records {
    bytes: Vec<u8>,
    base: u64,
    version: u32,
    db: u64,
}

impl Records {
    /// The database that keys belong to until another one is selected.
    pub fn db(&self) -> u64 {
        self.db
    }

    /// Where in the file the records begin, in bytes.
    pub fn offset(&self) -> u64 {
        self.base
    }

    /// How many bytes they are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A reader of these records; the events end with them.
    pub fn into_reader(self) -> Reader<io::Empty> {
        let source = Source::from_middle(io::empty(), self.base, self.bytes, Digest::new(CrcAlgorithm::Crc64Redis), None);
        Reader::from_middle(source, self.version, self.db, true)
    }
}

/// The pieces of a file, in order.
pub struct Pieces<R> {
    /// Absent when the rest has been handed out.
    inner: Option<R>,
    ahead: Vec<u8>,
    /// The bytes of `ahead` before this are in pieces.
    start: usize,
    /// Where in the file that is.
    base: u64,
    digest: Digest,
    version: u32,
    db: u64,
    /// Nothing more can be read.
    at_end: bool,
    /// Why, if it is not the end of the file.
    failure: Option<io::Error>,
}

impl<R: Read> Pieces<R> {
    pub(crate) fn new(source: Source<R>, version: u32, db: u64) -> Self {
        let (inner, base, ahead, digest) = source.into_parts();
        Pieces { inner: Some(inner), ahead, start: 0, base, digest, version, db, at_end: false, failure: None }
    }

    /// Makes a piece of the first bytes that are not in one.
    fn take(&mut self, len: usize, next_db: u64) -> Records {
        let bytes = if len > self.ahead.len() / 2 && len > PIECE_BYTES * 2 {
            // A long record is not copied, which would have it in memory twice: what was read behind it moves instead.
            let behind = self.ahead.split_off(self.start + len);
            let mut bytes = std::mem::replace(&mut self.ahead, behind);
            bytes.drain(..std::mem::take(&mut self.start));
            bytes.shrink_to_fit();
            bytes
        } else {
            let end = self.start + len;
            self.start = end;
            self.ahead[end - len..end].to_vec()
        };
        self.digest.update(&bytes);
        let records = Records { bytes, base: self.base, version: self.version, db: self.db };
        self.base += len as u64;
        self.db = next_db;
        records
    }

    /// Reads on. As much as is there already, at least, so that a long record is looked at few times.
    fn read_more(&mut self) {
        let Some(inner) = &mut self.inner else { return };
        self.ahead.drain(..self.start);
        self.start = 0;
        let count = self.ahead.len().max(READ_BYTES);
        self.ahead.reserve(count);
        match inner.take(count as u64).read_to_end(&mut self.ahead) {
            Ok(read) => self.at_end = read == 0,
            Err(failure) => {
                self.at_end = true;
                self.failure = Some(failure);
            }
        }
    }

    fn rest(&mut self) -> Option<Piece<R>> {
        let ahead = self.ahead.split_off(self.start);
        let source = Source::from_middle(self.inner.take()?, self.base, ahead, self.digest, self.failure.take());
        Some(Piece::Rest(Box::new(Reader::from_middle(source, self.version, self.db, false))))
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = Piece<R>;

    fn next(&mut self) -> Option<Piece<R>> {
        self.inner.as_ref()?;
        let (mut len, mut db) = (0, self.db);
        while len < PIECE_BYTES {
            match extent::of_record(&self.ahead[self.start + len..], self.version) {
                Ok(Extent { len: more, selects }) => {
                    len += more;
                    db = selects.unwrap_or(db);
                }
                // What is found already need not wait for the file.
                Err(Unknown::Beyond) if !self.at_end && len < PIECE_BYTES / 2 => self.read_more(),
                Err(_) => break,
            }
        }
        if len == 0 { self.rest() } else { Some(Piece::Records(self.take(len, db))) }
    }
}
