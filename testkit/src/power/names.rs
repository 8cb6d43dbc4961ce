//! One directory on a disk that may lose power.
//!
//! Names are kept as files are: the durable ones, and the changes since. A rename within the directory is one change, so
//! the target is never without a file; everything else is independent unless the caller asks for the order of a journal.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};

use super::Mark;
use super::media::NodeId;
use crate::rng::Rng;

/// The names of a directory: seen, durable, and between the two.
#[derive(Debug, Clone, Default)]
pub struct Names {
    seen: BTreeMap<OsString, NodeId>,
    durable: BTreeMap<OsString, NodeId>,
    /// Changes that no sync has covered, oldest first, each with its place in the order of all names on the disk.
    pending: VecDeque<(Mark, Change)>,
}

#[derive(Debug, Clone)]
enum Change {
    Add { name: OsString, node: NodeId },
    Remove { name: OsString },
    Rename { from: OsString, to: OsString, node: NodeId },
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<OsString, NodeId>) {
        match self {
            Change::Add { name, node } => {
                names.insert(name.clone(), *node);
            }
            Change::Remove { name } => {
                names.remove(name);
            }
            Change::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl Names {
    /// A directory whose names are all durable.
    pub fn durable(names: BTreeMap<OsString, NodeId>) -> Names {
        Names { seen: names.clone(), durable: names, pending: VecDeque::new() }
    }

    /// What has this name.
    pub fn get(&self, name: &OsStr) -> Option<NodeId> {
        self.seen.get(name).copied()
    }

    /// All names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, NodeId)> {
        self.seen.iter().map(|(name, node)| (name.as_os_str(), *node))
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Gives a node a name, taking it from whatever had it.
    pub fn add(&mut self, at: Mark, name: &OsStr, node: NodeId) {
        self.change(at, Change::Add { name: name.to_owned(), node });
    }

    /// Takes a name away.
    pub fn remove(&mut self, at: Mark, name: &OsStr) {
        self.change(at, Change::Remove { name: name.to_owned() });
    }

    /// Renames within this directory, replacing what has the new name.
    pub fn rename(&mut self, at: Mark, from: &OsStr, to: &OsStr, node: NodeId) {
        self.change(at, Change::Rename { from: from.to_owned(), to: to.to_owned(), node });
    }

    fn change(&mut self, at: Mark, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push_back((at, change));
    }

    /// The changes before `mark` are durable.
    pub fn synced(&mut self, mark: Mark) {
        while self.pending.front().is_some_and(|(at, _)| *at < mark) {
            let (_, change) = self.pending.pop_front().expect("it was just there");
            change.apply(&mut self.durable);
        }
    }

    /// The place of the oldest change that is not durable.
    pub fn oldest_pending(&self) -> Option<Mark> {
        self.pending.front().map(|(at, _)| *at)
    }

    /// What a loss of power leaves if each change survives by itself.
    pub fn independent_survivor(&self, rng: &mut Rng) -> BTreeMap<OsString, NodeId> {
        let percent = [0, 50, 50, 90, 100][rng.below(5) as usize];
        let mut names = self.durable.clone();
        for (_, change) in &self.pending {
            if rng.chance(percent) {
                change.apply(&mut names);
            }
        }
        names
    }

    /// What a loss of power leaves if the changes before `cut` survive, and no later ones.
    pub fn journaled_survivor(&self, cut: Mark) -> BTreeMap<OsString, NodeId> {
        let mut names = self.durable.clone();
        self.pending.iter().filter(|(at, _)| *at < cut).for_each(|(_, change)| change.apply(&mut names));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> OsString {
        text.into()
    }

    fn shown(names: &BTreeMap<OsString, NodeId>) -> String {
        let each = names.iter().map(|(name, node)| format!("{}={}", name.display(), node.0));
        each.collect::<Vec<_>>().join(" ")
    }

    fn losses(names: &Names) -> std::collections::BTreeSet<String> {
        let mut rng = Rng::new(3);
        (0..500).map(|_| shown(&names.independent_survivor(&mut rng))).collect()
    }

    #[test]
    fn a_rename_replaces_wholly_or_not_at_all() {
        let mut names = Names::durable([(name("manifest"), NodeId(1)), (name("temp"), NodeId(2))].into());
        names.rename(Mark(0), &name("temp"), &name("manifest"), NodeId(2));
        assert_eq!(losses(&names), ["manifest=1 temp=2".to_owned(), "manifest=2".to_owned()].into());
    }

    #[test]
    fn a_later_name_may_survive_without_an_earlier_one() {
        let mut names = Names::default();
        names.add(Mark(0), &name("a"), NodeId(1));
        names.add(Mark(1), &name("b"), NodeId(2));
        let all = ["", "a=1", "a=1 b=2", "b=2"].map(str::to_owned);
        assert_eq!(losses(&names), all.into());
        names.synced(Mark(1));
        assert_eq!(losses(&names), ["a=1".to_owned(), "a=1 b=2".to_owned()].into());
    }

    #[test]
    fn a_removed_name_may_come_back_until_the_directory_is_synced() {
        let mut names = Names::durable([(name("a"), NodeId(1))].into());
        names.remove(Mark(0), &name("a"));
        assert!(names.is_empty());
        assert_eq!(losses(&names), [String::new(), "a=1".to_owned()].into());
        names.synced(Mark(1));
        assert_eq!(losses(&names), [String::new()].into());
    }

    #[test]
    fn a_journal_keeps_the_order() {
        let mut names = Names::default();
        names.add(Mark(4), &name("a"), NodeId(1));
        names.add(Mark(9), &name("b"), NodeId(2));
        assert_eq!(shown(&names.journaled_survivor(Mark(4))), "");
        assert_eq!(shown(&names.journaled_survivor(Mark(5))), "a=1");
        assert_eq!(shown(&names.journaled_survivor(Mark(10))), "a=1 b=2");
    }
}
