//! Changing lists elsewhere than at their ends.
//!
//! A change touches one node, or two when one is split or merged; nodes that became small are merged with a neighbour, so that
//! many removals do not leave many small nodes.

use super::chunk::Chunk;
use super::node::Node;
use super::{LISTPACK_OVERHEAD_BYTES, List, Side};
use graven_listpack::{Item, Place, Run};
use std::collections::VecDeque;

/// An item in a list.
struct Spot {
    node: usize,
    /// Its number in the node.
    index: usize,
    place: Place,
}

impl List {
    /// Puts another item in the place of item `index`, which exists.
    pub(super) fn set(&mut self, index: usize, item: Item<'_>) {
        let (node, index) = self.locate(index);
        let items = self.nodes[node].items as usize;
        let chunk = self.nodes[node].chunk_mut();
        let place = chunk.run().place(index, items);
        let old = chunk.run().after(place) - place;
        let len = chunk.len() - old + item.stored_len();
        if self.is_quicklist && items > 1 && LISTPACK_OVERHEAD_BYTES + len > self.limits.node_bytes() {
            // It does not fit the node any more.
            self.remove_from(node, place, old, 1);
            return self.insert(Spot { node, index, place }, item);
        }
        self.nodes[node].chunk_mut().splice(place, old, item, self.limits.node_bytes());
        self.recompress(node);
    }

    /// Adds an item before or after the first that equals `pivot`; false if there is none.
    pub(super) fn insert_beside(&mut self, pivot: Item<'_>, side: Side, item: Item<'_>) -> bool {
        let found = self.nodes.iter().enumerate().find_map(|(node, here)| {
            let (index, place) = here.with_run(|run| find(run, pivot))?;
            Some(Spot { node, index, place })
        });
        let Some(mut spot) = found else { return false };
        if side == Side::Right {
            spot.place = self.nodes[spot.node].with_run(|run| run.after(spot.place));
            spot.index += 1;
        }
        self.insert(spot, item);
        true
    }

    /// Adds an item before the one at a spot, which may also be the end of a node.
    fn insert(&mut self, spot: Spot, item: Item<'_>) {
        let Spot { node, index, place } = spot;
        let most = self.limits.node_bytes();
        let (at_start, at_end) = (index == 0, index == self.nodes[node].items as usize);
        let mut touched = node;
        self.items += 1;
        if self.has_room(&self.nodes[node], item.len()) {
            let node = &mut self.nodes[node];
            node.chunk_mut().splice(place, 0, item, most);
            node.items += 1;
        } else if at_start && node > 0 && self.has_room(&self.nodes[node - 1], item.len()) {
            touched = node - 1;
            self.push_to(node - 1, Side::Right, item);
        } else if at_end && node + 1 < self.nodes.len() && self.has_room(&self.nodes[node + 1], item.len()) {
            touched = node + 1;
            self.push_to(node + 1, Side::Left, item);
        } else {
            touched = if at_start { node } else { node + 1 };
            if !at_start && !at_end {
                self.split(node, place, index);
            }
            self.nodes.insert(touched, Node::new(Chunk::with_room(Side::Right, item.stored_len()), 0));
            self.push_to(touched, Side::Right, item);
            // The new node is merged with the part before or after it where there is room.
            self.merge(touched);
            self.merge_before(touched);
        }
        (touched.saturating_sub(2)..(touched + 3).min(self.nodes.len())).for_each(|node| self.recompress(node));
        self.settle_compression(3);
    }

    fn push_to(&mut self, node: usize, side: Side, item: Item<'_>) {
        let most = self.limits.node_bytes();
        let node = &mut self.nodes[node];
        node.chunk_mut().push(side, item, most);
        node.items += 1;
    }

    /// Splits a node before one of its items; both parts have some.
    fn split(&mut self, node: usize, place: Place, index: usize) {
        let left = &mut self.nodes[node];
        let chunk = left.chunk_mut().split_off(place);
        let right = Node::new(chunk, left.items - index as u32);
        left.items = index as u32;
        self.nodes.insert(node + 1, right);
    }

    /// Merges a node with the one after it, if one node may hold both.
    fn merge(&mut self, node: usize) {
        let (Some(left), Some(right)) = (self.nodes.get(node), self.nodes.get(node + 1)) else { return };
        let items = left.items + right.items;
        if self.limits.exceeded(LISTPACK_OVERHEAD_BYTES + left.len() + right.len(), items as usize) {
            return;
        }
        let mut right = self.nodes.remove(node + 1).expect("it was there");
        let most = self.limits.node_bytes();
        let left = &mut self.nodes[node];
        left.chunk_mut().append(right.chunk_mut(), most);
        left.items = items;
    }

    fn merge_before(&mut self, node: usize) {
        if node > 0 {
            self.merge(node - 1);
        }
    }

    /// Removes `items` items, of `bytes` bytes, from `place` on; not all of a node's.
    fn remove_from(&mut self, node: usize, place: Place, bytes: usize, items: usize) {
        let here = &mut self.nodes[node];
        here.chunk_mut().cut_at(place, bytes);
        here.items -= items as u32;
        self.items -= items;
    }

    /// Removes items that equal `wanted`, at most `most` of them, from one end on; returns how many.
    pub(super) fn remove_equal(&mut self, wanted: Item<'_>, most: usize, side: Side) -> usize {
        let before = self.nodes.len();
        let (mut removed, mut seen) = (0, 0);
        while removed < most && seen < self.nodes.len() {
            let node = match side {
                Side::Left => seen,
                Side::Right => self.nodes.len() - 1 - seen,
            };
            // A node without any is neither copied nor expanded for good.
            if self.nodes[node].with_run(|run| find(run, wanted)).is_none() {
                seen += 1;
                continue;
            }
            let here = &mut self.nodes[node];
            let gone = here.chunk_mut().remove_equal(wanted, most - removed, side);
            here.items -= gone as u32;
            self.items -= gone;
            removed += gone;
            if here.items == 0 {
                self.nodes.remove(node);
                // Its neighbours may fit one node now; then they are looked at again, which finds nothing twice.
                self.merge_before(node);
                seen = seen.saturating_sub(1);
                continue;
            }
            let nodes = self.nodes.len();
            match side {
                Side::Left => self.merge_before(node),
                Side::Right => self.merge(node),
            }
            if self.nodes.len() == nodes {
                seen += 1;
            }
            self.recompress(node.min(self.nodes.len() - 1));
            self.recompress(node.saturating_sub(1));
        }
        self.settle_compression(before - self.nodes.len());
        removed
    }

    /// Removes `count` items from one end; returns the nodes that went as wholes.
    pub(super) fn cut(&mut self, side: Side, count: usize) -> VecDeque<Node> {
        let mut left = count;
        let is_whole = |node: &&Node| {
            let items = node.items as usize;
            let fits = items <= left;
            left -= if fits { items } else { 0 };
            fits
        };
        let gone = match side {
            Side::Left => {
                let whole = self.nodes.iter().take_while(is_whole).count();
                let rest = self.nodes.split_off(whole);
                std::mem::replace(&mut self.nodes, rest)
            }
            Side::Right => {
                let whole = self.nodes.iter().rev().take_while(is_whole).count();
                self.nodes.split_off(self.nodes.len() - whole)
            }
        };
        self.items -= count;
        if left > 0
            && let Some(node) = self.end_mut(side)
        {
            let items = node.items as usize;
            let chunk = node.chunk_mut();
            let run = chunk.run();
            let bytes = match side {
                Side::Left => run.place(left, items),
                Side::Right => run.end() - run.place(items - left, items),
            };
            chunk.cut(side, bytes);
            node.items -= left as u32;
        }
        self.settle_compression(gone.len());
        gone
    }
}

/// The first item that equals `wanted`: its number and its place.
fn find(run: Run<'_>, wanted: Item<'_>) -> Option<(usize, Place)> {
    let (mut place, mut index) = (0, 0);
    while place < run.end() {
        let (item, next) = run.at(place);
        if item == wanted {
            return Some((index, place));
        }
        (place, index) = (next, index + 1);
    }
    None
}
