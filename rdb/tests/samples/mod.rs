//! Values of every type code, put together byte by byte.

use graven_listpack::{Item, extend, new};

pub const NO_CHECKSUM: [u8; 8] = [0; 8];

/// A length of less than 16384.
pub fn length(length: usize) -> Vec<u8> {
    assert!(length < 1 << 14);
    (0x4000 | length as u16).to_be_bytes().to_vec()
}

pub fn string(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len())[..], bytes].concat()
}

/// A number of strings.
pub fn strings(count: usize, strings: &[&str]) -> Vec<u8> {
    [length(count), strings.iter().flat_map(|text| string(text.as_bytes())).collect()].concat()
}

pub fn listpack(items: &[&str]) -> Vec<u8> {
    let mut bytes = new();
    extend(&mut bytes, items.iter().map(|item| Item::of(item.as_bytes())));
    bytes
}

/// A ziplist, with integers in every width.
pub fn ziplist(items: &[&str]) -> Vec<u8> {
    let mut entries = Vec::new();
    let (mut last, mut before) = (10, 0);
    for item in items {
        let mut entry = if before < 254 { vec![before as u8] } else { [&[0xfe][..], &(before as u32).to_le_bytes()].concat() };
        let number = item.parse::<i64>().ok().filter(|number| number.to_string() == *item);
        match (number, item.len()) {
            (Some(number @ 0..=12), _) => entry.push(0xf1 + number as u8),
            (Some(number @ -0x80..=0x7f), _) => entry.extend_from_slice(&[0xfe, number as u8]),
            (Some(number @ -0x8000..=0x7fff), _) => entry.extend([&[0xc0][..], &number.to_le_bytes()[..2]].concat()),
            (Some(number @ -0x80_0000..=0x7f_ffff), _) => entry.extend([&[0xf0][..], &number.to_le_bytes()[..3]].concat()),
            (Some(number @ -0x8000_0000..=0x7fff_ffff), _) => entry.extend([&[0xd0][..], &number.to_le_bytes()[..4]].concat()),
            (Some(number), _) => entry.extend([&[0xe0][..], &number.to_le_bytes()].concat()),
            (_, length @ ..=63) => entry.extend([&[length as u8][..], item.as_bytes()].concat()),
            (_, length @ ..=16383) => entry.extend([&(0x4000 | length as u16).to_be_bytes()[..], item.as_bytes()].concat()),
            (_, length) => entry.extend([&[0x80][..], &(length as u32).to_be_bytes(), item.as_bytes()].concat()),
        }
        last = 10 + entries.len();
        before = entry.len();
        entries.extend(entry);
    }
    let total = 10 + entries.len() as u32 + 1;
    [&total.to_le_bytes()[..], &(last as u32).to_le_bytes(), &(items.len() as u16).to_le_bytes(), &entries, &[0xff]].concat()
}

/// A zipmap in which each value has two unused bytes behind it.
pub fn zipmap(items: &[&str]) -> Vec<u8> {
    let length = |text: &str| match text.len() {
        short @ ..=253 => vec![short as u8],
        long => [&[254][..], &(long as u32).to_le_bytes()].concat(),
    };
    let mut bytes = vec![items.len() as u8 / 2];
    for pair in items.chunks(2) {
        bytes.extend([length(pair[0]), pair[0].into(), length(pair[1]), vec![2], pair[1].into(), b"??".to_vec()].concat());
    }
    bytes.push(0xff);
    bytes
}

pub fn intset(width: usize, integers: &[i64]) -> Vec<u8> {
    let mut bytes = [(width as u32).to_le_bytes(), (integers.len() as u32).to_le_bytes()].concat();
    integers.iter().for_each(|integer| bytes.extend_from_slice(&integer.to_le_bytes()[..width]));
    bytes
}

/// A stream of two entries, 5-0 and 5-1, the first pending for the consumer al; in the layout of a type code.
pub fn stream(code: u8) -> Vec<u8> {
    let node = listpack(&["2", "0", "1", "field", "0", "2", "0", "0", "one", "4", "2", "0", "1", "two", "4"]);
    let id = |seq: u64| [5_u64.to_be_bytes(), seq.to_be_bytes()].concat();
    let mut bytes = [length(1), string(&id(0)), string(&node), length(2), length(5), length(1)].concat();
    if code > 15 {
        bytes.extend([length(5), length(0), length(4), length(9), length(3)].concat());
    }
    bytes.extend([length(1), string(b"group"), length(5), length(0)].concat());
    if code > 15 {
        bytes.extend(length(1));
    }
    bytes.extend([length(1), id(0), 1_700_000_000_000_u64.to_le_bytes().to_vec(), length(7)].concat());
    bytes.extend([length(1), string(b"al"), 1_700_000_000_001_u64.to_le_bytes().to_vec()].concat());
    if code > 19 {
        bytes.extend((-1_i64).to_le_bytes());
    }
    bytes.extend([length(1), id(0)].concat());
    bytes
}

/// A long string that compresses badly, for the wide lengths.
pub fn long(bytes: usize) -> String {
    (0..bytes).map(|i| char::from(b'a' + (i * i % 23) as u8)).collect()
}

pub const ITEMS: [&str; 12] =
    ["a", "0", "12", "13", "-128", "-32768", "8388607", "-2147483648", "9223372036854775807", "007", "", "a longer one"];
pub const PAIRS: [&str; 6] = ["f", "1", "g", "two", "-7", ""];
pub const SCORED: [&str; 8] = ["n", "-inf", "a", "0.5", "b", "0.5", "c", "1000000"];

/// By type code: a value.
pub fn every_type() -> Vec<(u8, Vec<u8>)> {
    let long = [long(300), long(20_000)];
    let long_items: Vec<&str> = ["x", &long[0], "y", &long[1], "z"].to_vec();
    let deadline = |ms: u64| ms.to_le_bytes().to_vec();
    let text_scores = [
        length(5),
        [string(b"n"), vec![255]].concat(),
        [string(b"p"), vec![254]].concat(),
        [string(b"a"), b"\x030.5".to_vec()].concat(),
        [string(b"b"), b"\x030.5".to_vec()].concat(),
        [string(b"c"), b"\x071000000".to_vec()].concat(),
    ];
    let binary_scores = [("n", f64::NEG_INFINITY), ("a", 0.5), ("b", 0.5), ("c", 1e6)];
    let binary_scores: Vec<u8> =
        binary_scores.iter().flat_map(|(member, score)| [string(member.as_bytes()), score.to_le_bytes().to_vec()].concat()).collect();
    let triples = ["g", "two", "1900000000000", "f", "1", "1900000000500", "-7", "", "0"];
    vec![
        (1, strings(12, &ITEMS)),
        (2, strings(12, &ITEMS)),
        (3, text_scores.concat()),
        (4, strings(3, &PAIRS)),
        (5, [length(4), binary_scores].concat()),
        (9, string(&zipmap(&PAIRS))),
        (9, string(&zipmap(&["k", &long[0]]))),
        (10, string(&ziplist(&ITEMS))),
        (11, string(&intset(2, &[-5, 0, 7]))),
        (11, string(&intset(8, &[i64::MIN, 0, i64::MAX]))),
        (12, string(&ziplist(&SCORED))),
        (13, string(&ziplist(&PAIRS))),
        (14, [length(2), string(&ziplist(&ITEMS)), string(&ziplist(&["tail"]))].concat()),
        (14, [length(1), vec![0x80, 0, 0], (ziplist(&long_items).len() as u16).to_be_bytes().to_vec(), ziplist(&long_items)].concat()),
        (15, stream(15)),
        (16, string(&listpack(&PAIRS))),
        (17, string(&listpack(&SCORED))),
        (18, [length(2), length(2), string(&listpack(&ITEMS)), length(1), string(b"a plain one")].concat()),
        (19, stream(19)),
        (20, string(&listpack(&ITEMS))),
        (21, stream(21)),
        (22, [length(2), length(0), string(b"f"), string(b"1"), length(9_000), string(b"g"), string(b"two")].concat()),
        (23, string(&listpack(&triples))),
        (
            24,
            [deadline(1_900_000_000_000), length(2), length(0), string(b"f"), string(b"1"), length(3), string(b"g"), string(b"two")]
                .concat(),
        ),
        (25, [deadline(1_900_000_000_000), string(&listpack(&triples))].concat()),
    ]
}

/// A file of version 12 with these values.
pub fn file(values: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"REDIS0012".to_vec();
    for (number, (code, value)) in values.iter().enumerate() {
        bytes.extend([&[*code][..], &string(format!("key {number}").as_bytes()), value].concat());
    }
    [&bytes[..], &[0xff], &NO_CHECKSUM].concat()
}
