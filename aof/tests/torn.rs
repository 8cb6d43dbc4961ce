//! What a stop in the middle of a write leaves, also over filler and where sectors were lost: it is cut, and nothing else is.

mod files;

use files::{INCR_1, MANIFEST, ONE, blocks, command, disk_with, load, set, three};
use graven_aof::{BlockHeader, Error};

/// The text of whole blocks at these positions, as a value may hold it.
fn copy_of_blocks(positions: &[u64]) -> String {
    let content = set("not", "written");
    let block = |&lsn: &u64| [BlockHeader::new(lsn, &content).as_bytes(), &content].concat();
    String::from_utf8([b"\n".to_vec(), positions.iter().flat_map(block).collect()].concat()).unwrap()
}

/// Two blocks, of which the second holds a value with blocks in it. Their positions are what a client may guess.
fn with_a_copy(positions: &[u64]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let first = set("a", "1");
    let value = |position: u64| ["x".repeat(200), copy_of_blocks(positions), copy_of_blocks(&[position]), "y".repeat(1_500)].concat();
    let behind = first.len() + set("b", &value(1_000)).len();
    let contents = vec![first, set("b", &value(behind as u64)), set("c", "3")];
    let blocks = blocks(&contents);
    (contents, blocks)
}

/// The block with a digit more in its length.
fn with_a_longer_length(block: &[u8]) -> Vec<u8> {
    let at = String::from_utf8_lossy(block).find(";crc:").unwrap();
    [&block[..at], b"9", &block[at..]].concat()
}

#[test]
fn a_torn_block_is_cut_whatever_stands_in_its_value() {
    let (contents, blocks) = with_a_copy(&[50, 60, 600, 1_000_000, 1 << 60]);
    let (first, whole) = (blocks[0].len(), blocks[..2].concat());
    for cut in first + 5..whole.len() - 1 {
        let torn = &whole[..cut];
        for file in [torn.to_vec(), [torn, &filler(0, 4_160)[cut..]].concat()] {
            let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
            let (bytes, summary) = load(&disk).unwrap_or_else(|e| panic!("{cut}: {e}"));
            assert_eq!((bytes, summary.warnings.len()), (contents[0].clone(), 1));
            assert_eq!(disk.content(INCR_1).unwrap().len(), first, "{cut}");
        }
    }
}

/// Nothing before it tells its position.
#[test]
fn a_torn_block_at_the_beginning_of_the_log_is_cut_whatever_stands_in_its_value() {
    let content = set("b", &["x".repeat(700), copy_of_blocks(&[4_800, 1_000_000]), "y".repeat(700)].concat());
    let file = [BlockHeader::new(4_711, &content).as_bytes(), &content[..content.len() - 9]].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
    assert_eq!(load(&disk).unwrap().0, b"");
}

/// Refused, and the damage is at this offset.
fn assert_damaged(file: &[u8], at: usize, what: &str) {
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, file)]);
    match load(&disk) {
        Err(Error::Damaged { offset, .. }) => assert_eq!(offset, at as u64, "{what}"),
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(disk.content(INCR_1).unwrap(), file, "{what}");
}

#[test]
fn a_damaged_length_is_known_by_the_block_that_follows_whatever_stands_in_a_value() {
    let (_, blocks) = with_a_copy(&[50, 600, 1_000_000]);
    let [first, second, third] = &blocks[..] else { unreachable!() };
    let longer = with_a_longer_length(second);
    // Also when the one that follows is torn: the damaged one may have been acknowledged.
    for cut in 5..third.len() {
        assert_damaged(&[first, &*longer, &third[..cut]].concat(), first.len(), "torn behind it");
    }
    // More than the length is damaged.
    let mut twice = longer.clone();
    let select = String::from_utf8_lossy(&longer).find("*2").unwrap();
    for nonsense in [b"\0\0", b"##"] {
        twice[select..select + 2].copy_from_slice(nonsense);
        assert_damaged(&[first, &*twice, third].concat(), first.len(), "nonsense");
    }
}

#[test]
fn a_block_with_lost_sectors_is_cut_unless_another_follows_that_stands_in_no_value() {
    let (contents, blocks) = with_a_copy(&[50, 600, 1_000_000]);
    let (first, second) = (blocks[0].len(), blocks[..2].concat().len());
    let mut file = [blocks.concat().as_slice(), &filler(blocks.concat().len(), 8_192)].concat();
    for sector in 1..second / 512 {
        let mut torn = file.clone();
        torn[sector * 512..(sector + 1) * 512].copy_from_slice(&filler(0, 512));
        assert_damaged(&torn, first, "a block follows");
        let header = String::from_utf8_lossy(&torn[first..]).find(";len:").unwrap() + first;
        torn[header - 1] = b'9';
        assert_damaged(&torn, first, "the position is damaged, too");
    }
    file.truncate(second);
    file.extend(filler(second, 8_192));
    for sector in 1..second / 512 {
        let mut torn = file.clone();
        torn[sector * 512..(sector + 1) * 512].copy_from_slice(&filler(0, 512));
        let (bytes, summary) = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &torn)])).unwrap();
        assert_eq!((bytes, summary.warnings.len()), (contents[0].clone(), 1), "sector {sector}");
        // The one that follows is torn, too, and holds a copy of the log.
        let third = set("c", &["x".repeat(700), copy_of_blocks(&[0, 50, 600]), "y".repeat(700)].concat());
        torn.truncate(second);
        torn.extend_from_slice(BlockHeader::new(contents[..2].concat().len() as u64, &third).as_bytes());
        torn.extend_from_slice(&third[..third.len() - 9]);
        let (bytes, _) = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &torn)])).unwrap();
        assert_eq!(bytes, contents[0], "sector {sector}");
    }
}

/// Only positions tell then.
#[test]
fn where_a_header_was_lost_a_block_is_believed_whose_position_fits_its_place() {
    let value = |inner: &str| ["x".repeat(700), inner.to_owned(), "y".repeat(700)].concat();
    for (positions, fit) in [(&[1_000_000, 1 << 60][..], false), (&[5_000], false), (&[30], false), (&[900], true)] {
        for len in 371..418 {
            let contents = vec![set("a", &"1".repeat(len)), set("b", &value(&copy_of_blocks(positions))), set("c", "3")];
            let blocks = blocks(&contents);
            let first = blocks[0].len();
            assert!((466..=512).contains(&first), "{first}");
            for count in 2..4 {
                let whole = blocks[..count].concat();
                let mut file = [whole.as_slice(), &filler(whole.len(), 8_192)].concat();
                file[512..1_024].copy_from_slice(&filler(0, 512));
                let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
                match load(&disk) {
                    Ok((bytes, _)) => assert!(bytes == contents[0] && count == 2 && !fit, "{first}: {positions:?}"),
                    Err(refused) => assert!(matches!(refused, Error::Damaged { .. }) && (count == 3 || fit), "{first}: {refused}"),
                }
            }
        }
    }
}

/// As a real Redis appends them, or under `aof-block-checksums no`.
#[test]
fn behind_a_torn_command_a_block_is_believed_whose_position_fits_its_place() {
    let (contents, blocks) = three();
    let value = |positions: &[u64]| ["x".repeat(700), copy_of_blocks(positions), "y".repeat(700)].concat();
    let torn = set("by", &value(&[5, 5_000, 1_000_000]));
    let file = [&blocks[0], &torn[..torn.len() - 9]].concat();
    let (bytes, _) = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)])).unwrap();
    assert_eq!(bytes, [contents[0].as_slice(), &command(&["SELECT", "0"])].concat());
    // A damaged length hides the block that follows.
    let by_redis = set("by", "redis");
    let damaged = String::from_utf8(by_redis.clone()).unwrap().replace("$5", "$5555");
    let follows = BlockHeader::new((contents[0].len() + by_redis.len()) as u64, &contents[1]);
    let select = command(&["SELECT", "0"]).len();
    for before in [&blocks[0][..], b""] {
        let file = [before, damaged.as_bytes(), follows.as_bytes(), &contents[1]].concat();
        assert_damaged(&file, before.len() + select, "a block follows");
    }
}

/// Lines of filler, from this offset of a file on.
fn filler(from: usize, to: usize) -> Vec<u8> {
    (from..to).map(|at| if at % 64 == 63 && at > from { b'\n' } else { b'#' }).collect()
}

#[test]
fn over_filler_a_torn_block_is_cut_exactly_wherever_it_is_torn_and_filler_alone_is_cut_silently() {
    let (contents, blocks) = three();
    let whole = blocks.concat();
    let starts = [0, blocks[0].len(), blocks[0].len() + blocks[1].len(), whole.len()];
    for cut in 0..=whole.len() {
        let file = [&whole[..cut], &filler(cut, 1024)].concat();
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
        let kept = starts.iter().rposition(|&start| start <= cut).unwrap();
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!(bytes, contents[..kept].concat());
        assert_eq!(disk.content(INCR_1).unwrap().len(), starts[kept]);
        assert_eq!(summary.warnings.len(), usize::from(cut > starts[kept] + 4), "{cut}: {:?}", summary.warnings);
        assert_eq!(summary.lsn, bytes.len() as u64);
    }
}

/// Where a line of filler would end its last byte is the log's, or was not overwritten yet.
#[test]
fn over_filler_a_torn_block_is_cut_exactly_also_before_the_end_of_a_line_of_filler() {
    for len in 0..64 {
        let contents = vec![set("a", &"x".repeat(len)), set("b", "two"), set("c", "three\r\n*1\r\n")];
        let blocks = blocks(&contents);
        let whole = blocks.concat();
        let starts = [0, blocks[0].len(), blocks[0].len() + blocks[1].len(), whole.len()];
        for cut in (63..=whole.len()).step_by(64) {
            let file = [&whole[..cut], &filler(0, 1088)[cut..]].concat();
            let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
            // The byte that is missing may stand there already.
            let there = cut + usize::from(whole.get(cut) == Some(&b'\n'));
            let kept = starts.iter().rposition(|&start| start <= there).unwrap();
            let (bytes, summary) = load(&disk).unwrap();
            assert_eq!(bytes, contents[..kept].concat(), "{len}: {cut}");
            assert_eq!(disk.content(INCR_1).unwrap().len(), starts[kept]);
            assert_eq!(summary.warnings.len(), usize::from(cut > starts[kept] + 4), "{len}: {cut}: {:?}", summary.warnings);
        }
    }
}

#[test]
fn a_comment_at_the_end_keeps_its_line_end_also_where_a_line_of_filler_would_end() {
    let (contents, blocks) = three();
    for len in 0..64 {
        let file = [blocks[0].as_slice(), b"# by hand", "x".repeat(len).as_bytes(), b"\n"].concat();
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
        assert_eq!(load(&disk).unwrap().0, contents[0]);
        assert_eq!(disk.content(INCR_1).unwrap(), file, "{len}");
    }
}

#[test]
fn a_block_with_a_sector_that_was_not_written_is_torn_and_one_with_a_flipped_bit_is_damaged() {
    let contents = vec![set("a", "1"), set("b", &"x".repeat(3_000))];
    let blocks = blocks(&contents);
    let (first, whole) = (blocks[0].len(), blocks.concat());
    let file = [whole.as_slice(), &filler(whole.len(), 8_192)].concat();
    for sector in 1..whole.len() / 512 {
        let mut torn = file.clone();
        torn[sector * 512..(sector + 1) * 512].copy_from_slice(&filler(0, 8_192)[sector * 512..(sector + 1) * 512]);
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &torn)]);
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!((bytes, disk.content(INCR_1).unwrap().len()), (contents[0].clone(), first), "sector {sector}");
        assert_eq!(summary.warnings.len(), 1, "{:?}", summary.warnings);
        // A block that could only be written after this one shows that it was there.
        let third = BlockHeader::new(9_999, &contents[0]);
        let later = [&torn, third.as_bytes(), &contents[0]].concat();
        let refused = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &later)])).unwrap_err();
        assert!(matches!(&refused, Error::Damaged { offset, .. } if *offset == first as u64), "sector {sector}: {refused}");
    }
    for byte in 0..whole.len() {
        let mut damaged = file.clone();
        damaged[byte] ^= 4;
        match load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &damaged)])) {
            Ok((bytes, summary)) => assert!(bytes == contents[0] && summary.warnings.len() == 1, "byte {byte}: a longer length"),
            Err(refused) => assert!(matches!(refused, Error::Damaged { .. }), "byte {byte}: {refused}"),
        }
    }
}

/// Its header may end before that sector, be cut off by it, or have only one byte before it.
#[test]
fn a_block_of_which_the_second_sector_was_not_written_is_torn_wherever_it_begins() {
    // Also where a MiB ends, which is how much is read at a time.
    for len in (300..812).chain((1 << 20) - 700..(1 << 20) - 600) {
        let contents = vec![set("a", &"x".repeat(len)), set("b", &"y".repeat(3_000))];
        let blocks = blocks(&contents);
        let (first, whole) = (blocks[0].len(), blocks.concat());
        let mut file = [whole.as_slice(), &filler(whole.len(), whole.len() + 4_096)].concat();
        let lost = first.next_multiple_of(512);
        file[lost..lost + 512].copy_from_slice(&filler(0, 512));
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
        let (bytes, summary) = load(&disk).unwrap_or_else(|e| panic!("it begins at {} of its sector: {e}", first % 512));
        assert_eq!((bytes, disk.content(INCR_1).unwrap().len()), (contents[0].clone(), first));
        assert_eq!(summary.warnings.len(), 1, "{:?}", summary.warnings);
    }
}

#[test]
fn a_flipped_bit_in_a_block_whose_value_looks_like_filler_is_damage() {
    for before in 0..64 {
        let marks = String::from_utf8(filler(0, 2_048)).unwrap();
        let blocks = blocks(&[set("a", "1"), set("b", &["y".repeat(before), marks].concat())]);
        let mut file = blocks.concat();
        file[blocks[0].len() + 70] ^= 1;
        let refused = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)])).unwrap_err();
        assert!(matches!(&refused, Error::Damaged { offset, .. } if *offset == blocks[0].len() as u64), "{before}: {refused}");
    }
}

/// A Redis skips the torn header as well as the filler.
#[test]
fn what_redis_appended_behind_filler_is_not_cut_with_the_block_before_it() {
    let by_redis = set("by", "redis");
    let mut loaded = 0;
    for len in (300..812).step_by(3) {
        let blocks = blocks(&[set("a", &"x".repeat(len)), set("b", "2")]);
        let [first, second] = [&blocks[0], &blocks[1]];
        let header = second.iter().position(|&byte| byte == b'\n').unwrap();
        let torn = (0..header).map(|cut| [first, &second[..cut]].concat());
        // Or the length of the last block is damaged, and is that of the whole file.
        let mut longer = first.clone();
        let digits = String::from_utf8_lossy(first).find(";len:").unwrap() + 5;
        longer[digits] = b'9';
        for content in torn.chain([longer]) {
            let file = [&content, &filler(content.len(), 2_112), &*by_redis].concat();
            let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &[&file, &*set("c", &"3".repeat(2_000))].concat())]);
            match load(&disk) {
                Ok((bytes, _)) => {
                    assert!(bytes.windows(by_redis.len()).any(|window| window == by_redis), "{}", content.len());
                    loaded += 1;
                }
                Err(refused) => assert!(matches!(refused, Error::Damaged { .. }), "{refused}"),
            }
        }
    }
    assert!(loaded >= 100, "{loaded}");
}

/// Every run of sectors of two blocks that were not durable is lost, wherever they stand in their sectors.
#[test]
fn what_lost_sectors_leave_of_blocks_over_filler_is_never_taken_for_commands() {
    let value = |len: usize| "v".repeat(len);
    let mut outcomes = [0; 3];
    for first in (0..512).step_by(3) {
        // Commands begin and lines end in all places; annotations stand between them.
        let sets: Vec<_> = (0..40).map(|len| command(&["SET", "b", &value(len + first % 7)])).collect();
        let with = |between: &[u8]| [command(&["SELECT", "0"]), sets.join(between)].concat();
        let mut contents = vec![set("a", &value(first)), with(b"#TS:1700000000\r\n")];
        let mut loaded = vec![contents[0].clone(), with(b"")];
        // Or the positions of a third one would tell.
        if first % 2 == 0 {
            contents.push(set("c", &value(600)));
            loaded.push(contents[2].clone());
        }
        let blocks = blocks(&contents);
        let (durable, whole) = (blocks[0].len(), blocks.concat());
        let old = [blocks[0].as_slice(), &filler(durable, 8_192)].concat();
        let new = [whole.as_slice(), &filler(whole.len(), 8_192)].concat();
        let sectors = durable / 512..whole.len() / 512 + 1;
        for from in sectors.clone() {
            for to in from + 1..=sectors.end {
                let mut file = new.clone();
                file[from * 512..to * 512].copy_from_slice(&old[from * 512..to * 512]);
                let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
                match load(&disk) {
                    Ok((bytes, _)) if bytes == loaded[0] => outcomes[0] += 1,
                    Ok((bytes, _)) => {
                        assert!(bytes == loaded[..2].concat() || bytes == loaded.concat(), "{first}: {from}..{to} of {sectors:?}");
                        outcomes[1] += 1;
                    }
                    Err(refused) => {
                        assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
                        outcomes[2] += 1;
                    }
                }
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 100), "{outcomes:?}");
}

#[test]
fn a_line_of_marks_that_somebody_wrote_costs_nothing() {
    let (contents, blocks) = three();
    let first = blocks[0].as_slice();
    for len in 1..200 {
        let marks = ["#".repeat(len), "\n".to_owned()].concat();
        let file = [first, marks.as_bytes(), &set("by", "hand")].concat();
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
        match load(&disk) {
            Ok((bytes, _)) => assert_eq!(bytes, [contents[0].as_slice(), &set("by", "hand")].concat(), "{len}"),
            Err(refused) => assert!(matches!(refused, Error::Damaged { .. }), "{len}: {refused}"),
        }
        assert_eq!(disk.content(INCR_1).unwrap(), file, "{len}");
    }
}

#[test]
fn commands_that_redis_appended_behind_filler_are_loaded_and_filler_is_no_position() {
    let (contents, blocks) = three();
    let first = blocks[0].as_slice();
    let by_redis = set("by", "redis");
    let file = [first, &filler(first.len(), 1_088), &by_redis, &filler(1_088 + by_redis.len(), 2_112)].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
    for _ in 0..2 {
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!(bytes, [contents[0].as_slice(), &by_redis].concat());
        assert_eq!((summary.lsn, summary.warnings), (bytes.len() as u64, Vec::new()));
        assert_eq!(disk.content(INCR_1).unwrap().len(), 1_088 + by_redis.len());
    }
}
