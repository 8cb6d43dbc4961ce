//! Publish and subscribe: what each client sees, beside what a real `redis-server` shows it; and what its documentation says
//! where the two versions differ.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use graven_testkit::oracle::Oracle;
use graven_testkit::process::Builder;
use graven_testkit::transcript::{compare, play};
use graven_testkit::{DiskFaults, Program, Server};

fn program() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

fn graven() -> Builder {
    Server::builder(&program()).option("appendonly", "no")
}

#[track_caller]
fn looks_like_redis(script: &str) {
    compare(Server::builder(&Program::redis()), graven(), script);
}

#[test]
fn subscribers_in_resp2_are_told_and_counted_as_in_redis() {
    looks_like_redis(
        "0 SUBSCRIBE a b a
         0 PSUBSCRIBE a* [
         1 PUBLISH a hello
         1 PUBLISH ab hello
         1 PUBLISH c nobody
         1 SPUBLISH a nobody
         0 SSUBSCRIBE a
         0 SSUBSCRIBE a s
         1 SPUBLISH a shard
         1 PUBLISH a channel
         1 PUBSUB NUMSUB a b c
         1 PUBSUB NUMSUB
         1 PUBSUB SHARDNUMSUB a b s
         1 PUBSUB NUMPAT
         1 PUBSUB CHANNELS b*
         1 PUBSUB SHARDCHANNELS s
         1 PUBSUB CHANNELS a b
         1 PUBSUB CHANNELS x
         1 PUBSUB NOSUCH
         1 PUBSUB
         1 PUBLISH a
         1 SUBSCRIBE
         0 PING
         0 PING text
         0 PING a b
         0 GET x
         0 CLIENT LIST
         0 CLIENT NOSUCH
         0 NOSUCH
         0 MULTI
         0 PUBLISH a x
         0 UNSUBSCRIBE b
         0 UNSUBSCRIBE b nosuch
         0 UNSUBSCRIBE
         0 UNSUBSCRIBE
         0 GET x
         0 PUNSUBSCRIBE a*
         0 PUNSUBSCRIBE
         0 PUNSUBSCRIBE
         0 SUNSUBSCRIBE s
         0 SUNSUBSCRIBE
         0 SUNSUBSCRIBE
         0 GET x
         1 PUBSUB CHANNELS
         1 PUBSUB SHARDCHANNELS
         1 PUBSUB NUMPAT
         1 PUBLISH a x",
    );
}

#[test]
fn subscribers_in_resp3_go_on_with_commands() {
    looks_like_redis(
        "0 CLIENT SETNAME me
         0 SUBSCRIBE old
         0 UNSUBSCRIBE
         1 CLIENT SETNAME other
         0 SSUBSCRIBE x
         0 RESET
         0 GET x
         1 SPUBLISH x gone
         0 SUBSCRIBE a
         0 RESET
         1 PUBLISH a gone
         0 PSUBSCRIBE *
         0 QUIT
         1 PUBLISH a gone
         2 SUBSCRIBE a
         2 close
         1 PUBSUB CHANNELS
         1 PUBLISH a gone",
    );
}

#[test]
fn confirmations_and_messages_are_pushes_in_resp3() {
    looks_like_redis(
        "0 resp3
         0 SUBSCRIBE a b
         0 PSUBSCRIBE a*
         0 SSUBSCRIBE s
         0 PING
         0 PING x
         0 GET k
         0 SET k v
         1 PUBLISH a m
         1 SPUBLISH s m
         0 PUBSUB NUMSUB a s
         0 PUBSUB SHARDNUMSUB a s
         0 MULTI
         0 SUBSCRIBE c
         0 UNSUBSCRIBE c
         0 GET k
         0 EXEC
         1 resp3
         1 SUBSCRIBE a
         2 PUBLISH a both
         0 BLPOP l 0
         2 PUBLISH a waits
         2 RPUSH l x
         0 UNSUBSCRIBE a
         0 UNSUBSCRIBE
         0 PUNSUBSCRIBE
         0 SUNSUBSCRIBE
         0 SUNSUBSCRIBE
         0 SUBSCRIBE a
         0 CLIENT REPLY OFF
         0 GET k
         2 PUBLISH a m
         0 RESET
         0 GET k
         2 PUBLISH a m",
    );
}

#[test]
fn random_commands_agree_with_redis() {
    for protocol in [2, 3] {
        Oracle::check_group(&program(), "pubsub", protocol, 0..10).unwrap();
    }
}

#[test]
fn transactions_publish_when_they_are_executed() {
    looks_like_redis(
        "0 SUBSCRIBE a
         1 MULTI
         1 PUBLISH a 1
         1 SET k v
         1 PUBLISH a 2
         1 EXEC
         2 MULTI
         2 SUBSCRIBE x y
         2 PSUBSCRIBE p*
         2 UNSUBSCRIBE x
         2 EXEC
         1 PUBLISH y m
         1 PUBLISH p m
         2 MULTI
         2 RESET
         1 PUBLISH p m",
    );
}

/// What is published to oneself follows the reply, since 7.2.
#[test]
fn a_client_that_publishes_to_itself_gets_the_message_after_the_reply() {
    let seen = play(
        graven(),
        "0 HELLO 3
         0 SUBSCRIBE a
         0 GET k
         0 PUBLISH a m
         0 PING
         0 MULTI
         0 PUBLISH a 1
         0 PUBLISH a 2
         0 EXEC
         0 UNSUBSCRIBE nosuch
         0 UNSUBSCRIBE
         0 UNSUBSCRIBE",
    );
    let seen: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("    0: ")).skip(1).collect();
    assert_eq!(
        seen,
        [
            r">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
            r"_\r\n",
            r":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n",
            r"+PONG\r\n",
            r"+OK\r\n",
            r"+QUEUED\r\n",
            r"+QUEUED\r\n",
            r"*2\r\n:1\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n2\r\n",
            r">3\r\n$11\r\nunsubscribe\r\n$6\r\nnosuch\r\n:1\r\n",
            r">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n",
            r">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n",
        ]
    );
}

#[test]
fn confirmations_and_messages_come_also_when_replies_are_off() {
    looks_like_redis(
        "0 CLIENT REPLY OFF
         0 SUBSCRIBE a
         1 PUBLISH a m
         0 UNSUBSCRIBE a
         0 PING
         0 CLIENT REPLY ON",
    );
}

#[test]
fn subscribers_are_a_class_of_clients_of_their_own() {
    let server = graven().option("timeout", "1").option("client-output-buffer-limit", "pubsub 64kb 0 0").start().unwrap();
    let mut admin = server.client();
    let (mut listener, mut silent) = (server.client(), server.client());
    listener.call(&["SUBSCRIBE", "a"]);
    listener.send(&["PSUBSCRIBE", "p*"]).unwrap();
    listener.reply().unwrap();
    assert!(silent.call(&["PING"]).text().contains("PONG"));
    for (name, count) in [("pubsub_channels", "1"), ("pubsub_patterns", "1"), ("pubsubshard_channels", "0")] {
        assert_eq!(server.info_field("stats", name), count, "{name}");
    }
    let list = admin.call(&["CLIENT", "LIST", "TYPE", "pubsub"]).text();
    assert_eq!(list.lines().filter(|line| line.contains("id=")).count(), 1, "{list}");
    for field in ["flags=P ", " sub=1 psub=1 ssub=0 ", " cmd=psubscribe "] {
        assert!(list.contains(field), "{field} in {list}");
    }
    // The timeout closes those who say nothing, but not those who listen.
    for _ in 0..25 {
        std::thread::sleep(Duration::from_millis(100));
        admin.call(&["PING"]);
    }
    assert!(silent.closes_within(Duration::from_secs(1)));
    assert_eq!(admin.call(&["PUBLISH", "a", "still"]).as_int(), Some(1));
    listener.reply().unwrap();
    // One who does not read is closed at the limit for those who listen.
    let text = "x".repeat(1 << 20);
    for _ in 0..50 {
        admin.call(&["PUBLISH", "a", &text]);
    }
    assert_eq!(admin.call(&["PUBSUB", "NUMSUB", "a"]).elements().unwrap()[1].as_int(), Some(0));
    let mut listener = server.client();
    listener.call(&["SUBSCRIBE", "a"]);
    assert_eq!(admin.call(&["CLIENT", "KILL", "TYPE", "pubsub"]).as_int(), Some(1));
    assert!(listener.closes_within(Duration::from_secs(1)));
}

/// A message that a transaction published with its writes, and an event that tells of a write, may not leave before the write
/// is kept; and if it cannot be kept, they are not sent.
#[test]
fn messages_that_tell_of_a_write_wait_until_it_is_durable() {
    let faults = DiskFaults::new().unwrap();
    let builder = Server::builder(&program()).option("appendfsync", "always").option("notify-keyspace-events", "KEA");
    let server = faults.preload(builder).start().unwrap();
    let mut listener = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    listener.set_nodelay(true).unwrap();
    listener.write_all(b"PSUBSCRIBE *\r\n").unwrap();
    let mut read = |wait_ms: u64| {
        listener.set_read_timeout(Some(Duration::from_millis(wait_ms))).unwrap();
        let mut buffer = [0; 4096];
        let n = listener.read(&mut buffer).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    assert!(read(5_000).contains("psubscribe"));
    faults.sync_delay(Duration::from_millis(600));
    let mut writer = server.client();
    writer.send(&["SET", "k", "v"]).unwrap();
    assert_eq!(read(200), "", "nothing is told while the disk works");
    assert!(read(5_000).contains("__keyspace@0__:k"));
    assert!(writer.reply().unwrap().is_ok());
    while !read(100).is_empty() {}
    writer.send(&["SET", "k", "v"]).unwrap();
    writer.send(&["PUBLISH", "c", "I have written"]).unwrap();
    assert_eq!(read(200), "");
    let mut all = String::new();
    while !all.contains("I have written") {
        let more = read(5_000);
        assert!(!more.is_empty(), "the message comes: {all}");
        all += &more;
    }
}

/// Its messages wait for the reply to what it published with, and nobody else reads them meanwhile.
#[test]
fn a_client_that_publishes_to_itself_is_closed_at_its_output_limit_not_later() {
    for in_transaction in [false, true] {
        let server = graven().option("client-output-buffer-limit", "pubsub 8mb 0 0").start().unwrap();
        let mut client = server.client();
        client.call(&["HELLO", "3"]);
        let patterns: Vec<String> = (1..=400).map(|n| "*".repeat(n)).collect();
        client.send(&[&["PSUBSCRIBE".to_owned()], &patterns[..]].concat()).unwrap();
        for _ in &patterns {
            client.read().unwrap();
        }
        let before = server.resident_bytes();
        if in_transaction {
            client.send(&["MULTI"]).unwrap();
        }
        client.send(&["PUBLISH", "channel", &"x".repeat(1 << 20)]).unwrap();
        if in_transaction {
            client.send(&["EXEC"]).unwrap();
        }
        assert!(client.closes_within(Duration::from_secs(10)));
        let grown = server.peak_resident_bytes().saturating_sub(before) >> 20;
        assert!(grown < 100, "memory grew by {grown} MB, in a transaction: {in_transaction}");
        assert_eq!(server.info_field("stats", "client_output_buffer_limit_disconnections"), "1");
    }
}

#[test]
fn what_a_client_publishes_to_itself_counts_once_towards_its_output_limit() {
    let server = graven().option("client-output-buffer-limit", "pubsub 1mb 0 0").start().unwrap();
    let mut client = server.client();
    client.call(&["HELLO", "3"]);
    client.send(&["SUBSCRIBE", "channel"]).unwrap();
    client.read().unwrap();
    let text = "x".repeat(700_000);
    for in_transaction in [false, true] {
        if in_transaction {
            client.call(&["MULTI"]);
        }
        let reply = client.call(&["PUBLISH", "channel", &text]);
        if in_transaction {
            client.call(&["EXEC"]);
        } else {
            assert_eq!(reply.as_int(), Some(1));
        }
        let message = client.read().unwrap();
        assert!(message.elements().unwrap()[2].text() == text, "in a transaction: {in_transaction}");
    }
}
