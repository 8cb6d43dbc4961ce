//! The harness checked against Redis itself: two of them must agree, and what Redis promises must be found kept.
//! A harness that cannot see a difference would prove nothing, so each check is also shown a difference.

use std::time::Duration;

use graven_testkit::generator::{Generator, Mix, Step};
use graven_testkit::history::{self, Moment, Plan};
use graven_testkit::oracle::Oracle;
use graven_testkit::{DiskFaults, Dump, Program, Server, Value, disk_faults};

fn redis() -> Server {
    Oracle::options(Server::builder(&Program::redis())).option("appendonly", "no").start().unwrap()
}

#[test]
fn two_redis_servers_agree() {
    let (one, other) = (redis(), redis());
    for protocol in [2, 3] {
        let mut oracle = Oracle::new(&one, &other, protocol);
        for seed in 0..40 {
            oracle.check_seed(seed, 300).unwrap();
        }
    }
}

#[test]
fn the_oracle_finds_a_difference_and_shows_the_shortest_way_to_it() {
    let one = redis();
    let other = Oracle::options(Server::builder(&Program::redis())).option("proto-max-bulk-len", "1mb").start().unwrap();
    // Few, so that none of them expires on one server before the other has seen it.
    let mut steps = Generator::new(5, Mix::Writes).steps(40);
    steps.push(Step::words(0, "SETRANGE k0 1048576 x"));
    let error = Oracle::new(&one, &other, 2).check_steps(&steps).unwrap_err().to_string();
    assert!(error.contains("string exceeds maximum allowed size"), "{error}");
    assert!(error.contains("after the 1 steps"), "{error}");
}

#[test]
fn the_oracle_compares_what_the_servers_hold_not_only_what_they_say() {
    let (one, other) = (redis(), redis());
    one.client().line("CONFIG SET proto-max-bulk-len 1mb");
    let mut left = Dump::take(&mut one.client()).unwrap();
    assert!(left.is_empty());
    one.client().line("SET a 1");
    other.client().line("SET a 1 PX 10000000");
    left = Dump::take(&mut one.client()).unwrap();
    let right = Dump::take(&mut other.client()).unwrap();
    assert!(left.diff(&right, 5_000).unwrap().contains("1 of 1 keys differ"));
    assert!(left.diff(&left.clone(), 0).is_none());
}

#[test]
fn the_dump_sees_every_type_of_every_database() {
    let server = redis();
    let mut client = server.client();
    for line in ["SET s v", "RPUSH l a b", "SADD set x y", "HSET h f v g w", "ZADD z 1 a 2 b", "XADD x 1-1 f v", "SELECT 7", "SET s 7"] {
        assert!(client.line(line).error_text().is_none(), "{line}");
    }
    let dump = Dump::take(&mut client).unwrap();
    assert_eq!(dump.len(), 7);
    let list = &dump.0[&(0, b"l".to_vec())];
    assert_eq!(list.value, [Value::bulk("a"), Value::bulk("b")]);
    client.line("SELECT 0");
    client.line("ZADD z 3 a");
    let diff = dump.diff(&Dump::take(&mut client).unwrap(), 0).unwrap();
    assert!(diff.starts_with("1 of 7 keys differ"), "{diff}");
}

#[test]
fn redis_with_fsync_always_keeps_what_it_acknowledged() {
    for pipeline in [1, 8] {
        let mut server = Server::builder(&Program::redis()).option("appendfsync", "always").prepare().unwrap();
        let plan = Plan { writers: 4, kill_after_ms: (10, 60), shown_is_kept: true, ..Plan::kills(5, 5, pipeline) };
        let summary = history::run(&mut server, &plan, |_, _| Ok(())).unwrap();
        assert_eq!(summary.rounds, 5);
        assert!(summary.acknowledged > 100, "{summary:?}");
    }
}

/// Redis buffers in the process while an fsync is under way and acknowledges all the same: the check must notice.
#[test]
fn the_history_check_notices_what_redis_loses_while_an_fsync_stalls() {
    let faults = DiskFaults::new().unwrap();
    let builder = Server::builder(&Program::redis()).option("appendfsync", "everysec");
    let mut server = faults.preload(builder).prepare().unwrap();
    let plan = Plan { writers: 4, kill_after_ms: (1_200, 1_900), shown_is_kept: true, ..Plan::kills(1, 10, 1) };
    let error = history::run(&mut server, &plan, |_, moment| {
        match moment {
            Moment::Started => faults.sync_delay(Duration::from_secs(3)),
            Moment::Killed => faults.sync_delay(Duration::ZERO),
            _ => {}
        }
        Ok(())
    })
    .unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("is lost") || text.contains("was shown") || text.contains("no prefix"), "{text}");
}

#[test]
fn a_simulated_power_loss_takes_what_was_not_synced() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(Server::builder(&Program::redis()).option("appendfsync", "no")).prepare().unwrap();
    server.start().unwrap();
    server.client().line("SET a 1");
    server.kill9();
    assert!(faults.lose_power(&server.append_dir()).unwrap() > 0);

    let mut server = faults.preload(Server::builder(&Program::redis()).option("appendfsync", "always")).start().unwrap();
    server.client().line("SET a 1");
    server.kill9();
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    assert_eq!(server.client().line("GET a"), Value::bulk("1"));
}

#[test]
fn a_full_disk_is_seen_by_the_server_and_gets_well_again() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(Server::builder(&Program::redis()).option("appendfsync", "everysec")).start().unwrap();
    let mut client = server.client();
    assert!(client.line("SET a 1").is_ok());
    faults.space_left(0);
    client.line("SET a 2");
    let refused = client.line("SET a 3").error_text().unwrap();
    assert_eq!(refused, "MISCONF Errors writing to the AOF file: No space left on device");
    assert!(faults.faults() > 0);
    faults.repair();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(client.line("SET a 4").is_ok());
    faults.fail_writes(disk_faults::EIO, 1);
    client.line("SET a 5");
    assert_eq!(client.line("GET a"), Value::bulk("5"));
}
