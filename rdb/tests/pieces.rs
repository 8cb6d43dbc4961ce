//! A file read in pieces says what it says when it is read in one go, damaged or not.

mod samples;

use std::io::{self, Read};

use graven_rdb::{Event, Next, Piece, Reader, Records, StringEntry, Value};
use proptest::prelude::*;

/// Everything a reader tells, its last word included.
fn tell<R: Read>(mut reader: Reader<R>, told: &mut Vec<String>) -> bool {
    loop {
        match reader.next_event() {
            // Where an event ends is part of what is said of errors about it.
            Ok(Some(event)) => told.push(format!("{} {event:?}", reader.bytes_consumed())),
            Ok(None) => return true,
            Err(error) => {
                told.push(format!("{error}"));
                return false;
            }
        }
    }
}

fn in_one_go(file: impl Read) -> Vec<String> {
    let mut told = Vec::new();
    match Reader::new(file) {
        Ok(reader) => _ = tell(reader, &mut told),
        Err(error) => told.push(format!("{error}")),
    }
    told
}

/// The same, with strings put into a place that is used again.
fn in_place(file: impl Read) -> Vec<String> {
    let mut told = Vec::new();
    let mut reader = match Reader::new(file) {
        Ok(reader) => reader,
        Err(error) => return vec![format!("{error}")],
    };
    let mut string = StringEntry::default();
    loop {
        let event = match reader.next_into(&mut string) {
            Ok(Some(Next::Event(event))) => event,
            Ok(Some(Next::String)) => {
                let StringEntry { key, value, attributes } = string.clone();
                Event::Entry { key, value: Value::String(value), attributes }
            }
            Ok(None) => return told,
            Err(error) => {
                told.push(format!("{error}"));
                return told;
            }
        };
        told.push(format!("{} {event:?}", reader.bytes_consumed()));
    }
}

/// The pieces are decoded last to first, since nothing may depend on the order; also returns their number.
fn in_pieces(file: impl Read) -> (Vec<String>, usize) {
    let mut pieces: Vec<_> = match Reader::new(file) {
        Ok(reader) => reader.into_pieces().collect(),
        Err(error) => return (vec![format!("{error}")], 0),
    };
    let count = pieces.len();
    assert!(matches!(pieces.last(), Some(Piece::Rest(_))), "the last piece is the rest");
    let mut told: Vec<(Vec<String>, bool)> = Vec::new();
    while let Some(piece) = pieces.pop() {
        let mut events = Vec::new();
        let goes_on = match piece {
            Piece::Records(records) => tell(records.into_reader(), &mut events),
            Piece::Rest(rest) => tell(*rest, &mut events),
        };
        told.insert(0, (events, goes_on));
    }
    let until = told.iter().position(|(_, goes_on)| !goes_on).map_or(told.len(), |failed| failed + 1);
    (told.drain(..until).flat_map(|(events, _)| events).collect(), count)
}

/// Every type of value in every version's layout, opcodes, and an end with a checksum.
fn file(version: u32, copies: usize) -> Vec<u8> {
    file_of(version, copies, &samples::every_type())
}

/// The same without values that are long, for tests that go through it byte by byte.
fn short_file(version: u32, copies: usize) -> Vec<u8> {
    let mut values = samples::every_type();
    values.retain(|(_, value)| value.len() < 256);
    file_of(version, copies, &values)
}

fn file_of(version: u32, copies: usize, values: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = format!("REDIS{version:04}").into_bytes();
    bytes.extend([&[250][..], &samples::string(b"redis-ver"), &samples::string(b"7.0.15")].concat());
    for copy in 0..copies {
        bytes.extend([254, copy as u8 % 16, 251, 9, 3]);
        for (code, value) in values {
            let attributes: &[u8] = match code % 4 {
                0 => &[252, 1, 2, 3, 4, 5, 6, 0, 0],
                1 => &[253, 1, 2, 3, 4],
                2 => &[248, 0x40, 0x99],
                _ => &[249, 77],
            };
            bytes.extend([attributes, &[*code], &samples::string(format!("{copy}:{code}").as_bytes()), value].concat());
        }
        bytes.extend([&[0][..], &samples::string(b"n"), &[0xc2, 1, 2, 3, 4]].concat());
        bytes.extend([&[0][..], &samples::string(b"z"), &[0xc3, 5, 12, 0, b'a', 0xe0, 2, 0]].concat());
        bytes.extend([&[245][..], &samples::string(b"#!lua name=lib"), &[244, 1, 2, 3]].concat());
        bytes.extend([&[247][..], &module(), &[7], &samples::string(b"m"), &module()].concat());
    }
    bytes.push(255);
    bytes.extend(samples::NO_CHECKSUM);
    bytes
}

/// What a module type named `exampleMT` leaves, in version 1 of its own format: a field of each kind.
fn module() -> Vec<u8> {
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let identity = b"exampleMT".iter().fold(0_u64, |identity, character| {
        identity << 6 | CHARACTERS.iter().position(|other| other == character).expect("a character of a module's name") as u64
    });
    let identity = (identity << 10 | 1).to_be_bytes();
    let fields = b"\x02\x01\x01\x05\x03abcd\x04efghijkl\x05\x02mn\x02\x09\x00";
    [&[0x81][..], &identity, fields].concat()
}

#[test]
fn every_type_of_value_is_found_in_pieces() {
    let plain = samples::file(&samples::every_type());
    assert_eq!(in_pieces(&plain[..]).0, in_one_go(&plain[..]));
    for copies in [1, 3, 40] {
        let file = file(12, copies);
        let (told, pieces) = in_pieces(&file[..]);
        assert_eq!(told, in_one_go(&file[..]));
        assert!(told.len() > 25 * copies, "{}", told.last().expect("something is told"));
        assert_eq!(pieces, if copies < 4 { 2 } else { file.len().div_ceil(128 << 10) + 1 }, "{} bytes", file.len());
    }
}

#[test]
fn a_file_cut_anywhere_says_the_same_in_pieces() {
    let file = short_file(12, 2);
    for cut in 0..file.len() {
        assert_eq!(in_pieces(&file[..cut]).0, in_one_go(&file[..cut]), "cut at {cut}");
        assert_eq!(in_place(&file[..cut]), in_one_go(&file[..cut]), "cut at {cut}");
    }
}

#[test]
fn a_file_with_any_byte_changed_says_the_same_in_pieces() {
    let mut file = short_file(12, 1);
    for at in 0..file.len() {
        for change in [1, 0x40, 0x80, 0xff] {
            file[at] ^= change;
            assert_eq!(in_pieces(&file[..]).0, in_one_go(&file[..]), "{at} ^ {change:#x}");
            file[at] ^= change;
        }
    }
}

/// Fails at a place, and would go on behind it.
struct Failing<'a> {
    before: &'a [u8],
    after: &'a [u8],
    failed: bool,
}

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.before.is_empty() && !std::mem::replace(&mut self.failed, true) {
            return Err(io::Error::other("a bad sector"));
        }
        if self.before.is_empty() { self.after.read(into) } else { self.before.read(into) }
    }
}

#[test]
fn a_failure_to_read_is_told_where_it_happened() {
    let file = file(12, 60);
    for at in (9..file.len()).step_by(89_989) {
        let failing = || Failing { before: &file[..at], after: &file[at..], failed: false };
        let told = in_pieces(failing()).0;
        assert_eq!(told, in_one_go(failing()), "at {at}");
        let last = told.last().expect("the failure is told");
        assert!(last.contains("bad sector") && last.contains(&at.to_string()), "{last}");
    }
}

#[test]
fn a_wrong_checksum_is_noticed_in_pieces_and_a_right_one_accepted() {
    let mut file = file(12, 4);
    let end = file.len() - 8;
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &file[..end]);
    file[end..].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(in_pieces(&file[..]).0, in_one_go(&file[..]));
    file[end] ^= 1;
    let told = in_pieces(&file[..]).0;
    assert_eq!(told, in_one_go(&file[..]));
    assert!(told.last().is_some_and(|error| error.contains("checksum")), "{told:?}");
}

#[test]
fn a_record_of_many_pieces_length_is_one_piece() {
    let long = vec![b'x'; 3 << 20];
    let mut bytes = b"REDIS0011".to_vec();
    for key in [b"a", b"b"] {
        bytes.extend([&[0][..], &samples::string(key), &[0x80], &(long.len() as u32).to_be_bytes(), &long].concat());
    }
    bytes.extend([&[255][..], &samples::NO_CHECKSUM].concat());
    let reader = Reader::new(&bytes[..]).expect("it has a header");
    let mut lengths = Vec::new();
    for piece in reader.into_pieces() {
        if let Piece::Records(records) = piece {
            lengths.push((records.offset(), records.len(), keys(records)));
        }
    }
    let length = long.len() + 1 + 3 + 5;
    assert_eq!(lengths, [(9, length, 1), (9 + length as u64, length, 1)]);
}

fn keys(records: Records) -> usize {
    let mut reader = records.into_reader();
    let mut keys = 0;
    while let Some(event) = reader.next_event().expect("the records are whole") {
        keys += usize::from(matches!(event, Event::Entry { .. }));
    }
    keys
}

proptest! {
    #[test]
    fn hostile_files_say_the_same_in_pieces(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        version in 1_u32..=12,
    ) {
        let mut file = short_file(version, 2);
        for (at, byte) in changes {
            let at = 9 + at.index(file.len() - 9);
            file[at] = byte;
        }
        prop_assert_eq!(in_pieces(&file[..]).0, in_one_go(&file[..]));
        prop_assert_eq!(in_place(&file[..]), in_one_go(&file[..]));
    }
}
