//! Snapshots of a server that goes on: each is the state of one moment, whatever clients do meanwhile.
//!
//! The workload moves amounts within and between values of every type, in transactions, so that every state between two of them has the
//! same sums. What a snapshot holds is looked at by a server of its own, ours and Redis's in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use graven_testkit::client::Address;
use graven_testkit::{Client, Program, Rng, Server, Value};

/// Accounts of each kind: more than are copied at once.
const ACCOUNTS: u64 = 1_500;
const BALANCE: u64 = 1_000;

fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

fn run(client: &mut Client, lines: &[String]) {
    let commands: Vec<Vec<String>> = lines.iter().map(|line| words(line)).collect();
    for (reply, line) in client.pipeline(&commands).unwrap().into_iter().zip(lines) {
        assert!(reply.error_text().is_none(), "{line}: {reply:?}");
    }
}

/// Accounts of every kind, in two databases.
fn open_accounts(client: &mut Client) {
    let mut lines = Vec::new();
    for i in 0..ACCOUNTS {
        lines.push(format!("SET account:{i} {BALANCE}"));
        lines.push(format!("HSET hash {i} {BALANCE}"));
        lines.push(format!("ZADD sorted {BALANCE} {i}"));
        lines.push(format!("RPUSH left {i}"));
        lines.push(format!("SADD here member:{i}"));
        lines.push(format!("XADD stream 1-{} n {i}", i + 1));
        lines.push(format!("HSET small:{} {} {BALANCE}", i / 20, i % 20));
    }
    lines.push("SET text 0".into());
    run(client, &lines);
}

/// One transfer of each kind, and a count of them in several values.
fn transfer(rng: &mut Rng) -> Vec<String> {
    let (a, b) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS));
    let n = 1 + rng.below(50);
    let mut lines = vec!["MULTI".to_owned()];
    match rng.below(9) {
        0 => lines.extend([format!("DECRBY account:{a} {n}"), format!("INCRBY account:{b} {n}")]),
        1 => lines.extend([format!("HINCRBY hash {a} -{n}"), format!("HINCRBY hash {b} {n}")]),
        2 => lines.extend([format!("ZINCRBY sorted -{n} {a}"), format!("ZINCRBY sorted {n} {b}")]),
        3 => lines.push(rng.pick(&["LMOVE left right LEFT RIGHT", "LMOVE right left RIGHT LEFT"]).to_owned()),
        4 => lines.push(format!("{} member:{a}", rng.pick(&["SMOVE here there", "SMOVE there here"]))),
        5 => lines.extend(["XADD stream * n 1".to_owned(), "XTRIM stream MAXLEN = 1500".to_owned()]),
        6 => lines.extend([format!("HINCRBY small:{} {} -{n}", a / 20, a % 20), format!("HINCRBY small:{} {} {n}", b / 20, b % 20)]),
        // A large value goes to another name, another database, and back.
        7 => lines.extend(words("RENAME+hash+hash:moved RENAME+hash:moved+hash").iter().map(|line| line.replace('+', " "))),
        _ => lines.extend([format!("DECRBY account:{a} {n}"), format!("HINCRBY hash {b} {n}"), format!("INCRBY lent {n}")]),
    }
    lines.extend(["INCR count", "HINCRBY counts n 1", "ZINCRBY counts:sorted 1 n", "APPEND text x"].map(str::to_owned));
    lines.push("EXEC".to_owned());
    lines
}

/// Panics unless this is the state between two transfers.
fn check(client: &mut Client) {
    let numbers = |reply: Value| -> Vec<i64> { reply.elements().unwrap().iter().map(|value| value.text().parse().unwrap()).collect() };
    let sum = |reply: Value| numbers(reply).iter().sum::<i64>();
    let all = (ACCOUNTS * BALANCE) as i64;
    let lent = client.line("GET lent").text().parse::<i64>().unwrap_or(0);
    let keys: Vec<String> = std::iter::once("MGET".to_owned()).chain((0..ACCOUNTS).map(|i| format!("account:{i}"))).collect();
    let accounts = sum(client.call(&keys));
    assert_eq!(accounts + lent, all, "strings");
    assert_eq!(sum(client.line("HVALS hash")) - lent, all, "a large hash");
    let small: i64 = (0..ACCOUNTS / 20).map(|i| sum(client.line(&format!("HVALS small:{i}")))).sum();
    assert_eq!(small, all, "small hashes");
    let sorted = numbers(client.line("ZRANGE sorted 0 -1 WITHSCORES"));
    assert_eq!(sorted.iter().skip(1).step_by(2).sum::<i64>(), all, "a sorted set");
    let mut int = |line: &str| client.line(line).as_int().unwrap();
    assert_eq!(int("LLEN left") + int("LLEN right"), ACCOUNTS as i64, "lists");
    assert_eq!(int("SCARD here") + int("SCARD there"), ACCOUNTS as i64, "sets");
    assert_eq!(int("XLEN stream"), ACCOUNTS as i64, "a stream");
    let text = int("STRLEN text") - 1;
    let mut count = |line: &str| client.line(line).text().parse::<i64>().unwrap_or(0);
    let counts = [count("GET count"), count("HGET counts n"), count("ZSCORE counts:sorted n"), text];
    assert!(counts.iter().all(|n| *n == counts[0]), "{counts:?}");
}

/// Clients that transfer until they are told to stop.
struct Workload {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Workload {
    fn start(address: &Address, clients: u64) -> Workload {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..clients).map(|seed| {
            let (stop, mut client) = (stop.clone(), Client::connect(address).unwrap());
            std::thread::spawn(move || {
                let mut rng = Rng::new(seed + 1);
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    run(&mut client, &transfer(&mut rng));
                    done += 1;
                }
                done
            })
        });
        Workload { threads: threads.collect(), stop }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Looks at an RDB file through a server that has loaded it.
fn check_file(program: &Program, file: &Path) {
    let mut server = Server::builder(program).option("appendonly", "no").prepare().unwrap();
    fs::copy(file, server.data().join("dump.rdb")).unwrap();
    server.start().unwrap();
    check(&mut server.client());
}

fn save(server: &Server, client: &mut Client) -> PathBuf {
    let before: u64 = server.info_field("persistence", "rdb_saves").parse().unwrap();
    assert_eq!(client.line("BGSAVE").text(), "Background saving started");
    wait_for("a snapshot", || server.info_field("persistence", "rdb_saves").parse::<u64>().unwrap() > before);
    server.data().join("dump.rdb")
}

#[test]
fn every_snapshot_is_the_state_of_one_moment() {
    let server = Server::builder(&graven()).start().unwrap();
    let mut client = server.client();
    open_accounts(&mut client);
    let workload = Workload::start(&server.address(), 3);
    for round in 0..100 {
        let file = save(&server, &mut client);
        check_file(&if round % 4 == 0 { Program::redis() } else { graven() }, &file);
    }
    assert!(workload.stop() > 1_000, "too little happened to prove anything");
    check(&mut client);
}

#[test]
fn a_snapshot_holds_what_is_flushed_swapped_and_expired_while_it_is_made() {
    let server = Server::builder(&graven()).option("enable-debug-command", "yes").start().unwrap();
    let mut client = server.client();
    for round in 0..10 {
        client.line("FLUSHALL");
        open_accounts(&mut client);
        run(&mut client, &["DEBUG POPULATE 200000 filler 20".to_owned()]);
        assert_eq!(client.line("BGSAVE").text(), "Background saving started");
        let meanwhile: &[&str] = match round % 5 {
            0 => &["FLUSHALL", "SET account:1 5"],
            1 => &["SWAPDB 0 1", "SELECT 1", "DEL hash", "UNLINK here sorted left", "SELECT 0"],
            2 => &["PEXPIRE hash 1", "PEXPIRE sorted 1", "PEXPIRE account:7 1", "FLUSHDB ASYNC"],
            3 => &["RENAME hash sorted", "MOVE here 3", "SET hash text", "COPY stream left REPLACE"],
            _ => &["MOVE hash 2", "SELECT 2", "RENAME hash other", "HSET other 1 2", "HDEL other 3 4 5", "SELECT 0", "FLUSHDB SYNC"],
        };
        for line in meanwhile {
            let reply = client.line(line);
            assert!(reply.error_text().is_none(), "{line}: {reply:?}");
        }
        let saved = round + 1;
        wait_for("a snapshot", || server.info_field("persistence", "rdb_saves").parse::<u64>().unwrap() == saved);
        check_file(&graven(), &server.data().join("dump.rdb"));
        run(&mut client, &["SELECT 0".to_owned()]);
    }
}

#[test]
fn save_points_save_and_count_what_changed() {
    let server = Server::builder(&graven()).option("save", "1 3").start().unwrap();
    let mut client = server.client();
    run(&mut client, &["SET a 1".into(), "SET b 2".into()]);
    std::thread::sleep(Duration::from_millis(2_300));
    assert_eq!(server.info_field("persistence", "rdb_saves"), "0", "two changes are fewer than three");
    run(&mut client, &["SET c 3".into()]);
    wait_for("the save point", || server.info_field("persistence", "rdb_saves") == "1");
    assert_eq!(server.info_field("persistence", "rdb_changes_since_last_save"), "0");
    assert!(server.log().contains("3 changes in 1 seconds. Saving..."), "{}", server.log());
}

#[test]
fn writes_are_refused_while_snapshots_fail_if_somebody_counts_on_them() {
    let server = Server::builder(&graven()).option("save", "3600 1").start().unwrap();
    let mut client = server.client();
    run(&mut client, &["SET a 1".into()]);
    // A directory cannot be replaced by a file.
    fs::create_dir(server.data().join("dump.rdb")).unwrap();
    run(&mut client, &["BGSAVE".into()]);
    wait_for("the failure", || server.info_field("persistence", "rdb_last_bgsave_status") == "err");
    let refused = client.line("SET a 2").error_text().unwrap();
    assert!(refused.starts_with("MISCONF Redis is configured to save RDB snapshots"), "{refused}");
    assert_eq!(client.line("GET a").text(), "1");
    let left: Vec<_> = fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("temp-")), "{left:?}");
    fs::remove_dir(server.data().join("dump.rdb")).unwrap();
    run(&mut client, &["BGSAVE".into()]);
    wait_for("the recovery", || server.info_field("persistence", "rdb_last_bgsave_status") == "ok");
    run(&mut client, &["SET a 2".into()]);
    run(&mut client, &["CONFIG SET stop-writes-on-bgsave-error no".into()]);
}

#[test]
fn what_a_killed_save_leaves_is_gone_after_the_next_start() {
    let mut server = Server::builder(&graven()).option("enable-debug-command", "yes").start().unwrap();
    let mut client = server.client();
    run(&mut client, &["DEBUG POPULATE 300000 key 100".into(), "SAVE".into()]);
    let old = fs::read(server.data().join("dump.rdb")).unwrap();
    run(&mut client, &["SET more 1".into(), "BGSAVE".into()]);
    server.kill9();
    let names = |server: &Server| -> Vec<String> {
        fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(names(&server).iter().any(|name| name.starts_with("temp-")), "it was killed too late: {:?}", names(&server));
    assert!(fs::read(server.data().join("dump.rdb")).unwrap() == old, "the old file is whole");
    server.start().unwrap();
    assert!(!names(&server).iter().any(|name| name.starts_with("temp-")), "{:?}", names(&server));
    assert_eq!(server.client().line("GET more").text(), "1");
}
