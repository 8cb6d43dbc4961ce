//! What a command means is what `redis-server` does: random sequences on both, replies and data compared.

use std::collections::BTreeMap;

use graven_testkit::oracle::Oracle;
use graven_testkit::{Program, Server, Value};

fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

fn servers() -> (Server, Server) {
    let redis = Oracle::options(Server::builder(&Program::redis())).start().unwrap();
    let tested = Oracle::options(Server::builder(&graven())).start().unwrap();
    (redis, tested)
}

fn agree(protocol: u8, seeds: std::ops::Range<u64>) {
    let (redis, tested) = servers();
    let mut oracle = Oracle::new(&redis, &tested, protocol);
    for seed in seeds {
        if let Err(error) = oracle.check_seed(seed, 500) {
            panic!("{error:#}\nthe server's log:\n{}", tested.log());
        }
    }
}

/// 250 sequences of 500 commands each way: 250,000 commands.
#[test]
fn random_commands_do_what_redis_does_in_resp2() {
    agree(2, 0..250);
}

#[test]
fn random_commands_do_what_redis_does_in_resp3() {
    agree(3, 1_000..1_250);
}

/// Commands of connection, server, transactions, keys and strings that both know.
const COMMANDS: &[&str] = &[
    "ping",
    "echo",
    "select",
    "auth",
    "hello",
    "reset",
    "quit",
    "command",
    "config",
    "info",
    "dbsize",
    "flushdb",
    "flushall",
    "swapdb",
    "time",
    "lolwut",
    "shutdown",
    "save",
    "bgsave",
    "lastsave",
    "bgrewriteaof",
    "debug",
    "slowlog",
    "latency",
    "memory",
    "wait",
    "monitor",
    "role",
    "multi",
    "exec",
    "discard",
    "watch",
    "unwatch",
    "subscribe",
    "unsubscribe",
    "psubscribe",
    "punsubscribe",
    "publish",
    "ssubscribe",
    "sunsubscribe",
    "spublish",
    "pubsub",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hincrbyfloat",
    "hkeys",
    "hlen",
    "hmget",
    "hmset",
    "hrandfield",
    "hscan",
    "hset",
    "hsetnx",
    "hstrlen",
    "hvals",
    "del",
    "unlink",
    "dump",
    "restore",
    "exists",
    "type",
    "expire",
    "pexpire",
    "expireat",
    "pexpireat",
    "expiretime",
    "pexpiretime",
    "ttl",
    "pttl",
    "persist",
    "rename",
    "renamenx",
    "copy",
    "move",
    "keys",
    "scan",
    "randomkey",
    "touch",
    "object",
    "set",
    "get",
    "getdel",
    "getex",
    "getrange",
    "substr",
    "getset",
    "setrange",
    "append",
    "strlen",
    "incr",
    "decr",
    "incrby",
    "decrby",
    "incrbyfloat",
    "mget",
    "mset",
    "msetnx",
    "setnx",
    "setex",
    "psetex",
    "lcs",
    "client",
    "lpush",
    "rpush",
    "lpushx",
    "rpushx",
    "lpop",
    "rpop",
    "llen",
    "lrange",
    "lindex",
    "lset",
    "linsert",
    "lrem",
    "ltrim",
    "lpos",
    "rpoplpush",
    "lmove",
    "lmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "blmove",
    "blmpop",
    "sort",
    "sort_ro",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "zadd",
    "zcard",
    "zcount",
    "zdiff",
    "zdiffstore",
    "zincrby",
    "zinter",
    "zintercard",
    "zinterstore",
    "zlexcount",
    "zmpop",
    "zmscore",
    "zpopmax",
    "zpopmin",
    "zrandmember",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrangestore",
    "zrank",
    "zrem",
    "zremrangebylex",
    "zremrangebyrank",
    "zremrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zrevrank",
    "zscan",
    "zscore",
    "zunion",
    "zunionstore",
    "xadd",
    "xlen",
    "xrange",
    "xrevrange",
    "xread",
    "xdel",
    "xtrim",
    "xsetid",
    "xinfo",
    "xgroup",
    "xreadgroup",
    "xack",
    "xpending",
    "xclaim",
    "xautoclaim",
    "sadd",
    "srem",
    "smembers",
    "sismember",
    "smismember",
    "scard",
    "spop",
    "srandmember",
    "smove",
    "sinter",
    "sinterstore",
    "sintercard",
    "sunion",
    "sunionstore",
    "sdiff",
    "sdiffstore",
    "sscan",
    "setbit",
    "getbit",
    "bitcount",
    "geoadd",
    "geodist",
    "geohash",
    "geopos",
    "georadius",
    "georadius_ro",
    "georadiusbymember",
    "georadiusbymember_ro",
    "geosearch",
    "geosearchstore",
    "pfadd",
    "pfcount",
    "pfdebug",
    "pfmerge",
    "pfselftest",
    "bitpos",
    "bitop",
    "bitfield",
    "bitfield_ro",
];

/// Where 7.2 describes a command otherwise than 7.0: none of the fields below.
const CHANGED_SINCE_7_0: &[(&str, &str)] = &[("zrank", "arity"), ("zrevrank", "arity")];

/// Name, arity, flags, first key, last key, step, categories: as comparable text, the unordered ones sorted.
fn described(info: &Value) -> BTreeMap<&'static str, String> {
    let Some(fields) = info.elements() else { return BTreeMap::from([("missing", format!("{info:?}"))]) };
    let set = |value: &Value| {
        let mut words: Vec<String> = value.elements().unwrap_or_default().iter().map(Value::text).collect();
        words.sort();
        words.join(" ")
    };
    let mut described = BTreeMap::from([("name", fields[0].text()), ("arity", format!("{:?}", fields[1])), ("flags", set(&fields[2]))]);
    described.insert("keys", format!("{:?} {:?} {:?}", fields[3], fields[4], fields[5]));
    described.insert("categories", set(&fields[6]));
    described
}

#[test]
fn command_info_describes_commands_as_redis_does() {
    let (redis, tested) = servers();
    let mut differences = Vec::new();
    for name in COMMANDS {
        let ask = |server: &Server| server.client().call(&["COMMAND", "INFO", name]).elements().map(|infos| described(&infos[0]));
        let (expected, found) = (ask(&redis).unwrap(), ask(&tested).unwrap());
        for (field, value) in &expected {
            let meant = CHANGED_SINCE_7_0.contains(&(*name, *field));
            if found.get(field) != Some(value) && !meant {
                differences.push(format!("{name} {field}: redis {value:?}, tested {:?}", found.get(field)));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn command_docs_has_the_structure_that_clients_read() {
    let (redis, tested) = servers();
    let mut missing = Vec::new();
    for name in COMMANDS {
        let keys = |server: &Server| {
            let docs = server.client().call(&["COMMAND", "DOCS", name]).pairs()?.into_iter().next()?.1;
            Some(docs.pairs()?.into_iter().map(|(key, _)| key.text()).collect::<Vec<_>>())
        };
        let expected = keys(&redis).unwrap();
        let Some(found) = keys(&tested) else {
            missing.push(format!("{name}: nothing"));
            continue;
        };
        let lacking: Vec<&str> = ["summary", "since", "group", "complexity", "arguments", "subcommands"]
            .into_iter()
            .filter(|key| expected.iter().any(|there| there == key) && !found.iter().any(|there| there == key))
            .collect();
        if !lacking.is_empty() {
            missing.push(format!("{name}: no {}", lacking.join(", ")));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The key specifications that a command's arguments name, in order.
fn named_key_specs(argument: &Value, found: &mut Vec<String>) {
    for (field, value) in argument.pairs().unwrap_or_default() {
        match field.text().as_str() {
            "key_spec_index" => found.push(value.text()),
            "arguments" => value.elements().unwrap_or_default().iter().for_each(|argument| named_key_specs(argument, found)),
            _ => {}
        }
    }
}

#[test]
fn arguments_that_are_keys_name_their_key_specifications() {
    let (redis, tested) = servers();
    let mut differences = Vec::new();
    for name in COMMANDS {
        let [expected, found] = [&redis, &tested].map(|server| {
            let (mut specs, docs) = (Vec::new(), server.client().call(&["COMMAND", "DOCS", name]));
            docs.pairs().unwrap_or_default().iter().for_each(|(_, docs)| named_key_specs(docs, &mut specs));
            specs
        });
        if expected != found {
            differences.push(format!("{name}: redis {expected:?}, tested {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_container_command_has_help() {
    let (redis, tested) = servers();
    for name in ["CLIENT", "CONFIG", "COMMAND", "OBJECT", "MEMORY", "SLOWLOG", "LATENCY", "DEBUG", "XGROUP", "XINFO"] {
        for server in [&redis, &tested] {
            let help = server.client().call(&[name, "HELP"]);
            let lines = help.elements().unwrap_or_else(|| panic!("{name} HELP: {help:?}"));
            assert!(lines.len() >= 3 && lines[0].text().starts_with(&format!("{name} <subcommand>")), "{name} HELP: {help:?}");
        }
    }
}
