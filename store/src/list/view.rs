//! Looking at lists of any form.

use super::{List, Side};
use graven_listpack::{Item, Listpack, Run};
use std::ops::ControlFlow;

/// A list, borrowed.
#[derive(Clone, Copy)]
pub struct ListRef<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Packed(Listpack<'a>),
    Large(&'a List),
}

impl<'a> ListRef<'a> {
    #[inline]
    pub(super) fn packed(listpack: &'a [u8]) -> ListRef<'a> {
        ListRef(Form::Packed(Listpack::new(listpack)))
    }

    #[inline]
    pub(super) fn large(list: &'a List) -> ListRef<'a> {
        ListRef(Form::Large(list))
    }

    /// Number of items; never 0 in the keyspace.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Packed(listpack) => listpack.len(),
            Form::Large(list) => list.len(),
        }
    }

    /// Shows item `index`, if there is one. Whole nodes are skipped, from the nearer end.
    #[inline]
    pub fn get<R>(self, index: usize, look: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        if index >= self.len() {
            return None;
        }
        let show = |run: Run<'_>, index, items| look(run.at(run.place(index, items)).0);
        Some(match self.0 {
            Form::Packed(listpack) => show(listpack.run(), index, listpack.len()),
            Form::Large(list) => {
                let (node, index) = list.locate(index);
                let node = &list.nodes[node];
                node.with_run(|run| show(run, index, node.items as usize))
            }
        })
    }

    /// Shows all items, first to last.
    #[inline]
    pub fn for_each(self, mut each: impl FnMut(Item<'_>)) {
        let _ = self.walk(0, Side::Left, |item| {
            each(item);
            ControlFlow::Continue(())
        });
    }

    /// Shows items from `index` on, forwards (`Side::Left`) or backwards, until `each` breaks or there are no more. Nothing
    /// happens if there is no item `index`.
    pub fn walk(self, index: usize, side: Side, mut each: impl FnMut(Item<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        if index >= self.len() {
            return ControlFlow::Continue(());
        }
        match self.0 {
            Form::Packed(listpack) => walk_run(listpack.run(), index, listpack.len(), side, &mut each),
            Form::Large(list) => {
                let (mut node, mut index) = list.locate(index);
                loop {
                    let here = &list.nodes[node];
                    here.with_run(|run| walk_run(run, index, here.items as usize, side, &mut each))?;
                    match side {
                        Side::Left if node + 1 < list.nodes.len() => (node, index) = (node + 1, 0),
                        Side::Right if node > 0 => {
                            node -= 1;
                            index = list.nodes[node].items as usize - 1;
                        }
                        _ => return ControlFlow::Continue(()),
                    }
                }
            }
        }
    }

    /// How many runs [`ListRef::for_each_run`] shows.
    pub fn runs(self) -> usize {
        match self.0 {
            Form::Packed(_) => 1,
            Form::Large(list) => list.nodes.len(),
        }
    }

    /// Shows the list as runs of items with their number, first to last: what a file that stores nodes needs.
    pub fn for_each_run(self, mut each: impl FnMut(Run<'_>, usize)) {
        match self.0 {
            Form::Packed(listpack) => each(listpack.run(), listpack.len()),
            Form::Large(list) => list.nodes.iter().for_each(|node| node.with_run(|run| each(run, node.items as usize))),
        }
    }
}

/// Walks one run of `items` items from item `index` on.
#[inline]
fn walk_run(run: Run<'_>, index: usize, items: usize, side: Side, each: &mut impl FnMut(Item<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut place = run.place(index, items);
    match side {
        Side::Left => {
            while place < run.end() {
                let (item, next) = run.at(place);
                each(item)?;
                place = next;
            }
        }
        Side::Right => {
            each(run.at(place).0)?;
            while let Some(before) = run.before(place) {
                each(run.at(before).0)?;
                place = before;
            }
        }
    }
    ControlFlow::Continue(())
}
