//! The commands of HyperLogLogs.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::hyperloglog::*;
use crate::table::flags;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("pfadd", -2, pfadd)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::HYPERLOGLOG)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs("hyperloglog", "2.8.9", "O(1) for each element", "Adds elements to a HyperLogLog, creating it if missing.")
        .args(&[Arg::key(), Arg::new("element", ArgType::String).optional().multiple()]),
    CommandSpec::engine("pfcount", -2, pfcount)
        .flags(flags(&[Flags::READONLY, Flags::MAY_REPLICATE]))
        .categories_too(Categories::HYPERLOGLOG)
        .keys(&[KeySpec {
            notes: "RW because it may change the internal representation of the key, and propagate to replicas",
            ..KeySpec::range(1, -1, 1, KeyFlags::RW.union(KeyFlags::ACCESS))
        }])
        .docs(
            "hyperloglog",
            "2.8.9",
            "O(1) for one key, whose count is remembered; O(N) for N keys",
            "Returns about how many different elements were added to HyperLogLogs.",
        )
        .args(&[Arg::key().multiple()]),
    CommandSpec::engine("pfdebug", 3, pfdebug)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::ADMIN, Flags::SYSTEM]))
        .categories_too(Categories::HYPERLOGLOG)
        .keys(&[KeySpec::one(2, KeyFlags::RW.union(KeyFlags::ACCESS))])
        .docs("hyperloglog", "2.8.9", "N/A", "Shows the registers of a HyperLogLog, or how they are written.")
        .args(&[Arg::new("subcommand", ArgType::String), Arg::key()]),
    CommandSpec::engine("pfmerge", -2, pfmerge)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::HYPERLOGLOG)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::INSERT)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .docs("hyperloglog", "2.8.9", "O(N) for N HyperLogLogs", "Adds the elements of HyperLogLogs to another.")
        .args(&[Arg::new("destkey", ArgType::Key(0)), Arg::new("sourcekey", ArgType::Key(1)).optional().multiple()]),
    CommandSpec::engine("pfselftest", 1, pfselftest)
        .flags(flags(&[Flags::ADMIN, Flags::SYSTEM]))
        .categories_too(Categories::HYPERLOGLOG)
        .docs("hyperloglog", "2.8.9", "N/A", "Tests the counting of HyperLogLogs."),
];
