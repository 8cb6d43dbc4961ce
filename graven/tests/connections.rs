//! Connections that end early, wait, stall or crowd: each gets what it is owed, and leaves nothing behind.
//!
//! What must arrive together is sent while another client keeps the server busy with `DEBUG SLEEP`: the loop then finds
//! it all in one turn.

use std::collections::{HashSet, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use graven_testkit::process::Builder;
use graven_testkit::{Client, DiskFaults, Program, Server, Value, client};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("enable-debug-command", "yes")
}

/// A connection that can be closed on one side only, and read as slowly as one likes.
fn socket(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

/// What the server sends until it closes the connection in an orderly way.
#[track_caller]
fn until_the_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => panic!("{error} instead of the end, after {:?}", String::from_utf8_lossy(&bytes)),
    }
}

/// The system takes fewer seconds than the parameter.
#[test]
fn the_longest_keepalive_locks_nobody_out() {
    let server = graven().option("tcp-keepalive", i32::MAX).start().unwrap();
    assert_eq!(server.client().line("PING").text(), "PONG");
    assert!(server.client().line("CONFIG SET tcp-keepalive 32768").is_ok());
    assert_eq!(server.client().line("PING").text(), "PONG");
}

/// Does `meanwhile` while the server executes a command that takes 0.3 s.
fn while_the_server_sleeps(server: &Server, meanwhile: impl FnOnce()) {
    let mut sleeper = server.client();
    sleeper.send(&["DEBUG", "SLEEP", "0.3"]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    meanwhile();
    assert!(sleeper.reply().unwrap().is_ok());
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(8), "not within eight seconds: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn field(server: &Server, name: &str) -> u64 {
    server.info_field("clients", name).parse().unwrap()
}

/// Waits until nobody is connected but those that the test holds.
#[track_caller]
fn only_these_are_connected(server: &Server, held: u64) {
    let asking = 1;
    eventually(&format!("{held} connections"), || field(server, "connected_clients") == held + asking);
}

#[test]
fn a_client_that_sends_and_closes_its_side_at_once_gets_its_replies_and_then_the_end() {
    let server = graven().start().unwrap();
    let (mut one, mut many) = (socket(&server), socket(&server));
    while_the_server_sleeps(&server, || {
        one.write_all(b"PING\r\n").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        many.write_all(&b"PING\r\n".repeat(20_000)).unwrap();
        many.shutdown(Shutdown::Write).unwrap();
    });
    assert_eq!(until_the_end(&mut one), "+PONG\r\n");
    let pongs = until_the_end(&mut many);
    assert_eq!(pongs.len(), 20_000 * "+PONG\r\n".len(), "it ends with {:?}", &pongs[pongs.len().saturating_sub(20)..]);
    only_these_are_connected(&server, 0);
}

/// The reply is held for the disk; that its client sends no more must not cost it.
#[test]
fn a_write_before_the_end_is_acknowledged_under_always_before_the_connection_closes() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    faults.sync_delay(Duration::from_millis(300));
    let mut stream = socket(&server);
    stream.write_all(b"SET a 1\r\nGET a\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(until_the_end(&mut stream), "+OK\r\n$1\r\n1\r\n");
    only_these_are_connected(&server, 0);
}

#[test]
fn clients_that_close_in_the_middle_of_a_command_do_not_stay() {
    let server = graven().start().unwrap();
    while_the_server_sleeps(&server, || {
        for n in 0..20 {
            let mut stream = socket(&server);
            let half: &[u8] = if n % 2 == 0 { b"*2\r\n$4\r\nECHO\r\n$100\r\nhalf" } else { b"ECHO hal" };
            stream.write_all(half).unwrap();
        }
    });
    only_these_are_connected(&server, 0);
    // And those that the server has had time to read.
    for _ in 0..20 {
        socket(&server).write_all(b"*2\r\n$4\r\nECHO\r\n").unwrap();
    }
    only_these_are_connected(&server, 0);
}

#[test]
fn clients_blocked_in_wait_that_send_more_and_close_are_gone() {
    let server = graven().start().unwrap();
    let mut waiting: Vec<TcpStream> = (0..10).map(|_| socket(&server)).collect();
    for stream in &mut waiting {
        stream.write_all(b"WAIT 1 0\r\n").unwrap();
    }
    eventually("ten blocked clients", || field(&server, "blocked_clients") == 10);
    for stream in &mut waiting {
        stream.write_all(b"PING\r\n").unwrap();
    }
    // Some close when the server knows of the PING, some together with it.
    std::thread::sleep(Duration::from_millis(50));
    waiting.truncate(5);
    eventually("five blocked clients", || field(&server, "blocked_clients") == 5);
    while_the_server_sleeps(&server, || {
        for mut stream in waiting.drain(..) {
            stream.write_all(b"PING\r\n").unwrap();
        }
    });
    eventually("no blocked clients", || field(&server, "blocked_clients") == 0);
    only_these_are_connected(&server, 0);
}

#[test]
fn paused_clients_that_send_more_and_close_are_gone() {
    let server = graven().start().unwrap();
    let mut admin = server.client();
    assert!(admin.line("CLIENT PAUSE 60000 WRITE").is_ok());
    let mut paused: Vec<TcpStream> = (0..10).map(|_| socket(&server)).collect();
    for stream in &mut paused {
        stream.write_all(b"SET a 1\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(field(&server, "connected_clients"), 12);
    for stream in &mut paused {
        stream.write_all(b"PING\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    drop(paused);
    only_these_are_connected(&server, 1);
    assert_eq!(field(&server, "blocked_clients"), 0);
    assert!(admin.line("CLIENT UNPAUSE").is_ok());
    assert_eq!(admin.line("EXISTS a"), Value::Int(0));
}

#[test]
fn a_reply_past_the_output_limit_is_not_made_to_its_end() {
    let server = graven().option("client-output-buffer-limit", "normal 8mb 0 0").start().unwrap();
    assert!(server.client().call(&["SET", "big", &"v".repeat(1 << 20)]).is_ok());
    let before = server.resident_bytes();
    let mut reader = server.client();
    reader.send(&[&["MGET"], &["big"; 400][..]].concat()).unwrap();
    assert!(reader.closes_within(Duration::from_secs(10)));
    let mut reader = server.client();
    assert!(reader.line("MULTI").is_ok());
    (0..400).for_each(|_| assert_eq!(reader.line("GET big").text(), "QUEUED"));
    assert_eq!(reader.line("INCR executed").text(), "QUEUED");
    reader.send(&["EXEC"]).unwrap();
    assert!(reader.closes_within(Duration::from_secs(10)));
    let grown = server.peak_resident_bytes().saturating_sub(before) >> 20;
    assert!(grown < 100, "memory grew by {grown} MB");
    assert_eq!(server.info_field("stats", "client_output_buffer_limit_disconnections"), "2");
    assert_eq!(server.client().line("GET executed"), Value::bulk("1"));
}

/// A disk whose fsyncs take long, and the server knows it: they are not made by the thread that serves clients.
fn slow_disk(options: Builder) -> (DiskFaults, Server) {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(options).start().unwrap();
    faults.sync_delay(Duration::from_millis(50));
    let mut writers = [server.client(), server.client(), server.client()];
    for _ in 0..3 {
        writers.iter_mut().for_each(|writer| writer.send(&["SET", "warm", "1"]).unwrap());
        writers.iter_mut().for_each(|writer| assert!(writer.reply().unwrap().is_ok()));
    }
    (faults, server)
}

/// Writes until the server takes no more, since too much is not durable. The connection must be kept.
fn fill(server: &Server) -> TcpStream {
    let mut stream = socket(server);
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut write = Vec::new();
    client::encode(&mut write, &[&b"SET"[..], b"big", &vec![b'v'; 1 << 20]]);
    assert!((0..1_000).any(|_| stream.write_all(&write).is_err()), "a gigabyte was taken");
    stream
}

#[test]
fn a_half_closed_client_gets_the_replies_that_are_held() {
    let (faults, server) = slow_disk(graven().option("appendfsync", "always"));
    faults.sync_delay(Duration::from_millis(400));
    for _ in 0..3 {
        let mut stream = socket(&server);
        stream.write_all(b"SET a 1\r\nGET a\r\nECHO hal").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(until_the_end(&mut stream), "+OK\r\n$1\r\n1\r\n");
        // One that is gone altogether does not stay when its replies may leave.
        socket(&server).write_all(b"SET a 1\r\n").unwrap();
    }
    only_these_are_connected(&server, 0);
}

#[test]
fn clients_with_a_single_write_do_not_get_past_the_bound_on_what_is_not_durable() {
    let (faults, server) = slow_disk(graven().option("appendfsync", "always"));
    faults.sync_delay(Duration::from_secs(6));
    let filling = fill(&server);
    let length = || server.info_field("persistence", "aof_buffer_length").parse::<u64>().unwrap();
    let before = length();
    let mut late: Vec<Client> = (0..30).map(|_| server.client()).collect();
    let value = "v".repeat(1 << 20);
    for client in &mut late {
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client.send(&["SET", "late", &value]).unwrap();
    }
    // Also as a transaction; one that only reads does not wait.
    for command in ["MULTI", "SET late x", "EXEC"] {
        late[0].send_raw(format!("{command}\r\n").as_bytes()).unwrap();
    }
    let mut reader = server.client();
    assert_eq!(reader.line("GET warm"), Value::bulk("1"));
    let grown = length().saturating_sub(before) >> 20;
    assert!(grown < 4, "{grown} MB more are in the log's buffers");
    faults.repair();
    drop(filling);
    for client in &mut late {
        assert!(client.reply().unwrap().is_ok());
    }
    for expected in ["OK", "QUEUED"] {
        assert_eq!(late[0].reply().unwrap().text(), expected);
    }
    assert!(matches!(late[0].reply().unwrap(), Value::Array(replies) if replies[0].is_ok()));
}

#[test]
fn clients_that_hang_up_while_the_disk_is_behind_do_not_keep_others_out() {
    let (faults, server) = slow_disk(graven().option("appendfsync", "everysec").option("maxclients", "30"));
    let mut idle: Vec<Client> = (0..5).map(|_| server.client()).collect();
    idle.iter_mut().for_each(|client| assert!(client.line("SET a 1").is_ok()));
    faults.sync_delay(Duration::from_secs(8));
    let filling = fill(&server);
    // Those who wait for nothing are gone at once.
    assert_eq!(field(&server, "connected_clients"), 7);
    drop(idle);
    only_these_are_connected(&server, 1);
    // Those whose writes wait stay while there is room.
    for n in 0..60 {
        let mut stream = socket(&server);
        stream.write_all(format!("SET n{n} 1\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut reader = server.client();
    assert_eq!(reader.line("GET warm"), Value::bulk("1"));
    assert_eq!(server.info_field("stats", "rejected_connections"), "0");
    faults.repair();
    drop(filling);
    eventually("the last write", || server.client().line("EXISTS n59") == Value::Int(1));
    only_these_are_connected(&server, 1);
}

/// What is not durable is kept in memory, so its bound must hold whatever a client puts between its writes.
#[test]
fn reads_between_writes_do_not_get_a_client_past_the_bound_on_what_is_not_durable() {
    const PAIRS: usize = 1_000;
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    // The server is to know that this disk is slow: a first slow fsync may hold up everything.
    faults.sync_delay(Duration::from_millis(50));
    (0..3).for_each(|_| assert!(server.client().line("SET big small").is_ok()));
    let before = server.resident_bytes();
    faults.sync_delay(Duration::from_secs(4));
    let mut pair = Vec::new();
    client::encode(&mut pair, &[&b"SET"[..], b"big", &vec![b'v'; 1 << 20]]);
    client::encode(&mut pair, &["PING"]);
    let mut stream = socket(&server);
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let start = Instant::now();
    let (mut sent, mut peak) = (0, 0);
    // Until the server reads no more, or an fsync is over.
    while sent < PAIRS && start.elapsed() < Duration::from_secs(3) && stream.write_all(&pair).is_ok() {
        sent += 1;
        peak = peak.max(server.resident_bytes());
    }
    peak = peak.max(server.resident_bytes());
    let grown = peak.saturating_sub(before) >> 20;
    assert!(sent > 50, "only {sent} writes of a megabyte were taken");
    assert!(grown < 300, "memory grew by {grown} MB while {sent} MB were sent");
}

#[test]
fn everyone_who_asks_for_a_reload_in_one_turn_is_answered() {
    let server = graven().start().unwrap();
    let mut asking = [server.client(), server.client()];
    assert!(asking[0].line("SET a 1").is_ok());
    while_the_server_sleeps(&server, || asking.iter_mut().for_each(|client| client.send(&["DEBUG", "LOADAOF"]).unwrap()));
    for client in &mut asking {
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert!(client.reply().expect("each DEBUG LOADAOF is answered").is_ok());
        assert_eq!(client.line("GET a"), Value::bulk("1"));
    }
    assert_eq!(field(&server, "blocked_clients"), 0);
}

/// Each of them has an error for its `SHUTDOWN`, and goes on.
#[track_caller]
fn refused_and_going_on(asking: &mut [Client]) {
    for (n, client) in asking.iter_mut().enumerate() {
        client.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        let reply = client.reply().unwrap_or_else(|error| panic!("SHUTDOWN of client {n}: {error}"));
        assert!(reply.error_text().is_some_and(|text| text.starts_with("ERR ")), "SHUTDOWN of client {n}: {reply:?}");
        assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()), "client {n}");
    }
}

#[test]
fn a_shutdown_whose_snapshot_fails_tells_everyone_who_asked() {
    let mut server = graven().start().unwrap();
    // A file cannot take the place of a directory; permissions would not stop a test that runs as root.
    std::fs::create_dir_all(server.data().join("dump.rdb/occupied")).unwrap();
    let mut asking: Vec<Client> = (0..3).map(|_| server.client()).collect();
    while_the_server_sleeps(&server, || asking.iter_mut().for_each(|client| client.send(&["SHUTDOWN", "SAVE"]).unwrap()));
    refused_and_going_on(&mut asking);
    assert!(server.is_running());
    assert_eq!(field(&server, "blocked_clients"), 0);
    std::fs::remove_dir_all(server.data().join("dump.rdb")).unwrap();
    asking[0].send(&["SHUTDOWN", "SAVE"]).unwrap();
    assert!(server.wait_exit(Duration::from_secs(8)).unwrap().success());
}

#[test]
fn a_client_whose_shutdown_another_aborts_gets_an_error_and_goes_on() {
    let mut server = graven().start().unwrap();
    let mut asking: Vec<Client> = (0..2).map(|_| server.client()).collect();
    let mut aborting = server.client();
    while_the_server_sleeps(&server, || {
        asking.iter_mut().for_each(|client| client.send(&["SHUTDOWN", "NOSAVE"]).unwrap());
        aborting.send(&["SHUTDOWN", "ABORT"]).unwrap();
    });
    assert!(aborting.reply().unwrap().is_ok());
    refused_and_going_on(&mut asking);
    assert!(server.is_running());
    assert_eq!(field(&server, "blocked_clients"), 0);
}

#[test]
fn a_slow_but_steady_reader_outlives_the_timeout_and_an_idle_client_does_not() {
    const BYTES: usize = 60 << 20;
    let server = graven().option("timeout", 1).start().unwrap();
    let last = (BYTES - 1).to_string();
    assert_eq!(server.client().call(&["SETRANGE", "big", &last, "x"]), Value::Int(BYTES as i64));
    let mut idle = server.client();
    idle.line("PING");
    let mut stream = socket(&server);
    stream.write_all(b"GET big\r\n").unwrap();
    let start = Instant::now();
    let expected = format!("${BYTES}\r\n").len() + BYTES + 2;
    let mut piece = vec![0; 2 << 20];
    let mut read = 0;
    while read < expected {
        let room = piece.len().min(expected - read);
        if let Err(error) = stream.read_exact(&mut piece[..room]) {
            panic!("{error} after {read} of {expected} bytes and {:?}; the log:\n{}", start.elapsed(), server.log());
        }
        read += room;
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(start.elapsed() > Duration::from_millis(2_500), "it was read too fast to tell: {:?}", start.elapsed());
    assert!(piece[..(expected - 1) % piece.len() + 1].ends_with(b"x\r\n"));
    assert!(idle.closes_within(Duration::from_secs(3)), "an idle client is still connected after {:?}", start.elapsed());
    // Its reply taken, the reader is as idle as the other.
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(until_the_end(&mut stream), "");
}

#[test]
fn a_silenced_wait_is_silent() {
    let server = graven().start().unwrap();
    for (commands, expected) in [
        ("CLIENT REPLY OFF\r\nWAIT 1 50\r\nCLIENT REPLY ON\r\nECHO x\r\n", "+OK\r\n$1\r\nx\r\n"),
        ("CLIENT REPLY SKIP\r\nWAIT 1 50\r\nECHO x\r\n", "$1\r\nx\r\n"),
        ("CLIENT REPLY OFF\r\nWAITAOF 0 1 50\r\nCLIENT REPLY ON\r\nECHO x\r\n", "+OK\r\n$1\r\nx\r\n"),
        ("CLIENT REPLY SKIP\r\nWAITAOF 0 1 50\r\nECHO x\r\n", "$1\r\nx\r\n"),
    ] {
        let mut stream = socket(&server);
        stream.write_all(commands.as_bytes()).unwrap();
        stream.write_all(b"QUIT\r\n").unwrap();
        assert_eq!(until_the_end(&mut stream), format!("{expected}+OK\r\n"), "{commands}");
    }
}

#[test]
fn a_timeout_beyond_the_end_of_time_is_refused() {
    let server = graven().start().unwrap();
    let mut client = server.client();
    for line in [
        "CLIENT PAUSE 9223372036854775807",
        "CLIENT PAUSE 9223372036854775807 WRITE",
        "WAIT 1 9223372036854775807",
        "WAITAOF 0 1 9223372036854775807",
        "XREAD BLOCK 9223372036854775807 STREAMS s 0",
        "BLPOP k 9223372036854775",
        "BLPOP k inf",
        "BLPOP k 1e400",
        "BLMOVE k l LEFT LEFT 1e4932",
    ] {
        assert_eq!(client.line(line), Value::error("ERR timeout is out of range"), "{line}");
    }
    for line in ["CLIENT PAUSE -1", "WAIT 1 -1", "BLPOP k -1", "BLPOP k -inf", "BLPOP k -1e400"] {
        assert_eq!(client.line(line), Value::error("ERR timeout is negative"), "{line}");
    }
    for line in ["BLPOP k 1e5000", "BLPOP k nan", "BLPOP k x"] {
        assert_eq!(client.line(line), Value::error("ERR timeout is not a float or out of range"), "{line}");
    }
    assert!(client.line("BLPOP k 1e-400").is_null());
    assert!(client.line("SET a 1").is_ok());
}

#[test]
fn a_pause_is_neither_shortened_nor_weakened_by_another() {
    let server = graven().start().unwrap();
    let (mut admin, mut client) = (server.client(), server.client());
    let start = Instant::now();
    admin.line("CLIENT PAUSE 500 WRITE");
    admin.line("CLIENT PAUSE 1 WRITE");
    assert!(client.line("SET a 1").is_ok());
    assert!(start.elapsed() > Duration::from_millis(450), "{:?}", start.elapsed());
    let start = Instant::now();
    for line in ["MULTI", "CLIENT PAUSE 500 ALL", "CLIENT PAUSE 1 WRITE", "EXEC"] {
        admin.line(line);
    }
    assert_eq!(client.line("GET a"), Value::bulk("1"));
    assert!(start.elapsed() > Duration::from_millis(450), "{:?}", start.elapsed());
}

#[test]
fn a_monitor_does_not_slow_writers_on_a_slow_disk() {
    const WRITES: usize = 2_000;
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    let mut monitor = server.client();
    assert!(monitor.line("MONITOR").is_ok());
    faults.sync_delay(Duration::from_millis(300));
    let mut writer = server.client();
    let writes: Vec<Vec<String>> = (0..WRITES).map(|n| vec!["SET".to_owned(), format!("k{n}"), n.to_string()]).collect();
    let before = faults.syncs();
    let replies = writer.pipeline(&writes).unwrap();
    let syncs = faults.syncs() - before;
    assert!(replies.iter().all(Value::is_ok));
    assert!((1..50).contains(&syncs), "{syncs} fsyncs for {WRITES} pipelined writes while they were monitored");
    for n in 0..WRITES {
        let line = monitor.reply().unwrap().text();
        assert!(line.ends_with(&format!("\"SET\" \"k{n}\" \"{n}\"")), "line {n}: {line}");
    }
}

#[test]
fn a_monitor_is_limited_as_a_normal_client() {
    let closed_by = |name: &str, value: &str| {
        let server = graven().option(name, value).start().unwrap();
        let mut monitor = server.client();
        assert!(monitor.line("MONITOR").is_ok());
        // More than the sockets between take.
        let long = "x".repeat(1 << 20);
        for _ in 0..20 {
            assert_eq!(server.client().call(&["ECHO", &long]).text().len(), long.len());
        }
        let clients = server.client().line("CLIENT LIST").text();
        assert_eq!(clients.contains("flags=O"), server.info_field("memory", "mem_clients_normal").parse::<u64>().unwrap() > 10 << 20);
        assert_eq!(server.info_field("memory", "mem_clients_slaves"), "0");
        let stats = server.info("stats");
        let count = |name: &str| stats[name].parse::<u64>().unwrap();
        (!clients.contains("flags=O"), count("client_output_buffer_limit_disconnections"), count("evicted_clients"))
    };
    assert_eq!(closed_by("client-output-buffer-limit", "replica 1mb 0 0"), (false, 0, 0));
    assert_eq!(closed_by("client-output-buffer-limit", "normal 8mb 0 0"), (true, 1, 0));
    assert_eq!(closed_by("maxmemory-clients", "8mb"), (true, 0, 1));
}

#[test]
fn reset_ends_a_watch_with_monitor() {
    let server = graven().start().unwrap();
    let mut other = server.client();
    let mut monitor = socket(&server);
    monitor.write_all(b"MONITOR\r\n").unwrap();
    let mut ok = [0; 5];
    monitor.read_exact(&mut ok).unwrap();
    assert_eq!(&ok, b"+OK\r\n");
    // RESET and commands of others in one turn.
    while_the_server_sleeps(&server, || {
        monitor.write_all(b"RESET\r\n").unwrap();
        other.send(&["ECHO", "unseen"]).unwrap();
    });
    assert_eq!(other.reply().unwrap(), Value::bulk("unseen"));
    // And in turns of their own.
    for _ in 0..3 {
        other.line("ECHO unseen");
    }
    monitor.write_all(b"ECHO done\r\nQUIT\r\n").unwrap();
    let seen = until_the_end(&mut monitor);
    assert!(seen.ends_with("+RESET\r\n$4\r\ndone\r\n+OK\r\n") && !seen.contains("unseen"), "{seen}");

    let mut both = socket(&server);
    both.write_all(b"MONITOR\r\nRESET\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    other.line("ECHO unseen");
    both.write_all(b"QUIT\r\n").unwrap();
    assert_eq!(until_the_end(&mut both), "+OK\r\n+RESET\r\n+OK\r\n");
}

#[test]
fn a_protocol_error_without_replies_is_silent_and_closes() {
    let server = graven().start().unwrap();
    let mut heard = socket(&server);
    heard.write_all(b"*1\r\n!x\r\n").unwrap();
    assert_eq!(until_the_end(&mut heard), "-ERR Protocol error: expected '$', got '!'\r\n");
    for at_once in [true, false] {
        let mut silent = socket(&server);
        silent.write_all(b"CLIENT REPLY OFF\r\n").unwrap();
        if !at_once {
            std::thread::sleep(Duration::from_millis(50));
        }
        silent.write_all(b"*1\r\n!x\r\n").unwrap();
        assert_eq!(until_the_end(&mut silent), "");
    }
    only_these_are_connected(&server, 0);
}

/// The limit is lowered while the server runs: at its start it would adapt `maxclients` to it, and refuse instead.
#[test]
fn clients_beyond_the_file_limit_are_served_as_others_leave() {
    const PLACES: usize = 8;
    let server = graven().start().unwrap();
    let pid = Pid::from_raw(server.pid() as i32).unwrap();
    only_these_are_connected(&server, 0);
    std::thread::sleep(Duration::from_millis(50));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let open: HashSet<u64> = open.map(|entry| entry.unwrap().file_name().to_string_lossy().parse().unwrap()).collect();
    // A new descriptor has the lowest number that is free, and one below the limit.
    let last = (0..).filter(|number| !open.contains(number)).nth(PLACES - 1);
    let limit = last.map(|last| last + 1);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();

    let mut waiting: VecDeque<TcpStream> = (0..30).map(|_| socket(&server)).collect();
    for stream in &mut waiting {
        stream.write_all(b"PING\r\n").unwrap();
        stream.set_nonblocking(true).unwrap();
    }
    let pong = |stream: &mut TcpStream| match stream.read(&mut [0; 16]) {
        Ok(count) => {
            assert_eq!(count, "+PONG\r\n".len(), "a client that waited was not served but closed");
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("a client that waited was not served: {error}"),
    };
    let cpu = server.cpu_seconds();
    std::thread::sleep(Duration::from_millis(700));
    let spent = server.cpu_seconds() - cpu;
    assert!(spent < 0.3, "the server spent {spent} s on waiting for a free descriptor");
    let mut served = Vec::new();
    while waiting.front_mut().is_some_and(pong) {
        served.extend(waiting.pop_front());
    }
    assert_eq!(served.len(), PLACES, "clients served at once");
    for mut stream in waiting {
        served.pop();
        eventually("one that waited is served when one leaves", || pong(&mut stream));
        served.push(stream);
    }
}
