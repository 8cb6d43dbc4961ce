//! What is loaded is what was written: a torn tail is dropped exactly, any other damage stops the start with a sentence.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use graven_testkit::process::{Builder, copy_dir, crashed};
use graven_testkit::{Client, Dump, Program, Server, Value, client};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", "always").option("enable-debug-command", "yes")
}

/// A directory whose log holds `k0` to `k<n-1>`, each written by its own block.
fn written(n: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut server = graven().data(dir.path()).start().unwrap();
    let mut client = server.client();
    for i in 0..n {
        assert!(client.call(&["SET", &format!("k{i}"), &format!("value {i}")]).is_ok());
    }
    server.kill9();
    dir
}

fn copied(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path()).unwrap();
    copy
}

/// The start must fail by itself, with words; returns them.
#[track_caller]
fn refused(builder: Builder) -> String {
    let mut server = builder.prepare().unwrap();
    let status = server.run_to_exit(Duration::from_secs(20)).unwrap();
    let log = server.log();
    assert!(!status.success(), "the start was to be refused; the log:\n{log}");
    assert!(!crashed(status) && !log.contains("panicked"), "a crash is no refusal ({status}); the log:\n{log}");
    log
}

fn dump(server: &Server) -> Dump {
    Dump::take(&mut server.client()).unwrap()
}

fn keys(server: &Server) -> i64 {
    server.client().line("DBSIZE").as_int().unwrap()
}

/// Where the last block of the log begins.
fn last_block(log: &[u8]) -> usize {
    let mark = b"#BLK:";
    (0..log.len() - mark.len()).rev().find(|&at| log[at..].starts_with(mark)).expect("the log has blocks")
}

/// The log without the filler behind its last block.
fn blocks(dir: &Path) -> Vec<u8> {
    let mut log = fs::read(dir.join(INCR)).unwrap();
    let end = log.windows(2).rposition(|two| two == b"\r\n").expect("the log has lines") + 2;
    assert!(log[end..].len() > 100_000 && log[end..].iter().all(|b| b"#\n".contains(b)), "there is filler under always");
    log.truncate(end);
    log
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_all_before_it_is_there() {
    let dir = written(4);
    let log = blocks(dir.path());
    let begin = last_block(&log);
    for end in begin..=log.len() {
        // Half of them were torn while they were written over filler.
        let filler = if end % 2 == 0 { 0..0 } else { end..8_192 + 64 };
        let filler = filler.map(|at| if at % 64 == 63 && at > end { b'\n' } else { b'#' });
        let torn: Vec<u8> = log[..end].iter().copied().chain(filler).collect();
        fs::write(dir.path().join(INCR), torn).unwrap();
        let mut server = graven().data(dir.path()).start().unwrap();
        let whole = end == log.len();
        assert_eq!(keys(&server), if whole { 4 } else { 3 }, "cut at byte {end} of {}", log.len());
        assert_eq!(server.client().line("GET k2"), Value::bulk("value 2"));
        // `#BLK` alone is a comment.
        let cut = end > begin + 4 && !whole;
        if cut {
            assert!(server.log().to_lowercase().contains("truncat"), "cut at {end}; the log:\n{}", server.log());
            assert!(server.log().contains(&begin.to_string()), "the offset {begin} is not named; the log:\n{}", server.log());
        }
        // What is written next is found behind the cut.
        assert!(server.client().line("SET next v").is_ok());
        server.crash_and_restart().unwrap();
        assert_eq!(keys(&server), if whole { 5 } else { 4 });
        server.kill9();
        fs::remove_dir_all(dir.path().join("appendonlydir")).unwrap();
        fs::create_dir(dir.path().join("appendonlydir")).unwrap();
        fs::write(dir.path().join(MANIFEST), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
    }
}

#[test]
fn a_torn_tail_is_refused_if_the_operator_wants_it_so() {
    let dir = written(4);
    let log = blocks(dir.path());
    fs::write(dir.path().join(INCR), &log[..log.len() - 5]).unwrap();
    let said = refused(graven().data(dir.path()).option("aof-load-truncated", "no"));
    assert!(said.contains("Unexpected end of file") || said.contains("truncated"), "{said}");
    assert!(said.contains("check-aof --fix"), "{said}");
    assert!(said.contains("appendonly.aof.1.incr.aof"), "{said}");
    assert_eq!(fs::read(dir.path().join(INCR)).unwrap().len(), log.len() - 5, "a refused file is left as it is");
}

/// No flipped bit anywhere before the last block loads as other data: it is refused, with file and offset.
#[test]
fn a_flipped_bit_never_loads_as_different_data() {
    let dir = written(6);
    let log = fs::read(dir.path().join(INCR)).unwrap();
    let mut server = graven().data(copied(dir.path()).path()).start().unwrap();
    let expected = dump(&server);
    server.kill9();
    let (mut refusals, mut harmless) = (0, 0);
    for at in (0..last_block(&log)).step_by(5) {
        let copy = copied(dir.path());
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 7);
        fs::write(copy.path().join(INCR), &damaged).unwrap();
        let mut server = graven().data(copy.path()).prepare().unwrap();
        match server.start() {
            Ok(()) => {
                assert_eq!(expected.diff(&dump(&server), 0), None, "bit flipped in byte {at}");
                harmless += 1;
            }
            Err(_) => {
                let said = server.log();
                assert!(!said.contains("panicked"), "byte {at}: {said}");
                assert!(said.contains("Bad file format") && said.contains("appendonly.aof.1.incr.aof"), "byte {at}: {said}");
                assert!(said.contains("offset") && said.contains("check-aof --fix"), "byte {at}: {said}");
                assert_eq!(fs::read(copy.path().join(INCR)).unwrap(), damaged, "a refused file is left as it is");
                refusals += 1;
            }
        }
        server.kill9();
    }
    assert!(refusals > harmless * 3, "{refusals} refused, {harmless} loaded the same data");
}

#[test]
fn a_damaged_tail_is_cut_only_up_to_the_size_that_is_allowed() {
    for tail in [vec![0u8; 300], b"garbage that is no command\r\n".repeat(8)] {
        let dir = written(3);
        let mut log = fs::read(dir.path().join(INCR)).unwrap();
        let good = log.len();
        log.extend_from_slice(&tail);
        fs::write(dir.path().join(INCR), &log).unwrap();
        let said = refused(graven().data(copied(dir.path()).path()));
        assert!(said.contains("Bad file format"), "{said}");
        refused(graven().data(copied(dir.path()).path()).option("aof-load-corrupt-tail-max-size", tail.len() - 1));

        let builder = graven().data(dir.path()).option("aof-load-corrupt-tail-max-size", tail.len());
        let mut server = builder.start().unwrap();
        assert_eq!(keys(&server), 3);
        assert!(server.log().contains(&good.to_string()), "the offset {good} is not named: {}", server.log());
        assert!(server.client().line("SET next v").is_ok());
        server.crash_and_restart().unwrap();
        assert_eq!(keys(&server), 4);
    }
}

#[test]
fn a_missing_segment_is_refused_by_name() {
    let dir = written(3);
    fs::remove_file(dir.path().join(INCR)).unwrap();
    let said = refused(graven().data(dir.path()));
    assert!(said.contains("appendonly.aof.1.incr.aof"), "{said}");
}

#[test]
fn a_missing_base_is_refused_by_name() {
    let dir = written(3);
    let text = fs::read_to_string(dir.path().join(MANIFEST)).unwrap();
    fs::write(dir.path().join(MANIFEST), format!("file appendonly.aof.1.base.rdb seq 1 type b\n{text}")).unwrap();
    let said = refused(graven().data(dir.path()));
    assert!(said.contains("appendonly.aof.1.base.rdb"), "{said}");
}

/// A snapshot is no replacement for the log: what was acknowledged after it is only there.
#[test]
fn a_missing_manifest_is_refused_also_beside_a_snapshot_and_when_logging_is_switched_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = graven().data(dir.path()).start().unwrap();
    assert!(server.client().line("SET before 1").is_ok());
    assert!(server.client().line("SAVE").is_ok());
    assert!(server.client().line("SET acknowledged 2").is_ok());
    server.kill9();
    let manifest = fs::read(dir.path().join(MANIFEST)).unwrap();
    let segment = fs::read(dir.path().join(INCR)).unwrap();
    fs::remove_file(dir.path().join(MANIFEST)).unwrap();
    let said = refused(graven().data(dir.path()));
    assert!(said.contains("appendonly.aof.manifest' is missing"), "{said}");

    let mut server = graven().data(dir.path()).option("appendonly", "no").start().unwrap();
    let reply = format!("{:?}", server.client().line("CONFIG SET appendonly yes"));
    assert!(reply.contains("The AOF manifest"), "{reply}");
    assert_eq!(server.client().line("GET before"), Value::bulk("1"), "it goes on without");
    server.kill9();

    assert_eq!(fs::read(dir.path().join(INCR)).unwrap(), segment, "nothing was changed");
    fs::write(dir.path().join(MANIFEST), manifest).unwrap();
    let server = graven().data(dir.path()).start().unwrap();
    assert_eq!(server.client().line("GET acknowledged"), Value::bulk("2"));
}

#[test]
fn a_damaged_manifest_is_refused_with_its_line() {
    let good = "file appendonly.aof.1.incr.aof seq 1 type i crc 3d203f74513134c0\n";
    for bad in [
        "file appendonly.aof.1.incr.aof seq 1 type h crc 3d203f74513134c0\n",
        "",
        "file appendonly.aof.1.incr.aof seq 1 type i",
        "file appendonly.aof.1.incr.aof seq one type i\n",
        "file appendonly.aof.1.incr.aof seq 1 type x\n",
        "file ../appendonly.aof.1.incr.aof seq 1 type i\n",
        "garbage\n",
        "\n",
        "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
        "\u{0}\u{0}\u{0}\u{0}\n",
    ] {
        let dir = written(1);
        assert_eq!(fs::read_to_string(dir.path().join(MANIFEST)).unwrap(), good);
        fs::write(dir.path().join(MANIFEST), bad).unwrap();
        let said = refused(graven().data(dir.path()));
        assert!(said.contains("appendonly.aof.manifest"), "{bad:?}: {said}");
    }
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = graven().data(dir.path()).start().unwrap();
    assert!(first.client().line("SET a 1").is_ok());
    let said = refused(graven().data(dir.path()));
    assert!(said.contains(&format!("already in use by process {}", first.pid())), "{said}");
    assert_eq!(first.client().line("INCR a"), Value::Int(2), "the first server is not disturbed");
    drop(first);
    let next = graven().data(dir.path()).start().unwrap();
    assert_eq!(next.client().line("GET a"), Value::bulk("2"));
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("appendonlydir"), "a file").unwrap();
    let said = refused(graven().data(dir.path()));
    assert!(said.contains("appendonlydir"), "{said}");
}

fn single_file_log() -> Vec<u8> {
    let mut log = Vec::new();
    for words in [&["SELECT", "0"][..], &["SET", "a", "1"], &["MULTI"], &["INCR", "a"], &["SET", "b", "2"], &["EXEC"], &["SELECT", "5"]] {
        client::encode(&mut log, words);
    }
    client::encode(&mut log, &["PEXPIREAT", "a", "1"]);
    client::encode(&mut log, &["SET", "c", "3"]);
    log
}

/// An old log, as Redis up to 6 wrote it beside the RDB file.
#[test]
fn a_single_file_log_is_taken_over_into_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("appendonly.aof"), single_file_log()).unwrap();
    let mut server = graven().data(dir.path()).start().unwrap();
    let before = dump(&server);
    assert_eq!(before.len(), 3);
    assert!(!dir.path().join("appendonly.aof").exists());
    assert!(server.client().line("SET d 4").is_ok());
    server.crash_and_restart().unwrap();
    assert_eq!(keys(&server), 3);
    let after = dump(&server);
    server.kill9();
    let copy = copied(dir.path());
    let redis = Server::builder(&Program::redis()).data(copy.path()).start().unwrap();
    assert_eq!(after.diff(&dump(&redis), 0), None);
}

/// With an RDB preamble, as Redis 4 to 6 wrote it after a rewrite.
#[test]
fn a_single_file_log_with_an_rdb_preamble_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let redis = Server::builder(&Program::redis()).option("appendonly", "no").data(dir.path()).start().unwrap();
    redis.client().line("SET fromrdb 1");
    redis.client().line("SAVE");
    drop(redis);
    let mut log = fs::read(dir.path().join("dump.rdb")).unwrap();
    fs::remove_file(dir.path().join("dump.rdb")).unwrap();
    log.extend(single_file_log());
    fs::write(dir.path().join("appendonly.aof"), log).unwrap();
    let server = graven().data(dir.path()).start().unwrap();
    assert_eq!(server.client().line("GET fromrdb"), Value::bulk("1"));
    assert_eq!(dump(&server).len(), 4);
}

#[test]
fn an_unclosed_transaction_at_the_end_is_dropped_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Vec::new();
    for words in [&["SELECT", "0"][..], &["SET", "a", "1"], &["MULTI"], &["INCR", "a"], &["SET", "b", "2"]] {
        client::encode(&mut log, words);
    }
    fs::create_dir(dir.path().join("appendonlydir")).unwrap();
    fs::write(dir.path().join(MANIFEST), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
    fs::write(dir.path().join(INCR), &log).unwrap();
    let server = graven().data(dir.path()).start().unwrap();
    assert_eq!(server.client().line("GET a"), Value::bulk("1"));
    assert_eq!(keys(&server), 1);
}

#[test]
fn a_command_that_is_no_command_is_refused() {
    for words in [&["NOSUCHCOMMAND", "a"][..], &["SET", "a"], &["INCR", "a", "b"]] {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Vec::new();
        client::encode(&mut log, words);
        client::encode(&mut log, &["SET", "z", "1"]);
        fs::create_dir(dir.path().join("appendonlydir")).unwrap();
        fs::write(dir.path().join(MANIFEST), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
        fs::write(dir.path().join(INCR), &log).unwrap();
        let said = refused(graven().data(dir.path()));
        assert!(said.contains("appendonly.aof.1.incr.aof"), "{said}");
    }
}

#[test]
fn a_command_in_the_log_cannot_forge_a_line_about_itself() {
    let dir = tempfile::tempdir().unwrap();
    let forged = "1:M 01 Jan 2026 00:00:00.000 * Ready to accept connections";
    let log = format!("*2\r\n$6\r\nNO\nSUC\r\n${}\r\n\n{forged}\u{1b}[31m\r\n", forged.len() + 6);
    fs::write(dir.path().join("appendonly.aof"), log).unwrap();
    let said = refused(graven().data(dir.path()));
    assert!(said.contains("Can't execute NO\\nSUC at offset 0") && said.contains(&format!("'\\n{forged}\\x1b[31m'")), "{said}");
    assert!(!said.lines().any(|line| line.starts_with(forged)) && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn leftovers_of_an_interrupted_change_are_removed_at_the_start() {
    let dir = written(2);
    let leftover: PathBuf = dir.path().join("appendonlydir/temp-appendonly.aof.manifest");
    fs::write(&leftover, "half a mani").unwrap();
    let server = graven().data(dir.path()).start().unwrap();
    assert_eq!(keys(&server), 2);
    assert!(!leftover.exists());
}

#[test]
fn the_server_says_loading_while_it_loads_and_how_long_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Vec::new();
    for n in 0..1_500_000 {
        client::encode(&mut log, &["SET", &format!("key:{n}"), "0123456789012345678901234567890123456789"]);
    }
    fs::create_dir(dir.path().join("appendonlydir")).unwrap();
    fs::write(dir.path().join(MANIFEST), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
    fs::write(dir.path().join(INCR), &log).unwrap();
    let mut server = graven().data(dir.path()).prepare().unwrap();
    server.spawn().unwrap();
    let (mut loading, mut fields) = (0, Vec::new());
    for _ in 0..60_000 {
        let Ok(mut client) = Client::tcp(server.port()) else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        match client.cmd(&["GET", "key:1"]) {
            Ok(Value::Bulk(_)) => break,
            Ok(reply) => {
                let error = reply.error_text().unwrap_or_default();
                assert_eq!(error, "LOADING Redis is loading the dataset in memory");
                loading += 1;
                if fields.is_empty() {
                    for line in ["DEBUG POPULATE 1 populated", "DEBUG RELOAD", "DEBUG LOADAOF", "SAVE"] {
                        let reply = client.line(line);
                        assert_eq!(reply.error_text().unwrap_or_default(), error, "{line}");
                    }
                    let info = client.call(&["INFO", "persistence"]).text();
                    fields = info.lines().filter(|line| line.starts_with("loading")).map(str::to_owned).collect();
                }
            }
            Err(error) => panic!("{error}; the log:\n{}", server.log()),
        }
    }
    assert!(loading > 0, "it was never seen loading");
    for field in [
        "loading:1",
        "loading_start_time:",
        "loading_total_bytes:",
        "loading_loaded_bytes:",
        "loading_loaded_perc:",
        "loading_eta_seconds:",
    ] {
        assert!(fields.iter().any(|line| line.starts_with(field)), "no {field} in {fields:?}");
    }
    assert_eq!(keys(&server), 1_500_000);
    assert!(server.log().contains("DB loaded from append only file: "), "{}", server.log());
    assert!(server.log().contains("Ready to accept connections"), "{}", server.log());
}

#[test]
fn an_empty_directory_starts_empty_and_logs_at_once() {
    let mut server = graven().start().unwrap();
    let info = server.info("persistence");
    assert_eq!(info["aof_enabled"], "1");
    assert_eq!(info["loading"], "0");
    assert!(server.client().line("SET a 1").is_ok());
    server.crash_and_restart().unwrap();
    assert_eq!(keys(&server), 1);
}
