//! Files of a log on a simulated disk, and what is loaded from them.

use std::sync::Arc;

use graven_aof::sim::SimStorage;
use graven_aof::{Error, FsyncPolicy, Options, Part, Recovery, Runtime, Summary};

pub const INCR_1: &str = "appendonlydir/appendonly.aof.1.incr.aof";
pub const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
pub const ONE: &str = "file appendonly.aof.1.incr.aof seq 1 type i\n";

/// A command as it stands in the log.
pub fn command(args: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n{arg}\r\n", arg.len()).bytes());
    }
    bytes
}

/// The content of a block that sets a key.
pub fn set(key: &str, value: &str) -> Vec<u8> {
    [command(&["SELECT", "0"]), command(&["SET", key, value])].concat()
}

/// Loads the log: the commands that were handed out, and what the recovery says.
pub fn load_with(disk: &SimStorage, options: Options) -> Result<(Vec<u8>, Summary), Error> {
    let mut recovery = Recovery::open(Arc::new(disk.clone()), options)?;
    let mut bytes = Vec::new();
    while let Some(part) = recovery.next_part()? {
        match part {
            Part::Commands(chunk) => chunk.commands().for_each(|command| bytes.extend_from_slice(command.raw())),
            Part::Rdb(mut rdb) => {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut rdb.reader, &mut text).unwrap();
                assert_eq!(text.len() as u64, rdb.bytes);
                recovery.rdb_consumed(text.find('!').unwrap() as u64 + 1);
            }
        }
    }
    assert_eq!(recovery.bytes_read(), recovery.bytes_total());
    let (_, summary) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0)))?;
    Ok((bytes, summary))
}

pub fn load(disk: &SimStorage) -> Result<(Vec<u8>, Summary), Error> {
    load_with(disk, Options::default())
}

/// Blocks as the log writes them, one for each content, from position 0 on.
pub fn blocks(contents: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let disk = SimStorage::new();
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options { policy: FsyncPolicy::Always, ..Options::default() }).unwrap();
    assert!(recovery.is_fresh() && recovery.next_part().unwrap().is_none());
    let (mut log, summary) = recovery.finish(Runtime::single_threaded(Arc::new(|| 0))).unwrap();
    assert!(summary.created);
    let mut blocks = Vec::new();
    let mut len = 0;
    for content in contents {
        log.submit(&mut content.clone(), 0);
        let file = disk.content(INCR_1).unwrap();
        blocks.push(file[len..].to_vec());
        len = file.len();
    }
    blocks
}

pub fn disk_with(files: &[(&str, &[u8])]) -> SimStorage {
    let disk = SimStorage::new();
    for (path, content) in files {
        disk.put(path, content);
    }
    disk
}

/// Three contents, and their blocks.
pub fn three() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let contents = vec![set("a", "1"), set("b", "two"), set("c", "three\r\n*1\r\n")];
    let blocks = blocks(&contents);
    (contents, blocks)
}
