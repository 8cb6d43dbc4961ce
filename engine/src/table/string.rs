//! String commands in the command table.

use crate::command::{Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::string::*;

const W: Flags = Flags::WRITE.union(Flags::DENYOOM);
const S: Categories = Categories::STRING;
const RW1: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))];
const OW1: &[KeySpec] = &[KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE))];
const RO1: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))];
const PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, KeyFlags::OW.union(KeyFlags::UPDATE))];
const ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS))];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("get", 2, get).flags(Flags::READONLY.union(Flags::FAST)).categories_too(S).keys(RO1),
    CommandSpec::engine("set", -3, set).flags(W).categories_too(S).keys(RW1),
    CommandSpec::engine("setnx", 3, setnx).flags(W.union(Flags::FAST)).categories_too(S).keys(OW1),
    CommandSpec::engine("setex", 4, setex).flags(W).categories_too(S).keys(OW1),
    CommandSpec::engine("psetex", 4, psetex).flags(W).categories_too(S).keys(OW1),
    CommandSpec::engine("getset", 3, getset).flags(W.union(Flags::FAST)).categories_too(S).keys(RW1),
    CommandSpec::engine("mget", -2, mget).flags(Flags::READONLY.union(Flags::FAST)).categories_too(S).keys(ALL),
    CommandSpec::engine("mset", -3, mset).flags(W).categories_too(S).keys(PAIRS),
    CommandSpec::engine("msetnx", -3, msetnx).flags(W).categories_too(S).keys(PAIRS),
    CommandSpec::engine("strlen", 2, strlen).flags(Flags::READONLY.union(Flags::FAST)).categories_too(S).keys(RO1),
    CommandSpec::engine("incr", 2, incr).flags(W.union(Flags::FAST)).categories_too(S).keys(RW1),
    CommandSpec::engine("decr", 2, decr).flags(W.union(Flags::FAST)).categories_too(S).keys(RW1),
    CommandSpec::engine("incrby", 3, incrby).flags(W.union(Flags::FAST)).categories_too(S).keys(RW1),
    CommandSpec::engine("decrby", 3, decrby).flags(W.union(Flags::FAST)).categories_too(S).keys(RW1),
];
