//! From bytes to commands.
//!
//! A [`Parser`] belongs to one connection and remembers how far it got into a command that has not arrived
//! whole, so that no byte is looked at twice however slowly it trickles in. Whole commands go into a
//! [`Batch`], which a loop may share between connections: one vector of argument positions for all of them.
//!
//! Positions are relative to the first byte of their command, so the caller may move the unread rest of its
//! buffer to the front between two calls.

use crate::args::{Args, Span};
use crate::number::parse_i64;

/// What a client may ask of the parser. Defaults are Redis's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Arguments in one command.
    pub max_args: i64,
    /// Bytes in one argument (`proto-max-bulk-len`).
    pub max_bulk_bytes: i64,
    /// Bytes in an inline command or in a length line.
    pub max_inline_bytes: usize,
    /// Until a client has authenticated it gets ten arguments of 16 KiB.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_args: 1024 * 1024, max_bulk_bytes: 512 << 20, max_inline_bytes: 64 << 10, authenticated: true }
    }
}

/// Bytes that are not the protocol. The connection is closed after the error has been sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// An inline command longer than [`Limits::max_inline_bytes`].
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    /// Quotes left open in an inline command.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A `*` line that does not end.
    #[error("Protocol error: too big mbulk count string")]
    CountLineTooBig,
    /// A `$` line that does not end.
    #[error("Protocol error: too big bulk count string")]
    BulkLineTooBig,
    /// Not a number after `*`, or more than [`Limits::max_args`].
    #[error("Protocol error: invalid multibulk length")]
    InvalidCount,
    /// Not a number after `$`, or more than [`Limits::max_bulk_bytes`].
    #[error("Protocol error: invalid bulk length")]
    InvalidBulk,
    /// Too many arguments before `AUTH`.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// Too long an argument before `AUTH`.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulk,
    /// An argument that does not begin with `$`.
    // What ends a line must not stand in one.
    #[error("Protocol error: expected '$', got '{}'", if matches!(.0, b'\r' | b'\n') { ' ' } else { char::from(*.0) })]
    ExpectedBulk(u8),
}

/// One command of a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    spans: (u32, u32),
    source: Source,
    canonical: bool,
    end: usize,
}

impl Frame {
    /// Position in the connection's buffer of the first byte after the command.
    pub fn end(&self) -> usize {
        self.end
    }
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// Bytes `start..end` of the connection's buffer.
    Buffer(usize, usize),
    /// Bytes `start..end` of the batch's scratch space: an inline command, unescaped.
    Scratch(usize, usize),
}

/// Commands found and not yet executed.
#[derive(Default)]
pub struct Batch {
    spans: Vec<Span>,
    frames: Vec<Frame>,
    scratch: Vec<u8>,
}

impl Batch {
    /// Forgets everything, keeping the memory (unless it grew out of proportion).
    pub fn clear(&mut self) {
        self.frames.clear();
        self.spans.clear();
        self.scratch.clear();
        if self.spans.capacity() > 64 << 10 {
            self.spans = Vec::new();
        }
        if self.scratch.capacity() > 256 << 10 {
            self.scratch = Vec::new();
        }
    }

    /// The commands, oldest first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The arguments of a frame of this batch, whose connection's buffer is `buffer`.
    #[inline]
    pub fn args<'a>(&'a self, frame: &Frame, buffer: &'a [u8]) -> Args<'a> {
        let bytes = match frame.source {
            Source::Buffer(start, end) => &buffer[start..end],
            Source::Scratch(start, end) => &self.scratch[start..end],
        };
        Args::new(bytes, &self.spans[frame.spans.0 as usize..frame.spans.1 as usize], frame.canonical)
    }
}

/// The state of one connection's stream: between commands, or somewhere inside one.
#[derive(Default)]
pub struct Parser {
    /// Spans of the unfinished command.
    spans: Vec<Span>,
    /// Arguments still to come; 0 between commands.
    missing: u32,
    /// Length of the argument whose bytes are awaited.
    bulk: Option<u32>,
    /// Next byte to look at, relative to the unfinished command's first byte.
    position: usize,
    /// Every line seen so far ended in `\r\n`.
    sloppy: bool,
    /// Up to here no line end was found, relative like `position`.
    searched: usize,
}

impl Parser {
    /// Takes commands from `buffer[from..]` until `most` are found or the bytes end, pushes them to `batch`,
    /// and returns the position of the first byte that belongs to no pushed command. Hand the bytes from there
    /// on, followed by what has arrived since, to the next call.
    ///
    /// After an error the connection's bytes mean nothing any more; commands found before it are in the batch.
    pub fn parse(&mut self, buffer: &[u8], from: usize, limits: &Limits, batch: &mut Batch, most: usize) -> Result<usize, ProtocolError> {
        let mut start = from;
        if !self.spans.is_empty() && batch.spans.is_empty() {
            std::mem::swap(&mut self.spans, &mut batch.spans); // a long unfinished command is not copied at each read
        }
        let mut first_span = 0;
        if batch.frames.is_empty() {
            debug_assert!(self.spans.is_empty());
        } else {
            first_span = batch.spans.len();
            batch.spans.append(&mut self.spans);
        }
        let mut found = 0;
        let result = loop {
            if found == most || start == buffer.len() {
                break Ok(start);
            }
            match self.command(&buffer[start..], limits, batch, first_span) {
                Ok(None) => break Ok(start),
                Ok(Some((used, command))) => {
                    let end = start + used;
                    if let Some(source) = command {
                        let source = match source {
                            Source::Buffer(..) => Source::Buffer(start, end),
                            scratch => scratch,
                        };
                        let spans = (first_span as u32, batch.spans.len() as u32);
                        let canonical = !self.sloppy && matches!(source, Source::Buffer(..));
                        batch.frames.push(Frame { spans, source, canonical, end });
                        found += 1;
                    }
                    first_span = batch.spans.len();
                    (self.missing, self.bulk, self.position, self.sloppy, self.searched) = (0, None, 0, false, 0);
                    start = end;
                }
                Err(e) => break Err(e),
            }
        };
        if batch.spans.len() > first_span {
            if first_span == 0 {
                std::mem::swap(&mut self.spans, &mut batch.spans);
            } else {
                self.spans.extend(batch.spans.drain(first_span..));
            }
        }
        result
    }

    /// Forgets an unfinished command: its bytes will be handed over again from the first.
    pub fn reset(&mut self) {
        *self = Parser::default();
    }

    /// How long the buffer must be, counted from the first byte of the unfinished command, for the argument
    /// now arriving to be whole. 0 if that is not known. Worth reserving at once when it is large.
    pub fn wanted(&self) -> usize {
        self.bulk.map_or(0, |len| self.position + len as usize + 2)
    }

    /// Bytes of memory held.
    pub fn memory_usage(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
    }

    /// One command, or nothing if it is not whole. `bytes` begins with the command.
    #[allow(clippy::type_complexity)]
    fn command(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        batch: &mut Batch,
        first_span: usize,
    ) -> Result<Option<(usize, Option<Source>)>, ProtocolError> {
        if self.missing == 0 {
            if bytes[0] != b'*' {
                return self.inline(bytes, limits, batch);
            }
            let Some((line, next)) = self.line(bytes, 1, limits, ProtocolError::CountLineTooBig)? else { return Ok(None) };
            let count = parse_i64(line).filter(|&n| n <= limits.max_args).ok_or(ProtocolError::InvalidCount)?;
            if count > 10 && !limits.authenticated {
                return Err(ProtocolError::UnauthenticatedCount);
            }
            if count <= 0 {
                return Ok(Some((next, None)));
            }
            self.missing = count as u32;
            self.position = next;
        }
        while self.missing > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => {
                    match bytes.get(self.position) {
                        None => return Ok(None),
                        Some(b'$') => {}
                        Some(&other) => {
                            // Redis waits for the line's end before it complains; a lone byte says enough.
                            return Err(ProtocolError::ExpectedBulk(other));
                        }
                    }
                    let at = self.position + 1;
                    let Some((line, next)) = self.line(bytes, at, limits, ProtocolError::BulkLineTooBig)? else { return Ok(None) };
                    let len = parse_i64(line).filter(|n| (0..=limits.max_bulk_bytes).contains(n)).ok_or(ProtocolError::InvalidBulk)?;
                    if len > 16384 && !limits.authenticated {
                        return Err(ProtocolError::UnauthenticatedBulk);
                    }
                    if next as i64 + len > (u32::MAX - 2) as i64 {
                        return Err(ProtocolError::InvalidBulk);
                    }
                    self.position = next;
                    self.bulk = Some(len as u32);
                    len as u32
                }
            };
            let end = self.position + len as usize;
            if bytes.len() < end + 2 {
                return Ok(None);
            }
            self.sloppy |= bytes[end..end + 2] != *b"\r\n";
            batch.spans.push(Span { start: self.position as u32, len });
            self.position = end + 2;
            self.searched = 0;
            self.bulk = None;
            self.missing -= 1;
        }
        debug_assert!(batch.spans.len() > first_span);
        Ok(Some((self.position, Some(Source::Buffer(0, 0)))))
    }

    /// The line at `at`, and where the next one begins; nothing if its end has not arrived.
    fn line<'b>(
        &mut self,
        bytes: &'b [u8],
        at: usize,
        limits: &Limits,
        too_big: ProtocolError,
    ) -> Result<Option<(&'b [u8], usize)>, ProtocolError> {
        // Length lines are short: look at the first bytes before asking for a search.
        let search_from = at.max(self.searched);
        match bytes.get(search_from..).and_then(|tail| memchr::memchr(b'\r', tail)) {
            Some(n) if search_from + n + 1 < bytes.len() => {
                let end = search_from + n;
                self.sloppy |= bytes[end + 1] != b'\n';
                self.searched = 0;
                Ok(Some((&bytes[at..end], end + 2)))
            }
            Some(_) => Ok(None),
            None if bytes.len().saturating_sub(at) > limits.max_inline_bytes => Err(too_big),
            None => {
                self.searched = bytes.len();
                Ok(None)
            }
        }
    }

    /// A command as a person types it, or an annotation line of a log that is piped in (`#…`), which is skipped.
    #[allow(clippy::type_complexity)]
    fn inline(&mut self, bytes: &[u8], limits: &Limits, batch: &mut Batch) -> Result<Option<(usize, Option<Source>)>, ProtocolError> {
        let Some(n) = memchr::memchr(b'\n', &bytes[self.searched..]).map(|n| n + self.searched) else {
            if bytes.len() > limits.max_inline_bytes {
                return Err(ProtocolError::InlineTooBig);
            }
            self.searched = bytes.len();
            return Ok(None);
        };
        if bytes[0] == b'#' {
            return Ok(Some((n + 1, None)));
        }
        let line = &bytes[..n - (n > 0 && bytes[n - 1] == b'\r') as usize];
        let (scratch_start, spans_start) = (batch.scratch.len(), batch.spans.len());
        let Batch { spans, scratch, .. } = batch;
        let split = crate::inline::split(line, |word| {
            spans.push(Span { start: (scratch.len() - scratch_start) as u32, len: word.len() as u32 });
            scratch.extend_from_slice(word);
        });
        if split.is_none() {
            spans.truncate(spans_start);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        let source = (batch.spans.len() > spans_start).then_some(Source::Scratch(scratch_start, batch.scratch.len()));
        Ok(Some((n + 1, source)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Commands = Vec<(Vec<Vec<u8>>, Option<Vec<u8>>)>;

    /// Feeds `pieces` one after the other, as reads from a socket would come.
    fn feed<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, most: usize) -> (Commands, Option<ProtocolError>, usize) {
        let (mut parser, mut buffer, mut commands) = (Parser::default(), Vec::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                let mut batch = Batch::default();
                let result = parser.parse(&buffer, 0, &Limits::default(), &mut batch, most);
                for frame in batch.frames() {
                    let args = batch.args(frame, &buffer);
                    commands.push((args.iter().map(<[u8]>::to_vec).collect(), args.canonical().map(<[u8]>::to_vec)));
                }
                match result {
                    Ok(0) => break,
                    Ok(used) => drop(buffer.drain(..used)),
                    Err(e) => return (commands, Some(e), buffer.len()),
                }
            }
        }
        (commands, None, buffer.len())
    }

    fn whole(bytes: &[u8]) -> (Commands, Option<ProtocolError>, usize) {
        feed([bytes], usize::MAX)
    }

    #[test]
    fn pipelined_and_inline_commands_are_found() {
        let (commands, error, rest) = whole(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n\r\n*0\r\n#TS:1\r\nset a 'b c'\n*1\r\n$4\r\nPI");
        let names: Vec<_> = commands.iter().map(|(args, _)| args.join(&b' ')).collect();
        assert_eq!(names, [&b"GET k"[..], b"PING", b"set a b c"]);
        assert_eq!(commands[0].1.as_deref(), Some(&b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"[..]));
        assert_eq!(commands[1].1, None);
        assert_eq!((error, rest), (None, 10));
    }

    #[test]
    fn errors_are_redis_texts() {
        let error = |bytes: &[u8]| whole(bytes).1.map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(error(b"*x\r\n"), "Protocol error: invalid multibulk length");
        assert_eq!(error(b"*1048577\r\n"), "Protocol error: invalid multibulk length");
        assert_eq!(error(b"*1\r\n:1\r\n"), "Protocol error: expected '$', got ':'");
        assert_eq!(error(b"*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
        assert_eq!(error(b"*1\r\n$99999999999\r\n"), "Protocol error: invalid bulk length");
        assert_eq!(error(b"set \"a\r\n"), "Protocol error: unbalanced quotes in request");
        assert_eq!(error(&[b'a'; 70_000]), "Protocol error: too big inline request");
        let mut long = b"*".to_vec();
        long.extend([b'1'; 70_000]);
        assert_eq!(error(&long), "Protocol error: too big mbulk count string");
    }

    #[test]
    fn a_line_that_ends_sloppily_is_not_canonical() {
        let (commands, ..) = whole(b"*1\r\n$4\r\nPINGxx");
        assert_eq!(commands, [(vec![b"PING".to_vec()], None)]);
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::collection::vec(any::<u8>(), 0..20);
        let command = prop::collection::vec(word, 1..6).prop_map(|parts| {
            let mut out = Vec::new();
            crate::encode_command(&mut out, &parts);
            out
        });
        let noise = prop_oneof![
            Just(b"PING a \"b c\"\r\n".to_vec()),
            Just(b"#TS:12\r\n".to_vec()),
            Just(b"*0\r\n".to_vec()),
            Just(b"\n".to_vec()),
            prop::collection::vec(prop::sample::select(b"*$\r\n019-a\"'".to_vec()), 0..12),
        ];
        prop::collection::vec(prop_oneof![4 => command, 1 => noise], 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn cutting_the_stream_changes_nothing(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8), most in 1usize..5) {
            let mut at: Vec<usize> = cuts.iter().map(|i| i.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let (expected, expected_error, _) = whole(&bytes);
            let (got, error, _) = feed(pieces, most);
            prop_assert_eq!(got, expected);
            prop_assert_eq!(error, expected_error);
        }

        #[test]
        fn canonical_bytes_reencode_to_themselves(bytes in stream()) {
            for (args, canonical) in whole(&bytes).0 {
                if let Some(canonical) = canonical {
                    let mut out = Vec::new();
                    crate::encode_command(&mut out, &args);
                    prop_assert_eq!(out, canonical);
                }
            }
        }
    }
}
