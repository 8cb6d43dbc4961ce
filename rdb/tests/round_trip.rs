//! What is written is read back, whatever it is.

use graven_rdb::{Attributes, Event, Header, Options, Value, Version, Writer, read_all};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Key {
    db: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    attributes: Attributes,
}

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..70),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        any::<i32>().prop_map(|number| number.to_string().into_bytes()),
        any::<i16>().prop_map(|number| format!("{number:+05}").into_bytes()),
        (vec(any::<u8>(), 1..30), 1_usize..1000).prop_map(|(piece, times)| piece.repeat(times)),
        vec(any::<u8>(), 16_380..16_390),
        vec(any::<u8>(), 65_500..66_000),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (option::of(0..=i64::MAX as u64), option::of(any::<u64>()), option::of(any::<u8>()))
        .prop_map(|(deadline_ms, idle_seconds, freq)| Attributes { deadline_ms, idle_seconds, freq })
}

fn key() -> impl Strategy<Value = Key> {
    (0_u64..70_000, string(), string(), attributes()).prop_map(|(db, key, value, attributes)| Key { db, key, value, attributes })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_written_is_read_back(keys in vec(key(), 0..20), compress: bool, checksum: bool) {
        let header = Header { redis_version: "7.0.15", created_seconds: 1, used_memory_bytes: 1 << 40, is_aof_base: false, version: Version::Redis7 };
        let mut writer = Writer::new(Vec::new(), Options { compress, checksum }, &header).expect("writing to memory");
        let mut expected: Vec<Event> = [("redis-ver", "7.0.15"), ("redis-bits", "64"), ("ctime", "1"), ("used-mem", "1099511627776"), ("aof-base", "0")]
            .map(|(key, value)| Event::Aux { key: key.into(), value: value.into() })
            .into();
        for Key { db, key, value, attributes } in keys {
            writer.select_db(db).expect("writing to memory");
            writer.resize_db(db * 7, db).expect("writing to memory");
            writer.string(&key, &value, &attributes).expect("writing to memory");
            expected.extend([
                Event::SelectDb(db),
                Event::ResizeDb { keys: db * 7, expires: db },
                Event::Entry { key, value: Value::String(value), attributes },
            ]);
        }
        let announced = writer.bytes_written();
        let (mut bytes, length) = writer.finish().expect("writing to memory");
        prop_assert_eq!(length, bytes.len() as u64);
        prop_assert_eq!(length, announced + 9);
        prop_assert_eq!(checksum, bytes[bytes.len() - 8..] != [0; 8]);
        bytes.extend_from_slice(b"commands");
        let contents = read_all(&bytes).expect("it was just written");
        prop_assert_eq!(contents.events, expected);
        prop_assert_eq!(contents.bytes_consumed, length);
        prop_assert_eq!(contents.version, 10);
    }
}
