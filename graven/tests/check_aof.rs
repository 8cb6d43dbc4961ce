//! `graven check-aof` says of a file what `redis-check-aof` says, and repairs what the start refuses.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use graven_testkit::process::{Builder, copy_dir};
use graven_testkit::{Program, Server, Value, client};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("appendfsync", "always")
}

fn check(args: &[&str], file: &Path, answer: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_graven"))
        .arg("check-aof")
        .args(args)
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without asking.
    let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `AOF analyzed: filename=…, size=…, ok_up_to=…, ok_up_to_line=…, diff=…`
fn analysis(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("AOF analyzed: ")).unwrap_or_else(|| panic!("no analysis in {text}"));
    line.to_owned()
}

/// A log of three blocks, and where its files are.
fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut server = graven().data(dir.path()).start().unwrap();
    for n in 0..3 {
        assert!(server.client().call(&["SET", &format!("k{n}"), "value"]).is_ok());
    }
    server.kill9();
    dir
}

const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

#[test]
fn a_log_of_redis_is_analysed_as_redis_check_aof_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut good = Vec::new();
    for words in [&["SELECT", "0"][..], &["SET", "a", "1"], &["MULTI"], &["INCR", "a"], &["EXEC"], &["SET", "b", "two\r\nlines"]] {
        client::encode(&mut good, words);
    }
    let whole = good.len();
    for (name, bytes) in [
        ("whole", good.clone()),
        ("cut", good[..whole - 4].to_vec()),
        ("garbage", [&good[..], b"garbage\r\n"].concat()),
        ("zeros", [&good[..], &[0; 40]].concat()),
        ("open transaction", [&good[..], b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"].concat()),
    ] {
        let file = dir.path().join("log.aof");
        std::fs::write(&file, &bytes).unwrap();
        let redis = Command::new("redis-check-aof").arg(&file).output().unwrap();
        let ours = check(&[], &file, "");
        // Redis's line is the one where it stopped reading, which in a damaged file may be inside the damage.
        let comparable = |output: &Output| {
            let line = analysis(&said(output));
            let (head, tail) = line.split_once(", ok_up_to_line=").unwrap();
            let (number, diff) = tail.split_once(", diff=").unwrap();
            (head.to_owned(), if name == "whole" { number.to_owned() } else { String::new() }, diff.to_owned())
        };
        assert_eq!(comparable(&ours), comparable(&redis), "{name}");
        assert_eq!(ours.status.success(), redis.status.success(), "{name}: {}", said(&ours));
    }
}

#[test]
fn a_whole_log_of_our_own_is_valid_for_both() {
    let dir = written();
    for file in [INCR, MANIFEST] {
        let file = dir.path().join(file);
        let ours = check(&[], &file, "");
        assert!(ours.status.success() && said(&ours).contains("is valid"), "{}", said(&ours));
        let redis = Command::new("redis-check-aof").arg(&file).output().unwrap();
        assert!(redis.status.success(), "{}", said(&redis));
    }
}

#[test]
fn a_base_is_judged_as_a_start_judges_it() {
    let dir = tempfile::tempdir().unwrap();
    let append_dir = dir.path().join("appendonlydir");
    std::fs::create_dir(&append_dir).unwrap();
    let manifest = append_dir.join("appendonly.aof.manifest");
    std::fs::write(&manifest, "file appendonly.aof.1.base.rdb seq 1 type b\n").unwrap();
    let base = |body: &[u8]| {
        let file = [b"REDIS0010\xfa\x08aof-base\xc0\x01\xfe\x00", body, b"\xff", &[0; 8]].concat();
        std::fs::write(append_dir.join("appendonly.aof.1.base.rdb"), file).unwrap();
        said(&check(&[], &manifest, ""))
    };
    let good = base(b"\x00\x01k\x01v");
    let redis = Command::new("redis-check-aof").arg(&manifest).output().unwrap();
    assert_eq!(good, said(&redis));
    assert!(good.ends_with("All AOF files and manifest are valid\n"), "{good}");
    // A member that is there twice, and a stream of one entry that says it has two.
    let node = b"\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff";
    let id = [5u64.to_be_bytes(), 1u64.to_be_bytes()].concat();
    let stream = [b"\x13\x01s\x01\x10", &id[..], &[node.len() as u8], node, b"\x02\x05\x01\x05\x01\0\0\x02\0"].concat();
    for bad in [b"\x02\x01s\x03\x01a\x01a\x01c".to_vec(), stream] {
        let text = base(&bad);
        assert!(text.contains("--- RDB ERROR DETECTED ---\n"), "{text}");
        assert!(text.ends_with("RDB preamble of AOF file is not sane, aborting.\n"), "{text}");
        let mut refused = graven().data(dir.path()).prepare().unwrap();
        assert!(!refused.run_to_exit(std::time::Duration::from_secs(20)).unwrap().success());
    }
}

/// What Redis cannot see: a flipped bit inside a value.
#[test]
fn a_flipped_bit_in_a_value_is_found() {
    let dir = written();
    let file = dir.path().join(INCR);
    let mut log = std::fs::read(&file).unwrap();
    let at = log.windows(5).position(|window| window == b"value").unwrap();
    log[at] ^= 4;
    std::fs::write(&file, &log).unwrap();
    let ours = check(&[], &file, "");
    assert!(!ours.status.success(), "{}", said(&ours));
    assert!(analysis(&said(&ours)).contains("ok_up_to=0,"), "{}", said(&ours));
}

#[test]
fn fix_asks_first_and_makes_the_start_work_again() {
    let dir = written();
    let file = dir.path().join(INCR);
    let mut log = std::fs::read(&file).unwrap();
    let good = log.len();
    log.extend_from_slice(b"garbage that is no command\r\n");
    std::fs::write(&file, &log).unwrap();
    let mut refused = graven().data(dir.path()).prepare().unwrap();
    assert!(!refused.run_to_exit(std::time::Duration::from_secs(20)).unwrap().success());
    assert!(refused.log().contains("check-aof --fix"), "{}", refused.log());

    let no = check(&["--fix"], &file, "n\n");
    assert_eq!(std::fs::read(&file).unwrap().len(), log.len(), "nothing was to be cut: {}", said(&no));
    let yes = said(&check(&["--fix"], &file, "y\n"));
    for expected in [
        format!("This will shrink the AOF {} from {} bytes, with {} bytes, to {good} bytes", file.display(), log.len(), log.len() - good),
        "Continue? [y/N]: ".to_owned(),
        format!("Successfully truncated AOF {}", file.display()),
    ] {
        assert!(yes.contains(&expected), "{expected:?} is missing in {yes}");
    }
    let server = graven().data(dir.path()).start().unwrap();
    assert_eq!(server.client().line("DBSIZE"), Value::Int(3));
}

#[test]
fn a_running_server_is_not_disturbed() {
    let server = graven().start().unwrap();
    assert!(server.client().line("SET a 1").is_ok());
    let copy = tempfile::tempdir().unwrap();
    copy_dir(server.data(), copy.path()).unwrap();
    let file = server.data().join(MANIFEST);
    let output = said(&check(&["--fix"], &file, "y\n"));
    assert!(server.client().line("SET a 2").is_ok(), "{output}");
    assert_eq!(std::fs::read(copy.path().join(MANIFEST)).unwrap(), std::fs::read(&file).unwrap());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = check(&[], Path::new("/nosuch/file.aof"), "");
    assert!(!output.status.success() && said(&output).contains("/nosuch/file.aof"), "{}", said(&output));
}
