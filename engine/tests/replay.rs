//! Replaying the effects of any commands gives the data set that the commands made.

mod support;

use proptest::prelude::*;
use support::World;

/// Commands with few keys, so that they meet each other.
const COMMANDS: &[&str] = &[
    "SET K V",
    "SET K V EX 1",
    "SET K V PX 300 GET",
    "SET K V NX PX 500",
    "SET K V XX KEEPTTL",
    "SET K V PXAT 1700000000100",
    "SETNX K V",
    "SETEX K 1 V",
    "PSETEX K 200 V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K PX 400",
    "GETEX K PERSIST",
    "GETEX K EXAT 1",
    "MSET K V K V",
    "MSETNX K V K V",
    "APPEND K V",
    "SETRANGE K 7 V",
    "INCR K",
    "DECRBY K 5",
    "INCRBYFLOAT K 0.1",
    "GET K",
    "DEL K K",
    "UNLINK K",
    "EXPIRE K 1",
    "PEXPIRE K 250 NX",
    "PEXPIRE K 600 GT",
    "PEXPIRE K 50 LT",
    "EXPIREAT K 1700000002",
    "PEXPIREAT K 5",
    "PERSIST K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K REPLACE",
    "COPY K K DB 1",
    "MOVE K 1",
    "SELECT 0",
    "SELECT 1",
    "SWAPDB 0 1",
    "FLUSHDB",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH K",
    "SCAN 0",
    "RANDOMKEY",
    "TTL K",
];
const KEYS: &[&str] = &["a", "b", "c", "d"];
const VALUES: &[&str] =
    &["1", "-7", "3.5", "text", "\"\"", "00", "9223372036854775807", "a-rather-long-value-that-is-no-embstr-any-more-ok"];

/// A command with its blanks filled in, or a pause of some milliseconds.
#[derive(Clone, Debug)]
enum Step {
    Run(String),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let line = (0..COMMANDS.len(), prop::collection::vec((0..KEYS.len(), 0..VALUES.len()), 2)).prop_map(|(command, picks)| {
        let mut blanks = picks.iter().flat_map(|&(key, value)| [("K", KEYS[key]), ("V", VALUES[value])]).collect::<Vec<_>>();
        let words = COMMANDS[command].split(' ').map(|word| match blanks.iter().position(|(blank, _)| *blank == word) {
            Some(at) => blanks.remove(at).1,
            None => word,
        });
        Step::Run(words.collect::<Vec<_>>().join(" "))
    });
    prop_oneof![9 => line, 1 => (1..200u64).prop_map(Step::Wait)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn effects_replayed_into_an_empty_engine_make_the_same_data_set(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::default();
        for step in steps {
            match step {
                Step::Run(line) => drop(world.run(&line)),
                Step::Wait(ms) => world.advance(ms),
            }
        }
        let data = world.data_set();
        prop_assert_eq!(world.replayed().data_set(), data);
    }
}
