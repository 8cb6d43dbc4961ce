//! Snapshots of a server that goes on: each is the state of one moment, whatever clients do meanwhile.
//!
//! What a snapshot holds is looked at by a server of its own, ours and Redis's in turn.

mod transfers;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use graven_testkit::process::Builder;
use graven_testkit::{Client, DiskFaults, Program, Server, Value};
use transfers::{Workload, check, graven, open_accounts, run, wait_for};

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
    let server = Server::builder(&graven()).option("auto-aof-rewrite-percentage", "0").start().unwrap();
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
    let server =
        Server::builder(&graven()).option("enable-debug-command", "yes").option("auto-aof-rewrite-percentage", "0").start().unwrap();
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
    let faults = DiskFaults::new().unwrap();
    let builder = Server::builder(&graven()).option("enable-debug-command", "yes").option("auto-aof-rewrite-percentage", "0");
    let mut server = faults.preload(builder).start().unwrap();
    let mut client = server.client();
    run(&mut client, &["DEBUG POPULATE 300000 key 100".into(), "SAVE".into()]);
    let old = fs::read(server.data().join("dump.rdb")).unwrap();
    let has_left = |server: &Server| {
        let mut names = fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with("temp-"))
    };
    // The file cannot be finished before the kill: its fsync outlasts the test.
    faults.sync_delay(Duration::from_secs(60));
    run(&mut client, &["SET more 1".into(), "BGSAVE".into()]);
    wait_for("the file", || has_left(&server));
    server.kill9();
    faults.repair();
    assert!(has_left(&server), "it was killed before its file was finished");
    assert!(fs::read(server.data().join("dump.rdb")).unwrap() == old, "the old file is whole");
    server.start().unwrap();
    assert!(!has_left(&server), "the next start takes it away");
    assert_eq!(server.client().line("GET more").text(), "1");
}

/// A server of which each fsync takes a third of a second while it makes a snapshot that has many.
fn saving_slowly(builder: Builder, faults: &DiskFaults) -> (Server, Client) {
    let builder = builder.option("enable-debug-command", "yes").option("appendonly", "no").option("save", "3600 1000000");
    let server = faults.preload(builder).option("rdbcompression", "no").start().unwrap();
    let mut client = server.client();
    run(&mut client, &["SET old 1".into(), "SAVE".into(), "DEBUG POPULATE 300000 key 100".into()]);
    faults.sync_delay(Duration::from_millis(300));
    run(&mut client, &["BGSAVE".into()]);
    wait_for("the file", || {
        let mut names = fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with("temp-"))
    });
    assert_eq!(server.info_field("persistence", "rdb_bgsave_in_progress"), "1");
    (server, client)
}

#[test]
fn a_stop_while_a_snapshot_is_made_saves_the_last_state() {
    let faults = DiskFaults::new().unwrap();
    let (mut server, mut client) = saving_slowly(Server::builder(&graven()), &faults);
    run(&mut client, &["SET new 2".into()]);
    let status = server.stop().unwrap();
    assert!(status.success(), "{status}; the log:\n{}", server.log());
    faults.repair();
    server.start().unwrap();
    assert_eq!(server.client().line("MGET old new"), Value::Array(vec![Value::bulk("1"), Value::bulk("2")]));
}

#[test]
fn what_flushall_removed_does_not_come_back_after_a_crash() {
    let faults = DiskFaults::new().unwrap();
    let (mut server, mut client) = saving_slowly(Server::builder(&graven()), &faults);
    run(&mut client, &["FLUSHALL".into()]);
    assert_eq!(server.info_field("persistence", "rdb_changes_since_last_save"), "0");
    wait_for("the end of the snapshot", || server.info_field("persistence", "rdb_bgsave_in_progress") == "0");
    assert_eq!(server.info_field("persistence", "rdb_last_bgsave_status"), "ok", "nothing has failed");
    run(&mut client, &["SET unsaved 1".into()]);
    server.kill9();
    faults.repair();
    server.start().unwrap();
    assert_eq!(server.client().line("DBSIZE").as_int(), Some(0));
}

#[test]
fn a_failed_save_is_told_to_its_caller_and_writes_go_on() {
    let server = Server::builder(&graven()).option("save", "3600 1").start().unwrap();
    let mut client = server.client();
    run(&mut client, &["SET a 1".into()]);
    fs::create_dir(server.data().join("dump.rdb")).unwrap();
    let error = client.line("SAVE").error_text().expect("a directory cannot be replaced by a file");
    assert!(error.starts_with("ERR Error trying to save the DB"), "{error}");
    assert_eq!(server.info_field("persistence", "rdb_last_bgsave_status"), "ok");
    run(&mut client, &["SET a 2".into()]);
}
