//! The server around the commands: clients, waiting, watching, shutting down.

use std::time::{Duration, Instant};

use graven_testkit::process::Builder;
use graven_testkit::{Client, DiskFaults, Program, Server, Value};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

fn started() -> Server {
    graven().option("enable-debug-command", "yes").start().unwrap()
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn waitaof_waits_until_the_log_is_durable() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "everysec")).start().unwrap();
    let mut client = server.client();
    let before = faults.syncs();
    assert!(client.line("SET a 1").is_ok());
    assert_eq!(client.line("WAITAOF 1 0 5000"), Value::Array(vec![Value::Int(1), Value::Int(0)]));
    assert!(faults.syncs() > before, "WAITAOF replied before an fsync");
    faults.sync_delay(Duration::from_secs(3));
    client.line("SET a 2");
    let start = Instant::now();
    assert_eq!(client.line("WAITAOF 1 0 200"), Value::Array(vec![Value::Int(0), Value::Int(0)]));
    assert!(start.elapsed() >= Duration::from_millis(190), "the timeout was not waited for");
    assert_eq!(client.line("WAITAOF 2 0 0").error_text().unwrap(), "ERR value is out of range, value must between 0 and 1");
    assert_eq!(client.line("WAITAOF 0 0 -1").error_text().unwrap(), "ERR timeout is negative");
}

#[test]
fn waitaof_waits_for_the_base_of_a_log_that_is_switched_on() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendonly", "no").option("appendfsync", "always")).start().unwrap();
    let mut client = server.client();
    let arrived = |number| Value::Array(vec![Value::Int(number), Value::Int(0)]);
    client.line("SET before 1");
    faults.sync_delay(Duration::from_secs(2));
    assert!(client.line("CONFIG SET appendonly yes").is_ok());
    assert_eq!(client.line("WAITAOF 1 0 200"), arrived(0), "a power failure would take it");
    client.line("SET meanwhile 1");
    assert_eq!(client.line("WAITAOF 1 0 200"), arrived(0));
    faults.sync_delay(Duration::ZERO);
    assert_eq!(client.line("WAITAOF 1 0 20000"), arrived(1));
    assert_eq!(server.info_field("persistence", "aof_pending_rewrite"), "0");
    server.set_option("appendonly", "yes");
    server.crash_and_restart().unwrap();
    assert_eq!(server.client().line("EXISTS before meanwhile"), Value::Int(2));
}

#[test]
fn waitaof_is_answered_without_a_write_and_when_the_log_is_switched_off() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendonly", "no")).start().unwrap();
    let mut client = server.client();
    assert!(client.line("CONFIG SET appendonly yes").is_ok());
    assert_eq!(client.line("WAITAOF 1 0 20000"), Value::Array(vec![Value::Int(1), Value::Int(0)]), "there is nothing to wait for");
    assert!(client.line("CONFIG SET appendonly no").is_ok());
    faults.sync_delay(Duration::from_secs(1));
    client.line("CONFIG SET appendonly yes");
    let mut waiter = server.client();
    waiter.send_raw(b"WAITAOF 1 0 0\r\n").unwrap();
    client.line("CONFIG SET appendonly no");
    let error = waiter.reply().unwrap().error_text().unwrap();
    assert_eq!(error, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

#[test]
fn the_log_is_not_loaded_again_while_a_base_is_made() {
    let server = graven().option("appendonly", "no").option("enable-debug-command", "yes").start().unwrap();
    let mut client = server.client();
    client.line("DEBUG POPULATE 200000");
    // All of it comes in one turn.
    client.send_raw(b"CONFIG SET appendonly yes\r\nDEBUG LOADAOF\r\nDBSIZE\r\n").unwrap();
    assert!(client.reply().unwrap().is_ok());
    let refused = "ERR A snapshot or a base of the append only file is being made: try again when it is done";
    assert_eq!(client.reply().unwrap().error_text().unwrap(), refused);
    assert_eq!(client.reply().unwrap(), Value::Int(200_000));
    let is_idle = || {
        server.info_field("persistence", "aof_pending_rewrite") == "0" && server.info_field("persistence", "aof_rewrite_in_progress") == "0"
    };
    eventually("the base is made", is_idle);
    client.send_raw(b"BGREWRITEAOF\r\nDEBUG LOADAOF\r\n").unwrap();
    assert_eq!(client.reply().unwrap(), Value::Simple("Background append only file rewriting started".into()));
    assert_eq!(client.reply().unwrap().error_text().unwrap(), refused);
    eventually("the rewrite is done", is_idle);
    assert!(client.line("DEBUG LOADAOF").is_ok());
    assert_eq!(client.line("DBSIZE"), Value::Int(200_000));
}

#[test]
fn what_renamed_commands_wrote_is_there_after_a_restart() {
    let names = [("SELECT", "choose"), ("SET", "put"), ("DEL", "\"\""), ("PEXPIREAT", "until"), ("MULTI", "begin"), ("EXEC", "commit")];
    let renamed = names.iter().fold(graven(), |builder, (old, new)| builder.config(&format!("rename-command {old} {new}")));
    let mut server = renamed.option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    for line in ["CHOOSE 3", "PUT a 1", "PUT gone 1 PX 1", "BEGIN", "PUT b 1", "EXPIRE b 1000", "COMMIT", "GETEX a PX 1000000"] {
        let reply = client.line(line);
        assert!(reply.error_text().is_none(), "{line}: {reply:?}");
    }
    eventually("a key expires", || client.line("DBSIZE") == Value::Int(2));
    server.crash_and_restart().unwrap();
    let mut client = server.client();
    assert!(client.line("CHOOSE 3").is_ok());
    assert_eq!(client.line("EXISTS a b gone"), Value::Int(2));
}

#[test]
fn waitaof_without_a_log_is_refused() {
    let server = graven().option("appendonly", "no").start().unwrap();
    let error = server.client().line("WAITAOF 1 0 0").error_text().unwrap();
    assert_eq!(error, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

#[test]
fn client_list_and_info_describe_connections() {
    let server = started();
    let mut one = server.client();
    let mut other = server.client();
    other.line("CLIENT SETNAME second");
    other.line("SELECT 3");
    other.line("CLIENT SETINFO LIB-NAME mylib");
    other.line("CLIENT SETINFO LIB-VER 1.2");
    let id = other.line("CLIENT ID").as_int().unwrap();
    let list = one.line("CLIENT LIST").text();
    assert_eq!(list.lines().count(), 2, "{list}");
    let line = list.lines().find(|line| line.contains("name=second")).unwrap();
    for field in [
        &format!("id={id} "),
        "addr=127.0.0.1:",
        "laddr=127.0.0.1:",
        " fd=",
        " age=",
        " idle=",
        " flags=N ",
        " db=3 ",
        " cmd=client|",
        " resp=2",
        " lib-name=mylib",
        " lib-ver=1.2",
        " user=default",
        " qbuf=",
        " multi=-1",
        " tot-mem=",
    ] {
        assert!(line.contains(field), "{field:?} is missing in {line}");
    }
    assert!(one.call(&["CLIENT", "LIST", "ID", &id.to_string()]).text().contains("name=second"));
    assert!(other.line("CLIENT INFO").text().contains("cmd=client|info"));
}

#[test]
fn client_kill_closes_whom_it_names() {
    let server = started();
    let mut admin = server.client();
    let mut victim = server.client();
    let id = victim.line("CLIENT ID").as_int().unwrap();
    assert_eq!(admin.call(&["CLIENT", "KILL", "ID", &id.to_string()]), Value::Int(1));
    assert!(victim.closes_within(Duration::from_secs(5)));
    let mut victim = server.client();
    let info = victim.line("CLIENT INFO").text();
    let address = info.split(' ').find_map(|field| field.strip_prefix("addr=")).unwrap().to_owned();
    assert!(admin.call(&["CLIENT", "KILL", &address]).is_ok());
    assert!(victim.closes_within(Duration::from_secs(5)));
    let mut several: Vec<Client> = (0..3).map(|_| server.client()).collect();
    several.iter_mut().for_each(|client| drop(client.line("PING")));
    assert_eq!(admin.line("CLIENT KILL TYPE normal SKIPME yes"), Value::Int(3));
    assert_eq!(admin.line("PING"), Value::Simple(b"PONG".to_vec()));
    assert_eq!(admin.line("CLIENT KILL 127.0.0.1:1").error_text().unwrap(), "ERR No such client");
}

#[test]
fn a_client_is_found_by_its_id_while_it_is_connected() {
    let server = started();
    let mut admin = server.client();
    let mut gone: Vec<Client> = (0..3).map(|_| server.client()).collect();
    let gone_ids: Vec<String> = gone.iter_mut().map(|c| c.line("CLIENT ID").as_int().unwrap().to_string()).collect();
    drop(gone);
    eventually("three have left", || admin.line("CLIENT LIST").text().lines().count() == 1);
    // These take the places of those who left, under ids of their own.
    let mut here: Vec<Client> = (0..3).map(|_| server.client()).collect();
    let ids: Vec<String> = here.iter_mut().map(|c| c.line("CLIENT ID").as_int().unwrap().to_string()).collect();
    let mut command = vec!["CLIENT", "LIST", "ID"];
    command.extend(gone_ids.iter().chain(&ids).map(String::as_str));
    let listed = admin.call(&command).text();
    let starts: Vec<&str> = listed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ids.iter().map(|id| format!("id={id}")).collect::<Vec<_>>());
}

#[test]
fn looking_clients_up_by_id_does_not_take_longer_the_more_there_are() {
    let server = started();
    let mut admin = server.client();
    let mut command = vec!["CLIENT".to_owned(), "LIST".to_owned(), "ID".to_owned()];
    command.extend((0..100_000).map(|i| (1_000_000 + i).to_string()));
    let mut fastest = || {
        let once = |_| {
            let start = Instant::now();
            assert_eq!(admin.call(&command).text(), "");
            start.elapsed()
        };
        (0..5).map(once).min().unwrap()
    };
    let alone = fastest();
    let crowd: Vec<Client> = (0..400).map(|_| server.client()).collect();
    let in_company = fastest();
    drop(crowd);
    assert!(in_company < 4 * alone, "{alone:?} alone, {in_company:?} among 400");
}

#[test]
fn client_pause_holds_writers_back_and_unpause_lets_them_go() {
    let server = started();
    let mut admin = server.client();
    let mut writer = server.client();
    assert!(admin.line("CLIENT PAUSE 10000 WRITE").is_ok());
    writer.line("GET a");
    writer.send(&["SET", "a", "1"]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(admin.line("EXISTS a"), Value::Int(0));
    assert!(admin.line("CLIENT UNPAUSE").is_ok());
    assert!(writer.reply().unwrap().is_ok());
    let start = Instant::now();
    admin.line("CLIENT PAUSE 200");
    writer.line("GET a");
    assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
}

#[test]
fn client_reply_off_and_skip_silence_replies() {
    let server = started();
    let mut client = server.client();
    client.send(&["CLIENT", "REPLY", "OFF"]).unwrap();
    client.send(&["SET", "a", "1"]).unwrap();
    client.send(&["CLIENT", "REPLY", "ON"]).unwrap();
    assert!(client.reply().unwrap().is_ok());
    client.send(&["CLIENT", "REPLY", "SKIP"]).unwrap();
    client.send(&["INCR", "a"]).unwrap();
    assert_eq!(client.line("INCR a"), Value::Int(3));
}

#[test]
fn slowlog_keeps_the_slow_ones() {
    let server = graven().option("slowlog-log-slower-than", 0).option("slowlog-max-len", 3).start().unwrap();
    let mut client = server.client();
    client.line("SLOWLOG RESET");
    for n in 0..5 {
        client.call(&["SET", "key", &n.to_string()]);
    }
    assert_eq!(client.line("SLOWLOG LEN"), Value::Int(3));
    let entries = client.line("SLOWLOG GET 2");
    let entries = entries.elements().unwrap();
    assert_eq!(entries.len(), 2);
    let fields = entries[1].elements().unwrap();
    assert_eq!(fields.len(), 6);
    assert!(fields[3].elements().is_some_and(|args| !args.is_empty()));
    let all = client.line("SLOWLOG GET -1");
    assert_eq!(all.elements().unwrap().len(), 3);
    client.call(&["SET", "long", &"x".repeat(500)]);
    let newest = client.line("SLOWLOG GET 5");
    let args = newest.elements().unwrap()[0].elements().unwrap()[3].elements().unwrap().to_vec();
    assert!(args[2].text().ends_with("x... (372 more bytes)"), "{newest:?}");
}

#[test]
fn latency_events_are_recorded() {
    let server = graven().option("enable-debug-command", "yes").option("latency-monitor-threshold", 10).start().unwrap();
    let mut client = server.client();
    client.line("DEBUG SLEEP 0.05");
    let latest = client.line("LATENCY LATEST");
    let event = latest.elements().unwrap().iter().find(|event| event.elements().is_some_and(|f| f[0].text() == "command"));
    let event = event.unwrap_or_else(|| panic!("no event \"command\" in {latest:?}"));
    assert!(event.elements().unwrap()[3].as_int().unwrap() >= 50);
    let history = client.line("LATENCY HISTORY command");
    assert_eq!(history.elements().unwrap().len(), 1);
    let histogram = client.line("LATENCY HISTOGRAM debug");
    assert!(histogram.get("debug").is_some(), "{histogram:?}");
    assert_eq!(client.line("LATENCY RESET command"), Value::Int(1));
    assert_eq!(client.line("LATENCY LATEST"), Value::Array(vec![]));
}

#[test]
fn slow_fsyncs_are_latency_events() {
    let faults = DiskFaults::new().unwrap();
    let builder = graven().option("appendfsync", "always").option("latency-monitor-threshold", 20);
    let server = faults.preload(builder).start().unwrap();
    faults.sync_delay(Duration::from_millis(60));
    let mut client = server.client();
    client.line("SET a 1");
    client.line("SET a 2");
    faults.sync_delay(Duration::ZERO);
    eventually("an aof event", || format!("{:?}", client.line("LATENCY LATEST")).contains("aof-fsync-always"));
}

#[test]
fn monitor_shows_every_command() {
    let server = started();
    let mut monitor = server.client();
    assert!(monitor.line("MONITOR").is_ok());
    let mut client = server.client();
    client.line("SELECT 2");
    client.call(&["SET", "a b", "\r\n\"\u{1}"]);
    client.line("AUTH user secret");
    let first = monitor.reply().unwrap().text();
    assert!(first.ends_with("\"SELECT\" \"2\""), "{first}");
    let second = monitor.reply().unwrap().text();
    assert!(second.contains(" [2 127.0.0.1:") && second.ends_with(r#""SET" "a b" "\r\n\"\x01""#), "{second}");
    client.line("PING last");
    let third = monitor.reply().unwrap().text();
    assert!(!third.contains("secret"), "{third}");
}

#[test]
fn debug_sleep_digest_and_object_work() {
    let server = started();
    let mut client = server.client();
    let start = Instant::now();
    assert!(client.line("DEBUG SLEEP 0.2").is_ok());
    assert!(start.elapsed() >= Duration::from_millis(200));
    let empty = client.line("DEBUG DIGEST").text();
    assert_eq!(empty, "0".repeat(40));
    client.line("SET a 1");
    client.line("SET b 2");
    let digest = client.line("DEBUG DIGEST").text();
    client.line("DEL b");
    assert_ne!(client.line("DEBUG DIGEST").text(), digest);
    client.line("SET b 2");
    assert_eq!(client.line("DEBUG DIGEST").text(), digest);
    assert!(client.line("DEBUG OBJECT a").text().contains("encoding:int"));
    assert_eq!(client.line("DEBUG OBJECT nosuch").error_text().unwrap(), "ERR no such key");
}

#[test]
fn debug_is_refused_unless_enabled() {
    let server = graven().start().unwrap();
    let error = server.client().line("DEBUG SLEEP 0").error_text().unwrap();
    assert!(error.starts_with("ERR DEBUG command not allowed."), "{error}");
}

#[test]
fn shutdown_and_sigterm_end_with_everything_synced() {
    for how in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE", "SIGTERM", "SIGINT"] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven().option("appendfsync", "no")).start().unwrap();
        assert!(server.client().line("SET a 1").is_ok());
        match how {
            "SIGTERM" => server.signal(rustix::process::Signal::TERM).unwrap(),
            "SIGINT" => server.signal(rustix::process::Signal::INT).unwrap(),
            _ => {
                let mut client = server.client();
                client.send(&how.split(' ').collect::<Vec<_>>()).unwrap();
                assert!(client.closes_within(Duration::from_secs(10)), "{how}: {}", server.log());
            }
        }
        let status = server.wait_exit(Duration::from_secs(10)).unwrap();
        assert!(status.success(), "{how}: {status}\n{}", server.log());
        assert_eq!(faults.lose_power(&server.append_dir()).unwrap(), 0, "{how} left unsynced bytes");
        server.start().unwrap();
        assert_eq!(server.client().line("GET a"), Value::bulk("1"), "{how}");
    }
}

#[test]
fn a_second_sigint_ends_a_shutdown_that_waits_for_the_disk() {
    use rustix::process::Signal;
    for first in [Signal::TERM, Signal::INT] {
        let faults = DiskFaults::new().unwrap();
        let mut server = faults.preload(graven()).start().unwrap();
        faults.sync_delay(Duration::from_secs(30));
        assert!(server.client().line("SET a 1").is_ok());
        server.signal(first).unwrap();
        server.wait_log("Calling fsync() on the AOF file.", Duration::from_secs(5)).unwrap();
        // Whoever is asked by SIGTERM again has patience.
        server.signal(Signal::TERM).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(server.is_running());
        server.signal(Signal::INT).unwrap();
        assert_eq!(server.wait_exit(Duration::from_secs(5)).unwrap().code(), Some(1));
        let name = if first == Signal::INT { "SIGINT" } else { "SIGTERM" };
        let log = server.log();
        let at = |line: &str| log.find(line).unwrap_or_else(|| panic!("{line:?} is missing in\n{log}"));
        assert!(at(&format!("# Received {name} scheduling shutdown...")) < at("# User requested shutdown..."));
        assert!(at("# User requested shutdown...") < at("# You insist... exiting now."));
        faults.repair();
        server.start().unwrap();
        assert_eq!(server.client().line("GET a"), Value::bulk("1"));
    }
}

#[test]
fn a_sigint_after_a_shutdown_that_failed_is_the_first_one_again() {
    use rustix::process::Signal;
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven()).start().unwrap();
    faults.fail_syncs(graven_testkit::disk_faults::EIO, i64::MAX);
    assert!(server.client().line("SET a 1").is_ok());
    server.signal(Signal::INT).unwrap();
    server.wait_log("Errors trying to shut down the server.", Duration::from_secs(30)).unwrap();
    faults.repair();
    eventually("writes are accepted again", || server.client().line("SET a 2").is_ok());
    server.signal(Signal::INT).unwrap();
    assert!(server.wait_exit(Duration::from_secs(10)).unwrap().success(), "{}", server.log());
    assert!(!server.log().contains("You insist"), "{}", server.log());
}

#[test]
fn shutdown_knows_its_words() {
    let mut server = started();
    let mut client = server.client();
    assert_eq!(client.line("SHUTDOWN ABORT").error_text().unwrap(), "ERR No shutdown in progress.");
    assert_eq!(client.line("SHUTDOWN SAVE NOSAVE").error_text().unwrap(), "ERR syntax error");
    assert_eq!(client.line("SHUTDOWN MAYBE").error_text().unwrap(), "ERR syntax error");
    assert!(server.is_running());
}

#[test]
fn no_more_than_maxclients_are_let_in() {
    let server = graven().option("maxclients", 5).start().unwrap();
    let mut clients: Vec<Client> = Vec::new();
    // The harness's own connection may take a moment to be gone.
    eventually("five connections", || {
        clients.clear();
        clients.extend((0..5).map(|_| server.client()));
        clients.iter_mut().all(|client| client.cmd(&["PING"]).is_ok_and(|reply| reply.error_text().is_none()))
    });
    let mut sixth = server.client();
    assert_eq!(sixth.reply().unwrap().error_text().unwrap(), "ERR max number of clients reached");
    assert!(sixth.closes_within(Duration::from_secs(5)));
    clients.pop();
    eventually("a place is free again", || server.client().cmd(&["PING"]).is_ok_and(|reply| reply.error_text().is_none()));
}

#[test]
fn idle_clients_are_closed_after_the_timeout() {
    let server = graven().option("timeout", 1).start().unwrap();
    let mut idle = server.client();
    idle.line("PING");
    assert!(!idle.closes_within(Duration::from_millis(400)));
    assert!(idle.closes_within(Duration::from_secs(5)));
}

#[test]
fn a_slow_reader_over_the_hard_limit_is_dropped() {
    let server = graven().option("client-output-buffer-limit", "normal 2mb 0 0").start().unwrap();
    let mut setup = server.client();
    setup.call(&["SET", "big", &"v".repeat(1 << 20)]);
    let mut slow = server.client();
    for _ in 0..30 {
        let _ = slow.send(&["GET", "big"]);
    }
    eventually("the slow reader is dropped", || server.info_field("clients", "connected_clients") == "2");
    assert_eq!(server.info_field("stats", "client_output_buffer_limit_disconnections"), "1");
}

#[test]
fn a_soft_limit_drops_after_its_seconds() {
    let server = graven().option("client-output-buffer-limit", "normal 0 1mb 1").start().unwrap();
    let mut setup = server.client();
    setup.call(&["SET", "big", &"v".repeat(1 << 20)]);
    let mut slow = server.client();
    let start = Instant::now();
    for _ in 0..12 {
        let _ = slow.send(&["GET", "big"]);
    }
    eventually("the slow reader is dropped", || server.info_field("clients", "connected_clients") == "2");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(server.info_field("stats", "client_output_buffer_limit_disconnections"), "1");
}

#[test]
fn outsiders_are_refused_in_protected_mode() {
    let Some(address) = foreign_address() else {
        graven_testkit::skipped("this machine has no address but the loopback");
        return;
    };
    let server = graven().option("bind", "0.0.0.0").start().unwrap();
    let mut outsider = Client::tcp_at(&address, server.port()).unwrap();
    let said = outsider.reply().map(|reply| reply.error_text().unwrap_or_default());
    assert!(said.as_ref().is_ok_and(|text| text.starts_with("DENIED Redis is running in protected mode")), "{said:?}");
    assert!(outsider.closes_within(Duration::from_secs(5)));
    assert_eq!(server.client().line("PING"), Value::Simple(b"PONG".to_vec()));
}

/// An address of this machine that is not the loopback: the one it would use to reach the outside.
fn foreign_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

#[test]
fn expired_keys_are_reclaimed_without_being_looked_at() {
    let server = started();
    let mut client = server.client();
    for n in 0..20_000 {
        client.send(&["SET", &format!("k{n}"), "v", "PX", "300"]).unwrap();
    }
    for _ in 0..20_000 {
        assert!(client.reply().unwrap().is_ok());
    }
    client.line("SET stays v");
    eventually("all expired keys are reclaimed", || client.line("DBSIZE") == Value::Int(1));
    assert_eq!(server.info_field("stats", "expired_keys"), "20000");
}

#[test]
fn a_watched_key_that_expires_aborts_the_transaction() {
    let server = started();
    let mut client = server.client();
    client.line("DEBUG SET-ACTIVE-EXPIRE 0");
    client.line("SET a 1 PX 30");
    client.line("WATCH a");
    client.line("MULTI");
    client.line("SET b 1");
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(client.line("EXEC"), Value::NullArray);
    // One that had expired before it was watched does not.
    client.line("SET c 1 PX 1");
    std::thread::sleep(Duration::from_millis(20));
    client.line("WATCH c");
    client.line("MULTI");
    client.line("SET b 1");
    assert_eq!(client.line("EXEC"), Value::Array(vec![Value::ok()]));
}

#[test]
fn the_log_is_turned_off_and_on_at_run_time() {
    let mut server = graven().option("appendfsync", "always").start().unwrap();
    let mut client = server.client();
    client.line("SET before 1");
    assert!(client.line("CONFIG SET appendonly no").is_ok());
    assert_eq!(server.info_field("persistence", "aof_enabled"), "0");
    client.line("SET between 1");
    assert!(client.line("CONFIG SET appendonly yes").is_ok());
    eventually("the log is on", || {
        let info = server.info("persistence");
        info["aof_enabled"] == "1" && info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    client.line("SET after 1");
    server.crash_and_restart().unwrap();
    assert_eq!(server.client().line("EXISTS before between after"), Value::Int(3));
}

#[test]
fn log_lines_have_redis_form_and_levels() {
    let server = graven().option("loglevel", "debug").start().unwrap();
    let log = server.log();
    let line = log.lines().find(|line| line.contains("Ready to accept connections")).unwrap_or_else(|| panic!("{log}"));
    // pid:role date time level text
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some(format!("{}:M", server.pid()).as_str()), "{line}");
    let rest: Vec<&str> = words.collect();
    assert!(rest[0].parse::<u32>().is_ok() && rest[1].len() == 3 && rest[2].parse::<u32>().is_ok(), "{line}");
    assert!(rest[3].len() == 12 && ["*", "#", "-", "."].contains(&rest[4]), "{line}");

    let file = tempfile::NamedTempFile::new().unwrap();
    let server = graven().option("logfile", file.path().display()).start().unwrap();
    let logged = std::fs::read_to_string(file.path()).unwrap();
    assert!(logged.contains("Ready to accept connections"), "{logged}");
    drop(server);
}
