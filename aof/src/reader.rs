//! Reads one file of the log ahead of execution: verifies blocks, finds the commands and their arguments, and decides where what
//! can be believed ends.
//!
//! Only whole commands, whole transactions and whole verified blocks are handed out. What follows the last of them is told
//! apart:
//! * *torn*: the file ends in the middle of something, as after a crash, or in a block of which only a part was written over filler. A block is dropped as
//!   a whole, also if some of its commands are there. Looking torn is not enough when a genuine block stands further on: then a length was
//!   damaged (`torn.rs` tells);
//! * *damaged*: bytes that nobody wrote there: a checksum that does not fit, zeros, garbage, a gap in the positions;
//! * *superseded*: the writer left this file after a failure; its bytes from here on were written again into a later one.

use std::io;
use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::block::{self, HEADER_MAX, Parsed};
use crate::filler::{self, Seen};
use crate::scan::{self, Scan};
use crate::storage::{File, read_up_to};
use crate::torn;

/// How much is read, and about how much is handed out, at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The greatest position that is believed: what is appended behind it has room for some more centuries.
const LSN_MAX: u64 = u64::MAX / 2;

/// A run of whole commands, verified and split into arguments ahead of execution.
pub struct Chunk {
    bytes: Vec<u8>,
    commands: Vec<Found>,
    args: Vec<(usize, usize)>,
    path: Arc<str>,
    file_offset: u64,
}

#[derive(Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
    args_end: usize,
}

/// One command of a [`Chunk`].
#[derive(Clone, Copy)]
pub struct Command<'a> {
    chunk: &'a Chunk,
    found: Found,
    args_start: usize,
}

impl Chunk {
    /// The commands in order.
    pub fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        let mut args_start = 0;
        self.commands.iter().map(move |&found| {
            let command = Command { chunk: self, found, args_start };
            args_start = found.args_end;
            command
        })
    }

    /// How many commands there are, and how many arguments they have in all.
    pub fn counts(&self) -> (usize, usize) {
        (self.commands.len(), self.args.len())
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file it came from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many bytes of the file it covers.
    pub fn file_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl<'a> Command<'a> {
    /// The arguments, the command's name first.
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let chunk = self.chunk;
        chunk.args[self.args_start..self.found.args_end].iter().map(|&(start, end)| &chunk.bytes[start..end])
    }

    /// The bytes around the command, and the place `(start, end)` of each argument in them.
    pub fn places(&self) -> (&'a [u8], &'a [(usize, usize)]) {
        (&self.chunk.bytes, &self.chunk.args[self.args_start..self.found.args_end])
    }

    /// The command as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        &self.chunk.bytes[self.found.start..self.found.end]
    }

    /// Where it stands in its file.
    pub fn offset(&self) -> u64 {
        self.chunk.file_offset + self.found.start as u64
    }
}

/// Where the stream of positions has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The next byte's position.
    pub lsn: u64,
    /// Whether a block has told it; before, it is counted from zero.
    pub anchored: bool,
}

/// Why a file's good part ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// What follows holds nothing, if there is anything.
    Clean,
    /// The file ends in the middle of this.
    Torn(String),
    /// This is wrong.
    Damaged(String),
    /// What follows was written again into a later file.
    Superseded,
}

/// The end of a file's good part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Where it is.
    pub offset: u64,
    /// Where the damage was found (the good part may end before, at the `MULTI` of a transaction).
    pub found_at: u64,
    /// The position behind it.
    pub position: Position,
    /// Why.
    pub tail: Tail,
    /// If it is damaged: where a whole block stands at the damage or behind it. What the end of a process leaves has none.
    pub whole_block: Option<u64>,
}

/// What a reading thread sends.
pub enum Message<C> {
    /// What was made of a chunk, and how many bytes of the file that was.
    Chunk(C, u64),
    End(io::Result<End>),
}

/// A file to be read.
pub struct Reader<F> {
    pub file: F,
    pub path: Arc<str>,
    /// Where to end: at its filler.
    pub len: u64,
    /// Where to begin (behind an RDB preamble).
    pub offset: u64,
    pub position: Position,
    /// Where a later file begins to supersede this one.
    pub limit: Option<u64>,
    /// Whether the bytes count in the stream (those of a base do not).
    pub counts: bool,
}

impl<F: File> Reader<F> {
    /// Reads the file, handing out chunks until `emit` returns false.
    pub fn read(self, mut emit: impl FnMut(Chunk) -> bool) -> io::Result<Option<End>> {
        let mut splitter = Splitter::new(self.offset, self.position, self.limit, self.counts);
        let mut bytes: Vec<u8> = Vec::new();
        let mut base = self.offset;
        let mut wanted = CHUNK_BYTES;
        loop {
            let left = self.len.saturating_sub(base + bytes.len() as u64);
            let more = (wanted as u64).min(left) as usize;
            let filled_to = bytes.len() + more;
            read_up_to(&self.file, base + bytes.len() as u64, &mut bytes, more)?;
            if bytes.len() < filled_to {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
            }
            let at_end = base + bytes.len() as u64 >= self.len;
            let stop = splitter.split(&bytes, base, at_end);
            let carry = bytes[splitter.safe..].to_vec();
            let safe = std::mem::take(&mut splitter.safe);
            bytes.truncate(safe);
            let (commands, args) = splitter.take_found();
            if safe > 0 {
                let chunk = Chunk { bytes, commands, args, path: self.path.clone(), file_offset: base };
                if !emit(chunk) {
                    return Ok(None);
                }
            }
            base += safe as u64;
            let end = |found_at: usize, tail: Tail| End {
                offset: if splitter.ends_in_a_hole(base) { splitter.content_end } else { base },
                found_at: base + found_at.saturating_sub(safe) as u64,
                position: splitter.position,
                tail,
                whole_block: None,
            };
            let mut end = match stop {
                Stop::Need(need) => {
                    let need = need - safe;
                    if base.saturating_add(need as u64) <= self.len {
                        // A large thing is read in growing steps, so that looking at it again costs little in sum.
                        wanted = (need - carry.len()).max(CHUNK_BYTES).max(carry.len());
                        bytes = carry;
                        continue;
                    }
                    let what = torn_what(&carry);
                    let mut end = end(0, Tail::Torn(what.to_owned()));
                    if let Some(at) = torn::block_behind(&self.file, end.offset, end.position, self.len)? {
                        end.tail =
                            Tail::Damaged(format!("{what} seems to reach beyond the end of the file, but a block begins at offset {at}"));
                    } else if is_annotation(&carry) {
                        // It holds nothing, and Redis takes it as well, in any file. Where it was more, the next file's first position tells.
                        end.tail = Tail::Clean;
                    }
                    end
                }
                Stop::Unwritten(at) => {
                    let mut end = end(at, Tail::Torn("a block".to_owned()));
                    if let Some(at) = torn::block_behind(&self.file, end.offset, end.position, self.len)? {
                        end.tail = Tail::Damaged(format!("a block was written only in part, but another begins at offset {at}"));
                    }
                    end
                }
                Stop::End => end(0, Tail::Clean),
                Stop::Superseded => end(0, Tail::Superseded),
                Stop::Damaged(at, reason) => end(at, Tail::Damaged(reason)),
            };
            if matches!(end.tail, Tail::Damaged(_)) {
                end.whole_block = match first_block_lsn(&self.file, end.found_at, self.len)? {
                    Some(_) => Some(end.found_at),
                    None => torn::find_block(&self.file, end.found_at, self.len, |_, lsn| lsn > end.position.lsn)?,
                };
            }
            return Ok(Some(end));
        }
    }

    /// Reads the file on a thread of its own.
    pub fn send_to<C>(self, sender: &Sender<Message<C>>, convert: impl Fn(Chunk) -> C) {
        let end = self.read(|chunk| {
            let file_bytes = chunk.file_bytes();
            sender.send(Message::Chunk(convert(chunk), file_bytes)).is_ok()
        });
        if let Some(end) = end.transpose() {
            // The receiver is gone when loading was given up.
            let _ = sender.send(Message::End(end));
        }
    }
}

/// The position of the block at `offset`, if there is a whole one and its checksum fits.
pub fn first_block_lsn<F: File>(file: &F, offset: u64, len: u64) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    read_up_to(file, offset, &mut line, HEADER_MAX)?;
    if !line.starts_with(block::PREFIX) {
        return Ok(None);
    }
    let Parsed::Header(header, line_len) = block::parse(&line) else { return Ok(None) };
    let start = offset + line_len as u64;
    if header.len > len.saturating_sub(start) {
        return Ok(None);
    }
    let mut content = Vec::new();
    read_up_to(file, start, &mut content, header.len as usize)?;
    Ok(block::verify(&header, &line[..line_len], &content).then_some(header.lsn))
}

/// Whether these are whole blocks and commands.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut splitter = Splitter::new(0, Position { lsn: 0, anchored: false }, None, true);
    splitter.split(bytes, 0, true) == Stop::End && splitter.safe == bytes.len()
}

/// Whether these bytes, which end too early, are of a line that nobody executes; or too few to tell that of a block's header.
fn is_annotation(carry: &[u8]) -> bool {
    carry.first() == Some(&b'#') && !carry.starts_with(block::PREFIX)
}

fn torn_what(carry: &[u8]) -> &'static str {
    if carry.starts_with(block::PREFIX) {
        "a block"
    } else if is_annotation(carry) {
        "an annotation"
    } else {
        match scan::command(carry, 0, &mut Vec::new()) {
            Scan::Whole(_) => "a transaction",
            _ => "a command",
        }
    }
}

fn beyond_all(lsn: u64) -> String {
    format!("the position {lsn} is beyond any that a log comes to")
}

#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// At least so many bytes are needed.
    Need(usize),
    End,
    Superseded,
    /// The block to which this belongs never was on the disk as a whole: filler stands in its place.
    Unwritten(usize),
    Damaged(usize, String),
}

/// Splits bytes that begin between commands.
struct Splitter {
    position: Position,
    limit: Option<u64>,
    counts: bool,
    /// Up to here everything is whole, and no transaction is open.
    safe: usize,
    commands: Vec<Found>,
    args: Vec<(usize, usize)>,
    safe_commands: usize,
    /// Where the bytes begin that are split.
    base: u64,
    /// Where in the file what is safe ends, without the filler behind it.
    content_end: u64,
}

impl Splitter {
    fn new(offset: u64, position: Position, limit: Option<u64>, counts: bool) -> Self {
        Splitter {
            position,
            limit,
            counts,
            safe: 0,
            commands: Vec::new(),
            args: Vec::new(),
            safe_commands: 0,
            base: offset,
            content_end: offset,
        }
    }

    /// The commands of the safe part.
    fn take_found(&mut self) -> (Vec<Found>, Vec<(usize, usize)>) {
        self.commands.truncate(self.safe_commands);
        self.args.truncate(self.commands.last().map_or(0, |found| found.args_end));
        self.safe_commands = 0;
        (std::mem::take(&mut self.commands), std::mem::take(&mut self.args))
    }

    /// Whether the filler with which what is safe ends, at this offset, stands there because more was not written.
    fn ends_in_a_hole(&self, offset: u64) -> bool {
        offset > self.content_end && !filler::may_be_followed(offset)
    }

    fn make_safe(&mut self, pos: usize) -> Result<(), Stop> {
        if self.counts {
            let lsn = self.position.lsn.saturating_add((pos - self.safe) as u64);
            if lsn > LSN_MAX {
                return Err(Stop::Damaged(self.safe, beyond_all(lsn)));
            }
            self.position.lsn = lsn;
        }
        self.safe = pos;
        self.safe_commands = self.commands.len();
        self.content_end = self.base + pos as u64;
        Ok(())
    }

    /// Goes on with bytes that stand at `base` in the file.
    fn split(&mut self, bytes: &[u8], base: u64, at_end: bool) -> Stop {
        self.base = base;
        let mut pos = 0;
        let mut in_transaction = false;
        loop {
            if !in_transaction && self.counts && self.limit == Some(self.position.lsn) {
                return Stop::Superseded;
            }
            let Some(&first) = bytes.get(pos) else {
                return if at_end && !in_transaction { Stop::End } else { Stop::Need(pos + 1) };
            };
            if pos == self.safe {
                match self.filler(bytes, at_end) {
                    Ok(None) => {}
                    Ok(Some(end)) => {
                        pos = end;
                        continue;
                    }
                    Err(stop) => return stop,
                }
            }
            let rest = &bytes[pos..];
            let whole = match first {
                b'#' if rest.len() < block::PREFIX.len() && block::PREFIX.starts_with(rest) => return Stop::Need(bytes.len() + 1),
                b'#' if rest.starts_with(block::PREFIX) => {
                    if in_transaction {
                        return Stop::Damaged(pos, "a block begins inside an unfinished transaction".to_owned());
                    }
                    match self.block(bytes, pos, at_end) {
                        Ok(end) => {
                            pos = end;
                            continue;
                        }
                        Err(stop) => return stop,
                    }
                }
                b'#' => scan::annotation(bytes, pos),
                b'*' => self.command(bytes, pos, &mut in_transaction),
                0 => return Stop::Damaged(pos, "zero bytes where a command should begin".to_owned()),
                _ => return Stop::Damaged(pos, "no command begins here".to_owned()),
            };
            match whole {
                Scan::Whole(end) => pos = end,
                Scan::Incomplete(need) => return Stop::Need(need),
                Scan::Bad(reason) if pos == self.safe => return self.no_block(bytes, pos, at_end, reason),
                Scan::Bad(reason) => return Stop::Damaged(pos, reason.to_owned()),
            }
            if !in_transaction && let Err(stop) = self.make_safe(pos) {
                return stop;
            }
        }
    }

    /// A line of filler behind what is safe, if there is one: its end.
    fn filler(&mut self, bytes: &[u8], at_end: bool) -> Result<Option<usize>, Stop> {
        let pos = self.safe;
        let offset = self.base + pos as u64;
        match filler::look(offset, &bytes[pos..]) {
            Seen::Filler(len) => {
                self.safe += len;
                Ok(Some(self.safe))
            }
            Seen::TooFew if !at_end || offset > self.content_end => Err(Stop::Need(bytes.len() + 1)),
            Seen::Other if self.ends_in_a_hole(offset) => Err(match filler::are_lost_sectors(self.content_end, offset) {
                true => Stop::Unwritten(pos),
                false => Stop::Damaged(pos, "what was written before this is missing".to_owned()),
            }),
            Seen::TooFew | Seen::Other => Ok(None),
        }
    }

    fn command(&mut self, bytes: &[u8], pos: usize, in_transaction: &mut bool) -> Scan {
        let args_start = self.args.len();
        let scan = scan::command(bytes, pos, &mut self.args);
        if let Scan::Whole(end) = scan {
            if let Some(opens) = scan::transaction_mark(bytes, &self.args[args_start..]) {
                *in_transaction = opens;
            }
            self.commands.push(Found { start: pos, end, args_end: self.args.len() });
        }
        scan
    }

    /// The block at `pos`: verifies it, and finds its commands.
    fn block(&mut self, bytes: &[u8], pos: usize, at_end: bool) -> Result<usize, Stop> {
        let damaged = |reason: String| Stop::Damaged(pos, reason);
        let (header, line_len) = match block::parse(&bytes[pos..]) {
            Parsed::Header(header, line_len) => (header, line_len),
            Parsed::Incomplete => return Err(Stop::Need(bytes.len() + 1)),
            Parsed::Bad(reason) => return Err(self.no_block(bytes, pos, at_end, reason)),
        };
        let start = pos + line_len;
        let end = usize::try_from(header.len).ok().and_then(|len| start.checked_add(len)).unwrap_or(usize::MAX);
        if end > bytes.len() {
            return Err(Stop::Need(end));
        }
        if !block::verify(&header, &bytes[pos..start], &bytes[start..end]) {
            if filler::shows_through(self.base + start as u64, &bytes[start..end]) {
                return Err(Stop::Unwritten(pos));
            }
            return Err(damaged("the checksum of the block does not match its content".to_owned()));
        }
        if self.counts {
            let checked = self.check_position(header.lsn, header.len);
            if !matches!(checked, Err(Some(_))) {
                // Also if it is superseded: the next file may begin without a block.
                self.position = Position { lsn: header.lsn, anchored: true };
            }
            checked.map_err(|stop| stop.map_or(Stop::Superseded, damaged))?;
        }
        let content = &bytes[..end];
        let mut at = start;
        let mut in_transaction = false;
        while at < end {
            let whole = match content[at] {
                b'*' => self.command(content, at, &mut in_transaction),
                b'#' if !content[at..].starts_with(block::PREFIX) => scan::annotation(content, at),
                _ => Scan::Bad("no command begins here"),
            };
            match whole {
                Scan::Whole(next) => at = next,
                Scan::Incomplete(_) | Scan::Bad(_) => return Err(damaged(format!("the block does not hold whole commands (at {at})"))),
            }
        }
        if in_transaction {
            return Err(damaged("the block holds an unfinished transaction".to_owned()));
        }
        self.safe = start;
        self.make_safe(end)?;
        Ok(end)
    }

    /// What stands at `pos` can't be read: perhaps a block's header of which only the beginning was written.
    fn no_block(&self, bytes: &[u8], pos: usize, at_end: bool, reason: &str) -> Stop {
        match filler::cuts_off(self.base + pos as u64, &bytes[pos..]) {
            Seen::Filler(_) => Stop::Unwritten(pos),
            Seen::TooFew if !at_end => Stop::Need(bytes.len() + 1),
            Seen::TooFew | Seen::Other => Stop::Damaged(pos, reason.to_owned()),
        }
    }

    /// `Err(None)` is superseded.
    fn check_position(&self, lsn: u64, len: u64) -> Result<(), Option<String>> {
        if lsn + len > LSN_MAX {
            return Err(Some(beyond_all(lsn + len)));
        }
        if self.position.anchored && lsn != self.position.lsn {
            let expected = self.position.lsn;
            return Err(Some(if lsn > expected {
                format!("the log continues at position {lsn}, but {expected} was expected: {} bytes are missing", lsn - expected)
            } else {
                format!("the log goes back to position {lsn}, where {expected} was expected")
            }));
        }
        match self.limit {
            Some(limit) if lsn == limit => Err(None),
            Some(limit) if lsn < limit && lsn + len > limit => {
                Err(Some(format!("the block reaches beyond position {limit}, where a later file takes over")))
            }
            _ => Ok(()),
        }
    }
}
