//! Checking a file while no server runs: what `graven check-rdb` prints. The lines are those that `redis-check-rdb` 7.0 prints,
//! because people's scripts read them.
//!
//! ```text
//! [offset 0] Checking RDB file dump.rdb
//! [offset 27] AUX FIELD redis-ver = '7.0.15'
//! [offset 80] Selecting DB ID 0
//! --- RDB ERROR DETECTED ---
//! [offset 91] Unexpected EOF reading RDB file        where the piece begins that is not whole, or behind the damage
//! [additional info] While doing: read-object-value
//! [additional info] Reading key 'l'
//! [additional info] Reading type 18 (quicklist-v2)
//! [info] 1 keys read
//! ```
//!
//! Values are read with the same decoders as by [`crate::Reader`], and what only a server would find (members that are there twice,
//! the inside of streams) is looked for too. So a file that is called good here is one that a server loads, unless a key is there
//! twice: finding that takes all keys in memory.
//!
//! It differs from Redis's program in this:
//!
//! * What a server here loads is good: versions 11, 12 and 80, sizes of slots, keys without elements (they are passed over).
//! * More damage is found: what is inside streams, members of compact forms, lengths that are none.
//! * The place in Redis's source code is not named, nor that the process ends. A file that ends inside a stream or the data of
//!   a module is said to end there, without the name of the field. The names of types are those of later versions.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use crate::format::{self, FIRST_CHECKSUM_VERSION, HEADER_BYTES, opcode, value_type};
use crate::reader::pre_release_function;
use crate::source::Source;
use crate::value::{self, Hash, Id, Stream, read_text_score};
use crate::{Error, Result, Value, ValueDamage, module};

/// What only the keeper of streams can tell.
#[derive(Debug, Clone, Copy)]
pub struct Judges {
    /// Whether a listpack holds the entries of a node with this identifier.
    pub node: fn(&Id, &[u8]) -> bool,
    /// What is wrong with a stream.
    pub stream: fn(Stream) -> std::result::Result<(), String>,
}

/// The longest text that a line has room for; Redis's has room for as much.
const LINE_BYTES: usize = 1023;

/// What is done at a moment, as it is shown.
#[derive(Debug, Clone, Copy)]
enum Doing {
    Start,
    ReadType,
    ReadExpire,
    ReadKey,
    ReadValue,
    CheckSum,
    ReadLength,
    ReadAux,
    ReadModuleAux,
    ReadFunctions,
}

impl Doing {
    fn shown(self) -> &'static str {
        match self {
            Doing::Start => "start",
            Doing::ReadType => "read-type",
            Doing::ReadExpire => "read-expire",
            Doing::ReadKey => "read-key",
            Doing::ReadValue => "read-object-value",
            Doing::CheckSum => "check-sum",
            Doing::ReadLength => "read-len",
            Doing::ReadAux => "read-aux",
            Doing::ReadModuleAux => "read-module-aux",
            Doing::ReadFunctions => "read-functions",
        }
    }
}

/// The names of types in the lines, by number.
const TYPES: [&str; 26] = [
    "string",
    "list-linked",
    "set-hashtable",
    "zset-v1",
    "hash-hashtable",
    "zset-v2",
    "module-pre-release",
    "module-value",
    "",
    "hash-zipmap",
    "list-ziplist",
    "set-intset",
    "zset-ziplist",
    "hash-ziplist",
    "quicklist",
    "stream",
    "hash-listpack",
    "zset-listpack",
    "quicklist-v2",
    "stream-v2",
    "set-listpack",
    "stream-v3",
    "hash-hashtable-md-pre-release",
    "hash-listpack-md-pre-release",
    "hash-hashtable-md",
    "hash-listpack-md",
];

/// Why a file is not good.
enum Stop {
    /// The lines cannot be written.
    Output(io::Error),
    /// The file's bytes are wrong.
    File(Error),
    /// Something else, as it is shown.
    Said(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::File(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

struct Check<'a, R> {
    source: Source<R>,
    out: &'a mut dyn Write,
    judges: Judges,
    now_ms: u64,
    version: u32,
    doing: Doing,
    key: Option<Vec<u8>>,
    /// Redis's program shows type 0 until the first key has been read.
    code: Option<u8>,
    keys: u64,
    expires: u64,
    already_expired: u64,
}

/// Checks the RDB file that `file` begins with and prints what was found to `out`; returns its length if it is good. `name` is shown as the
/// file's name, and what expired before `now_ms`, milliseconds since 1970, is counted.
///
/// # Errors
///
/// Only those of writing to `out`.
pub fn check<R: Read>(file: R, name: &str, now_ms: u64, judges: Judges, out: &mut dyn Write) -> io::Result<Option<u64>> {
    writeln!(out, "[offset 0] Checking RDB file {name}")?;
    let mut check = Check {
        source: Source::new(file),
        out,
        judges,
        now_ms,
        version: 0,
        doing: Doing::Start,
        key: None,
        code: Some(value_type::STRING),
        keys: 0,
        expires: 0,
        already_expired: 0,
    };
    let (offset, reason) = match check.run() {
        Ok(()) => {
            check.info(b"\\o/ RDB looks OK! \\o/")?;
            check.totals()?;
            return Ok(Some(check.source.offset()));
        }
        Err(Stop::Output(error)) => return Err(error),
        Err(Stop::File(error @ (Error::Truncated { .. } | Error::Io { .. }))) => (check.source.last_piece(), check.reason(&error)),
        Err(Stop::File(error)) => (check.source.offset(), check.reason(&error)),
        Err(Stop::Said(reason)) => (check.source.offset(), reason),
    };
    check.failed(offset, &reason)?;
    Ok(None)
}

impl<R: Read> Check<'_, R> {
    fn run(&mut self) -> std::result::Result<(), Stop> {
        let header: [u8; HEADER_BYTES] = self.source.array("the header")?;
        self.version = match format::parse_header(&header) {
            None => return Err(Stop::Said("Wrong signature trying to load DB from file".to_owned())),
            Some(version) if !format::is_known_version(version) => {
                return Err(Stop::Said(format!("Can't handle RDB format version {version}")));
            }
            Some(version) => version,
        };
        while self.record()? {}
        if self.version >= FIRST_CHECKSUM_VERSION {
            self.checksum()?;
        }
        Ok(())
    }

    /// Reads what comes next up to a key and its value; false at the end.
    fn record(&mut self) -> std::result::Result<bool, Stop> {
        let mut deadline_ms = None;
        loop {
            self.doing = Doing::ReadType;
            let offset = self.source.offset();
            let code = self.source.byte("the list of keys")?;
            match code {
                opcode::EXPIRE_TIME => {
                    self.doing = Doing::ReadExpire;
                    deadline_ms = Some(deadline(i64::from(i32::from_le_bytes(self.source.array("a deadline")?)), offset)? * 1000);
                }
                opcode::EXPIRE_TIME_MS => {
                    self.doing = Doing::ReadExpire;
                    deadline_ms = Some(deadline(i64::from_le_bytes(self.source.array("a deadline")?), offset)?);
                }
                opcode::FREQ => drop(self.source.byte("an access counter")?),
                opcode::IDLE => drop(self.source.length("an idle time")?),
                opcode::EOF => return Ok(false),
                opcode::SELECT_DB => {
                    self.doing = Doing::ReadLength;
                    let db = self.source.length("a database number")?;
                    self.info(format!("Selecting DB ID {db}").as_bytes())?;
                }
                opcode::RESIZE_DB => {
                    self.doing = Doing::ReadLength;
                    self.lengths(2)?;
                }
                opcode::SLOT_INFO => self.lengths(3)?,
                opcode::AUX => self.aux()?,
                opcode::MODULE_AUX => self.module_aux()?,
                opcode::FUNCTION2 => {
                    self.doing = Doing::ReadFunctions;
                    self.source.string("a function library")?;
                }
                opcode::FUNCTION_PRE_RELEASE => {
                    self.doing = Doing::ReadFunctions;
                    pre_release_function(&mut self.source)?;
                }
                code if usize::from(code) >= TYPES.len() || TYPES[usize::from(code)].is_empty() => {
                    return Err(Stop::Said(format!("Invalid object type: {code}")));
                }
                code => {
                    self.entry(code)?;
                    self.expires += u64::from(deadline_ms.is_some());
                    self.already_expired += u64::from(deadline_ms.is_some_and(|deadline| deadline < self.now_ms));
                    return Ok(true);
                }
            }
        }
    }

    fn lengths(&mut self, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| self.source.length("a size").map(drop))
    }

    fn aux(&mut self) -> std::result::Result<(), Stop> {
        self.doing = Doing::ReadAux;
        let (key, value) = (self.source.string("an auxiliary field")?, self.source.string("an auxiliary field")?);
        Ok(self.info(&[b"AUX FIELD ", shown(&key), b" = '", shown(&value), b"'"].concat())?)
    }

    fn module_aux(&mut self) -> std::result::Result<(), Stop> {
        self.doing = Doing::ReadModuleAux;
        let (name, _version) = module::identity(&mut self.source)?;
        // When it was written: before the keys or after them.
        let kind = self.source.length("module data")?;
        self.source.length("module data")?;
        if kind != module::kind::UNSIGNED {
            return Err(Stop::Said("bad when_opcode".to_owned()));
        }
        self.info(format!("MODULE AUX for: {name}").as_bytes())?;
        Ok(module::skip_fields(&mut self.source)?)
    }

    fn entry(&mut self, code: u8) -> std::result::Result<(), Stop> {
        self.code = Some(code);
        self.doing = Doing::ReadKey;
        self.key = Some(self.source.string("a key")?);
        self.keys += 1;
        self.doing = Doing::ReadValue;
        match code {
            value_type::SET | value_type::SORTED_SET | value_type::SORTED_SET_2 | value_type::HASH => self.elements(code)?,
            value_type::STREAM | value_type::STREAM_2 | value_type::STREAM_3 => {
                let stream = Stream::read_with(code, &mut self.source, self.judges.node)?;
                (self.judges.stream)(stream).map_err(Stop::Said)?;
            }
            value_type::MODULE => {
                let (name, _version) = module::identity(&mut self.source)?;
                return Err(Stop::Said(format!("The RDB file contains module data I can't load: no matching module type '{name}'")));
            }
            value_type::MODULE_2 => {
                module::identity(&mut self.source)?;
                module::skip_fields(&mut self.source)?;
            }
            code => match value::read(code, self.version, &mut self.source)? {
                Some(Value::Hash(Hash::Fields { pairs, .. })) => {
                    let mut names = HashSet::new();
                    if !pairs.iter().step_by(2).all(|name| names.insert(name)) {
                        return Err(self.twice().into());
                    }
                }
                Some(_) => {}
                None => return Err(Stop::Said(format!("Invalid object type: {code}"))),
            },
        }
        (self.key, self.code) = (None, None);
        Ok(())
    }

    /// Reads a collection that is written element by element.
    fn elements(&mut self, code: u8) -> Result<()> {
        const EXPECTED: &str = "a collection";
        let mut names = HashSet::new();
        for _ in 0..self.source.length(EXPECTED)? {
            let name = self.source.string(EXPECTED)?;
            let score = match code {
                value_type::HASH => self.source.string(EXPECTED).map(|_| 0.0)?,
                value_type::SORTED_SET => read_text_score(&mut self.source)?,
                value_type::SORTED_SET_2 => f64::from_le_bytes(self.source.array(EXPECTED)?),
                _ => 0.0,
            };
            if score.is_nan() {
                return Err(Error::BadValue { offset: self.source.offset(), damage: ValueDamage::Score });
            }
            if !names.insert(name) {
                return Err(self.twice());
            }
        }
        Ok(())
    }

    fn twice(&self) -> Error {
        Error::BadValue { offset: self.source.offset(), damage: ValueDamage::Duplicate }
    }

    fn checksum(&mut self) -> std::result::Result<(), Stop> {
        self.doing = Doing::CheckSum;
        let computed = self.source.checksum();
        let said: &[u8] = match u64::from_le_bytes(self.source.array("the checksum")?) {
            0 => b"RDB file was saved with checksum disabled: no check performed.",
            stored if stored == computed => b"Checksum OK",
            _ => return Err(Stop::Said("RDB CRC error".to_owned())),
        };
        Ok(self.info(said)?)
    }

    fn info(&mut self, text: &[u8]) -> io::Result<()> {
        self.line(self.source.offset(), text)
    }

    fn line(&mut self, offset: u64, text: &[u8]) -> io::Result<()> {
        write!(self.out, "[offset {offset}] ")?;
        self.out.write_all(&text[..text.len().min(LINE_BYTES)])?;
        self.out.write_all(b"\n")
    }

    fn totals(&mut self) -> io::Result<()> {
        writeln!(self.out, "[info] {} keys read", self.keys)?;
        writeln!(self.out, "[info] {} expires", self.expires)?;
        writeln!(self.out, "[info] {} already expired", self.already_expired)
    }

    fn failed(&mut self, offset: u64, reason: &str) -> io::Result<()> {
        writeln!(self.out, "--- RDB ERROR DETECTED ---")?;
        self.line(offset, reason.as_bytes())?;
        writeln!(self.out, "[additional info] While doing: {}", self.doing.shown())?;
        if let Some(key) = &self.key {
            self.out.write_all(&[b"[additional info] Reading key '", shown(key), b"'\n"].concat())?;
        }
        if let Some(code) = self.code {
            let name = TYPES.get(usize::from(code)).unwrap_or(&"unknown");
            writeln!(self.out, "[additional info] Reading type {code} ({name})")?;
        }
        self.totals()
    }

    fn reason(&self, error: &Error) -> String {
        match (self.doing, error) {
            (Doing::ReadFunctions, Error::Truncated { .. }) => "Failed loading library, Failed loading library payload".to_owned(),
            (_, Error::Truncated { .. }) => "Unexpected EOF reading RDB file".to_owned(),
            (_, Error::BadLength { byte, .. }) => format!("Unknown length encoding {} in rdbLoadLen()", byte >> 6),
            (_, Error::BadStringEncoding { encoding, .. }) => format!("Unknown RDB string encoding type {encoding}"),
            (_, Error::BadCompression { .. }) => "Invalid LZF compressed string".to_owned(),
            (_, Error::BadValue { damage, .. }) => damaged(self.code.unwrap_or_default(), *damage),
            (_, error) => error.to_string(),
        }
    }
}

/// What Redis's program says of a damaged value, and what this one does of damage that Redis has no words for.
fn damaged(code: u8, damage: ValueDamage) -> String {
    use ValueDamage::{Duplicate, Intset, Items, ListNode, Listpack, Pending, Score, StreamEntries, StreamNode, Ziplist, Zipmap};
    let said = match (code, damage) {
        (value_type::LIST_QUICKLIST_2, Listpack(_)) => "Listpack integrity check failed.",
        (value_type::LIST_QUICKLIST_2, ListNode) => "Quicklist integrity check failed.",
        (value_type::LIST_QUICKLIST, Ziplist) => "Ziplist integrity check failed.",
        (value_type::LIST_ZIPLIST, Ziplist) => "List ziplist integrity check failed.",
        (value_type::SET, Duplicate) => "Duplicate set members detected",
        (value_type::SET_LISTPACK, Listpack(_) | Duplicate) => "Set listpack integrity check failed.",
        (_, Intset) => "Intset integrity check failed.",
        (value_type::SORTED_SET | value_type::SORTED_SET_2, Duplicate) => "Duplicate zset fields detected",
        (value_type::SORTED_SET | value_type::SORTED_SET_2, Score) => "Zset with NAN score detected",
        (value_type::SORTED_SET_ZIPLIST, Ziplist | Duplicate | Items) => "Zset ziplist integrity check failed.",
        (value_type::SORTED_SET_LISTPACK, Listpack(_) | Duplicate | Items) => "Zset listpack integrity check failed.",
        (value_type::HASH, Duplicate) => "Hash with dup elements",
        (_, Zipmap) => "Zipmap integrity check failed.",
        (value_type::HASH_ZIPLIST, Ziplist | Duplicate | Items) => "Hash ziplist integrity check failed.",
        (value_type::HASH_LISTPACK, Listpack(_) | Duplicate | Items) => "Hash listpack integrity check failed.",
        (_, StreamNode) => "Stream node key entry is not the size of a stream ID",
        (_, StreamEntries) => "Stream listpack integrity check failed.",
        (_, Pending) => "Consumer entry not found in group global PEL",
        (_, other) => return format!("the value {other}"),
    };
    said.to_owned()
}

fn deadline(value: i64, offset: u64) -> Result<u64> {
    u64::try_from(value).map_err(|_| Error::BadDeadline { value, offset })
}

/// As much of a string as Redis's program shows of it: up to the first zero.
fn shown(string: &[u8]) -> &[u8] {
    string.split(|byte| *byte == 0).next().unwrap_or_default()
}
