//! Checking and repairing files of the log while no server runs: what `graven check-aof` prints and does. The lines are those
//! that `redis-check-aof` prints, because people's scripts read them.
//!
//! A file is judged by the same reader that recovery uses, so what this calls valid is what a server loads. A repair only ever
//! cuts the end off, and only of the last file; `ok_up_to` is where it cuts.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block::{self, HeaderLine, Parsed};
use crate::fs::FsStorage;
use crate::manifest::{Kind, Manifest};
use crate::reader::{Chunk, Position, Reader, Tail, is_whole};
use crate::scan::{self, Scan};
use crate::segment::append_all;
use crate::storage::{File, OpenMode, Storage};

const PIECE_BYTES: usize = 1 << 20;

/// What is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions {
    /// Cut what is not valid, after asking.
    pub fix: bool,
    /// Cut everything from the first `#TS:` annotation after this time on (Unix seconds).
    pub truncate_to_timestamp: Option<i64>,
}

/// What the check needs from outside.
pub struct Surroundings<'a> {
    /// Where the lines go.
    pub out: &'a mut dyn Write,
    /// Asks the operator; the question has been printed.
    pub confirm: &'a mut dyn FnMut() -> bool,
    /// Checks the RDB at the beginning of a file, and tells how many bytes it takes.
    pub rdb: &'a mut dyn FnMut(&Path) -> Result<u64, String>,
}

/// What was found in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its length.
    pub size: u64,
    /// Where its good part ends.
    pub ok_up_to: u64,
    /// The line at which reading stopped, counted from 1 over all files so far.
    pub ok_up_to_line: u64,
    /// What is wrong, and where.
    pub problem: Option<(u64, String)>,
}

/// Checks one file of commands (from `rdb_end` on), counting lines from `line` on.
pub fn check_file(path: &Path, rdb_end: u64, line: u64) -> io::Result<Report> {
    let (storage, name) = storage_of(path);
    let file = storage.open(&name, OpenMode::Read)?;
    let size = file.len()?;
    let mut lines = line;
    let reader = Reader {
        file,
        path: Arc::from(path.display().to_string()),
        len: size,
        offset: rdb_end,
        position: Position { lsn: 0, anchored: false },
        limit: None,
        counts: true,
    };
    let end = reader.read(|chunk| {
        lines += lines_of(&chunk);
        true
    })?;
    let end = end.expect("reading was not given up");
    let problem = match end.tail {
        Tail::Clean | Tail::Superseded => None,
        Tail::Torn(what) if what == "a transaction" => Some((size, "Reached EOF before reading EXEC for MULTI".to_owned())),
        Tail::Torn(what) => Some((size, format!("Unexpected end of file, {what} is incomplete"))),
        Tail::Damaged(reason) => Some((end.found_at, reason)),
    };
    if problem.is_some() {
        lines += lines_of_tail(&storage.open(&name, OpenMode::Read)?, end.offset)?;
    }
    Ok(Report { size, ok_up_to: end.offset, ok_up_to_line: lines, problem })
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
    let mut line = 1;
    if !looks_like_manifest(&head) {
        writeln!(surroundings.out, "Start checking Old-Style AOF")?;
        return check_one(path, "AOF", true, options, &mut line, surroundings);
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
    let mut announced = false;
    for (index, entry) in files.iter().enumerate() {
        let file = dir.join(&entry.name);
        let label = if entry.kind == Kind::Base { "BASE AOF" } else { "INCR AOF" };
        if entry.kind == Kind::Base {
            let form = if read_head(&file).is_ok_and(|head| is_rdb(&head)) { "RDB" } else { "RESP" };
            writeln!(surroundings.out, "Start to check BASE AOF ({form} format).")?;
        } else if !std::mem::replace(&mut announced, true) {
            writeln!(surroundings.out, "Start to check INCR files.")?;
        }
        if !check_one(&file, label, index + 1 == files.len(), options, &mut line, surroundings)? {
            return Ok(false);
        }
    }
    writeln!(surroundings.out, "All AOF files and manifest are valid")?;
    Ok(true)
}

fn check_one(
    path: &Path,
    label: &str,
    is_last: bool,
    options: CheckOptions,
    line: &mut u64,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<bool> {
    let shown = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
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
        match (surroundings.rdb)(path) {
            Ok(bytes) => rdb_end = bytes,
            Err(reason) => {
                writeln!(surroundings.out, "{reason}\nRDB preamble of AOF file is not sane, aborting.")?;
                return Ok(false);
            }
        }
        writeln!(surroundings.out, "RDB preamble is OK, proceeding with AOF tail...")?;
    }
    if let Some(timestamp) = options.truncate_to_timestamp {
        let Some(cut) = find_timestamp(path, rdb_end, timestamp)? else {
            writeln!(surroundings.out, "AOF {shown} has nothing after timestamp {timestamp}")?;
            return Ok(true);
        };
        if !is_last {
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
        return Ok(true);
    }
    let Report { size, ok_up_to, ok_up_to_line, problem } = check_file(path, rdb_end, *line)?;
    *line = ok_up_to_line;
    if let Some((offset, reason)) = problem {
        writeln!(surroundings.out, "0x{offset:16x}: {reason}")?;
    }
    let diff = size - ok_up_to;
    writeln!(
        surroundings.out,
        "AOF analyzed: filename={shown}, size={size}, ok_up_to={ok_up_to}, ok_up_to_line={ok_up_to_line}, diff={diff}"
    )?;
    if diff == 0 {
        writeln!(surroundings.out, "{label} {shown} is valid")?;
        return Ok(true);
    }
    if !options.fix {
        writeln!(surroundings.out, "AOF {shown} is not valid. Use the --fix option to try fixing it.")?;
        return Ok(false);
    }
    if !is_last {
        writeln!(surroundings.out, "Failed to truncate AOF {shown} because it is not the last file")?;
        return Ok(false);
    }
    writeln!(surroundings.out, "This will shrink the AOF {shown} from {size} bytes, with {diff} bytes, to {ok_up_to} bytes")?;
    write!(surroundings.out, "Continue? [y/N]: ")?;
    surroundings.out.flush()?;
    if !(surroundings.confirm)() {
        writeln!(surroundings.out, "Aborting...")?;
        return Ok(false);
    }
    cut_with(path, ok_up_to, &[])?;
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

/// Where the first command after `timestamp` begins.
fn find_timestamp(path: &Path, rdb_end: u64, timestamp: i64) -> io::Result<Option<TimestampCut>> {
    let bytes = std::fs::read(path)?;
    let mut at = usize::try_from(rdb_end).unwrap_or(usize::MAX);
    // The block that `at` is in: where its line begins, where its content begins and ends, and its position.
    let mut block: Option<(usize, usize, usize, u64)> = None;
    while at < bytes.len() {
        if block.is_some_and(|(.., end, _)| at >= end) {
            block = None;
        }
        if let Parsed::Header(header, len) = block::parse(&bytes[at..])
            && bytes[at..].starts_with(block::PREFIX)
        {
            block = Some((at, at + len, at + len + header.len as usize, header.lsn));
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
    let file = storage.open(&name, OpenMode::Append)?;
    file.set_len(offset)?;
    append_all(&file, std::iter::once(keep).filter(|part| !part.is_empty()))?;
    file.sync_data()
}
