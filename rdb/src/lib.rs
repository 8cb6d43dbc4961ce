//! The RDB file format: a streaming reader for the files of every Redis (versions 1 to 12) and of Valkey (80), and a
//! writer of version 10, which Redis 7.0 and later load, or of 12 where fields of hashes have deadlines.
//!
//! ```text
//! "REDIS0010"                               magic and version, nine bytes
//! FA key value        ...                   auxiliary fields: who wrote the file, when
//! FE 00               FB 02 01              database 0; about two keys, one of them with a deadline
//! FC <8 bytes>                              deadline of the next key, in milliseconds since 1970
//! 00 03 "foo" 03 "bar"                      type 0 (string), key, value
//! 00 03 "num" C0 2A                         the value 42, as a one-byte integer
//! FF <8 bytes>                              end, CRC-64 of everything before it (zero: not computed)
//! ```
//!
//! The reader holds two promises against damaged and hostile files. It never believes a length: memory grows only as
//! bytes arrive, so no file makes it allocate more than a constant factor of what it has read. And it never guesses: a
//! byte it does not know, a value type it cannot decode, an end that comes early are errors that carry the offset.
//!
//! The last byte of an RDB part need not be the last byte of the file, because an append-only file may begin with one and
//! go on with commands: [`Reader::bytes_consumed`] says where the part ended and [`Reader::into_rest`] reads on from there.
//!
//! ```
//! use graven_rdb::{Attributes, Event, Header, Options, Reader, Value, Version, Writer};
//!
//! let header = Header { redis_version: "7.0.15", created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version: Version::Redis7 };
//! let mut writer = Writer::new(Vec::new(), Options::default(), &header)?;
//! writer.select_db(0)?;
//! writer.string(b"foo", b"bar", &Attributes::default())?;
//! let (file, _length) = writer.finish()?;
//!
//! let mut reader = Reader::new(&file[..])?;
//! let mut entries = Vec::new();
//! while let Some(event) = reader.next_event()? {
//!     if let Event::Entry { key, value, .. } = event {
//!         entries.push((key, value));
//!     }
//! }
//! assert_eq!(entries, [(b"foo".to_vec(), Value::String(b"bar".to_vec()))]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod compact;
mod error;
mod extent;
mod format;
mod module;
pub mod payload;
mod pieces;
mod reader;
mod source;
mod string;
mod value;
mod writer;

pub use check::{Judges, check};
pub use error::{Error, Result, ValueDamage};
pub use format::{is_rdb, type_name};
pub use pieces::{Piece, Pieces, Records};
pub use reader::{Attributes, Contents, Event, Next, Reader, Skipped, StringEntry, read_all};
pub use value::{Consumer, Group, Hash, Id, List, ListNode, Pending, Set, SortedSet, Stream, Strings, Value};
pub use writer::{Collection, Compact, GroupHead, Header, Options, StreamHead, Version, Writer};
