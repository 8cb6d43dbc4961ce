//! Sorting commands in the command table.

use super::flags;
use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::sort::*;

const CATEGORIES: Categories = Categories::SET.union(Categories::SORTEDSET).union(Categories::LIST).union(Categories::DANGEROUS);
const SORTED: KeySpec = KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS));
const FOUND: KeySpec = KeySpec::unknown(
    KeyFlags::RO.union(KeyFlags::ACCESS),
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
);
const DESTINATION: KeySpec = KeySpec::unknown(
    KeyFlags::OW.union(KeyFlags::UPDATE),
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
);
const COMPLEXITY: &str = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned \
     elements. When the elements are not sorted, complexity is O(N).";

const BY: Arg = Arg::new("by-pattern", ArgType::KeyPattern(1)).token("BY").optional();
const LIMIT: Arg = Arg::new("limit", ArgType::Block(&[Arg::new("offset", ArgType::Integer), Arg::new("count", ArgType::Integer)]))
    .token("LIMIT")
    .optional();
const GET: Arg = Arg::new("get-pattern", ArgType::KeyPattern(1)).token("GET").optional().multiple_token();
const ORDER: Arg = Arg::new("order", ArgType::OneOf(&[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")])).optional();
const SORTING: Arg = Arg::word("sorting", "ALPHA").optional();

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("sort", -2, sort)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS]))
        .categories_too(CATEGORIES)
        .keys(&[SORTED, FOUND, DESTINATION])
        .docs("generic", "1.0.0", COMPLEXITY, "Sorts the elements of a list, set or sorted set, and replies or stores them.")
        .args(&[Arg::key(), BY, LIMIT, GET, ORDER, SORTING, Arg::new("destination", ArgType::Key(2)).token("STORE").optional()]),
    CommandSpec::engine("sort_ro", -2, sort_ro)
        .flags(flags(&[Flags::READONLY, Flags::MOVABLE_KEYS]))
        .categories_too(CATEGORIES)
        .keys(&[SORTED, FOUND])
        .docs("generic", "7.0.0", COMPLEXITY, "Sorts the elements of a list, set or sorted set.")
        .args(&[Arg::key(), BY, LIMIT, GET, ORDER, SORTING]),
];
