//! Redis as the judge: its files load here, ours load there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use graven_rdb::{Attributes, Event, Header, Options, Reader, Skipped, Value, Version, Writer, read_all};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
/// Far enough away for every key to be alive: the year 2100.
const DEADLINE_MS: u64 = 4_102_444_800_123;

/// A `redis-server` of a test's own, which ends with it.
struct Redis {
    process: Child,
    stream: UnixStream,
}

impl Redis {
    fn start(dir: &Path, arguments: &[&str]) -> Redis {
        let socket = dir.join("socket");
        let mut process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--dir"])
            .arg(dir)
            .arg("--unixsocket")
            .arg(&socket)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed");
        let start = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(&socket) {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
                let mut redis = Redis { process, stream };
                while redis.text(&["PING"]) != "PONG" {
                    assert!(start.elapsed() < PATIENCE, "redis-server keeps loading");
                    std::thread::sleep(Duration::from_millis(5));
                }
                return redis;
            }
            let status = process.try_wait().expect("the process can be waited for");
            assert!(status.is_none() && start.elapsed() < PATIENCE, "redis-server did not start: {status:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a command and gives the reply's bytes: of a string its content, of anything else its first line.
    fn command(&mut self, arguments: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).expect("redis-server reads");
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("redis-server answers");
            line.push(byte[0]);
        }
        line.truncate(line.len() - 2);
        let Some(length) = line.strip_prefix(b"$").filter(|length| *length != b"-1") else {
            return line.split_off(1);
        };
        let length: usize = std::str::from_utf8(length).expect("digits").parse().expect("a length");
        let mut content = vec![0; length + 2];
        self.stream.read_exact(&mut content).expect("redis-server answers in full");
        content.truncate(length);
        content
    }

    fn text(&mut self, arguments: &[&str]) -> String {
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        String::from_utf8_lossy(&self.command(&arguments)).into_owned()
    }

    fn must(&mut self, arguments: &[&str]) {
        let reply = self.text(arguments);
        assert_eq!(reply, "OK", "{arguments:?}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Either fails only when the process is gone, which is what is wanted.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// By database and key: the value and the deadline.
type Keys = BTreeMap<(u64, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// Keys that make use of every way of writing a string.
fn varied_keys() -> Keys {
    let mut keys = Keys::new();
    let noise = |length: usize| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
        let next = move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(next).collect::<Vec<u8>>()
    };
    for db in [0, 1, 15] {
        let mut put = |key: &[u8], value: Vec<u8>| {
            let deadline = (keys.len() % 3 == 1).then_some(DEADLINE_MS + keys.len() as u64);
            keys.insert((db, key.to_vec()), (value, deadline));
        };
        for number in
            ["0", "-1", "127", "128", "-129", "32768", "-32769", "2147483647", "2147483648", "-9223372036854775808", "007", "-0", "+1"]
        {
            put(format!("number:{number}").as_bytes(), number.into());
            put(number.as_bytes(), b"keys may be numbers too".to_vec());
        }
        for length in [0, 1, 20, 21, 63, 64, 300, 16_383, 16_384, 200_000] {
            put(format!("noise:{length}").as_bytes(), noise(length));
            put(format!("run:{length}").as_bytes(), vec![b'r'; length]);
            put(format!("text:{length}").as_bytes(), b"to be or not to be, ".iter().copied().cycle().take(length).collect());
        }
        // Repetitions as far back as a compressed string can reach, and a little further.
        for distance in [4_000, 8_000, 8_191, 8_192, 8_193, 9_000] {
            put(format!("far:{distance}").as_bytes(), noise(distance).repeat(2));
        }
        put(b"binary\r\n\0\xff", b"\0\r\n\xfe".to_vec());
        put(&[b'k'; 1000], b"a long key".to_vec());
    }
    keys
}

fn fill(redis: &mut Redis, keys: &Keys) {
    for ((db, key), (value, deadline)) in keys {
        redis.must(&["SELECT", &db.to_string()]);
        assert_eq!(redis.command(&[b"SET", key, value]), b"OK");
        if let Some(deadline) = deadline {
            assert_eq!(redis.command(&[b"PEXPIREAT", key, deadline.to_string().as_bytes()]), b"1");
        }
    }
}

fn keys_of(events: &[Event]) -> Keys {
    let mut keys = Keys::new();
    let mut selected = 0;
    for event in events {
        match event {
            Event::SelectDb(db) => selected = *db,
            Event::Entry { key, value: Value::String(value), attributes } => {
                let before = keys.insert((selected, key.clone()), (value.clone(), attributes.deadline_ms));
                assert_eq!(before, None, "a key is in the file twice");
            }
            _ => {}
        }
    }
    keys
}

fn aux<'a>(events: &'a [Event], name: &str) -> Option<&'a [u8]> {
    events.iter().find_map(|event| match event {
        Event::Aux { key, value } if key == name.as_bytes() => Some(&value[..]),
        _ => None,
    })
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The path of the one file in `dir` whose name ends in `ending`.
fn find(dir: &Path, ending: &str) -> PathBuf {
    let mut paths = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.to_string_lossy().ends_with(ending)).unwrap_or_else(|| panic!("{dir:?} has no file *{ending}"))
}

#[test]
fn files_that_redis_saves_load_completely() {
    for (compression, checksum) in [("yes", "yes"), ("no", "no")] {
        let dir = directory();
        let mut redis = Redis::start(dir.path(), &["--rdbcompression", compression, "--rdbchecksum", checksum]);
        let keys = varied_keys();
        fill(&mut redis, &keys);
        redis.must(&["SAVE"]);
        let bytes = fs::read(dir.path().join("dump.rdb")).expect("SAVE wrote it");
        let contents = read_all(&bytes).expect("redis-server wrote it");
        assert_eq!(keys_of(&contents.events), keys);
        assert_eq!(contents.bytes_consumed, bytes.len() as u64);
        assert_eq!(aux(&contents.events, "aof-base"), Some(&b"0"[..]));
        assert!(contents.events.contains(&Event::ResizeDb { keys: keys.len() as u64 / 3, expires: expiring(&keys, 0) }));
        assert_eq!(bytes.ends_with(&[0; 8]), checksum == "no");
    }
}

fn expiring(keys: &Keys, db: u64) -> u64 {
    keys.iter().filter(|((of, _), (_, deadline))| *of == db && deadline.is_some()).count() as u64
}

#[test]
fn the_base_of_an_append_only_log_loads() {
    let dir = directory();
    let mut redis = Redis::start(dir.path(), &["--appendonly", "yes"]);
    let keys = varied_keys();
    fill(&mut redis, &keys);
    redis.text(&["BGREWRITEAOF"]);
    let start = Instant::now();
    while !redis.text(&["INFO", "persistence"]).contains("aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0") {
        assert!(start.elapsed() < PATIENCE, "the rewrite does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let bytes = fs::read(find(&dir.path().join("appendonlydir"), ".2.base.rdb")).expect("the rewrite wrote it");
    let contents = read_all(&bytes).expect("redis-server wrote it");
    assert_eq!(keys_of(&contents.events), keys);
    assert_eq!(aux(&contents.events, "aof-base"), Some(&b"1"[..]));
}

#[test]
fn access_history_that_redis_saves_is_read() {
    for (policy, is_frequency) in [("allkeys-lru", false), ("allkeys-lfu", true)] {
        let dir = directory();
        let mut redis = Redis::start(dir.path(), &["--maxmemory-policy", policy]);
        redis.must(&["SET", "key", "value"]);
        redis.must(&["SAVE"]);
        let contents = read_all(&fs::read(dir.path().join("dump.rdb")).expect("SAVE wrote it")).expect("redis-server wrote it");
        let Some(Event::Entry { attributes, .. }) = contents.events.last() else { panic!("no key: {contents:?}") };
        assert_eq!(attributes.freq.is_some(), is_frequency);
        assert_eq!(attributes.idle_seconds.is_some(), !is_frequency);
    }
}

#[test]
fn functions_are_passed_over() {
    let dir = directory();
    let mut redis = Redis::start(dir.path(), &[]);
    let code = "#!lua name=mine\nredis.register_function('f', function() return 1 end)";
    assert_eq!(redis.text(&["FUNCTION", "LOAD", code]), "mine");
    redis.must(&["SET", "key", "value"]);
    redis.must(&["SAVE"]);
    let path = dir.path().join("dump.rdb");
    let contents = read_all(&fs::read(&path).expect("SAVE wrote it")).expect("redis-server wrote it");
    assert!(contents.events.contains(&Event::Skipped(Skipped::Function { code: code.into() })));
    assert_eq!(keys_of(&contents.events).len(), 1);
}

/// Small and large values of every type, as Redis has them.
fn fill_all_types(redis: &mut Redis) {
    let mut run = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        redis.text(&words);
    };
    for (size, count) in [("small", 5), ("large", 700)] {
        for n in 0..count {
            run(&format!("RPUSH list:{size} item{n} {n} -{n}000000"));
            run(&format!("SADD ints:{size} {n}00000"));
            run(&format!("SADD set:{size} member{n} {n}"));
            run(&format!("HSET hash:{size} field{n} value{n} {n} {n}"));
            run(&format!("ZADD zset:{size} {n}.25 member{n} -{n} {n} inf top{n}"));
            run(&format!("XADD stream:{size} {n}-1 field value{n} other {n}"));
            run(&format!("XADD stream:{size} {n}-2 third value{n}"));
        }
        run(&format!("XDEL stream:{size} 1-1"));
        run(&format!("XGROUP CREATE stream:{size} readers 0"));
        run(&format!("XGROUP CREATE stream:{size} idle $"));
    }
    run("XGROUP CREATE empty group $ MKSTREAM");
    run("RPUSH long first");
    redis.command(&[b"RPUSH", b"long", &[b'x'; 100_000], b"last"]);
    for consumer in ["al", "bo"] {
        for size in ["small", "large"] {
            // The reply has many lines; an error reply would make the next command fail.
            redis.text(&[
                "EVAL",
                "redis.call('XREADGROUP', 'GROUP', 'readers', ARGV[1], 'COUNT', 3, 'STREAMS', KEYS[1], '>') return 1",
                "1",
                &format!("stream:{size}"),
                consumer,
            ]);
        }
    }
}

#[test]
fn every_type_that_redis_saves_is_read_and_what_is_written_of_it_loads_in_redis_to_the_same() {
    for compression in ["yes", "no"] {
        let dir = directory();
        let mut redis = Redis::start(dir.path(), &["--rdbcompression", compression, "--enable-debug-command", "yes"]);
        fill_all_types(&mut redis);
        redis.must(&["SAVE"]);
        let digest = redis.text(&["DEBUG", "DIGEST"]);
        let groups: Vec<String> = ["small", "large"].map(|size| pending(&mut redis, size)).to_vec();
        assert!(groups.iter().all(|pending| pending.contains("al")), "{groups:?}");
        let contents = read_all(&fs::read(dir.path().join("dump.rdb")).expect("SAVE wrote it")).expect("redis-server wrote it");
        drop(redis);

        let header =
            Header { redis_version: "7.0.15", created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version: Version::Redis7 };
        let again = directory();
        let file = fs::File::create(again.path().join("dump.rdb")).expect("the directory is writable");
        let mut writer =
            Writer::new(file, Options { compress: compression == "yes", checksum: true }, &header).expect("the file is writable");
        let mut keys = 0;
        for event in &contents.events {
            if let Event::Entry { key, value, attributes } = event {
                writer.entry(key, value, attributes).expect("the file is writable");
                keys += 1;
            }
        }
        assert_eq!(keys, 14);
        writer.finish().expect("the file is writable");
        let mut redis = Redis::start(again.path(), &["--enable-debug-command", "yes"]);
        assert_eq!(redis.text(&["DEBUG", "DIGEST"]), digest);
        assert_eq!(["small", "large"].map(|size| pending(&mut redis, size)).to_vec(), groups);
    }
}

/// What is pending in a group, as one text.
fn pending(redis: &mut Redis, size: &str) -> String {
    // Without the idle times, which grow.
    let script = "local all = {} \
        for _, entry in ipairs(redis.call('XPENDING', KEYS[1], 'readers', '-', '+', 100)) do all[#all + 1] = {entry[1], entry[2], entry[4]} end \
        return cjson.encode({all, redis.call('XINFO', 'GROUPS', KEYS[1])})";
    redis.text(&["EVAL", script, "1", &format!("stream:{size}")])
}

/// Writes `keys` into a file as the server would.
fn write_file(path: &Path, keys: &Keys, options: Options, attributes: Attributes) {
    let header = Header {
        redis_version: "7.0.15",
        created_seconds: 1_700_000_000,
        used_memory_bytes: 1 << 20,
        is_aof_base: false,
        version: Version::Redis7,
    };
    let file = fs::File::create(path).expect("the directory is writable");
    let mut writer = Writer::new(file, options, &header).expect("the file is writable");
    let mut selected = None;
    for ((db, key), (value, deadline_ms)) in keys {
        if selected.replace(db) != Some(db) {
            writer.select_db(*db).expect("the file is writable");
            writer.resize_db(keys.len() as u64 / 3, expiring(keys, *db)).expect("the file is writable");
        }
        writer.string(key, value, &Attributes { deadline_ms: *deadline_ms, ..attributes }).expect("the file is writable");
    }
    let (_, length) = writer.finish().expect("the file is writable");
    assert_eq!(fs::metadata(path).expect("it is there").len(), length);
}

#[test]
fn files_written_here_load_in_redis_and_satisfy_its_checker() {
    let keys = varied_keys();
    for (compress, checksum) in [(true, true), (false, false)] {
        let dir = directory();
        let path = dir.path().join("dump.rdb");
        write_file(&path, &keys, Options { compress, checksum }, Attributes::default());

        let verdict = Command::new("redis-check-rdb").arg(&path).output().expect("redis-check-rdb must be installed");
        let report = String::from_utf8_lossy(&verdict.stdout);
        assert!(verdict.status.success(), "{report}");
        assert!(report.contains(if checksum { "Checksum OK" } else { "disabled" }), "{report}");
        assert!(report.contains(&format!("{} keys read", keys.len())), "{report}");

        let mut redis = Redis::start(dir.path(), &[]);
        for ((db, key), (value, deadline)) in &keys {
            redis.must(&["SELECT", &db.to_string()]);
            assert!(redis.command(&[b"GET", key]) == *value, "{}", key.escape_ascii());
            let expected = deadline.map_or("-1".to_owned(), |deadline| deadline.to_string());
            assert_eq!(redis.command(&[b"PEXPIRETIME", key]), expected.as_bytes());
            assert!(redis.text(&["DBSIZE"]) == (keys.len() / 3).to_string());
        }
    }
}

#[test]
fn access_history_written_here_is_taken_over_by_redis() {
    let keys = Keys::from([((0, b"key".to_vec()), (b"value".to_vec(), None))]);
    let history = Attributes { idle_seconds: Some(70_000), freq: Some(99), ..Attributes::default() };
    for (policy, question) in [("allkeys-lru", "IDLETIME"), ("allkeys-lfu", "FREQ")] {
        let dir = directory();
        write_file(&dir.path().join("dump.rdb"), &keys, Options::default(), history);
        let mut redis = Redis::start(dir.path(), &["--maxmemory-policy", policy]);
        let answer: u64 = redis.text(&["OBJECT", question, "key"]).parse().expect("a number");
        let expected = if question == "FREQ" { 99..=99 } else { 70_000..=70_060 };
        assert!(expected.contains(&answer), "{question} is {answer}");
    }
}

#[test]
fn compression_here_keeps_up_with_that_of_redis() {
    let keys = varied_keys();
    let dir = directory();
    let ours = dir.path().join("ours.rdb");
    write_file(&ours, &keys, Options::default(), Attributes::default());
    let mut redis = Redis::start(dir.path(), &[]);
    fill(&mut redis, &keys);
    redis.must(&["SAVE"]);
    let [ours, theirs] = [ours, dir.path().join("dump.rdb")].map(|path| fs::metadata(path).expect("it was written").len());
    assert!(ours * 100 <= theirs * 102, "{ours} bytes here, {theirs} there");
}

#[test]
fn commands_behind_a_part_that_redis_wrote_are_found() {
    let dir = directory();
    let mut redis = Redis::start(dir.path(), &[]);
    fill(&mut redis, &varied_keys());
    redis.must(&["SAVE"]);
    let part = fs::read(dir.path().join("dump.rdb")).expect("SAVE wrote it");
    let commands = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
    let path = dir.path().join("preamble.aof");
    fs::write(&path, [&part[..], commands].concat()).expect("the directory is writable");
    let mut reader = Reader::new(fs::File::open(&path).expect("it was just written")).expect("a header");
    while reader.next_event().expect("redis-server wrote it").is_some() {}
    assert_eq!(reader.bytes_consumed(), part.len() as u64);
    let mut rest = Vec::new();
    reader.into_rest().read_to_end(&mut rest).expect("the file is readable");
    assert_eq!(rest, commands);
}
