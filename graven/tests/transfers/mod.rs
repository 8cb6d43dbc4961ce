//! A workload whose every state can be checked: it moves amounts within and between values of every type, in transactions, so that
//! every state between two of them has the same sums.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use graven_testkit::client::Address;
use graven_testkit::{Client, Program, Rng, Value};

/// Accounts of each kind: more than are copied at once.
const ACCOUNTS: u64 = 1_500;
const BALANCE: u64 = 1_000;

pub fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

pub fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

pub fn run(client: &mut Client, lines: &[String]) {
    let commands: Vec<Vec<String>> = lines.iter().map(|line| words(line)).collect();
    for (reply, line) in client.pipeline(&commands).unwrap().into_iter().zip(lines) {
        assert!(reply.error_text().is_none(), "{line}: {reply:?}");
    }
}

/// Accounts of every kind, in two databases.
pub fn open_accounts(client: &mut Client) {
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
pub fn check(client: &mut Client) {
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
pub struct Workload {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Workload {
    pub fn start(address: &Address, clients: u64) -> Workload {
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

    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}
