//! The commands of hashes. Those of 7.4 and 8.0 are described as the documentation has them.

use super::flags;
use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::hash::*;

/// Several flags of a key as one.
const fn key_flags(list: &[KeyFlags]) -> KeyFlags {
    let mut all = KeyFlags::empty();
    let mut i = 0;
    while i < list.len() {
        all = all.union(list[i]);
        i += 1;
    }
    all
}

const FIELD_VALUE: Arg =
    Arg::new("field_value", ArgType::Block(&[Arg::new("field", ArgType::String), Arg::new("value", ArgType::String)])).multiple();

const FIELDS: Arg =
    Arg::new("fields", ArgType::Block(&[Arg::new("numfields", ArgType::Integer), Arg::new("field", ArgType::String).multiple()]))
        .token("FIELDS");

const PAIRS: Arg = Arg::new(
    "fields",
    ArgType::Block(&[
        Arg::new("numfields", ArgType::Integer),
        Arg::new("data", ArgType::Block(&[Arg::new("field", ArgType::String), Arg::new("value", ArgType::String)])).multiple(),
    ]),
)
.token("FIELDS");

const CONDITION: Arg =
    Arg::new("condition", ArgType::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")]))
        .optional();

const FIELD_CONDITION: Arg = Arg::new("condition", ArgType::OneOf(&[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")])).optional();

const SECONDS: Arg = Arg::new("seconds", ArgType::Integer).token("EX");
const MILLISECONDS: Arg = Arg::new("milliseconds", ArgType::Integer).token("PX");
const UNIX_SECONDS: Arg = Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT");
const UNIX_MILLISECONDS: Arg = Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT");

const GETEX_EXPIRATION: Arg =
    Arg::new("expiration", ArgType::OneOf(&[SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS, Arg::word("persist", "PERSIST")]))
        .optional();

const SETEX_EXPIRATION: Arg =
    Arg::new("expiration", ArgType::OneOf(&[SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS, Arg::word("keepttl", "KEEPTTL")]))
        .optional();

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("hdel", -3, hdel).members(2, 1, 4)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::DELETE]))])
        .docs("hash", "2.0.0", "O(N) where N is the number of fields to be removed.", "Removes fields, and the hash with its last one.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String).multiple()])
        .history(&[("2.4.0", "Accepts multiple `field` arguments.")]),
    CommandSpec::engine("hexists", 3, hexists).members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO]))])
        .docs("hash", "2.0.0", "O(1)", "Tells whether a field exists.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String)]),
    CommandSpec::engine("hexpire", -6, hexpire)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Has fields expire after some seconds.")
        .args(&[Arg::key(), Arg::new("seconds", ArgType::Integer), CONDITION, FIELDS]),
    CommandSpec::engine("hexpireat", -6, hexpireat)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Has fields expire at a Unix time in seconds.")
        .args(&[Arg::key(), Arg::new("unix-time-seconds", ArgType::UnixTime), CONDITION, FIELDS]),
    CommandSpec::engine("hexpiretime", -5, hexpiretime)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Returns when fields expire, as Unix times in seconds.")
        .args(&[Arg::key(), FIELDS]),
    CommandSpec::engine("hget", 3, hget).members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.0.0", "O(1)", "Returns the value of a field.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String)]),
    CommandSpec::engine("hgetall", 2, hgetall)
        .flags(flags(&[Flags::READONLY]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.0.0", "O(N) where N is the size of the hash.", "Returns all fields and values.")
        .args(&[Arg::key()])
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::engine("hgetdel", -5, hgetdel)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::ACCESS, KeyFlags::DELETE]))])
        .docs("hash", "8.0.0", "O(N) where N is the number of specified fields", "Returns the values of fields and removes them.")
        .args(&[Arg::key(), FIELDS]),
    CommandSpec::engine("hgetex", -5, hgetex)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::ACCESS, KeyFlags::UPDATE]))])
        .docs("hash", "8.0.0", "O(N) where N is the number of specified fields", "Returns the values of fields and changes their deadlines.")
        .args(&[Arg::key(), GETEX_EXPIRATION, FIELDS]),
    CommandSpec::engine("hincrby", 4, hincrby).members(2, 1, 1)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::ACCESS, KeyFlags::UPDATE]))])
        .docs("hash", "2.0.0", "O(1)", "Adds to the integer in a field; a missing field counts as 0.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String), Arg::new("increment", ArgType::Integer)]),
    CommandSpec::engine("hincrbyfloat", 4, hincrbyfloat).members(2, 1, 1)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::ACCESS, KeyFlags::UPDATE]))])
        .docs("hash", "2.6.0", "O(1)", "Adds to the decimal number in a field; a missing field counts as 0.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String), Arg::new("increment", ArgType::Double)]),
    CommandSpec::engine("hkeys", 2, hkeys)
        .flags(flags(&[Flags::READONLY]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.0.0", "O(N) where N is the size of the hash.", "Returns the names of all fields.")
        .args(&[Arg::key()])
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::engine("hlen", 2, hlen)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO]))])
        .docs("hash", "2.0.0", "O(1)", "Counts the fields.")
        .args(&[Arg::key()]),
    CommandSpec::engine("hmget", -3, hmget).members(2, 1, 4)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.0.0", "O(N) where N is the number of fields being requested.", "Returns the values of several fields.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String).multiple()]),
    CommandSpec::engine("hmset", -4, hmset).members(2, 2, 4)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "2.0.0", "O(N) where N is the number of fields being set.", "Sets several fields.")
        .args(&[Arg::key(), FIELD_VALUE])
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
    CommandSpec::engine("hpersist", -5, hpersist)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Takes the deadlines of fields away.")
        .args(&[Arg::key(), FIELDS]),
    CommandSpec::engine("hpexpire", -6, hpexpire)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Has fields expire after some milliseconds.")
        .args(&[Arg::key(), Arg::new("milliseconds", ArgType::Integer), CONDITION, FIELDS]),
    CommandSpec::engine("hpexpireat", -6, hpexpireat)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Has fields expire at a Unix time in milliseconds.")
        .args(&[Arg::key(), Arg::new("unix-time-milliseconds", ArgType::UnixTime), CONDITION, FIELDS]),
    CommandSpec::engine("hpexpiretime", -5, hpexpiretime)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Returns when fields expire, as Unix times in milliseconds.")
        .args(&[Arg::key(), FIELDS]),
    CommandSpec::engine("hpttl", -5, hpttl)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Returns how many milliseconds fields have left.")
        .args(&[Arg::key(), FIELDS])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("hrandfield", -2, hrandfield)
        .flags(flags(&[Flags::READONLY]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "6.2.0", "O(N) where N is the number of fields returned", "Returns random fields.")
        .args(&[Arg::key(), Arg::new("options", ArgType::Block(&[Arg::new("count", ArgType::Integer), Arg::word("withvalues", "WITHVALUES").optional()])).optional()])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("hscan", -3, hscan)
        .flags(flags(&[Flags::READONLY]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.8.0", "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..", "Visits the fields of a hash step by step.")
        .args(&[Arg::key(), Arg::new("cursor", ArgType::Integer), Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(), Arg::new("count", ArgType::Integer).token("COUNT").optional(), Arg::word("novalues", "NOVALUES").optional().since("7.4.0")])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("hset", -4, hset).members(2, 2, 4)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "2.0.0", "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.", "Sets fields, creating the hash if it is missing.")
        .args(&[Arg::key(), FIELD_VALUE])
        .history(&[("4.0.0", "Accepts multiple `field` and `value` arguments.")]),
    CommandSpec::engine("hsetex", -6, hsetex)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::UPDATE]))])
        .docs("hash", "8.0.0", "O(N) where N is the number of fields being set.", "Sets fields together with a deadline, on a condition if wanted.")
        .args(&[Arg::key(), FIELD_CONDITION, SETEX_EXPIRATION, PAIRS]),
    CommandSpec::engine("hsetnx", 4, hsetnx).members(2, 1, 1)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RW, KeyFlags::INSERT]))])
        .docs("hash", "2.0.0", "O(1)", "Sets a field unless it exists.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String), Arg::new("value", ArgType::String)]),
    CommandSpec::engine("hstrlen", 3, hstrlen).members(2, 1, 1)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO]))])
        .docs("hash", "3.2.0", "O(1)", "Returns the length of the value of a field.")
        .args(&[Arg::key(), Arg::new("field", ArgType::String)]),
    CommandSpec::engine("httl", -5, httl)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "7.4.0", "O(N) where N is the number of specified fields", "Returns how many seconds fields have left.")
        .args(&[Arg::key(), FIELDS])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("hvals", 2, hvals)
        .flags(flags(&[Flags::READONLY]))
        .categories_too(Categories::HASH)
        .keys(&[KeySpec::one(1, key_flags(&[KeyFlags::RO, KeyFlags::ACCESS]))])
        .docs("hash", "2.0.0", "O(N) where N is the size of the hash.", "Returns all values.")
        .args(&[Arg::key()])
        .tips(&["nondeterministic_output_order"]),
];
