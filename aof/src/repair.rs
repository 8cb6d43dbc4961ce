//! Checking and repairing files of the log while no server runs: what `graven check-aof` prints and does. The lines are those
//! that `redis-check-aof` prints, because people's scripts read them.
//!
//! The files of a manifest are judged by the same reader that recovery uses, with the same positions carried from file to file, so
//! what this calls valid is what a server loads. (A torn end, which a server may cut by itself, is not called valid.) A single
//! file is judged for itself. A repair only ever cuts the end off, and only of the last file of a manifest, also when that file is
//! given alone; `ok_up_to` is where it cuts.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block::{self, HeaderLine, Parsed};
use crate::filler;
use crate::fs::FsStorage;
use crate::manifest::{Entry, Kind, Manifest};
use crate::reader::{Chunk, Position, Reader, Tail, first_block_lsn, is_whole};
use crate::remedy;
use crate::scan::{self, Scan};
use crate::segment::write_all_at;
use crate::storage::{File, OpenMode, Storage, sync_uninterrupted};

const PIECE_BYTES: usize = 1 << 20;

/// What is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions {
    /// Cut what is not valid, after asking.
    pub fix: bool,
    /// Cut everything from the first `#TS:` annotation after this time on (Unix seconds).
    pub truncate_to_timestamp: Option<i64>,
}

/// Judges the RDB at the beginning of a file, given by its path and the name to show. Writes what it finds, and tells the RDB's bytes if it
/// is good.
pub type RdbJudge = dyn FnMut(&Path, &str, &mut dyn Write) -> io::Result<Option<u64>>;

/// What the check needs from outside.
pub struct Surroundings<'a> {
    /// Where the lines go.
    pub out: &'a mut dyn Write,
    /// Asks the operator; the question has been printed.
    pub confirm: &'a mut dyn FnMut() -> bool,
    /// The `rdb` crate, of which the log knows nothing.
    pub rdb: &'a mut RdbJudge,
}

/// A file, and what its manifest tells about it.
struct Subject {
    path: PathBuf,
    /// As it is shown: the name in the manifest, or the path that was given.
    shown: String,
    label: &'static str,
    /// Whether its bytes count in the stream.
    counts: bool,
    /// Where a later file begins to supersede it.
    limit: Option<u64>,
    later: Later,
}

/// Whether files follow, so that nothing may be cut off.
enum Later {
    None,
    Some,
    /// The file was given alone; this is the manifest in which others follow.
    InManifest(PathBuf),
}

/// How far the check has come, over all files.
struct Progress {
    line: u64,
    position: Position,
}

/// What was found in one file.
struct Report {
    size: u64,
    /// Where its good part ends.
    ok_up_to: u64,
    /// What is wrong, and where.
    problem: Option<(u64, String)>,
    /// Where a whole block stands at the damage or behind it.
    whole_block: Option<u64>,
    /// How many bytes at its end hold nothing.
    filler: u64,
}

/// Checks one file of commands (from `rdb_end` on).
fn check_file(subject: &Subject, rdb_end: u64, progress: &mut Progress) -> io::Result<Report> {
    let (storage, name) = storage_of(&subject.path);
    let file = storage.open(&name, OpenMode::Read)?;
    let size = file.len()?;
    let content_end = filler::content_end(&file, size)?.max(rdb_end);
    let mut lines = progress.line;
    let reader = Reader {
        file,
        path: Arc::from(subject.path.display().to_string()),
        len: content_end,
        offset: rdb_end,
        position: progress.position,
        limit: subject.limit,
        counts: subject.counts,
    };
    let end = reader.read(|chunk| {
        lines += lines_of(&chunk);
        true
    })?;
    let end = end.expect("reading was not given up");
    let problem = match &end.tail {
        Tail::Clean | Tail::Superseded => None,
        Tail::Torn(what) if what == "a transaction" => Some((content_end, "Reached EOF before reading EXEC for MULTI".to_owned())),
        Tail::Torn(what) => Some((content_end, format!("Unexpected end of file, {what} is incomplete"))),
        Tail::Damaged(reason) => Some((end.found_at, reason.clone())),
    };
    if problem.is_some() {
        lines += lines_of_tail(&storage.open(&name, OpenMode::Read)?, end.offset)?;
    }
    // A base has positions of its own.
    let position = if subject.counts { end.position } else { progress.position };
    *progress = Progress { line: lines, position };
    // Filler is as valid as what stands before it.
    let ok_up_to = if end.tail == Tail::Clean || end.offset == content_end { size } else { end.offset };
    Ok(Report { size, ok_up_to, problem, whole_block: end.whole_block, filler: size - content_end })
}

/// Checks a manifest's files or a single file, and repairs it if that is wanted. True when everything is valid in the end.
pub fn check(path: &Path, options: CheckOptions, surroundings: &mut Surroundings<'_>) -> io::Result<bool> {
    let head = match read_head(path) {
        Ok(head) => head,
        Err(e) => {
            writeln!(surroundings.out, "Cannot open file {}: {}", path.display(), crate::segment::error_text(&e))?;
            return Ok(false);
        }
    };
    let mut progress = Progress { line: 1, position: Position { lsn: 0, anchored: false } };
    if !looks_like_manifest(&head) {
        writeln!(surroundings.out, "Start checking Old-Style AOF")?;
        return check_one(&given_alone(path)?, options, &mut progress, surroundings);
    }
    writeln!(surroundings.out, "Start checking Multi Part AOF")?;
    let manifest = match Manifest::parse(&path.display().to_string(), &std::fs::read(path)?) {
        Ok(manifest) => manifest,
        Err(e) => {
            writeln!(surroundings.out, "{e}")?;
            return Ok(false);
        }
    };
    let dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let files: Vec<_> = manifest.live().collect();
    let first_lsns = files.iter().map(|entry| match entry.kind {
        Kind::Incr => first_lsn(&dir.join(&entry.name)),
        Kind::Base | Kind::History => None,
    });
    let first_lsns: Vec<_> = first_lsns.collect();
    let mut announced = false;
    for (index, entry) in files.iter().enumerate() {
        let subject = Subject {
            path: dir.join(&entry.name),
            shown: entry.name.clone(),
            label: if entry.kind == Kind::Base { "BASE AOF" } else { "INCR AOF" },
            counts: entry.kind == Kind::Incr,
            limit: first_lsns[index + 1..].iter().flatten().min().copied(),
            later: if only_empty_follow(&dir, &files, index) { Later::None } else { Later::Some },
        };
        if entry.kind == Kind::Base {
            let form = if read_head(&subject.path).is_ok_and(|head| is_rdb(&head)) { "RDB" } else { "RESP" };
            writeln!(surroundings.out, "Start to check BASE AOF ({form} format).")?;
        } else if !std::mem::replace(&mut announced, true) {
            writeln!(surroundings.out, "Start to check INCR files.")?;
        }
        if !check_one(&subject, options, &mut progress, surroundings)? {
            return Ok(false);
        }
    }
    writeln!(surroundings.out, "All AOF files and manifest are valid")?;
    Ok(true)
}

/// Whether an end of this file may be cut off. A rewrite names the next incremental before the present one is at its end.
fn only_empty_follow(dir: &Path, files: &[&Entry], index: usize) -> bool {
    let is_empty = |entry: &&Entry| {
        let (storage, name) = storage_of(&dir.join(&entry.name));
        let end = storage.open(&name, OpenMode::Read).and_then(|file| filler::content_end(&file, file.len()?));
        end.is_ok_and(|end| end == 0)
    };
    let behind = &files[index + 1..];
    behind.is_empty() || files[index].kind == Kind::Incr && behind.iter().all(is_empty)
}

/// A file without its manifest; but if one beside it names the file, what is known there is not forgotten.
fn given_alone(path: &Path) -> io::Result<Subject> {
    let (path_buf, shown) = (path.to_path_buf(), path.display().to_string());
    let mut subject = Subject { path: path_buf, shown, label: "AOF", counts: true, limit: None, later: Later::None };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for beside in std::fs::read_dir(dir)? {
        let beside = beside?.file_name();
        if !beside.to_str().is_some_and(|name| name.ends_with(".manifest") && !name.starts_with("temp-")) {
            continue;
        }
        let manifest_path = path.with_file_name(&beside);
        // One that can't be read tells nothing.
        let Ok(bytes) = std::fs::read(&manifest_path) else { continue };
        let Ok(manifest) = Manifest::parse("", &bytes) else { continue };
        let mut entries = manifest.live().skip_while(|entry| path.file_name() != Some(entry.name.as_ref()));
        if let Some(entry) = entries.next() {
            subject.counts = entry.kind == Kind::Incr;
            if entries.next().is_some() {
                subject.later = Later::InManifest(manifest_path);
            }
        }
    }
    Ok(subject)
}

/// Where a file's first verified block says that it begins. What can't be read is told when its turn comes.
fn first_lsn(path: &Path) -> Option<u64> {
    let (storage, name) = storage_of(path);
    let file = storage.open(&name, OpenMode::Read).ok()?;
    first_block_lsn(&file, 0, file.len().ok()?).ok()?
}

fn check_one(subject: &Subject, options: CheckOptions, progress: &mut Progress, surroundings: &mut Surroundings<'_>) -> io::Result<bool> {
    let Subject { path, shown, label, .. } = subject;
    let head = match read_head(path) {
        Ok(head) => head,
        Err(e) => {
            writeln!(surroundings.out, "Cannot open file {}: {}", path.display(), crate::segment::error_text(&e))?;
            return Ok(false);
        }
    };
    if head.is_empty() {
        writeln!(surroundings.out, "{label} {shown} is empty")?;
        return Ok(true);
    }
    let mut rdb_end = 0;
    if is_rdb(&head) {
        match (surroundings.rdb)(path, shown, surroundings.out)? {
            Some(bytes) => rdb_end = bytes,
            None => {
                writeln!(surroundings.out, "RDB preamble of AOF file is not sane, aborting.")?;
                return Ok(false);
            }
        }
        writeln!(surroundings.out, "RDB preamble is OK, proceeding with AOF tail...")?;
    }
    let report = check_file(subject, rdb_end, progress)?;
    let Report { size, ok_up_to, problem, whole_block, filler } = &report;
    if let Some(timestamp) = options.truncate_to_timestamp {
        // What time it was is not looked for in what is damaged: a block that is cut through gets a new checksum.
        let readable = if problem.is_some() { *ok_up_to } else { *size };
        if let Some(cut) = find_timestamp(path, rdb_end..readable, timestamp)? {
            return truncate_to(subject, &cut, timestamp, surroundings);
        }
        if problem.is_none() {
            writeln!(surroundings.out, "Truncate nothing in AOF {shown} to timestamp {timestamp}\n{label} {shown} is valid")?;
            return Ok(true);
        }
    }
    let diff = size - ok_up_to;
    match problem {
        Some((offset, reason)) => writeln!(surroundings.out, "0x{offset:16x}: {reason}")?,
        None if diff > 0 => {
            writeln!(surroundings.out, "0x{ok_up_to:16x}: From here on it was written again into a later file; a server cuts this off")?;
        }
        None => {}
    }
    let ok_up_to_line = progress.line;
    writeln!(
        surroundings.out,
        "AOF analyzed: filename={shown}, size={size}, ok_up_to={ok_up_to}, ok_up_to_line={ok_up_to_line}, diff={diff}"
    )?;
    if problem.is_none() {
        writeln!(surroundings.out, "{label} {shown} is valid")?;
        return Ok(true);
    }
    if *filler > 0 {
        writeln!(surroundings.out, "{filler} bytes at the end are filler, which holds nothing")?;
    }
    if let Some(at) = whole_block {
        writeln!(surroundings.out, "{}", remedy::instead_of_a_cut(*at))?;
    }
    offer_cut(subject, &report, options.fix, surroundings)
}

/// Cuts everything off that is later than this second, if no file follows.
fn truncate_to(subject: &Subject, cut: &TimestampCut, timestamp: i64, surroundings: &mut Surroundings<'_>) -> io::Result<bool> {
    let Subject { path, shown, later, .. } = subject;
    if !matches!(later, Later::None) {
        writeln!(
            surroundings.out,
            "Failed to truncate AOF {shown} to timestamp {timestamp} to offset {} because it is not the last file.\n\
             If you insist, please delete all files after this file according to the manifest file and delete the \
             corresponding records in manifest file manually. Then re-run graven check-aof.",
            cut.offset
        )?;
        return Ok(false);
    }
    cut_with(path, cut.offset, &cut.keep)?;
    writeln!(surroundings.out, "Successfully truncated AOF {shown} to timestamp {timestamp}")?;
    Ok(true)
}

/// Cuts a damaged end off, if no file follows, and who asked for it says yes.
fn offer_cut(subject: &Subject, report: &Report, fix: bool, surroundings: &mut Surroundings<'_>) -> io::Result<bool> {
    let Subject { path, shown, later, .. } = subject;
    let Report { size, ok_up_to, .. } = report;
    let diff = size - ok_up_to;
    match (later, fix) {
        (Later::InManifest(manifest), fix) => {
            let failed = if fix { format!("Failed to truncate AOF {shown}") } else { format!("AOF {shown} is not valid") };
            writeln!(
                surroundings.out,
                "{failed}, and others follow it in its manifest. Give the manifest instead of the file: {}",
                manifest.display()
            )?;
            return Ok(false);
        }
        (_, false) => {
            writeln!(surroundings.out, "AOF {shown} is not valid. Use the --fix option to try fixing it.")?;
            return Ok(false);
        }
        (Later::Some, true) => {
            writeln!(surroundings.out, "Failed to truncate AOF {shown} because it is not the last file")?;
            return Ok(false);
        }
        (Later::None, true) => {}
    }
    writeln!(surroundings.out, "This will shrink the AOF {shown} from {size} bytes, with {diff} bytes, to {ok_up_to} bytes")?;
    write!(surroundings.out, "Continue? [y/N]: ")?;
    surroundings.out.flush()?;
    if !(surroundings.confirm)() {
        writeln!(surroundings.out, "Aborting...")?;
        return Ok(false);
    }
    cut_with(path, *ok_up_to, &[])?;
    writeln!(surroundings.out, "Successfully truncated AOF {shown}")?;
    Ok(true)
}

fn storage_of(path: &Path) -> (FsStorage, String) {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    (FsStorage::new(dir), name)
}

fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    let (storage, name) = storage_of(path);
    let mut head = vec![0; 4096];
    let n = storage.open(&name, OpenMode::Read)?.read_at(0, &mut head)?;
    head.truncate(n);
    Ok(head)
}

fn is_rdb(head: &[u8]) -> bool {
    head.starts_with(b"REDIS") || head.starts_with(b"VALKEY")
}

/// Its first line that is no comment begins with `file`. (A segment's first line that is no annotation begins with `*`.)
fn looks_like_manifest(head: &[u8]) -> bool {
    head.split(|&b| b == b'\n').find(|line| line.first() != Some(&b'#')).is_some_and(|line| line.starts_with(b"file"))
}

/// As Redis counts: annotations are no lines, nor are line ends within values.
fn lines_of(chunk: &Chunk) -> u64 {
    chunk.commands().map(|command| 1 + 2 * command.args().len() as u64).sum()
}

/// The lines that can still be read behind the good part.
fn lines_of_tail<F: File>(file: &F, offset: u64) -> io::Result<u64> {
    let mut bytes = vec![0; PIECE_BYTES];
    let n = file.read_at(offset, &mut bytes)?;
    bytes.truncate(n);
    let (mut at, mut lines) = (0, 0);
    while bytes.get(at) == Some(&b'*') {
        let mut args = Vec::new();
        let scan = scan::command(&bytes, at, &mut args);
        lines += 1 + 2 * args.len() as u64;
        match scan {
            Scan::Whole(end) => at = end,
            Scan::Incomplete(_) | Scan::Bad(_) => break,
        }
    }
    Ok(lines)
}

struct TimestampCut {
    offset: u64,
    /// What of a block that is cut through is to stay: a new block.
    keep: Vec<u8>,
}

/// Where the first command after `timestamp` begins, in the bytes that can be read as a log.
fn find_timestamp(path: &Path, readable: Range<u64>, timestamp: i64) -> io::Result<Option<TimestampCut>> {
    let mut bytes = std::fs::read(path)?;
    bytes.truncate(usize::try_from(readable.end).unwrap_or(usize::MAX));
    let mut at = usize::try_from(readable.start).unwrap_or(usize::MAX);
    // The block that `at` is in: where its line begins, where its content begins and ends, and its position.
    let mut block: Option<(usize, usize, usize, u64)> = None;
    while at < bytes.len() {
        if block.is_some_and(|(.., end, _)| at >= end) {
            block = None;
        }
        if let Parsed::Header(header, len) = block::parse(&bytes[at..])
            && bytes[at..].starts_with(block::PREFIX)
        {
            // What a later file supersedes is readable, but may be damaged: any length can stand there.
            let end = usize::try_from(header.len).unwrap_or(usize::MAX).saturating_add(at + len);
            block = Some((at, at + len, end, header.lsn));
            at += len;
            continue;
        }
        let scan = match bytes[at] {
            b'#' => {
                if annotation_time(&bytes[at..]).is_some_and(|time| time > timestamp) {
                    return Ok(Some(cut_at(&bytes, at, block)));
                }
                scan::annotation(&bytes, at)
            }
            _ => scan::command(&bytes, at, &mut Vec::new()),
        };
        match scan {
            Scan::Whole(end) => at = end,
            Scan::Incomplete(_) | Scan::Bad(_) => return Ok(None),
        }
    }
    Ok(None)
}

fn cut_at(bytes: &[u8], at: usize, block: Option<(usize, usize, usize, u64)>) -> TimestampCut {
    let Some((line, content, _, lsn)) = block else { return TimestampCut { offset: at as u64, keep: Vec::new() } };
    let kept = &bytes[content..at];
    let keep = if kept.is_empty() || !is_whole(kept) { Vec::new() } else { [HeaderLine::new(lsn, kept).as_bytes(), kept].concat() };
    TimestampCut { offset: line as u64, keep }
}

fn annotation_time(bytes: &[u8]) -> Option<i64> {
    let rest = bytes.strip_prefix(b"#TS:")?;
    let end = memchr::memchr(b'\n', rest)?;
    std::str::from_utf8(&rest[..end]).ok()?.trim().parse().ok()
}

fn cut_with(path: &Path, offset: u64, keep: &[u8]) -> io::Result<()> {
    let (storage, name) = storage_of(path);
    cut(&storage.open(&name, OpenMode::Write)?, offset, keep)
}

/// Cuts a file off at `offset`, and leaves `keep` there. What is to stay is written before anything is taken away: stopped between
/// the two, the file has the commands of `keep` and something behind them, which the next check cuts off.
fn cut<F: File>(file: &F, offset: u64, keep: &[u8]) -> io::Result<()> {
    let end = offset + keep.len() as u64;
    assert!(end <= file.len()?, "a part of a block is no longer than the block");
    if !keep.is_empty() {
        write_all_at(file, offset, std::iter::once(keep))?;
        sync_uninterrupted(file)?;
    }
    file.set_len(end)?;
    sync_uninterrupted(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimStorage;

    #[test]
    fn a_cut_that_is_stopped_anywhere_has_not_lost_what_was_to_stay() {
        let kept = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
        let all = [&kept[..], kept, kept, kept, kept].concat();
        let before = [b"*1\r\n$4\r\nPING\r\n", HeaderLine::new(0, &all).as_bytes(), &all].concat();
        let offset = before.len() - all.len() - HeaderLine::new(0, &all).as_bytes().len();
        let keep = [HeaderLine::new(0, kept).as_bytes(), kept].concat();
        let after = [&before[..offset], &keep].concat();
        for stop_at in 0.. {
            let storage = SimStorage::new();
            storage.put("log", &before);
            storage.stop_at(storage.operations() + stop_at);
            let outcome = storage.open("log", OpenMode::Write).and_then(|file| cut(&file, offset as u64, &keep));
            let left = storage.kill().content("log").unwrap();
            assert!(left == before || left.starts_with(&after), "stopped at {stop_at}: {}", left.escape_ascii());
            if outcome.is_ok() {
                assert_eq!(left, after);
                break;
            }
        }
    }
}
