//! Filler: lines of nothing behind the last block, which later blocks overwrite.
//!
//! A file that grows makes each fsync write the file's length and the map of its blocks as well, on a file system with a journal
//! through a commit. Bytes that are overwritten need neither, so that the fsync of a small block costs about half. Under `always` a write that
//! comes to the file's end therefore brings filler along, and the writes that follow are laid over it.
//!
//! ```text
//! …last block\r\n#############…###\n      to the end of a line; lines end at multiples of 64 bytes of the file
//! ###############…###############\n      whole lines, to the end of the file
//! ```
//!
//! * Each line begins with `#` and ends with `\n`, so that Redis skips it, and may append behind it: [`Tail`] sees to it that this holds for
//!   what is left after every write.
//! * Filler is no content: it has no positions, and [`content_end`] takes it off before a file is read. What was torn then ends where filler shows
//!   through, as a torn file without filler ends where the file does.
//! * A disk may lose any of the sectors that were not synced. One that shows filler inside of a block was never overwritten, so that block was
//!   never durable ([`shows_through`], [`cuts_off`]). One before a block, or in the place of its beginning, is a *hole*, and must not pass for
//!   filler behind which Redis has appended: filler ends behind the first line of a sector ([`may_be_followed`]), a hole with a sector. So that
//!   nothing a client writes can pass for the rest of that first line, or for a sector that was not written, no block that holds a line of filler is
//!   laid over filler ([`holds_line`]): lines that are not in their place, or make no whole sector, say that this block was not.

use std::io;

use crate::block::{HEADER_MAX, PREFIX};
use crate::storage::{File, read_up_to};

/// How long a line is. A divisor of every sector's size; short enough that Redis (128 bytes) reads it in one piece.
const LINE_BYTES: usize = 64;
const LINE: [u8; LINE_BYTES] = {
    let mut line = [b'#'; LINE_BYTES];
    line[LINE_BYTES - 1] = b'\n';
    line
};
/// Lines to write from, and how many bytes are looked at at a time.
const PIECE_BYTES: usize = 64 << 10;
static PIECE: [u8; PIECE_BYTES] = {
    let mut piece = [0; PIECE_BYTES];
    let mut at = 0;
    while at < PIECE_BYTES {
        piece[at] = LINE[at % LINE_BYTES];
        at += 1;
    }
    piece
};
/// The least that a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// What stands at an offset of a file that is all filler.
fn byte_at(offset: u64) -> u8 {
    LINE[offset as usize % LINE_BYTES]
}

/// What is written behind blocks, so that whole lines of filler follow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    start: u64,
    end: u64,
    /// Where filler ends then.
    pub filled_to: u64,
}

impl Tail {
    /// Behind blocks that end at `end` of a file with filler up to `filled_to` (or none): new filler of at least `wanted` bytes if
    /// the old has come to its end.
    pub fn new(end: u64, filled_to: u64, wanted: u64) -> Tail {
        let line = LINE_BYTES as u64;
        if end + 1 < filled_to {
            // The rest of a line must not be its end alone.
            let is_line_end = byte_at(end) == b'\n';
            return Tail { start: end, end: end + u64::from(is_line_end), filled_to };
        }
        // What is left of the old filler would be the end of a line alone.
        let wanted = if end < filled_to { wanted.max(1) } else { wanted };
        let filled_to = if wanted == 0 { end } else { (end + 1 + wanted).next_multiple_of(SECTOR_BYTES as u64) + line };
        Tail { start: end, end: filled_to, filled_to }
    }

    /// The bytes.
    pub fn parts<'a>(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Tail { start, end, .. } = *self;
        // A line begins here, whatever would stand at this offset.
        let first = (start < end).then_some(&LINE[..1]);
        let mut at = start + 1;
        let rest = std::iter::from_fn(move || {
            let from = at as usize % LINE_BYTES;
            let count = (end.saturating_sub(at) as usize).min(PIECE_BYTES - from);
            at += count as u64;
            (count > 0).then(|| &PIECE[from..from + count])
        });
        first.into_iter().chain(rest)
    }
}

/// Where the filler at the end of a file begins; `len` if there is none.
///
/// Of bytes that look like filler and are not (a torn value's), some may be taken for it, but never any of a whole line of the log: those end with CR LF.
pub fn content_end<F: File>(file: &F, len: u64) -> io::Result<u64> {
    let mut end = len;
    let mut piece = Vec::new();
    loop {
        let start = end.saturating_sub(PIECE_BYTES as u64);
        piece.clear();
        read_up_to(file, start, &mut piece, (end - start) as usize)?;
        if (piece.len() as u64) < end - start {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        let like_filler = piece.iter().enumerate().rev().take_while(|&(at, &byte)| byte == byte_at(start + at as u64)).count();
        end -= like_filler as u64;
        if like_filler == piece.len() && end > 0 {
            continue;
        }
        if len - end < 2 {
            // Filler is never the end of a line alone: this is the log's own, or somebody's.
            return Ok(len);
        }
        return Ok(match piece[..piece.len() - like_filler].last() {
            // The first byte of filler, where a line's end would stand.
            Some(b'#') if byte_at(end - 1) == b'\n' => end - 1,
            // The end of the log's own line, where a line of filler would end, too.
            Some(b'\r') if byte_at(end) == b'\n' => end + 1,
            _ => end,
        });
    }
}

/// What stands at a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// So many bytes of filler, to the end of a line.
    Filler(usize),
    /// The bytes end before that is certain.
    TooFew,
    /// Something else.
    Other,
}

/// Whether filler begins (or goes on) at this offset, where these bytes stand.
pub fn look(offset: u64, rest: &[u8]) -> Seen {
    // The first byte is a mark even where a line would end.
    let line = std::iter::once(b'#').chain((offset + 1..).map(byte_at));
    let to_its_end = LINE_BYTES - offset as usize % LINE_BYTES;
    let len = if to_its_end == 1 { 1 + LINE_BYTES } else { to_its_end };
    if !rest.iter().zip(line).take(len).all(|(&is, expected)| is == expected) {
        return Seen::Other;
    }
    if rest.len() < len { Seen::TooFew } else { Seen::Filler(len) }
}

/// Whether filler ends here if it was not overwritten, so that a real Redis may have appended.
pub fn may_be_followed(offset: u64) -> bool {
    offset % SECTOR_BYTES as u64 == LINE_BYTES as u64
}

/// Whether filler between these offsets certainly stands for sectors that were not written, and is nobody's own line of marks.
pub fn are_lost_sectors(start: u64, end: u64) -> bool {
    end.is_multiple_of(SECTOR_BYTES as u64) && end - start >= LINE_BYTES as u64
}

/// How much of these bytes, where a sector begins, are whole sectors of filler.
fn sectors_of_filler(bytes: &[u8]) -> usize {
    bytes.chunks_exact(SECTOR_BYTES).take_while(|sector| *sector == &PIECE[..SECTOR_BYTES]).count() * SECTOR_BYTES
}

/// Whether filler ends here, where a sector begins, as it does if it was not overwritten, and a Redis has appended.
fn is_appended_to(bytes: &[u8]) -> bool {
    bytes.strip_prefix(&LINE).is_some_and(|behind| matches!(behind.first(), Some(b'*' | b'#')))
}

/// Whether a block's header begins at this offset, and the sectors where it should go on were not written. (A kill cuts it off, too, but then
/// filler follows that goes on to its end, behind which a Redis may have appended.)
pub fn cuts_off(offset: u64, bytes: &[u8]) -> Seen {
    let to_sector_end = SECTOR_BYTES - offset as usize % SECTOR_BYTES;
    if to_sector_end >= HEADER_MAX {
        return Seen::Other;
    }
    let Some((start, behind)) = bytes.split_at_checked(to_sector_end) else { return Seen::TooFew };
    if !start.starts_with(PREFIX) && !PREFIX.starts_with(start) {
        return Seen::Other;
    }
    let filler = sectors_of_filler(behind);
    let behind = &behind[filler..];
    if behind.len() < SECTOR_BYTES && PIECE.starts_with(behind) {
        Seen::TooFew
    } else if filler == 0 || is_appended_to(behind) {
        Seen::Other
    } else {
        Seen::Filler(to_sector_end + filler)
    }
}

/// Whether sectors of the block whose content stands at this offset were not written. The block held no line of filler itself, or it would
/// not have been written over any: each that is there must be of such a sector.
pub fn shows_through(offset: u64, content: &[u8]) -> bool {
    let mut is_sector_lost = false;
    for at in memchr::memmem::find_iter(content, &LINE) {
        let in_sector = (offset + at as u64) as usize % SECTOR_BYTES;
        let Some(start) = at.checked_sub(in_sector) else { return false };
        let sector = &content[start..content.len().min(start + SECTOR_BYTES)];
        if PIECE.starts_with(sector) {
            is_sector_lost |= sector.len() == SECTOR_BYTES;
        } else if in_sector > 0 || is_appended_to(sector) {
            // (Where the old filler had its end, a sector that was not written shows one line.)
            return false;
        }
    }
    is_sector_lost
}

/// Whether a whole line of filler stands in these bytes.
pub fn holds_line(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, &LINE).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimStorage;
    use crate::storage::{OpenMode, Storage};
    use proptest::prelude::*;

    /// A command as it may stand at the end of a block.
    fn command(len: usize, byte: u8) -> Vec<u8> {
        format!("*1\r\n${len}\r\n{}\r\n", String::from(char::from(byte)).repeat(len)).into_bytes()
    }

    fn content_end_of(bytes: &[u8]) -> u64 {
        let disk = SimStorage::new();
        disk.put("f", bytes);
        content_end(&disk.open("f", OpenMode::Read).unwrap(), bytes.len() as u64).unwrap()
    }

    /// The file as a write leaves it.
    fn write(file: &mut Vec<u8>, at: usize, block: &[u8], filled_to: &mut u64, wanted: u64) {
        let tail = Tail::new((at + block.len()) as u64, *filled_to, wanted);
        let written: Vec<u8> = std::iter::once(block).chain(tail.parts()).flatten().copied().collect();
        let over = written.len().min(file.len() - at);
        file[at..at + over].copy_from_slice(&written[..over]);
        file.extend_from_slice(&written[over..]);
        *filled_to = tail.filled_to;
    }

    /// Whether Redis skips these lines.
    fn are_skipped(mut lines: &[u8]) -> bool {
        while !lines.is_empty() {
            let Some(end) = lines.iter().position(|&b| b == b'\n') else { return false };
            if lines[0] != b'#' || end + 1 >= 128 {
                return false;
            }
            lines = &lines[end + 1..];
        }
        true
    }

    #[test]
    fn a_file_without_filler_keeps_all_its_bytes() {
        for before in 0..130 {
            let mut file = vec![b'*'; before];
            file.extend_from_slice(b"\r\n");
            assert_eq!(content_end_of(&file), file.len() as u64);
        }
        assert_eq!(content_end_of(b""), 0);
    }

    #[test]
    fn a_file_may_be_all_filler() {
        let mut file = Vec::new();
        write(&mut file, 0, b"", &mut 0, 3 * PIECE_BYTES as u64);
        assert!(file.len() > 3 * PIECE_BYTES && are_skipped(&file));
        assert_eq!(content_end_of(&file), 0);
    }

    #[test]
    fn a_block_in_which_a_sector_was_not_written_is_known() {
        let mut file = Vec::new();
        let mut filled_to = 0;
        write(&mut file, 0, &command(10, b'x'), &mut filled_to, 8192);
        let mut block = command(3000, b'y');
        let at = command(10, b'x').len();
        let end = at + block.len();
        write(&mut file.clone(), at, &block, &mut filled_to, 0);
        let shows_through = |block: &[u8]| shows_through(at as u64, block);
        assert!(!shows_through(&block));
        block[1024 - at..1536 - at].copy_from_slice(&file[1024..1536]);
        assert!(end > 1536 && shows_through(&block));
        // A line where no sector was lost, or at no place of one.
        for line_at in [600 - at, 512 - at, 640 - at] {
            let mut value = block.clone();
            value[line_at..line_at + LINE_BYTES].copy_from_slice(&LINE);
            assert_eq!(shows_through(&value), line_at == 512 - at);
            // A Redis has appended.
            value[line_at + LINE_BYTES] = b'*';
            assert!(!shows_through(&value));
        }
        // Up to the block's end, which is in the middle of a sector.
        block[2560 - at..].copy_from_slice(&file[2560..end]);
        assert!(shows_through(&block));
        block[1024 - at] = b'y';
        assert!(!shows_through(&block[..2560 + 200 - at]));
    }

    #[test]
    fn a_header_of_which_the_next_sector_was_not_written_is_known() {
        let header = crate::block::HeaderLine::new(4711, b"content");
        let line = [header.as_bytes(), &[b'x'; 100]].concat();
        for start in 2..line.len() {
            let [offset, whole] = [512 - start, start + 1024];
            let bytes = [&line[..start], &PIECE[..1024], b"the rest of it"].concat();
            let is_in_header = start < HEADER_MAX;
            assert_eq!(cuts_off(offset as u64, &bytes), if is_in_header { Seen::Filler(whole) } else { Seen::Other });
            assert_eq!(cuts_off(offset as u64 - 1, &bytes), Seen::Other);
            assert_eq!(cuts_off(offset as u64, &bytes[..whole]), if is_in_header { Seen::TooFew } else { Seen::Other });
            assert_eq!(cuts_off(offset as u64, &[b"#x", &bytes[2..]].concat()), Seen::Other);
            for by_redis in [b"*1", b"#T"] {
                assert_eq!(cuts_off(offset as u64, &[&bytes[..whole], &LINE[..], by_redis].concat()), Seen::Other);
            }
        }
    }

    proptest! {
        #[test]
        fn after_each_write_content_ends_with_the_last_block_and_redis_skips_the_rest(
            writes in proptest::collection::vec((0usize..200, any::<u8>(), 0u64..300), 1..40),
        ) {
            let (mut file, mut filled_to, mut end) = (Vec::new(), 0, 0);
            for (len, byte, wanted) in writes {
                let block = command(len, b"#\nx*"[usize::from(byte) % 4]);
                // Half of the writes bring no filler along.
                let wanted = if byte > 127 { wanted } else { 0 };
                write(&mut file, end, &block, &mut filled_to, wanted);
                end += block.len();
                prop_assert_eq!(content_end_of(&file), end as u64);
                prop_assert!(are_skipped(&file[end..]), "{}", file[end..].escape_ascii());
                prop_assert_eq!(file.len(), end.max(filled_to as usize));
            }
        }

        #[test]
        fn a_torn_write_over_filler_ends_before_its_end(len in 0usize..400, before in 0usize..100, cut in 0usize..400, byte in any::<u8>()) {
            let (mut file, mut filled_to) = (Vec::new(), 0);
            let first = command(before, b'x');
            write(&mut file, 0, &first, &mut filled_to, 1000);
            let block = command(len, b"#\nx*"[usize::from(byte) % 4]);
            let cut = cut.min(block.len());
            // Of what the write lays behind the block nothing may be there.
            file[first.len()..first.len() + cut].copy_from_slice(&block[..cut]);
            let end = content_end_of(&file) as usize;
            // One byte of filler may be taken for the block's, and bytes of a value for filler.
            prop_assert!(first.len() <= end && end <= first.len() + cut + 1, "{end}");
            // The filler's own end of a line may be the byte that was not written.
            prop_assert!(end < first.len() + block.len() || file[first.len()..end] == block);
            prop_assert!(cut < block.len() || end == first.len() + block.len(), "{end}");
        }
    }
}
