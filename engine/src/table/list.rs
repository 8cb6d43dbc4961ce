//! List commands in the command table.

use super::flags;
use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::list::*;

/// What a pop does to its key.
const POPS: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);
/// Both ends.
const SIDES: &[Arg] = &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("blmove", 6, blmove)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::BLOCKING, Flags::NOSCRIPT]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS), KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs("list", "6.2.0", "O(1)", "Moves an element from one list to another and returns it; waits for one if there is none.")
        .args(&[
            Arg::new("source", ArgType::Key(0)),
            Arg::new("destination", ArgType::Key(1)),
            Arg::new("wherefrom", ArgType::OneOf(SIDES)),
            Arg::new("whereto", ArgType::OneOf(SIDES)),
            Arg::new("timeout", ArgType::Double),
        ]),
    CommandSpec::engine("blmpop", -5, blmpop)
        .flags(flags(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec { flags: POPS, begin: BeginSearch::Index(2), find: FindKeys::KeyNum { number: 0, first: 1, step: 1 }, notes: "" }])
        .docs(
            "list",
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
            "Pops elements from the first list that has some; waits if none has.",
        )
        .args(&[
            Arg::new("timeout", ArgType::Double),
            Arg::new("numkeys", ArgType::Integer),
            Arg::new("key", ArgType::Key(0)).multiple(),
            Arg::new("where", ArgType::OneOf(SIDES)),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::engine("blpop", -3, blpop)
        .flags(flags(&[Flags::WRITE, Flags::BLOCKING, Flags::NOSCRIPT]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::range(1, -2, 1, POPS)])
        .docs(
            "list",
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Pops the first element of the first list that has one; waits if none has.",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .args(&[Arg::new("key", ArgType::Key(0)).multiple(), Arg::new("timeout", ArgType::Double)]),
    CommandSpec::engine("brpop", -3, brpop)
        .flags(flags(&[Flags::WRITE, Flags::BLOCKING, Flags::NOSCRIPT]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::range(1, -2, 1, POPS)])
        .docs(
            "list",
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Pops the last element of the first list that has one; waits if none has.",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .args(&[Arg::new("key", ArgType::Key(0)).multiple(), Arg::new("timeout", ArgType::Double)]),
    CommandSpec::engine("brpoplpush", 4, brpoplpush)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::BLOCKING, Flags::NOSCRIPT]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS), KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "2.2.0",
            "O(1)",
            "Moves the last element of a list to the head of another and returns it; waits for one if there \
             is none.",
        )
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
        .args(&[Arg::new("source", ArgType::Key(0)), Arg::new("destination", ArgType::Key(1)), Arg::new("timeout", ArgType::Double)])
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    CommandSpec::engine("lindex", 3, lindex)
        .flags(Flags::READONLY)
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements to traverse to get to the element at index. This makes \
             asking for the first or the last element of the list O(1).",
            "Returns the element at an index.",
        )
        .args(&[Arg::key(), Arg::new("index", ArgType::Integer)]),
    CommandSpec::engine("linsert", 5, linsert)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "2.2.0",
            "O(N) where N is the number of elements to traverse before seeing the value pivot. This means \
             that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting \
             somewhere on the right end (tail) is O(N).",
            "Adds an element before or after another.",
        )
        .args(&[
            Arg::key(),
            Arg::new("where", ArgType::OneOf(&[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")])),
            Arg::new("pivot", ArgType::String),
            Arg::new("element", ArgType::String),
        ]),
    CommandSpec::engine("llen", 2, llen)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("list", "1.0.0", "O(1)", "Returns the number of elements.")
        .args(&[Arg::key()]),
    CommandSpec::engine("lmove", 5, lmove)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS), KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs("list", "6.2.0", "O(1)", "Moves an element from one list to another and returns it.")
        .args(&[
            Arg::new("source", ArgType::Key(0)),
            Arg::new("destination", ArgType::Key(1)),
            Arg::new("wherefrom", ArgType::OneOf(SIDES)),
            Arg::new("whereto", ArgType::OneOf(SIDES)),
        ]),
    CommandSpec::engine("lmpop", -4, lmpop)
        .flags(flags(&[Flags::WRITE, Flags::MOVABLE_KEYS]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec { flags: POPS, begin: BeginSearch::Index(1), find: FindKeys::KeyNum { number: 0, first: 1, step: 1 }, notes: "" }])
        .docs(
            "list",
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
            "Pops elements from the first list that has some.",
        )
        .args(&[
            Arg::new("numkeys", ArgType::Integer),
            Arg::new("key", ArgType::Key(0)).multiple(),
            Arg::new("where", ArgType::OneOf(SIDES)),
            Arg::new("count", ArgType::Integer).token("COUNT").optional(),
        ]),
    CommandSpec::engine("lpop", -2, lpop)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS)])
        .docs("list", "1.0.0", "O(N) where N is the number of elements returned", "Removes elements from the head and returns them.")
        .history(&[("6.2.0", "Added the `count` argument.")])
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).optional().since("6.2.0")]),
    CommandSpec::engine("lpos", -3, lpos)
        .flags(Flags::READONLY)
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "list",
            "6.0.6",
            "O(N) where N is the number of elements in the list, for the average case. When searching for \
             elements near the head or the tail of the list, or when the MAXLEN option is provided, the \
             command may run in constant time.",
            "Finds the indexes of elements that equal a string.",
        )
        .args(&[
            Arg::key(),
            Arg::new("element", ArgType::String),
            Arg::new("rank", ArgType::Integer).token("RANK").optional(),
            Arg::new("num-matches", ArgType::Integer).token("COUNT").optional(),
            Arg::new("len", ArgType::Integer).token("MAXLEN").optional(),
        ]),
    CommandSpec::engine("lpush", -3, lpush)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with multiple \
             arguments.",
            "Adds elements at the head, creating the list if missing.",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")])
        .args(&[Arg::key(), Arg::new("element", ArgType::String).multiple()]),
    CommandSpec::engine("lpushx", -3, lpushx)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with multiple \
             arguments.",
            "Adds elements at the head of a list that exists.",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")])
        .args(&[Arg::key(), Arg::new("element", ArgType::String).multiple()]),
    CommandSpec::engine("lrange", 4, lrange)
        .flags(Flags::READONLY)
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .docs(
            "list",
            "1.0.0",
            "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD \
             or TAIL) for large lists; and N is the number of elements in the specified range.",
            "Returns the elements between two indexes.",
        )
        .args(&[Arg::key(), Arg::new("start", ArgType::Integer), Arg::new("stop", ArgType::Integer)]),
    CommandSpec::engine("lrem", 4, lrem)
        .flags(Flags::WRITE)
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs(
            "list",
            "1.0.0",
            "O(N+M) where N is the length of the list and M is the number of elements removed.",
            "Removes elements that equal a string.",
        )
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer), Arg::new("element", ArgType::String)]),
    CommandSpec::engine("lset", 4, lset)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .docs(
            "list",
            "1.0.0",
            "O(N) where N is the length of the list. Setting either the first or the last element of the list \
             is O(1).",
            "Replaces the element at an index.",
        )
        .args(&[Arg::key(), Arg::new("index", ArgType::Integer), Arg::new("element", ArgType::String)]),
    CommandSpec::engine("ltrim", 4, ltrim)
        .flags(Flags::WRITE)
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .docs(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements to be removed by the operation.",
            "Removes the elements outside of a range of indexes.",
        )
        .args(&[Arg::key(), Arg::new("start", ArgType::Integer), Arg::new("stop", ArgType::Integer)]),
    CommandSpec::engine("rpop", -2, rpop)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS)])
        .docs("list", "1.0.0", "O(N) where N is the number of elements returned", "Removes elements from the tail and returns them.")
        .history(&[("6.2.0", "Added the `count` argument.")])
        .args(&[Arg::key(), Arg::new("count", ArgType::Integer).optional().since("6.2.0")]),
    CommandSpec::engine("rpoplpush", 3, rpoplpush)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, POPS), KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs("list", "1.2.0", "O(1)", "Moves the last element of a list to the head of another and returns it.")
        .args(&[Arg::new("source", ArgType::Key(0)), Arg::new("destination", ArgType::Key(1))])
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    CommandSpec::engine("rpush", -3, rpush)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with multiple \
             arguments.",
            "Adds elements at the tail, creating the list if missing.",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")])
        .args(&[Arg::key(), Arg::new("element", ArgType::String).multiple()]),
    CommandSpec::engine("rpushx", -3, rpushx)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .categories_too(Categories::LIST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .docs(
            "list",
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called with multiple \
             arguments.",
            "Adds elements at the tail of a list that exists.",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")])
        .args(&[Arg::key(), Arg::new("element", ArgType::String).multiple()]),
];
