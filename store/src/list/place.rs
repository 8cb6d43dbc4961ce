//! Lists as values of keys: one set of operations for all forms.
//!
//! A packed list is loaded into a scratch [`List`] of one chunk, changed there, and written back: some hundreds of bytes are
//! copied twice. It moves out when it is longer than an entry may be, and back when it is half of that.

use super::chunk::Chunk;
use super::node::Node;
use super::{List, ListLimits, ListRef, Side};
use crate::entry::{EMBEDDED_MAX_BYTES, Entry};
use crate::large::Large;
use crate::slot::{Occupied, Vacant};
use crate::value::Packed;
use graven_listpack::{HEADER_BYTES, Item, Listpack};
use std::cell::RefCell;

/// A list of one node is packed when it is not longer. Half of the limit, so that one that swings around it does not move
/// each time.
const PACKED_BYTES: usize = EMBEDDED_MAX_BYTES / 2;

/// So many nodes take long to drop.
const MANY_NODES: usize = 256;

thread_local! {
    static SCRATCH: RefCell<Option<List>> = const { RefCell::new(None) };
}

impl List {
    /// Takes the place of what it was: these items, as a listpack.
    fn load(&mut self, listpack: &[u8]) {
        let view = graven_listpack::Listpack::new(listpack);
        let items = view.len();
        let run = view.run().bytes();
        match self.nodes.front_mut() {
            Some(node) => {
                node.chunk_mut().load(run);
                node.items = items as u32;
            }
            None => self.nodes.push_back(Node::new(Chunk::of_run(run), items as u32)),
        }
        self.items = items;
        self.is_quicklist = false;
    }

    /// The listpack that the list is, if it is one of at most so many bytes.
    fn as_short_listpack(&mut self, most: usize) -> Option<&[u8]> {
        if self.is_quicklist || self.listpack_bytes() > most {
            return None;
        }
        let items = self.items;
        Some(self.nodes.front_mut()?.chunk_mut().as_listpack(items))
    }
}

impl Entry {
    /// The value, if it is a list.
    #[inline]
    pub fn list(&self) -> Option<ListRef<'_>> {
        match self.large() {
            Some(Large::List(list)) => Some(ListRef::large(list)),
            _ => match self.packed() {
                Some((Packed::List, listpack)) => Some(ListRef::packed(listpack)),
                _ => None,
            },
        }
    }

    /// A list of these strings, of which there must be one; in the encoding that it would have if they had been pushed one by
    /// one.
    pub fn new_list<S: AsRef<[u8]>>(
        key: &[u8],
        strings: impl Iterator<Item = S>,
        limits: ListLimits,
        deadline: Option<u64>,
        access: u32,
    ) -> Entry {
        Self::new_list_with(key, |push| strings.for_each(|string| push(string.as_ref())), limits, deadline, access)
    }

    /// The same of the strings that `fill` pushes.
    pub fn new_list_with(
        key: &[u8],
        fill: impl FnOnce(&mut dyn FnMut(&[u8])),
        limits: ListLimits,
        deadline: Option<u64>,
        access: u32,
    ) -> Entry {
        let mut list = List::new(limits);
        fill(&mut |string| {
            list.before_growth(limits, string.len(), 1);
            list.push(Side::Right, Item::of(string));
        });
        debug_assert!(list.items > 0, "a list in the keyspace has items");
        Self::of_list(key, list, deadline, access)
    }

    /// A list that is this listpack, if one of its size is kept so.
    pub fn new_packed_list(key: &[u8], listpack: &[u8], limits: ListLimits, deadline: Option<u64>, access: u32) -> Option<Entry> {
        let items = Listpack::new(listpack).len();
        let is_short = listpack.len() <= EMBEDDED_MAX_BYTES && !limits.exceeded(listpack.len(), items);
        is_short.then(|| Entry::new_packed(key, Packed::List, listpack, deadline, access))
    }

    fn of_list(key: &[u8], mut list: List, deadline: Option<u64>, access: u32) -> Entry {
        match list.as_short_listpack(EMBEDDED_MAX_BYTES) {
            Some(listpack) => Entry::new_packed(key, Packed::List, listpack, deadline, access),
            None => Entry::new_large(key, Large::List(Box::new(list)), deadline, access),
        }
    }

    /// Lets `edit` change the list that the value is. If that leaves no item, what the entry holds is meaningless.
    fn edit_list<R>(&mut self, edit: impl FnOnce(&mut List) -> R) -> R {
        if let Some(Large::List(list)) = self.large_mut() {
            let result = edit(list);
            if list.items > 0
                && let Some(listpack) = list.as_short_listpack(PACKED_BYTES)
            {
                let listpack = listpack.to_vec();
                self.set_packed(Packed::List, &listpack);
            }
            return result;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let list = scratch.get_or_insert_with(|| List::new(ListLimits::of(&Default::default())));
            list.load(self.packed().expect("the value is a list").1);
            let result = edit(list);
            if list.items == 0 {
                return result;
            }
            match list.as_short_listpack(EMBEDDED_MAX_BYTES) {
                Some(listpack) => self.set_packed(Packed::List, listpack),
                None => self.set_large(Large::List(Box::new(scratch.take().expect("put there above")))),
            }
            result
        })
    }
}

/// The operations on lists. The value must be one ([`Entry::list`] tells). Who takes the last item removes the key.
impl Occupied<'_> {
    /// Adds strings, one after the other, at one end; returns the new length.
    #[inline]
    pub fn list_push<'v>(&mut self, side: Side, strings: impl Iterator<Item = &'v [u8]> + Clone, limits: ListLimits) -> usize {
        self.change().edit_list(|list| {
            if !list.is_quicklist {
                let (bytes, items) = strings.clone().fold((0, 0), |(bytes, items), string| (bytes + string.len(), items + 1));
                list.before_growth(limits, bytes, items);
            }
            strings.for_each(|string| list.push(side, Item::of(string)));
            list.len()
        })
    }

    /// Removes `count` items, fewer than there are, from one end, showing each.
    #[inline]
    pub fn list_pop(&mut self, side: Side, count: usize, limits: ListLimits, each: impl FnMut(Item<'_>)) {
        self.change().edit_list(|list| {
            list.pop(side, count, each);
            list.after_shrinking(limits);
        });
    }

    /// Moves the item at one end to the other end.
    pub fn list_rotate(&mut self, from: Side, limits: ListLimits) {
        self.change().edit_list(|list| {
            let mut moved = Vec::new();
            list.pop(from, 1, |item| moved = item.to_vec());
            list.push(from.other(), Item::of(&moved));
            list.after_shrinking(limits);
        });
    }

    /// Puts a string in the place of item `index`, which must exist.
    pub fn list_set(&mut self, index: usize, string: &[u8], limits: ListLimits) {
        self.change().edit_list(|list| {
            list.before_growth(limits, string.len(), 1);
            list.set(index, Item::of(string));
            list.after_shrinking(limits);
        });
    }

    /// Adds a string before (`Side::Left`) or after the first item that equals `pivot`; returns the new length, or `None` if
    /// there is no such item.
    pub fn list_insert(&mut self, pivot: &[u8], side: Side, string: &[u8], limits: ListLimits) -> Option<usize> {
        self.change().edit_list(|list| {
            list.before_growth(limits, string.len(), 1);
            list.insert_beside(Item::of(pivot), side, Item::of(string)).then(|| list.len())
        })
    }

    /// Removes items that equal `string`, at most `most` of them, from one end on; returns how many, and how many are left. If
    /// none is left, the key must be removed.
    pub fn list_remove(&mut self, string: &[u8], most: usize, side: Side, limits: ListLimits) -> (usize, usize) {
        self.change().edit_list(|list| {
            let removed = list.remove_equal(Item::of(string), most, side);
            list.after_shrinking(limits);
            (removed, list.len())
        })
    }

    /// Removes items from both ends, fewer than there are. If that takes long to drop, it is returned, as a list of no key.
    pub fn list_trim(&mut self, from_left: usize, from_right: usize, limits: ListLimits) -> Option<Entry> {
        self.change().edit_list(|list| {
            let mut gone = list.cut(Side::Left, from_left);
            gone.append(&mut list.cut(Side::Right, from_right));
            list.after_shrinking(limits);
            (gone.len() > MANY_NODES).then(|| {
                let items = gone.iter().map(|node| node.items as usize).sum();
                let gone = List { nodes: gone, items, limits, is_quicklist: true };
                Entry::new_large(b"", Large::List(Box::new(gone)), None, 0)
            })
        })
    }
}

impl<'a> Vacant<'a> {
    /// Creates the key as a list of strings, pushed one after the other at one end. There must be one.
    pub fn insert_list<'v>(
        self,
        side: Side,
        strings: impl Iterator<Item = &'v [u8]> + Clone,
        limits: ListLimits,
        access: u32,
    ) -> Occupied<'a> {
        let key = self.key().bytes;
        let entry = SCRATCH.with_borrow_mut(|scratch| {
            let list = scratch.get_or_insert_with(|| List::new(limits));
            list.load(&EMPTY);
            let (bytes, items) = strings.clone().fold((0, 0), |(bytes, items), string| (bytes + string.len(), items + 1));
            list.before_growth(limits, bytes, items);
            strings.for_each(|string| list.push(side, Item::of(string)));
            match list.as_short_listpack(EMBEDDED_MAX_BYTES) {
                Some(listpack) => Entry::new_packed(key, Packed::List, listpack, None, access),
                None => Entry::new_large(key, Large::List(Box::new(scratch.take().expect("put there above"))), None, access),
            }
        });
        self.insert_entry(entry)
    }
}

/// An empty listpack.
const EMPTY: [u8; HEADER_BYTES + 1] = [HEADER_BYTES as u8 + 1, 0, 0, 0, 0, 0, 0xff];
