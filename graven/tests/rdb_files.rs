//! RDB files that other servers wrote, found at the start.
//!
//! In `rdb_files` there is a small file for each version of the format, put together from what is known of it: bytes in hexadecimal or
//! as text in quotes, comments behind `#`, and behind `=` what is to be found after loading.

use std::collections::BTreeSet;
use std::path::Path;

use graven_testkit::dump::Dump;
use graven_testkit::process::Builder;
use graven_testkit::{Program, Server, Value};

/// A file and what it holds, a line for each key.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    holds: Vec<String>,
}

/// All files, by name.
fn samples() -> Vec<Sample> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rdb_files");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| sample(path)).collect()
}

fn sample(path: &Path) -> Sample {
    let (mut bytes, mut holds) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        if let Some(held) = line.strip_prefix("= ") {
            holds.push(held.to_owned());
            continue;
        }
        // Every other part stands between quotes.
        for (i, part) in line.split('#').next().unwrap().split('"').enumerate() {
            if i % 2 == 1 {
                bytes.extend_from_slice(part.as_bytes());
            } else {
                bytes.extend(part.split_ascii_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()));
            }
        }
    }
    Sample { name: path.file_stem().unwrap().to_string_lossy().into_owned(), bytes, holds }
}

#[test]
fn a_file_of_every_version_loads_to_what_it_holds() {
    let samples = samples();
    let versions: BTreeSet<&[u8]> = samples.iter().map(|sample| &sample.bytes[..9]).collect();
    assert_eq!(versions.len(), 13, "versions 1 to 12 and 80");
    for Sample { name, bytes, holds } in &samples {
        let dir = tempfile::tempdir().unwrap();
        let server = graven(dir.path(), bytes).start().unwrap();
        let found = Dump::take(&mut server.client()).unwrap().lines();
        assert_eq!(&found, holds, "{name} holds\n= {}", found.join("\n= "));
    }
}

#[test]
fn redis_finds_the_same_in_the_files_that_it_can_read() {
    // Redis 7.0 knows versions up to 10, and refuses what modules left that it does not have.
    let known: Vec<Sample> = samples().into_iter().filter(|sample| &sample.bytes[..9] <= b"REDIS0010" && sample.bytes[9] != 0xf7).collect();
    assert_eq!(known.len(), 10);
    for Sample { name, bytes, .. } in known {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dump.rdb"), &bytes).unwrap();
        let redis = Server::builder(&Program::redis()).data(dir.path()).option("appendonly", "no").start().unwrap();
        let expected = Dump::take(&mut redis.client()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let server = graven(dir.path(), &bytes).start().unwrap();
        let found = Dump::take(&mut server.client()).unwrap();
        assert_eq!(expected.diff(&found, 0), None, "{name}");
    }
}

#[test]
fn every_type_of_value_is_in_one_of_the_files() {
    let mut codes = BTreeSet::new();
    for Sample { bytes, holds, .. } in samples() {
        let keys = holds.iter().map(|line| line.split('"').nth(1).unwrap()).chain(["mod"]);
        for key in keys {
            let head = [&[key.len() as u8], key.as_bytes()].concat();
            codes.extend(bytes.windows(head.len()).position(|window| window == head).map(|at| bytes[at - 1]));
        }
    }
    // Six is the module value that nobody can pass over, and there is no type eight.
    let expected: BTreeSet<u8> = (0..=25).filter(|code| ![6, 8].contains(code)).collect();
    assert_eq!(&codes & &expected, expected);
}

/// A server that finds this file.
fn graven(dir: &Path, file: &[u8]) -> Builder {
    std::fs::write(dir.join("dump.rdb"), file).unwrap();
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).data(dir).option("appendonly", "no")
}

fn file(body: &[&[u8]]) -> Vec<u8> {
    [b"REDIS0010", &body.concat()[..], b"\xff\0\0\0\0\0\0\0\0"].concat()
}

/// The module type `exampleMT`, version 1 of its format.
const MODULE: &[u8] = b"\x81\x7b\x16\xa6\xa6\x57\x8c\x4c\x01\x02\x01\x01\x05\x03abcd\x04efghijkl\x05\x02mn\x02\x09";

#[test]
fn what_modules_left_is_skipped_with_a_warning_and_everything_else_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let before = [&b"\xf7"[..], &MODULE[..9], b"\x02\x02", &MODULE[11..], b"\x00"];
    let value = [&b"\xfe\x05\xfc\x00\x00\x00\x00\x00\x01\x00\x00\x07\x03mod"[..], MODULE, b"\x00"];
    let file = file(&[&before.concat(), b"\x00\x01a\x011", &value.concat(), b"\x00\x01b\x012", b"\xf5\x09#!lua x\ny"]);
    let server = graven(dir.path(), &file).start().unwrap();
    let log = server.log();
    for line in [
        "data of the module exampleMT, version 1, was not loaded",
        "the key \"mod\" of database 5, a value of the module exampleMT, version 1, was not loaded",
        "a library of functions was not loaded: #!lua x",
    ] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    let mut client = server.client();
    assert_eq!(client.call(&["GET", "a"]), Value::Bulk(b"1".to_vec()));
    assert!(client.call(&["SELECT", "5"]).is_ok());
    assert_eq!(client.call(&["KEYS", "*"]), Value::Array(vec![Value::Bulk(b"b".to_vec())]));
}

#[test]
fn keys_behind_what_ends_the_pieces_stay_in_their_database() {
    let dir = tempfile::tempdir().unwrap();
    let functions: &[u8] = b"\xf6\x03lib\x03LUA\x00\x0f#!lua name=lib\n";
    let file = file(&[b"\xfe\x05\x00\x01a\x011", functions, b"\x00\x01b\x012"]);
    let server = graven(dir.path(), &file).start().unwrap();
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE").as_int(), Some(0));
    assert!(client.line("SELECT 5").is_ok());
    assert_eq!(client.line("MGET a b"), Value::Array(vec![Value::bulk("1"), Value::bulk("2")]));
}

#[test]
fn hints_about_the_slots_of_a_cluster_are_no_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&[b"\xfe\x00\xfb\x01\x00", b"\xf4\x07\x01\x00\x00\x01a\x011"]);
    let server = graven(dir.path(), &file).start().unwrap();
    assert_eq!(server.client().line("GET a"), Value::bulk("1"));
    assert!(!server.log().contains("slot 7"), "{}", server.log());
}

#[test]
fn a_value_of_a_module_without_an_end_refuses_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = graven(dir.path(), &file(&[b"\x00\x01a\x011\x06\x03mod", MODULE])).prepare().unwrap();
    server.run_to_exit(std::time::Duration::from_secs(20)).unwrap();
    let log = server.log();
    for part in [
        "the key \"mod\" in database 0",
        "type 6 (module value without a length) at offset 14",
        "delete the key where the file was written",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[test]
fn a_key_that_stands_twice_refuses_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = graven(dir.path(), &file(&[b"\x00\x05again\x011\x00\x01b\x012\x00\x05again\x013"])).prepare().unwrap();
    server.run_to_exit(std::time::Duration::from_secs(20)).unwrap();
    let log = server.log();
    assert!(log.contains("again") && log.contains("Can't load the RDB file"), "{log}");
}
