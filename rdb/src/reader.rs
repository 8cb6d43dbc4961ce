//! The reader: a file as a stream of events, in the order in which they stand in it.

use std::fmt;
use std::io::Read;

use crate::format::{self, FIRST_CHECKSUM_VERSION, HEADER_BYTES, opcode, value_type};
use crate::pieces::Pieces;
use crate::source::Source;
use crate::{Error, Result, Value, module, value};

/// One step of a file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A fact about the file, such as `redis-ver`. Unknown ones are to be ignored.
    Aux {
        /// The name of the fact.
        key: Vec<u8>,
        /// Its value, in decimal where it is a number.
        value: Vec<u8>,
    },
    /// The keys that follow belong to this database. Before the first of these it is database 0.
    SelectDb(u64),
    /// How large the tables of the database are going to be. A hint from the file: to be bounded before it is used.
    ResizeDb {
        /// The number of keys.
        keys: u64,
        /// How many of them have a deadline.
        expires: u64,
    },
    /// A key and its value.
    Entry {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Value,
        /// Deadline and access history. The deadline may be in the past.
        attributes: Attributes,
    },
    /// Something that holds no keys and was left out. Worth a warning in the log, unless it is a hint only.
    Skipped(Skipped),
}

/// What is stored about a key beside its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// When the key ceases to exist, in milliseconds since 1970.
    pub deadline_ms: Option<u64>,
    /// For how many seconds nobody had used the key when the file was written.
    pub idle_seconds: Option<u64>,
    /// The logarithmic access counter of the least-frequently-used policies.
    pub freq: Option<u8>,
}

/// What [`Reader::next_into`] has read.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A key whose value is a string. It is where the caller wanted it.
    String,
    /// Anything else.
    Event(Event),
}

/// A key whose value is a string.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StringEntry {
    /// The key.
    pub key: Vec<u8>,
    /// The value, decoded.
    pub value: Vec<u8>,
    /// Deadline and access history.
    pub attributes: Attributes,
}

/// A part of a file that the reader could pass over, but not use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// A library of server-side functions.
    Function {
        /// The library's source code.
        code: Vec<u8>,
    },
    /// Data that a module keeps beside the keys.
    ModuleAux {
        /// The module type's name.
        module: String,
        /// The version of the module's own format.
        version: u64,
    },
    /// A key with a value of a module's type.
    ModuleValue {
        /// The key.
        key: Vec<u8>,
        /// The database of the key.
        db: u64,
        /// The module type's name.
        module: String,
        /// The version of the module's own format.
        version: u64,
    },
    /// A key whose value has no elements, which some releases have written by mistake.
    EmptyKey {
        /// The key.
        key: Vec<u8>,
    },
    /// How many keys a cluster's slot holds. A hint: nothing is lost without it.
    SlotInfo {
        /// The slot.
        slot: u64,
        /// The number of keys.
        keys: u64,
        /// How many of them have a deadline.
        expires: u64,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::Function { code } => {
                let first_line = code.split(|byte| *byte == b'\n').next().unwrap_or_default();
                write!(f, "a library of functions was not loaded: {}", first_line.escape_ascii())
            }
            Skipped::ModuleAux { module, version } => write!(f, "data of the module {module}, version {version}, was not loaded"),
            Skipped::ModuleValue { key, db, module, version } => write!(
                f,
                "the key \"{}\" of database {db}, a value of the module {module}, version {version}, was not loaded",
                key.escape_ascii()
            ),
            Skipped::EmptyKey { key } => write!(f, "the key \"{}\", which has no elements, was not loaded", key.escape_ascii()),
            Skipped::SlotInfo { slot, keys, .. } => write!(f, "the hint that slot {slot} holds {keys} keys was not used"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Reading,
    Finished,
    Failed,
}

/// Reads an RDB file from its first byte to its end marker.
///
/// It reads ahead in large pieces, so `R` needs no buffer of its own.
pub struct Reader<R> {
    source: Source<R>,
    version: u32,
    db: u64,
    state: State,
    /// Whether the file's end is not part of this, and the end of the bytes is the end of the events.
    is_excerpt: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`Error::NotRdb`], [`Error::UnsupportedVersion`], [`Error::Truncated`], [`Error::Io`].
    pub fn new(inner: R) -> Result<Self> {
        let mut source = Source::new(inner);
        let header: [u8; HEADER_BYTES] = source.array("the header")?;
        let version = format::parse_header(&header).ok_or_else(|| Error::NotRdb { found: header.to_vec() })?;
        if !format::is_known_version(version) {
            return Err(Error::UnsupportedVersion { version });
        }
        Ok(Reader { source, version, db: 0, state: State::Reading, is_excerpt: false })
    }

    /// Reads on in the middle of a file, between records; in an excerpt, to the end of the bytes that were read ahead.
    pub(crate) fn from_middle(source: Source<R>, version: u32, db: u64, is_excerpt: bool) -> Self {
        Reader { source, version, db, state: State::Reading, is_excerpt }
    }

    /// Splits what has not been read yet into pieces that can be decoded beside each other.
    pub fn into_pieces(self) -> Pieces<R> {
        Pieces::new(self.source, self.version, self.db)
    }

    /// The version of the format that the file says it has.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The database that keys belong to until another one is selected. Not 0 from the beginning where [`Pieces`] came before.
    pub fn db(&self) -> u64 {
        self.db
    }

    /// How many bytes the events so far took. After the end, the exact length of the RDB part.
    pub fn bytes_consumed(&self) -> u64 {
        self.source.offset()
    }

    /// What follows the bytes consumed: after the end, the commands behind an RDB preamble.
    pub fn into_rest(self) -> impl Read {
        self.source.into_rest()
    }

    /// The next event, or `None` once the end marker was read and the checksum, if there is one, found right. What was
    /// read before that is not known to be undamaged.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but those about the header. There is no way on after an error: every further call fails.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        Ok(self.next(None)?.map(|next| match next {
            Next::Event(event) => event,
            Next::String => unreachable!("there was no place to put one"),
        }))
    }

    /// The same, but a string and its key are put into `string`, whose memory is used again. Most keys of most files are strings.
    ///
    /// # Errors
    ///
    /// As [`Reader::next_event`].
    #[inline]
    pub fn next_into(&mut self, string: &mut StringEntry) -> Result<Option<Next>> {
        self.next(Some(string))
    }

    #[inline(always)]
    fn next(&mut self, string: Option<&mut StringEntry>) -> Result<Option<Next>> {
        match self.state {
            State::Reading => {}
            State::Finished => return Ok(None),
            State::Failed => return Err(Error::AlreadyFailed { offset: self.source.offset() }),
        }
        if self.is_excerpt && self.source.is_spent() {
            self.state = State::Finished;
            return Ok(None);
        }
        self.state = State::Failed;
        let next = self.read_next(string)?;
        self.state = if next.is_some() { State::Reading } else { State::Finished };
        Ok(next)
    }

    #[inline(always)]
    fn read_next(&mut self, mut string: Option<&mut StringEntry>) -> Result<Option<Next>> {
        let mut attributes = Attributes::default();
        loop {
            let offset = self.source.offset();
            let code = self.source.byte("the list of keys")?;
            let event = match code {
                opcode::EXPIRE_TIME => {
                    let seconds = i64::from(i32::from_le_bytes(self.source.array("a deadline")?));
                    let seconds = u64::try_from(seconds).map_err(|_| Error::BadDeadline { value: seconds, offset })?;
                    attributes.deadline_ms = Some(seconds * 1000);
                    continue;
                }
                opcode::EXPIRE_TIME_MS => {
                    let ms = i64::from_le_bytes(self.source.array("a deadline")?);
                    attributes.deadline_ms = Some(u64::try_from(ms).map_err(|_| Error::BadDeadline { value: ms, offset })?);
                    continue;
                }
                opcode::FREQ => {
                    attributes.freq = Some(self.source.byte("an access counter")?);
                    continue;
                }
                opcode::IDLE => {
                    attributes.idle_seconds = Some(self.source.length("an idle time")?);
                    continue;
                }
                opcode::EOF => {
                    self.check_end()?;
                    return Ok(None);
                }
                opcode::AUX => {
                    Event::Aux { key: self.source.string("an auxiliary field")?, value: self.source.string("an auxiliary field")? }
                }
                opcode::SELECT_DB => {
                    self.db = self.source.length("a database number")?;
                    Event::SelectDb(self.db)
                }
                opcode::RESIZE_DB => {
                    Event::ResizeDb { keys: self.source.length("a table size")?, expires: self.source.length("a table size")? }
                }
                opcode::SLOT_INFO => Event::Skipped(self.slot_info()?),
                opcode::FUNCTION2 => Event::Skipped(Skipped::Function { code: self.source.string("a function library")? }),
                opcode::FUNCTION_PRE_RELEASE => Event::Skipped(Skipped::Function { code: pre_release_function(&mut self.source)? }),
                opcode::MODULE_AUX => {
                    let (module, version) = module::identity(&mut self.source)?;
                    module::skip_fields(&mut self.source)?;
                    Event::Skipped(Skipped::ModuleAux { module, version })
                }
                opcode::LOWEST.. => return Err(Error::UnsupportedOpcode { code, offset }),
                code => match string.take() {
                    Some(string) if code == value_type::STRING => {
                        string.key.clear();
                        string.value.clear();
                        string.attributes = attributes;
                        self.source.string_into(&mut string.key, "a key")?;
                        self.source.string_into(&mut string.value, "a string value")?;
                        return Ok(Some(Next::String));
                    }
                    _ => self.entry(code, offset, attributes)?,
                },
            };
            return Ok(Some(Next::Event(event)));
        }
    }

    fn entry(&mut self, code: u8, offset: u64, attributes: Attributes) -> Result<Event> {
        let key = self.source.string("a key")?;
        if code == value_type::MODULE_2 {
            let (module, version) = module::identity(&mut self.source)?;
            module::skip_fields(&mut self.source)?;
            return Ok(Event::Skipped(Skipped::ModuleValue { key, db: self.db, module, version }));
        }
        match value::read(code, self.version, &mut self.source)? {
            Some(value) if value.is_empty() => Ok(Event::Skipped(Skipped::EmptyKey { key })),
            Some(value) => Ok(Event::Entry { key, value, attributes }),
            None => Err(Error::UnsupportedType { code, key, db: self.db, offset }),
        }
    }

    fn slot_info(&mut self) -> Result<Skipped> {
        const EXPECTED: &str = "a slot's size";
        Ok(Skipped::SlotInfo {
            slot: self.source.length(EXPECTED)?,
            keys: self.source.length(EXPECTED)?,
            expires: self.source.length(EXPECTED)?,
        })
    }

    fn check_end(&mut self) -> Result<()> {
        if self.version < FIRST_CHECKSUM_VERSION {
            return Ok(());
        }
        let offset = self.source.offset();
        let computed = self.source.checksum();
        let stored = u64::from_le_bytes(self.source.array("the checksum")?);
        // Zero is what a writer leaves that was told to compute none.
        if stored != 0 && stored != computed {
            return Err(Error::ChecksumMismatch { offset, stored, computed });
        }
        Ok(())
    }
}

/// The source code of a library of functions in the layout of the release candidates of Redis 7.0: name, engine, whether there is a
/// description, it, source code.
pub(crate) fn pre_release_function<R: Read>(source: &mut Source<R>) -> Result<Vec<u8>> {
    const EXPECTED: &str = "a function library";
    let _name = source.string(EXPECTED)?;
    let _engine = source.string(EXPECTED)?;
    if source.length(EXPECTED)? != 0 {
        let _description = source.string(EXPECTED)?;
    }
    source.string(EXPECTED)
}

/// A whole file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The version of the format.
    pub version: u32,
    /// Everything in the file, in order.
    pub events: Vec<Event>,
    /// The length of the RDB part. What lies behind it was not looked at.
    pub bytes_consumed: u64,
}

/// Reads the RDB part that `bytes` begin with.
///
/// # Errors
///
/// Any [`Error`]; never a panic, and never more memory than a constant factor of `bytes`.
pub fn read_all(bytes: &[u8]) -> Result<Contents> {
    let mut reader = Reader::new(bytes)?;
    let mut events = Vec::new();
    while let Some(event) = reader.next_event()? {
        events.push(event);
    }
    Ok(Contents { version: reader.version(), events, bytes_consumed: reader.bytes_consumed() })
}
