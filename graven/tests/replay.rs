//! Replay is exact, and the files are Redis's: what one server wrote the other loads to the same data.

mod every_type;

use std::path::Path;
use std::process::Command;

use every_type::write_every_type;
use graven_testkit::generator::{CONNECTIONS, Generator, Mix};
use graven_testkit::process::Builder;
use graven_testkit::{Client, Dump, Program, Server, Value};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

fn redis() -> Builder {
    Server::builder(&Program::redis())
}

/// Runs a random workload; the data is not trivial afterwards.
fn write_randomly(server: &Server, seed: u64, steps: usize) {
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.client()).collect();
    for step in Generator::new(seed, Mix::Writes).steps(steps) {
        clients[step.connection].call(&step.args);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        client.line("DISCARD");
        client.call(&["SELECT", &n.to_string()]);
        client.call(&["MSET", "a\r\nb", "binary \x00", "plain", "value"]);
        client.call(&["SET", "deadline", "v", "PXAT", "4102444800123"]);
        client.call(&["INCRBYFLOAT", "float", "0.1"]);
        write_every_type(client);
    }
}

fn dump(server: &Server) -> Dump {
    Dump::take(&mut server.client()).unwrap()
}

#[track_caller]
fn same(what: &str, expected: &Dump, found: &Dump) {
    assert!(!expected.is_empty());
    if let Some(diff) = expected.diff(found, 0) {
        panic!("{what}: {diff}");
    }
}

fn check_aof(path: &Path) {
    let output = Command::new("redis-check-aof").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("is valid"), "{}: {text}", path.display());
}

/// Kill, restart, compare; then a real Redis on a copy of the directory, compare.
fn replays_exactly(options: &[(&str, &str)], seeds: std::ops::Range<u64>) {
    let builder = options.iter().fold(graven(), |builder, (name, value)| builder.option(name, value));
    let mut server = builder.start().unwrap();
    for seed in seeds {
        write_randomly(&server, seed, 1_500);
        let before = dump(&server);
        server.crash_and_restart().unwrap();
        same(&format!("seed {seed}, after the restart"), &before, &dump(&server));

        let copy = tempfile::tempdir().unwrap();
        server.copy_data(copy.path()).unwrap();
        check_aof(&copy.path().join("appendonlydir/appendonly.aof.manifest"));
        let loaded = redis().data(copy.path()).start().unwrap();
        same(&format!("seed {seed}, loaded by redis-server"), &before, &dump(&loaded));
    }
}

#[test]
fn replay_is_exact_and_redis_loads_the_same_under_everysec() {
    replays_exactly(&[("appendfsync", "everysec")], 0..6);
}

#[test]
fn replay_is_exact_and_redis_loads_the_same_under_always() {
    replays_exactly(&[("appendfsync", "always")], 10..14);
}

#[test]
fn replay_is_exact_with_timestamps() {
    replays_exactly(&[("aof-timestamp-enabled", "yes")], 20..23);
}

#[test]
fn replay_is_exact_without_block_headers() {
    replays_exactly(&[("aof-block-checksums", "no")], 30..33);
}

#[test]
fn a_loaded_log_equals_memory_on_demand() {
    let server = graven().option("enable-debug-command", "yes").start().unwrap();
    write_randomly(&server, 40, 1_000);
    let before = dump(&server);
    let mut client = server.client();
    let digest = client.line("DEBUG DIGEST");
    assert!(client.line("DEBUG LOADAOF").is_ok());
    same("DEBUG LOADAOF", &before, &dump(&server));
    assert_eq!(server.client().line("DEBUG DIGEST"), digest);
}

/// A directory by Redis: the incremental file alone, then with each kind of base.
#[test]
fn a_directory_written_by_redis_loads_to_the_same_data() {
    for (n, preamble) in [None, Some("no"), Some("yes")].into_iter().enumerate() {
        for timestamps in ["no", "yes"] {
            let mut written = redis().option("aof-timestamp-enabled", timestamps).option("appendfsync", "always").start().unwrap();
            write_randomly(&written, 50 + n as u64, 1_000);
            if let Some(preamble) = preamble {
                let mut client = written.client();
                client.call(&["CONFIG", "SET", "aof-use-rdb-preamble", preamble]);
                client.line("BGREWRITEAOF");
                while written.info_field("persistence", "aof_rewrite_in_progress") != "0"
                    || written.info_field("persistence", "aof_rewrite_scheduled") != "0"
                {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                write_randomly(&written, 60 + n as u64, 300);
            }
            // What Redis itself finds in its files: it forgets there how many entries a group has read.
            written.crash_and_restart().unwrap();
            let before = dump(&written);
            written.kill9();
            let copy = tempfile::tempdir().unwrap();
            written.copy_data(copy.path()).unwrap();
            let mut loaded = graven().data(copy.path()).start().unwrap();
            let what = format!("base with preamble {preamble:?}, timestamps {timestamps}");
            same(&what, &before, &dump(&loaded));

            // And it goes on from there, in files that Redis still understands.
            write_randomly(&loaded, 70 + n as u64, 300);
            let extended = dump(&loaded);
            loaded.crash_and_restart().unwrap();
            same(&what, &extended, &dump(&loaded));
            loaded.kill9();
            let mut again = redis().data(copy.path()).start().unwrap();
            same(&what, &extended, &dump(&again));
            again.kill9();
        }
    }
}

#[test]
fn the_log_holds_effects_and_not_wishes() {
    let server = graven().option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    client.line("SET short v EX 1000");
    client.line("GET short");
    client.line("DEL nosuchkey");
    client.line("EXPIRE short 5000");
    client.line("INCRBYFLOAT f 1.5");
    client.line("SELECT 3");
    client.line("SETEX other 1000 v");
    client.line("GETEX other PERSIST");
    let file = server.append_dir().join("appendonly.aof.1.incr.aof");
    let log = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    for absent in ["\r\nEX\r\n", "EXPIRE\r\n", "SETEX", "INCRBYFLOAT", "nosuchkey", "GET\r\n", "GETEX"] {
        assert!(!log.contains(absent), "the log contains {absent:?}:\n{log}");
    }
    for present in ["PXAT", "PEXPIREAT", "PERSIST", "SELECT\r\n$1\r\n0", "SELECT\r\n$1\r\n3"] {
        assert!(log.contains(present), "the log lacks {present:?}:\n{log}");
    }
    assert!(log.starts_with("#BLK:v1;lsn:"), "{log}");
}

#[test]
fn an_expired_key_is_gone_after_replay_and_its_deletion_is_in_the_log() {
    let mut server = graven().option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    client.line("SET gone v PX 1");
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(client.line("GET gone"), Value::NullBulk);
    client.line("SET kept v");
    server.crash_and_restart().unwrap();
    assert_eq!(server.client().line("DBSIZE"), Value::Int(1));
    let file = server.append_dir().join("appendonly.aof.1.incr.aof");
    let log = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    assert!(log.contains("DEL\r\n$4\r\ngone") || log.contains("UNLINK\r\n$4\r\ngone"), "{log}");
}

/// The log can be replayed by hand, also into Redis.
#[test]
fn a_transaction_stays_one_in_the_log() {
    let server = graven().option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    for line in ["MULTI", "SET a 1", "INCR a", "GET a", "DEL nosuchkey", "EXEC"] {
        client.line(line);
    }
    let file = server.append_dir().join("appendonly.aof.1.incr.aof");
    let log = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let order: Vec<usize> = ["MULTI\r\n", "SET\r\n", "INCR\r\n", "EXEC\r\n"].iter().map(|word| log.find(word).unwrap()).collect();
    assert!(order.is_sorted(), "{log}");
}

/// Saves the RDB file; the dump of whoever loads it must be the same.
#[test]
fn a_saved_file_is_loaded_by_redis_and_one_by_redis_here_to_the_same_data() {
    for compression in ["yes", "no"] {
        let with = |builder: Builder| {
            builder.option("appendonly", "no").option("rdbcompression", compression).option("enable-debug-command", "yes")
        };
        for (writer, reader) in [(graven as fn() -> Builder, redis as fn() -> Builder), (redis, graven), (graven, graven)] {
            let written = with(writer()).start().unwrap();
            write_randomly(&written, 80, 600);
            let before = dump(&written);
            let digest = written.client().line("DEBUG DIGEST");
            assert!(written.client().line("SAVE").is_ok());
            let copy = tempfile::tempdir().unwrap();
            written.copy_data(copy.path()).unwrap();
            let loaded = with(reader()).data(copy.path()).start().unwrap();
            same("the loaded file", &before, &dump(&loaded));
            assert_eq!(loaded.client().line("DEBUG DIGEST"), digest);
        }
    }
}

#[test]
fn a_reload_saves_flushes_and_merges_as_it_is_told() {
    let lines = "SET a 1|SET b 1|SAVE|SET a 2|SET c 2|DEBUG RELOAD nosave noflush merge|MGET a b c|SET a 3|DEBUG RELOAD NOSAVE|MGET a b c\
        |SET d 4|DEBUG RELOAD MERGE|MGET a b c d|DEBUG RELOAD NOFLUSH MERGE|MGET a b c d|DBSIZE|DEBUG RELOAD NOSUCH";
    let replies = |program: &Program| {
        let server = Server::builder(program).option("appendonly", "no").option("enable-debug-command", "yes").start().unwrap();
        let mut client = server.client();
        lines.split('|').map(|line| format!("{line}: {:?}", client.line(line))).collect::<Vec<_>>()
    };
    let graven = Program::graven(env!("CARGO_BIN_EXE_graven"));
    assert_eq!(replies(&graven), replies(&Program::redis()));

    // What is loaded is not in the log.
    let server = Server::builder(&graven).option("enable-debug-command", "yes").start().unwrap();
    let mut client = server.client();
    client.line("SET a 1");
    assert!(client.line("DEBUG RELOAD NOSAVE").error_text().unwrap().contains("append only file"));
    assert!(client.line("DEBUG RELOAD").is_ok());
    assert_eq!(client.line("GET a"), Value::bulk("1"));
}

#[test]
fn a_reload_without_a_file_forgets_nothing() {
    let server = graven().option("appendonly", "no").option("enable-debug-command", "yes").start().unwrap();
    let mut client = server.client();
    client.line("SET a 1");
    assert!(client.line("DEBUG RELOAD NOSAVE").error_text().is_some());
    assert_eq!(client.line("GET a"), Value::bulk("1"));
}

#[test]
fn a_reload_keeps_everything_deadlines_of_fields_too() {
    let server = graven().option("enable-debug-command", "yes").start().unwrap();
    write_randomly(&server, 81, 600);
    let mut client = server.client();
    client.line("HPEXPIREAT hash:small 4102444800123 FIELDS 2 field1 2");
    client.line("HPEXPIREAT hash:large 4102444800124 FIELDS 3 field1 field400 5");
    client.line("HPEXPIREAT hash:large 4102444900000 FIELDS 1 field7");
    let before = dump(&server);
    let digest = client.line("DEBUG DIGEST");
    assert!(client.line("DEBUG RELOAD").is_ok());
    same("DEBUG RELOAD", &before, &dump(&server));
    assert_eq!(client.line("DEBUG DIGEST"), digest);
    let deadlines = client.line("HPEXPIRETIME hash:large FIELDS 3 field400 field7 field8");
    assert_eq!(deadlines.elements(), Some(&[4102444800124, 4102444900000, -1].map(Value::Int)[..]));
    let file = std::fs::read(server.data().join("dump.rdb")).unwrap();
    assert!(file.starts_with(b"REDIS0012"), "an older server would lose the deadlines");
}

/// The log that is switched on begins with all that was there.
#[test]
fn a_log_that_is_switched_on_has_every_type_in_its_base() {
    let mut server = graven().option("appendonly", "no").start().unwrap();
    write_randomly(&server, 82, 600);
    assert!(server.client().line("CONFIG SET appendonly yes").is_ok());
    // Until its base is there, nothing more is promised than before.
    while server.info_field("persistence", "aof_pending_rewrite") != "0" {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let before = dump(&server);
    server.set_option("appendonly", "yes");
    server.crash_and_restart().unwrap();
    same("after the restart", &before, &dump(&server));
}
