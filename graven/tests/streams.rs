//! Streams do what `redis-server`'s do.

use std::time::{Duration, Instant};

use graven_testkit::oracle::Oracle;
use graven_testkit::{Client, Program, Server};

#[test]
fn streams_do_what_redis_does_in_resp2() {
    Oracle::check_group(&Program::graven(env!("CARGO_BIN_EXE_graven")), "stream", 2, 0..40).unwrap();
}

#[test]
fn streams_do_what_redis_does_in_resp3() {
    Oracle::check_group(&Program::graven(env!("CARGO_BIN_EXE_graven")), "stream", 3, 1_000..1_040).unwrap();
}

fn started() -> Server {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).start().unwrap()
}

/// A client that waits for new entries of a group.
fn waiting(server: &Server) -> Client {
    let mut client = server.client();
    client.send(&["XREADGROUP", "GROUP", "g", "alice", "BLOCK", "0", "STREAMS", "s", ">"]).unwrap();
    let start = Instant::now();
    while server.info_field("clients", "blocked_clients") != "1" {
        assert!(start.elapsed() < Duration::from_secs(20), "the client does not wait");
        std::thread::sleep(Duration::from_millis(5));
    }
    client
}

/// As of 7.2, where the command is executed again and finds no group; 7.0 says UNBLOCKED in some of these cases.
#[test]
fn who_waits_for_a_group_is_told_when_it_is_gone() {
    let no_group = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let cases: &[(&[&str], &str)] = &[
        (&["DEL", "s"], no_group),
        (&["XGROUP", "DESTROY", "s", "g"], no_group),
        (&["FLUSHALL"], no_group),
        (&["RENAME", "s", "elsewhere"], no_group),
        (&["SET", "s", "v"], "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ];
    let server = started();
    for (command, error) in cases {
        let mut other = server.client();
        other.cmd(&["FLUSHALL"]).unwrap();
        other.cmd(&["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"]).unwrap();
        let mut client = waiting(&server);
        other.cmd(command).unwrap();
        assert_eq!(client.read().unwrap().error_text().as_deref(), Some(*error), "{command:?}");
    }
}

#[test]
fn deliveries_survive_a_kill() {
    let mut server = Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    for n in 1..=300 {
        client.cmd(&["XADD", "s", "MAXLEN", "~", "120", "*", "n", &n.to_string()]).unwrap();
    }
    client.cmd(&["XGROUP", "CREATE", "s", "g", "0"]).unwrap();
    for consumer in ["alice", "bob", "alice"] {
        client.cmd(&["XREADGROUP", "GROUP", "g", consumer, "COUNT", "20", "STREAMS", "s", ">"]).unwrap();
    }
    client.cmd(&["XAUTOCLAIM", "s", "g", "carol", "0", "0", "COUNT", "5"]).unwrap();
    client.cmd(&["XREADGROUP", "GROUP", "g", "bob", "COUNT", "3", "STREAMS", "s", "0"]).unwrap();
    let full = ["XINFO", "STREAM", "s", "FULL", "COUNT", "0"];
    let before = client.cmd(&full).unwrap();
    server.crash_and_restart().unwrap();
    assert_eq!(server.client().cmd(&full).unwrap(), before);
}
