//! Replies, written into the client's output buffer.

use crate::number::{DoubleText, push_prefixed};

/// The version of the protocol a client speaks; chosen by `HELLO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, what every connection starts with.
    #[default]
    Resp2,
    /// RESP3: maps, sets, doubles, pushes.
    Resp3,
}

/// Writes one client's replies. Types that RESP2 lacks are written as RESP2 clients know them.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
    /// Something is written while `out` is shorter than this: 0 while muted, else `most`.
    room: usize,
    most: usize,
}

impl<'a> Reply<'a> {
    /// Replies go to the end of `out`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Reply { out, protocol, room: usize::MAX, most: usize::MAX }
    }

    /// Replies go nowhere (replay, `CLIENT REPLY OFF`).
    pub fn muted(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Reply { out, protocol, room: 0, most: usize::MAX }
    }

    /// Borrows the same output for a shorter time.
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply { out: self.out, protocol: self.protocol, room: self.room, most: self.most }
    }

    /// The version replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Later replies are written in another version.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Stops or resumes writing.
    pub fn set_muted(&mut self, muted: bool) {
        self.room = if muted { 0 } else { self.most };
    }

    /// Once `out` is longer than so many bytes, what is written is dropped. Such a reply cannot be sent: its client must be closed.
    pub fn set_limit(&mut self, bytes: usize) {
        self.most = bytes.saturating_add(1);
        self.set_muted(self.is_muted());
    }

    /// Whether replies go nowhere.
    pub fn is_muted(&self) -> bool {
        self.room == 0
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.out.len() < self.room
    }

    /// Bytes in the output so far.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written after `position`.
    pub fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// Bytes that are already in the protocol.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.has_room() {
            self.out.extend_from_slice(bytes);
        }
    }

    fn header(&mut self, kind: u8, n: i64) {
        if self.has_room() {
            push_prefixed(self.out, kind, n);
        }
    }

    fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status; line breaks become spaces.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error, its code first (`ERR …`), without the leading `-`; line breaks become spaces, those at the end go.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.line(b'-', &text[..end]);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        if !self.has_room() {
            return;
        }
        self.out.push(kind);
        self.out.extend(text.iter().map(|&b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.has_room() {
            crate::push_bulk(self.out, bytes);
        }
    }

    /// A decimal as a bulk string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Nothing: `_` or `$-1`.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `_` or `*-1`.
    pub fn null_array(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// An array of `n` elements, which follow.
    pub fn array(&mut self, n: usize) {
        self.header(b'*', n as i64);
    }

    /// Makes what was written since `position` the `n` elements of an array, when only now their number is known.
    pub fn array_since(&mut self, position: usize, n: usize) {
        self.header_before(position, b'*', n as i64);
    }

    /// Makes what was written since `position` the `n` pairs of a map.
    pub fn map_since(&mut self, position: usize, n: usize) {
        let (kind, n) = if self.is_resp3() { (b'%', n) } else { (b'*', 2 * n) };
        self.header_before(position, kind, n as i64);
    }

    fn header_before(&mut self, position: usize, kind: u8, n: i64) {
        // Also past the limit: what stands behind `position` may be taken back, and then this must be there.
        if !self.is_muted() {
            let mut header = Vec::with_capacity(24);
            push_prefixed(&mut header, kind, n);
            self.out.splice(position..position, header);
        }
    }

    /// A map of `n` pairs, which follow as key, value, key, value.
    pub fn map(&mut self, n: usize) {
        if self.is_resp3() { self.header(b'%', n as i64) } else { self.header(b'*', 2 * n as i64) }
    }

    /// A set of `n` elements, which follow.
    pub fn set(&mut self, n: usize) {
        self.header(if self.is_resp3() { b'~' } else { b'*' }, n as i64);
    }

    /// Attributes of the reply that follows: `n` pairs. Write them only to RESP3 clients.
    pub fn attribute(&mut self, n: usize) {
        debug_assert!(self.is_resp3() || self.is_muted());
        self.header(b'|', n as i64);
    }

    /// An out-of-band message of `n` elements, which follow.
    pub fn push(&mut self, n: usize) {
        self.header(if self.is_resp3() { b'>' } else { b'*' }, n as i64);
    }

    /// A double: `,1.5`, or a bulk string.
    pub fn double(&mut self, value: f64) {
        let text = DoubleText::new(value);
        if self.is_resp3() { self.line(b',', text.as_bytes()) } else { self.bulk(text.as_bytes()) }
    }

    /// A truth value: `#t`, or 1.
    pub fn bool(&mut self, value: bool) {
        match (self.is_resp3(), value) {
            (true, true) => self.raw(b"#t\r\n"),
            (true, false) => self.raw(b"#f\r\n"),
            (false, _) => self.int(value as i64),
        }
    }

    /// An integer of any size: `(…`, or a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        if self.is_resp3() { self.line(b'(', digits.as_bytes()) } else { self.bulk(digits.as_bytes()) }
    }

    /// Text with a format of three letters (`txt`, `mkd`), or a bulk string.
    pub fn verbatim(&mut self, format: &str, text: &str) {
        debug_assert_eq!(format.len(), 3);
        if self.is_resp3() {
            self.header(b'=', text.len() as i64 + 4);
            self.raw(format.as_bytes());
            self.raw(b":");
            self.raw(text.as_bytes());
            self.raw(b"\r\n");
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// An array of bulk strings.
    pub fn bulks<S: AsRef<[u8]>>(&mut self, items: &[S]) {
        self.array(items.len());
        for item in items {
            self.bulk(item.as_ref());
        }
    }

    /// An array of statuses, as help texts come.
    pub fn lines<S: AsRef<str>>(&mut self, items: &[S]) {
        self.array(items.len());
        for item in items {
            self.simple(item.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(protocol: Protocol, f: impl Fn(&mut Reply)) -> String {
        let mut out = Vec::new();
        f(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_type_has_a_form_in_both_versions() {
        let all = |r: &mut Reply| {
            r.map(1);
            r.set(2);
            r.null();
            r.null_array();
            r.double(1.5);
            r.bool(true);
            r.big_number("12");
            r.verbatim("txt", "hi");
            r.push(3);
            r.error("ERR a\nb\r\n");
        };
        assert_eq!(show(Protocol::Resp2, all), "*2\r\n*2\r\n$-1\r\n*-1\r\n$3\r\n1.5\r\n:1\r\n$2\r\n12\r\n$2\r\nhi\r\n*3\r\n-ERR a b\r\n");
        assert_eq!(show(Protocol::Resp3, all), "%1\r\n~2\r\n_\r\n_\r\n,1.5\r\n#t\r\n(12\r\n=6\r\ntxt:hi\r\n>3\r\n-ERR a b\r\n");
    }

    #[test]
    fn a_limited_reply_drops_what_comes_after_the_limit_was_passed() {
        let mut out = b"before".to_vec();
        let mut reply = Reply::new(&mut out, Protocol::Resp2);
        reply.set_limit(16);
        let start = reply.position();
        reply.array(1000);
        reply.reborrow().int(1);
        assert_eq!(reply.position(), 17, "one past the limit");
        (0..999).for_each(|_| reply.bulk(b"dropped"));
        reply.ok();
        assert_eq!(reply.position(), 17);
        reply.truncate(start);
        reply.set_muted(true);
        reply.ok();
        reply.set_muted(false);
        reply.error("ERR");
        assert_eq!(out, b"before-ERR\r\n");
    }

    #[test]
    fn a_muted_reply_writes_nothing() {
        let mut out = Vec::new();
        let mut reply = Reply::muted(&mut out, Protocol::Resp3);
        reply.ok();
        reply.error("ERR x");
        reply.verbatim("txt", "x");
        reply.double(1.0);
        assert!(out.is_empty());
    }
}
