//! Files put together byte by byte, to pin down how each part of the format is read.

use std::io::{self, Read};

use graven_rdb::{Attributes, Error, Event, Reader, Result, Skipped, Value, is_rdb, read_all};

const NO_CHECKSUM: [u8; 8] = [0; 8];

/// A file of version 11 with `body` between header and end.
fn file(body: &[u8]) -> Vec<u8> {
    [b"REDIS0011", body, b"\xff", &NO_CHECKSUM].concat()
}

fn events(body: &[u8]) -> Result<Vec<Event>> {
    read_all(&file(body)).map(|contents| contents.events)
}

fn entry(key: &[u8], value: &[u8], attributes: Attributes) -> Event {
    Event::Entry { key: key.to_vec(), value: Value::String(value.to_vec()), attributes }
}

fn plain(key: &[u8], value: &[u8]) -> Event {
    entry(key, value, Attributes::default())
}

#[test]
fn every_known_version_is_read_and_no_other() {
    for header in (1..=12).map(|version| format!("REDIS{version:04}")).chain(["VALKEY080".to_owned()]) {
        let mut bytes = [header.as_bytes(), b"\x00\x01k\x01v\xff"].concat();
        if header.as_str() >= "REDIS0005" {
            bytes.extend_from_slice(&NO_CHECKSUM);
        }
        assert!(is_rdb(&bytes[..5]));
        let length = bytes.len() as u64;
        bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
        let contents = read_all(&bytes).expect("a known version");
        assert_eq!(contents.events, [plain(b"k", b"v")], "{header}");
        assert_eq!(contents.bytes_consumed, length, "{header}");
    }
    for version in [0, 13, 79, 81, 9999] {
        let result = read_all(format!("REDIS{version:04}\u{7f}").as_bytes());
        assert!(matches!(result, Err(Error::UnsupportedVersion { version: found }) if found == version));
    }
    for header in ["RODIS0010", "REDIS00 0", "*3\r\n$3\r\nS", "VALKEY+80"] {
        assert!(matches!(read_all(header.as_bytes()), Err(Error::NotRdb { .. })), "{header}");
    }
}

#[test]
fn strings_of_every_encoding_are_decoded() {
    let long = [b"\x00\x01a\x80\x00\x01\x00\x00".as_slice(), &[b'x'; 65536]].concat();
    assert_eq!(events(&long).expect("a 32-bit length"), [plain(b"a", &[b'x'; 65536])]);
    let middle = [b"\x00\x01a\x41\x00".as_slice(), &[b'x'; 256]].concat();
    assert_eq!(events(&middle).expect("a 14-bit length"), [plain(b"a", &[b'x'; 256])]);
    assert_eq!(events(b"\x00\x01a\x81\0\0\0\0\0\0\0\x01x").expect("a 64-bit length"), [plain(b"a", b"x")]);
    assert_eq!(events(b"\x00\xc0\x80\xc1\xff\x7f").expect("short integers, one as a key"), [plain(b"-128", b"32767")]);
    assert_eq!(events(b"\x00\x01a\xc2\x00\x00\x00\x80").expect("a long integer"), [plain(b"a", b"-2147483648")]);
    assert_eq!(events(b"\x00\x01a\xc3\x05\x0b\x00b\xe0\x01\x00").expect("a compressed string"), [plain(b"a", b"bbbbbbbbbbb")]);
    assert!(matches!(events(b"\x00\x01a\xc3\x05\x0c\x00b\xe0\x01\x00"), Err(Error::BadCompression { offset: 12, .. })));
    assert!(matches!(events(b"\x00\x01a\xc4"), Err(Error::BadStringEncoding { encoding: 4, offset: 12 })));
    assert!(matches!(events(b"\x00\x01a\x82"), Err(Error::BadLength { byte: 0x82, offset: 12 })));
    assert!(matches!(events(b"\xfe\xc0"), Err(Error::BadLength { byte: 0xc0, offset: 10 })));
}

#[test]
fn attributes_belong_to_the_next_key_only() {
    let body = b"\xfe\x03\xfb\x02\x01\xfd\x02\0\0\0\x00\x01a\x01x\xfc\x01\x02\0\0\0\0\0\0\xf8\x41\x00\xf9\x07\x00\x01b\x01y\x00\x01c\x01z";
    let in_seconds = Attributes { deadline_ms: Some(2000), ..Attributes::default() };
    let all = Attributes { deadline_ms: Some(0x201), idle_seconds: Some(256), freq: Some(7) };
    assert_eq!(
        events(body).expect("well formed"),
        [
            Event::SelectDb(3),
            Event::ResizeDb { keys: 2, expires: 1 },
            entry(b"a", b"x", in_seconds),
            entry(b"b", b"y", all),
            plain(b"c", b"z")
        ]
    );
    assert!(matches!(events(b"\xfd\xff\xff\xff\xff"), Err(Error::BadDeadline { value: -1, offset: 9 })));
}

#[test]
fn what_cannot_be_used_is_passed_over_and_named() {
    // The identity of a module type: "ABCDEFGHI" and version 3.
    let identity = (0..9_u64).fold(0, |identity, character| identity << 6 | character) << 10 | 3;
    let module = [b"\xf7\x81".as_slice(), &identity.to_be_bytes(), b"\x02\x01\x01\x05\x03abcd\x04efghijkl\x05\x02mn\x02\x09\x00"].concat();
    let value = [b"\xfe\x04\x07\x02mk", &module[1..]].concat();
    let body = [
        &module[..],
        &value,
        b"\xf4\x05\x02\x01\xf5\x09#!lua\ncod\xf6\x01n\x03LUA\x01\x01d\x04code\xf6\x01n\x03LUA\x00\x04core\x00\x01k\x01v",
    ]
    .concat();
    assert_eq!(
        events(&body).expect("well formed"),
        [
            Event::Skipped(Skipped::ModuleAux { module: "ABCDEFGHI".to_owned(), version: 3 }),
            Event::SelectDb(4),
            Event::Skipped(Skipped::ModuleValue { key: b"mk".to_vec(), db: 4, module: "ABCDEFGHI".to_owned(), version: 3 }),
            Event::Skipped(Skipped::SlotInfo { slot: 5, keys: 2, expires: 1 }),
            Event::Skipped(Skipped::Function { code: b"#!lua\ncod".to_vec() }),
            Event::Skipped(Skipped::Function { code: b"code".to_vec() }),
            Event::Skipped(Skipped::Function { code: b"core".to_vec() }),
            plain(b"k", b"v"),
        ]
    );
    let said = Skipped::ModuleValue { key: b"mk".to_vec(), db: 4, module: "ABCDEFGHI".to_owned(), version: 3 }.to_string();
    assert_eq!(said, "the key \"mk\" of database 4, a value of the module ABCDEFGHI, version 3, was not loaded");
    assert!(matches!(events(b"\xf7\x01\x06"), Err(Error::BadModuleData { kind: 6, offset: 11 })));
}

#[test]
fn a_type_that_cannot_be_loaded_is_named_with_its_key_and_place() {
    let error = events(b"\xfe\x02\x06\x04list\x01\x01a").expect_err("nobody knows where such a value ends");
    assert!(matches!(error, Error::UnsupportedType { code: 6, db: 2, offset: 11, .. }));
    let sentence = error.to_string();
    for part in ["\"list\"", "database 2", "type 6 (module value without a length)", "offset 11"] {
        assert!(sentence.contains(part), "{part} is not in: {sentence}");
    }
    let error = events(b"\x63\x01k").expect_err("there is no type 99");
    assert!(error.to_string().contains("type 99 (not a type of any known version)"), "{error}");
    assert!(matches!(events(b"\xf3\x01k"), Err(Error::UnsupportedOpcode { code: 0xf3, offset: 9 })));
}

#[test]
fn a_checksum_that_is_there_must_be_right() {
    let mut bytes = file(b"\x00\x01k\x01v");
    let end = bytes.len() - 8;
    let Err(Error::ChecksumMismatch { computed, offset, .. }) = ({
        bytes[end] = 1;
        read_all(&bytes)
    }) else {
        panic!("a checksum of 1 was believed");
    };
    assert_eq!(offset, end as u64);
    bytes[end..].copy_from_slice(&computed.to_le_bytes());
    assert_eq!(read_all(&bytes).expect("the right checksum").events, [plain(b"k", b"v")]);
}

/// Hands out the bytes in pieces of `piece`, with an interruption before each.
struct Dribble<'a> {
    rest: &'a [u8],
    piece: usize,
    is_interrupted: bool,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.piece.min(buffer.len()).min(self.rest.len());
        self.rest.read(&mut buffer[..count])
    }
}

#[test]
fn commands_behind_the_end_are_left_for_the_reader_of_commands() {
    let commands = b"*1\r\n$4\r\nPING\r\n";
    let rdb = file(b"\x00\x01k\x01v");
    let bytes = [&rdb[..], commands].concat();
    for piece in 1..=bytes.len() {
        let mut reader = Reader::new(Dribble { rest: &bytes, piece, is_interrupted: false }).expect("a header");
        assert_eq!(reader.next_event().expect("a key"), Some(plain(b"k", b"v")));
        assert_eq!(reader.next_event().expect("the end"), None);
        assert_eq!(reader.next_event().expect("still the end"), None);
        assert_eq!(reader.bytes_consumed(), rdb.len() as u64);
        let mut rest = Vec::new();
        reader.into_rest().read_to_end(&mut rest).expect("reading from memory");
        assert_eq!(rest, commands, "in pieces of {piece}");
    }
}

#[test]
fn after_an_error_there_is_no_end_that_could_be_taken_for_success() {
    let mut reader = Reader::new(&b"REDIS0011\x00\x01k"[..]).expect("a header");
    assert!(matches!(reader.next_event(), Err(Error::Truncated { offset: 12, .. })));
    assert!(matches!(reader.next_event(), Err(Error::AlreadyFailed { offset: 12 })));
}
