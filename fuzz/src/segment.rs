//! The log's files: any bytes are loaded, cut or refused, and what was loaded once is loaded again the same.

use std::sync::Arc;

use graven_aof::{Error, FsyncPolicy, Limits, Options, Part, Recovery, Runtime};

use crate::memory::MemoryStorage;

const DIR: &str = "appendonlydir/";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const GOOD_MANIFEST: &[u8] = b"file appendonly.aof.1.incr.aof seq 1 type i\n";

/// Words of the manifest.
pub const MANIFEST_WORDS: &[&[u8]] = &[
    b"file ",
    b" seq ",
    b" type ",
    b"type b",
    b"type h",
    b"type i",
    b"\n",
    b"\"",
    b"\\x00",
    b"../",
    b"/",
    b"#",
    b"18446744073709551615",
    b"0",
    b"-1",
    b"appendonly.aof.2.incr.aof",
    b"appendonly.aof.1.base.rdb",
    b"appendonly.aof.1.base.aof",
];

/// Words of a segment.
pub const SEGMENT_WORDS: &[&[u8]] = &[
    b"#BLK:v1;lsn:0;len:0;crc:0000000000000000\r\n",
    b"#BLK:",
    b"v2;",
    b";lsn:",
    b";len:18446744073709551615",
    b";crc:",
    b"#TS:1700000000\r\n",
    b"#\r\n",
    b"###############################################################\n",
    b"##",
    b"\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"$-1\r\n",
    b"REDIS0011",
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
];

/// Valid manifests.
pub fn manifest_seeds() -> Vec<Vec<u8>> {
    [
        GOOD_MANIFEST,
        b"file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n",
        b"# comment\nfile \"appendonly.aof.1.base.aof\" seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Valid segments: written by the log itself, foreign commands, both; with filler, and foreign commands behind it.
pub fn segment_seeds() -> Vec<Vec<u8>> {
    let foreign = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n#TS:1700000000\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n";
    let own = written_by_the_log(0);
    let filled = written_by_the_log(600);
    let behind_filler = [&filled, &foreign[..]].concat();
    vec![foreign.to_vec(), own.clone(), [foreign, &own[..]].concat(), vec![], in_blocks(foreign), filled, behind_filler]
}

/// The valid segments with a first byte that chooses options.
pub fn segment_inputs() -> Vec<Vec<u8>> {
    let contents = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n|*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n#TS:5\r\n";
    let as_file = segment_seeds().into_iter().zip(0u8..).map(|(seed, choice)| [&[choice % 4][..], &seed].concat());
    as_file.chain((4..8).map(|choice| [&[choice][..], contents].concat())).collect()
}

/// What the log writes for a few batches.
fn written_by_the_log(fill_ahead_bytes: u64) -> Vec<u8> {
    let storage = Arc::new(MemoryStorage::default());
    let limits = Limits { fill_ahead_bytes, ..Limits::default() };
    let options = Options { policy: FsyncPolicy::Always, limits, ..Options::default() };
    let recovery = Recovery::open(storage.clone(), options).expect("an empty directory is taken");
    let (mut log, _) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).expect("an empty directory is opened");
    for value in ["first", "", "third with\r\nline ends"] {
        let mut batch = Vec::new();
        graven_resp::encode_command(&mut batch, &["SELECT", "0"]);
        graven_resp::encode_command(&mut batch, &["SET", "key", value]);
        log.submit(&mut batch, 0);
        log.poll(0);
    }
    drop(log);
    let names = graven_aof::Storage::list(&*storage, "appendonlydir").expect("the log made its directory");
    let segment = names.iter().find(|name| name.ends_with(".incr.aof")).expect("the log began a segment");
    read(&storage, &format!("{DIR}{segment}"))
}

fn read(storage: &MemoryStorage, path: &str) -> Vec<u8> {
    use graven_aof::{File, OpenMode, Storage};
    let file = storage.open(path, OpenMode::Read).expect("the file exists");
    let mut bytes = vec![0; file.len().expect("a length") as usize];
    file.read_at(0, &mut bytes).expect("memory is readable");
    bytes
}

/// Any bytes as the manifest of a directory with some files.
pub fn run_manifest(input: &[u8]) {
    let storage = MemoryStorage::default();
    for name in ["appendonly.aof.1.incr.aof", "appendonly.aof.2.incr.aof", "appendonly.aof.1.base.aof"] {
        storage.put(&format!("{DIR}{name}"), b"");
    }
    storage.put(MANIFEST, input);
    loads_the_same_twice(storage, Options::default());
}

/// Any bytes as the last segment; the first byte chooses the options, and whether the bytes are the file or the contents of
/// blocks whose checksums are right (so that what is behind the checksum is reached).
pub fn run_segment(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let storage = MemoryStorage::default();
    storage.put(MANIFEST, GOOD_MANIFEST);
    let blocks = if choice & 4 == 0 { bytes.to_vec() } else { in_blocks(bytes) };
    storage.put("appendonlydir/appendonly.aof.1.incr.aof", &blocks);
    let corrupt_tail_max_bytes = if choice % 4 < 2 { 0 } else { 100 };
    loads_the_same_twice(storage, Options { load_truncated: choice % 2 == 0, corrupt_tail_max_bytes, ..Options::default() });
}

/// Each piece between bars as a block, one after the other in the stream.
fn in_blocks(bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut lsn = 0;
    for content in bytes.split(|&byte| byte == b'|') {
        let head = format!("#BLK:v1;lsn:{lsn};len:{};", content.len());
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &[head.as_bytes(), content].concat());
        file.extend_from_slice(format!("{head}crc:{crc:016x}\r\n").as_bytes());
        file.extend_from_slice(content);
        lsn += content.len();
    }
    file
}

/// If the directory is accepted, then what recovery leaves behind is accepted by the strictest reader, with the same commands.
fn loads_the_same_twice(storage: MemoryStorage, options: Options) {
    let storage = Arc::new(storage);
    let Ok(first) = load(&storage, options) else { return };
    let strict = Options { load_truncated: false, corrupt_tail_max_bytes: 0, ..Options::default() };
    match load(&storage, strict) {
        Ok(second) => assert_eq!(first, second, "the second load gave other commands"),
        Err(error) => panic!("what recovery left behind is refused: {error}"),
    }
}

fn load(storage: &Arc<MemoryStorage>, options: Options) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let mut recovery = Recovery::open(storage.clone(), options)?;
    let mut commands = Vec::new();
    while let Some(part) = recovery.next_part()? {
        match part {
            // Decoding it is another crate's work; here it is as if it had been the whole file.
            Part::Rdb(rdb) => recovery.rdb_consumed(rdb.bytes),
            Part::Commands(chunk) => {
                for command in chunk.commands() {
                    assert!(command.args().len() > 0, "a command has a name");
                    commands.push(command.args().map(<[u8]>::to_vec).collect());
                }
            }
        }
    }
    recovery.finish(Runtime::single_threaded(Arc::new(|| 0)))?;
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If the seeds did not load, the targets would test nothing but the way to the first error.
    #[test]
    fn the_seeds_are_valid() {
        for seed in segment_seeds() {
            let storage = MemoryStorage::default();
            storage.put(MANIFEST, GOOD_MANIFEST);
            storage.put("appendonlydir/appendonly.aof.1.incr.aof", &seed);
            let commands = load(&Arc::new(storage), Options { load_truncated: false, ..Options::default() });
            assert_eq!(commands.expect("a valid segment").is_empty(), seed.is_empty());
        }
        for seed in manifest_seeds() {
            let storage = MemoryStorage::default();
            for name in ["appendonly.aof.1.incr.aof", "appendonly.aof.2.incr.aof", "appendonly.aof.1.base.aof"] {
                storage.put(&format!("{DIR}{name}"), b"");
            }
            storage.put(MANIFEST, &seed);
            load(&Arc::new(storage), Options::default()).expect("a valid manifest");
        }
    }
}
