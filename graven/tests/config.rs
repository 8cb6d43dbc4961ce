//! Configuration: every form Redis takes, and a sentence with file, line and reason for every mistake.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use graven_testkit::process::{Builder, crashed};
use graven_testkit::{Client, Program, Server, Value};

fn program() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

fn graven() -> Builder {
    Server::builder(&program())
}

fn get(server: &Server, name: &str) -> String {
    server.client().call(&["CONFIG", "GET", name]).get(name).map(|value| value.text()).unwrap_or_default()
}

#[track_caller]
fn refused(builder: Builder) -> String {
    let mut server = builder.prepare().unwrap();
    let status = server.run_to_exit(Duration::from_secs(20)).unwrap();
    let log = server.log();
    assert!(!status.success() && !crashed(status) && !log.contains("panicked"), "{status}: {log}");
    log
}

#[test]
fn a_mistake_in_the_file_is_named_with_file_line_and_reason() {
    for (line, reason) in [
        ("nosuchdirective 1", "Bad directive or wrong number of arguments"),
        ("timeout", "wrong number of arguments"),
        ("timeout abc", "argument couldn't be parsed into an integer"),
        ("timeout -1", "argument must be between 0 and 2147483647 inclusive"),
        ("appendfsync sometimes", "argument(s) must be one of the following"),
        ("appendonly maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory 5 apples", "wrong number of arguments"),
        ("maxmemory many", "argument must be a memory value"),
        ("client-output-buffer-limit normal 1 2", "wrong number of arguments"),
        ("rename-command NOSUCHCOMMAND x", "No such command in rename-command"),
        ("appenddirname a/b", "appenddirname can't be a path"),
        ("requirepass \"unbalanced", "Unbalanced quotes"),
    ] {
        let said = refused(graven().config("# a comment").config("timeout 0").config(line));
        assert!(said.contains("FATAL CONFIG FILE ERROR"), "{line}: {said}");
        assert!(said.contains("at line 3"), "{line}: {said}");
        assert!(said.contains(line), "the line itself is not shown: {said}");
        assert!(said.to_lowercase().contains(&reason.to_lowercase()), "{line}: {said}");
    }
    let said = refused(graven().option("nosuchoption", "1"));
    assert!(said.contains("nosuchoption"), "{said}");
}

#[test]
fn memory_values_are_read_as_redis_reads_them() {
    let servers = [Server::builder(&Program::redis()), graven()].map(|server| server.start().unwrap());
    for word in ["", "k", "kb", "b", "-", "-1", "+5", " 5", "5q", "0x10", "1.5", "1gb", "5K", "1Mb", "9223372036854775807"] {
        let [expected, seen] = servers.each_ref().map(|server| {
            let mut client = server.client();
            (client.call(&["CONFIG", "SET", "maxmemory", word]), client.line("CONFIG GET maxmemory"))
        });
        assert_eq!(seen, expected, "{word:?}; right is what redis-server says");
    }
}

#[test]
fn the_file_that_is_wrong_is_named() {
    let mut server = graven().config("nosuchdirective 1").prepare().unwrap();
    server.run_to_exit(Duration::from_secs(20)).unwrap();
    let name = server.config_path().display().to_string();
    if !program().is_redis() {
        assert!(server.log().contains(&name), "{}", server.log());
    }
    let output = Command::new(program().path())
        .args(if program().is_redis() { &[][..] } else { &["server"] })
        .arg("/nosuch/file.conf")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("/nosuch/file.conf"), "{said}");
}

#[test]
fn the_command_line_overrides_the_file() {
    let server = graven()
        .config("timeout 111")
        .config("maxclients 500")
        .config("slowlog-max-len 77")
        .option("timeout", 222)
        .option("maxmemory", "10mb")
        .start()
        .unwrap();
    assert_eq!(get(&server, "timeout"), "222");
    assert_eq!(get(&server, "maxclients"), "500");
    assert_eq!(get(&server, "slowlog-max-len"), "77");
    assert_eq!(get(&server, "maxmemory"), "10485760");
}

#[test]
fn files_are_included_and_globs_expanded() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("one.conf"), "timeout 33\n").unwrap();
    fs::write(dir.path().join("two.conf"), "slowlog-max-len 44\n").unwrap();
    let server = graven().config(&format!("include {}/*.conf", dir.path().display())).start().unwrap();
    assert_eq!(get(&server, "timeout"), "33");
    assert_eq!(get(&server, "slowlog-max-len"), "44");
}

#[test]
fn standard_input_is_a_configuration_file() {
    let dir = tempfile::tempdir().unwrap();
    let port = graven_testkit::ports::free_port();
    let program = program();
    let mut command = Command::new(program.path());
    command.args(if program.is_redis() { &[][..] } else { &["server"] });
    let mut child = command.arg("-").arg("--dir").arg(dir.path()).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("port {port}\ntimeout 55\nsave \"\"\n").as_bytes()).unwrap();
    let mut answer = None;
    for _ in 0..500 {
        if let Ok(mut client) = Client::tcp(port) {
            answer = client.cmd(&["CONFIG", "GET", "timeout"]).ok();
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer.and_then(|reply| reply.get("timeout")), Some(Value::bulk("55")));
}

#[test]
fn defaults_are_those_of_redis_but_for_appendonly() {
    let server = Server::builder(&program()).start().unwrap();
    for (name, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("appendfilename", "appendonly.aof"),
        ("appenddirname", "appendonlydir"),
        ("no-appendfsync-on-rewrite", "no"),
        ("aof-load-truncated", "yes"),
        ("aof-use-rdb-preamble", "yes"),
        ("aof-timestamp-enabled", "no"),
        ("auto-aof-rewrite-percentage", "100"),
        ("auto-aof-rewrite-min-size", "67108864"),
        ("databases", "16"),
        ("maxclients", "10000"),
        ("timeout", "0"),
        ("tcp-keepalive", "300"),
        ("tcp-backlog", "511"),
        ("proto-max-bulk-len", "536870912"),
        ("client-query-buffer-limit", "1073741824"),
        ("slowlog-log-slower-than", "10000"),
        ("slowlog-max-len", "128"),
        ("latency-monitor-threshold", "0"),
        ("maxmemory", "0"),
        ("protected-mode", "yes"),
        ("hz", "10"),
    ] {
        assert_eq!(get(&server, name), value, "{name}");
    }
}

#[test]
fn config_set_takes_several_or_none() {
    let server = graven().start().unwrap();
    let mut client = server.client();
    assert!(client.line("CONFIG SET timeout 60 slowlog-max-len 10 appendfsync always").is_ok());
    assert_eq!(get(&server, "timeout"), "60");
    assert_eq!(get(&server, "appendfsync"), "always");
    for (bad, error) in [
        (
            "CONFIG SET timeout 70 slowlog-max-len abc",
            "ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - argument couldn't be parsed into an integer",
        ),
        ("CONFIG SET timeout 70 nosuch 1", "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
        ("CONFIG SET timeout 70 slowlog-max-len", "ERR syntax error"),
        ("CONFIG SET timeout 70 nosuch", "ERR syntax error"),
        ("CONFIG SET timeout 70 TIMEOUT 80", "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter"),
        ("CONFIG SET timeout 70 timeout 80", "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter"),
        (
            "CONFIG SET timeout 70 databases 3",
            "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config",
        ),
    ] {
        assert_eq!(client.line(bad).error_text().as_deref(), Some(error), "{bad}");
        assert_eq!(get(&server, "timeout"), "60", "{bad}");
    }
    // A name and its alias are two names, and the last wins.
    assert!(client.line("CONFIG SET hash-max-ziplist-entries 5 hash-max-listpack-entries 6").is_ok());
    assert_eq!(get(&server, "hash-max-ziplist-entries"), "6");
    assert!(client.line("CONFIG SET hash-max-listpack-entries 7 hash-max-ziplist-entries 8").is_ok());
    assert_eq!(get(&server, "hash-max-listpack-entries"), "8");
}

#[test]
fn config_get_takes_globs_and_several_names() {
    let server = graven().start().unwrap();
    let mut client = server.client();
    let names = |reply: Value| {
        let mut names: Vec<String> = reply.pairs().unwrap().into_iter().map(|(name, _)| name.text()).collect();
        names.sort();
        names
    };
    assert_eq!(names(client.line("CONFIG GET slowlog-*")), ["slowlog-log-slower-than", "slowlog-max-len"]);
    assert_eq!(names(client.line("CONFIG GET timeout appendfsync nosuch")), ["appendfsync", "timeout"]);
    assert!(names(client.line("CONFIG GET *")).len() > 60);
}

#[test]
fn config_rewrite_keeps_comments_and_order_and_changes_only_what_changed() {
    let mut server = graven()
        .config("# my comment")
        .config("timeout 10")
        .config("")
        .config("# another")
        .config("slowlog-max-len 5")
        .config("requirepass \"pass word\"")
        .password("pass word")
        .start()
        .unwrap();
    let mut client = server.client();
    client.call(&["AUTH", "pass word"]);
    assert!(client.line("CONFIG SET timeout 20 maxmemory 123456").is_ok());
    assert!(client.line("CONFIG REWRITE").is_ok());
    let text = fs::read_to_string(server.config_path()).unwrap();
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle:?} is missing in\n{text}"));
    assert!(at("# my comment") < at("timeout 20"));
    assert!(at("timeout 20") < at("# another"));
    assert!(at("# another") < at("slowlog-max-len 5"));
    assert!(text.contains("maxmemory 123456"), "{text}");
    assert!(!text.contains("timeout 10\n"), "{text}");
    // What was written is read again, password with a blank included.
    server.crash_and_restart().unwrap();
    let mut client = server.client();
    assert!(client.call(&["AUTH", "pass word"]).is_ok());
    assert_eq!(client.line("CONFIG GET timeout").get("timeout"), Some(Value::bulk("20")));
    assert_eq!(client.line("CONFIG GET maxmemory").get("maxmemory"), Some(Value::bulk("123456")));
}

#[test]
fn config_rewrite_without_a_file_says_so() {
    let server = graven().start().unwrap();
    let error = server.client().line("CONFIG REWRITE").error_text().unwrap();
    assert_eq!(error, "ERR The server is running without a config file");
}

#[test]
fn a_renamed_command_answers_to_its_new_name_only() {
    let server = graven().config("rename-command FLUSHALL \"\"").config("rename-command CONFIG hidden").start().unwrap();
    let mut client = server.client();
    assert_eq!(client.line("FLUSHALL").error_text().unwrap(), "ERR unknown command 'FLUSHALL', with args beginning with: ");
    assert!(client.line("CONFIG GET timeout").error_text().unwrap().starts_with("ERR unknown command 'CONFIG'"));
    assert!(client.line("HIDDEN GET timeout").get("timeout").is_some());
}

#[test]
fn passwords_are_not_shown_where_commands_have_other_names() {
    let renamed =
        graven().config("rename-command CONFIG settings").config("rename-command AUTH let-me-in").config("slowlog-log-slower-than 0");
    let server = renamed.start().unwrap();
    let mut monitor = server.client();
    assert!(monitor.line("MONITOR").is_ok());
    let mut client = server.client();
    assert!(client.line("SETTINGS SET requirepass sesame").is_ok());
    assert!(client.line("LET-ME-IN default sesame").is_ok());
    let shown = monitor.reply().unwrap().text();
    assert!(shown.ends_with(r#""LET-ME-IN" "(redacted)" "(redacted)""#), "{shown}");
    let slow = format!("{:?}", client.line("SLOWLOG GET 10"));
    assert!(slow.contains("SETTINGS") && !slow.contains("sesame"), "{slow}");
}

#[test]
fn a_password_that_is_taken_away_is_not_asked_for_any_more() {
    let server = graven().option("requirepass", "secret").password("secret").start().unwrap();
    let mut stranger = server.client();
    let mut known = server.client();
    assert!(known.line("AUTH secret").is_ok());
    assert_eq!(stranger.line("GET a").error_text().unwrap(), "NOAUTH Authentication required.");
    assert!(known.call(&["CONFIG", "SET", "requirepass", ""]).is_ok());
    assert_eq!(stranger.line("GET a"), Value::NullBulk);
    let many: Vec<String> = ["DEL".to_owned()].into_iter().chain((0..20).map(|i| i.to_string())).collect();
    assert_eq!(stranger.call(&many), Value::Int(0), "as many arguments as anybody");
    assert!(known.line("CONFIG SET requirepass secret").is_ok());
    assert_eq!(stranger.line("GET a").error_text().unwrap(), "NOAUTH Authentication required.");
    assert_eq!(known.line("GET a"), Value::NullBulk);
}

#[test]
fn a_password_is_asked_for() {
    let server = graven().option("requirepass", "secret").password("secret").start().unwrap();
    let mut client = server.client();
    assert_eq!(client.line("GET a").error_text().unwrap(), "NOAUTH Authentication required.");
    assert_eq!(client.line("PING").error_text().unwrap(), "NOAUTH Authentication required.");
    assert_eq!(client.line("AUTH wrong").error_text().unwrap(), "WRONGPASS invalid username-password pair or user is disabled.");
    let hello = client.line("HELLO 3").error_text().unwrap();
    assert!(hello.starts_with("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "), "{hello}");
    assert!(client.line("AUTH default secret").is_ok());
    assert_eq!(client.line("GET a"), Value::NullBulk);
    let mut other = server.client();
    assert!(other.line("HELLO 3 AUTH default secret").get("proto").is_some());
    assert!(other.line("CONFIG SET requirepass changed").is_ok());
    let mut third = server.client();
    assert!(third.line("AUTH secret").error_text().is_some());
    assert!(third.line("AUTH changed").is_ok());
}

#[test]
fn help_is_there_for_every_subcommand() {
    if program().is_redis() {
        return;
    }
    for args in [&["--help"][..], &["server", "--help"], &["--version"]] {
        let output = Command::new(program().path()).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.len() > 5, "{args:?}: {text}");
    }
    let output = Command::new(program().path()).arg("nosuchsubcommand").output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn maxclients_promises_no_more_than_the_limit_on_open_files_allows() {
    // No kernel lets a process have this many files.
    let server =
        graven().wrapped(&["sh", "-c", "ulimit -n 100 && exec \"$@\"", "sh"]).option("maxclients", 4_000_000_000u32).start().unwrap();
    let possible: usize = get(&server, "maxclients").parse().unwrap();
    assert!(possible < 100, "{possible} clients with 100 open files");
    let said = format!("maxclients has been reduced to {possible} to compensate for low ulimit");
    assert!(server.log().contains(&said), "{}", server.log());
    let mut client = server.client();
    assert_eq!(
        client.line("CONFIG SET timeout 5 maxclients 3000000000").error_text().unwrap(),
        format!(
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the \
             specified number of clients, try with {possible}"
        )
    );
    assert_eq!((get(&server, "maxclients"), get(&server, "timeout")), (possible.to_string(), "0".to_owned()));
    assert!(client.line("CONFIG SET maxclients 10").is_ok());
    assert!(client.call(&["CONFIG", "SET", "maxclients", &possible.to_string()]).is_ok());
    // Whoever is one too many is told, and nobody is left without an answer.
    let mut clients: Vec<Client> = (0..possible + 3).map(|_| server.client()).collect();
    let answers: Vec<Option<Value>> = clients.iter_mut().map(|client| client.cmd(&["PING"]).ok()).collect();
    let served = answers.iter().filter(|answer| **answer == Some(Value::Simple(b"PONG".to_vec()))).count();
    assert!(served + 5 >= possible && served < possible, "{served} of {possible} were served besides the first");
    assert!(client.line("CONFIG SET appendonly no").is_ok() && client.line("CONFIG SET appendonly yes").is_ok());
}

#[test]
fn a_limit_that_leaves_no_files_for_clients_stops_the_start() {
    if program().is_redis() {
        return;
    }
    let said = refused(graven().wrapped(&["sh", "-c", "ulimit -n 40 && exec \"$@\"", "sh"]).option("maxclients", 4_000_000_000u32));
    assert!(said.contains("let 'ulimit -n' be 65 at least"), "{said}");
}

#[test]
fn a_server_that_nobody_could_reach_is_not_started() {
    for (option, value) in [("port", "0"), ("bind", ""), ("bind", "-192.0.2.1")] {
        let said = refused(graven().option(option, value));
        assert!(said.contains("# Configured to not listen anywhere, exiting."), "{option} '{value}': {said}");
    }
    refused(graven().config("bind"));
    let mut server = graven().with_unix_socket().option("bind", "").prepare().unwrap();
    server.spawn().unwrap();
    server.wait_log("Ready to accept connections unix", Duration::from_secs(20)).unwrap();
    assert!(Client::unix(&server.unix_socket()).unwrap().line("SET a 1").is_ok());
    assert!(!server.log().contains("connections tcp"), "{}", server.log());
}

/// The inodes of the sockets that listen on a port, by local address in hexadecimal.
fn listening(port: u16) -> Vec<(String, String)> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let on_port = rows.filter(|row| row[3] == "0A" && row[1].ends_with(&format!(":{port:04X}")));
    let mut found: Vec<(String, String)> = on_port.map(|row| (row[1].to_owned(), row[9].to_owned())).collect();
    found.sort();
    found
}

#[test]
fn a_config_set_that_fails_late_leaves_the_addresses_as_they_were() {
    let server = graven().option("appendonly", "no").option("bind", "*").start().unwrap();
    // The log cannot be created where a file stands.
    fs::write(server.data().join("appendonlydir"), "").unwrap();
    let (port, other) = (server.port(), graven_testkit::ports::free_port());
    let before = listening(port);
    let mut client = server.client();
    let refused = |reply: Value, parameter: &str| {
        let error = reply.error_text().unwrap_or_default();
        assert!(error.contains(&format!("possibly related to argument '{parameter}'")), "{error:?} is not about {parameter}");
    };
    refused(client.call(&["CONFIG", "SET", "port", &other.to_string(), "appendonly", "yes"]), "appendonly");
    assert_eq!((listening(port), listening(other)), (before.clone(), vec![]));
    assert_eq!(get(&server, "port"), port.to_string());
    // The socket of * has to go for that of 127.0.0.1, and comes back.
    refused(client.call(&["CONFIG", "SET", "bind", "127.0.0.1", "appendonly", "yes"]), "appendonly");
    let addresses = |of: &[(String, String)]| of.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>();
    assert_eq!(addresses(&listening(port)), addresses(&before));
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    refused(client.call(&["CONFIG", "SET", "bind", "127.0.0.2 127.0.0.1", "port", &taken_port.to_string()]), "port");
    assert_eq!(addresses(&listening(port)), addresses(&before));
    assert_eq!(listening(taken_port).len(), 1);
    assert!(server.client().line("PING").error_text().is_none());
    assert_eq!(get(&server, "bind"), "*");
}

#[test]
fn a_config_set_that_fails_late_leaves_the_directory_as_it_was() {
    let server = graven().option("appendonly", "no").option("enable-protected-configs", "yes").start().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("appendonlydir"), "").unwrap();
    let cwd = || fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    let before = (cwd(), get(&server, "dir"));
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    let dir = elsewhere.path().to_str().unwrap();
    let mut client = server.client();
    for second in [["appendonly", "yes"], ["port", &taken]] {
        assert!(client.call(&["CONFIG", "SET", "dir", dir, second[0], second[1]]).error_text().is_some());
        assert_eq!((cwd(), get(&server, "dir")), before, "{second:?}");
    }
    assert!(client.call(&["CONFIG", "SET", "dir", dir]).is_ok());
    assert_eq!(cwd(), elsewhere.path().canonicalize().unwrap());
}

#[test]
fn an_address_that_stays_keeps_its_socket() {
    let server = graven().option("bind", "127.0.0.1").start().unwrap();
    let before = listening(server.port());
    let mut client = server.client();
    assert!(client.call(&["CONFIG", "SET", "bind", "127.0.0.2 127.0.0.1"]).is_ok());
    let both = listening(server.port());
    assert!(both.len() == 2 && both.contains(&before[0]), "{before:?} became {both:?}");
    for host in ["127.0.0.1", "127.0.0.2"] {
        assert!(Client::tcp_at(host, server.port()).unwrap().line("PING").error_text().is_none());
    }
    assert!(client.call(&["CONFIG", "SET", "bind", "127.0.0.1"]).is_ok());
    assert_eq!(listening(server.port()), before);
    assert!(server.client().line("PING").error_text().is_none());
}
