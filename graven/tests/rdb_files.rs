//! RDB files that other servers wrote, found at the start.

use std::path::Path;

use graven_testkit::process::Builder;
use graven_testkit::{Program, Server, Value};

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
