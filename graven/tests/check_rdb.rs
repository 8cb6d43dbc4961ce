//! `graven check-rdb` says of a file what `redis-check-rdb` says.

use std::path::Path;
use std::process::Command;

use graven_testkit::{Program, Server};

/// Exit code and lines of a program.
fn said(program: &str, args: &[&str], file: &Path) -> (Option<i32>, String) {
    let output = Command::new(program).args(args).arg(file).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ours(file: &Path) -> (Option<i32>, String) {
    said(env!("CARGO_BIN_EXE_graven"), &["check-rdb"], file)
}

/// What Redis's program says, without the places in its source code and with the names of types that later versions have.
fn theirs(file: &Path) -> (Option<i32>, String) {
    let (code, text) = said("redis-check-rdb", &[], file);
    let mut lines = String::new();
    for line in text.lines().filter(|line| !line.ends_with("# Terminating server after rdb file reading failure.")) {
        let line = match line.split_once("Internal error in RDB reading offset 0, function at rdb.c:") {
            Some((head, tail)) => format!("{head}{}", tail.split_once(" -> ").unwrap().1),
            None => line.to_owned(),
        };
        let line = line.replace("type 19 (unknown)", "type 19 (stream-v2)");
        // Redis names the field of the stream in which the file ends.
        let place = line.split_once("] ").filter(|_| line.starts_with("[offset")).map_or("", |(place, _)| place);
        let ends_inside = ["loading failed.", "I/O error.", "Error reading the consumer", "Stream short read"];
        let is_end = !place.is_empty() && ends_inside.iter().any(|text| line.contains(text));
        lines += &if is_end { format!("{place}] Unexpected EOF reading RDB file\n") } else { line + "\n" };
    }
    (code, lines)
}

/// A file of Redis with every type in small and in large, deadlines passed and to come, several databases and a function.
fn every_type() -> Vec<u8> {
    let server = Server::builder(&Program::redis())
        .option("appendonly", "no")
        .option("enable-debug-command", "yes")
        .option("hash-max-listpack-entries", 3)
        .option("zset-max-listpack-entries", 3)
        .option("set-max-intset-entries", 3)
        .option("list-max-listpack-size", 3)
        .start()
        .unwrap();
    let mut client = server.client();
    let blank = "a".repeat(100);
    for command in [
        "SET plain hello",
        &format!("SET compressed {blank}"),
        "SET number 12345 EX 100000",
        "DEBUG SET-ACTIVE-EXPIRE 0",
        "SET gone 1 PX 1",
        "RPUSH list a b c 1 2 70000 7",
        "SADD integers 1 2 3",
        "SADD members a b 3 d",
        "HSET small a b c 1",
        "HSET large a b c d e f g h",
        "ZADD small-z 1 a 2.5 b",
        "ZADD large-z 1 a 2.5 b 3 c 4 d",
        "XADD stream 1-1 a b",
        "XADD stream 1-2 a c",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group al COUNT 1 STREAMS stream >",
        "SELECT 3",
        "SET plain hello",
    ] {
        let reply = client.call(&command.split(' ').collect::<Vec<_>>());
        assert!(reply.error_text().is_none(), "{command}: {reply:?}");
    }
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    assert!(client.call(&["FUNCTION", "LOAD", library]).error_text().is_none());
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert!(client.call(&["SAVE"]).is_ok());
    std::fs::read(server.data().join("dump.rdb")).unwrap()
}

#[test]
fn a_file_with_every_type_is_described_as_redis_check_rdb_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.rdb");
    let whole = every_type();
    std::fs::write(&file, &whole).unwrap();
    let (code, text) = ours(&file);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((code, text.clone()), theirs(&file));
    for line in ["] Checksum OK\n", "] \\o/ RDB looks OK! \\o/\n", "[info] 13 keys read\n[info] 2 expires\n[info] 1 already expired\n"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    // A log may go on with commands behind such a part.
    std::fs::write(&file, [&whole[..], b"*1\r\n$4\r\nPING\r\n"].concat()).unwrap();
    assert_eq!(ours(&file), (code, text));
    assert_eq!(ours(&file), theirs(&file));
}

#[test]
fn a_file_cut_anywhere_is_described_as_redis_check_rdb_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.rdb");
    let whole = every_type();
    for length in (0..whole.len()).step_by(2).chain([9, whole.len() - 8, whole.len() - 9]) {
        std::fs::write(&file, &whole[..length]).unwrap();
        let (code, text) = ours(&file);
        assert_eq!(code, Some(1), "{text}");
        assert_eq!((code, text), theirs(&file), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn a_file_with_a_changed_byte_is_described_as_redis_check_rdb_does_or_more_strictly() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.rdb");
    let whole = every_type();
    let (mut same, mut different) = (0, Vec::new());
    for place in (9..whole.len()).step_by(3) {
        for flip in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[place] ^= flip;
            std::fs::write(&file, &bytes).unwrap();
            let ((code, text), expected) = (ours(&file), theirs(&file));
            assert_eq!(code, Some(1), "byte {place} changed by {flip:#04x}: {text}");
            if (code, &text) == (expected.0, &expected.1) { same += 1 } else { different.push((place, flip, text, expected.1)) }
        }
    }
    // Where they differ a type is known to one of them only, or something was found here that is found there by the checksum.
    assert!(different.len() * 10 <= same, "{same} the same, and {different:#?}");
}

#[test]
fn damage_of_each_kind_has_the_words_and_the_offset_of_redis_check_rdb() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.rdb");
    let string = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let module = b"\x81\x7b\x16\xa6\xa6\x57\x8c\x4c\x01\x02\x01\x01\x05\x03abcd\x04efghijkl\x05\x02mn";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a value and data of a module", [b"\x07\x02mk".as_slice(), module, b"\x00\xf7", module, b"\x00"].concat()),
        ("module data without a moment", [b"\xf7".as_slice(), &module[..9], b"\x01\x02\x00"].concat()),
        ("a function", [b"\xf5".as_slice(), &string(b"#!lua name=lib\nredis.register_function('f', function() end)")].concat()),
        ("scores as text", b"\x03\x01z\x03\x01a\x031.5\x01b\xfe\x01c\xff".to_vec()),
        ("a score that is none", b"\x05\x01z\x01\x01a\0\0\0\0\0\0\xf8\x7f".to_vec()),
        ("a member twice", b"\x02\x01s\x03\x01a\x01a\x01c".to_vec()),
        ("a field twice", b"\x04\x01h\x03\x01a\x01a\x01a\x01c\x01d\x01c".to_vec()),
        ("a scored member twice", b"\x03\x01z\x02\x01a\x031.5\x01a\xfe".to_vec()),
        ("texts with a zero", b"\xfa\x03a\0b\x03c\0d\x00\x04k\0x\x01\x01v\x02\x03z\0z\x03\x01a\x01a\x01c".to_vec()),
        ("a long text", [b"\xfa\x44\x00".as_slice(), &[b'k'; 1024], b"\x01v"].concat()),
        ("no zipmap", [b"\x09\x01z".as_slice(), &string(b"\x01\x01f\x01")].concat()),
        ("no ziplist as a list", [b"\x0a\x01z".as_slice(), &string(b"xxxx")].concat()),
        ("no intset", [b"\x0b\x01z".as_slice(), &string(b"xxxx")].concat()),
        ("no ziplist as a sorted set", [b"\x0c\x01z".as_slice(), &string(b"xxxx")].concat()),
        ("no ziplist as a hash", [b"\x0d\x01z".as_slice(), &string(b"xxxx")].concat()),
        ("no ziplist as a node", [b"\x0e\x01z\x01".as_slice(), &string(b"xxxx")].concat()),
        ("an odd number of items", [b"\x10\x01z".as_slice(), &string(b"\x0a\0\0\0\x01\0\x81a\x02\xff")].concat()),
        ("a node of no known kind", b"\x12\x01z\x01\x03\x04xxxx".to_vec()),
        ("a length of 2^64 - 1", b"\x00\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("a length of 2^63", b"\x01\x01k\x81\x80\0\0\0\0\0\0\0".to_vec()),
        ("a string of no known kind", b"\x00\x01k\xc7".to_vec()),
        ("bad compression", b"\x00\x01a\xc3\x05\x0c\x00b\xe0\x01\x00".to_vec()),
        ("no length", b"\xfe\x82".to_vec()),
        ("no type", b"\x63\x01k\x01v".to_vec()),
        ("an opcode of nobody", b"\xf0\x01k\x01v".to_vec()),
        ("a key twice", b"\x00\x01k\x01v\x00\x01k\x01w".to_vec()),
    ];
    for (name, body) in cases {
        std::fs::write(&file, [b"REDIS0010", &body[..], b"\xff\0\0\0\0\0\0\0\0"].concat()).unwrap();
        assert_eq!(ours(&file), theirs(&file), "{name}");
    }
    for head in ["", "REDIS", "RODIS0010", "REDIS0013", "REDIS0000", "REDIS0001\u{7f}"] {
        std::fs::write(&file, head).unwrap();
        assert_eq!(ours(&file), theirs(&file), "{head}");
    }
    let absent = dir.path().join("absent.rdb");
    assert_eq!(ours(&absent), theirs(&absent));
}

#[test]
fn damage_inside_a_stream_is_found_without_a_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.rdb");
    let mut bytes = every_type();
    let end = bytes.len() - 8;
    bytes[end..].fill(0);
    std::fs::write(&file, &bytes).unwrap();
    let (code, text) = ours(&file);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("RDB file was saved with checksum disabled: no check performed."), "{text}");
    // The last entry's identifier becomes 0-2.
    let last = bytes.windows(9).rposition(|window| window == b"\x02\x01\x02\x01\x01\x00\x00\x02\x01").expect("the stream's numbers");
    bytes[last + 1] = 0;
    std::fs::write(&file, &bytes).unwrap();
    let (code, text) = ours(&file);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Reading type 19 (stream-v2)"), "{text}");
}
