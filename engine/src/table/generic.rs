//! Key commands in the command table.

use crate::command::{Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::generic::*;

const WF: Flags = Flags::WRITE.union(Flags::FAST);
const RF: Flags = Flags::READONLY.union(Flags::FAST);
const K: Categories = Categories::KEYSPACE;
const RM: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RM.union(KeyFlags::DELETE))];
const RO: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO)];
const RW1: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))];
const RO1: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("del", -2, del).flags(Flags::WRITE).categories_too(K).keys(RM),
    CommandSpec::engine("unlink", -2, unlink).flags(WF).categories_too(K).keys(RM),
    CommandSpec::engine("exists", -2, exists).flags(RF).categories_too(K).keys(RO),
    CommandSpec::engine("type", 2, type_of).flags(RF).categories_too(K).keys(RO1),
    CommandSpec::engine("expire", -3, expire).flags(WF).categories_too(K).keys(RW1),
    CommandSpec::engine("pexpire", -3, pexpire).flags(WF).categories_too(K).keys(RW1),
    CommandSpec::engine("expireat", -3, expireat).flags(WF).categories_too(K).keys(RW1),
    CommandSpec::engine("pexpireat", -3, pexpireat).flags(WF).categories_too(K).keys(RW1),
    CommandSpec::engine("ttl", 2, ttl).flags(RF).categories_too(K).keys(RO1),
    CommandSpec::engine("pttl", 2, pttl).flags(RF).categories_too(K).keys(RO1),
    CommandSpec::engine("expiretime", 2, expiretime).flags(RF).categories_too(K).keys(RO1),
    CommandSpec::engine("pexpiretime", 2, pexpiretime).flags(RF).categories_too(K).keys(RO1),
    CommandSpec::engine("persist", 2, persist).flags(WF).categories_too(K).keys(RW1),
];
