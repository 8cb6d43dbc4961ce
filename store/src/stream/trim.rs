//! Taking entries out: from the front, or one by one.

use super::{Stream, StreamId};
use std::sync::Arc;

/// What a stream is trimmed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// So many entries (`MAXLEN`).
    Length(u64),
    /// Entries from this identifier on (`MINID`).
    MinId(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// To what.
    pub to: TrimTo,
    /// Only whole nodes go (`~`).
    pub approximate: bool,
    /// At most so many entries go; 0 for any number.
    pub limit: u64,
}

impl Stream {
    /// Takes entries out at the front; returns how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let (mut nodes, mut removed, mut next_partly) = (0, 0, false);
        for node in self.chunks.iter().flat_map(|chunk| chunk.iter()) {
            let left = self.length - removed;
            if matches!(trim.to, TrimTo::Length(most) if left <= most) {
                break;
            }
            let live = node.master().live as u64;
            if trim.limit != 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::Length(most) => left - live >= most,
                TrimTo::MinId(id) => node.last_id() < id,
            };
            if !whole {
                next_partly = !trim.approximate;
                break;
            }
            nodes += 1;
            removed += live;
        }
        self.remove_first_nodes(nodes);
        self.length -= removed;
        if next_partly {
            removed += self.trim_first_node(trim.to);
        }
        if removed > 0 {
            self.find_first_id();
        }
        removed
    }

    fn remove_first_nodes(&mut self, mut count: usize) {
        while let Some(chunk) = self.chunks.front_mut()
            && count > 0
        {
            if count < chunk.len() {
                return Arc::make_mut(chunk).remove(0..count);
            }
            count -= chunk.len();
            self.chunks.pop_front();
        }
    }

    /// Marks entries at the front of the first node as deleted, some of which stay.
    fn trim_first_node(&mut self, to: TrimTo) -> u64 {
        let Some(chunk) = self.chunks.front_mut() else { return 0 };
        let node = chunk.node(0);
        let master = node.master();
        let end = node.pack.end();
        let (mut at, mut gone) = (master.entries_at, Vec::new());
        while at < end {
            let entry = node.entry(&master, at);
            let stay = match to {
                TrimTo::Length(most) => self.length - gone.len() as u64 <= most,
                TrimTo::MinId(id) => entry.id >= id,
            };
            if stay {
                break;
            }
            at = node.after(&entry);
            if !entry.is_deleted() {
                gone.push(entry);
            }
        }
        if !gone.is_empty() {
            Arc::make_mut(chunk).mark_deleted(0, &gone);
        }
        self.length -= gone.len() as u64;
        gone.len() as u64
    }

    /// Takes one entry out (`XDEL`), which the greatest deleted identifier then remembers; false if it is not there.
    /// [`Stream::first_id`] is right again after [`Stream::find_first_id`].
    fn delete_one(&mut self, id: StreamId) -> bool {
        let Some(place) = self.node_of(id) else { return false };
        let node = self.node(place);
        let Some(entry) = node.find(id) else { return false };
        let was_last = node.master().live == 1;
        let chunk = &mut self.chunks[place.chunk];
        match was_last {
            true if chunk.len() == 1 => {
                self.chunks.remove(place.chunk);
            }
            true => Arc::make_mut(chunk).remove(place.node..place.node + 1),
            false => Arc::make_mut(chunk).mark_deleted(place.node, &[entry]),
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Takes entries out (`XDEL`); returns how many were there.
    pub fn delete(&mut self, ids: impl Iterator<Item = StreamId>) -> u64 {
        let (mut deleted, mut first_gone) = (0, false);
        for id in ids {
            if self.delete_one(id) {
                deleted += 1;
                first_gone |= id == self.first_id;
            }
        }
        if self.length == 0 && deleted > 0 || first_gone {
            self.find_first_id();
        }
        deleted
    }

    /// Takes out the marks of deleted entries after an identifier, after which none lives: what is added next would stand behind them
    /// and have a smaller identifier.
    pub(super) fn forget_deleted_after(&mut self, id: StreamId) {
        while let Some(chunk) = self.chunks.back_mut().filter(|chunk| chunk.last().last_id() > id) {
            let last = chunk.len() - 1;
            if let Some(living) = chunk.last().without_deleted() {
                return Arc::make_mut(chunk).replace(last, living);
            }
            if last == 0 {
                self.chunks.pop_back();
            } else {
                Arc::make_mut(chunk).remove(last..last + 1);
            }
        }
    }

    fn find_first_id(&mut self) {
        self.first_id = self.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id);
    }
}
