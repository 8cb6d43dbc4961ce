//! Walking the living entries of a stream, in either direction.

use super::node::{Located, Master, Node};
use super::{Stream, StreamId};
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
    pub(super) fn new(node: &'a Node, master: &Master, entry: &Located) -> StreamEntry<'a> {
        StreamEntry {
            id: entry.id,
            pack: node.view(),
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
    /// The node to open next, and one more than that backwards.
    next_node: usize,
    open: Option<Walk<'a>>,
}

/// A position in a node.
struct Walk<'a> {
    node: &'a Node,
    master: Master,
    at: Place,
}

impl<'a> StreamRange<'a> {
    pub(super) fn new(stream: &'a Stream, start: StreamId, end: StreamId, reverse: bool) -> StreamRange<'a> {
        let nodes = &stream.nodes;
        // Entries from `start` on can be in the last node that does not begin after it; those up to `end` in all before and in it.
        let next_node = if reverse {
            nodes.partition_point(|node| node.id <= end)
        } else {
            nodes.partition_point(|node| node.id <= start).saturating_sub(1)
        };
        let next_node = if start > end && reverse { 0 } else { next_node };
        StreamRange { stream, start, end, reverse, next_node, open: None }
    }

    fn open_next(&mut self) -> Option<Walk<'a>> {
        let nodes = &self.stream.nodes;
        if self.reverse {
            self.next_node = self.next_node.checked_sub(1)?;
            let node = &nodes[self.next_node];
            return Some(Walk { node, master: node.master(), at: node.view().end() });
        }
        let node = nodes.get(self.next_node)?;
        self.next_node += 1;
        let master = node.master();
        Some(Walk { node, master, at: master.entries_at })
    }

    fn stop(&mut self) {
        self.open = None;
        self.next_node = if self.reverse { 0 } else { self.stream.nodes.len() };
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
        if self.at >= self.node.view().end() {
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
