//! Streams at keys.

use super::Stream;
use crate::entry::Entry;
use crate::large::Large;
use crate::slot::{Occupied, Vacant};

impl Entry {
    /// A stream.
    pub fn new_stream(key: &[u8], stream: Stream, deadline: Option<u64>, access: u32) -> Entry {
        Entry::new_large(key, Large::Stream(Box::new(stream)), deadline, access)
    }

    /// The stream it holds; `None` if it holds another type.
    pub fn stream(&self) -> Option<&Stream> {
        match self.large()? {
            Large::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

impl<'a> Occupied<'a> {
    /// The stream, to be changed; `None` if the value is none.
    #[inline]
    pub fn stream_mut(&mut self) -> Option<&mut Stream> {
        match self.change().large_mut()? {
            Large::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

impl<'a> Occupied<'a> {
    /// The stream, to be changed for as long as the database is borrowed; `None` if the value is none.
    pub fn into_stream_mut(self) -> Option<&'a mut Stream> {
        match self.into_change().large_mut()? {
            Large::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

impl<'a> Vacant<'a> {
    /// Creates the key with a stream.
    pub fn insert_stream(self, stream: Stream, access: u32) -> Occupied<'a> {
        let entry = Entry::new_stream(self.key().bytes, stream, None, access);
        self.insert_entry(entry)
    }
}
