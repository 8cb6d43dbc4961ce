//! Reading: walking in both directions, by index, searching.

use crate::item::{Item, back_len, read_back_len};
use crate::run::{Run, RunIter};
use crate::{COUNT_UNKNOWN, END, HEADER_BYTES};

/// Where an item begins, or where the end mark is: an offset in bytes. An edit before it makes it invalid.
pub type Place = usize;

/// A view of a listpack.
#[derive(Clone, Copy, Debug)]
pub struct Listpack<'a>(&'a [u8]);

impl<'a> Listpack<'a> {
    /// Looks at bytes that are a listpack: written by this crate, or validated.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() > HEADER_BYTES && bytes[bytes.len() - 1] == END);
        Listpack(bytes)
    }

    /// All bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The items alone.
    #[inline]
    pub fn run(self) -> Run<'a> {
        Run::new(&self.0[HEADER_BYTES..self.end()])
    }

    /// Number of items.
    #[inline]
    pub fn len(self) -> usize {
        match u16::from_le_bytes([self.0[4], self.0[5]]) {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no item.
    pub fn is_empty(self) -> bool {
        self.first() == self.end()
    }

    /// Where the first item is, if there is one.
    #[inline]
    pub fn first(self) -> Place {
        HEADER_BYTES
    }

    /// Where the end mark is.
    #[inline]
    pub fn end(self) -> Place {
        self.0.len() - 1
    }

    /// Where the last item is; `None` if there is none.
    pub fn last(self) -> Option<Place> {
        self.before(self.end())
    }

    /// The place after an item.
    #[inline]
    pub fn after(self, place: Place) -> Place {
        let len = Item::len_at(self.0, place);
        place + len + back_len(len)
    }

    /// The item before a place; `None` before the first.
    #[inline]
    pub fn before(self, place: Place) -> Option<Place> {
        if place <= HEADER_BYTES {
            return None;
        }
        let (len, back) = read_back_len(self.0, place).expect("an item ends with its length");
        Some(place - len - back)
    }

    /// The item at a place.
    #[inline]
    pub fn at(self, place: Place) -> Item<'a> {
        Item::read(self.0, place).0
    }

    /// The item at a place, if that is not the end.
    #[inline]
    pub fn get(self, place: Place) -> Option<Item<'a>> {
        (place < self.end()).then(|| self.at(place))
    }

    /// The place of item `index`; walks from the nearer end. `None` past the last.
    pub fn place(self, index: usize) -> Option<Place> {
        let count = self.len();
        if index >= count {
            return None;
        }
        if index <= count / 2 {
            return Some((0..index).fold(self.first(), |place, _| self.after(place)));
        }
        (index..count).try_fold(self.end(), |place, _| self.before(place))
    }

    /// The items, from both ends.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(self.first())
    }

    /// The items from a place on.
    #[inline]
    pub fn iter_from(self, place: Place) -> Iter<'a> {
        Iter(self.run().iter_from(place - HEADER_BYTES))
    }

    /// The place of the first item that equals `string`, among every `step`-th from `from` on (which is the place of an item,
    /// or the end).
    #[inline]
    pub fn find(self, from: Place, string: &[u8], step: usize) -> Option<Place> {
        let wanted = Item::of(string);
        let end = self.end();
        let mut place = from;
        while place < end {
            let (item, len) = Item::read(self.0, place);
            if item == wanted {
                return Some(place);
            }
            place += len + back_len(len);
            for _ in 1..step {
                place = self.after(place);
            }
        }
        None
    }
}

/// Items in order, from both ends.
#[derive(Clone)]
pub struct Iter<'a>(RunIter<'a>);

impl<'a> Iter<'a> {
    /// Where the next item is, or the end of what is left.
    pub fn place(&self) -> Place {
        HEADER_BYTES + self.0.place()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.0.next()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}
