//! The files are Redis's: a real `redis-server` loads what the log wrote, and the log loads what it wrote. Skipped (loudly)
//! where no `redis-server` is installed.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use graven_aof::sim::{EIO, Fault, Op, SimStorage};
use graven_aof::{BaseFormat, Error, FsStorage, FsyncPolicy, Limits, Log, Options, Part, Recovery, RewriteState, Runtime, Storage};

struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(dir: &Path) -> Option<Redis> {
        Redis::start_with(dir, &[])
    }

    fn start_with(dir: &Path, options: &[&str]) -> Option<Redis> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--appendonly", "yes", "--save", "", "--dir"])
            .arg(dir)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("SKIPPED: no redis-server");
            return None;
        };
        let redis = Redis { child, port };
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if redis.try_ask("PING").is_ok_and(|reply| reply == "+PONG") {
                return Some(redis);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("redis-server did not start on {}", dir.display());
    }

    fn ask(&self, line: &str) -> String {
        self.try_ask(line).unwrap()
    }

    fn try_ask(&self, line: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "{line}\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut reply = String::new();
        reader.read_line(&mut reply)?;
        if reply.starts_with('$') && !reply.starts_with("$-1") {
            reply.clear();
            reader.read_line(&mut reply)?;
        }
        Ok(reply.trim_end().to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n{arg}\r\n", arg.len()).bytes());
    }
    bytes
}

type Loaded = (Log<FsStorage>, Vec<Vec<Vec<u8>>>, Vec<String>);

/// A program that another test is just starting has our files, and so the lock of a log that was closed, until it runs.
fn once_it_is_free<T>(mut open: impl FnMut() -> Result<T, Error>) -> T {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match open() {
            Err(Error::InUse { .. }) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened.unwrap(),
        }
    }
}

fn open(dir: &Path, policy: FsyncPolicy) -> Loaded {
    let limits = Limits { fill_ahead_bytes: 10_000, ..Limits::default() };
    let options = Options { policy, limits, ..Options::default() };
    let mut recovery = once_it_is_free(|| Recovery::open(Arc::new(FsStorage::new(dir)), options.clone()));
    let mut commands = Vec::new();
    while let Some(part) = recovery.next_part().unwrap() {
        match part {
            Part::Rdb(rdb) => {
                let bytes = rdb.bytes;
                recovery.rdb_consumed(bytes);
            }
            Part::Commands(chunk) => commands.extend(chunk.commands().map(|c| c.args().map(<[u8]>::to_vec).collect())),
        }
    }
    let (log, summary) = recovery.finish(Runtime::new(|| ())).unwrap();
    (log, commands, summary.warnings)
}

fn write_keys(log: &mut Log<FsStorage>, from: usize, count: usize) {
    for i in from..from + count {
        let mut content = command(&["SELECT", "0"]);
        content.extend(b"#TS:1700000000\r\n");
        content.extend(command(&["MULTI"]));
        content.extend(command(&["SET", &format!("key{i}"), &"x".repeat(i % 100)]));
        content.extend(command(&["INCR", "count"]));
        content.extend(command(&["EXEC"]));
        log.submit(&mut content, i as u64);
        assert!(content.is_empty());
    }
}

/// Everything becomes durable as while clients are served: the log is not flushed, which would cut its filler.
fn become_durable(log: &mut Log<FsStorage>) {
    let began = Instant::now();
    while log.watermarks().durable < log.appended() {
        assert!(began.elapsed() < Duration::from_secs(20), "the disk does not answer");
        std::thread::sleep(Duration::from_millis(1));
        log.poll(log.next_deadline().unwrap_or(0));
    }
}

#[test]
fn redis_loads_what_the_log_wrote_and_the_log_loads_what_redis_appended() {
    let dir = tempfile::tempdir().unwrap();
    for (round, policy) in [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No].into_iter().enumerate() {
        let (mut log, _, warnings) = open(dir.path(), policy);
        assert_eq!(warnings, Vec::<String>::new());
        write_keys(&mut log, round * 100, 100);
        log.flush(5_000_000).unwrap();
        assert_eq!(log.watermarks().durable, log.appended());
    }
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let check = Command::new("redis-check-aof").arg(&manifest).output();
    if let Ok(check) = check {
        let text = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(check.status.success() && text.contains("All AOF files and manifest are valid"), "{text}");
    }
    let Some(redis) = Redis::start(dir.path()) else { return };
    assert_eq!(redis.ask("GET count"), "300");
    assert_eq!(redis.ask("DBSIZE"), ":301");
    assert_eq!(redis.ask("SET appended by-redis"), "+OK");
    assert_eq!(redis.ask("BGREWRITEAOF"), "+Background append only file rewriting started");
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(redis.ask("SET after rewrite"), "+OK");
    redis.ask("SHUTDOWN");
    drop(redis);
    let (mut log, commands, warnings) = open(dir.path(), FsyncPolicy::Everysec);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(commands.last().unwrap(), &[&b"SET"[..], b"after", b"rewrite"]);
    write_keys(&mut log, 300, 10);
    log.flush(5_000_000).unwrap();
    drop(log);
    let redis = Redis::start(dir.path()).unwrap();
    assert_eq!(redis.ask("GET count"), "310");
    assert_eq!(redis.ask("GET after"), "rewrite");
}

#[test]
fn redis_loads_a_log_with_filler_appends_behind_it_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut count = 0;
    for round in 0..12 {
        let (mut log, _, warnings) = open(dir.path(), FsyncPolicy::Always);
        assert_eq!(warnings, Vec::<String>::new());
        // Each time the filler begins at another place of its line, and now and then it was just renewed.
        write_keys(&mut log, count, 7 + round);
        count += 7 + round;
        become_durable(&mut log);
        drop(log);
        let file = std::fs::read(&path).unwrap();
        assert!(file.ends_with(b"####\n"), "it ends with filler");
        check_with_redis(dir.path());
        let Some(redis) = Redis::start(dir.path()) else { return };
        assert_eq!(redis.ask("GET count"), count.to_string());
        assert_eq!(redis.ask("DBSIZE"), format!(":{}", count + 1 + usize::from(round > 0)));
        assert_eq!(redis.ask("INCR redis"), format!(":{}", round + 1));
        redis.ask("SHUTDOWN");
        drop(redis);
        assert!(std::fs::read(&path).unwrap().starts_with(&file), "appended behind the filler");
    }
    let (mut log, commands, _) = open(dir.path(), FsyncPolicy::Always);
    assert_eq!(commands.iter().filter(|args| args.len() == 2 && args[1] == b"redis").count(), 12);
    write_keys(&mut log, count, 1);
    become_durable(&mut log);
    assert!(std::fs::read(&path).unwrap().ends_with(b"####\n"));
    log.flush(5_000_000).unwrap();
    assert!(std::fs::read(&path).unwrap().ends_with(b"EXEC\r\n"), "whoever stops the log finds its last block at the end");
    check_with_redis(dir.path());
}

/// With `aof-disable-auto-gc yes` and a rewrite while it does not log, Redis leaves a base, history, and no incremental; and when it is
/// started on that, it goes on in a file of history.
#[test]
fn what_redis_leaves_with_history_is_continued_in_a_file_of_its_own() {
    for redis_goes_on in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let manifest = || std::fs::read_to_string(dir.path().join("appendonlydir/appendonly.aof.manifest")).unwrap();
        let Some(redis) = Redis::start(dir.path()) else { return };
        for line in ["CONFIG SET aof-disable-auto-gc yes", "SET before 1", "CONFIG SET appendonly no"] {
            assert_eq!(redis.ask(line), "+OK");
        }
        redis.ask("BGREWRITEAOF");
        let until = Instant::now() + Duration::from_secs(20);
        while !manifest().contains("seq 2 type b") {
            assert!(Instant::now() < until, "{}", manifest());
            std::thread::sleep(Duration::from_millis(10));
        }
        redis.ask("SHUTDOWN NOSAVE");
        drop(redis);
        assert!(manifest().contains("appendonly.aof.1.incr.aof seq 1 type h") && !manifest().contains("type i"), "{}", manifest());
        if redis_goes_on {
            // Its history would be removed by itself in the background.
            let redis = Redis::start_with(dir.path(), &["--aof-disable-auto-gc", "yes"]).unwrap();
            assert_eq!(redis.ask("SET between 1"), "+OK");
            redis.ask("SHUTDOWN NOSAVE");
            drop(redis);
            assert_eq!(manifest().matches("appendonly.aof.1.incr.aof").count(), 2, "{}", manifest());
        }
        for count in [3, 6] {
            let (mut log, commands, _) = open(dir.path(), FsyncPolicy::Always);
            let between = commands.iter().filter(|args| args.len() == 3 && args[1] == b"between").count();
            assert_eq!(between, usize::from(redis_goes_on));
            let ours = commands.iter().filter(|args| args.len() == 2 && args[1] == b"count").count();
            assert_eq!(ours, count - 3);
            write_keys(&mut log, count, 3);
            become_durable(&mut log);
        }
        check_with_redis(dir.path());
        let redis = Redis::start(dir.path()).unwrap();
        assert_eq!((redis.ask("GET before"), redis.ask("GET count")), ("1".to_owned(), "6".to_owned()));
        assert_eq!(redis.ask("EXISTS between"), format!(":{}", usize::from(redis_goes_on)));
    }
}

#[test]
fn an_old_single_file_log_is_taken_over_and_redis_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let mut old = command(&["SELECT", "0"]);
    old.extend(command(&["SET", "old", "file"]));
    std::fs::write(dir.path().join("appendonly.aof"), &old).unwrap();
    let (mut log, commands, warnings) = open(dir.path(), FsyncPolicy::Everysec);
    assert_eq!(commands.len(), 2);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(!dir.path().join("appendonly.aof").exists());
    write_keys(&mut log, 0, 3);
    log.flush(5_000_000).unwrap();
    drop(log);
    let Some(redis) = Redis::start(dir.path()) else { return };
    assert_eq!(redis.ask("GET old"), "file");
    assert_eq!(redis.ask("GET count"), "3");
}

#[test]
fn a_second_server_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (log, ..) = open(dir.path(), FsyncPolicy::Everysec);
    let text = Recovery::open(Arc::new(FsStorage::new(dir.path())), Options::default()).err().unwrap().to_string();
    assert!(text.contains(&format!("already in use by process {}", std::process::id())), "{text}");
    drop(log);
    open(dir.path(), FsyncPolicy::Everysec);
}

#[test]
fn redis_loads_the_directory_after_a_failed_fsync() {
    for cut_works in [true, false] {
        let disk = SimStorage::new();
        let mut recovery = Recovery::open(Arc::new(disk.clone()), Options { policy: FsyncPolicy::Always, ..Options::default() }).unwrap();
        assert!(recovery.next_part().unwrap().is_none());
        let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
        for i in 0..30 {
            if i == 10 || i == 20 {
                disk.plant(Op::Sync, 1, Fault::Errno(EIO));
            }
            if i == 20 && !cut_works {
                // The abandoned file keeps what was written again; a start of our own cuts it.
                disk.fail_all(Op::SetLen, EIO);
            }
            let mut content = [command(&["SELECT", "0"]), command(&["INCR", "count"])].concat();
            log.submit(&mut content, 0);
            assert_eq!(log.watermarks().durable, log.appended());
        }
        drop(log);
        disk.heal();
        if !cut_works {
            let mut recovery = Recovery::open(Arc::new(disk.clone()), Options::default()).unwrap();
            let mut increments = 0;
            while let Some(Part::Commands(chunk)) = recovery.next_part().unwrap() {
                increments += chunk.commands().filter(|c| c.args().len() == 2 && c.args().next() == Some(b"INCR")).count();
            }
            assert_eq!(increments, 30);
            recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("appendonlydir")).unwrap();
        let names = disk.list("appendonlydir").unwrap();
        assert!(names.len() >= 4, "{names:?}");
        for name in names {
            let path = format!("appendonlydir/{name}");
            std::fs::write(dir.path().join(&path), disk.content(&path).unwrap_or_default()).unwrap();
        }
        let Some(redis) = Redis::start(dir.path()) else { return };
        assert_eq!(redis.ask("GET count"), "30");
    }
}

fn wait_for(log: &mut Log<FsStorage>, state: RewriteState) {
    let until = Instant::now() + Duration::from_secs(20);
    while log.rewrite() != state {
        assert!(Instant::now() < until && !matches!(log.rewrite(), RewriteState::Failed(_)), "{:?}", log.rewrite());
        std::thread::sleep(Duration::from_millis(1));
        log.poll(1_000_000);
    }
}

fn check_with_redis(dir: &Path) {
    let manifest = dir.join("appendonlydir/appendonly.aof.manifest");
    if let Ok(check) = Command::new("redis-check-aof").arg(&manifest).output() {
        let text = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(check.status.success() && text.contains("All AOF files and manifest are valid"), "{text}");
    }
}

#[test]
fn redis_accepts_the_files_at_every_stage_of_a_rewrite() {
    const STAGES: [&str; 5] = ["prepared", "switched", "nothing behind the line", "installed", "history kept"];
    for stage in STAGES {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, ..) = open(dir.path(), FsyncPolicy::Always);
        log.set_auto_collect(stage != "history kept");
        write_keys(&mut log, 0, 20);
        log.begin_rewrite(0).unwrap();
        wait_for(&mut log, RewriteState::Ready);
        write_keys(&mut log, 20, 5);
        let mut count = 25;
        if stage != "prepared" {
            log.switch(0);
            if stage != "nothing behind the line" {
                write_keys(&mut log, 25, 5);
                count = 30;
            }
        }
        if stage == "installed" || stage == "history kept" {
            let mut base = log.base_writer(BaseFormat::Commands, true);
            let keys = (0..25).map(|i| command(&["SET", &format!("key{i}"), "from the base"]));
            let state = [command(&["SELECT", "0"]), keys.flatten().collect(), command(&["SET", "count", "25"])].concat();
            base.write_block(0, &state).unwrap();
            log.install_base(base.finish().unwrap(), 0);
            wait_for(&mut log, RewriteState::Done);
            write_keys(&mut log, 30, 5);
            count = 35;
        }
        log.flush(5_000_000).unwrap();
        drop(log);
        check_with_redis(dir.path());
        let Some(redis) = Redis::start(dir.path()) else { return };
        assert_eq!(redis.ask("GET count"), count.to_string(), "{stage}");
        assert_eq!(redis.ask("DBSIZE"), format!(":{}", count + 1), "{stage}");
        let from_base = if count == 35 { "from the base".to_owned() } else { "x".repeat(7) };
        assert_eq!(redis.ask("GET key7"), from_base, "{stage}");
    }
}

#[test]
fn redis_loads_a_log_that_was_begun_beside_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, ..) = open(dir.path(), FsyncPolicy::Everysec);
    write_keys(&mut log, 0, 3);
    log.flush(5_000_000).unwrap();
    drop(log);
    let storage = Arc::new(FsStorage::new(dir.path()));
    let mut log = once_it_is_free(|| Log::begin(storage.clone(), Options::default(), Runtime::new(|| ()), 4711));
    write_keys(&mut log, 100, 2);
    let mut base = log.base_writer(BaseFormat::Commands, false);
    base.write_all(&[command(&["SELECT", "0"]), command(&["SET", "count", "40"])].concat()).unwrap();
    log.install_base(base.finish().unwrap(), 0);
    wait_for(&mut log, RewriteState::Done);
    assert!(!log.is_pending());
    write_keys(&mut log, 102, 2);
    log.flush(5_000_000).unwrap();
    drop(log);
    check_with_redis(dir.path());
    let Some(redis) = Redis::start(dir.path()) else { return };
    assert_eq!((redis.ask("GET count"), redis.ask("DBSIZE")), ("44".to_owned(), ":5".to_owned()));
}

#[test]
fn redis_skips_an_unfinished_comment_at_the_end_of_an_earlier_file_as_the_log_does() {
    for line in ["#", "#BL", "# by hand"] {
        let dir = tempfile::tempdir().unwrap();
        let aof = dir.path().join("appendonlydir");
        std::fs::create_dir(&aof).unwrap();
        let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
        std::fs::write(aof.join("appendonly.aof.manifest"), manifest).unwrap();
        std::fs::write(aof.join("appendonly.aof.1.incr.aof"), [&command(&["SET", "a", "1"]), line.as_bytes()].concat()).unwrap();
        std::fs::write(aof.join("appendonly.aof.2.incr.aof"), command(&["SET", "b", "2"])).unwrap();
        let Some(redis) = Redis::start(dir.path()) else { return };
        assert_eq!(redis.ask("DBSIZE"), ":2", "{line}");
    }
}
