//! The writer: version 10 of the format, the one of Redis 7.0, so that every later server loads the file too; or, at the
//! caller's wish, version 12, the one of Redis 7.4, without which deadlines of fields cannot be told. The version stands at the
//! start of the file, so whoever writes must know at the start whether there are such deadlines.
//!
//! The caller decides the order; the writer encodes. It keeps the bytes in a buffer and adds them to the checksum when
//! the buffer goes out, so that small keys cost neither a write nor a checksum call each.

use std::io::{self, Write};

use crc_fast::{CrcAlgorithm, Digest};

use crate::Attributes;
use crate::format::{opcode, value_type};
use crate::string::{put_length, put_string};
use graven_lzf::Compressor;

pub use collections::{Collection, Compact};
pub use stream::{GroupHead, StreamHead};

mod collections;
mod stream;
mod value;

/// The buffer goes out when it holds this many bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// The version of the format that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Version 10, which Redis 7.0 and later load. Hashes in it have no deadlines of fields.
    Redis7,
    /// Version 12, which Redis 7.4 and later load; older ones refuse the file, and so lose no deadline unnoticed. Nothing but
    /// such deadlines is written in another way than in version 10.
    Redis7_4,
}

impl Version {
    pub(crate) fn number(self) -> u32 {
        match self {
            Version::Redis7 => 10,
            Version::Redis7_4 => 12,
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Compress strings that gain by it (`rdbcompression`).
    pub compress: bool,
    /// Put a checksum at the end (`rdbchecksum`). Without it damage is found only where it breaks the structure.
    pub checksum: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { compress: true, checksum: true }
    }
}

/// The facts at the start of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The version of Redis that the writer is compatible with (`redis-ver`).
    pub redis_version: &'a str,
    /// When the file was made, in seconds since 1970 (`ctime`).
    pub created_seconds: u64,
    /// How much memory the server used then (`used-mem`).
    pub used_memory_bytes: u64,
    /// Whether the file is the base of an append-only log (`aof-base`).
    pub is_aof_base: bool,
    /// The version of the format.
    pub version: Version,
}

/// Writes an RDB file.
pub struct Writer<W> {
    inner: W,
    buffer: Vec<u8>,
    flushed_bytes: u64,
    digest: Option<Digest>,
    compressor: Option<Compressor>,
    version: Version,
    /// Where listpacks are put together.
    scratch: Vec<u8>,
    /// Of the hash that is being written.
    earliest_deadline: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file with `header`.
    ///
    /// # Errors
    ///
    /// What `inner` reports.
    pub fn new(inner: W, options: Options, header: &Header<'_>) -> io::Result<Self> {
        let mut writer = Writer {
            inner,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            flushed_bytes: 0,
            digest: options.checksum.then(|| Digest::new(CrcAlgorithm::Crc64Redis)),
            compressor: options.compress.then(Compressor::new),
            version: header.version,
            scratch: Vec::new(),
            earliest_deadline: 0,
        };
        writer.buffer.extend_from_slice(format!("REDIS{:04}", header.version.number()).as_bytes());
        writer.aux(b"redis-ver", header.redis_version.as_bytes())?;
        writer.aux(b"redis-bits", b"64")?;
        writer.aux(b"ctime", header.created_seconds.to_string().as_bytes())?;
        writer.aux(b"used-mem", header.used_memory_bytes.to_string().as_bytes())?;
        writer.aux(b"aof-base", if header.is_aof_base { b"1" } else { b"0" })?;
        Ok(writer)
    }

    /// Writes a further fact about the file. Readers ignore the names they do not know.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn aux(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.buffer.push(opcode::AUX);
        put_string(&mut self.buffer, key, None);
        put_string(&mut self.buffer, value, None);
        self.flush_when_full()
    }

    /// Puts the entries that follow into a database.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn select_db(&mut self, db: u64) -> io::Result<()> {
        self.buffer.push(opcode::SELECT_DB);
        put_length(&mut self.buffer, db);
        self.flush_when_full()
    }

    /// Tells the loader how large to make the tables of the database selected: `keys` in all, `expires` of them with a
    /// deadline. A hint: it need not be exact.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn resize_db(&mut self, keys: u64, expires: u64) -> io::Result<()> {
        self.buffer.push(opcode::RESIZE_DB);
        put_length(&mut self.buffer, keys);
        put_length(&mut self.buffer, expires);
        self.flush_when_full()
    }

    /// Writes a key whose value is a string.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn string(&mut self, key: &[u8], value: &[u8], attributes: &Attributes) -> io::Result<()> {
        self.begin(value_type::STRING, key, attributes);
        self.put(value);
        self.flush_when_full()
    }

    /// How many bytes the file has so far.
    pub fn bytes_written(&self) -> u64 {
        self.flushed_bytes + self.buffer.len() as u64
    }

    /// Writes the end marker and the checksum, flushes, and gives `inner` back with the length of the file. Whether the
    /// bytes are on the disk is the caller's business.
    ///
    /// # Errors
    ///
    /// What the inner writer reports.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.buffer.push(opcode::EOF);
        self.flush_buffer()?;
        let checksum = self.digest.as_ref().map_or(0, Digest::finalize);
        self.inner.write_all(&checksum.to_le_bytes())?;
        self.inner.flush()?;
        Ok((self.inner, self.flushed_bytes + size_of::<u64>() as u64))
    }

    /// Writes what stands before a value.
    fn begin(&mut self, code: u8, key: &[u8], attributes: &Attributes) {
        self.put_attributes(attributes);
        self.buffer.push(code);
        self.put(key);
    }

    fn put(&mut self, string: &[u8]) {
        put_string(&mut self.buffer, string, self.compressor.as_mut());
    }

    fn put_attributes(&mut self, attributes: &Attributes) {
        if let Some(deadline_ms) = attributes.deadline_ms {
            self.buffer.push(opcode::EXPIRE_TIME_MS);
            // The format's deadline is signed. One in its upper half is 292 million years away: so is the one put here.
            self.buffer.extend_from_slice(&deadline_ms.min(i64::MAX as u64).to_le_bytes());
        }
        if let Some(idle_seconds) = attributes.idle_seconds {
            self.buffer.push(opcode::IDLE);
            put_length(&mut self.buffer, idle_seconds);
        }
        if let Some(freq) = attributes.freq {
            self.buffer.extend_from_slice(&[opcode::FREQ, freq]);
        }
    }

    #[inline]
    fn flush_when_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush_buffer() }
    }

    fn flush_buffer(&mut self) -> io::Result<()> {
        if let Some(digest) = &mut self.digest {
            digest.update(&self.buffer);
        }
        self.inner.write_all(&self.buffer)?;
        self.flushed_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        // A value of hundreds of megabytes passed through: do not keep as much for the rest of the file.
        self.buffer.shrink_to(2 * BUFFER_BYTES);
        Ok(())
    }
}
