//! The mounted disk behaves as a directory does, until its power goes out.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::{Duration, Instant};

use graven_testkit::LossyDisk;
use graven_testkit::power::Order;
use graven_testkit::skipped;

fn disk(order: Order) -> Option<LossyDisk> {
    LossyDisk::mount(order).map_err(skipped).ok()
}

fn sync_directory(disk: &LossyDisk) {
    File::open(disk.path()).unwrap().sync_all().unwrap();
}

fn names(disk: &LossyDisk) -> Vec<String> {
    let entries = fs::read_dir(disk.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_mounted_disk_does_what_a_directory_does() {
    let Some(disk) = disk(Order::Independent) else { return };
    let at = |name: &str| disk.path().join(name);
    fs::write(at("a"), "hello").unwrap();
    let mut file = OpenOptions::new().append(true).read(true).open(at("a")).unwrap();
    file.write_all(b" world").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello world");
    file.write_all_at(b"!", 20).unwrap_or_else(|error| panic!("{error}"));
    file.set_len(5).unwrap();
    assert_eq!(fs::read(at("a")).unwrap(), b"hello");
    fs::set_permissions(at("a"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::metadata(at("a")).unwrap().permissions().mode() & 0o777, 0o600);

    fs::create_dir(at("d")).unwrap();
    fs::write(at("d/b"), vec![7; 3 << 20]).unwrap();
    assert_eq!(fs::read(at("d/b")).unwrap(), vec![7; 3 << 20]);
    assert!(fs::remove_dir(at("d")).is_err());
    fs::rename(at("a"), at("c")).unwrap();
    fs::rename(at("c"), at("d/b")).unwrap();
    assert_eq!(fs::read(at("d/b")).unwrap(), b"hello");
    let open = File::open(at("d/b")).unwrap();
    fs::remove_file(at("d/b")).unwrap();
    assert_eq!(open.metadata().unwrap().len(), 5, "an open file outlives its name");
    fs::remove_dir(at("d")).unwrap();
    assert!(names(&disk).is_empty());
    assert_eq!(fs::read(at("nothing")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    for n in 0..300 {
        fs::write(at(&format!("f{n:03}")), [1]).unwrap();
    }
    assert_eq!(names(&disk).len(), 300);
}

#[test]
fn a_loss_of_power_keeps_what_was_synced_and_may_take_the_rest() {
    let Some(mut disk) = disk(Order::Independent) else { return };
    let mut names_lost = 0;
    let mut bytes_lost = 0;
    for seed in 0..40 {
        let mut file = File::create(disk.path().join("kept")).unwrap();
        file.write_all(&[1; 1000]).unwrap();
        file.sync_data().unwrap();
        sync_directory(&disk);
        fs::write(disk.path().join("unsynced"), [2; 1000]).unwrap();
        file.write_all(&[3; 1000]).unwrap();
        drop(file);
        disk.freeze();
        let at_risk = disk.lose_power(seed).unwrap();
        assert_eq!(at_risk, 2000);
        let kept = fs::read(disk.path().join("kept")).unwrap();
        assert!(kept.starts_with(&[1; 1000]));
        bytes_lost += 2000 - kept.len();
        match fs::remove_file(disk.path().join("unsynced")) {
            Ok(()) => {}
            Err(_) => names_lost += 1,
        }
        sync_directory(&disk);
    }
    assert!(bytes_lost > 2_000 && names_lost > 5 && names_lost < 35, "{bytes_lost} bytes, {names_lost} names");
}

#[test]
fn a_sync_under_way_when_the_power_goes_out_made_nothing_durable() {
    let Some(mut disk) = disk(Order::Journaled) else { return };
    fs::write(disk.path().join("a"), "").unwrap();
    sync_directory(&disk);
    disk.sync_delay(Duration::from_millis(300));
    let path = disk.path().join("a");
    let syncing = std::thread::spawn(move || {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"late").unwrap();
        file.sync_data()
    });
    std::thread::sleep(Duration::from_millis(100));
    disk.freeze();
    std::thread::sleep(Duration::from_millis(400));
    assert!(!syncing.is_finished(), "a frozen disk answers nothing");
    disk.fail_waiting();
    assert!(syncing.join().unwrap().is_err());
    assert_eq!(disk.lose_power(1).unwrap(), 4);
}

#[test]
fn a_failed_sync_is_told_once_to_each_handle_and_what_it_covered_is_not_durable() {
    let Some(mut disk) = disk(Order::Independent) else { return };
    let mut file = File::create(disk.path().join("a")).unwrap();
    let other = OpenOptions::new().append(true).open(disk.path().join("a")).unwrap();
    sync_directory(&disk);
    disk.fail_syncs(1, 1);
    file.sync_data().unwrap();
    file.write_all(b"dropped").unwrap();
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert!(other.sync_data().is_err());
    other.sync_data().unwrap();
    OpenOptions::new().append(true).open(disk.path().join("a")).unwrap().sync_data().unwrap();
    assert_eq!(fs::read(disk.path().join("a")).unwrap(), b"dropped", "the cache still shows it");
    drop((file, other));
    disk.freeze();
    disk.lose_power(1).unwrap();
    assert_eq!(fs::read(disk.path().join("a")).unwrap(), [0; 7]);
}

#[test]
fn a_full_disk_takes_what_fits_and_a_slow_one_takes_its_time() {
    let Some(disk) = disk(Order::Independent) else { return };
    let mut file = File::create(disk.path().join("a")).unwrap();
    disk.space_left(Some(10));
    assert_eq!(file.write(&[1; 8]).unwrap(), 8);
    assert_eq!(file.write(&[1; 8]).unwrap(), 2);
    assert_eq!(file.write(&[1; 8]).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    disk.space_left(None);
    file.write_all(&[1; 8]).unwrap();
    disk.sync_delay(Duration::from_millis(120));
    let start = Instant::now();
    file.sync_data().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(120));
    assert_eq!(disk.counts().refused_writes, 2);
}
