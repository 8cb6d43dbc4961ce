//! The commands of bitmaps.

use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::bitmap::*;

const UNIT: Arg = Arg::new("unit", ArgType::OneOf(&[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")])).optional().since("7.0.0");
const GET: Arg =
    Arg::new("get-block", ArgType::Block(&[Arg::new("encoding", ArgType::String), Arg::new("offset", ArgType::Integer)])).token("GET");

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("bitcount", -2, bitcount)
        .flags(Flags::READONLY)
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("bitmap", "2.6.0", "O(N)", "Counts the bits that are set in a string.")
        .history(&[("7.0.0", "Added the `BYTE|BIT` option.")])
        .args(&[
            Arg::key(),
            Arg::new("range", ArgType::Block(&[Arg::new("start", ArgType::Integer), Arg::new("end", ArgType::Integer), UNIT])).optional(),
        ]),
    CommandSpec::engine("bitfield", -2, bitfield)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec { notes: "This command allows both access and modification of the key", ..KeySpec::one(1, flags_of_field()) }])
        .docs("bitmap", "3.2.0", "O(1) for each operation", "Reads, sets and adds to integers of any width at any bit of a string.")
        .args(&[
            Arg::key(),
            Arg::new(
                "operation",
                ArgType::OneOf(&[
                    GET,
                    Arg::new(
                        "write",
                        ArgType::Block(&[
                            Arg::new(
                                "overflow-block",
                                ArgType::OneOf(&[Arg::word("wrap", "WRAP"), Arg::word("sat", "SAT"), Arg::word("fail", "FAIL")]),
                            )
                            .token("OVERFLOW")
                            .optional(),
                            Arg::new(
                                "write-operation",
                                ArgType::OneOf(&[
                                    Arg::new(
                                        "set-block",
                                        ArgType::Block(&[
                                            Arg::new("encoding", ArgType::String),
                                            Arg::new("offset", ArgType::Integer),
                                            Arg::new("value", ArgType::Integer),
                                        ]),
                                    )
                                    .token("SET"),
                                    Arg::new(
                                        "incrby-block",
                                        ArgType::Block(&[
                                            Arg::new("encoding", ArgType::String),
                                            Arg::new("offset", ArgType::Integer),
                                            Arg::new("increment", ArgType::Integer),
                                        ]),
                                    )
                                    .token("INCRBY"),
                                ]),
                            ),
                        ]),
                    ),
                ]),
            )
            .multiple()
            .optional(),
        ]),
    CommandSpec::engine("bitfield_ro", -2, bitfield_ro)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("bitmap", "6.0.0", "O(1) for each operation", "Reads integers of any width at any bit of a string.")
        .args(&[Arg::key(), GET.multiple_token().optional()]),
    CommandSpec::engine("bitop", -4, bitop)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE)), KeySpec::range(3, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("bitmap", "2.6.0", "O(N)", "Combines strings bit by bit and stores the result.")
        .args(&[
            Arg::new(
                "operation",
                ArgType::OneOf(&[Arg::word("and", "AND"), Arg::word("or", "OR"), Arg::word("xor", "XOR"), Arg::word("not", "NOT")]),
            ),
            Arg::new("destkey", ArgType::Key(0)),
            Arg::new("key", ArgType::Key(1)).multiple(),
        ]),
    CommandSpec::engine("bitpos", -3, bitpos)
        .flags(Flags::READONLY)
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("bitmap", "2.8.7", "O(N)", "Finds the first bit that is set, or that is not.")
        .history(&[("7.0.0", "Added the `BYTE|BIT` option.")])
        .args(&[
            Arg::key(),
            Arg::new("bit", ArgType::Integer),
            Arg::new(
                "range",
                ArgType::Block(&[
                    Arg::new("start", ArgType::Integer),
                    Arg::new("end-unit-block", ArgType::Block(&[Arg::new("end", ArgType::Integer), UNIT])).optional(),
                ]),
            )
            .optional(),
        ]),
    CommandSpec::engine("getbit", 3, getbit)
        .flags(Flags::READONLY.union(Flags::FAST))
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs("bitmap", "2.2.0", "O(1)", "Returns one bit of a string.")
        .args(&[Arg::key(), Arg::new("offset", ArgType::Integer)]),
    CommandSpec::engine("setbit", 4, setbit)
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .categories_too(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))])
        .docs("bitmap", "2.2.0", "O(1)", "Sets or clears one bit of a string, which grows as far as it must.")
        .args(&[Arg::key(), Arg::new("offset", ArgType::Integer), Arg::new("value", ArgType::Integer)]),
];

const fn flags_of_field() -> KeyFlags {
    KeyFlags::RW.union(KeyFlags::UPDATE).union(KeyFlags::ACCESS).union(KeyFlags::VARIABLE_FLAGS)
}
