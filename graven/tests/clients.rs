//! The programs people use against Redis work unchanged.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use graven_testkit::process::Builder;
use graven_testkit::{Program, Server, Value, client, skipped};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

fn cli(server: &Server, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("redis-cli")
        .args(["-p", &server.port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("redis-cli is installed (cargo xtask test installs it)");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn redis_cli_commands_and_scripts_work() {
    let server = graven().start().unwrap();
    assert_eq!(said(&cli(&server, &["SET", "a", "1"], b"")), "OK\n");
    assert_eq!(said(&cli(&server, &["-x", "SET", "b"], b"from standard input")), "OK\n");
    assert_eq!(said(&cli(&server, &["-3", "GET", "b"], b"")), "from standard input\n");
    assert_eq!(said(&cli(&server, &["-n", "5", "DBSIZE"], b"")), "0\n");
    assert_eq!(said(&cli(&server, &["-r", "3", "INCR", "a"], b"")), "2\n3\n4\n");
    // Standard input that is no terminal takes the same path as a typed session, without the prompt.
    let session = b"MULTI\nSET c \"two words\"\nGET c\nEXEC\nGET nosuch\nINCR c\nHELLO 3\nCONFIG GET maxmemory\n";
    let answers = said(&cli(&server, &[], session));
    for expected in ["QUEUED", "two words", "ERR value is not an integer or out of range", "proto", "maxmemory"] {
        assert!(answers.contains(expected), "{expected:?} is missing in\n{answers}");
    }
}

/// A typed session, with its prompt and what redis-cli asks the server for at its start (`COMMAND DOCS`, for the hints).
#[test]
fn redis_cli_is_usable_interactively() {
    let server = graven().start().unwrap();
    let session = format!("redis-cli -p {}", server.port());
    let seen = tempfile::NamedTempFile::new().unwrap();
    let child = Command::new("script")
        .args(["-qefc", &session, "/dev/null"])
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(seen.reopen().unwrap())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            skipped(format_args!("no `script` program to give redis-cli a terminal: {error}"));
            return;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    for line in ["SET greeting hello", "GET greeting", "MULTI", "INCR n", "EXEC", "SELECT 3", "PING done"] {
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(80));
    }
    let answers = || std::fs::read_to_string(seen.path()).unwrap();
    for _ in 0..500 {
        if answers().contains("\"done\"") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let answers = answers();
    for expected in ["OK", "\"hello\"", "(TX)>", "QUEUED", "1) (integer) 1", "[3]>", "\"done\""] {
        assert!(answers.contains(expected), "{expected:?} is missing in\n{answers}");
    }
    assert_eq!(server.client().line("GET n"), Value::bulk("1"));
}

#[test]
fn redis_cli_scans_and_analyses() {
    let server = graven().start().unwrap();
    for n in 0..300 {
        server.client().call(&["SET", &format!("key:{n}"), &"x".repeat(n)]);
    }
    assert_eq!(said(&cli(&server, &["--scan", "--pattern", "key:*"], b"")).lines().count(), 300);
    let big = said(&cli(&server, &["--bigkeys"], b""));
    assert!(big.contains("Biggest string found") && big.contains("key:299"), "{big}");
    let mem = said(&cli(&server, &["--memkeys"], b""));
    assert!(mem.contains("Biggest string found"), "{mem}");
    let stat = said(&cli(&server, &["INFO", "keyspace"], b""));
    assert!(stat.contains("db0:keys=300,expires=0"), "{stat}");
}

#[test]
fn redis_cli_latency_measures() {
    let server = graven().start().unwrap();
    let output = said(&cli(&server, &["--latency", "--raw", "-i", "1"], b""));
    let numbers: Vec<f64> = output.split_whitespace().map(|word| word.parse().unwrap_or(-1.0)).collect();
    assert!(numbers.len() >= 4 && numbers[3] > 10.0, "min, max, avg, samples: {output}");
}

#[test]
fn redis_cli_pipe_takes_commands_in_bulk() {
    let server = graven().start().unwrap();
    let mut bulk = Vec::new();
    for n in 0..50_000 {
        client::encode(&mut bulk, &["SET", &format!("k{n}"), &n.to_string()]);
    }
    let output = said(&cli(&server, &["--pipe"], &bulk));
    assert!(output.contains("errors: 0, replies: 50000"), "{output}");
    assert_eq!(server.client().line("DBSIZE"), Value::Int(50_000));
}

/// `redis-cli --pipe < log`: our own block headers and timestamps included.
#[test]
fn a_log_piped_into_a_server_gives_the_same_data() {
    let mut source = graven().option("aof-timestamp-enabled", "yes").option("appendfsync", "always").start().unwrap();
    for n in 0..200 {
        source.client().call(&["SET", &format!("k{n}"), &format!("v\r\n#{n}")]);
    }
    source.client().line("MULTI");
    source.kill9();
    let log = std::fs::read(source.append_dir().join("appendonly.aof.1.incr.aof")).unwrap();
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains("#BLK:v1;") && text.contains("#TS:"), "{text}");
    let target = graven().start().unwrap();
    let output = said(&cli(&target, &["--pipe"], &log));
    assert!(output.contains("errors: 0"), "{output}");
    assert_eq!(target.client().line("DBSIZE"), Value::Int(200));
    assert_eq!(target.client().line("GET k7"), Value::bulk("v\r\n#7"));
}

#[test]
fn redis_benchmark_runs_its_whole_default_list() {
    for extra in [&["-P", "1"][..], &["-P", "16"], &["-3", "-P", "4"], &["--threads", "2"]] {
        let server = graven().start().unwrap();
        let output = Command::new("redis-benchmark")
            .args(["-p", &server.port().to_string(), "-n", "4000", "-c", "20", "-r", "1000", "-q"])
            .args(extra)
            .output()
            .expect("redis-benchmark is installed (cargo xtask test installs it)");
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        for test in [
            "PING_INLINE",
            "PING_MBULK",
            "SET",
            "GET",
            "INCR",
            "LPUSH",
            "RPUSH",
            "LPOP",
            "RPOP",
            "SADD",
            "HSET",
            "SPOP",
            "ZADD",
            "ZPOPMIN",
            "LPUSH (needed to benchmark LRANGE)",
            "LRANGE_100 (first 100 elements)",
            "LRANGE_600 (first 600 elements)",
            "MSET (10 keys)",
        ] {
            assert!(text.contains(&format!("{test}: ")), "{test} is missing in {text}");
        }
        assert!(!text.contains("Error"), "{text}");
        assert!(!text.contains("WARNING: Could not fetch server CONFIG"), "{text}");
    }
}

/// redis-py in a virtual environment below the target directory; `None`, with the reason, where it cannot be had.
fn python_with_redis() -> Option<PathBuf> {
    let venv = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("redis-py");
    let python = venv.join("bin/python");
    let has = |python: &PathBuf| Command::new(python).args(["-c", "import redis"]).output().is_ok_and(|output| output.status.success());
    if has(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).output();
    if !made.as_ref().is_ok_and(|output| output.status.success()) {
        skipped(format_args!("python3 -m venv does not work here: {made:?}"));
        return None;
    }
    let installed = Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "redis"]).output();
    if !has(&python) {
        skipped(format_args!("redis-py could not be installed: {installed:?}"));
        return None;
    }
    Some(python)
}

const REDIS_PY: &str = r#"
import sys, redis
for protocol in (2, 3):
    r = redis.Redis(port=int(sys.argv[1]), protocol=protocol, decode_responses=True)
    r.flushall()
    assert r.ping() is True
    assert r.set("a", 1) is True
    assert r.set("a", 2, nx=True) is None
    assert r.set("a", 2, get=True) == "1"
    assert r.incr("a", 5) == 7 and r.decr("a") == 6
    assert r.incrbyfloat("f", 1.5) == 1.5
    assert r.get("nosuch") is None
    assert r.mset({"x": "1", "y": "2"}) is True and r.mget("x", "nosuch", "y") == ["1", None, "2"]
    assert r.expire("x", 100) is True and 95 < r.ttl("x") <= 100 and r.persist("x") is True
    assert sorted(r.scan_iter("[xy]")) == ["x", "y"] and sorted(r.keys("*")) == ["a", "f", "x", "y"]
    with r.pipeline(transaction=True) as p:
        p.set("t", "1"); p.incr("t"); p.get("t")
        assert p.execute() == [True, 2, "2"]
    with r.pipeline() as p:
        p.watch("t"); r.set("t", "changed"); p.multi(); p.set("t", "lost")
        try: p.execute(); raise SystemExit("WATCH did not abort")
        except redis.WatchError: pass
    try: r.incr("t"); raise SystemExit("no error")
    except redis.ResponseError as e: assert str(e) == "value is not an integer or out of range", e
    assert r.config_get("appendonly") == {"appendonly": "yes"} and r.config_set("timeout", 0) is True
    info = r.info()
    assert info["redis_version"].startswith("7.2") and info["aof_enabled"] == 1 and info["db0"]["keys"] == 5, info
    assert r.client_setname("py") and r.client_getname() == "py" and r.client_list()[0]["id"]
    assert r.object("encoding", "a") == "int" and r.type("a") == "string" and r.exists("a", "nosuch") == 1
    assert r.copy("a", "b") and r.rename("b", "c") and r.unlink("c", "a") == 2 and r.dbsize() == 4
    assert r.lcs("x", "y") == ""
    assert r.command_count() > 50 and "get" in r.command()
    assert r.slowlog_len() >= 0 and r.time()[0] > 1600000000
    r.close()
print("done")
"#;

#[test]
fn redis_py_basic_use_works() {
    let Some(python) = python_with_redis() else { return };
    let server = graven().start().unwrap();
    let output = Command::new(python).args(["-c", REDIS_PY, &server.port().to_string()]).output().unwrap();
    assert_eq!(said(&output), "done\n");
}

#[test]
fn redis_py_uses_every_data_type() {
    let Some(python) = python_with_redis() else { return };
    let server = graven().start().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/data_types.py");
    let output = Command::new(python).args([script, &server.port().to_string()]).output().unwrap();
    assert_eq!(said(&output), "done\n");
}

/// A directory with node-redis and the script; `None`, with the reason, where it cannot be had.
fn node_with_redis() -> Option<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("node-redis");
    std::fs::create_dir_all(&dir).unwrap();
    if !dir.join("node_modules/redis/package.json").exists() {
        let installed = Command::new("npm").args(["install", "--silent", "--no-save", "--prefix"]).arg(&dir).arg("redis").output();
        if !dir.join("node_modules/redis/package.json").exists() {
            skipped(format_args!("node-redis could not be installed: {installed:?}"));
            return None;
        }
    }
    // A module is looked for beside the script.
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/data_types.mjs"), dir.join("data_types.mjs")).unwrap();
    Some(dir)
}

#[test]
fn node_redis_uses_every_data_type() {
    let Some(dir) = node_with_redis() else { return };
    let server = graven().start().unwrap();
    let output = Command::new("node").arg("data_types.mjs").arg(server.port().to_string()).current_dir(dir).output().unwrap();
    assert_eq!(said(&output), "done\n");
}
