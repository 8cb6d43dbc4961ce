//! Walking the living entries of a stream, in either direction.

use super::node::{Located, Master, Node};
use super::{NodePlace, Stream, StreamId};
use graven_listpack::{Item, Iter, Listpack, Place};

/// One entry of a stream.
#[derive(Clone, Copy)]
pub struct StreamEntry<'a> {
    /// Its identifier.
    pub id: StreamId,
    pack: Listpack<'a>,
    fields: usize,
    /// Where the names are, if they are the node's.
    names_at: Option<Place>,
    content_at: Place,
}

impl<'a> StreamEntry<'a> {
    pub(super) fn new(node: Node<'a>, master: &Master, entry: &Located) -> StreamEntry<'a> {
        StreamEntry {
            id: entry.id,
            pack: node.pack,
            fields: entry.fields,
            names_at: entry.has_same_fields().then_some(master.fields_at),
            content_at: entry.content_at,
        }
    }

    /// Number of its fields.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Its fields with their values.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        let names = self.names_at.map(|at| self.pack.iter_from(at));
        Fields { left: self.fields, names, content: self.pack.iter_from(self.content_at) }
    }
}

impl Stream {
    /// Hands out what a digest of the stream is made of, in order, as `DEBUG DIGEST` of Redis mixes it: for each entry its
    /// identifier with a dot in it, then its fields and values.
    pub fn digest_parts(&self, mix: &mut dyn FnMut(&[u8])) {
        let mut scratch = [0; 20];
        for entry in self.range(StreamId::MIN, StreamId::MAX) {
            mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields() {
                mix(field.to_bytes(&mut scratch));
                mix(value.to_bytes(&mut scratch));
            }
        }
    }
}

/// Fields and values of one entry.
pub struct Fields<'a> {
    left: usize,
    names: Option<Iter<'a>>,
    content: Iter<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.content.next()?,
        };
        Some((name, self.content.next()?))
    }
}

/// The living entries between two identifiers, both included.
pub struct StreamRange<'a> {
    stream: &'a Stream,
    start: StreamId,
    end: StreamId,
    reverse: bool,
    /// The node to open next.
    next_node: Option<NodePlace>,
    open: Option<Walk<'a>>,
}

/// A position in a node.
struct Walk<'a> {
    node: Node<'a>,
    master: Master,
    at: Place,
}

impl<'a> StreamRange<'a> {
    pub(super) fn new(stream: &'a Stream, start: StreamId, end: StreamId, reverse: bool) -> StreamRange<'a> {
        // Entries from `start` on can be in the last node that does not begin after it; those up to `end` in all before and in it.
        let next_node = match reverse {
            _ if start > end => None,
            true => stream.node_of(end),
            false => stream.node_of(start).or_else(|| stream.first_node()),
        };
        StreamRange { stream, start, end, reverse, next_node, open: None }
    }

    fn open_next(&mut self) -> Option<Walk<'a>> {
        let place = self.next_node?;
        self.next_node = if self.reverse { self.stream.node_before(place) } else { self.stream.node_after(place) };
        let node = self.stream.node(place);
        let master = node.master();
        let at = if self.reverse { node.pack.end() } else { master.entries_at };
        Some(Walk { node, master, at })
    }

    fn stop(&mut self) {
        self.open = None;
        self.next_node = None;
    }
}

impl<'a> Walk<'a> {
    #[inline]
    fn step(&mut self, reverse: bool) -> Option<Located> {
        if reverse {
            if self.at <= self.master.entries_at {
                return None;
            }
            self.at = self.node.before(self.at);
            return Some(self.node.entry(&self.master, self.at));
        }
        if self.at >= self.node.pack.end() {
            return None;
        }
        let entry = self.node.entry(&self.master, self.at);
        self.at = self.node.after(&entry);
        Some(entry)
    }
}

impl<'a> Iterator for StreamRange<'a> {
    type Item = StreamEntry<'a>;

    fn next(&mut self) -> Option<StreamEntry<'a>> {
        loop {
            let walk = match &mut self.open {
                Some(walk) => walk,
                closed => {
                    *closed = None;
                    let walk = self.open_next()?;
                    self.open.insert(walk)
                }
            };
            let Some(entry) = walk.step(self.reverse) else {
                self.open = None;
                continue;
            };
            let past_the_end = if self.reverse { entry.id < self.start } else { entry.id > self.end };
            if past_the_end {
                self.stop();
                return None;
            }
            if !entry.is_deleted() && self.start <= entry.id && entry.id <= self.end {
                return Some(StreamEntry::new(walk.node, &walk.master, &entry));
            }
        }
    }
}
