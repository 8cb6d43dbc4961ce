//! Lists do what a vector of strings does, in every form and under every limit.

use graven_store::{Encoding, Keyspace, ListLimits, Side, Slot, Thresholds};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::ops::ControlFlow;

const SEED: [u8; 16] = *b"lists as vectors";

#[derive(Debug, Clone)]
enum Step {
    Push(Side, Vec<Vec<u8>>),
    Pop(Side, usize),
    Rotate(Side),
    Set(usize, Vec<u8>),
    Insert(usize, Side, Vec<u8>),
    Remove(usize, usize, Side),
    Trim(usize, usize),
    Share,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

/// Integers, words that repeat, and long strings that compress or fill a node.
fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-300_i64..70_000).prop_map(|number| number.to_string().into_bytes()),
        4 => (0_u8..5).prop_map(|word| vec![b'a' + word; 3]),
        2 => (0_usize..900, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => vec(any::<u8>(), 0..6000),
        1 => (4000_usize..70_000).prop_map(|len| vec![b'L'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (side(), vec(string(), 1..12)).prop_map(|(side, strings)| Step::Push(side, strings)),
        4 => (side(), 0_usize..40).prop_map(|(side, count)| Step::Pop(side, count)),
        2 => side().prop_map(Step::Rotate),
        3 => (any::<usize>(), string()).prop_map(|(index, string)| Step::Set(index, string)),
        4 => (any::<usize>(), side(), string()).prop_map(|(index, side, string)| Step::Insert(index, side, string)),
        2 => (any::<usize>(), 0_usize..5, side()).prop_map(|(index, most, side)| Step::Remove(index, most, side)),
        1 => (0_usize..20, 0_usize..20).prop_map(|(left, right)| Step::Trim(left, right)),
        1 => Just(Step::Share),
    ]
}

fn limits(size: i64, depth: usize) -> ListLimits {
    ListLimits::of(&Thresholds { list_max_listpack_size: size, list_compress_depth: depth, ..Thresholds::default() })
}

struct World {
    keyspace: Keyspace,
    model: VecDeque<Vec<u8>>,
    limits: ListLimits,
    /// Copies taken, with what they must go on holding.
    copies: Vec<(graven_store::Entry, VecDeque<Vec<u8>>)>,
}

fn contents(list: graven_store::ListRef<'_>) -> VecDeque<Vec<u8>> {
    let mut items = VecDeque::new();
    list.for_each(|item| items.push_back(item.to_vec()));
    items
}

impl World {
    fn new(limits: ListLimits) -> World {
        World { keyspace: Keyspace::new(1, SEED), model: VecDeque::new(), limits, copies: Vec::new() }
    }

    fn apply(&mut self, step: &Step) {
        let World { keyspace, model, limits, copies } = self;
        let (limits, len) = (*limits, model.len());
        let key = keyspace.key(b"list");
        let mut place = match (keyspace.db_mut(0).slot(key), step) {
            (Slot::Occupied(place), _) => place,
            (Slot::Vacant(place), Step::Push(side, strings)) => {
                place.insert_list(*side, strings.iter().map(Vec::as_slice), limits, 0);
                strings.iter().for_each(|string| push(model, *side, string));
                return;
            }
            _ => return,
        };
        match step {
            Step::Push(side, strings) => {
                let new = place.list_push(*side, strings.iter().map(Vec::as_slice), limits);
                strings.iter().for_each(|string| push(model, *side, string));
                assert_eq!(new, model.len());
            }
            Step::Pop(_, count) if *count >= len => {
                place.remove();
                model.clear();
            }
            Step::Pop(side, count) => {
                let mut popped = Vec::new();
                place.list_pop(*side, *count, limits, |item| popped.push(item.to_vec()));
                let expected: Vec<_> = (0..*count).map(|_| pop(model, *side)).collect();
                assert_eq!(popped, expected);
            }
            Step::Rotate(side) => {
                place.list_rotate(*side, limits);
                let moved = pop(model, *side);
                push(model, side.other(), &moved);
            }
            Step::Set(index, string) => {
                place.list_set(index % len, string, limits);
                model[index % len].clone_from(string);
            }
            Step::Insert(index, side, string) => {
                let pivot = model[index % len].clone();
                let at = model.iter().position(|item| *item == pivot).unwrap() + usize::from(*side == Side::Right);
                assert_eq!(place.list_insert(&pivot, *side, string, limits), Some(len + 1));
                model.insert(at, string.clone());
                assert_eq!(place.list_insert(b"not there", *side, string, limits), None);
            }
            Step::Remove(index, most, side) => {
                let wanted = model[index % len].clone();
                let most = if *most == 0 { usize::MAX } else { *most };
                let mut removed = 0;
                let mut keep = |item: &Vec<u8>| {
                    let goes = *item == wanted && removed < most;
                    removed += usize::from(goes);
                    !goes
                };
                match side {
                    Side::Left => model.retain(&mut keep),
                    Side::Right => {
                        let kept: Vec<_> = model.drain(..).rev().filter(&mut keep).collect();
                        model.extend(kept.into_iter().rev());
                    }
                }
                assert_eq!(place.list_remove(&wanted, most, *side, limits), (removed, model.len()));
                if model.is_empty() {
                    place.remove();
                }
            }
            Step::Trim(left, right) if left + right < len => {
                assert!(place.list_trim(*left, *right, limits).is_none(), "it is short");
                model.drain(..left);
                model.truncate(len - left - right);
            }
            Step::Trim(..) => {}
            Step::Share => copies.push((place.entry().clone(), model.clone())),
        }
    }

    fn check(&self) {
        let entry = self.keyspace.db(0).get(self.keyspace.key(b"list"));
        let Some(list) = entry.map(|entry| entry.list().expect("it is a list")) else {
            assert!(self.model.is_empty());
            return;
        };
        assert_eq!(list.len(), self.model.len());
        assert_eq!(contents(list), self.model);
        let mut counted = Vec::new();
        list.for_each_run(|run, items| {
            assert_eq!(run.iter().count(), items);
            assert!(items > 0);
            counted.extend(run.iter().map(|item| item.to_vec()));
        });
        assert!(counted.iter().eq(&self.model));
        for index in (0..self.model.len()).step_by(1 + self.model.len() / 7) {
            assert_eq!(list.get(index, |item| item.to_vec()).as_ref(), Some(&self.model[index]));
            let mut backwards = Vec::new();
            let _ = list.walk(index, Side::Right, |item| {
                backwards.push(item.to_vec());
                if backwards.len() == 30 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let expected: Vec<_> = self.model.range(..=index).rev().take(30).cloned().collect();
            assert_eq!(backwards, expected);
        }
        assert_eq!(list.get(self.model.len(), |_| ()), None);
        for (copy, model) in &self.copies {
            assert_eq!(contents(copy.list().unwrap()), *model);
        }
    }
}

fn push(model: &mut VecDeque<Vec<u8>>, side: Side, string: &[u8]) {
    match side {
        Side::Left => model.push_front(string.to_vec()),
        Side::Right => model.push_back(string.to_vec()),
    }
}

fn pop(model: &mut VecDeque<Vec<u8>>, side: Side) -> Vec<u8> {
    match side {
        Side::Left => model.pop_front(),
        Side::Right => model.pop_back(),
    }
    .expect("there are items")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_list_is_a_sequence_of_strings_whatever_its_form(
        steps in vec(step(), 1..60),
        size in prop_oneof![-5_i64..0, 1_i64..20, Just(128)],
        depth in 0_usize..4,
    ) {
        let mut world = World::new(limits(size, depth));
        for step in &steps {
            world.apply(step);
            world.check();
        }
        let strings = &world.model;
        if !strings.is_empty() {
            let entry = graven_store::Entry::new_list(b"other", strings.iter(), world.limits, Some(7), 0);
            prop_assert_eq!(&contents(entry.list().unwrap()), strings);
            prop_assert_eq!(entry.deadline(), Some(7));
        }
    }
}

fn encoding(world: &World) -> Encoding {
    world.keyspace.db(0).get(world.keyspace.key(b"list")).unwrap().encoding()
}

#[test]
fn the_encoding_follows_the_size_both_ways() {
    let mut world = World::new(limits(8, 0));
    world.apply(&Step::Push(Side::Right, vec![b"x".to_vec(); 8]));
    assert_eq!(encoding(&world), Encoding::Listpack);
    world.apply(&Step::Push(Side::Right, vec![b"x".to_vec()]));
    assert_eq!(encoding(&world), Encoding::Quicklist);
    world.apply(&Step::Pop(Side::Right, 4));
    assert_eq!(encoding(&world), Encoding::Quicklist, "five are more than half of eight");
    world.apply(&Step::Pop(Side::Right, 1));
    assert_eq!(encoding(&world), Encoding::Listpack);

    let mut world = World::new(limits(-1, 0));
    world.apply(&Step::Push(Side::Right, vec![vec![b'x'; 100]; 39]));
    assert_eq!(encoding(&world), Encoding::Listpack);
    world.apply(&Step::Push(Side::Right, vec![vec![b'x'; 100]; 2]));
    assert_eq!(encoding(&world), Encoding::Quicklist);
    world.apply(&Step::Trim(1, 20));
    assert_eq!(encoding(&world), Encoding::Quicklist, "some 2050 bytes are more than half of 4096");
    world.apply(&Step::Trim(1, 0));
    assert_eq!(encoding(&world), Encoding::Listpack);
    world.check();
}

#[test]
fn inner_nodes_are_compressed() {
    let strings: Vec<Vec<u8>> = (0..20_000).map(|i| format!("a line of a log that repeats itself {}", i % 10).into_bytes()).collect();
    let bytes = |depth| {
        let mut world = World::new(limits(-2, depth));
        world.apply(&Step::Push(Side::Right, strings.clone()));
        world.check();
        world.keyspace.db(0).get(world.keyspace.key(b"list")).unwrap().memory_usage()
    };
    let (plain, compressed) = (bytes(0), bytes(1));
    assert!(compressed * 5 < plain, "{compressed} bytes compressed, {plain} plain");
}

#[test]
fn a_list_takes_little_more_than_its_items() {
    for side in [Side::Left, Side::Right] {
        let mut world = World::new(limits(-2, 0));
        for i in 0..100_000 {
            world.apply(&Step::Push(side, vec![format!("item:{i:06}").into_bytes()]));
        }
        let used = world.keyspace.db(0).get(world.keyspace.key(b"list")).unwrap().memory_usage();
        let items = 100_000 * 13;
        assert!(used < items + items / 50 + 20_000, "{used} bytes for {items} of items");
    }
}
