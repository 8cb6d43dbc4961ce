//! A failing disk costs availability for writes, never data, never the process.

use std::process::Command;
use std::time::{Duration, Instant};

use graven_testkit::disk_faults::{EIO, ENOSPC};
use graven_testkit::process::Builder;
use graven_testkit::{DiskFaults, Program, Server, Tmpfs, Value};

const DISK_FULL: &str = "MISCONF Errors writing to the AOF file: No space left on device";
const IO_ERROR: &str = "MISCONF Errors writing to the AOF file: Input/output error";

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

/// Sends writes until one is refused. A write that the server has accepted but cannot keep is not acknowledged: its
/// reply does not come (until the disk is back), so each attempt has its own connection.
fn refusal(server: &Server) -> String {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(15) {
        let mut client = server.client();
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        if let Ok(reply) = client.cmd(&["SET", "attempt", "x"])
            && let Some(error) = reply.error_text()
        {
            return error;
        }
    }
    panic!("writes were not refused; the log:\n{}", server.log());
}

/// Waits until writes work again, without a restart.
fn recovered(server: &Server) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(15) {
        let mut client = server.client();
        client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        if client.cmd(&["SET", "attempt", "y"]).is_ok_and(|reply| reply.is_ok()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("writes do not work again; the log:\n{}", server.log());
}

fn write(server: &Server, from: u32, to: u32) {
    let mut client = server.client();
    for n in from..to {
        assert!(client.call(&["SET", &format!("k{n}"), &n.to_string()]).is_ok());
    }
}

fn all_there(server: &Server, upto: u32) {
    let mut client = server.client();
    for n in 0..upto {
        assert_eq!(client.call(&["GET", &format!("k{n}")]), Value::bulk(n.to_string()), "k{n}");
    }
}

/// The whole cycle for one kind of fault: before, refused with `expected`, repaired, killed (with or without power).
fn survives(policy: &str, expected: &str, fault: impl Fn(&DiskFaults), power_loss: bool) {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", policy)).start().unwrap();
    write(&server, 0, 100);
    fault(&faults);
    assert_eq!(refusal(&server), expected);
    assert!(faults.faults() > 0, "the server did not meet the fault");
    all_there(&server, 100);
    let info = server.info("persistence");
    assert_eq!(info["aof_last_write_status"], "err");
    assert!(!info["aof_last_error"].is_empty(), "{info:?}");
    let mut client = server.client();
    assert_eq!(client.line("DEL k1").error_text().as_deref(), Some(expected));
    // PING is no write, but Redis refuses it too: monitors are to notice.
    assert_eq!(client.line("PING").error_text().as_deref(), Some(expected));

    faults.repair();
    recovered(&server);
    assert_eq!(server.info_field("persistence", "aof_last_write_status"), "ok");
    write(&server, 100, 200);
    server.kill9();
    if power_loss {
        faults.lose_power(&server.append_dir()).unwrap();
    }
    server.start().unwrap();
    all_there(&server, 200);
    redis_loads_the_same(&server);
}

fn redis_loads_the_same(server: &Server) {
    let copy = tempfile::tempdir().unwrap();
    server.copy_data(copy.path()).unwrap();
    let manifest = copy.path().join("appendonlydir/appendonly.aof.manifest");
    let output = Command::new("redis-check-aof").arg(manifest).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let redis = Server::builder(&Program::redis()).data(copy.path()).start().unwrap();
    all_there(&redis, 200);
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_under_everysec() {
    survives("everysec", DISK_FULL, |faults| faults.space_left(10), false);
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_under_always() {
    survives("always", DISK_FULL, |faults| faults.space_left(10), true);
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_under_no() {
    survives("no", DISK_FULL, |faults| faults.space_left(0), false);
}

#[test]
fn a_write_error_refuses_writes_and_recovers() {
    survives("everysec", IO_ERROR, |faults| faults.fail_writes(EIO, -1), false);
    survives("always", IO_ERROR, |faults| faults.fail_writes(EIO, -1), true);
}

#[test]
fn a_failed_fsync_refuses_writes_and_recovers_with_nothing_lost() {
    survives("always", IO_ERROR, |faults| faults.fail_syncs(EIO, -1), true);
    survives("everysec", IO_ERROR, |faults| faults.fail_syncs(EIO, -1), false);
}

#[test]
fn a_write_that_can_be_neither_completed_nor_undone_moves_the_log_to_a_new_segment() {
    survives(
        "always",
        DISK_FULL,
        |faults| {
            faults.fail_truncation(EIO);
            faults.space_left(20);
        },
        true,
    );
}

/// The kernel may have dropped the pages of a failed fsync: what was not durable must be written anew, not synced again.
#[test]
fn one_failed_fsync_is_not_retried_on_the_same_file_and_believed() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    write(&server, 0, 10);
    let files = || std::fs::read_dir(server.append_dir()).unwrap().count();
    let before = files();
    faults.fail_syncs(EIO, 1);
    let mut client = server.client();
    let reply = client.line("SET k10 10");
    let answered = reply.is_ok() || reply.error_text().is_some_and(|text| text.starts_with("MISCONF"));
    assert!(answered, "{reply:?}");
    recovered(&server);
    write(&server, 10, 20);
    assert!(files() > before || server.log().contains("segment"), "no new segment was begun; the log:\n{}", server.log());
    server.kill9();
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    all_there(&server, 20);
}

#[test]
fn short_writes_are_completed() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    faults.short_writes(7);
    write(&server, 0, 200);
    assert!(faults.faults() > 200, "writes were not short: {}", faults.faults());
    assert_eq!(server.info_field("persistence", "aof_last_write_status"), "ok");
    server.kill9();
    faults.repair();
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    all_there(&server, 200);
    redis_loads_the_same(&server);
}

/// A transaction that meets the refusal is refused as a whole.
#[test]
fn a_transaction_is_refused_whole() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven()).start().unwrap();
    faults.fail_writes(ENOSPC, -1);
    refusal(&server);
    let mut client = server.client();
    client.line("MULTI");
    assert_eq!(client.line("SET a 1").error_text().as_deref(), Some(DISK_FULL));
    let exec = client.line("EXEC").error_text().unwrap();
    assert!(exec.starts_with("EXECABORT") || exec.starts_with("MISCONF"), "{exec}");
}

/// A write under `always` that the disk does not take is not acknowledged, and nobody is shown its value.
#[test]
fn what_is_not_durable_is_neither_acknowledged_nor_shown_under_always() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    write(&server, 0, 5);
    faults.sync_delay(Duration::from_secs(2));
    let mut writer = server.client();
    writer.send(&["SET", "k0", "new"]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let mut reader = server.client();
    reader.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let shown = reader.cmd(&["GET", "k0"]);
    assert!(!matches!(&shown, Ok(value) if *value == Value::bulk("new")), "a value that is not durable was shown");
    server.kill9();
    faults.sync_delay(Duration::ZERO);
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    all_there(&server, 5);
}

/// Who was promised durability is answered when it is there, though nobody syncs any more of what came in the same turn.
#[test]
fn what_was_written_under_always_is_acknowledged_after_the_policy_has_changed() {
    for policy in ["no", "everysec"] {
        let faults = DiskFaults::new().unwrap();
        let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
        let change = format!("SET a 1\r\nCONFIG SET appendfsync {policy}\r\nSET b 2\r\n");
        let mut client = server.client();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client.send_raw(change.as_bytes()).unwrap();
        for _ in 0..3 {
            assert!(client.reply().expect("a reply comes").is_ok());
        }
        assert!(server.client().line("SET c 3").is_ok());

        // The same while the disk fails, and then does not.
        assert!(client.line("CONFIG SET appendfsync always").is_ok());
        assert!(client.line("SET a 2").is_ok());
        faults.fail_syncs(EIO, -1);
        client.send_raw(change.as_bytes()).unwrap();
        let replies = [(); 3].map(|()| client.reply().expect("a reply comes"));
        assert_eq!(replies[0].error_text().as_deref(), Some(IO_ERROR), "{policy}: {replies:?}");
        faults.repair();
        recovered(&server);
        assert_eq!(server.client().line("GET b"), Value::bulk("2"));
    }
}

/// What is due is not there, and a read need not log that to say so.
#[test]
fn a_full_disk_serves_reads_of_what_has_expired() {
    for policy in ["always", "everysec", "no"] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", policy)).start().unwrap();
        let mut client = server.client();
        for line in ["SET due v PX 3000", "SET read v PX 3000", "SET stays v", "HSET h due v stays v", "HPEXPIRE h 3000 FIELDS 1 due"] {
            assert_eq!(client.line(line).error_text(), None, "{line}");
        }
        faults.space_left(0);
        assert_eq!(refusal(&server), DISK_FULL);
        std::thread::sleep(Duration::from_millis(3_100));
        for _ in 0..2 {
            assert_eq!(client.line("GET read"), Value::NullBulk, "{policy}");
            assert_eq!(client.line("EXISTS read stays"), Value::Int(1), "{policy}");
            assert_eq!(client.line("MGET read stays"), Value::Array(vec![Value::NullBulk, Value::bulk("v")]), "{policy}");
            assert_eq!(client.line("HGET h due"), Value::NullBulk, "{policy}");
            assert_eq!(client.line("HGETALL h"), Value::Array(vec![Value::bulk("stays"), Value::bulk("v")]), "{policy}");
        }
        assert_eq!(server.info_field("stats", "expired_keys"), "0", "{policy}: deletions wait until they can be logged");

        faults.repair();
        recovered(&server);
        let start = Instant::now();
        while server.info_field("stats", "expired_keys") != "2" {
            assert!(start.elapsed() < Duration::from_secs(20), "{policy}: nobody deletes what is due");
            std::thread::sleep(Duration::from_millis(20));
        }
        server.crash_and_restart().unwrap();
        let mut client = server.client();
        assert_eq!(client.line("EXISTS due read stays h"), Value::Int(2), "{policy}");
        assert_eq!(client.line("HLEN h"), Value::Int(1), "{policy}");
    }
}

/// No simulation: a file system of half a megabyte, filled by the server itself.
#[test]
fn a_really_full_file_system_refuses_writes_and_recovers_when_space_returns() {
    for policy in ["everysec", "always"] {
        let Some(mount) = Tmpfs::mount(512) else { return };
        let ballast = mount.path().join("ballast");
        std::fs::write(&ballast, vec![0; 200 << 10]).unwrap();
        let mut server = graven().option("appendfsync", policy).data(mount.path()).start().unwrap();
        let mut acked = 0u32;
        let mut client = server.client();
        client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let padding = "x".repeat(1_000);
        while let Ok(reply) = client.cmd(&["SET", &format!("k{acked}"), &format!("{acked}:{padding}")])
            && reply.is_ok()
        {
            acked += 1;
            assert!(acked < 10_000, "the file system was never full");
        }
        assert!(acked > 50, "only {acked} writes fitted");
        assert_eq!(refusal(&server), DISK_FULL);
        let mut reader = server.client();
        assert_eq!(reader.line("STRLEN k0").as_int(), Some(1_002));
        assert_eq!(server.info_field("persistence", "aof_last_write_status"), "err");

        std::fs::remove_file(&ballast).unwrap();
        recovered(&server);
        assert!(server.client().line("SET after recovery").is_ok());
        server.crash_and_restart().unwrap();
        let mut reader = server.client();
        assert_eq!(reader.line("GET after"), Value::bulk("recovery"));
        for n in 0..acked {
            assert_eq!(reader.call(&["GET", &format!("k{n}")]), Value::bulk(format!("{n}:{padding}")), "{policy}: k{n}");
        }
        server.kill9();
    }
}

/// For an operator who can't make room at once.
#[test]
fn the_log_can_be_switched_off_while_its_disk_fails() {
    for fault in [|faults: &DiskFaults| faults.space_left(0), |faults: &DiskFaults| faults.fail_syncs(EIO, -1)] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
        write(&server, 0, 10);
        fault(&faults);
        let mut client = server.client();
        client.send_raw(b"SET forsaken 1\r\nCONFIG SET appendonly no\r\n").unwrap();
        let refused = client.reply().unwrap().error_text().expect("what waited for the log is not acknowledged");
        assert!(refused.starts_with("MISCONF Errors writing to the AOF file: "), "{refused}");
        assert!(client.reply().unwrap().is_ok(), "{}", server.log());
        assert!(client.line("SET written 1").is_ok());
        assert!(server.log().contains("The append only file is left without its last "), "{}", server.log());
        all_there(&server, 10);
        faults.repair();
        assert!(client.line("CONFIG SET appendonly yes").is_ok());
        assert_eq!(client.line("WAITAOF 1 0 20000"), Value::Array(vec![Value::Int(1), Value::Int(0)]));
        server.kill9();
        server.start().unwrap();
        all_there(&server, 10);
        assert_eq!(server.client().line("GET written"), Value::bulk("1"));
    }
}

/// What is not durable yet is kept in memory, for the case that the fsync fails; so clients must be slowed before it grows.
#[test]
fn a_stalled_disk_slows_writers_instead_of_filling_memory() {
    for policy in ["everysec", "always"] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", policy)).start().unwrap();
        let before = server.resident_bytes();
        faults.sync_delay(Duration::from_secs(4));
        let start = Instant::now();
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let mut client = server.client();
                client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                std::thread::spawn(move || {
                    let mut acked = 0u64;
                    while start.elapsed() < Duration::from_secs(6) {
                        let batch: Vec<Vec<Vec<u8>>> = (1..=8)
                            .map(|step| {
                                let mut value = (acked + step).to_string().into_bytes();
                                value.resize(1 << 20, b' ');
                                vec![b"SET".to_vec(), format!("k{n}").into_bytes(), value]
                            })
                            .collect();
                        let replies = client.pipeline(&batch).unwrap();
                        assert!(replies.iter().all(Value::is_ok), "{:?}", replies[0]);
                        acked += 8;
                    }
                    acked
                })
            })
            .collect();
        let mut peak = 0;
        while start.elapsed() < Duration::from_secs(6) {
            peak = peak.max(server.resident_bytes());
            std::thread::sleep(Duration::from_millis(10));
        }
        faults.repair();
        let acked: Vec<u64> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let grown = peak.saturating_sub(before) >> 20;
        // 256 MB written and not durable, 64 MB not written, input and output of four clients, the allocator's slack.
        assert!(grown < 600, "{policy}: memory grew by {grown} MB while {} MB were written", acked.iter().sum::<u64>());
        server.crash_and_restart().unwrap();
        for (n, acked) in acked.into_iter().enumerate() {
            let kept = server.client().call(&["GET", &format!("k{n}")]).text();
            assert_eq!(kept.trim_end(), acked.to_string(), "{policy}: k{n}");
        }
    }
}

/// A writer that waits because the disk is behind is told when the disk then fails.
#[test]
fn a_stalled_disk_that_fails_refuses_the_writers_that_it_slowed() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "everysec")).start().unwrap();
    faults.fail_syncs(EIO, -1);
    faults.sync_delay(Duration::from_secs(6));
    let value = vec![b'v'; 8 << 20];
    let mut client = server.client();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let refused = loop {
        let reply = client.cmd(&[b"SET".as_slice(), b"big", &value]).expect("the writer is answered");
        if !reply.is_ok() {
            break reply.error_text();
        }
    };
    assert_eq!(refused.as_deref(), Some(IO_ERROR));
    let at_risk: u64 = server.info_field("persistence", "aof_at_risk_bytes").parse().unwrap();
    assert!(at_risk > 256 << 20, "the log was not saturated when it failed: {at_risk} bytes");
    assert!(server.client().line("GET nosuch").error_text().is_none());
    faults.repair();
    recovered(&server);
}

#[test]
fn a_slow_disk_is_named_in_the_log_and_counted() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "everysec")).start().unwrap();
    faults.sync_delay(Duration::from_millis(3_500));
    let mut client = server.client();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(5_000) {
        let sent = Instant::now();
        assert!(client.line("INCR n").as_int().is_some());
        assert!(sent.elapsed() < Duration::from_millis(1_500), "a write waited for the fsync: {:?}", sent.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    let info = server.info("persistence");
    assert!(info["aof_delayed_fsync"].parse::<u64>().unwrap() > 0, "{info:?}");
    assert!(info["aof_at_risk_bytes"].parse::<u64>().unwrap() > 0, "{info:?}");
    assert!(server.log().contains("Asynchronous AOF fsync is taking too long (disk is busy?)"), "{}", server.log());
}
