//! What the server tells about itself is true, and `DEBUG` does what tests rely on.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use graven_testkit::process::Builder;
use graven_testkit::{Client, DiskFaults, Program, Server, Value};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("enable-debug-command", "yes")
}

fn redis() -> Server {
    Server::builder(&Program::redis()).option("enable-debug-command", "yes").start().unwrap()
}

const DATA: &[&str] = &[
    "SET text some-text",
    "SET number 1234567",
    "SET empty \"\"",
    "SET \"binary\\x00\\xff\" \"\\x00\\r\\n\\xfe\"",
    "SET expiring soon EX 1000",
    "DEBUG POPULATE 300",
    "DEBUG POPULATE 20 big 5000",
    "APPEND text -and-more",
    "SELECT 7",
    "SET text elsewhere",
    "PEXPIREAT text 4102444800000",
    "SELECT 0",
];

fn fill(client: &mut Client) {
    for line in DATA {
        let reply = client.line(line);
        assert!(reply.error_text().is_none(), "{line}: {reply:?}");
    }
}

#[test]
fn equal_data_has_the_digest_that_redis_computes() {
    let (redis, server) = (redis(), graven().start().unwrap());
    let (mut oracle, mut client) = (redis.client(), server.client());
    assert_eq!(client.line("DEBUG DIGEST"), oracle.line("DEBUG DIGEST"));
    for line in DATA {
        oracle.line(line);
        client.line(line);
        assert_eq!(client.line("DEBUG DIGEST"), oracle.line("DEBUG DIGEST"), "after {line}");
    }
    let values = "DEBUG DIGEST-VALUE text number empty expiring big:3 missing";
    assert_eq!(client.line(values), oracle.line(values));
    client.line("SET text other");
    assert_ne!(client.line("DEBUG DIGEST"), oracle.line("DEBUG DIGEST"));
}

#[test]
fn what_was_populated_survives_a_kill() {
    let mut server = graven().option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    fill(&mut client);
    let digest = client.line("DEBUG DIGEST");
    server.crash_and_restart().unwrap();
    assert_eq!(server.client().line("DEBUG DIGEST"), digest);
}

#[test]
fn loading_again_from_log_or_snapshot_gives_the_same_data() {
    for policy in ["always", "everysec", "no"] {
        let mut server = graven().option("appendfsync", policy).start().unwrap();
        let mut client = server.client();
        fill(&mut client);
        for round in 0..3 {
            client.line(&format!("SET round {round}"));
            let digest = client.line("DEBUG DIGEST");
            for command in ["DEBUG LOADAOF", "DEBUG RELOAD"] {
                assert!(client.line(command).is_ok(), "{command} under {policy}");
                assert_eq!(client.line("DEBUG DIGEST"), digest, "{command} under {policy}");
            }
        }
        assert!(client.line("TTL expiring").as_int().unwrap() > 900);
        client.line("SET after loading");
        server.crash_and_restart().unwrap();
        assert_eq!(server.client().line("GET after"), Value::bulk("loading"), "{policy}");
    }
}

#[test]
fn loading_again_loses_nothing_that_others_were_promised() {
    let server = graven().option("appendfsync", "everysec").start().unwrap();
    let mut writer = server.client();
    let stop = Instant::now() + Duration::from_secs(2);
    let writing = std::thread::spawn(move || {
        let mut acknowledged = 0;
        for n in 1.. {
            let reply = writer.call(&["SET".to_owned(), format!("n:{n}"), n.to_string()]);
            if reply.is_ok() {
                acknowledged += 1;
            } else {
                assert!(reply.error_text().unwrap().starts_with("LOADING"), "{reply:?}");
            }
            if Instant::now() > stop {
                break;
            }
        }
        acknowledged
    });
    let mut client = server.client();
    while Instant::now() < stop {
        assert!(client.line("DEBUG LOADAOF").is_ok());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(client.line("DBSIZE"), Value::Int(writing.join().unwrap()));
}

#[test]
fn crashes_on_demand_lose_nothing_acknowledged() {
    for command in ["DEBUG PANIC", "DEBUG SEGFAULT", "DEBUG ASSERT"] {
        let mut server = graven().option("appendfsync", "everysec").start().unwrap();
        let mut client = server.client();
        fill(&mut client);
        let digest = client.line("DEBUG DIGEST");
        // The connection breaks, so that there is no reply.
        let _ = client.cmd(&command.split(' ').collect::<Vec<_>>());
        let status = server.wait_exit(Duration::from_secs(10)).unwrap();
        assert!(!status.success(), "{command}: {status}");
        server.start().unwrap();
        assert_eq!(server.client().line("DEBUG DIGEST"), digest, "{command}");
    }
}

/// The fields of all sections, with what differs from server to server taken out of their names.
fn info_fields(server: &Server) -> BTreeSet<String> {
    let text = server.client().line("INFO everything").text();
    let named = |line: &str| ["cmdstat_", "errorstat_", "latency_percentiles_usec_", "db"].iter().all(|prefix| !line.starts_with(prefix));
    text.lines().filter(|line| named(line)).map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn info_has_every_field_of_redis() {
    let oracle = Server::builder(&Program::redis()).option("appendonly", "yes").start().unwrap();
    let ours = info_fields(&graven().start().unwrap());
    let missing: Vec<_> = info_fields(&oracle).into_iter().filter(|field| !ours.contains(field)).collect();
    assert_eq!(missing, [""; 0], "fields that only redis-server has");
}

#[test]
fn info_shows_the_sections_that_are_asked_for() {
    let (redis, server) = (redis(), graven().start().unwrap());
    let sections = |server: &Server, asked: &str| -> Vec<String> {
        let text = server.client().line(&format!("INFO {asked}")).text();
        text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect()
    };
    for asked in ["", "default", "all", "everything", "server", "KEYSPACE cpu", "default commandstats", "nosuch", "nosuch memory memory"] {
        assert_eq!(sections(&server, asked), sections(&redis, asked), "INFO {asked}");
    }
}

#[test]
fn counters_count() {
    let server = graven().start().unwrap();
    let mut client = server.client();
    for line in ["SET a 1", "GET a", "GET b", "GET a", "INCR", "SET a 1 EX", "NOSUCH", "SELECT 3", "SET c 1 PX 100000"] {
        client.line(line);
    }
    let stats = server.info("stats");
    assert_eq!((stats["keyspace_hits"].as_str(), stats["keyspace_misses"].as_str()), ("2", "1"));
    assert_eq!(stats["total_error_replies"], "3");
    let commands = server.info("commandstats");
    assert!(commands["cmdstat_get"].starts_with("calls=3,usec="), "{commands:?}");
    assert!(commands["cmdstat_get"].ends_with(",rejected_calls=0,failed_calls=0"), "{commands:?}");
    assert!(commands["cmdstat_set"].ends_with(",rejected_calls=0,failed_calls=1"), "{commands:?}");
    assert!(commands["cmdstat_incr"].ends_with(",rejected_calls=1,failed_calls=0"), "{commands:?}");
    assert_eq!(server.info("errorstats")["errorstat_ERR"], "count=3");
    assert!(server.info("latencystats")["latency_percentiles_usec_get"].starts_with("p50="));
    let keyspace = server.info("keyspace");
    assert_eq!(keyspace["db0"], "keys=1,expires=0,avg_ttl=0");
    let ttl: u64 = keyspace["db3"].strip_prefix("keys=1,expires=1,avg_ttl=").unwrap().parse().unwrap();
    assert!((90_000..=100_000).contains(&ttl), "{ttl}");
    client.line("CONFIG RESETSTAT");
    assert_eq!(server.info_field("stats", "keyspace_hits"), "0");
}

#[test]
fn lookups_of_commands_that_change_what_they_read_count_as_in_redis() {
    let servers = [redis(), graven().start().unwrap()];
    let counted = |line: &str| {
        servers.each_ref().map(|server| {
            server.client().line("CONFIG RESETSTAT");
            server.client().line(line);
            let stats = server.info("stats");
            (stats["keyspace_hits"].clone(), stats["keyspace_misses"].clone())
        })
    };
    for line in [
        "XADD x 1-1 f v",
        "XADD x 2-2 f v",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g c STREAMS x >",
        "XREADGROUP GROUP g c STREAMS x nosuch > >",
        "XACK x g 1-1",
        "XACK x nosuch 1-1",
        "XACK nosuch g 1-1",
        "XCLAIM x g d 0 2-2",
        "XCLAIM nosuch g d 0 2-2",
        "XAUTOCLAIM x g c 0 0",
        "XAUTOCLAIM nosuch g c 0 0",
        "XPENDING x g",
        "SADD s a b c",
        "SPOP s 2",
        "SPOP s 5",
        "SPOP s 5",
        "SADD s a",
        "SPOP s",
    ] {
        let [expected, seen] = counted(line);
        assert_eq!(seen, expected, "hits and misses of {line}; right is what redis-server counts");
    }
}

#[test]
fn counts_of_keys_that_are_not_durable_are_not_shown_under_always() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    // A disk that is known to be slow is waited for by another thread.
    faults.sync_delay(Duration::from_secs(1));
    let mut writer = server.client();
    for n in 0..3 {
        assert!(writer.line(&format!("SET first:{n} v")).is_ok());
    }
    for line in ["INFO keyspace", "INFO", "MEMORY STATS", "DEBUG HTSTATS 0", "DEBUG DIGEST"] {
        writer.send(&["SET", line, "v"]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let mut reader = server.client();
        let position = |name| server.info_field("persistence", name).parse::<u64>().unwrap();
        let appended = position("aof_lsn_appended");
        assert!(position("aof_lsn_durable") < appended, "INFO persistence waited for the disk");
        assert!(reader.line(line).error_text().is_none(), "{line}");
        assert!(position("aof_lsn_durable") >= appended, "{line} showed what is not durable");
        assert!(writer.reply().unwrap().is_ok());
    }
}

#[test]
fn memory_figures_follow_the_data() {
    let server = graven().start().unwrap();
    let mut client = server.client();
    let used = |server: &Server| server.info_field("memory", "used_memory").parse::<u64>().unwrap();
    let before = used(&server);
    client.line("DEBUG POPULATE 20000 key 1000");
    let after = used(&server);
    assert!((20_000_000..80_000_000).contains(&(after - before)), "{before} {after}");
    let one = client.line("MEMORY USAGE key:1").as_int().unwrap();
    assert!((1000..1200).contains(&one), "{one}");
    assert_eq!(client.line("MEMORY USAGE nothing"), Value::NullBulk);
    let stats = client.line("MEMORY STATS");
    let elements = stats.elements().unwrap();
    let figure = |name: &str| elements.iter().position(|e| e.text() == name).and_then(|at| elements[at + 1].as_int()).unwrap();
    assert_eq!(figure("keys.count"), 20_000);
    assert!(figure("dataset.bytes") > 15_000_000, "{stats:?}");
}

#[test]
fn a_watch_that_was_ended_and_begun_again_shows_each_command_once() {
    let server = graven().start().unwrap();
    let (mut watcher, mut client) = (server.client(), server.client());
    for _ in 0..2 {
        assert!(watcher.line("MONITOR").is_ok());
        client.line("PING one");
        assert!(watcher.reply().unwrap().text().ends_with("\"PING\" \"one\""));
        watcher.line("RESET");
    }
    client.line("PING unseen");
    assert!(watcher.line("MONITOR").is_ok());
    client.line("PING two");
    client.line("PING three");
    assert!(watcher.reply().unwrap().text().ends_with("\"PING\" \"two\""));
    assert!(watcher.reply().unwrap().text().ends_with("\"PING\" \"three\""));
}

#[test]
fn a_watcher_sees_what_redis_shows_in_its_order() {
    const LINES: &[&str] = &[
        "SELECT 2",
        "SET a 1",
        "NOSUCH",
        "GET",
        "INCR a",
        "LPUSH a 1",
        "EXEC",
        "DISCARD",
        "MULTI",
        "SET a 1",
        "SELECT 3",
        "LPUSH a 1",
        "INCR a",
        "EXEC",
        "MULTI",
        "GET",
        "EXEC",
        "MULTI",
        "PING",
        "DISCARD",
        "WATCH a",
        "SET a 2",
        "MULTI",
        "GET a",
        "EXEC",
        "CONFIG GET maxmemory",
        "BLPOP nosuch 0.01",
        "RESET",
        "ECHO end",
    ];
    let shown = |server: &Server| {
        let (mut watcher, mut client) = (server.client(), server.client());
        watcher.line("MONITOR");
        LINES.iter().for_each(|line| drop(client.line(line)));
        let mut shown = Vec::new();
        while shown.last().is_none_or(|line: &String| !line.ends_with("\"end\"")) {
            // Without the time and the port: "[<db>" and the command.
            let line = watcher.reply().unwrap().text();
            let (_, db) = line.split_once(' ').unwrap();
            let (db, command) = db.split_once("] ").unwrap();
            shown.push(format!("{}] {command}", db.split(' ').next().unwrap()));
        }
        shown
    };
    let [expected, seen] = [redis(), graven().start().unwrap()].map(|server| shown(&server));
    assert!(expected.iter().any(|line| line == r#"[3] "EXEC""#), "{expected:#?}");
    assert_eq!(seen, expected, "right is what redis-server shows");
}

#[test]
fn commands_whose_arguments_are_only_channels_have_no_keys() {
    let servers = [redis(), graven().start().unwrap()];
    for line in ["GETKEYS SPUBLISH a b", "GETKEYS SSUBSCRIBE a b", "GETKEYSANDFLAGS SUNSUBSCRIBE a", "GETKEYS PUBLISH a b", "GETKEYS GET a"]
    {
        let [expected, seen] = servers.each_ref().map(|server| server.client().line(&format!("COMMAND {line}")));
        assert_eq!(seen, expected, "{line}; right is what redis-server says");
    }
}
