//! Whether a block that seems torn is the last thing that was written, or hides what follows it.
//!
//! A kill leaves a first part of what was written, a loss of power any of its sectors: nothing genuine follows, and the torn block is cut. But
//! when its length is what is damaged, whole blocks follow, which were acknowledged: the start is refused. Two things tell these apart:
//! * **What stands in an argument is a client's, and proves nothing**: a value may hold a copy of a log, made by chance or with intent. So where
//!   the header is whole, its commands are followed, each argument passed over in one step. Nobody but the log begins a line with `#BLK:`
//!   between commands; where one does, another block begins before this one's length says, so the length is damaged. If the commands go on to
//!   the end of the file, it is what a kill leaves. A damaged length alone never does that.
//! * **Positions fit the place.** Where there is no header to go by (sectors of it were lost, or a real Redis has appended the command) a block
//!   is believed that goes on behind this place, and by no more bytes than stand between: headers take some, and none are missing in a file.
//!
//! Where commands can't be followed, more than a length is wrong, and any block with a greater position is believed. What is looked at
//! grows with the rest of the file only, whatever is written there.

use std::io;

use crate::block::{self, HEADER_MAX, Header, Parsed};
use crate::reader::{Position, first_block_lsn};
use crate::scan::{self, Scan};
use crate::storage::{File, read_up_to};

/// How much is read at a time.
const WINDOW_BYTES: usize = 1 << 20;
const MARK: &[u8] = b"\n#BLK:v1;";

/// Where a block genuinely begins behind the torn one (or command) at `offset`, whose position is `position`, in a file with content up to `end`.
pub fn block_behind<F: File>(file: &F, offset: u64, position: Position, end: u64) -> io::Result<Option<u64>> {
    let header = header_at(file, offset)?.filter(|(header, _)| !position.anchored || header.lsn == position.lsn);
    let Some((header, content)) = header else {
        let fits = |at: u64, lsn: u64| lsn > position.lsn && (!position.anchored || lsn - position.lsn <= at - offset);
        return find_block(file, offset, end, fits);
    };
    let content_end = content.saturating_add(header.len);
    match follow(file, content, content_end.min(end))? {
        Followed::Block(at) => Ok(Some(at)),
        Followed::Nonsense(at) if content_end > end => find_block(file, at, end, |_, lsn| lsn > position.lsn),
        // Within the file a block is only called torn if lost sectors were seen in it.
        Followed::End | Followed::Nonsense(_) => find_block(file, content_end, end, |_, lsn| lsn >= header.lsn + header.len),
    }
}

/// Looks for a whole block from `from` on (where a line begins) that `fits(offset, lsn)`.
///
/// What has to be verified for that is at most as long as the rest of the file: if there are more, and longer, beginnings of blocks than that,
/// the next one counts as whole.
pub fn find_block<F: File>(file: &F, from: u64, end: u64, fits: impl Fn(u64, u64) -> bool) -> io::Result<Option<u64>> {
    let finder = memchr::memmem::Finder::new(MARK);
    let mut left_to_verify = end.saturating_sub(from);
    // The line's end before it is part of the mark.
    let mut at = from.saturating_sub(1);
    while at < end {
        let mut window = Vec::new();
        read_up_to(file, at, &mut window, (WINDOW_BYTES as u64).min(end - at) as usize)?;
        for found in finder.find_iter(&window) {
            let start = at + found as u64 + 1;
            let Some((header, content)) = header_at(file, start)? else { continue };
            if !fits(start, header.lsn) || header.len > end.saturating_sub(content) {
                continue;
            }
            if header.len > left_to_verify {
                return Ok(Some(start));
            }
            left_to_verify -= header.len;
            if first_block_lsn(file, start, end)?.is_some() {
                return Ok(Some(start));
            }
        }
        if window.len() < WINDOW_BYTES {
            break;
        }
        // Windows overlap, so that no mark falls between two.
        at += (WINDOW_BYTES - MARK.len()) as u64;
    }
    Ok(None)
}

/// The header at `offset`, if there is one, and where its content begins.
fn header_at<F: File>(file: &F, offset: u64) -> io::Result<Option<(Header, u64)>> {
    let mut line = Vec::new();
    read_up_to(file, offset, &mut line, HEADER_MAX)?;
    if !line.starts_with(block::PREFIX) {
        return Ok(None);
    }
    Ok(match block::parse(&line) {
        Parsed::Header(header, len) => Some((header, offset + len as u64)),
        Parsed::Incomplete | Parsed::Bad(_) => None,
    })
}

/// Where commands lead that follow one another.
#[derive(Debug, PartialEq, Eq)]
enum Followed {
    /// To the end, which may be in the middle of one.
    End,
    /// To the beginning of a block.
    Block(u64),
    /// To something else.
    Nonsense(u64),
}

/// Follows the commands between these offsets.
fn follow<F: File>(file: &F, from: u64, to: u64) -> io::Result<Followed> {
    let mut bytes = Vec::new();
    let (mut base, mut at) = (from, 0);
    let mut args = Vec::new();
    loop {
        let rest = &bytes[at..];
        args.clear();
        let scan = match rest.first() {
            Some(b'#') if rest.starts_with(block::PREFIX) => return Ok(Followed::Block(base + at as u64)),
            Some(b'#') => scan::annotation(&bytes, at),
            Some(b'*') => scan::command(&bytes, at, &mut args),
            None => Scan::Incomplete(bytes.len() + 1),
            Some(_) => Scan::Bad("no command"),
        };
        match scan {
            Scan::Whole(next) => at = next,
            Scan::Bad(_) => return Ok(Followed::Nonsense(base + at as u64)),
            Scan::Incomplete(need) => {
                if base.saturating_add(need as u64) > to {
                    return Ok(Followed::End);
                }
                // A long command is read in growing steps, so that looking at it again costs little in sum.
                bytes.drain(..at);
                base += at as u64;
                let more = (need - at - bytes.len()).max(bytes.len()).max(WINDOW_BYTES);
                let read_to = base + bytes.len() as u64;
                read_up_to(file, read_to, &mut bytes, (more as u64).min(to - read_to) as usize)?;
                if base + bytes.len() as u64 == read_to {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
                }
                at = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::block::HeaderLine;

    /// Bytes, and how many of them were read, how often.
    struct Counted(Vec<u8>, AtomicUsize, AtomicUsize);

    impl File for Counted {
        fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> io::Result<usize> {
            unreachable!("it is only read")
        }
        fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
            let rest = self.0.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            self.1.fetch_add(count, Ordering::Relaxed);
            self.2.fetch_add(1, Ordering::Relaxed);
            Ok(count)
        }
        fn sync_data(&self) -> io::Result<()> {
            unreachable!("it is only read")
        }
        fn begin_sync(&self, _: u64, _: u64) {}
        fn set_len(&self, _: u64) -> io::Result<()> {
            unreachable!("it is only read")
        }
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }
    }

    fn counted(bytes: &[u8]) -> Counted {
        Counted(bytes.to_vec(), AtomicUsize::new(0), AtomicUsize::new(0))
    }

    #[test]
    fn however_many_beginnings_of_blocks_there_are_each_byte_is_read_some_times_only() {
        let line = format!("#BLK:v1;lsn:5;len:{};crc:0123456789abcdef\r\n", 1 << 20);
        let file = counted(line.repeat((4 << 20) / line.len()).as_bytes());
        let len = file.0.len() as u64;
        assert!(find_block(&file, 0, len, |_, _| true).unwrap().is_some(), "it can't be told");
        assert_eq!(find_block(&file, 0, len, |_, lsn| lsn > 5).unwrap(), None);
        assert!(file.1.load(Ordering::Relaxed) < 12 * file.0.len(), "{:?} of {len}", file.1);
    }

    #[test]
    fn a_command_of_many_arguments_is_read_in_growing_steps() {
        let file = counted(&[b"*1500000\r\n".to_vec(), b"$4\r\nmany\r\n".repeat(1_500_000)].concat());
        let len = file.0.len() as u64;
        assert_eq!(follow(&file, 0, len).unwrap(), Followed::End);
        assert!(file.2.load(Ordering::Relaxed) < 10 && file.1.load(Ordering::Relaxed) == file.0.len(), "{:?}", file.2);
    }

    #[test]
    fn a_block_that_reaches_beyond_the_end_is_none() {
        for len in [1u64, 1 << 20, 1 << 60] {
            let file = counted(format!("x\n#BLK:v1;lsn:5;len:{len};crc:0123456789abcdef\r\n").as_bytes());
            assert_eq!(find_block(&file, 0, file.0.len() as u64, |_, _| true).unwrap(), None);
        }
    }

    #[test]
    fn a_block_is_found_wherever_it_begins() {
        let content = b"*1\r\n$4\r\nPING\r\n";
        let block = [HeaderLine::new(7, content).as_bytes(), content].concat();
        for before in [1, 2, 100].into_iter().chain(WINDOW_BYTES - 100..WINDOW_BYTES + 20) {
            let line = [vec![b'x'; before - 1], b"\n".to_vec(), block.clone()].concat();
            let file = counted(&line);
            for from in [0, before as u64] {
                assert_eq!(find_block(&file, from, line.len() as u64, |_, lsn| lsn == 7).unwrap(), Some(before as u64));
            }
            assert_eq!(find_block(&file, 0, line.len() as u64 - 1, |_, _| true).unwrap(), None);
        }
    }

    #[test]
    fn commands_are_followed_over_arguments_and_to_where_they_end() {
        let long =
            [b"*1\r\n$3000000\r\n".to_vec(), b"\n#BLK:v1;".repeat(333_334)[..3_000_000].to_vec(), b"\r\n#TS:1\r\n".to_vec()].concat();
        let twice = long.repeat(2);
        let (to, twice_to) = (long.len() as u64, twice.len() as u64);
        for cut in [1, 7, 100, to - 30, to - 1] {
            assert_eq!(follow(&counted(&twice), 0, twice_to - cut).unwrap(), Followed::End);
            assert_eq!(follow(&counted(&twice), 0, to + cut).unwrap(), Followed::End);
        }
        assert_eq!(follow(&counted(&[&twice, &b"#BLK:"[..]].concat()), 0, twice_to + 5).unwrap(), Followed::Block(twice_to));
        assert_eq!(follow(&counted(&[&twice, &b"#BLK"[..]].concat()), 0, twice_to + 4).unwrap(), Followed::End);
        assert_eq!(follow(&counted(&[&twice, &b"\0"[..]].concat()), 0, twice_to + 1).unwrap(), Followed::Nonsense(twice_to));
        assert!(follow(&counted(&long), 0, to + 10).is_err(), "the file became shorter");
    }
}
