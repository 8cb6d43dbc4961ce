//! A run of items in a buffer with room at both ends, so that neither end's growth moves what is there.
//!
//! ```text
//! buffer  ┌──────┬──────────────────────────┬──────────┐
//!         │ room │ items, as in a listpack  │   room   │
//!         └──────┴──────────────────────────┴──────────┘
//!                head                       tail
//! ```

use super::Side;
use crate::entry::size_class;
use graven_listpack::{HEADER_BYTES, Item, Place, Run, frame};

/// The smallest buffer.
const MIN_BYTES: usize = 64;
/// Buffers up to this size are kept however empty they are.
const KEPT_BYTES: usize = 512;

/// Items in a buffer. Places are relative to the first item.
#[derive(Clone, Default)]
pub(super) struct Chunk {
    buffer: Box<[u8]>,
    head: usize,
    tail: usize,
}

impl Chunk {
    /// An empty chunk with room for so many bytes, all of it where `side` grows into.
    pub(super) fn with_room(side: Side, bytes: usize) -> Chunk {
        let buffer = vec![0; size_class(bytes.max(MIN_BYTES))].into_boxed_slice();
        let start = if side == Side::Left { buffer.len() } else { 0 };
        Chunk { buffer, head: start, tail: start }
    }

    /// A chunk of these items, with no room.
    pub(super) fn of_run(run: &[u8]) -> Chunk {
        Chunk { buffer: run.into(), head: 0, tail: run.len() }
    }

    /// Bytes of the items.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.tail - self.head
    }

    #[inline]
    pub(super) fn run(&self) -> Run<'_> {
        Run::new(&self.buffer[self.head..self.tail])
    }

    #[inline]
    fn run_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.head..self.tail]
    }

    pub(super) fn memory_usage(&self) -> usize {
        size_class(self.buffer.len())
    }

    /// Empties it and puts these items in, in the middle.
    pub(super) fn load(&mut self, run: &[u8]) {
        if self.buffer.len() < 2 * run.len() {
            *self = Chunk::with_room(Side::Right, 4 * run.len());
        }
        self.head = (self.buffer.len() - run.len()) / 2;
        self.tail = self.head + run.len();
        self.buffer[self.head..self.tail].copy_from_slice(run);
    }

    /// The items as a listpack, written around them.
    pub(super) fn as_listpack(&mut self, items: usize) -> &[u8] {
        if self.head < HEADER_BYTES || self.tail == self.buffer.len() {
            let mut buffer = vec![0; size_class(HEADER_BYTES + self.len() + 1)].into_boxed_slice();
            buffer[HEADER_BYTES..HEADER_BYTES + self.len()].copy_from_slice(self.run().bytes());
            *self = Chunk { buffer, head: HEADER_BYTES, tail: HEADER_BYTES + self.len() };
        }
        let listpack = &mut self.buffer[self.head - HEADER_BYTES..=self.tail];
        frame(listpack, items);
        listpack
    }

    /// Adds an item at one end. The buffer grows to `most` bytes, and only beyond if it must.
    #[inline]
    pub(super) fn push(&mut self, side: Side, item: Item<'_>, most: usize) {
        let len = item.stored_len();
        if self.room(side) < len {
            self.make_room(side, len, most);
        }
        let start = match side {
            Side::Left => {
                self.head -= len;
                self.head
            }
            Side::Right => {
                self.tail += len;
                self.tail - len
            }
        };
        item.write(&mut self.buffer[start..start + len]);
    }

    /// The item at one end, and the bytes it takes. There must be one.
    #[inline]
    pub(super) fn end_item(&self, side: Side) -> (Item<'_>, usize) {
        let run = self.run();
        let place = match side {
            Side::Left => 0,
            Side::Right => run.before(run.end()).expect("a node has items"),
        };
        let (item, next) = run.at(place);
        (item, next - place)
    }

    /// Removes so many bytes of whole items at one end.
    #[inline]
    pub(super) fn cut(&mut self, side: Side, bytes: usize) {
        debug_assert!(bytes <= self.len());
        match side {
            Side::Left => self.head += bytes,
            Side::Right => self.tail -= bytes,
        }
        if self.buffer.len() > KEPT_BYTES && self.len() < self.buffer.len() / 4 {
            self.resize(side, self.buffer.len() / 2);
        }
    }

    /// Puts an item in the place of the `old` bytes (one item, or none) at `at`.
    pub(super) fn splice(&mut self, at: Place, old: usize, item: Item<'_>, most: usize) {
        let new = item.stored_len();
        let before_is_shorter = at < self.len() - at - old;
        let side = if before_is_shorter { Side::Left } else { Side::Right };
        if new > old && self.room(side) < new - old {
            self.make_room(side, new - old, most);
        }
        let place = self.head + at;
        match side {
            Side::Left => {
                let head = self.head + old - new;
                self.buffer.copy_within(self.head..place, head);
                self.head = head;
            }
            Side::Right => {
                self.buffer.copy_within(place + old..self.tail, place + new);
                self.tail = self.tail + new - old;
            }
        }
        let place = self.head + at;
        item.write(&mut self.buffer[place..place + new]);
    }

    /// Removes so many bytes of whole items at a place.
    pub(super) fn cut_at(&mut self, at: Place, bytes: usize) {
        let end = self.len();
        self.run_mut().copy_within(at + bytes..end, at);
        self.cut(Side::Right, bytes);
    }

    /// Removes the items that equal `wanted`, at most `most` of them, beginning at one end; returns how many.
    pub(super) fn remove_equal(&mut self, wanted: Item<'_>, most: usize, side: Side) -> usize {
        let run = self.run();
        let (mut from, mut removed) = (0, 0);
        if side == Side::Right {
            // The last ones go: find the first of those, and remove all from there on.
            from = run.end();
            while removed < most
                && let Some(place) = run.before(from)
            {
                removed += usize::from(run.at(place).0 == wanted);
                from = place;
            }
            if removed == 0 {
                return 0;
            }
            removed = 0;
        }
        let (mut read, mut kept, end) = (from, from, run.end());
        while read < end && removed < most {
            let (item, next) = self.run().at(read);
            if item == wanted {
                removed += 1;
            } else {
                self.run_mut().copy_within(read..next, kept);
                kept += next - read;
            }
            read = next;
        }
        self.run_mut().copy_within(read..end, kept);
        self.cut(Side::Right, read - kept);
        removed
    }

    /// Takes the items from `at` on out, into a chunk of their own.
    pub(super) fn split_off(&mut self, at: Place) -> Chunk {
        let rest = Chunk::of_run(&self.run().bytes()[at..]);
        self.cut(Side::Right, rest.len());
        rest
    }

    /// Adds all items of another chunk at the end.
    pub(super) fn append(&mut self, other: &Chunk, most: usize) {
        if self.room(Side::Right) < other.len() {
            self.make_room(Side::Right, other.len(), most);
        }
        self.buffer[self.tail..self.tail + other.len()].copy_from_slice(other.run().bytes());
        self.tail += other.len();
    }

    /// Gives back what is not needed by a chunk that will hardly grow.
    pub(super) fn seal(&mut self) {
        if size_class(self.len()) < self.buffer.len() {
            self.resize(Side::Right, self.len());
        }
    }

    #[inline]
    fn room(&self, side: Side) -> usize {
        match side {
            Side::Left => self.head,
            Side::Right => self.buffer.len() - self.tail,
        }
    }

    /// Makes room for `more` bytes at one end: by a larger buffer, or by moving the items if a quarter of the buffer or more
    /// is free, or if it may not become larger.
    #[cold]
    fn make_room(&mut self, side: Side, more: usize, most: usize) {
        let (needed, size) = (self.len() + more, self.buffer.len());
        let larger = if size < most { (2 * size).min(most) } else { size };
        if needed > size - size / 4 && larger > size || needed > size {
            let size = if needed > larger && larger >= most { needed + needed / 8 } else { larger.max(needed) };
            return self.resize(side, size);
        }
        // The other end keeps a part, so that pushes at both ends in turn do not move everything each time.
        let other = (size - needed) / 4;
        let head = match side {
            Side::Left => size - other - self.len(),
            Side::Right => other,
        };
        self.buffer.copy_within(self.head..self.tail, head);
        (self.head, self.tail) = (head, head + self.len());
    }

    /// Moves the items to a buffer of another size, with the room at one end.
    fn resize(&mut self, side: Side, bytes: usize) {
        let mut new = Chunk::with_room(Side::Right, bytes.max(self.len()));
        new.head = if side == Side::Left { new.buffer.len() - self.len() } else { 0 };
        new.tail = new.head + self.len();
        new.buffer[new.head..new.tail].copy_from_slice(self.run().bytes());
        *self = new;
    }
}
