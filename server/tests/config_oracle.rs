//! `CONFIG` beside a real `redis-server`: defaults, every parameter with many values, whole files, and what `CONFIG REWRITE`
//! leaves of a file. Every difference that is meant is named here, with its reason.

use std::collections::BTreeMap;

use graven_server::config::{Config, table};
use graven_testkit::{Client, Program, Server};

/// What differs by default, and why.
const DEFAULTS: [(&str, &str); 3] = [
    ("appendonly", "yes"),      // the log is the database
    ("bind", "127.0.0.1 -::1"), // as in redis.conf, not as without one
    ("dir", ""),                // each server's own
];

fn redis(client: &mut Client, name: &str) -> String {
    client.call(&["CONFIG", "GET", name]).get(name).map(|value| value.text()).unwrap_or_default()
}

fn all(client: &mut Client) -> BTreeMap<String, String> {
    let pairs = client.call(&["CONFIG", "GET", "*"]).pairs().expect("CONFIG GET replies with pairs");
    pairs.into_iter().map(|(name, value)| (name.text(), value.text())).collect()
}

#[test]
fn every_parameter_of_redis_is_known_with_its_default() {
    let server = Server::builder(&Program::redis()).start().unwrap();
    let oracle = all(&mut server.client());
    let config = Config::default();
    assert!(oracle.len() > 150);
    for (name, theirs) in oracle {
        let ours = config.get_one(&name).unwrap_or_else(|| panic!("{name} is not known"));
        // What the harness sets is not a default, and two parameters have only one name in 7.2.
        if ["port", "save", "dir", "appendonly", "bind", "logfile", "unixsocket", "pidfile", "daemonize"].contains(&name.as_str()) {
            continue;
        }
        assert_eq!(ours, theirs, "{name}");
    }
    for (name, value) in DEFAULTS.into_iter().filter(|(name, _)| *name != "dir") {
        assert_eq!(config.get_one(name).as_deref(), Some(value));
    }
}

/// Values for everything: most are wrong for most parameters, which is the point.
const PROBES: &[&str] = &[
    " ",
    "yes",
    "no",
    "YES",
    "No",
    "maybe",
    "0",
    "1",
    "-1",
    "-2",
    "2",
    "10",
    "99",
    "100",
    "101",
    "500",
    "501",
    "1000",
    "1001",
    "65535",
    "65536",
    "007",
    "+5",
    "5x",
    "1k",
    "1kb",
    "1KB",
    "1mb",
    "3mb",
    "1Gb",
    "2g",
    "1tb",
    "-1kb",
    "5%",
    "100%",
    "101%",
    "-5%",
    "%",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "abc",
    "a b",
    "3600 1",
    "3600 1 300 10",
    "0 1",
    "1 0",
    "1 -1",
    "3600 1 300",
    "save now",
    "now force save",
    "nosave",
    "save nosave",
    "default",
    "KEA",
    "A",
    "$lshzxegtdmn",
    "K$z",
    "AKE$",
    "Q",
    "n",
    "50",
    "50 99 99.9",
    "0 100",
    "100.1",
    "12.50 1e1",
    "33.3333333",
    "1 2 3",
    "-2000 0 2000",
    "-2001 0 1",
    "1 2 3 4",
    "normal 0 0 0",
    "replica 1mb 2mb 3",
    "slave 5 6 7 pubsub 1gb 0 1",
    "normal 1",
    "other 1 2 3",
    "pubsub a 2 3",
    "pubsub -1 2 3",
    "pubsub 1 2 x",
    "allkeys-lru",
    "VOLATILE-TTL",
    "noeviction",
    "always",
    "EverySec",
    "debug",
    "notice",
    "warning",
    "hostname",
    "relative",
    "absolute",
    "clients",
    "allchannels",
    "panic",
    "swapdb",
    "optional",
    "two words",
    "quo\"te",
    "tab\tnew\nline",
];

/// Parameters that cannot be tried out on a live server: they move its sockets or its limits, ask something of the
/// kernel, cut off the asking client, or start a rewrite.
const UNTRIED: &[&str] = &[
    "port",
    "bind",
    "maxclients",
    "maxmemory-clients",
    "appendonly",
    "oom-score-adj",
    "oom-score-adj-values",
    "bind-source-addr",
    "dir",
    "dbfilename",
    "requirepass",
    "tls-port",
];

/// Where the oracle, a Redis 7.0, is not followed.
fn is_meant(name: &str, ours: &str) -> bool {
    match name {
        // 7.2 adds a level.
        "loglevel" => ours.ends_with(", nothing"),
        // Redis forgets `n` when it prints all classes.
        "notify-keyspace-events" => ours.starts_with("An"),
        _ => false,
    }
}

#[test]
fn config_set_accepts_refuses_and_prints_as_redis_does() {
    let server = Server::builder(&Program::redis()).start().unwrap();
    let mut client = server.client();
    let oracle = all(&mut client);
    let mut compared = 0;
    let mut different = Vec::new();
    for parameter in table::all() {
        for name in [Some(parameter.name), parameter.alias].into_iter().flatten() {
            if !oracle.contains_key(name) || UNTRIED.contains(&parameter.name) || parameter.only_default.is_some() {
                continue;
            }
            // As the harness starts the other one.
            let mut config = Config::parse_text(b"save \"\"").unwrap();
            for probe in PROBES {
                let reply = client.call(&["CONFIG", "SET", name, probe]);
                let theirs = reply.error_text().unwrap_or_default();
                let ours = match config.prepare(&[(name.as_bytes(), probe.as_bytes())], true) {
                    Ok(change) => {
                        config = change.config;
                        String::new()
                    }
                    Err(error) => format!("ERR {error}"),
                };
                if ours != theirs && !is_meant(name, &ours) {
                    different.push(format!("CONFIG SET {name} {probe:?}: {ours:?}, Redis {theirs:?}"));
                }
                let (ours, theirs) = (config.get_one(name).unwrap(), redis(&mut client, name));
                if ours != theirs && !is_meant(name, &ours) {
                    different.push(format!("CONFIG GET {name} after {probe:?}: {ours:?}, Redis {theirs:?}"));
                }
                compared += 1;
                if parameter.immutable {
                    break;
                }
            }
            client.call(&["CONFIG", "SET", name, &oracle[name]]);
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(compared > 5000, "only {compared} comparisons");
}

/// Lines that set every kind of parameter, in every way of writing them.
const FILE: &str = r#"# head comment


   # indented
TIMEOUT  10
databases 4
tcp-backlog 128
requirepass ""
logfile ""
proc-title-template "x {title}"
ignore-warnings ""
notify-keyspace-events "Elg"
save 900 1
save 300 10 20 30
maxmemory 1000000000
maxmemory-policy ALLKEYS-LFU
maxmemory-clients 5%
hash-max-ziplist-entries 128
list-max-listpack-size -3
client-output-buffer-limit replica 1mb 2000000 3
client-output-buffer-limit replica 2mb 2000000 3
client-output-buffer-limit normal 0 0 0
oom-score-adj-values 1 2 3
latency-tracking-info-percentiles 50 99.95 12.5
shutdown-on-sigterm now force
appendfilename 'foo.aof'
appenddirname "dir \x41"
unixsocketperm 700
list-max-ziplist-value 7
enable-protected-configs local
proto-max-bulk-len 1mb
replicaof no one
syslog-facility LOCAL3
io-threads 1
masteruser ""
pidfile ""
hz 600
slowlog-max-len 128
# tail
"#;

#[test]
fn a_file_gives_the_values_that_redis_reads_from_it() {
    let mut builder = Server::builder(&Program::redis());
    for line in FILE.lines() {
        builder = builder.config(line);
    }
    let server = builder.start().unwrap();
    let config = Config::parse_text(FILE.as_bytes()).unwrap();
    for (name, theirs) in all(&mut server.client()) {
        if ["port", "dir", "bind", "save", "appendonly"].contains(&name.as_str()) {
            continue;
        }
        assert_eq!(config.get_one(&name).unwrap(), theirs, "{name}");
    }
}

#[test]
fn rewriting_leaves_the_file_that_redis_leaves() {
    let sets: &[&[&str]] = &[
        &[],
        &["save", "100 2", "timeout", "0", "tcp-keepalive", "7", "maxmemory", "3221225472"],
        &["latency-tracking-info-percentiles", "", "notify-keyspace-events", "KEA", "slowlog-max-len", "129", "loglevel", "verbose"],
        &[
            "client-output-buffer-limit",
            "pubsub 1024 3 4",
            "requirepass",
            "a \"b\"",
            "shutdown-on-sigterm",
            "default",
            "list-max-listpack-size",
            "7",
        ],
        &["requirepass", "", "save", "", "hz", "100", "maxmemory-clients", "0", "lazyfree-lazy-user-del", "yes"],
    ];
    let mut builder = Server::builder(&Program::redis());
    for line in FILE.lines().filter(|line| !line.starts_with("logfile")) {
        builder = builder.config(line);
    }
    let server = builder.start().unwrap();
    let mut client = server.client();
    let theirs = server.config_path();
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("our.conf");
    std::fs::copy(&theirs, &ours).unwrap();
    let mut config = Config::load(Some(ours.to_str().unwrap()), &["--save".to_owned(), String::new()]).unwrap();
    for set in sets {
        if !set.is_empty() {
            let mut command = vec!["CONFIG", "SET"];
            command.extend_from_slice(set);
            assert!(client.call(&command).is_ok(), "{set:?}");
            let pairs: Vec<(&[u8], &[u8])> = set.chunks(2).map(|pair| (pair[0].as_bytes(), pair[1].as_bytes())).collect();
            config = config.prepare(&pairs, true).unwrap().config;
        }
        assert!(client.call(&["CONFIG", "REWRITE"]).is_ok());
        config.rewrite().unwrap();
        assert_eq!(comparable(&ours), comparable(&theirs), "after {set:?}");
    }
}

#[test]
fn a_file_that_redis_rewrote_is_read_and_goes_back() {
    let mut server = Server::builder(&Program::redis()).config("timeout 5").start().unwrap();
    let file = server.config_path();
    let user_line = || std::fs::read_to_string(&file).unwrap().lines().find(|line| line.starts_with("user ")).unwrap().to_owned();
    let read = || Config::load(Some(file.to_str().unwrap()), &[]).unwrap_or_else(|e| panic!("{e}"));
    assert!(server.client().line("CONFIG REWRITE").is_ok());
    assert_eq!((user_line().as_str(), read().requirepass.as_str()), ("user default on nopass ~* &* +@all", ""));
    // A user that was read from a file is written with one word more.
    server.crash_and_restart().unwrap();
    assert!(server.client().line("CONFIG REWRITE").is_ok());
    assert!(user_line().contains(" sanitize-payload "), "{}", user_line());
    assert!(read().requirepass.is_empty());
    let mut client = server.client();
    for password in ["a \"b\"\\\n", "secret", ""] {
        assert!(client.call(&["CONFIG", "SET", "requirepass", password]).is_ok());
        assert!(client.line("CONFIG REWRITE").is_ok());
        let theirs = user_line();
        assert_eq!(read().requirepass, password, "{theirs}");
        read().rewrite().unwrap();
        assert_eq!(user_line(), theirs.replace(" sanitize-payload", ""));
        assert!(client.call(&["CONFIG", "SET", "requirepass", "for Graven to forget"]).is_ok());
    }
    // And Redis takes what is rewritten here, with its password.
    read().prepare(&[(b"requirepass", b"ours")], true).unwrap().config.rewrite().unwrap();
    server.kill9();
    let theirs = Server::builder(&Program::redis()).config(&std::fs::read_to_string(&file).unwrap()).password("ours");
    assert!(theirs.start().unwrap().client().line("PING").error_text().is_some_and(|error| error.starts_with("NOAUTH")));
}

/// The lines without those that must differ: the harness's own, users (Redis adds one without being asked), parameters set from the
/// command line, and blank lines around them.
fn comparable(path: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let own = ["dir ", "user ", "port ", "logfile ", "bind ", "appendonly "];
    let counts = |line: &&str| !line.is_empty() && !own.iter().any(|name| line.starts_with(name));
    text.lines().filter(counts).map(str::to_owned).collect()
}
