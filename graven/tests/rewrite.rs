//! `BGREWRITEAOF`: the base is the state of one moment, base and increments together are memory, and nothing is lost whatever fails.

mod transfers;

use std::fs;
use std::time::Duration;

use graven_rdb::Version;
use graven_rdb::payload::seal;
use graven_testkit::disk_faults::EIO;
use graven_testkit::dump::Dump;
use graven_testkit::generator::{Generator, Mix};
use graven_testkit::process::Builder;
use graven_testkit::{Client, DiskFaults, Program, Rng, Server, Value};
use transfers::{Workload, check, graven, open_accounts, run, wait_for};

fn server(program: &Program) -> Builder {
    Server::builder(program).option("auto-aof-rewrite-percentage", 0)
}

fn info(server: &Server, field: &str) -> String {
    server.info_field("persistence", field)
}

fn rewrites(server: &Server) -> u64 {
    info(server, "aof_rewrites").parse().unwrap()
}

fn rewrite(server: &Server, client: &mut Client) {
    let before = rewrites(server);
    let reply = client.line("BGREWRITEAOF").text();
    assert_eq!(reply, "Background append only file rewriting started", "{}", server.log());
    wait_for("a rewrite", || rewrites(server) > before);
}

/// Names in the log's directory.
fn files(server: &Server) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(server.append_dir()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

#[test]
fn every_rewritten_base_is_the_state_of_one_moment() {
    let source = server(&graven()).start().unwrap();
    let mut client = source.client();
    open_accounts(&mut client);
    let workload = Workload::start(&source.address(), 3);
    for round in 0..60 {
        rewrite(&source, &mut client);
        let base = files(&source).into_iter().find(|name| name.contains(".base.")).unwrap();
        let program = if round % 4 == 0 { Program::redis() } else { graven() };
        let mut looker = Server::builder(&program).option("appendonly", "no").prepare().unwrap();
        fs::copy(source.append_dir().join(base), looker.data().join("dump.rdb")).unwrap();
        looker.start().unwrap();
        check(&mut looker.client());
    }
    assert!(workload.stop() > 1_000, "too little happened to prove anything");
    let expected = Dump::take(&mut client).unwrap();
    let mut source = source;
    source.crash_and_restart().unwrap();
    let found = Dump::take(&mut source.client()).unwrap();
    assert_eq!(expected.diff(&found, 0), None);
}

#[test]
fn nothing_is_lost_when_the_process_is_killed_during_rewrites() {
    for (policy, preamble) in [("always", "yes"), ("everysec", "no"), ("no", "yes")] {
        let mut target = server(&graven()).option("appendfsync", policy).option("aof-use-rdb-preamble", preamble).start().unwrap();
        open_accounts(&mut target.client());
        let mut rng = Rng::new(7);
        for _ in 0..12 {
            let mut asker = target.client();
            let acknowledged = std::thread::scope(|scope| {
                let mut client = target.client();
                let mut n = client.line("GET n").text().parse::<i64>().unwrap_or(0);
                let writer = scope.spawn(move || {
                    while let Ok(reply) = client.cmd(&["INCR", "n"]) {
                        n = reply.as_int().expect("INCR replies with a number");
                    }
                    n
                });
                for _ in 0..1 + rng.below(3) {
                    asker.line("BGREWRITEAOF");
                    std::thread::sleep(Duration::from_micros(rng.below(12_000)));
                }
                target.kill9();
                writer.join().unwrap()
            });
            target.start().unwrap();
            let mut client = target.client();
            let kept: i64 = client.line("GET n").text().parse().unwrap_or(0);
            assert!(kept >= acknowledged, "{policy}: {kept} of {acknowledged} acknowledged writes are there");
            check(&mut client);
            let left: Vec<String> = files(&target).into_iter().filter(|name| name.starts_with("temp-")).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

#[test]
fn both_forms_of_base_hold_every_type_and_load_in_redis() {
    for (seed, preamble) in [(1, "yes"), (2, "no"), (3, "no")] {
        let mut source = server(&graven()).option("aof-use-rdb-preamble", preamble).start().unwrap();
        let mut client = source.client();
        run(&mut client, &["CONFIG SET hash-max-listpack-entries 8 set-max-listpack-entries 8 zset-max-listpack-entries 8".to_owned()]);
        for step in Generator::new(seed, Mix::Writes).steps(3_000) {
            // Errors are part of the mix.
            let _ = client.exchange(&step.args);
        }
        client.line("DISCARD");
        client.line("SELECT 0");
        rewrite(&source, &mut client);
        let suffix = if preamble == "yes" { ".base.rdb" } else { ".base.aof" };
        assert!(files(&source).iter().any(|name| name.ends_with(suffix)), "{:?}", files(&source));
        let expected = Dump::take(&mut client).unwrap();
        assert!(expected.len() > 20, "too little data to prove anything");
        source.crash_and_restart().unwrap();
        let found = Dump::take(&mut source.client()).unwrap();
        assert_eq!(expected.diff(&found, 0), None, "{preamble}");
        source.kill9();
        let mut redis = Server::builder(&Program::redis()).option("appendonly", "yes").prepare().unwrap();
        source.copy_data(redis.data()).unwrap();
        redis.start().unwrap();
        assert_eq!(expected.diff(&Dump::take(&mut redis.client()).unwrap(), 2), None, "{preamble}, in Redis");
    }
}

/// A stream as a restart has to bring it back from a base of commands.
fn shown(client: &mut Client, key: &str) -> Value {
    client.line(&format!("XINFO STREAM {key} FULL COUNT 0"))
}

#[test]
fn a_base_of_commands_holds_what_is_pending_and_gone_wherever_it_was() {
    let mut source = server(&graven()).option("aof-use-rdb-preamble", "no").start().unwrap();
    let mut client = source.client();
    let read = "XREADGROUP GROUP g c STREAMS s >";
    let streams: [&[&str]; 4] = [
        // Behind the last identifier.
        &["XADD s 5-1 a b", "XADD s 10-1 a b", "XGROUP CREATE s g 0", read, "XTRIM s MAXLEN 0", "XSETID s 6-0", "XADD s 7-0 a b", read],
        &["XADD s 5-1 a b", "XADD s 10-1 a b", "XGROUP CREATE s g 0", read, "XTRIM s MAXLEN 0", "XSETID s 6-0"],
        // Between entries, and before them.
        &["XADD s 1-1 a b", "XADD s 5-1 a b", "XADD s 7-1 a b", "XGROUP CREATE s g 0", read, "XDEL s 5-1", "XTRIM s MAXLEN 1"],
        &["XADD s 5-1 a b", "XADD s 10-1 a b", "XGROUP CREATE s g 0", read, "XDEL s 5-1 10-1"],
    ];
    for (n, lines) in streams.iter().enumerate() {
        for line in *lines {
            let line = line.replace(" s ", &format!(" s{n} "));
            let reply = client.line(&line);
            assert!(reply.error_text().is_none(), "{line}: {reply:?}");
        }
    }
    rewrite(&source, &mut client);
    let before: Vec<_> = (0..streams.len()).map(|n| shown(&mut client, &format!("s{n}"))).collect();
    source.crash_and_restart().unwrap();
    let mut client = source.client();
    for (n, before) in before.iter().enumerate() {
        assert_eq!(&shown(&mut client, &format!("s{n}")), before, "stream {n}");
    }
    source.kill9();
    let mut redis = Server::builder(&Program::redis()).option("appendonly", "yes").prepare().unwrap();
    source.copy_data(redis.data()).unwrap();
    redis.start().unwrap();
    assert_eq!(redis.client().line("DBSIZE"), Value::Int(streams.len() as i64));
}

#[test]
fn what_was_restored_can_be_said_in_a_base_of_commands_or_is_refused() {
    let mut source = server(&graven()).option("aof-use-rdb-preamble", "no").start().unwrap();
    let mut client = source.client();
    let mut restore = |key: &str, payload: Vec<u8>| {
        let payload = seal(payload, Version::Redis7_4);
        client.call(&[b"RESTORE", key.as_bytes(), b"0", &payload])
    };
    let refused = Value::error("ERR Bad data format");
    // A hash of one field with a deadline, which has at most 46 bits.
    let hash = |deadline: u64| [&b"\x18"[..], &deadline.to_le_bytes(), b"\x01\x01\x01f\x01v"].concat();
    assert_eq!(restore("late", hash(1 << 46)), refused);
    assert!(restore("hash", hash((1 << 46) - 1)).is_ok());
    // A stream of one entry, which says that a later one was deleted and that none was ever added. 0-0 is pending.
    let id = |ms: u64, seq: u64| [ms.to_be_bytes(), seq.to_be_bytes()].concat();
    let stream = |first: Vec<u8>, items: &[u8], count: u8| {
        let node = [&[items.len() as u8 + 7, 0, 0, 0, count, 0], items, &[0xff]].concat();
        let head = [&b"\x13\x01\x10"[..], &first, &[node.len() as u8], &node].concat();
        let pending = [&id(0, 0), &[0; 8][..], b"\x01", &id(5, 1), &[0; 8], b"\x01"].concat();
        let group = [b"\x01\x01g\x05\x01\x01\x02", &pending[..], b"\x01\x01c", &[0; 8], b"\x02", &id(0, 0), &id(5, 1)].concat();
        [&head[..], b"\x01\x05\x01\x05\x01\x09\x09\x00", &group].concat()
    };
    let good = b"\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01";
    assert_eq!(restore("no fields", stream(id(5, 1), b"\x01\x01\x00\x01\x00\x01\x00\x01\x02\x01\x00\x01\x00\x01\x03\x01", 8)), refused);
    assert_eq!(restore("entry 0-0", stream(id(0, 0), good, 10)), refused);
    assert!(restore("stream", stream(id(5, 1), good, 10)).is_ok());

    rewrite(&source, &mut client);
    let before = (shown(&mut client, "stream"), client.line("HPEXPIRETIME hash FIELDS 1 f"));
    source.crash_and_restart().unwrap();
    let mut client = source.client();
    assert_eq!((shown(&mut client, "stream"), client.line("HPEXPIRETIME hash FIELDS 1 f")), before);
}

#[test]
fn history_goes_unless_it_is_to_stay() {
    let source = server(&graven()).option("aof-disable-auto-gc", "yes").start().unwrap();
    let mut client = source.client();
    run(&mut client, &["SET a 1".into()]);
    rewrite(&source, &mut client);
    rewrite(&source, &mut client);
    let manifest = fs::read_to_string(source.append_dir().join("appendonly.aof.manifest")).unwrap();
    assert_eq!(manifest.matches("type h").count(), 3, "{manifest}");
    assert_eq!(files(&source).len(), 6, "{:?}", files(&source));
    run(&mut client, &["CONFIG SET aof-disable-auto-gc no".into()]);
    wait_for("the collection", || files(&source).len() == 3);
}

#[test]
fn one_is_made_after_the_other_and_refusals_say_so() {
    let source = server(&graven()).option("enable-debug-command", "yes").start().unwrap();
    let mut client = source.client();
    run(&mut client, &["DEBUG POPULATE 300000 key 50".into()]);
    assert_eq!(client.line("BGSAVE").text(), "Background saving started");
    assert_eq!(client.line("BGREWRITEAOF").text(), "Background append only file rewriting scheduled");
    assert_eq!(client.line("BGSAVE").error_text().unwrap(), "ERR Background save already in progress");
    wait_for("both", || info(&source, "rdb_saves") == "1" && rewrites(&source) == 1);
    assert_eq!(client.line("BGREWRITEAOF").text(), "Background append only file rewriting started");
    assert_eq!(client.line("BGREWRITEAOF").error_text().unwrap(), "ERR Background append only file rewriting already in progress");
    assert!(client.line("BGSAVE").error_text().unwrap().starts_with("ERR Another child process is active (AOF?)"));
    assert_eq!(client.line("BGSAVE SCHEDULE").text(), "Background saving scheduled");
    wait_for("both again", || info(&source, "rdb_saves") == "2" && rewrites(&source) == 2);
}

#[test]
fn the_log_is_rewritten_when_it_has_grown() {
    let options = [("auto-aof-rewrite-percentage", "100"), ("auto-aof-rewrite-min-size", "100kb")];
    let builder = options.iter().fold(Server::builder(&graven()), |builder, (name, value)| builder.option(name, value));
    let source = builder.start().unwrap();
    let mut client = source.client();
    let lines: Vec<String> = (0..4_000).map(|i| format!("SET key {i:0100}")).collect();
    run(&mut client, &lines);
    wait_for("the rewrite", || rewrites(&source) >= 1);
    wait_for("its end", || info(&source, "aof_rewrite_in_progress") == "0");
    assert!(info(&source, "aof_current_size").parse::<u64>().unwrap() < 100 << 10);
    assert!(source.log().contains("Starting automatic rewriting of AOF on"), "{}", source.log());
}

#[test]
fn a_failed_rewrite_leaves_the_old_files_serving() {
    let faults = DiskFaults::new().unwrap();
    let mut source = faults.preload(server(&graven()).option("appendfsync", "always")).start().unwrap();
    let mut client = source.client();
    open_accounts(&mut client);
    for round in 0..12 {
        match round % 3 {
            0 => faults.space_left(20_000),
            1 => faults.fail_writes(EIO, 1),
            _ => faults.fail_syncs(EIO, 1),
        }
        let _ = client.line("BGREWRITEAOF");
        std::thread::sleep(Duration::from_millis(150));
        faults.repair();
        wait_for("the end", || info(&source, "aof_rewrite_in_progress") == "0");
        wait_for("the log", || client.line("INCR rounds").as_int().is_some());
    }
    assert!(
        info(&source, "aof_last_bgrewrite_status") == "err" || source.log().contains("rewrite terminated with error"),
        "{}",
        source.log()
    );
    rewrite(&source, &mut client);
    let expected = Dump::take(&mut client).unwrap();
    source.crash_and_restart().unwrap();
    assert_eq!(expected.diff(&Dump::take(&mut source.client()).unwrap(), 0), None);
    check(&mut source.client());
    let left: Vec<String> = files(&source).into_iter().filter(|name| name.starts_with("temp-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn logging_is_switched_on_under_load_without_losing_a_write() {
    let mut source = server(&graven()).option("appendonly", "no").option("enable-debug-command", "yes").start().unwrap();
    let mut client = source.client();
    open_accounts(&mut client);
    run(&mut client, &["SELECT 5".into(), "DEBUG POPULATE 100000 filler 50".into(), "SELECT 0".into()]);
    for round in 0..8 {
        let workload = Workload::start(&source.address(), 3);
        if round % 2 == 1 {
            // Then the log begins when the snapshot is done.
            run(&mut client, &["BGSAVE".into()]);
        }
        run(&mut client, &["CONFIG SET appendonly yes".into()]);
        wait_for("the base", || info(&source, "aof_pending_rewrite") == "0" && info(&source, "aof_rewrite_in_progress") == "0");
        std::thread::sleep(Duration::from_millis(20));
        workload.stop();
        let expected = Dump::take(&mut client).unwrap();
        source.set_option("appendonly", "yes");
        source.crash_and_restart().unwrap();
        client = source.client();
        assert_eq!(expected.diff(&Dump::take(&mut client).unwrap(), 0), None, "round {round}");
        check(&mut client);
        run(&mut client, &["CONFIG SET appendonly no".into(), format!("SET round {round}")]);
    }
}
