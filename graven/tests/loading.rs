//! Several threads load a file; what comes of it, and what is said when it is damaged, is what one thread alone would find.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use graven_testkit::process::{Builder, crashed};
use graven_testkit::{Program, Server, client};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn graven(dir: &Path) -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).data(dir)
}

fn write_log(dir: &Path, log: &[u8]) {
    fs::create_dir_all(dir.join("appendonlydir")).unwrap();
    fs::write(dir.join(MANIFEST), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
    fs::write(dir.join(INCR), log).unwrap();
}

/// So many strings, and a tenth as many hashes and sorted sets.
fn commands(strings: usize) -> Vec<u8> {
    let mut log = Vec::new();
    for n in 0..strings {
        client::encode(&mut log, &["SET", &format!("key:{n}"), &format!("a value that differs from key to key: {}", n * 7919)]);
        if n % 10 == 0 {
            client::encode(&mut log, &["HSET", &format!("hash:{n}"), "name", &format!("user {n}"), "age", &format!("{}", n % 90)]);
            client::encode(&mut log, &["ZADD", &format!("zset:{n}"), "1", "one", "2.5", "two and a half", &n.to_string(), "last"]);
        }
    }
    log
}

/// The start must fail by itself; returns the last line of the server's log, without time and process.
#[track_caller]
fn refusal(builder: Builder) -> String {
    let mut server = builder.prepare().unwrap();
    let status = server.run_to_exit(Duration::from_secs(30)).unwrap();
    let log = server.log();
    assert!(!status.success() && !crashed(status) && !log.contains("panicked"), "no refusal ({status}); the log:\n{log}");
    let last = log.lines().last().unwrap_or_default();
    last.split_once(" # ").unwrap_or_else(|| panic!("the log's last line is no warning: {last}")).1.to_owned()
}

/// What is in a log's directory, but for the file that a running server locks.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.file_name() != ".lock");
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_damaged_file_is_refused_in_the_same_words_every_time() {
    let source = tempfile::tempdir().unwrap();
    write_log(source.path(), &commands(20_000));
    let server = graven(source.path()).start().unwrap();
    assert!(server.client().line("SAVE").is_ok());
    let sound = fs::read(source.path().join("dump.rdb")).unwrap();
    assert!(sound.len() > 4 * 128 * 1024, "only {} bytes, which are few pieces", sound.len());
    let place = |tenths: usize| sound.len() / 10 * tenths;
    let mut damaged_often = sound.clone();
    for at in [2, 3, 5, 9].map(place) {
        damaged_often[at..at + 40].fill(0xf3);
    }
    let mut cases = vec![damaged_often, sound[..place(7)].to_vec()];
    for tenths in 1..10 {
        let mut flipped = sound.clone();
        flipped[place(tenths)] ^= 0x40;
        cases.push(flipped);
    }
    for (case, bytes) in cases.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("dump.rdb"), bytes).unwrap();
        let refusals: Vec<String> = (0..4).map(|_| refusal(graven(dir.path()).option("appendonly", "no"))).collect();
        assert!(refusals[0].contains("dump.rdb"), "case {case}: {}", refusals[0]);
        assert!(refusals.iter().all(|again| *again == refusals[0]), "case {case}: {refusals:#?}");
    }
}

#[test]
fn a_bad_command_among_many_is_named_with_its_offset() {
    const COUNT: usize = 60_000;
    // Commands are looked up in groups, and handed over in chunks.
    for bad in [0, 1, 31, 32, 33, 63, 64, 12_345, COUNT - 1] {
        let (mut log, mut offset) = (Vec::new(), 0);
        for n in 0..COUNT {
            if n == bad {
                offset = log.len();
                client::encode(&mut log, &["HSET", &format!("key:{n}"), "no value"]);
            }
            client::encode(&mut log, &["SET", &format!("key:{n}"), "value"]);
        }
        let dir = tempfile::tempdir().unwrap();
        write_log(dir.path(), &log);
        let said = refusal(graven(dir.path()));
        assert!(said.contains(INCR) && said.contains(&format!("offset {offset}")) && said.contains("HSET"), "before command {bad}: {said}");
        assert_eq!(fs::read(dir.path().join(INCR)).unwrap(), log, "a refused file is left as it is");
    }
}

#[test]
fn commands_go_to_the_database_that_was_selected_before_them() {
    const COUNT: usize = 20_000;
    const DATABASES: usize = 16;
    let mut log = Vec::new();
    for n in 0..COUNT {
        if n % 3 == 0 {
            client::encode(&mut log, &["SELECT", &(n % DATABASES).to_string()]);
        }
        client::encode(&mut log, &["APPEND", &format!("key:{}", n % 500), &format!("{n},")]);
    }
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), &log);
    let mut expected: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for n in 0..COUNT {
        *expected.entry(((n - n % 3) % DATABASES, n % 500)).or_default() += &format!("{n},");
    }
    let server = graven(dir.path()).start().unwrap();
    let mut client = server.client();
    for db in 0..DATABASES {
        assert!(client.line(&format!("SELECT {db}")).is_ok());
        let keys = expected.keys().filter(|(there, _)| *there == db).count();
        assert_eq!(client.line("DBSIZE").as_int(), Some(keys as i64), "database {db}");
        for ((_, key), value) in expected.iter().filter(|((there, _), _)| *there == db) {
            assert_eq!(client.line(&format!("GET key:{key}")).text(), *value, "key:{key} of database {db}");
        }
    }
}

#[test]
fn a_kill_while_loading_changes_no_file_and_the_next_start_has_everything() {
    const STRINGS: usize = 300_000;
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), &commands(STRINGS));
    let log_dir = dir.path().join("appendonlydir");
    for form in ["commands", "base"] {
        if form == "base" {
            let mut server = graven(dir.path()).start().unwrap();
            let mut client = server.client();
            client.line("BGREWRITEAOF");
            while client.call(&["INFO", "persistence"]).text().contains("aof_rewrite_in_progress:1")
                || !fs::read_to_string(dir.path().join(MANIFEST)).unwrap().contains("type b")
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            server.stop().unwrap();
        }
        let before = files(&log_dir);
        let mut killed = 0;
        for delay_ms in [5, 20, 40, 80, 160] {
            let mut server = graven(dir.path()).prepare().unwrap();
            server.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay_ms));
            server.kill9();
            if !server.log().contains("Ready to accept connections") {
                killed += 1;
                let after = files(&log_dir);
                let changed: Vec<_> = after.keys().chain(before.keys()).filter(|name| after.get(*name) != before.get(*name)).collect();
                assert!(changed.is_empty(), "{form}: killed after {delay_ms} ms, and not as before: {changed:?}");
            }
        }
        assert!(killed > 1, "{form}: only {killed} kills came while it was loading");
        let mut server = graven(dir.path()).start().unwrap();
        assert_eq!(server.client().line("DBSIZE").as_int(), Some((STRINGS + STRINGS / 10 * 2) as i64), "{form}");
        server.kill9();
    }
}
