//! Keyspace events: the same ones, in the same order, as a real `redis-server` tells.

use graven_testkit::process::Builder;
use graven_testkit::transcript::play;
use graven_testkit::{Program, Server};

fn quiet(program: &Program) -> Builder {
    Server::builder(program).option("appendonly", "no").option("notify-keyspace-events", "KEAmn").option("enable-debug-command", "yes")
}

#[track_caller]
fn events_are_those_of_redis(script: &str) {
    let redis = quiet(&Program::redis()).start().unwrap();
    let tested = quiet(&Program::graven(env!("CARGO_BIN_EXE_graven"))).start().unwrap();
    let script = format!("0 PSUBSCRIBE __key*@*__:*\n{script}");
    let (expected, seen) = (play(&redis, &script), play(&tested, &script));
    assert!(expected.matches("pmessage").count() > 1, "something was told:\n{expected}");
    for (expected, seen) in expected.lines().zip(seen.lines()) {
        assert_eq!(expected, seen, "left is what redis-server does; all of it:\n{expected}");
    }
    assert_eq!(expected, seen);
}

#[test]
fn events_of_strings() {
    events_are_those_of_redis(
        "1 SET a 1
         1 SET a 2 EX 100
         1 SET b 2 NX PX 100000
         1 SET b 2 NX
         1 SET nosuch 2 XX
         1 SET c x GET
         1 SET c y GET KEEPTTL
         1 SETNX d 1
         1 SETNX d 1
         1 SETEX e 100 v
         1 PSETEX e 100000 v
         1 GETSET e w
         1 GETSET f w
         1 MSET a 1 g 2
         1 MSETNX a 1 h 2
         1 MSETNX i 1 h 2
         1 APPEND a 2
         1 APPEND j 2
         1 SETRANGE a 3 xx
         1 SETRANGE k 3 xx
         1 SETRANGE k 3
         1 SETRANGE l 0
         1 INCR n
         1 INCRBY n 5
         1 DECR n
         1 DECRBY m 2
         1 INCRBYFLOAT n 1.5
         1 INCRBYFLOAT o 1.5
         1 INCR a
         1 GETDEL a
         1 GETDEL a
         1 GETEX b EX 100
         1 GETEX b PERSIST
         1 GETEX b PERSIST
         1 GETEX b
         1 GETEX b PXAT 1
         1 GETEX nosuch EX 1
         1 GET nosuch
         1 MGET nosuch c nosuch
         1 STRLEN nosuch
         1 GETRANGE nosuch 0 1
         1 LCS nosuch c",
    );
}

#[test]
fn events_of_keys() {
    events_are_those_of_redis(
        "1 MSET a 1 b 2 c 3
         1 DEL a nosuch b
         1 UNLINK c c
         1 MSET a 1 b 2 c 3
         1 EXPIRE a 100
         1 PEXPIRE a 100000 GT
         1 EXPIRE a 100 NX
         1 PERSIST a
         1 PERSIST a
         1 EXPIREAT a 1
         1 EXPIRE nosuch 1
         1 RENAME b a
         1 RENAME a c
         1 RENAME c c
         1 RENAMENX c d
         1 RENAMENX d d
         1 RENAME nosuch x
         1 COPY d e
         1 COPY d e
         1 COPY d e REPLACE
         1 COPY d e DB 3
         1 COPY nosuch e
         1 MOVE e 3
         1 MOVE d 3
         1 MOVE nosuch 3
         1 TTL nosuch
         1 EXPIRETIME nosuch
         1 TYPE nosuch
         1 EXISTS nosuch d
         1 TOUCH nosuch
         1 OBJECT ENCODING nosuch
         1 MEMORY USAGE nosuch
         1 MULTI
         1 SET x 1
         1 DEL x
         1 EXEC
         1 DEBUG SET-ACTIVE-EXPIRE 0
         1 SET a 1 PX 20
         sleep 60
         1 GET a
         1 SET a 1 PX 20
         sleep 60
         1 SET a 2
         1 SWAPDB 0 3
         1 FLUSHDB
         1 SELECT 3
         1 SET k v
         1 FLUSHALL
         1 CONFIG SET notify-keyspace-events Kg
         1 SET k v
         1 DEL k
         1 CONFIG SET notify-keyspace-events E$
         1 SET k v
         1 DEL k",
    );
}

#[test]
fn events_of_what_waiting_clients_take() {
    events_are_those_of_redis(
        "2 BLPOP k 0
         1 RPUSH k a b
         2 BRPOP k 0
         2 BLMOVE k l LEFT RIGHT 0
         3 BLPOP l 0
         1 MULTI
         1 RPUSH k x
         1 SET s 1
         1 EXEC
         2 BZPOPMIN z 0
         3 BZMPOP 0 1 z MAX COUNT 2
         1 ZADD z 1 a 2 b 3 c
         2 BLPOP k 0
         1 RPUSH o x
         1 RENAME o k
         2 BLPOP k 0
         1 RPUSH s2 2 1
         1 SORT s2 STORE k",
    );
}

/// A key that nobody looks at expires all the same, and that is told.
#[test]
fn keys_that_expire_unseen_are_told() {
    let server = quiet(&Program::graven(env!("CARGO_BIN_EXE_graven"))).start().unwrap();
    let seen = play(&server, "0 PSUBSCRIBE *\n1 SET k v PX 30\nsleep 400\n0 PING");
    assert!(seen.contains("__keyevent@0__:expired"), "{seen}");
}

#[test]
fn keys_that_are_evicted_are_told() {
    let server = quiet(&Program::graven(env!("CARGO_BIN_EXE_graven"))).option("maxmemory-policy", "allkeys-random").start().unwrap();
    let seen = play(&server, "0 PSUBSCRIBE *\n1 SET k v\n1 CONFIG SET maxmemory 1\n1 GET x\nsleep 300\n0 PING");
    assert!(seen.contains(r"__keyevent@0__:evicted\r\n$1\r\nk\r\n"), "{seen}");
}
