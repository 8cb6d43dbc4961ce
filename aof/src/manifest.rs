//! The manifest: the one small file that says which files make up the log, and in which order. Redis 7's syntax.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.1.incr.aof seq 1 type h
//! file appendonly.aof.3.incr.aof seq 3 type i
//! ```
//!
//! `b` is the base (at most one), `i` an incremental (their sequence numbers grow), `h` history that may be removed. One flipped bit
//! makes an `h` of an `i`, and so loses a file or plays one twice: what is written here ends each line with ` crc ` and the
//! CRC-64/Redis of what is before that, in hexadecimal. Redis skips keys that it does not know; a line without one is taken as it is.
//!
//! No file is named twice: it would be loaded twice. Only an incremental that is history too is none of that: Redis writes such a line when it
//! goes on in a file whose number is that of a removed one, with `aof-disable-auto-gc yes`. It counts, and is not removed.
//!
//! It is replaced, never edited: written to `temp-NAME.manifest`, synced, the directory synced, renamed over the old one, and the
//! directory synced again. A crash at any of these leaves either the old or the new manifest whole; the temporary file is removed at the next
//! start. Whoever adds a file to the manifest has synced that file first; whoever drops one removes the file afterwards.

use crate::block;
use crate::directory::Place;
use crate::error::{Error, Result};
use crate::segment::write_all_at;
use crate::storage::{File, OpenMode, Storage};

/// The highest sequence number: Redis's are signed, and there is always a next one.
pub const SEQ_MAX: u64 = i64::MAX as u64;
/// The longest line Redis reads.
const LINE_MAX: usize = 1024;
/// What stands before a line's checksum.
const CHECKSUM: &str = " crc ";
const CHECKSUM_DIGITS: usize = 16;

/// What a file of the log is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The state at some moment, as RDB or as commands.
    Base,
    /// No longer needed.
    History,
    /// Commands since the base.
    Incr,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Kind::Base => 'b',
            Kind::History => 'h',
            Kind::Incr => 'i',
        }
    }
}

/// One line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file's name in the directory.
    pub name: String,
    /// Its sequence number, at least 1.
    pub seq: u64,
    /// What it is for.
    pub kind: Kind,
}

/// The files of the log: base first, then the incrementals in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The base, if there is one.
    pub base: Option<Entry>,
    /// Files to be removed.
    pub history: Vec<Entry>,
    /// The incrementals, by growing sequence number.
    pub incrs: Vec<Entry>,
}

impl Manifest {
    /// The name of the manifest of the log `file_name`.
    pub fn name(file_name: &str) -> String {
        format!("{file_name}.manifest")
    }

    /// The name under which a new manifest is prepared.
    pub fn temp_name(file_name: &str) -> String {
        format!("temp-{file_name}.manifest")
    }

    /// The name of an incremental.
    pub fn incr_name(file_name: &str, seq: u64) -> String {
        format!("{file_name}.{seq}.incr.aof")
    }

    /// The files to load, in order.
    pub fn live(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.incrs)
    }

    /// The last incremental's sequence number, or 0.
    pub fn last_incr_seq(&self) -> u64 {
        self.incrs.last().map_or(0, |entry| entry.seq)
    }

    /// Reads the syntax. `path` is for the error's text.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Manifest> {
        let bad = |line: usize, reason: &str| Error::Manifest { path: path.to_owned(), line, reason: reason.to_owned() };
        let mut manifest = Manifest::default();
        if bytes.is_empty() {
            return Err(bad(1, "the file is empty"));
        }
        for (index, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
            let number = index + 1;
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err(bad(number, "the line does not end (the file seems cut short)"));
            };
            if line.len() >= LINE_MAX {
                return Err(bad(number, "the line is too long"));
            }
            if line.first() == Some(&b'#') {
                continue;
            }
            if !fits_checksum(line) {
                return Err(bad(number, "its checksum does not fit (if it was edited by hand, delete ' crc ' and what follows)"));
            }
            let entry = parse_entry(line).map_err(|reason| bad(number, reason))?;
            manifest.add(entry).map_err(|reason| bad(number, reason))?;
        }
        if manifest.base.is_none() && manifest.incrs.is_empty() {
            return Err(bad(1, "it names no file"));
        }
        Ok(manifest)
    }

    fn add(&mut self, entry: Entry) -> Result<(), &'static str> {
        let is_live = self.live().any(|other| other.name == entry.name);
        match entry.kind {
            Kind::History if is_live => return Ok(()),
            Kind::Base | Kind::Incr if is_live => return Err("it names a file a second time, which would be loaded twice"),
            _ => {}
        }
        if entry.kind != Kind::History {
            self.history.retain(|past| past.name != entry.name);
        }
        match entry.kind {
            Kind::Base if self.base.is_some() => return Err("a second base file"),
            Kind::Base => self.base = Some(entry),
            Kind::History => self.history.push(entry),
            Kind::Incr if entry.seq <= self.last_incr_seq() => return Err("the sequence numbers of incremental files must grow"),
            Kind::Incr => self.incrs.push(entry),
        }
        Ok(())
    }

    /// The manifest's text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for entry in self.base.iter().chain(&self.history).chain(&self.incrs) {
            let line = format!("file {} seq {} type {}", quoted(&entry.name), entry.seq, entry.kind.letter());
            text.push_str(&format!("{line}{CHECKSUM}{:016x}\n", block::checksum(line.as_bytes(), &[])));
        }
        text
    }

    /// Makes this the manifest on disk, durably. On an error either the old or the new one is in force. As long as nobody can tell which, it
    /// is marked ([`crate::doubt`]): from before the rename on, so that a kill right after a failed sync finds the mark there.
    pub fn install<S: Storage>(&self, place: &Place<S>) -> std::io::Result<()> {
        let Place { storage, dir, file_name } = place;
        let (name, temp) = (Self::name(file_name), place.path(&Self::temp_name(file_name)));
        match storage.remove(&temp) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = storage.open(&temp, OpenMode::CreateNew)?;
        let text = self.render();
        write_all_at(&file, 0, std::iter::once(text.as_bytes()))?;
        file.sync_data()?;
        // The names of the files that it names come first: some file systems may keep the rename and forget an earlier creation.
        storage.sync_dir(dir)?;
        place.mark_doubt(&name);
        storage.rename(&temp, &place.path(&name))?;
        storage.sync_dir(dir)?;
        place.clear_doubt(&name);
        Ok(())
    }
}

/// Whether a line has the checksum that it says, if it says one.
fn fits_checksum(line: &[u8]) -> bool {
    let Some((content, says)) = line.split_at_checked(line.len().wrapping_sub(CHECKSUM.len() + CHECKSUM_DIGITS)) else { return true };
    let Some(digits) = says.strip_prefix(CHECKSUM.as_bytes()) else { return true };
    digits == format!("{:016x}", block::checksum(content, &[])).as_bytes()
}

fn parse_entry(line: &[u8]) -> Result<Entry, &'static str> {
    let words = split_words(line).ok_or("unbalanced quotes")?;
    if words.is_empty() || words.len() % 2 != 0 {
        return Err("expected 'file NAME seq NUMBER type b|h|i'");
    }
    let (mut name, mut seq, mut kind) = (None, None, None);
    for pair in words.chunks_exact(2) {
        let value = String::from_utf8(pair[1].clone()).map_err(|_| "a value that is not UTF-8")?;
        match pair[0].to_ascii_lowercase().as_slice() {
            b"file" if value.contains('/') => return Err("the file must be a name, not a path"),
            b"file" => name = Some(value),
            b"seq" => {
                let number = value.parse::<u64>().ok().filter(|n| (1..=SEQ_MAX).contains(n));
                seq = Some(number.ok_or("the sequence number is not a positive number of 63 bits")?);
            }
            b"type" => {
                kind = Some(match value.as_str() {
                    "b" => Kind::Base,
                    "h" => Kind::History,
                    "i" => Kind::Incr,
                    _ => return Err("the type is none of b, h, i"),
                });
            }
            // Other keys are left for later versions, as Redis does.
            _ => {}
        }
    }
    match (name, seq, kind) {
        (Some(name), Some(seq), Some(kind)) if !name.is_empty() => Ok(Entry { name, seq, kind }),
        _ => Err("expected 'file NAME seq NUMBER type b|h|i'"),
    }
}

/// Splits at blanks; words may be quoted as Redis quotes them. `None` when a quote is left open.
fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.iter().copied().peekable();
    loop {
        while rest.next_if(|b| b.is_ascii_whitespace()).is_some() {}
        let Some(&first) = rest.peek() else { return Some(words) };
        let mut word = Vec::new();
        match first {
            b'"' => {
                rest.next();
                loop {
                    match rest.next()? {
                        b'"' => break,
                        b'\\' => match rest.next()? {
                            b'n' => word.push(b'\n'),
                            b'r' => word.push(b'\r'),
                            b't' => word.push(b'\t'),
                            b'b' => word.push(8),
                            b'a' => word.push(7),
                            b'x' => {
                                let high = (rest.next()? as char).to_digit(16)?;
                                let low = (rest.next()? as char).to_digit(16)?;
                                word.push((high * 16 + low) as u8);
                            }
                            other => word.push(other),
                        },
                        other => word.push(other),
                    }
                }
                if rest.peek().is_some_and(|b| !b.is_ascii_whitespace()) {
                    return None;
                }
            }
            b'\'' => {
                rest.next();
                loop {
                    match rest.next()? {
                        b'\'' => break,
                        b'\\' if rest.peek() == Some(&b'\'') => word.extend(rest.next()),
                        other => word.push(other),
                    }
                }
                if rest.peek().is_some_and(|b| !b.is_ascii_whitespace()) {
                    return None;
                }
            }
            _ => {
                while let Some(byte) = rest.next_if(|b| !b.is_ascii_whitespace()) {
                    word.push(byte);
                }
            }
        }
        words.push(word);
    }
}

/// The name as it stands in the manifest: quoted when it holds anything that would split or change it.
fn quoted(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\')) {
        return name.to_owned();
    }
    let mut text = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(byte as char);
            }
            b' '..=b'~' => text.push(byte as char),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Manifest> {
        Manifest::parse("m", text.as_bytes())
    }

    #[test]
    fn what_redis_writes_is_read() {
        let text = "# written by hand\nfile appendonly.aof.2.base.rdb seq 2 type b\nfile \"a b\\x01.aof\" seq 1 type h\n\
                    file appendonly.aof.3.incr.aof seq 3 type i\nfile 'appendonly.aof.4.incr.aof' seq 4 type i\n";
        let manifest = parse(text).unwrap();
        assert_eq!(manifest.base.as_ref().unwrap().seq, 2);
        assert_eq!(manifest.history[0].name, "a b\u{1}.aof");
        assert_eq!(manifest.incrs.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_damaged_manifest_names_its_line() {
        for (text, line) in [
            ("", 1),
            ("file a seq 1 type i", 1),
            ("file a seq 1 type i\n\n", 2),
            ("file a seq 1 type i\nfile b seq 1 type i\n", 2),
            ("file a seq 1 type b\nfile b seq 2 type b\n", 2),
            ("file a seq 1 type i\nfile a seq 2 type i\n", 2),
            ("file a seq 1 type b\nfile \"a\" seq 1 type i\n", 2),
            ("file a seq 0 type i\n", 1),
            ("file a seq 9223372036854775808 type i\n", 1),
            ("file a seq -1 type i\n", 1),
            ("file a seq 1 type x\n", 1),
            ("file a/b seq 1 type i\n", 1),
            ("file a seq 1 type\n", 1),
            ("file \"a seq 1 type i\n", 1),
            ("# nothing\n", 1),
            ("file a seq 1 type h\n", 1),
        ] {
            match parse(text) {
                Err(Error::Manifest { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_loaded_is_not_history() {
        let (live, past) = ("file a seq 1 type i\n", "file a seq 1 type h\n");
        for text in [[live, past].concat(), [past, live].concat()] {
            assert_eq!(parse(&text).unwrap(), parse(live).unwrap());
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_or_changes_nothing() {
        let entry = |name: &str, seq, kind| Entry { name: name.to_owned(), seq, kind };
        let manifest = Manifest {
            base: Some(entry("appendonly.aof.2.base.rdb", 2, Kind::Base)),
            history: vec![entry("appendonly.aof.1.incr.aof", 1, Kind::History)],
            incrs: vec![entry("appendonly.aof.2.incr.aof", 2, Kind::Incr), entry("appendonly.aof.3.incr.aof", 3, Kind::Incr)],
        };
        let text = manifest.render().into_bytes();
        let mut refused = 0;
        for bit in 0..8 * text.len() {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match Manifest::parse("m", &damaged) {
                Err(_) => refused += 1,
                Ok(found) => assert_eq!(found, manifest, "bit {bit}"),
            }
        }
        assert!(refused > text.len() * 7, "only {refused} of {} were refused", 8 * text.len());
    }

    proptest! {
        #[test]
        fn a_manifest_reads_back(names in proptest::collection::vec("[^/\\PC]{1,30}|[a-z\"' \\\\]{1,9}", 1..6)) {
            let mut manifest = Manifest::default();
            for (i, name) in names.iter().enumerate() {
                let kind = [Kind::Incr, Kind::Base, Kind::History][i % 3];
                let _ = manifest.add(Entry { name: name.clone(), seq: i as u64 + 1, kind });
            }
            prop_assert_eq!(parse(&manifest.render()).unwrap(), manifest);
        }

        #[test]
        fn random_lines_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in "(file|seq|type|\"|'|\\\\x|[ ab1\n]){0,20}") {
            let _ = Manifest::parse("m", &bytes);
            let _ = Manifest::parse("m", text.as_bytes());
        }
    }
}
