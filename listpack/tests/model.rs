//! A listpack behaves as a vector of strings, whatever is done to it, and stays valid.

use graven_listpack::{Item, Listpack, append, insert, new, remove, replace};
use proptest::prelude::*;

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-9000i64..9000).prop_map(|n| n.to_string().into_bytes()),
        any::<i32>().prop_map(|n| n.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..80),
        (prop::sample::select(vec![63usize, 64, 126, 127, 128, 4095, 4096, 16_380, 16_390]), any::<u8>())
            .prop_map(|(len, byte)| vec![byte; len]),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<usize>(), string()).prop_map(|(at, s)| Edit::Insert(at, s)),
        2 => (any::<usize>(), string()).prop_map(|(at, s)| Edit::Replace(at, s)),
        1 => (any::<usize>(), 0usize..4).prop_map(|(at, n)| Edit::Remove(at, n)),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_vector_of_strings(edits in prop::collection::vec(edit(), 0..60)) {
        let (mut pack, mut model) = (new(), Vec::<Vec<u8>>::new());
        for edit in edits {
            let place = |pack: &[u8], i: usize| {
                let pack = Listpack::new(pack);
                pack.place(i).unwrap_or(pack.end())
            };
            match edit {
                Edit::Insert(at, s) => {
                    let at = at % (model.len() + 1);
                    let place = place(&pack, at);
                    let next = insert(&mut pack, place, Item::of(&s));
                    prop_assert_eq!(Listpack::new(&pack).before(next), Some(place));
                    model.insert(at, s);
                }
                Edit::Replace(at, s) if !model.is_empty() => {
                    let at = at % model.len();
                    let place = place(&pack, at);
                    replace(&mut pack, place, Item::of(&s));
                    model[at] = s;
                }
                Edit::Remove(at, n) if !model.is_empty() => {
                    let at = at % model.len();
                    let place = place(&pack, at);
                    remove(&mut pack, place, n);
                    model.drain(at..(at + n).min(model.len()));
                }
                _ => {}
            }
            let view = Listpack::validate(&pack).unwrap();
            prop_assert_eq!(view.len(), model.len());
        }
        let view = Listpack::new(&pack);
        prop_assert_eq!(&view.iter().map(Item::to_vec).collect::<Vec<_>>(), &model);
        prop_assert_eq!(view.iter().rev().map(Item::to_vec).collect::<Vec<_>>(), model.iter().rev().cloned().collect::<Vec<_>>());
        for (i, s) in model.iter().enumerate() {
            prop_assert_eq!(view.at(view.place(i).unwrap()).len(), s.len());
            let first = model.iter().position(|other| other == s).unwrap();
            prop_assert_eq!(view.find(view.first(), s, 1), view.place(first));
        }
    }

    #[test]
    fn validation_never_panics_and_what_it_accepts_can_be_read(mut bytes in prop::collection::vec(any::<u8>(), 0..60), honest in any::<bool>()) {
        if honest && bytes.len() > 7 {
            let len = bytes.len();
            bytes[..4].copy_from_slice(&(len as u32).to_le_bytes());
            bytes[4..6].copy_from_slice(&u16::MAX.to_le_bytes());
            bytes[len - 1] = 0xff;
        }
        if let Ok(view) = Listpack::validate(&bytes) {
            prop_assert_eq!(view.iter().count(), view.iter().rev().count());
        }
    }
}

#[test]
fn more_items_than_the_header_can_count() {
    let mut pack = new();
    for i in 0..70_000 {
        append(&mut pack, Item::Int(i % 100));
    }
    assert_eq!(Listpack::validate(&pack).unwrap().len(), 70_000);
    let first = Listpack::new(&pack).first();
    remove(&mut pack, first, 10_000);
    assert_eq!(Listpack::validate(&pack).unwrap().len(), 60_000);
    assert_eq!(&pack[4..6], 60_000u16.to_le_bytes());
}

#[test]
fn integers_have_the_encodings_that_redis_gives_them() {
    let stored = |number: i64| {
        let mut pack = new();
        append(&mut pack, Item::Int(number));
        pack[6..pack.len() - 1].to_vec()
    };
    assert_eq!(stored(0), [0, 1]);
    assert_eq!(stored(127), [127, 1]);
    assert_eq!(stored(128), [0xc0, 0x80, 2]);
    assert_eq!(stored(-1), [0xdf, 0xff, 2]);
    assert_eq!(stored(4095), [0xcf, 0xff, 2]);
    assert_eq!(stored(-4096), [0xd0, 0x00, 2]);
    assert_eq!(stored(4096), [0xf1, 0x00, 0x10, 3]);
    assert_eq!(stored(-40_000), [0xf2, 0xc0, 0x63, 0xff, 4]);
    assert_eq!(stored(1 << 31), [0xf4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]);
}
