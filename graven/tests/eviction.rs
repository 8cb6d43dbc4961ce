//! `maxmemory`: every policy keeps memory under the limit, evicts what it may, and serves a trace as well as Redis does.

use std::time::Duration;

use graven_testkit::process::Builder;
use graven_testkit::rng::Rng;
use graven_testkit::{Client, Dump, Program, Server, Value};

const LIMIT_BYTES: u64 = 24 << 20;
/// The limit may be passed by what a batch of commands and the buffers for it take.
const SLACK_BYTES: u64 = 2 << 20;

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", "no")
}

fn redis() -> Builder {
    Server::builder(&Program::redis()).option("save", "").option("appendonly", "no")
}

fn stat(server: &Server, section: &str, field: &str) -> u64 {
    server.info_field(section, field).parse().unwrap()
}

/// Writes keys until there would be three times as many as fit; every second one has a deadline.
fn overfill(server: &Server) -> Vec<Value> {
    let mut client = server.client();
    let value = vec![b'v'; 400];
    let mut replies = Vec::new();
    for batch in 0..400 {
        let commands: Vec<Vec<Vec<u8>>> = (0..400)
            .map(|i| {
                let n = batch * 400 + i;
                let mut command = vec![b"SET".to_vec(), format!("key:{n}").into_bytes(), value.clone()];
                if n % 2 == 1 {
                    command.extend([b"EX".to_vec(), (10_000 + n).to_string().into_bytes()]);
                }
                command
            })
            .collect();
        replies.extend(client.pipeline(&commands).unwrap());
        let used = stat(server, "memory", "used_memory") - stat(server, "memory", "mem_not_counted_for_evict");
        assert!(used < LIMIT_BYTES + SLACK_BYTES, "{used} bytes used after batch {batch}");
    }
    replies
}

#[test]
fn every_policy_keeps_memory_under_the_limit_and_a_restart_loads_what_is_left() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let mut server = graven().option("maxmemory", LIMIT_BYTES).option("maxmemory-policy", policy).start().unwrap();
        let replies = overfill(&server);
        let refused = replies.iter().filter(|reply| reply.error_text().is_some()).count();
        let evicted = stat(&server, "stats", "evicted_keys");
        let mut client = server.client();
        let left = client.line("DBSIZE").as_int().unwrap();
        assert!(left > 10_000, "{policy}: {left} keys are left");
        if policy.starts_with("allkeys") {
            assert_eq!(refused, 0, "{policy}");
            assert_eq!(evicted as i64 + left, 160_000, "{policy}");
        } else {
            // Keys without a deadline are never evicted: when they fill everything, writes are refused.
            assert!(refused > 0 && evicted > 0, "{policy}: {refused} refused, {evicted} evicted");
            let kept = (0..160_000).step_by(2).filter(|n| replies[*n].is_ok()).count() as i64;
            let exists: i64 = (0..160_000usize)
                .step_by(2)
                .collect::<Vec<_>>()
                .chunks(1000)
                .map(|chunk| {
                    let keys = chunk.iter().map(|n| format!("key:{n}"));
                    let command: Vec<String> = std::iter::once("EXISTS".to_owned()).chain(keys).collect();
                    client.call(&command).as_int().unwrap()
                })
                .sum();
            assert_eq!(exists, kept, "{policy}");
        }
        drop(client);
        // Looking would evict, too.
        server.client().line("CONFIG SET maxmemory 0");
        server.set_option("maxmemory", 0);
        let before = Dump::take(&mut server.client()).unwrap();
        server.crash_and_restart().unwrap();
        let after = Dump::take(&mut server.client()).unwrap();
        assert!(before.diff(&after, 0).is_none(), "{policy}: {}", before.diff(&after, 0).unwrap());
    }
}

#[test]
fn a_snapshot_does_not_make_eviction_take_more_than_it_must() {
    let server = graven().option("maxmemory", LIMIT_BYTES).option("maxmemory-policy", "allkeys-lru").start().unwrap();
    overfill(&server);
    let fits = server.client().line("DBSIZE").as_int().unwrap();
    let mut client = server.client();
    let value = vec![b'w'; 400];
    for batch in 0..30 {
        client.line(if batch % 2 == 0 { "BGSAVE" } else { "BGREWRITEAOF" });
        let commands: Vec<Vec<Vec<u8>>> =
            (0..400).map(|i| vec![b"SET".to_vec(), format!("new:{batch}:{i}").into_bytes(), value.clone()]).collect();
        client.pipeline(&commands).unwrap();
        let left = client.line("DBSIZE").as_int().unwrap();
        assert!(left > fits / 2, "{left} of {fits} keys are left after batch {batch}");
        if batch % 3 == 2 {
            let is_busy = |field| stat(&server, "persistence", field) > 0;
            while is_busy("rdb_bgsave_in_progress") || is_busy("aof_rewrite_in_progress") {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    assert!(stat(&server, "persistence", "rdb_saves") + stat(&server, "persistence", "aof_rewrites") >= 10);
}

#[test]
fn volatile_ttl_evicts_what_expires_soonest() {
    let server = graven().option("maxmemory", LIMIT_BYTES).option("maxmemory-policy", "volatile-ttl").start().unwrap();
    let mut client = server.client();
    let value = "v".repeat(400);
    for n in 0..90_000 {
        client.call(&["SET", &format!("key:{n}"), &value, "EX", &(1_000_000 - n).to_string()]);
    }
    // The latest expire soonest, so the earliest are left.
    let exists = |client: &mut Client, range: std::ops::Range<u32>| {
        range.filter(|n| client.call(&["EXISTS", &format!("key:{n}")]) == Value::Int(1)).count()
    };
    let (early, late) = (exists(&mut client, 0..10_000), exists(&mut client, 80_000..90_000));
    assert!(early > 9_500 && late < 8_000, "{early} of the first and {late} of the last 10,000 keys are left");
}

#[test]
fn without_a_policy_writes_are_refused_and_reads_and_deletions_are_not() {
    let server = graven().option("maxmemory", "8mb").start().unwrap();
    let mut client = server.client();
    let value = "v".repeat(4_000);
    let refused = (0..4_000).find_map(|n| client.call(&["SET", &format!("key:{n}"), &value]).error_text());
    assert_eq!(refused.as_deref(), Some("OOM command not allowed when used memory > 'maxmemory'."));
    assert_eq!(client.line("STRLEN key:1"), Value::Int(4_000));
    assert_eq!(client.line("MULTI").text(), "OK");
    assert!(client.line("GET key:1").error_text().unwrap().starts_with("OOM"), "nothing is queued while memory is short");
    assert!(client.line("EXEC").error_text().unwrap().starts_with("EXECABORT"));
    for n in 0..200 {
        client.call(&["DEL", &format!("key:{n}")]);
    }
    assert!(client.line("SET small 1").is_ok());
    assert!(client.line("CONFIG SET maxmemory 1").is_ok());
    assert!(client.line("SET small 2").error_text().unwrap().starts_with("OOM"));
    assert!(client.line("CONFIG SET maxmemory 0").is_ok());
    assert!(client.line("SET small 2").is_ok());
}

const UNIVERSE: usize = 40_000;
const CACHED: usize = 8_000;
const ACCESSES: usize = 120_000;

/// Keys by a Zipf distribution: the `n`-th is asked for in proportion to 1/n.
fn zipf_trace(seed: u64) -> Vec<usize> {
    let mut sums = Vec::with_capacity(UNIVERSE);
    let mut sum = 0.0;
    for n in 1..=UNIVERSE {
        sum += 1.0 / n as f64;
        sums.push(sum);
    }
    let mut rng = Rng::new(seed);
    let mut pick = || {
        let point = rng.next_u64() as f64 / u64::MAX as f64 * sum;
        sums.partition_point(|s| *s < point)
    };
    (0..ACCESSES).map(|_| pick()).collect()
}

/// Limits the server to the memory that `CACHED` of the keys take.
fn limit_to_cached(client: &mut Client, value: &str) {
    let used = |client: &mut Client| {
        let info = client.line("INFO memory").text();
        let field = |name: &str| -> u64 {
            let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        field("used_memory:") - field("mem_not_counted_for_evict:")
    };
    for n in 0..CACHED {
        client.call(&["SET", &format!("key:{n}"), value]);
    }
    let limit = used(client);
    client.line("FLUSHALL");
    client.call(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
}

/// The share of accesses that find their key; a key that is missing is set.
fn hit_rate(server: &Server, policy: &str, trace: &[usize]) -> f64 {
    let mut client = server.client();
    client.call(&["CONFIG", "SET", "maxmemory-policy", policy]);
    let value = "v".repeat(500);
    limit_to_cached(&mut client, &value);
    let mut hits = 0;
    for n in trace {
        let key = format!("key:{n}");
        if client.call(&["GET", &key]).as_bytes().is_some() {
            hits += 1;
        } else {
            client.call(&["SET", &key, &value]);
        }
    }
    hits as f64 / trace.len() as f64
}

#[test]
fn lru_and_lfu_hit_as_often_as_in_redis() {
    for policy in ["allkeys-lru", "allkeys-lfu"] {
        let trace = zipf_trace(7);
        let (redis, tested) = (redis().start().unwrap(), graven().option("appendonly", "no").start().unwrap());
        let (expected, found) = (hit_rate(&redis, policy, &trace), hit_rate(&tested, policy, &trace));
        println!("{policy}: redis {expected:.4}, graven {found:.4}");
        assert!((expected - found).abs() < 0.02, "{policy}: redis {expected:.4}, graven {found:.4}");
        assert!(expected > 0.4 && expected < 0.95, "the trace tells something: {expected:.4}");
    }
}

#[test]
fn the_largest_client_is_closed_when_all_together_hold_too_much() {
    let server = graven().option("maxmemory-clients", "4mb").start().unwrap();
    let mut client = server.client();
    let safe = &mut server.client();
    assert!(safe.line("CLIENT NO-EVICT on").is_ok());
    let value = "v".repeat(100_000);
    assert!(client.call(&["SET", "large", &value]).is_ok());
    // Ten connections each queue up what fits, one more than that.
    let mut hoarders: Vec<Client> = (0..10).map(|_| server.client()).collect();
    for hoarder in &mut hoarders {
        assert!(hoarder.line("MULTI").is_ok());
        assert_eq!(hoarder.call(&["SET", "other", &value]).text(), "QUEUED");
    }
    assert_eq!(stat(&server, "stats", "evicted_clients"), 0);
    let mut greedy = server.client();
    assert!(greedy.line("MULTI").is_ok());
    let closed = (0..100).any(|_| greedy.exchange(&["SET", "other", &value]).map_or(true, |reply| reply == Value::Closed));
    assert!(closed, "nobody may hold 10 MB");
    assert_eq!(stat(&server, "stats", "evicted_clients"), 1);
    for hoarder in &mut hoarders {
        assert_eq!(hoarder.line("EXEC").elements().map(<[Value]>::len), Some(1), "the others live on");
    }
    assert!(safe.line("MULTI").is_ok());
    for _ in 0..100 {
        assert_eq!(safe.call(&["SET", "other", &value]).text(), "QUEUED", "this one is not to be evicted");
    }
}
