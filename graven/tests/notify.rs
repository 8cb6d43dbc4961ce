//! Keyspace events: the same ones, in the same order, as a real `redis-server` tells.

use graven_testkit::process::Builder;
use graven_testkit::transcript::{compare, play};
use graven_testkit::{Program, Server};

fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

fn quiet(program: &Program) -> Builder {
    Server::builder(program).option("notify-keyspace-events", "KEAmn").option("enable-debug-command", "yes")
}

#[track_caller]
fn events_are_those_of_redis(script: &str) {
    let script = format!("0 PSUBSCRIBE __key*@*__:*\n{script}");
    let told = compare(quiet(&Program::redis()), quiet(&graven()), &script);
    assert!(told.matches("pmessage").count() > 1, "something was told:\n{told}");
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
         1 PEXPIRE a 200000 GT
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
fn events_of_bitmaps() {
    events_are_those_of_redis(
        "1 SETBIT a 0 0
         1 SETBIT a 0 0
         1 SETBIT a 9 0
         1 SETBIT a 0 1
         1 BITFIELD b SET u8 0 0
         1 BITFIELD b SET u8 0 0
         1 BITFIELD b SET u8 #1 0 SET u8 #2 0
         1 BITFIELD c GET u8 0
         1 BITFIELD d OVERFLOW FAIL INCRBY u2 0 9
         1 EXISTS d
         1 BITFIELD d OVERFLOW FAIL INCRBY u2 0 9
         1 BITOP NOT e a
         1 BITOP NOT e a
         1 BITOP AND e nosuch
         1 SET f x PX 1
         1 SET g x PX 1
         sleep 20
         1 SETBIT f 0 1
         1 BITFIELD g SET u1 0 1",
    );
}

#[test]
fn events_of_lists() {
    events_are_those_of_redis(
        "1 RPUSH l a b c
         1 LPUSH l a
         1 LPUSHX l x
         1 RPUSHX nosuch x
         1 LPOP l
         1 RPOP l 2
         1 LPOP l 0
         1 LPOP nosuch
         1 RPOP l 5
         1 RPUSH l a b a b a
         1 LSET l 0 z
         1 LSET nosuch 0 z
         1 LINSERT l BEFORE b y
         1 LINSERT l BEFORE none y
         1 LREM l 1 a
         1 LREM l 1 none
         1 LREM l 0 none
         1 LTRIM l 0 -1
         1 LTRIM l 0 2
         1 LMOVE l m LEFT RIGHT
         1 LMOVE l l LEFT RIGHT
         1 LMOVE l l LEFT LEFT
         1 RPOPLPUSH l m
         1 RPOPLPUSH l m
         1 RPOPLPUSH l m
         1 RPOPLPUSH m m
         1 LMPOP 2 nosuch m LEFT COUNT 2
         1 LMPOP 1 m RIGHT COUNT 20
         1 RPUSH l a b c d e
         1 BLPOP nosuch l 0
         1 BRPOP l 0
         1 BLMOVE l m LEFT LEFT 0
         1 BRPOPLPUSH l m 0
         1 BLMPOP 0 1 m LEFT COUNT 9
         1 LTRIM l 1 0
         1 RPUSH l a a a
         1 LREM l 0 a
         1 LLEN nosuch
         1 LRANGE nosuch 0 1
         1 LINDEX nosuch 0
         1 LPOS nosuch a",
    );
}

#[test]
fn events_of_sets() {
    events_are_those_of_redis(
        "1 SADD s a b c
         1 SADD s a
         1 SREM s a nosuch
         1 SREM s nosuch
         1 SADD t 1 2 3
         1 SMOVE t u 1
         1 SMOVE t u nosuch
         1 SMOVE u t 1
         1 SPOP u
         1 SADD u 1
         1 SPOP u
         1 SADD u 1 2 3
         1 SPOP u 5
         1 SPOP u 0
         1 SUNIONSTORE d s t
         1 SINTERSTORE d s t
         1 SDIFFSTORE d s t
         1 SDIFFSTORE e nosuch t
         1 SINTERSTORE d nosuch t
         1 SREM s b c
         1 SADD one x
         1 SMOVE one two x
         1 SISMEMBER nosuch a
         1 SMISMEMBER nosuch a
         1 SMEMBERS nosuch
         1 SCARD nosuch
         1 SRANDMEMBER nosuch
         1 SUNION nosuch
         1 SINTER nosuch
         1 SDIFF nosuch
         1 SINTERCARD 1 nosuch
         1 SSCAN nosuch 0",
    );
}

#[test]
fn events_of_hashes() {
    events_are_those_of_redis(
        "1 HSET h f v g w
         1 HSET h f v
         1 HMSET h f v
         1 HSETNX h f v
         1 HSETNX h i v
         1 HINCRBY h n 1
         1 HINCRBYFLOAT h n 1.5
         1 HDEL h f nosuch
         1 HDEL h nosuch
         1 HDEL h g i n
         1 HGET nosuch f
         1 HMGET nosuch f
         1 HGETALL nosuch
         1 HLEN nosuch
         1 HEXISTS nosuch f
         1 HSTRLEN nosuch f
         1 HSCAN nosuch 0
         1 HDEL nosuch f",
    );
}

#[test]
fn events_of_sorted_sets() {
    events_are_those_of_redis(
        "1 ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
         1 ZADD z 1 a
         1 ZADD z XX 1 nosuch
         1 ZADD z CH 2 a
         1 ZADD z INCR 2 a
         1 ZINCRBY z 1 a
         1 ZINCRBY y 1 a
         1 ZREM z a nosuch
         1 ZREM z nosuch
         1 ZPOPMIN z
         1 ZPOPMAX z
         1 ZMPOP 2 nosuch z MIN
         1 ZREMRANGEBYSCORE z 5 5
         1 ZADD z 1 a 2 b 3 c
         1 ZREMRANGEBYRANK z 0 0
         1 ZREMRANGEBYRANK z 10 11
         1 ZREMRANGEBYLEX z [b [b
         1 ZRANGESTORE w z 0 -1
         1 ZRANGESTORE w nosuch 0 -1
         1 ZRANGESTORE w nosuch 0 -1
         1 ZUNIONSTORE u 2 z y
         1 ZINTERSTORE u 2 z y
         1 ZDIFFSTORE u 2 z y
         1 ZUNIONSTORE u 1 nosuch
         1 ZREM z c d e f b
         1 ZREM y a
         1 ZSCORE nosuch a
         1 ZRANGE nosuch 0 1
         1 ZCARD nosuch
         1 ZCOUNT nosuch 0 1
         1 ZRANK nosuch a
         1 ZUNION 1 nosuch
         1 ZINTERCARD 1 nosuch
         1 ZPOPMIN nosuch
         1 ZREM nosuch a",
    );
}

#[test]
fn events_of_streams() {
    events_are_those_of_redis(
        "1 XADD s 1-1 f v
         1 XADD s MAXLEN 1 2-1 f v
         1 XADD nosuch NOMKSTREAM 1-1 f v
         1 XADD s 3-1 f v
         1 XDEL s 3-1 9-9
         1 XDEL s 9-9
         1 XTRIM s MAXLEN 0
         1 XTRIM s MAXLEN 0
         1 XSETID s 9-9
         1 XGROUP CREATE s g 0
         1 XGROUP CREATE t g $ MKSTREAM
         1 XGROUP CREATECONSUMER s g c
         1 XGROUP CREATECONSUMER s g c
         1 XGROUP SETID s g 0
         1 XADD s 10-1 f v
         1 XREADGROUP GROUP g new STREAMS s >
         1 XREAD STREAMS s 0
         1 XREAD STREAMS nosuch s nosuch2 0 $ $
         2 XREAD BLOCK 0 STREAMS nosuch $
         2 close
         1 XACK s g 10-1
         1 XACK nosuch g 10-1
         1 XCLAIM nosuch g c 0 10-1
         1 XAUTOCLAIM nosuch g c 0 0
         1 XREADGROUP GROUP g c STREAMS nosuch >
         1 XGROUP DELCONSUMER s g c
         1 XGROUP DELCONSUMER s g nosuch
         1 XGROUP DESTROY s g
         1 XGROUP DESTROY s g
         1 XLEN nosuch
         1 XRANGE nosuch - +
         1 DEL s",
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
    let server = quiet(&graven());
    let seen = play(server, "0 PSUBSCRIBE *\n1 SET k v PX 30\nsleep 400\n0 PING");
    assert!(seen.contains("__keyevent@0__:expired"), "{seen}");
}

#[test]
fn keys_that_are_evicted_are_told() {
    let server = quiet(&graven()).option("maxmemory-policy", "allkeys-random");
    let seen = play(server, "0 PSUBSCRIBE *\n1 SET k v\n1 CONFIG SET maxmemory 1\n1 GET x\nsleep 300\n0 PING");
    assert!(seen.contains(r"__keyevent@0__:evicted\r\n$1\r\nk\r\n"), "{seen}");
}

#[test]
fn events_of_sorting() {
    events_are_those_of_redis(
        "1 RPUSH l 3 1 2
         1 SORT l
         1 SORT l STORE m
         1 SORT l DESC STORE m
         1 SET s x
         1 SORT l STORE s
         1 SORT nosuch
         1 SORT nosuch STORE s
         1 SORT nosuch STORE s
         1 SORT l BY w_* GET v_* STORE l
         1 SORT_RO l ALPHA",
    );
}

#[test]
fn fields_that_expire_unseen_are_told() {
    let server = quiet(&graven());
    let seen = play(server, "0 PSUBSCRIBE __keyevent*\n1 HSET k a 1\n1 HPEXPIRE k 30 FIELDS 1 a\nsleep 400\n0 PING");
    let told: Vec<usize> =
        ["hset", "hexpire\\r", "hexpired", "del"].iter().filter_map(|event| seen.find(&format!("@0__:{event}"))).collect();
    assert!(told.len() == 4 && told.is_sorted(), "{seen}");
}
