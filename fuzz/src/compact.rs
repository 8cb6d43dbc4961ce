//! Compact forms of collections: any bytes are one that can be walked, or are refused; what was put in is what comes out; and what is
//! edited stays whole.

use std::collections::BTreeSet;

use graven_listpack::{Intset, Item, Listpack, extend, insert, insert_intset, remove, remove_intset, replace};
use graven_rdb::{Event, Hash, List, ListNode, Value, read_all};

/// Type numbers in files.
const ZIPMAP: u8 = 9;
const ZIPLIST: u8 = 10;

/// Pieces of all four forms: headers, encodings, ends.
pub const DICTIONARY: &[&[u8]] = &[
    b"\x07\x00\x00\x00\x00\x00\xff",
    b"\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff",
    b"\xff\xff",
    b"\xff",
    b"\xfe\xff\xff\xff\xff",
    b"\xfe\x0a\x00\x00\x00",
    b"\x80\x7f\xff\xff\xff",
    b"\xf0\xff\xff\xff\xff",
    b"\xe0\x00",
    b"\xd0\x00\x00\x00\x80",
    b"\xf4\x00\x00\x00\x00\x00\x00\x00\x80",
    b"\x08\x00\x00\x00\x01\x00\x00\x00",
    b"9223372036854775807",
    b"-1",
];

/// Items as bytes between commas.
pub(crate) fn items(input: &[u8]) -> Vec<&[u8]> {
    input.split(|byte| *byte == b',').collect()
}

pub(crate) fn listpack_of(items: &[&[u8]]) -> Vec<u8> {
    let mut bytes = graven_listpack::new();
    extend(&mut bytes, items.iter().map(|item| Item::of(item)));
    bytes
}

/// The first value of a file in which `bytes` stand as a value of this type.
fn read(code: u8, bytes: &[u8]) -> Option<Value> {
    let length = (bytes.len() as u32).to_be_bytes();
    let file = [&b"REDIS0006"[..], &[code], b"\x01k\x80", &length, bytes, b"\xff\0\0\0\0\0\0\0\0"].concat();
    let events = read_all(&file).ok()?.events;
    events.into_iter().find_map(|event| if let Event::Entry { value, .. } = event { Some(value) } else { None })
}

/// Walks a listpack in both directions.
fn walk(bytes: &[u8]) -> Vec<Vec<u8>> {
    let listpack = Listpack::validate(bytes).expect("it was let through");
    let forwards: Vec<Vec<u8>> = listpack.iter().map(Item::to_vec).collect();
    let mut backwards: Vec<Vec<u8>> = listpack.iter().rev().map(Item::to_vec).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    assert_eq!(listpack.len(), forwards.len());
    forwards
}

/// Changes one byte, as the input says.
fn changed(mut bytes: Vec<u8>, input: &[u8]) -> Vec<u8> {
    if let ([.., place, flip], false) = (input, bytes.is_empty()) {
        let place = usize::from(*place) % bytes.len();
        bytes[place] ^= flip;
    }
    bytes
}

/// Small inputs for listpacks: whole ones, and items.
pub fn listpack_seeds() -> Vec<Vec<u8>> {
    let long = [b'x'; 70];
    let items: Vec<&[u8]> = vec![b"a", b"", b"0", b"-1", b"4095", b"-32768", b"8388607", b"2147483647", b"-9223372036854775808", &long];
    vec![listpack_of(&items), listpack_of(&[]), items.join(&b','), vec![b'y'; 5000]]
}

/// Listpacks.
pub fn run_listpack(input: &[u8]) {
    if Listpack::validate(input).is_ok() {
        walk(input);
    }
    let mut model: Vec<Vec<u8>> = items(input).iter().map(|item| item.to_vec()).collect();
    let mut bytes = listpack_of(&items(input));
    assert_eq!(walk(&bytes), model);
    let damaged = changed(bytes.clone(), input);
    if Listpack::validate(&damaged).is_ok() {
        walk(&damaged);
    }
    for step in input.chunks_exact(3).take(16) {
        let index = usize::from(step[0]) % model.len().max(1);
        let item: Vec<u8> =
            if step[1] & 1 == 0 { step[1..].to_vec() } else { i64::from(step[2]).wrapping_mul(0x0123_4567).to_string().into_bytes() };
        let place = Listpack::new(&bytes).place(index);
        match (step[0] % 3, place) {
            (0, Some(place)) => {
                insert(&mut bytes, place, Item::of(&item));
                model.insert(index, item);
            }
            (1, Some(place)) => {
                replace(&mut bytes, place, Item::of(&item));
                model[index] = item;
            }
            (_, Some(place)) => {
                remove(&mut bytes, place, 2);
                model.drain(index..(index + 2).min(model.len()));
            }
            (_, None) => {
                graven_listpack::append(&mut bytes, Item::of(&item));
                model.push(item);
            }
        }
        assert_eq!(walk(&bytes), model);
    }
    let listpack = Listpack::new(&bytes);
    for item in &model {
        let first = model.iter().position(|other| other == item);
        assert_eq!(listpack.find(listpack.first(), item, 1), first.and_then(|index| listpack.place(index)));
    }
}

/// Writes a ziplist, integers in the narrowest form.
pub(crate) fn ziplist_of(items: &[&[u8]]) -> Vec<u8> {
    let mut entries = Vec::new();
    let (mut last, mut before) = (10, 0);
    for item in items {
        let start = entries.len();
        if before < 254 {
            entries.push(before as u8)
        } else {
            entries.extend([&[254][..], &(before as u32).to_le_bytes()].concat())
        }
        match Item::of(item) {
            Item::Int(number @ 0..=12) => entries.push(0xf1 + number as u8),
            Item::Int(number) => {
                let widths = [(1, 0xfe), (2, 0xc0), (3, 0xf0), (4, 0xd0), (8, 0xe0)];
                let fits = |width: usize| width == 8 || number >> (8 * width - 1) == 0 || number >> (8 * width - 1) == -1;
                let (width, mark) = widths.into_iter().find(|(width, _)| fits(*width)).expect("eight bytes are enough");
                entries.push(mark);
                entries.extend_from_slice(&number.to_le_bytes()[..width]);
            }
            Item::Bytes(string) => {
                match string.len() {
                    short @ 0..64 => entries.push(short as u8),
                    middle @ 64..16384 => entries.extend_from_slice(&(0x4000 | middle as u16).to_be_bytes()),
                    long => entries.extend([&[0x80][..], &(long as u32).to_be_bytes()].concat()),
                }
                entries.extend_from_slice(string);
            }
        }
        last = 10 + start;
        before = entries.len() - start;
    }
    let total = 10 + entries.len() as u32 + 1;
    [&total.to_le_bytes()[..], &(last as u32).to_le_bytes(), &(items.len() as u16).to_le_bytes(), &entries, &[0xff]].concat()
}

/// Small inputs for ziplists: whole ones, and items.
pub fn ziplist_seeds() -> Vec<Vec<u8>> {
    listpack_seeds().iter().flat_map(|input| [ziplist_of(&items(input)), input.clone()]).collect()
}

/// Ziplists, which become listpacks.
pub fn run_ziplist(input: &[u8]) {
    let read = |bytes: &[u8]| match read(ZIPLIST, bytes) {
        Some(Value::List(List::Nodes(nodes))) => nodes
            .iter()
            .flat_map(|node| match node {
                ListNode::Packed(bytes) => walk(bytes),
                ListNode::Plain(_) => panic!("a ziplist has no plain nodes"),
            })
            .collect::<Vec<_>>(),
        Some(other) => panic!("a list was read as {other:?}"),
        None => Vec::new(),
    };
    read(input);
    let items = items(input);
    let whole = ziplist_of(&items);
    assert_eq!(read(&whole), items);
    read(&changed(whole, input));
}

/// Writes a zipmap; each value has as many unused bytes behind it as the field is long, up to 9.
pub(crate) fn zipmap_of(items: &[&[u8]]) -> Vec<u8> {
    let length = |string: &[u8]| match string.len() {
        short @ 0..254 => vec![short as u8],
        long => [&[254][..], &(long as u32).to_le_bytes()].concat(),
    };
    let mut bytes = vec![(items.len() / 2).min(254) as u8];
    for pair in items.chunks_exact(2) {
        let unused = pair[0].len().min(9);
        bytes.extend([&length(pair[0])[..], pair[0], &length(pair[1]), &[unused as u8], pair[1], &vec![0; unused]].concat());
    }
    bytes.push(0xff);
    bytes
}

/// Small inputs for zipmaps: whole ones, and items.
pub fn zipmap_seeds() -> Vec<Vec<u8>> {
    listpack_seeds().iter().flat_map(|input| [zipmap_of(&items(input)), input.clone()]).collect()
}

/// Zipmaps, which become listpacks.
pub fn run_zipmap(input: &[u8]) {
    let read = |bytes: &[u8]| match read(ZIPMAP, bytes) {
        Some(Value::Hash(Hash::Packed(bytes))) => Some(walk(&bytes)),
        Some(other) => panic!("a hash was read as {other:?}"),
        None => None,
    };
    read(input);
    let mut items = items(input);
    items.truncate(items.len() / 2 * 2);
    let whole = zipmap_of(&items);
    let fields: BTreeSet<&[u8]> = items.iter().step_by(2).copied().collect();
    // A field that is there twice is refused, and what is empty is passed over.
    let is_good = fields.len() * 2 == items.len() && !items.is_empty();
    assert_eq!(read(&whole), is_good.then(|| items.iter().map(|item| item.to_vec()).collect()));
    read(&changed(whole, input));
}

/// Small inputs for intsets.
pub fn intset_seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for numbers in [&[][..], &[1, 2, 300], &[-70_000, 5], &[i64::MIN, 0, i64::MAX]] {
        let mut intset = Vec::new();
        graven_listpack::clear_intset(&mut intset);
        for number in numbers {
            insert_intset(&mut intset, *number);
        }
        all.push(intset);
    }
    all
}

/// Intsets.
pub fn run_intset(input: &[u8]) {
    let Ok(intset) = Intset::validate(input) else { return };
    let mut model: BTreeSet<i64> = intset.iter().collect();
    assert_eq!(model.len(), intset.len(), "no number is there twice");
    assert!(intset.iter().eq(model.iter().copied()), "the numbers ascend");
    assert!(model.iter().all(|number| intset.contains(*number)));
    // Numbers of every width come and go.
    let mut bytes = input.to_vec();
    for (i, step) in input.chunks(3).enumerate().take(16) {
        let number = step.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte)).wrapping_mul(1 << (i % 5 * 9)).wrapping_neg();
        assert_eq!(insert_intset(&mut bytes, number), model.insert(number));
        if i % 4 == 3 {
            assert_eq!(remove_intset(&mut bytes, number), model.remove(&number));
        }
        let intset = Intset::validate(&bytes).expect("it stays whole");
        assert!(intset.iter().eq(model.iter().copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_pass_and_say_something() {
        listpack_seeds().iter().for_each(|seed| run_listpack(seed));
        ziplist_seeds().iter().for_each(|seed| run_ziplist(seed));
        zipmap_seeds().iter().for_each(|seed| run_zipmap(seed));
        intset_seeds().iter().for_each(|seed| run_intset(seed));
        assert!(intset_seeds().iter().all(|seed| Intset::validate(seed).is_ok()));
        assert!(read(ZIPLIST, &ziplist_seeds()[4]).is_some() && read(ZIPMAP, &zipmap_seeds()[4]).is_some());
    }
}
