//! What is loaded is what was written: a torn tail is cut exactly, anything else is refused with file, offset and remedy.

mod files;

use std::sync::Arc;

use files::{INCR_1, MANIFEST, ONE, blocks, command, disk_with, load, load_with, set, three};
use graven_aof::sim::{Dice, SimStorage};
use graven_aof::{Error, FsyncPolicy, Options, Part, Recovery, Runtime};

const DIR: &str = "appendonlydir/";
const INCR_2: &str = "appendonlydir/appendonly.aof.2.incr.aof";
const TWO: &str = "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";

#[test]
fn a_torn_tail_is_cut_exactly_wherever_it_is_torn() {
    let (contents, blocks) = three();
    let whole = blocks.concat();
    let starts = [0, blocks[0].len(), blocks[0].len() + blocks[1].len(), whole.len()];
    for cut in 0..=whole.len() {
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &whole[..cut])]);
        let kept = starts.iter().rposition(|&start| start <= cut).unwrap();
        // `#BLK` alone is a comment, to Redis as well.
        let torn = cut > starts[kept] + 4;
        if torn {
            let refused = load_with(&disk, Options { load_truncated: false, ..Options::default() }).unwrap_err();
            assert!(matches!(&refused, Error::Truncated { offset, .. } if *offset == starts[kept] as u64), "{cut}: {refused}");
            assert!(refused.to_string().contains(&format!("graven check-aof --fix {MANIFEST}.")), "{refused}");
            assert_eq!(disk.content(INCR_1).unwrap().len(), cut, "a refused start changes nothing");
        }
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!(bytes, contents[..kept].concat());
        assert_eq!(disk.content(INCR_1).unwrap().len(), starts[kept]);
        assert_eq!(summary.warnings.len(), usize::from(torn), "{:?}", summary.warnings);
        if torn {
            let warning = &summary.warnings[0];
            assert!(warning.contains(INCR_1) && warning.contains(&format!("at offset {} ", starts[kept])), "{warning}");
        }
    }
}

#[test]
fn no_flipped_bit_ever_loads_as_different_data() {
    let (contents, blocks) = three();
    let whole = blocks.concat();
    let stream = contents.concat();
    let mut refused = 0;
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &damaged)]);
        match load(&disk) {
            Ok((bytes, _)) => {
                // Only the last block can look torn, and only an annotation can hide a header.
                assert!(bytes == stream || (bytes == contents[..2].concat() && bit / 8 >= blocks[0].len() + blocks[1].len()), "bit {bit}");
            }
            Err(Error::Damaged { path, offset, .. }) => {
                assert_eq!(path, INCR_1);
                assert!(offset <= (bit / 8) as u64 || offset == (blocks[0].len() + blocks[1].len()) as u64, "bit {bit}: offset {offset}");
                refused += 1;
            }
            Err(e) => panic!("bit {bit}: {e}"),
        }
    }
    assert!(refused * 10 > whole.len() * 8 * 9, "{refused}");
}

#[test]
fn a_damaged_length_in_the_middle_does_not_pass_for_a_torn_tail() {
    let (_, blocks) = three();
    let text = String::from_utf8(blocks[1].clone()).unwrap();
    let start = text.find("len:").unwrap() + 4;
    let damaged = [&blocks[0], &[&blocks[1][..start], b"99", &blocks[1][start..]].concat(), &blocks[2]].map(Vec::as_slice).concat();
    let error = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &damaged)])).unwrap_err();
    assert!(matches!(&error, Error::Damaged { offset, .. } if *offset == blocks[0].len() as u64), "{error}");
}

#[test]
fn a_damaged_tail_needs_the_option_and_fits_its_size() {
    let (contents, blocks) = three();
    let mut bad_crc = blocks.concat();
    let last = bad_crc.len() - 5;
    bad_crc[last] ^= 1;
    for (tail, kept) in [([blocks.concat(), vec![0; 700]].concat(), 3), ([blocks.concat(), b"garbage".to_vec()].concat(), 3), (bad_crc, 2)]
    {
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &tail)]);
        let length = (tail.len() - blocks[..kept].concat().len()) as u64;
        let text = load(&disk).unwrap_err().to_string();
        assert!(text.contains("aof-load-corrupt-tail-max-size") && text.contains(&format!("at least {length} ")), "{text}");
        assert!(text.contains(&format!("check-aof --fix {MANIFEST}.")), "{text}");
        let allow = |bytes| Options { corrupt_tail_max_bytes: bytes, ..Options::default() };
        load_with(&disk, allow(length - 1)).unwrap_err();
        let (bytes, summary) = load_with(&disk, allow(length)).unwrap();
        assert_eq!(bytes, contents[..kept].concat());
        assert_eq!(summary.warnings.len(), 1);
        assert_eq!(disk.content(INCR_1).unwrap(), blocks[..kept].concat());
    }
}

#[test]
fn missing_and_repeated_blocks_are_refused() {
    let (_, b) = three();
    for (file, at) in [
        ([&b[0], &b[2]].map(Vec::as_slice).concat(), b[0].len()),
        ([&b[0], &b[1], &b[1]].map(Vec::as_slice).concat(), b[0].len() + b[1].len()),
    ] {
        let error = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)])).unwrap_err();
        assert!(matches!(&error, Error::Damaged { offset, .. } if *offset == at as u64), "{error}");
    }
}

#[test]
fn positions_that_no_log_comes_to_are_damage_and_the_last_one_that_is_none_leaves_room() {
    let content = set("a", "1");
    let len = content.len() as u64;
    let last = u64::MAX / 2;
    let file = |lsn: u64, behind: &[u8]| [graven_aof::BlockHeader::new(lsn, &content).as_bytes(), &content, behind].concat();
    for (whole, damaged_at) in [
        (file(last - len, b""), None),
        (file(last - len, &content), Some(file(0, b"").len() + 18)),
        (file(last - len + 1, b""), Some(0)),
        (file(u64::MAX - len, b""), Some(0)),
        (file(u64::MAX - len, &content), Some(0)),
    ] {
        let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &whole)]);
        match (load(&disk), damaged_at) {
            (Ok((bytes, summary)), None) => assert_eq!((bytes, summary.lsn), (content.clone(), last)),
            (Err(Error::Damaged { offset, .. }), Some(at)) => assert_eq!(offset, at as u64),
            (loaded, _) => panic!("{loaded:?}"),
        }
    }
}

/// What is left of a block's bytes without its header line.
fn bare(block: &[u8]) -> &[u8] {
    &block[block.iter().position(|&b| b == b'\n').unwrap() + 1..]
}

#[test]
fn after_an_edit_by_hand_the_remedy_keeps_the_good_commands() {
    let (contents, b) = three();
    let shorter = set("b", "t");
    let [mut same_length, mut longer] = [b[1].clone(), b[1].clone()];
    let value = b[1].len() - 4;
    same_length[value] ^= 1;
    longer.splice(value..value, *b"xyz");
    let second = [same_length, longer, shorter.clone(), Vec::new()];
    for (edited, manifest) in second.iter().flat_map(|edited| [(edited, ONE), (edited, TWO)]) {
        let files = match manifest {
            ONE => [[&b[0], edited.as_slice(), &b[2]].concat(), Vec::new()],
            _ => [[&b[0], edited.as_slice()].concat(), b[2].clone()],
        };
        let load_files =
            |first: &[u8], second: &[u8]| load(&disk_with(&[(MANIFEST, manifest.as_bytes()), (INCR_1, first), (INCR_2, second)]));
        let text = load_files(&files[0], &files[1]).unwrap_err().to_string();
        let cut = text.find("aof-load-corrupt-tail-max-size");
        let lost_power = text.find("If power was lost");
        assert!(
            cut.is_none_or(|cut| lost_power.is_some_and(|lost| lost < cut)),
            "cutting loses good commands if no power was lost: {text}"
        );
        assert!(text.contains("delete the '#BLK' lines of the edited block and of all later blocks, also in later files"), "{text}");
    }
    // And the remedy works.
    let file = [&b[0], shorter.as_slice(), bare(&b[2])].concat();
    let (bytes, _) = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)])).unwrap();
    assert_eq!(bytes, [&contents[0], &shorter, &contents[2]].map(Vec::as_slice).concat());
}

#[test]
fn damage_in_an_earlier_file_names_a_remedy_that_check_aof_will_not_refuse() {
    let (_, b) = three();
    let torn = [&b[0], &b[1][..9]].concat();
    let zeros = [&b[0], &[0; 40][..]].concat();
    for first in [torn, zeros] {
        let text = load(&disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &first), (INCR_2, &b[2])])).unwrap_err().to_string();
        assert!(
            text.contains(&format!("delete the lines of all later files from {MANIFEST}, then use graven check-aof --fix {MANIFEST}")),
            "{text}"
        );
    }
}

#[test]
fn a_later_file_supersedes_what_an_abandoned_one_still_holds() {
    let (contents, b) = three();
    let torn = &b[2][..20];
    for old in [b.concat(), [&b[0], &b[1], torn].concat(), [&b[0], &[0; 50][..]].concat(), b[0].clone()] {
        let disk = disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &old), (INCR_2, &b[1..].concat())]);
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!(bytes, contents.concat());
        assert_eq!(summary.lsn, contents.concat().len() as u64);
        assert_eq!(disk.content(INCR_1).unwrap(), b[0], "cut, so that a real Redis loads it as well");
        assert_eq!(load(&disk).unwrap().1.warnings, Vec::<String>::new());
    }
}

/// What a kill leaves while a rewrite has named the next file and the present one is still written to.
/// Without checksums only the first block of a file, or none, has a header.
#[test]
fn a_file_without_a_block_behind_a_superseded_one_is_superseded_too() {
    const THREE: &str = "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\nfile appendonly.aof.3.incr.aof seq 3 type i\n";
    const INCR_3: &str = "appendonlydir/appendonly.aof.3.incr.aof";
    let anchor = graven_aof::BlockHeader::new(4_711, &[]);
    let again = [anchor.as_bytes(), &set("a", "1"), &set("b", "2")].concat();
    let disk = disk_with(&[(MANIFEST, THREE.as_bytes()), (INCR_1, anchor.as_bytes()), (INCR_2, &set("a", "1")), (INCR_3, &again)]);
    for _ in 0..2 {
        let (bytes, summary) = load(&disk).unwrap();
        assert_eq!(
            (bytes, summary.lsn),
            ([set("a", "1"), set("b", "2")].concat(), 4_711 + again.len() as u64 - anchor.as_bytes().len() as u64)
        );
    }
}

#[test]
fn a_torn_end_with_only_empty_files_behind_is_cut_like_that_of_the_last_file() {
    let (contents, b) = three();
    let torn = [&b[0], &b[1][..9]].concat();
    let disk = disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &torn), (INCR_2, b"")]);
    let (bytes, summary) = load(&disk).unwrap();
    assert_eq!((bytes, summary.lsn), (contents[0].clone(), contents[0].len() as u64));
    assert_eq!(disk.content(INCR_1).unwrap(), b[0], "so that a real Redis, which cuts only the last file, loads it as well");
    let strict = Options { load_truncated: false, ..Options::default() };
    let disk = disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &torn), (INCR_2, b"")]);
    assert!(matches!(load_with(&disk, strict).unwrap_err(), Error::Truncated { .. }));
}

#[test]
fn a_file_that_is_not_the_last_may_not_end_early() {
    let (_, b) = three();
    for (old, new) in [(&b[0][..b[0].len() - 3], &b[1]), (&b[0], &b[2]), (&[b[0].as_slice(), &b[1][..9]].concat(), &b[2])] {
        let disk = disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, old), (INCR_2, new)]);
        let error = load(&disk).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

/// A Redis that was started after a kill leaves such a file when it begins the next one.
#[test]
fn an_unfinished_comment_at_the_end_of_an_earlier_file_is_nothing_unless_positions_tell_of_more() {
    let (contents, b) = three();
    let foreign = set("by", "redis");
    for line in ["#", "#B", "#BL", "#BLK", "# by hand"] {
        let first = [b[0].as_slice(), line.as_bytes()].concat();
        for (next, content) in [(&b[1], &contents[1]), (&foreign, &foreign)] {
            let disk = disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &first), (INCR_2, next)]);
            assert_eq!(load(&disk).unwrap().0, [&contents[0], content].map(Vec::as_slice).concat());
            assert_eq!(disk.content(INCR_1).unwrap(), b[0]);
        }
        let refused = load(&disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &first), (INCR_2, &b[2])])).unwrap_err();
        assert!(refused.to_string().contains("bytes are missing"), "{refused}");
    }
}

#[test]
fn an_unfinished_transaction_is_cut_at_its_multi() {
    let (first, multi) = (set("a", "1"), command(&["multi"]));
    let file = [first.clone(), multi, set("b", "2")].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
    let (bytes, summary) = load(&disk).unwrap();
    assert_eq!(bytes, first);
    assert!(summary.warnings[0].contains(&format!("offset {} ", first.len())), "{:?}", summary.warnings);
}

#[test]
fn commands_of_a_real_redis_count_as_positions_and_blocks_follow() {
    let (contents, b) = three();
    let foreign = [b"#TS:1700000000\r\n".to_vec(), set("x", "foreign")].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &[b.concat(), foreign.clone()].concat())]);
    let (bytes, summary) = load(&disk).unwrap();
    assert_eq!(bytes, [contents.concat(), set("x", "foreign")].concat());
    assert_eq!(summary.lsn, (contents.concat().len() + foreign.len()) as u64);
}

#[test]
fn large_values_commands_and_transactions_load_whole() {
    let value = "v".repeat(3 << 20);
    let many: Vec<String> = (0..200_000).map(|i| format!("argument{i}")).collect();
    let mut args = vec!["RPUSH"];
    args.extend(many.iter().map(String::as_str));
    let contents = vec![set("big", &value), [command(&["SELECT", "0"]), command(&args)].concat()];
    let loose = [
        command(&["MULTI"]),
        (0..40_000).flat_map(|i| command(&["SET", &i.to_string(), &"x".repeat(50)])).collect(),
        command(&["EXEC"]),
        set("big", &value),
        command(&args),
    ]
    .concat();
    let file = [blocks(&contents).concat(), loose.clone()].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
    let (bytes, _) = load(&disk).unwrap();
    assert!(bytes == [contents.concat(), loose].concat());
}

#[test]
fn arguments_come_split_and_offsets_point_into_the_file() {
    let (_, b) = three();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &b.concat())]);
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options::default()).unwrap();
    let Some(Part::Commands(chunk)) = recovery.next_part().unwrap() else { panic!("no chunk") };
    let args: Vec<Vec<&[u8]>> = chunk.commands().map(|command| command.args().collect()).collect();
    assert_eq!(args[3], [&b"SET"[..], b"b", b"two"]);
    for command in chunk.commands() {
        assert!(b.concat()[command.offset() as usize..].starts_with(command.raw()));
        assert!(matches!(recovery.refuse(&chunk, &command, "why"), Error::NotExecutable { offset, .. } if offset == command.offset()));
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_not_called_damage_and_cutting_it_out_helps() {
    let (contents, b) = three();
    let foreign = command(&["RPUSH", "list", "a"]);
    let file = [b.concat(), foreign.clone(), set("d", "4")].concat();
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &file)]);
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options::default()).unwrap();
    let Some(Part::Commands(chunk)) = recovery.next_part().unwrap() else { panic!("no chunk") };
    let refused = chunk.commands().find(|command| command.raw() == foreign).unwrap();
    let text = recovery.refuse(&chunk, &refused, "ERR unknown command").to_string();
    let at = b.concat().len();
    for part in [
        INCR_1,
        &format!("RPUSH at offset {at} "),
        "ERR unknown command",
        "a server that knows this command loads it",
        &format!("its {} bytes", foreign.len()),
    ] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    assert!(!text.contains("--fix") && !text.contains("Bad file format"), "{text}");
    let mut cut = file.clone();
    cut.drain(at..at + foreign.len());
    let (bytes, _) = load(&disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &cut)])).unwrap();
    assert_eq!(bytes, [contents.concat(), set("d", "4")].concat());
}

#[test]
fn an_rdb_base_is_handed_out_and_commands_may_follow_it() {
    let base = "appendonlydir/appendonly.aof.1.base.rdb";
    let manifest = format!("file appendonly.aof.1.base.rdb seq 1 type b\n{ONE}");
    let (contents, b) = three();
    let rdb = [b"REDIS0011 not really an RDB!".to_vec(), set("behind", "it")].concat();
    let disk = disk_with(&[(MANIFEST, manifest.as_bytes()), (base, &rdb), (INCR_1, &b.concat())]);
    let (bytes, summary) = load(&disk).unwrap();
    assert_eq!(bytes, [set("behind", "it"), contents.concat()].concat());
    assert_eq!(summary.lsn, contents.concat().len() as u64, "a base is not part of the stream");
}

#[test]
fn missing_files_and_manifests_are_refused_with_a_sentence() {
    let (_, b) = three();
    let error = load(&disk_with(&[(MANIFEST, TWO.as_bytes()), (INCR_1, &b.concat())])).unwrap_err();
    assert!(matches!(&error, Error::MissingSegment { path } if path == INCR_2), "{error}");
    let error = load(&disk_with(&[(INCR_1, &b.concat())])).unwrap_err();
    assert!(matches!(&error, Error::MissingManifest { .. }), "{error}");
    // Also if it is the base that was once a single file.
    let error = load(&disk_with(&[("appendonlydir/appendonly.aof", &b.concat())])).unwrap_err();
    assert!(matches!(&error, Error::MissingManifest { .. }), "{error}");
    let error = load(&disk_with(&[(MANIFEST, b"file x seq\n"), (INCR_1, &b.concat())])).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    for name in ["", ".", "..", "a/b", "a\nb"] {
        let error = load_with(&SimStorage::new(), Options { file_name: name.to_owned(), ..Options::default() }).unwrap_err();
        assert!(matches!(error, Error::BadName { .. }), "{error}");
    }
}

#[test]
fn leftovers_and_history_are_removed_at_the_start() {
    let (contents, b) = three();
    let manifest = format!("file appendonly.aof.9.base.aof seq 9 type b\nfile old.aof seq 1 type h\n{ONE}");
    let temp = format!("{DIR}temp-appendonly.aof.manifest");
    let files = ["old.aof", "appendonly.aof.7.incr.aof", "appendonly.aof.10.base.rdb", "appendonly.aof.txt", "other.aof.7.incr.aof"]
        .map(|name| format!("{DIR}{name}"));
    let disk = disk_with(&[
        (MANIFEST, manifest.as_bytes()),
        (INCR_1, &b.concat()),
        (&format!("{DIR}appendonly.aof.9.base.aof"), b""),
        (&temp, b"half"),
    ]);
    files.iter().for_each(|file| disk.put(file, b"x"));
    assert_eq!(load(&disk).unwrap().0, contents.concat());
    let there = files.clone().map(|file| disk.content(&file).is_some());
    assert_eq!(there, [false, false, false, true, true]);
    assert!(disk.content(&temp).is_none());
    assert!(!String::from_utf8(disk.content(MANIFEST).unwrap()).unwrap().contains("type h"));
}

#[test]
fn an_old_single_file_is_taken_over_whatever_step_was_the_last() {
    let old = [set("old", "file"), command(&["SET", "torn"])[..12].to_vec()].concat();
    let expected = set("old", "file");
    for stop in 0..40 {
        let disk = disk_with(&[("appendonly.aof", &old)]);
        assert!(Recovery::<SimStorage>::exists(&disk, &Options::default()).unwrap());
        disk.stop_at(stop);
        let first = load(&disk);
        assert!(first.is_ok() || disk.has_stopped(), "{stop}");
        for seed in 0..4 {
            let disk = if seed == 0 { disk.kill() } else { disk.power_loss(&mut Dice::new(seed)) };
            let (bytes, summary) = load(&disk).unwrap();
            assert_eq!(bytes, expected, "stopped after {stop}: {:?}", summary.warnings);
            assert!(disk.content("appendonly.aof").is_none());
            assert_eq!(load(&disk).unwrap().0, expected);
        }
    }
}

/// What Redis leaves with `aof-disable-auto-gc yes`, after a rewrite while `appendonly` is `no`.
#[test]
fn a_new_segment_never_takes_the_name_of_history() {
    let (contents, b) = three();
    let base = format!("{DIR}appendonly.aof.2.base.aof");
    let manifest = "file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.1.base.aof seq 1 type h\nfile appendonly.aof.1.incr.aof seq 1 type h\n";
    for (auto_gc, is_there) in [(true, true), (true, false), (false, true), (false, false)] {
        let disk = disk_with(&[(MANIFEST, manifest.as_bytes()), (&base, &contents[0])]);
        if is_there {
            disk.put(INCR_1, &b.concat());
        }
        let options = Options { policy: FsyncPolicy::Always, auto_gc, ..Options::default() };
        let mut recovery = Recovery::open(Arc::new(disk.clone()), options).unwrap();
        while recovery.next_part().unwrap().is_some() {}
        let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
        log.submit(&mut contents[1].clone(), 0);
        log.set_auto_collect(true);
        drop(log);
        assert!(disk.content(INCR_1).is_none());
        assert_eq!(load(&disk.power_loss(&mut Dice::new(1))).unwrap().0, contents[..2].concat());
    }
}

/// What Redis makes of that directory, which goes on in a file that it names as history too.
#[test]
fn a_file_that_is_loaded_is_not_removed_as_history() {
    let (contents, b) = three();
    let manifest = format!("file appendonly.aof.1.incr.aof seq 1 type h\n{ONE}");
    let disk = disk_with(&[(MANIFEST, manifest.as_bytes()), (INCR_1, &b.concat())]);
    for _ in 0..2 {
        assert_eq!(load(&disk).unwrap().0, contents.concat());
    }
}

#[test]
fn what_came_after_an_old_copy_of_the_manifest_is_set_aside() {
    let (contents, blocks) = three();
    let aside = |n: u32| format!("{INCR_2}.unnamed-{n}");
    let empty = "appendonlydir/appendonly.aof.3.incr.aof";
    let disk = disk_with(&[(MANIFEST, ONE.as_bytes()), (INCR_1, &blocks[0]), (INCR_2, &blocks[1]), (empty, b"")]);
    let (bytes, summary) = load(&disk).unwrap();
    assert_eq!(bytes, contents[0]);
    assert!(summary.warnings.iter().any(|warning| warning.contains("is newer than all that the manifest names")), "{:?}", summary.warnings);
    assert_eq!([INCR_2, empty].map(|path| disk.content(path)), [None, None]);
    // Another one does not take its place.
    disk.put(INCR_2, &blocks[2]);
    assert_eq!(load(&disk).unwrap().0, contents[0]);
    assert_eq!([1, 2].map(|n| disk.content(&aside(n))), [Some(blocks[1].clone()), Some(blocks[2].clone())]);
    assert_eq!(load(&disk).unwrap().1.warnings, Vec::<String>::new());
    // With its manifest all is there again.
    disk.put(INCR_2, &blocks[1]);
    disk.put(MANIFEST, TWO.as_bytes());
    assert_eq!(load(&disk).unwrap().0, contents[..2].concat());
}

#[test]
fn an_unnamed_segment_that_is_older_is_removed() {
    let (contents, blocks) = three();
    let only_second = "file appendonly.aof.2.incr.aof seq 2 type i\n";
    let disk = disk_with(&[(MANIFEST, only_second.as_bytes()), (INCR_1, &blocks[1]), (INCR_2, &blocks[0])]);
    assert_eq!(load(&disk).unwrap().0, contents[0]);
    assert_eq!(disk.paths().iter().filter(|path| path.contains(".incr.aof")).collect::<Vec<_>>(), [INCR_2]);
}
