//! `check-aof` prints what `redis-check-aof` prints, on the same files; and it never calls valid what a server would refuse.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use graven_aof::repair::{CheckOptions, Surroundings, check};
use graven_aof::{FsStorage, FsyncPolicy, Options, Recovery, Runtime};

const SELECT: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
const SET: &str = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
const MULTI: &str = "*1\r\n$5\r\nMULTI\r\n";

fn run(path: &Path, options: CheckOptions, answer: bool) -> (String, bool) {
    let mut out = Vec::new();
    let shown_dir = format!("AOF {}/", path.parent().unwrap().display());
    let mut surroundings = Surroundings { out: &mut out, confirm: &mut || answer, rdb: &mut |_, _, _| panic!("there is no RDB") };
    let valid = check(path, options, &mut surroundings).unwrap();
    // A file given alone is shown as it was given: these tests give whole paths, and expect what Redis prints of the name.
    let text = String::from_utf8(out).unwrap().replace(&shown_dir, "AOF ").replace(&format!("filename={}", &shown_dir[4..]), "filename=");
    (text, valid)
}

/// What Redis's tool prints, or None where it is not installed. Its sentence about the damaged place is its own.
fn redis(dir: &Path, options: &[&str], name: &str) -> Option<(String, bool)> {
    let output = Command::new("redis-check-aof").current_dir(dir).args(options).arg(name).output().ok()?;
    Some((without_reason(&String::from_utf8_lossy(&output.stdout)), output.status.success()))
}

fn without_reason(text: &str) -> String {
    let kept = text.lines().filter(|line| !line.starts_with("0x") && !line.ends_with("format error"));
    kept.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_lines_are_those_of_redis() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(dir.path().join(name), content).unwrap();
    let good = format!("{SELECT}{SET}");
    write("good", &good);
    write("torn", &format!("{good}*3\r\n$3\r\nSET\r\n$1"));
    write("garbage", &format!("{good}xyz\r\n{good}"));
    write("multi", &format!("{good}{MULTI}{good}"));
    write("annotated", &format!("{SELECT}#TS:100\r\n{SET}#TS:200\r\n{SET}"));
    write("empty", "");
    let filler = format!("{}\n", "#".repeat(63)).repeat(17);
    write("filled", &format!("{good}{}", &filler[good.len()..]));
    write("behind filler", &format!("{good}{}{good}", &filler[good.len()..]));
    write("a.aof.1.base.aof", &good);
    write("a.aof.1.incr.aof", &good);
    write("a.aof.2.incr.aof", &format!("{good}*3\r\n$3\r\nSET\r\n$1"));
    write("valid.manifest", "file a.aof.1.base.aof seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\n");
    write("torn.manifest", "file a.aof.1.base.aof seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\nfile a.aof.2.incr.aof seq 2 type i\n");
    for name in ["good", "torn", "garbage", "multi", "annotated", "empty", "filled", "behind filler", "valid.manifest", "torn.manifest"] {
        let (ours, valid) = run(&dir.path().join(name), CheckOptions::default(), false);
        match redis(dir.path(), &[], name) {
            Some(theirs) => assert_eq!((without_reason(&ours), valid), theirs, "{name}"),
            None => eprintln!("SKIPPED: no redis-check-aof"),
        }
    }
    let (text, valid) = run(&dir.path().join("nofile"), CheckOptions::default(), false);
    assert!(!valid && text.starts_with("Cannot open file ") && text.ends_with(": No such file or directory\n"), "{text}");
}

#[test]
fn a_fix_asks_and_cuts_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("torn");
    let good = format!("{SELECT}{SET}");
    std::fs::write(&path, format!("{good}*3\r\n$3\r\nSET\r\n$1")).unwrap();
    let fix = CheckOptions { fix: true, ..CheckOptions::default() };
    let (text, valid) = run(&path, fix, false);
    assert!(
        !valid && text.ends_with("This will shrink the AOF torn from 65 bytes, with 15 bytes, to 50 bytes\nContinue? [y/N]: Aborting...\n"),
        "{text}"
    );
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 65);
    let (text, valid) = run(&path, fix, true);
    assert!(valid && text.ends_with("Continue? [y/N]: Successfully truncated AOF torn\n"), "{text}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
}

#[test]
fn only_the_last_file_is_ever_cut() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.aof.1.incr.aof"), format!("{SELECT}*1")).unwrap();
    std::fs::write(dir.path().join("a.aof.2.incr.aof"), SELECT).unwrap();
    let manifest = dir.path().join("m");
    std::fs::write(&manifest, "file a.aof.1.incr.aof seq 1 type i\nfile a.aof.2.incr.aof seq 2 type i\n").unwrap();
    let (text, valid) = run(&manifest, CheckOptions { fix: true, ..CheckOptions::default() }, true);
    assert!(!valid && text.ends_with("Failed to truncate AOF a.aof.1.incr.aof because it is not the last file\n"), "{text}");
}

/// A log of four blocks, and where each begins in its only file, and where the last ends.
fn four_blocks() -> (Vec<u8>, Vec<usize>) {
    let dir = tempfile::tempdir().unwrap();
    let mut recovery = Recovery::open(Arc::new(FsStorage::new(dir.path())), Options::default()).unwrap();
    assert!(recovery.next_part().unwrap().is_none());
    let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
    let read = || std::fs::read(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    let mut starts = vec![0];
    for _ in 0..4 {
        log.submit(&mut format!("{SELECT}{SET}").into_bytes(), 0);
        starts.push(read().len());
    }
    (read(), starts)
}

/// Whether a server that cuts nothing takes the directory, and if not, why.
fn server(dir: &Path) -> Result<(), String> {
    let mut recovery = Recovery::open(Arc::new(FsStorage::new(dir)), Options { load_truncated: false, ..Options::default() })
        .map_err(|e| e.to_string())?;
    while recovery.next_part().map_err(|e| e.to_string())?.is_some() {}
    Ok(())
}

#[test]
fn a_manifest_is_judged_as_a_server_judges_it() {
    let (log, at) = four_blocks();
    let block = |from: usize, to: usize| log[at[from]..at[to]].to_vec();
    let zeros = vec![0; 60];
    let foreign = format!("{SELECT}{SET}").into_bytes();
    let cases: &[(&str, bool, Vec<Vec<u8>>)] = &[
        ("whole", true, vec![block(0, 2), block(2, 3), block(3, 4)]),
        ("a file from the middle is missing", false, vec![block(0, 1), block(2, 4)]),
        ("a block between two files is missing", false, vec![block(0, 2), block(3, 4)]),
        ("a block is there twice", false, vec![block(0, 2), [block(1, 2), block(1, 2)].concat()]),
        ("the end was written again", true, vec![block(0, 3), block(1, 4)]),
        ("a torn end was written again", true, vec![log[..at[2] + 9].to_vec(), block(2, 4)]),
        ("zeros, then it was written again", true, vec![[block(0, 2), zeros.clone()].concat(), block(2, 4)]),
        ("zeros, and the next continues elsewhere", false, vec![[block(0, 2), zeros].concat(), block(3, 4)]),
        ("a torn end, and nothing later", false, vec![block(0, 2), log[at[2]..at[3] + 9].to_vec()]),
        ("commands of a real Redis", true, vec![foreign.clone(), foreign]),
        ("an empty one between", true, vec![block(0, 2), Vec::new(), block(2, 4)]),
        ("two files beyond the next", true, vec![block(0, 4), block(3, 4), block(2, 4)]),
    ];
    for (what, valid, files) in cases {
        let dir = tempfile::tempdir().unwrap();
        let aof = dir.path().join("appendonlydir");
        std::fs::create_dir(&aof).unwrap();
        let mut manifest = String::new();
        for (i, file) in files.iter().enumerate() {
            let name = format!("appendonly.aof.{}.incr.aof", i + 1);
            std::fs::write(aof.join(&name), file).unwrap();
            manifest += &format!("file {name} seq {} type i\n", i + 1);
        }
        let path = aof.join("appendonly.aof.manifest");
        std::fs::write(&path, manifest).unwrap();
        let (text, ours) = run(&path, CheckOptions::default(), false);
        let server = server(dir.path());
        assert_eq!(ours, server.is_ok(), "{what}: {text}\n{server:?}");
        assert_eq!(ours, *valid, "{what}: {text}");
        assert_eq!(text.contains("All AOF files and manifest are valid"), ours);
    }
}

#[test]
fn a_segment_given_alone_is_not_taken_for_the_last_one() {
    let (log, at) = four_blocks();
    let dir = tempfile::tempdir().unwrap();
    let [first, second, manifest] = ["a.aof.1.incr.aof", "a.aof.2.incr.aof", "a.aof.manifest"].map(|name| dir.path().join(name));
    let torn = &log[..at[2] + 9];
    std::fs::write(&first, torn).unwrap();
    std::fs::write(&second, &log[at[2]..at[4] - 1]).unwrap();
    std::fs::write(&manifest, "file a.aof.1.incr.aof seq 1 type i\nfile a.aof.2.incr.aof seq 2 type i\n").unwrap();
    for options in [CheckOptions::default(), CheckOptions { fix: true, ..CheckOptions::default() }] {
        let (text, valid) = run(&first, options, true);
        assert!(!valid && text.ends_with(&format!("Give the manifest instead of the file: {}\n", manifest.display())), "{text}");
        assert_eq!(std::fs::read(&first).unwrap(), torn);
    }
    // The last one may be given alone, and also one that no manifest names.
    assert!(run(&second, CheckOptions { fix: true, ..CheckOptions::default() }, true).1);
    assert_eq!(std::fs::read(&second).unwrap(), &log[at[2]..at[3]]);
    std::fs::remove_file(&manifest).unwrap();
    assert!(run(&first, CheckOptions { fix: true, ..CheckOptions::default() }, true).1);
    assert_eq!(std::fs::read(&first).unwrap(), &log[..at[2]]);
}

#[test]
fn a_file_that_holds_nothing_yet_does_not_keep_the_one_before_from_being_cut() {
    let (log, at) = four_blocks();
    for next in [String::new(), format!("{}\n", "#".repeat(63)).repeat(16)] {
        let dir = tempfile::tempdir().unwrap();
        let [first, second, manifest] = ["a.aof.1.incr.aof", "a.aof.2.incr.aof", "a.aof.manifest"].map(|name| dir.path().join(name));
        std::fs::write(&first, &log[..at[2] + 9]).unwrap();
        std::fs::write(&second, &next).unwrap();
        std::fs::write(&manifest, "file a.aof.1.incr.aof seq 1 type i\nfile a.aof.2.incr.aof seq 2 type i\n").unwrap();
        let (text, valid) = run(&manifest, CheckOptions { fix: true, ..CheckOptions::default() }, true);
        assert!(valid, "{text}");
        assert_eq!(std::fs::read(&first).unwrap(), &log[..at[2]]);
    }
}

#[test]
fn where_a_cut_would_lose_good_blocks_it_is_said_before_the_question() {
    let (mut log, at) = four_blocks();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edited");
    log[at[2] - 4] ^= 1;
    std::fs::write(&path, &log).unwrap();
    let (text, valid) = run(&path, CheckOptions { fix: true, ..CheckOptions::default() }, false);
    let warning = text.find(&format!("A whole block stands at offset {}, so this is not what a crash leaves", at[2]));
    assert!(!valid && warning.is_some() && warning < text.find("Continue?"), "{text}");
}

#[test]
fn a_log_is_cut_to_a_timestamp_also_inside_a_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut recovery =
        Recovery::open(Arc::new(FsStorage::new(dir.path())), Options { policy: FsyncPolicy::Always, ..Options::default() }).unwrap();
    assert!(recovery.next_part().unwrap().is_none());
    let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
    for time in [100, 200, 300] {
        log.submit(&mut format!("{SELECT}#TS:{time}\r\n{SET}#TS:{}\r\n{SET}{SET}", time + 50).into_bytes(), 0);
    }
    drop(log);
    let path = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let (text, valid) = run(&path, CheckOptions { truncate_to_timestamp: Some(220), ..CheckOptions::default() }, false);
    assert!(valid && text.ends_with("Successfully truncated AOF appendonly.aof.1.incr.aof to timestamp 220\n"), "{text}");
    let (text, valid) = run(&path, CheckOptions::default(), false);
    assert!(valid, "{text}");
    let left = std::fs::read_to_string(&path).unwrap();
    assert!(left.contains("#TS:200") && !left.contains("#TS:250"));
    assert_eq!(left.matches("SET\r\n").count(), 4);
}

#[test]
fn a_cut_to_a_timestamp_does_with_damage_what_redis_does() {
    let dir = tempfile::tempdir().unwrap();
    let good = format!("{SELECT}#TS:100\r\n{SET}#TS:200\r\n{SET}");
    let torn = "*3\r\n$3\r\nSET\r\n$1";
    for (name, content) in [
        ("good", good.clone()),
        ("torn", format!("{good}{torn}")),
        ("torn behind a time", format!("{good}#TS:300\r\n{torn}")),
        ("garbage", format!("{good}xyz\r\n{good}")),
        ("a time is damaged", good.replace("#TS:200", "!TS:200")),
    ] {
        let path = dir.path().join(name);
        for time in [50, 150, 250, 400] {
            std::fs::write(&path, &content).unwrap();
            let Some(theirs) = redis(dir.path(), &["--truncate-to-timestamp", &time.to_string()], name) else {
                eprintln!("SKIPPED: no redis-check-aof");
                return;
            };
            let left = std::fs::read(&path).unwrap();
            std::fs::write(&path, &content).unwrap();
            let (text, valid) = run(&path, CheckOptions { truncate_to_timestamp: Some(time), ..CheckOptions::default() }, false);
            assert_eq!((without_reason(&text), valid), theirs, "{name} to {time}");
            assert_eq!(std::fs::read(&path).unwrap(), left, "{name} to {time}");
        }
    }
}

#[test]
fn a_damaged_block_is_never_cut_to_a_timestamp() {
    let (log, at) = four_blocks();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let to_now = CheckOptions { truncate_to_timestamp: Some(100), ..CheckOptions::default() };
    let mut flipped = log.clone();
    flipped[at[2] - 4] ^= 1;
    let annotated = format!("{SELECT}{SET}#TS:500\r\n{SET}");
    let lying = format!("#BLK:v1;lsn:0;len:{};crc:0123456789abcdef\r\n{annotated}", u64::MAX);
    let wrong = format!("#BLK:v1;lsn:0;len:{};crc:0123456789abcdef\r\n{annotated}", annotated.len());
    for damaged in [flipped, lying.into_bytes(), wrong.into_bytes()] {
        std::fs::write(&path, &damaged).unwrap();
        let (text, valid) = run(&path, to_now, false);
        assert!(!valid && text.ends_with("AOF log is not valid. Use the --fix option to try fixing it.\n"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn a_flipped_bit_in_a_block_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut recovery = Recovery::open(Arc::new(FsStorage::new(dir.path())), Options::default()).unwrap();
    assert!(recovery.next_part().unwrap().is_none());
    let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
    log.submit(&mut format!("{SELECT}{SET}").into_bytes(), 0);
    let first = std::fs::read(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap().len();
    log.submit(&mut format!("{SELECT}{SET}").into_bytes(), 0);
    drop(log);
    let path = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (text, valid) = run(&path, CheckOptions::default(), false);
    assert!(!valid && text.contains(&format!("0x{first:16x}: the checksum of the block")), "{text}");
    assert!(text.contains(&format!("ok_up_to={first}, ")), "{text}");
}
