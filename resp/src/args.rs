//! The arguments of one command, borrowed from where they arrived.

use std::ops::Index;

/// Where one argument lies, relative to the first byte of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    /// The bytes `start..end` of a buffer; nothing if it ends past 4 GiB.
    pub fn new(start: usize, end: usize) -> Option<Span> {
        let (start, end) = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
        Some(Span { start, len: end.checked_sub(start)? })
    }
}

/// A command's arguments; the command's name is argument 0. Never empty.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    canonical: bool,
}

impl<'a> Args<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [Span], canonical: bool) -> Self {
        debug_assert!(!spans.is_empty());
        Args { bytes, spans, canonical }
    }

    /// Arguments that somebody else has found in `bytes`; there must be at least one.
    pub fn from_spans(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Args::new(bytes, spans, false)
    }

    /// How many arguments there are, the name included.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Argument `i`, or nothing past the end.
    #[inline]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.spans.get(i).map(|s| &self.bytes[s.start as usize..(s.start + s.len) as usize])
    }

    /// Argument `i`; panics past the end, as an index does.
    #[inline]
    pub fn at(&self, i: usize) -> &'a [u8] {
        let s = self.spans[i];
        &self.bytes[s.start as usize..(s.start + s.len) as usize]
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |s| &bytes[s.start as usize..(s.start + s.len) as usize])
    }

    /// Arguments from `i` on.
    pub fn skip(&self, i: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans[i.min(self.spans.len())..].iter().map(move |s| &bytes[s.start as usize..(s.start + s.len) as usize])
    }

    /// The bytes as they arrived, if that is exactly how the command would be encoded
    /// (`*n\r\n$len\r\n…\r\n…`), so that the log may take them as they are.
    #[inline]
    pub fn canonical(&self) -> Option<&'a [u8]> {
        self.canonical.then_some(self.bytes)
    }

    /// The command without its first `n` arguments (the subcommand's own view); `n` must be less than `len`.
    pub fn tail(&self, n: usize) -> Args<'a> {
        Args::new(self.bytes, &self.spans[n..], false)
    }

    /// How many bytes all arguments take together.
    pub fn total_bytes(&self) -> usize {
        self.spans.iter().map(|s| s.len as usize).sum()
    }

    /// A copy that outlives the buffer (a queued transaction, a blocked client).
    pub fn to_owned(&self) -> OwnedArgs {
        match self.canonical {
            true => OwnedArgs { bytes: self.bytes.into(), spans: self.spans.into() },
            false => OwnedArgs::from_parts(self.iter()),
        }
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];
    #[inline]
    fn index(&self, i: usize) -> &[u8] {
        self.at(i)
    }
}

/// A command that owns its bytes, always in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedArgs {
    bytes: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Encodes the parts; there must be at least one.
    pub fn from_parts<'p>(parts: impl ExactSizeIterator<Item = &'p [u8]>) -> Self {
        let mut bytes = Vec::new();
        let mut spans = Vec::with_capacity(parts.len());
        crate::number::push_prefixed(&mut bytes, b'*', parts.len() as i64);
        for part in parts {
            crate::push_bulk(&mut bytes, part);
            spans.push(Span { start: (bytes.len() - part.len() - 2) as u32, len: part.len() as u32 });
        }
        OwnedArgs { bytes: bytes.into(), spans: spans.into() }
    }

    /// Borrows the arguments.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans, true)
    }

    /// Bytes of memory held.
    pub fn memory_usage(&self) -> usize {
        self.bytes.len() + std::mem::size_of_val(&*self.spans)
    }
}
