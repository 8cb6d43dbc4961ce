//! Items one after the other, without the header and the end mark of a listpack: what larger structures are made of.

use crate::item::{Item, back_len, read_back_len};
use crate::read::Place;

/// A view of items that lie one after the other. The bytes are trusted, as those of a [`crate::Listpack`] are.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a>(&'a [u8]);

impl<'a> Run<'a> {
    /// Looks at items written by this crate, or validated as part of a listpack.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Run(bytes)
    }

    /// All bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The place after the last item.
    #[inline]
    pub fn end(self) -> Place {
        self.0.len()
    }

    /// The item at a place, and the place after it.
    #[inline]
    pub fn at(self, place: Place) -> (Item<'a>, Place) {
        let (item, len) = Item::read(self.0, place);
        (item, place + len + back_len(len))
    }

    /// The place after the item at a place.
    #[inline]
    pub fn after(self, place: Place) -> Place {
        let len = Item::len_at(self.0, place);
        place + len + back_len(len)
    }

    /// The item before a place; `None` before the first.
    #[inline]
    pub fn before(self, place: Place) -> Option<Place> {
        if place == 0 {
            return None;
        }
        let (len, back) = read_back_len(self.0, place).expect("an item ends with its length");
        Some(place - len - back)
    }

    /// The place of item `index` of `items`; walks from the nearer end. The end for `index == items`.
    pub fn place(self, index: usize, items: usize) -> Place {
        debug_assert!(index <= items);
        if index <= items / 2 {
            return (0..index).fold(0, |place, _| self.after(place));
        }
        (index..items).fold(self.end(), |place, _| self.before(place).expect("there are as many items"))
    }

    /// The items, from both ends.
    #[inline]
    pub fn iter(self) -> RunIter<'a> {
        self.iter_from(0)
    }

    /// The items from a place on.
    #[inline]
    pub fn iter_from(self, place: Place) -> RunIter<'a> {
        RunIter { run: self, front: place, back: self.end() }
    }
}

/// Items in order, from both ends.
#[derive(Clone)]
pub struct RunIter<'a> {
    run: Run<'a>,
    front: Place,
    back: Place,
}

impl RunIter<'_> {
    /// Where the next item is, or the end of what is left.
    #[inline]
    pub fn place(&self) -> Place {
        self.front
    }
}

impl<'a> Iterator for RunIter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (item, next) = self.run.at(self.front);
        self.front = next;
        Some(item)
    }
}

impl DoubleEndedIterator for RunIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.run.before(self.back)?;
        Some(self.run.at(self.back).0)
    }
}
