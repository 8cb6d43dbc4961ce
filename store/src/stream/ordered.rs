//! A map from identifiers in order, made of chunks that clones share until one of the two writes.
//!
//! Entries become pending in ascending order and are mostly acknowledged in that order too: additions at the end and
//! removals at the front touch one chunk, and everything else finds its chunk by binary search. No chunk is empty, so the
//! first identifier of each stands for it.

use super::StreamId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Entries of a full chunk.
const CHUNK_ENTRIES: usize = 128;
/// Chunks that are left with fewer join a neighbour.
const FEW_ENTRIES: usize = 16;

type Chunk<V> = Vec<(StreamId, V)>;

#[derive(Clone)]
pub(super) struct Ordered<V> {
    chunks: VecDeque<Arc<Chunk<V>>>,
    len: usize,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Ordered { chunks: VecDeque::new(), len: 0 }
    }
}

impl<V: Clone> Ordered<V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The chunk that has this identifier, if any has.
    fn chunk_of(&self, id: StreamId) -> Option<usize> {
        self.chunks.partition_point(|chunk| chunk[0].0 <= id).checked_sub(1)
    }

    fn locate(&self, id: StreamId) -> Option<(usize, usize)> {
        let chunk = self.chunk_of(id)?;
        let place = self.chunks[chunk].binary_search_by_key(&id, |entry| entry.0).ok()?;
        Some((chunk, place))
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&V> {
        let (chunk, place) = self.locate(id)?;
        Some(&self.chunks[chunk][place].1)
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        let (chunk, place) = self.locate(id)?;
        Some(&mut Arc::make_mut(&mut self.chunks[chunk])[place].1)
    }

    pub(super) fn first(&self) -> Option<StreamId> {
        Some(self.chunks.front()?[0].0)
    }

    pub(super) fn last(&self) -> Option<StreamId> {
        Some(self.chunks.back()?.last()?.0)
    }

    /// Adds an entry that is not there.
    pub(super) fn insert(&mut self, id: StreamId, value: V) {
        self.len += 1;
        let at_the_end = self.last().is_none_or(|last| last < id);
        if at_the_end {
            match self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK_ENTRIES) {
                Some(chunk) => Arc::make_mut(chunk).push((id, value)),
                None => self.chunks.push_back(Arc::new(vec![(id, value)])),
            }
            return;
        }
        let mut chunk = self.chunk_of(id).unwrap_or(0);
        if self.chunks[chunk].len() >= CHUNK_ENTRIES {
            let upper = Arc::make_mut(&mut self.chunks[chunk]).split_off(CHUNK_ENTRIES / 2);
            let in_upper = upper[0].0 <= id;
            self.chunks.insert(chunk + 1, Arc::new(upper));
            chunk += usize::from(in_upper);
        }
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        let place = entries.partition_point(|entry| entry.0 < id);
        debug_assert!(entries.get(place).is_none_or(|entry| entry.0 != id));
        entries.insert(place, (id, value));
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Option<V> {
        let (chunk, place) = self.locate(id)?;
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        let (_, value) = entries.remove(place);
        self.len -= 1;
        if entries.is_empty() {
            self.chunks.remove(chunk);
        } else if entries.len() < FEW_ENTRIES {
            self.join(chunk);
        }
        Some(value)
    }

    /// Moves the entries of a small chunk into the one before it, if that leaves room.
    fn join(&mut self, chunk: usize) {
        let Some(before) = chunk.checked_sub(1) else { return };
        if self.chunks[before].len() + self.chunks[chunk].len() > CHUNK_ENTRIES / 2 {
            return;
        }
        let moved = self.chunks.remove(chunk).expect("it was just looked at");
        Arc::make_mut(&mut self.chunks[before]).extend(moved.iter().cloned());
    }

    /// The entries from an identifier on.
    pub(super) fn from(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &V)> {
        let chunk = self.chunk_of(id).unwrap_or(0);
        let skipped = self.chunks.get(chunk).map_or(0, |entries| entries.partition_point(|entry| entry.0 < id));
        self.chunks.range(chunk.min(self.chunks.len())..).flat_map(|chunk| chunk.iter()).skip(skipped).map(|(id, value)| (*id, value))
    }

    /// Bytes held.
    pub(super) fn memory_usage(&self) -> usize {
        // Chunks are alike.
        let chunk = self.chunks.front().map_or(0, |chunk| size_of::<Chunk<V>>() + 16 + chunk.capacity() * size_of::<(StreamId, V)>());
        self.chunks.len() * chunk + self.chunks.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A walk through additions and removals in every place, beside a map of the standard library.
    #[test]
    fn it_is_an_ordered_map() {
        let mut ordered = Ordered::default();
        let mut model = BTreeMap::new();
        let mut state = 7u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for step in 0..60_000u64 {
            let growing = step / 10_000 % 2 == 0;
            let id = StreamId { ms: random(2_000), seq: 0 };
            if random(10) < if growing { 7 } else { 3 } {
                if model.insert(id, step).is_none() {
                    ordered.insert(id, step);
                } else {
                    *ordered.get_mut(id).unwrap() = step;
                }
            } else {
                assert_eq!(ordered.remove(id), model.remove(&id));
            }
            assert_eq!(ordered.len(), model.len());
            let probe = StreamId { ms: random(2_000), seq: 0 };
            assert_eq!(ordered.get(probe), model.get(&probe));
            assert!(ordered.from(probe).take(5).eq(model.range(probe..).take(5).map(|(id, value)| (*id, value))));
        }
        assert_eq!(ordered.first(), model.keys().next().copied());
        assert_eq!(ordered.last(), model.keys().next_back().copied());
        assert!(ordered.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_ENTRIES));
    }
}
