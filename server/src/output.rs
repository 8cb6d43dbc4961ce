//! What a client is to be sent, and from when on it may be.
//!
//! A reply may not leave before the log has reached the position that the reply depends on. So an output is a
//! stream of bytes with *marks*: "up to here, once the log is at this position". Marks are in order, so
//! one that is not due holds back all that follows: replies stay in the order of their commands.
//!
//! ```text
//!  sent            released                             end
//!   │ to be written   │ held                              │
//! ──┴─────────────────┴────────────┬──────────┬───────────┤
//!                                  mark       mark        mark
//! ```
//!
//! Invariant: `sent <= released <= end`, and what is between `released` and `end` is covered by marks.
//!
//! Bytes are kept in chunks, so that a slow reader's backlog is never moved, and a large reply is written to
//! the socket from where it was first put.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// A chunk longer than this is not appended to.
const CHUNK_BYTES: usize = 64 << 10;
/// A buffer up to this size is kept by an idle client.
const KEPT_BYTES: usize = 16 << 10;
/// Chunks handed to the kernel in one call.
const CHUNKS_A_WRITE: usize = 32;

/// Bytes up to `end` wait for the log to reach `needs`.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: u64,
    needs: u64,
    /// What this covers, and what takes its place if the log fails.
    content: Content,
}

/// What waits behind a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// A reply to a command that wrote nothing: an error takes its place.
    Reply,
    /// So many replies to writes: as many errors take their place.
    Writes(u32),
    /// Published messages, which tell of what may not be kept: they are not sent at all.
    Messages,
}

/// One client's output.
#[derive(Default)]
pub(crate) struct Output {
    /// Chunks that are full, oldest first.
    full: VecDeque<Vec<u8>>,
    /// Where replies are appended.
    pub(crate) tail: Vec<u8>,
    /// Bytes of the first chunk that have been sent.
    front_sent: usize,
    sent: u64,
    released: u64,
    /// Position in the stream of the tail's first byte.
    tail_start: u64,
    marks: VecDeque<Mark>,
}

impl Output {
    /// Position after the last byte.
    fn end(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    /// The bytes appended to `tail` since the last call are one reply (or several) that may leave once the log
    /// is at `needs`; it is at `reached` now. `block_start` is where the log's next block begins: replies to
    /// writes of one block share their fate.
    #[inline]
    pub(crate) fn seal(&mut self, needs: u64, wrote: bool, reached: u64, block_start: u64) {
        self.mark(needs, if wrote { Content::Writes(1) } else { Content::Reply }, reached, block_start);
    }

    /// The bytes appended to `tail` since the last call are a message that may leave once the log is at `needs`.
    pub(crate) fn seal_message(&mut self, needs: u64, reached: u64) {
        self.mark(needs, Content::Messages, reached, 0);
    }

    #[inline]
    fn mark(&mut self, needs: u64, content: Content, reached: u64, block_start: u64) {
        let end = self.end();
        let start = self.marks.back().map_or(self.released, |m| m.end);
        if end == start {
            return;
        }
        if needs <= reached && self.marks.is_empty() {
            self.released = end;
        } else {
            match (self.marks.back_mut(), content) {
                (Some(Mark { end: last_end, needs: last_needs, content: Content::Writes(count) }), Content::Writes(more))
                    if *last_needs > block_start =>
                {
                    (*last_end, *last_needs) = (end, needs);
                    *count += more;
                }
                (Some(last), Content::Messages) if last.content == content && last.needs == needs => last.end = end,
                _ => self.marks.push_back(Mark { end, needs, content }),
            }
        }
        if self.tail.len() > CHUNK_BYTES {
            self.tail_start = end;
            self.full.push_back(std::mem::take(&mut self.tail));
        }
    }

    /// The log is at `reached`: lets go of what waited for that. True if there is something to send.
    pub(crate) fn release(&mut self, reached: u64) -> bool {
        while let Some(mark) = self.marks.front()
            && mark.needs <= reached
        {
            self.released = mark.end;
            self.marks.pop_front();
        }
        self.released > self.sent
    }

    /// The log fails at `reached`: replies that wait for more become errors, so that nobody waits for a disk
    /// that may not come back. What they tell of stays queued in the log.
    pub(crate) fn fail(&mut self, reached: u64, error: &str) {
        self.release(reached);
        if self.marks.is_empty() {
            return;
        }
        let mut held = Vec::new();
        let skip = (self.released - self.sent) as usize + self.front_sent;
        let mut chunks: Vec<Vec<u8>> = self.full.drain(..).collect();
        chunks.push(std::mem::take(&mut self.tail));
        let mut position = 0;
        for mut chunk in chunks {
            let start = position;
            position += chunk.len();
            if position <= skip {
                self.full.push_back(chunk);
            } else if start < skip {
                held.extend_from_slice(&chunk[skip - start..]);
                chunk.truncate(skip - start);
                self.full.push_back(chunk);
            } else {
                held.append(&mut chunk);
            }
        }
        self.tail_start = self.released;
        let mut start = self.released;
        for mark in self.marks.drain(..) {
            let bytes = &held[(start - self.released) as usize..(mark.end - self.released) as usize];
            start = mark.end;
            if mark.needs <= reached {
                self.tail.extend_from_slice(bytes);
            } else {
                let errors = match mark.content {
                    Content::Reply => 1,
                    Content::Writes(count) => count,
                    Content::Messages => 0,
                };
                for _ in 0..errors {
                    self.tail.extend_from_slice(format!("-{error}\r\n").as_bytes());
                }
            }
        }
        self.released = self.end();
    }

    /// Whether a reply waits for the log.
    pub(crate) fn is_held(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Whether everything was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent == self.end()
    }

    /// Whether something may be sent now.
    pub(crate) fn is_sendable(&self) -> bool {
        self.released > self.sent
    }

    /// Bytes not sent.
    pub(crate) fn pending_bytes(&self) -> usize {
        (self.end() - self.sent) as usize
    }

    /// Bytes ever sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Chunks held besides the tail (`oll`), and bytes allocated for them (`omem`).
    pub(crate) fn backlog(&self) -> (usize, usize) {
        (self.full.len(), self.full.iter().map(Vec::capacity).sum())
    }

    /// Bytes in the tail (`obl`).
    pub(crate) fn tail_bytes(&self) -> usize {
        self.tail.len()
    }

    /// Bytes allocated.
    pub(crate) fn memory_usage(&self) -> usize {
        self.backlog().1 + self.tail.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// Gives the memory of an empty output back.
    pub(crate) fn give_back(&mut self) {
        if self.is_empty() {
            self.tail = Vec::new();
            self.marks = VecDeque::new();
        }
    }

    /// Sends what may be sent, by `write`, until it is done or the socket takes no more.
    pub(crate) fn send(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while self.released > self.sent {
            let mut allowed = (self.released - self.sent) as usize;
            let mut slices = [IoSlice::new(&[]); CHUNKS_A_WRITE];
            let mut used = 0;
            let mut skip = self.front_sent;
            for chunk in self.full.iter().chain([&self.tail]).take(CHUNKS_A_WRITE) {
                let bytes = &chunk[skip..];
                skip = 0;
                let take = bytes.len().min(allowed);
                if take > 0 {
                    slices[used] = IoSlice::new(&bytes[..take]);
                    used += 1;
                    allowed -= take;
                }
            }
            match write(&slices[..used]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.advance(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// `n` more bytes have been sent.
    fn advance(&mut self, n: usize) {
        self.sent += n as u64;
        self.front_sent += n;
        while let Some(front) = self.full.front()
            && self.front_sent >= front.len()
        {
            self.front_sent -= front.len();
            self.full.pop_front();
        }
        if self.full.is_empty() && self.front_sent == self.tail.len() {
            self.tail_start += self.tail.len() as u64;
            self.front_sent = 0;
            self.tail.clear();
            if self.tail.capacity() > KEPT_BYTES {
                self.tail = Vec::new();
            }
        }
        debug_assert!(self.sent <= self.released && self.released <= self.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(output: &mut Output, into: &mut Vec<u8>, at_once: usize) {
        output
            .send(|slices| {
                let first = slices.iter().find(|s| !s.is_empty()).expect("asked to write something");
                let n = first.len().min(at_once);
                into.extend_from_slice(&first[..n]);
                Ok(n)
            })
            .unwrap();
    }

    fn reply(output: &mut Output, text: &str, needs: u64, wrote: bool, reached: u64) {
        output.tail.extend_from_slice(text.as_bytes());
        output.seal(needs, wrote, reached, reached);
    }

    #[test]
    fn a_held_reply_holds_back_those_after_it() {
        let (mut output, mut sent) = (Output::default(), Vec::new());
        reply(&mut output, "a", 0, false, 0);
        reply(&mut output, "b", 10, true, 0);
        reply(&mut output, "c", 0, false, 0);
        drain(&mut output, &mut sent, 100);
        assert_eq!(sent, b"a");
        assert!(!output.release(9));
        assert!(output.release(10));
        drain(&mut output, &mut sent, 1);
        assert_eq!(sent, b"abc");
        assert!(output.is_empty());
    }

    #[test]
    fn a_failing_log_turns_waiting_writes_into_errors_one_each() {
        let (mut output, mut sent) = (Output::default(), Vec::new());
        for (text, needs, wrote) in [("a", 5, true), ("b", 0, false), ("cc", 10, true), ("d", 12, true), ("e", 0, false)] {
            reply(&mut output, text, needs, wrote, 0);
        }
        output.fail(5, "E");
        drain(&mut output, &mut sent, 2);
        assert_eq!(String::from_utf8(sent).unwrap(), "ab-E\r\n-E\r\ne");
        assert!(!output.is_held());
    }

    #[test]
    fn messages_of_what_may_be_lost_are_not_sent_when_the_log_fails() {
        let (mut output, mut sent) = (Output::default(), Vec::new());
        for (text, needs) in [("a", 5), ("b", 10), ("c", 10), ("d", 3)] {
            output.tail.extend_from_slice(text.as_bytes());
            output.seal_message(needs, 0);
        }
        output.fail(5, "E");
        drain(&mut output, &mut sent, 2);
        assert_eq!(String::from_utf8(sent).unwrap(), "ad");
        assert!(!output.is_held());
    }

    proptest! {
        #[test]
        fn nothing_leaves_early_and_everything_leaves_in_order(
            replies in prop::collection::vec((0u64..20, 0usize..3, any::<bool>()), 1..60), at_once in 1usize..90_000,
        ) {
            let (mut output, mut sent, mut all) = (Output::default(), Vec::new(), Vec::new());
            let mut needs = 0;
            let mut positions = Vec::new();
            for (i, (more, size, wrote)) in replies.into_iter().enumerate() {
                needs += more;
                let bytes = vec![i as u8; [1, 700, 70_000][size]];
                all.extend_from_slice(&bytes);
                output.tail.extend_from_slice(&bytes);
                output.seal(needs, wrote, needs / 2, needs / 2);
                positions.push((needs, all.len()));
            }
            for reached in 0..=needs {
                output.release(reached);
                drain(&mut output, &mut sent, at_once);
                let allowed = positions.iter().take_while(|(needs, _)| *needs <= reached).last().map_or(0, |p| p.1);
                prop_assert!(sent.len() <= allowed.max(positions.iter().rfind(|(n, _)| *n <= needs / 2).map_or(0, |p| p.1)));
            }
            prop_assert_eq!(&sent, &all);
            prop_assert!(output.is_empty());
        }
    }
}
