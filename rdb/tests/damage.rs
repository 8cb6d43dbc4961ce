//! Cut and damaged files: always an error, never a panic, never memory for lengths that are only claimed.

mod samples;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use graven_rdb::{Attributes, Header, Options, Version, Writer, read_all};
use proptest::collection::vec;
use proptest::prelude::*;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Remembers the largest allocation of each thread.
struct Watch;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell without a destructor.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// The most a small file may make the reader allocate at once.
const MOST_BYTES: usize = 256 * 1024;

fn largest_allocation_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let result = work();
    (result, LARGEST.get())
}

/// A file with everything in it that the writer writes.
fn sample(options: Options) -> Vec<u8> {
    let header = Header {
        redis_version: "7.0.15",
        created_seconds: 1_700_000_000,
        used_memory_bytes: 12_345_678,
        is_aof_base: true,
        version: Version::Redis7,
    };
    let mut writer = Writer::new(Vec::new(), options, &header).expect("writing to memory");
    for db in [0, 9] {
        writer.select_db(db).expect("writing to memory");
        writer.resize_db(4, 3).expect("writing to memory");
        for (key, value, attributes) in [
            (&b"plain"[..], b"value".to_vec(), Attributes::default()),
            (b"12", b"-70000".to_vec(), Attributes { deadline_ms: Some(1_900_000_000_123), ..Attributes::default() }),
            (
                b"idle",
                b"abcabcabcabcabcabcabcabcabcabcabcabcabc".to_vec(),
                Attributes { idle_seconds: Some(77_777), ..Attributes::default() },
            ),
            (b"frequent", vec![b'z'; 300], Attributes { freq: Some(200), ..Attributes::default() }),
        ] {
            writer.string(key, &value, &attributes).expect("writing to memory");
        }
    }
    writer.finish().expect("writing to memory").0
}

fn every_kind_of_file() -> impl Iterator<Item = (Options, Vec<u8>)> {
    [(true, true), (true, false), (false, true), (false, false)].into_iter().map(|(compress, checksum)| {
        let options = Options { compress, checksum };
        (options, sample(options))
    })
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for (options, bytes) in every_kind_of_file() {
        read_all(&bytes).expect("the whole file is well formed");
        for length in 0..bytes.len() {
            read_all(&bytes[..length]).expect_err(&format!("{options:?}: {length} of {} bytes", bytes.len()));
        }
    }
}

#[test]
fn with_a_checksum_a_file_with_any_byte_changed_is_an_error() {
    for (options, bytes) in every_kind_of_file().filter(|(options, _)| options.checksum) {
        for place in 0..bytes.len() {
            for flip in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                let (result, largest) = largest_allocation_of(|| read_all(&damaged));
                result.expect_err(&format!("{options:?}: byte {place} changed by {flip:#04x}"));
                assert!(largest <= MOST_BYTES, "{largest} bytes at once for byte {place} changed by {flip:#04x}");
            }
        }
    }
}

#[test]
fn without_a_checksum_a_file_with_any_byte_changed_neither_panics_nor_allocates_much() {
    for (_, bytes) in every_kind_of_file().filter(|(options, _)| !options.checksum) {
        for place in 0..bytes.len() {
            for flip in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                let (result, largest) = largest_allocation_of(|| read_all(&damaged));
                if let Ok(contents) = result {
                    assert!(contents.bytes_consumed <= damaged.len() as u64);
                }
                assert!(largest <= MOST_BYTES, "{largest} bytes at once for byte {place} changed by {flip:#04x}");
            }
        }
    }
}

#[test]
fn the_largest_length_there_is_allocates_next_to_nothing() {
    for claim in
        [&b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\x00\x01k\xc3\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00b\xe0\x01\x00"]
    {
        let bytes = [b"REDIS0010", claim].concat();
        let (result, largest) = largest_allocation_of(|| read_all(&bytes));
        result.expect_err("nothing is that long");
        assert!(largest <= MOST_BYTES, "{largest}");
    }
}

#[test]
fn values_of_any_type_cut_anywhere_are_errors() {
    for sample in samples::every_type() {
        let bytes = samples::file(std::slice::from_ref(&sample));
        read_all(&bytes).expect("the whole file is well formed");
        for length in (0..bytes.len()).rev().take(400) {
            let (result, largest) = largest_allocation_of(|| read_all(&bytes[..length]));
            result.expect_err(&format!("type {}: {length} of {} bytes", sample.0, bytes.len()));
            assert!(largest <= MOST_BYTES, "{largest} bytes at once for type {} cut to {length}", sample.0);
        }
    }
}

#[test]
fn values_of_any_type_with_any_byte_changed_neither_panic_nor_allocate_much() {
    for sample in samples::every_type() {
        let bytes = samples::file(std::slice::from_ref(&sample));
        for place in 9..bytes.len().min(400) {
            for flip in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                let (_, largest) = largest_allocation_of(|| read_all(&damaged));
                assert!(largest <= 4 * MOST_BYTES, "{largest} bytes at once for type {}, byte {place} changed by {flip:#04x}", sample.0);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_after_a_header_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..300), opcode in 244_u8..=255) {
        let file = [b"REDIS0012", &[opcode][..], &bytes].concat();
        let (result, largest) = largest_allocation_of(|| read_all(&file));
        prop_assert!(result.is_err() || result.is_ok_and(|contents| contents.bytes_consumed <= file.len() as u64));
        prop_assert!(largest <= MOST_BYTES);
    }
}
