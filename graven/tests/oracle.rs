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

/// What `rdb_changes_since_last_save` counts, and `save <seconds> <changes>` goes by: elements rather than commands.
const CHANGES: &str = r#"
    SET s 1 | SET s 1 | SET s 1 NX | SET s 1 GET | SETNX s 1 | SETNX s2 1 | SETEX s 100 1 | PSETEX s 100000 1 | GETSET s 2 | APPEND s 34 |
    APPEND s "" | SETRANGE s 1 xx | SETRANGE s 0 "" | SETRANGE nosuch 0 "" | INCR n | DECRBY n 5 | INCRBYFLOAT n 1.5 | INCR s |
    MSET a 1 b 2 c 3 | MSET a 1 a 2 | MSETNX a 1 z 2 | MSETNX y 1 z 2 | GETDEL z | GETDEL nosuch | GETEX y | GETEX y EX 100 |
    GETEX y PERSIST | GETEX y PERSIST | GETEX y PXAT 1 | DEL a b nosuch | UNLINK c s2 | DEL nosuch | SET a 1 | EXPIRE a 100 |
    EXPIRE a 100 NX | EXPIRE nosuch 100 | PERSIST a | PERSIST a | EXPIREAT a 1 | SET a 1 | RENAME a b | RENAME b b | RENAMENX b a |
    COPY a b | COPY a b | COPY a b REPLACE | MOVE b 1 | MOVE a 1 | SWAPDB 2 3 | SWAPDB 0 0 | TOUCH a nosuch | DUMP a | SETBIT bits 0 0 |
    SETBIT bits 0 0 | SETBIT bits 9 1 | BITFIELD bits GET u8 0 | BITFIELD bits SET u8 0 1 SET u8 8 0 SET u8 16 0 |
    BITFIELD bits SET u8 0 1 INCRBY u8 8 1 | BITFIELD refused OVERFLOW FAIL INCRBY u2 0 9 |
    BITFIELD refused OVERFLOW FAIL INCRBY u2 8 9 INCRBY u2 9 0 | BITFIELD fields SET u8 0 0 GET u8 0 SET u8 8 0 | BITOP NOT bits2 bits |
    BITOP AND bits2 nosuch | BITOP AND bits2 nosuch | PFADD pf | PFADD pf | PFADD pf a b c | PFADD pf a | PFADD pf2 a b |
    PFMERGE pf3 pf pf2 | PFCOUNT pf | PFCOUNT pf | PFMERGE pf3 nosuch | RPUSH l 1 2 3 | LPUSH l 0 a | RPUSHX l 4 5 | LPUSHX nosuch 1 |
    LINSERT l BEFORE 1 x | LINSERT l BEFORE nosuch x | LSET l 0 y | LSET l 0 y | LREM l 0 4 | LREM l 0 4 | LTRIM l 0 5 | LTRIM l 0 5 |
    LTRIM nosuch 0 1 | LPOP l | RPOP l 2 | LPOP l 0 | LPOP nosuch | RPUSH l 5 6 7 8 | LMOVE l m LEFT RIGHT | LMOVE l l LEFT RIGHT |
    RPOPLPUSH l m | BLMOVE l m LEFT LEFT 1 | BRPOPLPUSH l m 1 | RPUSH one 1 | LMOVE one m LEFT LEFT | LMOVE nosuch m LEFT LEFT |
    BLPOP l m 1 | LMPOP 2 nosuch m LEFT COUNT 2 | BLMPOP 1 1 m LEFT COUNT 9 | RPUSH l 3 1 2 | SORT l STORE sorted |
    SORT nosuch STORE sorted | SORT nosuch STORE sorted | LTRIM l 5 6 | SADD u a b c a | SADD u a | SADD u 1 d | SADD ints 1 2 3 |
    SREM u a b nosuch | SREM u nosuch | SMOVE u v c | SMOVE u v c | SMOVE v v c | SADD v d | SMOVE u v d | SADD w a b c d e f | SPOP w |
    SPOP w 2 | SPOP w 9 | SPOP w 2 | SADD w a b c d e f | SUNIONSTORE x v w | SINTERSTORE x v w | SINTERSTORE x v nosuch |
    SDIFFSTORE x nosuch w | HSET h a 1 | HSET h a 1 b 2 c 3 | HSET h a 1 | HMSET h a 1 d 4 | HSETNX h a 1 | HSETNX h e 1 | HINCRBY h a 1 |
    HINCRBYFLOAT h a 0.5 | HDEL h a b nosuch | HDEL h nosuch | HDEL h c d e | ZADD z 1 a 2 b 3 c | ZADD z 1 a | ZADD z 5 a 2 b 4 d |
    ZADD z NX 1 a 2 e | ZADD z XX 1 nosuch | ZADD z XX CH 9 a 9 nosuch | ZADD z GT 1 a 10 b | ZADD z INCR 0 a | ZADD z INCR 1 a |
    ZINCRBY z 0 a | ZINCRBY z 1 a | ZINCRBY z 1 new | ZREM z a b nosuch | ZREM z nosuch | ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h 9 i |
    ZPOPMIN z | ZPOPMAX z 2 | ZPOPMIN z 0 | ZMPOP 1 z MIN COUNT 2 | BZPOPMIN z 1 | BZMPOP 1 1 z MAX COUNT 1 | ZRANGE z 0 -1 |
    ZREMRANGEBYRANK z 0 1 | ZREMRANGEBYRANK z 5 6 | ZADD z 1 a 2 b 3 c 4 d | ZREMRANGEBYSCORE z 2 3 | ZREMRANGEBYLEX z - + |
    ZADD z 1 a 2 b | ZADD z2 1 b 2 c | ZUNIONSTORE d 2 z z2 | ZINTERSTORE d 2 z z2 | ZDIFFSTORE d 2 z z2 | ZDIFFSTORE d 1 nosuch |
    ZDIFFSTORE d 1 nosuch | ZRANGESTORE d z 0 -1 | ZRANGESTORE d nosuch 0 -1 | GEOADD g 1 1 a 2 2 b 3 3 c | GEOADD g CH 1 1 a 2 2.5 b |
    GEOSEARCHSTORE g2 g FROMLONLAT 2 2 BYRADIUS 1000 km | GEOSEARCHSTORE g2 g FROMLONLAT 50 50 BYRADIUS 1 km |
    GEORADIUS g 2 2 1000 km STORE g2 | GEORADIUS g 50 50 1 km STORE g2 | GEORADIUS g 50 50 1 km STORE g2 | XADD st 1-1 f v |
    XADD st 2-2 f v | XADD st 3-3 f v | XADD st MAXLEN 3 4-4 f v | XADD nosuch NOMKSTREAM 1-1 f v | XGROUP CREATE st g 0 |
    XGROUP CREATE st2 g 0 MKSTREAM | XGROUP CREATECONSUMER st g c | XGROUP CREATECONSUMER st g c |
    XREADGROUP GROUP g c COUNT 1 STREAMS st > | XREADGROUP GROUP g c STREAMS st > | XREADGROUP GROUP g c STREAMS st > |
    XREADGROUP GROUP g c STREAMS st 0 | XREADGROUP GROUP g other STREAMS st > | XREADGROUP GROUP g c STREAMS st st2 > > |
    XREADGROUP GROUP g c NOACK STREAMS st2 > | XADD st 5-5 f v | XREADGROUP GROUP g fresh NOACK STREAMS st > | XACK st g 2-2 9-9 |
    XACK st g 9-9 | XCLAIM st g d 0 3-3 4-4 | XCLAIM st g d 0 9-9 | XCLAIM st g fresh2 0 9-9 | XCLAIM st g d 0 3-3 JUSTID |
    XCLAIM st g d 0 3-3 LASTID 7-7 | XDEL st 3-3 | XCLAIM st g d 0 3-3 | XAUTOCLAIM st g e 0 0 | XAUTOCLAIM st g e 99999 0 |
    XADD st 9-9 f v | XADD st 10-10 f v | XDEL st 9-9 10-10 11-11 | XDEL st 11-11 | XTRIM st MAXLEN 0 | XTRIM st MAXLEN 0 |
    XSETID st 20-20 | XGROUP SETID st g 0 | XGROUP DELCONSUMER st g c | XGROUP DELCONSUMER st g e | XGROUP DELCONSUMER st g nosuch |
    XGROUP DESTROY st g | XGROUP DESTROY st g | RESTORE r 0 bad | DEBUG POPULATE 3 | FLUSHDB | FLUSHDB | SET a 1 | SET b 2 | FLUSHALL |
    FLUSHALL
"#;

/// Where we count otherwise: as 7.2 does, which makes a consumer also if there is nothing for it; and what `DEBUG POPULATE` makes is
/// logged, so it is a change.
const OTHER_CHANGES: &[(&str, i64)] = &[
    ("XREADGROUP GROUP g other STREAMS st >", 1),
    ("XREADGROUP GROUP g c STREAMS st st2 > >", 1),
    ("XCLAIM st g fresh2 0 9-9", 1),
    ("DEBUG POPULATE 3", 3),
];

#[test]
fn changes_are_counted_as_redis_counts_them() {
    let (redis, tested) = servers();
    let changes = |server: &Server, args: &[&str]| {
        let count = || server.info_field("persistence", "rdb_changes_since_last_save").parse::<i64>().unwrap();
        let before = count();
        server.client().call(args);
        count() - before
    };
    let mut differences = Vec::new();
    for line in CHANGES.split('|').map(str::trim) {
        let args: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let [expected, seen] = [&redis, &tested].map(|server| changes(server, &args));
        let expected = OTHER_CHANGES.iter().find(|(other, _)| *other == line).map_or(expected, |(_, changes)| *changes);
        if seen != expected {
            differences.push(format!("{line}: {expected} expected, {seen} counted"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
