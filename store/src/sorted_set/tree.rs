//! The order of a large sorted set: a B+tree of [`Run`]s that counts what is below each node.
//!
//! ```text
//! Inner   separators (a Run), elements below each child, children
//! Leaf    a Run of up to 32 pairs and 2 KiB of members
//! ```
//!
//! Insertion, removal, the rank of a pair and the pair at a rank take one descent. Separator `i` is a lower bound of child
//! `i` and above everything in child `i - 1`; it is no longer than it takes to tell them apart, so inner nodes are small and
//! stay in the cache. Separator 0 means nothing: what is below the first child's old bound goes there all the same.
//!
//! Nodes are behind `Arc`s: a clone of the tree is a clone of its root, and a write copies the nodes on its path that are
//! shared, one of them a leaf. That is what a capture costs while it lasts, so leaves are small.
//!
//! Why the tree stays shallow: a node that overflows splits; one that shrinks merges with a neighbour when both together
//! leave room. So of two neighbours at least one is well filled, but for long members, which have leaves of their own.

use crate::sorted_set::run::Run;
use std::iter::Flatten;
use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

/// Pairs in a leaf.
const LEAF_LEN: usize = 32;
/// Bytes of the members in a leaf of more than one.
const LEAF_BYTES: usize = 2048;
/// A member that is longer has a leaf of its own.
const LONG_MEMBER: usize = LEAF_BYTES / 4;
/// Children of an inner node.
const FANOUT: usize = 64;

/// All pairs in order.
#[derive(Clone, Default)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

#[derive(Clone)]
enum Node {
    Leaf(Run),
    Inner(Arc<Inner>),
}

#[derive(Clone, Default)]
struct Inner {
    separators: Run,
    counts: Vec<usize>,
    children: Vec<Node>,
}

/// The runs of a tree in order, without its inner nodes; what has been passed is held no longer. So whoever shares the tree and
/// changes it copies only runs that lie ahead.
pub(super) struct Runs(Flatten<IntoIter<Vec<Node>>>);

impl Iterator for Runs {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        self.0.next().map(|node| match node {
            Node::Leaf(run) => run,
            Node::Inner(_) => unreachable!("only leaves were collected"),
        })
    }
}

/// Whether a node is the first or the last of its level: what is added there is probably the beginning of a row.
#[derive(Clone, Copy)]
struct Edge {
    first: bool,
    last: bool,
}

impl Default for Node {
    fn default() -> Node {
        Node::Leaf(Run::default())
    }
}

/// What the tree holds and costs, see [`Tree::memory_usage`].
#[derive(Default)]
struct Sample {
    leaves: usize,
    pairs: usize,
    bytes: usize,
}

impl Tree {
    /// Number of pairs.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All runs, to be gone through and let go of.
    pub(super) fn into_runs(self) -> Runs {
        let mut leaves = Vec::new();
        self.root.take_apart(&mut leaves);
        Runs(leaves.into_iter().flatten())
    }

    /// Adds a pair that is not there.
    pub(super) fn insert(&mut self, score: f64, member: &[u8]) {
        self.len += 1;
        let added = self.root.insert(score, member, Edge { first: true, last: true });
        if !added.is_empty() {
            let mut root = Inner::default();
            root.push(std::mem::take(&mut self.root));
            added.into_iter().for_each(|node| root.push(node));
            self.root = Node::Inner(Arc::new(root));
        }
    }

    /// Takes a pair out; false if it is not there.
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        let removed = self.root.remove(score, member);
        self.len -= usize::from(removed);
        self.lower_root();
        removed
    }

    /// Takes out pairs by rank, the first of the range and as many others as are in its leaf; returns those.
    pub(super) fn remove_some(&mut self, range: Range<usize>) -> Run {
        let mut removed = Run::default();
        if !range.is_empty() {
            self.root.remove_some(range, &mut removed);
            self.len -= removed.len();
            self.lower_root();
        }
        removed
    }

    fn lower_root(&mut self) {
        loop {
            let only = match &mut self.root {
                Node::Inner(inner) if inner.children.len() == 1 => Arc::make_mut(inner).children.pop(),
                _ => return,
            };
            self.root = only.expect("there was one");
        }
    }

    /// How many pairs come before a place, of which `before` tells whether pair `i` of a run comes before it.
    pub(super) fn rank(&self, before: impl Fn(&Run, usize) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(run) => return rank + run.partition(0..run.len(), |i| before(run, i)),
                Node::Inner(inner) => {
                    let separators = &inner.separators;
                    let child = separators.partition(1..separators.len(), |i| before(separators, i)) - 1;
                    rank += inner.counts[..child].iter().sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The rank of a pair that is there, or that it would have.
    pub(super) fn rank_of(&self, score: f64, member: &[u8]) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(run) => return rank + run.find(score, member).unwrap_or_else(|at| at),
                Node::Inner(inner) => {
                    let child = inner.child_of(score, member);
                    rank += inner.counts[..child].iter().sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The run with the pair of a rank, and where it is there; the rank must be below the number of pairs.
    pub(super) fn at(&self, mut rank: usize) -> (&Run, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => return (run, rank),
                Node::Inner(inner) => {
                    let child = inner.child_at(&mut rank);
                    if let Some(Node::Leaf(next)) = inner.children.get(child + 1) {
                        next.prefetch();
                    }
                    node = &inner.children[child];
                }
            }
        }
    }

    /// Asks for the leaf where a pair is or would be.
    pub(super) fn prefetch(&self, score: f64, member: &[u8]) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => return run.prefetch(),
                Node::Inner(inner) => node = &inner.children[inner.child_of(score, member)],
            }
        }
    }

    /// Bytes held for `len` pairs, estimated from some of the leaves if there are many.
    pub(super) fn memory_usage(&self, len: usize) -> usize {
        let mut sample = Sample::default();
        self.root.sample(&mut sample);
        (sample.bytes as f64 * len as f64 / sample.pairs.max(1) as f64) as usize
    }
}

impl Inner {
    fn child_of(&self, score: f64, member: &[u8]) -> usize {
        match self.separators.find_in(1..self.children.len(), score, member) {
            Ok(at) => at,
            Err(at) => at - 1,
        }
    }

    /// The child with the pair of a rank, which becomes its rank there.
    fn child_at(&self, rank: &mut usize) -> usize {
        let mut child = 0;
        while *rank >= self.counts[child] {
            *rank -= self.counts[child];
            child += 1;
        }
        child
    }

    fn push(&mut self, node: Node) {
        self.add(self.children.len(), node);
    }

    /// Puts a node before child `at`; everything in it comes after child `at - 1`.
    fn add(&mut self, at: usize, node: Node) {
        if at == 0 {
            self.separators.insert(0, f64::NEG_INFINITY, b"");
        } else {
            let (score, member) = node.first();
            let (last_score, last) = self.children[at - 1].last();
            let shared = || member.iter().zip(last).take_while(|(one, other)| one == other).count();
            let needed = if last_score == score { shared() + 1 } else { 0 };
            self.separators.insert(at, score, &member[..needed]);
        }
        self.counts.insert(at, node.len());
        self.children.insert(at, node);
    }

    fn take(&mut self, at: usize) -> Node {
        self.separators.remove(at..at + 1);
        self.counts.remove(at);
        self.children.remove(at)
    }

    /// After child `at` has shrunk: it goes if it is empty, or merges with a neighbour if they leave room.
    fn tidy(&mut self, at: usize) {
        if self.counts[at] == 0 {
            self.take(at);
            return;
        }
        let neighbours = [at.checked_sub(1), (at + 1 < self.children.len()).then_some(at)];
        for lower in neighbours.into_iter().flatten() {
            let (left, right) = self.children.split_at_mut(lower + 1);
            if left[lower].absorb(&right[0]) {
                self.counts[lower] += self.counts[lower + 1];
                self.take(lower + 1);
                return;
            }
        }
    }

    fn split_off(&mut self, at: usize) -> Inner {
        Inner { separators: self.separators.split_off(at), counts: self.counts.split_off(at), children: self.children.split_off(at) }
    }
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(run) => run.len(),
            Node::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    fn first(&self) -> (f64, &[u8]) {
        match self {
            Node::Leaf(run) => (run.score(0), run.member(0)),
            Node::Inner(inner) => inner.children[0].first(),
        }
    }

    fn last(&self) -> (f64, &[u8]) {
        match self {
            Node::Leaf(run) => (run.score(run.len() - 1), run.member(run.len() - 1)),
            Node::Inner(inner) => inner.children[inner.children.len() - 1].last(),
        }
    }

    /// Inserts a pair; what does not fit comes back as nodes to put after this one.
    fn insert(&mut self, score: f64, member: &[u8], edge: Edge) -> Vec<Node> {
        let inner = match self {
            Node::Leaf(run) => return insert_into_leaf(run, score, member, edge).into_iter().map(Node::Leaf).collect(),
            Node::Inner(inner) => Arc::make_mut(inner),
        };
        let child = inner.child_of(score, member);
        let edge = Edge { first: edge.first && child == 0, last: edge.last && child + 1 == inner.children.len() };
        let added = inner.children[child].insert(score, member, edge);
        if added.is_empty() {
            inner.counts[child] += 1;
            return Vec::new();
        }
        inner.counts[child] = inner.children[child].len();
        for (i, node) in added.into_iter().enumerate() {
            inner.add(child + 1 + i, node);
        }
        if inner.children.len() <= FANOUT {
            return Vec::new();
        }
        let at = if edge.last { FANOUT - 1 } else { FANOUT / 2 };
        vec![Node::Inner(Arc::new(inner.split_off(at)))]
    }

    fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        match self {
            Node::Leaf(run) => match run.find(score, member) {
                Ok(at) => run.remove(at..at + 1),
                Err(_) => return false,
            },
            Node::Inner(inner) => {
                let inner = Arc::make_mut(inner);
                let child = inner.child_of(score, member);
                if !inner.children[child].remove(score, member) {
                    return false;
                }
                inner.counts[child] -= 1;
                inner.tidy(child);
            }
        }
        true
    }

    /// Moves the first pairs of a range of ranks to `removed`, as many as are in one leaf.
    fn remove_some(&mut self, range: Range<usize>, removed: &mut Run) {
        match self {
            Node::Leaf(run) => {
                let range = range.start..range.end.min(run.len());
                removed.extend_from(run, range.clone());
                run.remove(range);
            }
            Node::Inner(inner) => {
                let inner = Arc::make_mut(inner);
                let mut start = range.start;
                let child = inner.child_at(&mut start);
                inner.children[child].remove_some(start..start + range.len(), removed);
                inner.counts[child] -= removed.len();
                inner.tidy(child);
            }
        }
    }

    /// Takes in the content of the next node of the same level, if there is room for it and some more.
    fn absorb(&mut self, next: &Node) -> bool {
        match (self, next) {
            (Node::Leaf(run), Node::Leaf(next)) => {
                let len = run.len() + next.len();
                let bytes = run.member_bytes() + next.member_bytes();
                if len > LEAF_LEN * 3 / 4 || bytes > LEAF_BYTES * 3 / 4 {
                    return false;
                }
                run.extend_from(next, 0..next.len());
                true
            }
            (Node::Inner(inner), Node::Inner(next)) => {
                if inner.children.len() + next.children.len() > FANOUT * 3 / 4 {
                    return false;
                }
                let inner = Arc::make_mut(inner);
                next.children.iter().for_each(|child| inner.push(child.clone()));
                true
            }
            _ => unreachable!("the children of a node are of one level"),
        }
    }

    /// Collects the leaves below in order, those of each parent together.
    fn take_apart(self, leaves: &mut Vec<Vec<Node>>) {
        match self {
            Node::Leaf(_) => leaves.push(vec![self]),
            Node::Inner(inner) => {
                let children = Arc::unwrap_or_clone(inner).children;
                match children.first() {
                    Some(Node::Inner(_)) => children.into_iter().for_each(|child| child.take_apart(leaves)),
                    _ => leaves.push(children),
                }
            }
        }
    }

    fn sample(&self, sample: &mut Sample) {
        const LEAVES: usize = 64;
        match self {
            Node::Leaf(run) => {
                sample.leaves += 1;
                sample.pairs += run.len();
                sample.bytes += run.memory_usage() + size_of::<Node>() + size_of::<usize>() + run.memory_usage() / run.len().max(1);
            }
            Node::Inner(inner) => {
                for child in &inner.children {
                    if sample.leaves >= LEAVES {
                        return;
                    }
                    child.sample(sample);
                }
            }
        }
    }
}

/// Inserts a pair into a leaf; returns the leaves that come after it from then on.
fn insert_into_leaf(run: &mut Run, score: f64, member: &[u8], edge: Edge) -> Vec<Run> {
    let at = run.find(score, member).unwrap_or_else(|at| at);
    let fits = run.len() < LEAF_LEN && run.member_bytes() + member.len() <= LEAF_BYTES;
    if fits || run.len() == 0 {
        run.insert(at, score, member);
        return Vec::new();
    }
    let alone = member.len() > LONG_MEMBER || run.len() == 1 || edge.last && at == run.len() || edge.first && at == 0;
    if alone {
        let mut only = Run::default();
        only.insert(0, score, member);
        let upper = run.split_off(at);
        if at == 0 {
            *run = only;
            return vec![upper];
        }
        return if upper.len() == 0 { vec![only] } else { vec![only, upper] };
    }
    let half = run.member_bytes() / 2;
    let mut middle = run.len() / 2;
    if run.len() < LEAF_LEN {
        // The bytes are what is too much; one long member cannot be in the way, it is alone.
        middle = run.partition(1..run.len() - 1, |i| run.end(i) < half);
    }
    let mut upper = run.split_off(middle);
    if at <= middle {
        run.insert(at, score, member)
    } else {
        upper.insert(at - middle, score, member)
    }
    vec![upper]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u32) -> Vec<u8> {
        format!("member:{n}").into_bytes()
    }

    fn tree(pairs: u32) -> Tree {
        let mut tree = Tree::default();
        (0..pairs).for_each(|n| tree.insert(f64::from(n.wrapping_mul(0x9e37_79b9) % 1000), &name(n)));
        tree
    }

    fn leaves<'a>(node: &'a Node, found: &mut Vec<&'a Run>) {
        match node {
            Node::Leaf(run) => found.push(run),
            Node::Inner(inner) => inner.children.iter().for_each(|child| leaves(child, found)),
        }
    }

    /// The depth of the leaves below a node, all the same; counts and separators are right everywhere.
    fn check(node: &Node) -> usize {
        let Node::Inner(inner) = node else { return 0 };
        assert!(inner.children.len() <= FANOUT && inner.children.len() == inner.separators.len());
        let depths: Vec<usize> = inner.children.iter().map(check).collect();
        assert!(depths.iter().all(|depth| *depth == depths[0]), "{depths:?}");
        for (i, child) in inner.children.iter().enumerate() {
            assert_eq!(inner.counts[i], child.len());
            assert!(child.len() > 0);
            if i > 0 {
                let separator = (inner.separators.score(i), inner.separators.member(i));
                assert!(separator <= child.first() && separator > inner.children[i - 1].last());
            }
        }
        depths[0] + 1
    }

    #[test]
    fn a_write_copies_one_leaf_of_a_shared_tree() {
        let original = tree(20_000);
        let mut changed = original.clone();
        changed.insert(500.5, b"new");
        let (mut before, mut after) = (Vec::new(), Vec::new());
        leaves(&original.root, &mut before);
        leaves(&changed.root, &mut after);
        let copied = after.iter().filter(|run| before.iter().all(|other| run.address() != other.address())).count();
        assert!((1..=2).contains(&copied), "{copied} of {}", after.len());
        assert_eq!(original.rank_of(f64::INFINITY, b""), 20_000);
        assert_eq!(changed.rank_of(f64::INFINITY, b""), 20_001);
    }

    #[test]
    fn what_is_below_the_bound_of_the_first_child_is_found() {
        let mut tree = Tree::default();
        (0..200).for_each(|n| tree.insert(f64::from(n), b"x"));
        // The first children go, and with them the separator that was below everything.
        tree.remove_some(0..LEAF_LEN);
        while tree.at(0).0.score(0) < 100.0 {
            tree.remove_some(0..1);
        }
        let members: Vec<Vec<u8>> = (0..100).map(|n| format!("y{n:02}").into_bytes()).collect();
        members.iter().rev().for_each(|member| tree.insert(50.0, member));
        check(&tree.root);
        for (rank, member) in members.iter().enumerate() {
            assert_eq!(tree.rank_of(50.0, member), rank);
        }
        assert!(members.iter().all(|member| tree.remove(50.0, member)));
    }

    #[test]
    fn runs_that_have_been_passed_are_not_shared_any_more() {
        let mut kept = tree(20_000);
        let mut runs = kept.clone().into_runs();
        let mut passed: usize = runs.by_ref().take(100).map(|run| run.len()).sum();
        // The pair is behind: its leaf changes where it is.
        let place = |tree: &Tree| tree.at(0).0.address();
        let before = place(&kept);
        let (score, member) = (kept.at(0).0.score(0), kept.at(0).0.member(0).to_vec());
        assert!(kept.remove(score, &member));
        assert_eq!(place(&kept), before);
        // This one is ahead, and is found as it was.
        let last = kept.at(kept.len() - 1).0;
        let (score, member) = (last.score(last.len() - 1), last.member(last.len() - 1).to_vec());
        assert!(kept.remove(score, &member));
        passed += runs.map(|run| run.len()).sum::<usize>();
        assert_eq!((passed, kept.len()), (20_000, 19_998));
    }

    #[test]
    fn the_shape_stays_right_and_shallow_while_it_grows_and_shrinks() {
        let mut tree = tree(30_000);
        assert!(check(&tree.root) <= 3);
        let mut found = Vec::new();
        leaves(&tree.root, &mut found);
        assert!(found.len() < 30_000 / (LEAF_LEN / 2), "{} leaves", found.len());
        for n in (0..30_000u32).filter(|n| n % 50 != 0) {
            assert!(tree.remove(f64::from(n.wrapping_mul(0x9e37_79b9) % 1000), &name(n)));
        }
        check(&tree.root);
        let mut found = Vec::new();
        leaves(&tree.root, &mut found);
        assert!(found.len() < 600 / (LEAF_LEN * 3 / 16), "{} leaves", found.len());
        while tree.root.len() > 0 {
            tree.remove_some(0..tree.root.len().min(7));
            check(&tree.root);
        }
    }
}
