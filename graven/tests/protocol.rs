//! Bad input is an error or a closed connection, within bounded memory, never a crash; and the limits are Redis's.

use std::time::{Duration, Instant};

use graven_testkit::process::Builder;
use graven_testkit::{Client, Program, Rng, Server, Value};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

fn started() -> Server {
    graven().start().unwrap()
}

/// What the server answers to raw bytes before it closes the connection.
#[track_caller]
fn closing_error(server: &Server, bytes: &[u8]) -> String {
    let mut client = server.client();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    client.send_raw(bytes).unwrap();
    match client.read_to_end() {
        Ok(said) => String::from_utf8_lossy(&said).into_owned(),
        Err(error) => panic!("the connection stays open after {:?}: {error}", graven_testkit::value::printable(bytes)),
    }
}

#[test]
fn malformed_requests_get_redis_errors_and_a_closed_connection() {
    let server = started();
    for (request, expected) in [
        (&b"*abc\r\n"[..], "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1048577\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*99999999999999999999\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$abc\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$99999999999999999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n:5\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"),
        (b"*1\r\n\nPING\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"),
        (b"*1\r\n\rPING\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"),
        (b"SET \"unbalanced\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        let said = closing_error(&server, request);
        assert_eq!(said, expected, "{:?}", graven_testkit::value::printable(request));
    }
    assert_eq!(closing_error(&server, &vec![b'x'; 70_000]), "-ERR Protocol error: too big inline request\r\n");
    let endless_count = [b"*", &[b'1'; 70_000][..]].concat();
    assert_eq!(closing_error(&server, &endless_count), "-ERR Protocol error: too big mbulk count string\r\n");
    let endless_bulk = [b"*1\r\n$", &[b'1'; 70_000][..]].concat();
    assert_eq!(closing_error(&server, &endless_bulk), "-ERR Protocol error: too big bulk count string\r\n");
}

#[test]
fn commands_before_a_protocol_error_are_answered() {
    let server = started();
    assert_eq!(
        closing_error(&server, b"PING\r\n*1\r\n$4\r\nPING\r\n*x\r\n"),
        "+PONG\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"
    );
}

#[test]
fn inline_commands_work_as_typed() {
    let server = started();
    let mut client = server.client();
    for (line, expected) in [
        ("SET a \"x y\\x00\\n\"\r\n", Value::ok()),
        ("GET a\n", Value::bulk("x y\0\n")),
        ("  SET   b 'it\\'s'  \r\n", Value::ok()),
        ("\r\n\r\nGET b\r\n", Value::bulk("it's")),
        ("set c \"\"\r\n", Value::ok()),
        ("strlen c\r\n", Value::Int(0)),
    ] {
        client.send_raw(line.as_bytes()).unwrap();
        assert_eq!(client.reply().unwrap(), expected, "{line:?}");
    }
}

#[test]
fn empty_arrays_are_ignored() {
    let server = started();
    let mut client = server.client();
    client.send_raw(b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n").unwrap();
    assert_eq!(client.reply().unwrap(), Value::Simple(b"PONG".to_vec()));
}

#[test]
fn commands_cut_anywhere_are_understood() {
    let server = started();
    let mut client = server.client();
    let request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nb!\r\nGET k\r\n*2\r\n$6\r\nSTRLEN\r\n$1\r\nk\r\n";
    for cut in 1..request.len() {
        client.send_raw(&request[..cut]).unwrap();
        std::thread::sleep(Duration::from_micros(300));
        client.send_raw(&request[cut..]).unwrap();
        assert_eq!(client.reply().unwrap(), Value::ok(), "cut at {cut}");
        assert_eq!(client.reply().unwrap(), Value::bulk("a\r\nb!"), "cut at {cut}");
        assert_eq!(client.reply().unwrap(), Value::Int(5), "cut at {cut}");
    }
}

#[test]
fn random_bytes_never_harm_the_server() {
    let mut server = started();
    let mut rng = Rng::new(99);
    for round in 0..400 {
        let mut client = server.client();
        let _ = client.set_write_timeout(Some(Duration::from_secs(5)));
        let len = rng.below(3_000) as usize;
        let mut bytes = rng.bytes(len);
        match round % 4 {
            0 => bytes.splice(0..0, *b"*3\r\n$3\r\nSET\r\n").for_each(drop),
            1 => bytes.iter_mut().for_each(|byte| *byte = b"*$\r\n0123456789-SETGETk "[usize::from(*byte) % 23]),
            2 => bytes.splice(0..0, *b"*2\r\n$").for_each(drop),
            _ => {}
        }
        let _ = client.send_raw(&bytes);
    }
    assert!(server.is_running(), "{}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert_eq!(server.client().line("PING"), Value::Simple(b"PONG".to_vec()));
}

#[test]
fn half_a_command_costs_only_what_was_sent() {
    let server = started();
    let before = server.resident_bytes();
    let mut idle: Vec<Client> = Vec::new();
    for _ in 0..200 {
        let mut client = server.client();
        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000000\r\nonly this").unwrap();
        idle.push(client);
    }
    let mut many = server.client();
    many.send_raw(b"*1048576\r\n$1\r\na\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.client().line("PING"), Value::Simple(b"PONG".to_vec()));
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "200 announced values of 400 MB cost {} MB of memory", grown >> 20);
}

/// A client that sends and never reads stops being read itself or is dropped; either way memory is bounded.
#[test]
fn a_flood_of_commands_whose_replies_are_never_read_stays_in_bounded_memory() {
    let mut server = graven().option("client-output-buffer-limit", "normal 16mb 0 0").start().unwrap();
    let mut setup = server.client();
    assert!(setup.call(&["SET", "big", &"v".repeat(100_000)]).is_ok());
    let before = server.resident_bytes();
    let mut flood = server.client();
    flood.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let requests = b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n".repeat(1_000);
    let start = Instant::now();
    let mut peak = 0;
    while start.elapsed() < Duration::from_secs(4) {
        let sent = flood.send_raw(&requests);
        peak = peak.max(server.resident_bytes());
        if sent.is_err() {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(200));
    peak = peak.max(server.resident_bytes());
    let grown = peak.saturating_sub(before);
    assert!(grown < 300 << 20, "the flood cost {} MB", grown >> 20);
    assert_eq!(server.client().line("PING"), Value::Simple(b"PONG".to_vec()));
    assert!(server.is_running());
}

/// Small replies, the default limit (none for normal clients): the flood is still not let in without bound.
#[test]
fn a_flood_of_pings_never_read_stays_in_bounded_memory() {
    let server = started();
    let before = server.resident_bytes();
    let mut flood = server.client();
    flood.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let requests = b"PING\r\n".repeat(20_000);
    for _ in 0..400 {
        if flood.send_raw(&requests).is_err() {
            break;
        }
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 200 << 20, "48 MB of requests cost {} MB", grown >> 20);
}

#[test]
fn the_query_buffer_limit_closes_the_connection() {
    let server = graven().option("client-query-buffer-limit", "1mb").start().unwrap();
    let mut client = server.client();
    let _ = client.send_raw(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n");
    for _ in 0..40 {
        if client.send_raw(&[b'x'; 100_000]).is_err() {
            break;
        }
    }
    assert!(client.closes_within(Duration::from_secs(5)));
    assert_eq!(server.client().line("PING"), Value::Simple(b"PONG".to_vec()));
}

#[test]
fn a_transaction_queued_without_end_counts_as_a_query_buffer() {
    let server = graven().option("client-query-buffer-limit", "1mb").start().unwrap();
    let mut client = server.client();
    let value = vec![b'v'; 100_000];
    client.line("MULTI");
    for _ in 0..8 {
        assert_eq!(client.call(&[&b"SET"[..], b"k", &value]), Value::Simple(b"QUEUED".to_vec()));
    }
    for _ in 0..8 {
        let mut command = Vec::new();
        graven_testkit::client::encode(&mut command, &[&b"SET"[..], b"k", &value]);
        let _ = client.send_raw(&command);
    }
    assert!(client.closes_within(Duration::from_secs(5)));
    assert_eq!(server.client().line("GET k"), Value::NullBulk);
}

#[test]
fn a_value_up_to_proto_max_bulk_len_is_taken_and_no_longer_one() {
    let server = graven().option("proto-max-bulk-len", "1mb").start().unwrap();
    let mut client = server.client();
    let largest = vec![b'v'; 1 << 20];
    assert!(client.call(&[&b"SET"[..], b"k", &largest]).is_ok());
    assert_eq!(client.line("GET k"), Value::Bulk(largest));
    assert_eq!(client.call(&["APPEND", "k", "x"]).error_text().unwrap(), "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    assert_eq!(closing_error(&server, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
}

#[test]
fn large_values_come_back_whole() {
    let server = started();
    let mut client = server.client();
    for size in [16 * 1024, 64 * 1024 + 1, 1 << 20, 40 << 20] {
        let value = Rng::new(size as u64).bytes(size);
        assert!(client.call(&[&b"SET"[..], b"k", &value]).is_ok());
        assert!(client.line("GET k") == Value::Bulk(value), "{size} bytes");
    }
}

#[test]
fn a_long_pipeline_is_answered_in_order() {
    let server = started();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (0..50_000).map(|n| vec!["ECHO".to_owned(), n.to_string()]).collect();
    let mut bytes = Vec::new();
    commands.iter().for_each(|command| graven_testkit::client::encode(&mut bytes, command));
    client.send_raw(&bytes).unwrap();
    for n in 0..50_000 {
        assert_eq!(client.reply().unwrap(), Value::bulk(n.to_string()));
    }
}

#[test]
fn a_command_of_a_million_arguments_is_taken() {
    let server = started();
    let mut client = server.client();
    let mut args = vec!["DEL".to_owned()];
    args.extend((0..1_000_000).map(|n| format!("k{n}")));
    assert_eq!(client.call(&args), Value::Int(0));
}

#[test]
fn an_unauthenticated_client_gets_small_limits() {
    let server = graven().option("requirepass", "secret").password("secret").start().unwrap();
    assert_eq!(closing_error(&server, b"*11\r\n$4\r\nPING\r\n"), "-ERR Protocol error: unauthenticated multibulk length\r\n");
    assert_eq!(closing_error(&server, b"*2\r\n$4\r\nAUTH\r\n$16385\r\n"), "-ERR Protocol error: unauthenticated bulk length\r\n");
}

#[test]
fn http_requests_are_not_obeyed() {
    let server = started();
    let mut client = server.client();
    client.send_raw(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n").unwrap();
    assert!(client.closes_within(Duration::from_secs(5)));
    assert_eq!(server.client().line("EXISTS a"), Value::Int(0));
    assert!(server.log().contains("Possible SECURITY ATTACK detected"), "{}", server.log());
}

#[test]
fn unix_sockets_and_ipv6_serve_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("graven.sock");
    let server = graven().option("unixsocket", path.display()).without_tcp().start().unwrap();
    assert!(server.client().line("SET a 1").is_ok());
    assert_eq!(Client::unix(&path).unwrap().line("GET a"), Value::bulk("1"));

    if std::net::TcpListener::bind("[::1]:0").is_err() {
        graven_testkit::skipped("no IPv6 on this machine");
        return;
    }
    let server = graven().option("bind", "127.0.0.1 ::1").start().unwrap();
    assert!(server.client().line("SET a 1").is_ok());
    assert_eq!(Client::tcp_at("::1", server.port()).unwrap().line("GET a"), Value::bulk("1"));
}

#[test]
fn a_start_that_is_refused_leaves_the_running_server_its_socket_and_pid_file() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, pid) = (dir.path().join("graven.sock"), dir.path().join("graven.pid"));
    let named_pid = || std::fs::read_to_string(&pid).unwrap_or_default().trim().to_owned();
    let same = || graven().option("unixsocket", socket.display()).option("pidfile", pid.display()).without_tcp();
    let mut server = same().start().unwrap();
    let own_pid = server.pid().to_string();
    assert_eq!(named_pid(), own_pid);

    let within = Duration::from_secs(20);
    let mut second = same().prepare().unwrap();
    assert!(!second.run_to_exit(within).unwrap().success());
    assert!(second.log().contains("a server that runs answers there. Stop it, or give this one another 'unixsocket'"), "{}", second.log());
    let other_port = Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("pidfile", pid.display());
    let mut third = other_port.data(server.data()).prepare().unwrap();
    assert!(!third.run_to_exit(within).unwrap().success());
    assert!(third.log().contains("in use by process"), "{}", third.log());
    assert_eq!(Client::unix(&socket).unwrap().line("SET a 1"), Value::ok());
    assert_eq!(named_pid(), own_pid);

    server.kill9();
    assert!(socket.exists(), "a dead server's socket");
    server.start().unwrap();
    assert_eq!(server.client().line("GET a"), Value::bulk("1"));
    assert_eq!(named_pid(), server.pid().to_string());
    std::fs::write(&pid, "1\n").unwrap();
    server.stop().unwrap();
    assert_eq!(named_pid(), "1", "another process's pid file");
}

#[test]
fn hello_switches_the_protocol_and_reset_switches_back() {
    let server = started();
    let mut client = server.client();
    assert_eq!(client.line("GET nosuch"), Value::NullBulk);
    let hello = client.line("HELLO 3");
    assert_eq!(hello.get("proto"), Some(Value::Int(3)));
    assert_eq!(hello.get("mode"), Some(Value::bulk("standalone")));
    assert_eq!(hello.get("role"), Some(Value::bulk("master")));
    assert_eq!(client.line("GET nosuch"), Value::Null);
    assert!(matches!(client.line("CONFIG GET maxmemory"), Value::Map(_)));
    assert_eq!(client.line("RESET"), Value::Simple(b"RESET".to_vec()));
    assert_eq!(client.line("GET nosuch"), Value::NullBulk);
    assert_eq!(client.line("HELLO 9").error_text().unwrap(), "NOPROTO unsupported protocol version");
}
