//! A log that begins with what is in memory: it replaces an earlier one or none, wherever it stops, and never one whose manifest is missing.

use std::sync::Arc;

use graven_aof::sim::{Dice, EIO, Fault, Op, SimStorage};
use graven_aof::{BaseFormat, Error, Log, Options, Part, Recovery, Runtime, Storage};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

fn runtime() -> Runtime {
    Runtime::single_threaded(Arc::new(|| 0))
}

/// A block that sets the key `k`.
fn batch(value: &str) -> Vec<u8> {
    format!("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()).into_bytes()
}

fn create_with(disk: &SimStorage, value: &str) -> Result<Log<SimStorage>, Error> {
    let base = batch(value);
    Log::create(Arc::new(disk.clone()), Options::default(), runtime(), 5_000, BaseFormat::Commands, |out| out.write_all(&base))
}

fn create(disk: &SimStorage) -> Result<Log<SimStorage>, Error> {
    create_with(disk, "from memory")
}

/// Loads the log; also returns the values that were set, in order.
fn load(disk: &SimStorage) -> Result<(Log<SimStorage>, Vec<String>), Error> {
    let mut recovery = Recovery::open(Arc::new(disk.clone()), Options::default())?;
    let mut values = Vec::new();
    while let Some(part) = recovery.next_part()? {
        let Part::Commands(chunk) = part else { panic!("no RDB here") };
        let sets = chunk.commands().filter(|command| command.args().len() == 3);
        values.extend(sets.map(|command| String::from_utf8(command.args().nth(2).unwrap().to_vec()).unwrap()));
    }
    Ok((recovery.finish(runtime())?.0, values))
}

fn values(disk: &SimStorage) -> Result<Vec<String>, Error> {
    load(disk).map(|(_, values)| values)
}

fn exists(disk: &SimStorage) -> bool {
    Recovery::<SimStorage>::exists(disk, &Options::default()).unwrap()
}

/// What the next process finds after a kill, or after a loss of power.
fn found(disk: &SimStorage, seed: u64) -> SimStorage {
    if seed == 0 { disk.kill() } else { disk.power_loss(&mut Dice::new(seed)) }
}

#[test]
fn it_replaces_an_earlier_log_whatever_step_was_the_last() {
    let mut new = 0;
    for stop in 0..60 {
        let disk = SimStorage::new();
        drop(create_with(&disk, "earlier").unwrap());
        disk.stop_at(disk.operations() + stop);
        let created = create(&disk).is_ok();
        for seed in 0..4 {
            let values = values(&found(&disk, seed + stop * u64::from(seed > 0))).unwrap();
            assert!(values == ["from memory"] || (values == ["earlier"] && !created), "stopped after {stop}: {values:?}");
            new += usize::from(values == ["from memory"]);
        }
    }
    assert!(new > 8);
}

#[test]
fn it_begins_at_its_position_and_goes_on() {
    let disk = SimStorage::new();
    let mut log = create(&disk).unwrap();
    assert_eq!(log.appended(), 5_000);
    log.submit(&mut batch("behind"), 0);
    drop(log);
    let (log, values) = load(&disk.kill()).unwrap();
    assert_eq!(values, ["from memory", "behind"]);
    assert_eq!(log.appended(), 5_000 + batch("behind").len() as u64);
}

/// No mark that its segments are debris outlives the moment in which they were.
#[test]
fn it_is_refused_too_when_its_manifest_is_missing() {
    let disk = SimStorage::new();
    drop(create(&disk).unwrap());
    disk.remove(MANIFEST).unwrap();
    assert!(exists(&disk));
    let refused = values(&disk);
    assert!(matches!(&refused, Err(Error::MissingManifest { .. })), "{refused:?}");
}

/// Stopped twice: the second attempt finds what the first one left. Either there is no log, and it can be begun again, or it is whole.
#[test]
fn a_stop_at_any_step_leaves_no_log_or_the_whole_one() {
    let (mut none, mut whole) = (0, 0);
    for stop in 0..40 {
        for second in [3, 7, 11, 15, 40] {
            for seed in 0..4 {
                let disk = SimStorage::new();
                disk.put(".exists", b"");
                disk.stop_at(stop);
                let mut created = create(&disk).is_ok();
                let mut disk = found(&disk, seed);
                if !exists(&disk) {
                    assert!(!created, "stopped after {stop}");
                    disk.stop_at(second);
                    created = create(&disk).is_ok();
                    disk = found(&disk, seed);
                }
                let what = format!("stopped after {stop}, then {second}, seed {seed}: {:?}", disk.paths());
                if exists(&disk) {
                    assert_eq!(values(&disk).unwrap_or_else(|e| panic!("{what}: {e}")), ["from memory"], "{what}");
                    whole += 1;
                } else {
                    assert!(!created, "{what}");
                    assert_eq!(values(&disk).unwrap_or_else(|e| panic!("{what}: {e}")), [""; 0], "{what}");
                    none += 1;
                }
                let marks: Vec<_> = disk.paths().into_iter().filter(|path| path.ends_with(".creating")).collect();
                assert_eq!(marks, [""; 0], "a start leaves none, lest it hide that a manifest is missing");
            }
        }
    }
    assert!(none > 50 && whole > 200, "{none} {whole}");
}

#[test]
fn a_fault_at_any_step_leaves_no_log_or_the_whole_one() {
    for op in [Op::Create, Op::Write, Op::Sync, Op::SyncDir, Op::Rename, Op::Remove] {
        for nth in 1..8 {
            let disk = SimStorage::new();
            disk.plant(op, nth, Fault::Errno(EIO));
            let created = create(&disk).is_ok();
            let disk = disk.kill();
            let there = exists(&disk);
            assert!(there || !created, "{op:?} {nth}");
            assert_eq!(values(&disk).unwrap_or_else(|e| panic!("{op:?} {nth}: {e}")), vec!["from memory"; usize::from(there)]);
        }
    }
}

#[test]
fn beside_segments_whose_manifest_is_missing_nothing_is_begun_and_nothing_removed() {
    let disk = SimStorage::new();
    create(&disk).unwrap().submit(&mut batch("acknowledged"), 0);
    let manifest = disk.content(MANIFEST).unwrap();
    disk.remove(MANIFEST).unwrap();
    let disk = disk.kill();
    let paths = disk.paths();
    assert!(exists(&disk), "else whoever finds a snapshot takes that instead");
    for refused in
        [values(&disk).map(drop), create(&disk).map(drop), Log::begin(Arc::new(disk.clone()), Options::default(), runtime(), 1).map(drop)]
    {
        assert!(matches!(&refused, Err(Error::MissingManifest { path, .. }) if path == MANIFEST), "{refused:?}");
    }
    assert_eq!(disk.paths(), paths);
    // With its manifest it is a log as before.
    disk.put(MANIFEST, &manifest);
    assert_eq!(values(&disk).unwrap(), ["from memory", "acknowledged"]);
}
