//! What a stop in the middle of a write leaves, also over filler and where sectors were lost: it is cut, and nothing else is.

mod files;

use files::{INCR_1, MANIFEST, ONE, blocks, command, disk_with, load, set, three};
use graven_aof::Error;

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
        let third = graven_aof::BlockHeader::new(9_999, &contents[0]);
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
