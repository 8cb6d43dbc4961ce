//! Set commands in the command table.

use super::flags;
use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::set::*;

const READS: KeySpec = KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS));
const ASKS: KeySpec = KeySpec::one(1, KeyFlags::RO);
const READS_ALL: KeySpec = KeySpec::range(1, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS));
const READS_REST: KeySpec = KeySpec::range(2, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS));
const OVERWRITES: KeySpec = KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE));
const MEMBER: Arg = Arg::new("member", ArgType::String);
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const COMBINED: &[Arg] = &[Arg::key().multiple()];
const STORED: &[Arg] = &[Arg::new("destination", ArgType::Key(0)), Arg::new("key", ArgType::Key(1)).multiple()];
const INTER_TIME: &str = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.";
const TOTAL_TIME: &str = "O(N) where N is the total number of elements in all given sets.";

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("sadd", -3, sadd)
        .members(2, 1, 4)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::SET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "set",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with multiple \
             arguments.",
            "Adds members to a set, which is created if it does not exist.",
        )
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
        .args(&[Arg::key(), MEMBER.multiple()]),
    CommandSpec::engine("scard", 2, scard)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[ASKS])
        .docs("set", "1.0.0", "O(1)", "Tells how many members a set has.")
        .args(&[Arg::key()]),
    CommandSpec::engine("sdiff", -2, sdiff)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS_ALL])
        .docs("set", "1.0.0", TOTAL_TIME, "Returns the members of the first set that are in none of the others.")
        .args(COMBINED)
        .tips(ANY_ORDER),
    CommandSpec::engine("sdiffstore", -3, sdiffstore)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::SET)
        .keys(&[OVERWRITES, READS_REST])
        .docs("set", "1.0.0", TOTAL_TIME, "Stores the members of the first set that are in none of the others.")
        .args(STORED),
    CommandSpec::engine("sinter", -2, sinter)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS_ALL])
        .docs("set", "1.0.0", INTER_TIME, "Returns the members that all sets have.")
        .args(COMBINED)
        .tips(ANY_ORDER),
    CommandSpec::engine("sintercard", -3, sintercard)
        .flags(Flags::READONLY.union(Flags::MOVABLE_KEYS))
        .categories_too(Categories::SET)
        .keys(&[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: BeginSearch::Index(1),
            find: FindKeys::KeyNum { number: 0, first: 1, step: 1 },
            notes: "",
        }])
        .docs("set", "7.0.0", INTER_TIME, "Tells how many members all sets have, up to a limit.")
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::key().multiple(),
            Arg::new("limit", ArgType::Integer).token("LIMIT").optional(),
        ]),
    CommandSpec::engine("sinterstore", -3, sinterstore)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::SET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE)), READS_REST])
        .docs("set", "1.0.0", INTER_TIME, "Stores the members that all sets have.")
        .args(STORED),
    CommandSpec::engine("sismember", 3, sismember)
        .members(2, 1, 1)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[ASKS])
        .docs("set", "1.0.0", "O(1)", "Tells whether a set has a member.")
        .args(&[Arg::key(), MEMBER]),
    CommandSpec::engine("smembers", 2, smembers)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS])
        .docs("set", "1.0.0", "O(N) where N is the set cardinality.", "Returns all members of a set.")
        .args(&[Arg::key()])
        .tips(ANY_ORDER),
    CommandSpec::engine("smismember", -3, smismember)
        .members(2, 1, 4)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[READS])
        .docs(
            "set",
            "6.2.0",
            "O(N) where N is the number of elements being checked for membership",
            "Tells of each of several members whether a set has it.",
        )
        .args(&[Arg::key(), MEMBER.multiple()]),
    CommandSpec::engine("smove", 4, smove)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT)),
        ])
        .docs("set", "1.0.0", "O(1)", "Moves a member from one set to another.")
        .args(&[Arg::new("source", ArgType::Key(0)), Arg::new("destination", ArgType::Key(1)), MEMBER]),
    CommandSpec::engine("spop", -2, spop)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))])
        .docs(
            "set",
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
            "Takes members out of a set at random and returns them.",
        )
        .history(&[("3.2.0", "Added the `count` argument.")])
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).since("3.2.0").optional()])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("srandmember", -2, srandmember)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS])
        .docs(
            "set",
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
            "Returns members of a set chosen at random.",
        )
        .history(&[("2.6.0", "Added the optional `count` argument.")])
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).since("2.6.0").optional()])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("srem", -3, srem)
        .members(2, 1, 4)
        .flags(Flags::WRITE.union(Flags::FAST))
        .categories_too(Categories::SET)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs("set", "1.0.0", "O(N) where N is the number of members to be removed.", "Takes members out of a set.")
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
        .args(&[Arg::key(), MEMBER.multiple()]),
    CommandSpec::engine("sscan", -3, sscan)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS])
        .docs(
            "set",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
             cursor to return back to 0. N is the number of elements inside the collection.",
            "Goes through the members of a set step by step.",
        )
        .args(&[
            Arg::key(),
            Arg::new("cursor", ArgType::Integer),
            Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("sunion", -2, sunion)
        .flags(Flags::READONLY)
        .categories_too(Categories::SET)
        .keys(&[READS_ALL])
        .docs("set", "1.0.0", TOTAL_TIME, "Returns the members that any of the sets has.")
        .args(COMBINED)
        .tips(ANY_ORDER),
    CommandSpec::engine("sunionstore", -3, sunionstore)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::SET)
        .keys(&[OVERWRITES, READS_REST])
        .docs("set", "1.0.0", TOTAL_TIME, "Stores the members that any of the sets has.")
        .args(STORED),
];
