//! `DUMP` and `RESTORE`: a value goes from one server to the other and back, and nothing that a client makes up gets in.

mod every_type;

use every_type::write_every_type;
use graven_rdb::Version;
use graven_rdb::payload::seal;
use graven_testkit::generator::{Generator, Mix};
use graven_testkit::{Client, Dump, Program, Server, Value};

/// Version and checksum, at the end of a payload.
const FOOTER_BYTES: usize = 10;

fn graven() -> Server {
    let program = Program::graven(env!("CARGO_BIN_EXE_graven"));
    Server::builder(&program).option("enable-debug-command", "yes").start().unwrap()
}

fn redis() -> Server {
    Server::builder(&Program::redis()).option("enable-debug-command", "yes").start().unwrap()
}

fn keys(client: &mut Client) -> Vec<Vec<u8>> {
    let found = client.line("KEYS *");
    found.elements().unwrap().iter().map(|key| key.as_bytes().unwrap().to_vec()).collect()
}

/// Moves everything in database 0 by DUMP and RESTORE.
fn carry(from: &Server, to: &Server) {
    let (mut from, mut to) = (from.client(), to.client());
    for key in keys(&mut from) {
        let payload = from.call(&[b"DUMP", key.as_slice()]);
        let ttl = from.call(&[b"PEXPIRETIME", key.as_slice()]).as_int().unwrap().max(0).to_string();
        let reply = to.call(&[b"RESTORE", key.as_slice(), ttl.as_bytes(), payload.as_bytes().unwrap(), b"ABSTTL"]);
        assert!(reply.is_ok(), "{}: {reply:?}", key.escape_ascii());
    }
}

fn dump(server: &Server) -> Dump {
    Dump::take(&mut server.client()).unwrap()
}

#[test]
fn values_of_every_type_go_to_redis_and_come_back() {
    for (seed, first) in [(1, graven as fn() -> Server), (2, redis)] {
        let first = first();
        let mut client = first.client();
        for step in Generator::new(seed, Mix::Writes).steps(1_500) {
            client.call(&step.args);
        }
        client.line("DISCARD");
        client.line("SELECT 0");
        write_every_type(&mut client);
        client.call(&["MSET", "a\r\nb", "binary \x00", "number", "-123456", "float", "0.1"]);
        client.call(&["SET", "repeated", &"many ".repeat(1000)]);
        for n in 1..16 {
            client.call(&["SELECT", &n.to_string()]);
            client.line("FLUSHDB");
        }
        let [other, back] = if seed == 1 { [redis(), graven()] } else { [graven(), redis()] };
        carry(&first, &other);
        carry(&other, &back);
        let expected = dump(&first);
        assert!(expected.len() > 20);
        for (what, server) in [("there", &other), ("back", &back)] {
            if let Some(diff) = expected.diff(&dump(server), 0) {
                panic!("{what}: {diff}");
            }
        }
    }
}

#[test]
fn a_payload_is_that_of_redis_byte_by_byte_where_the_encoding_is_the_same() {
    let (redis, tested) = (redis(), graven());
    for line in [
        "SET s hello",
        "SET s 12",
        "SET s -70000",
        "SET s 2147483648",
        "RPUSH l a b 3",
        "SADD i 1 2 70000",
        "SADD m only",
        "HSET h f v",
        "ZADD z 1.5 m",
        "XADD x 1-1 f v",
    ] {
        let key = line.split(' ').nth(1).unwrap();
        let payloads = [&redis, &tested].map(|server| {
            let mut client = server.client();
            client.line("FLUSHALL");
            client.line(line);
            client.call(&["DUMP", key])
        });
        assert_eq!(payloads[1], payloads[0], "{line}");
    }
}

/// Each line with both servers; `$p` is a payload of a string, `$d` one that is damaged, `$h` one of a hash.
const REPLIES: &[&str] = &[
    "DUMP",
    "DUMP nothing",
    "RESTORE",
    "RESTORE k 0",
    "RESTORE k 0 $p",
    "GET k",
    "RESTORE k 0 $p",
    "RESTORE k 0 $h REPLACE",
    "HGETALL k",
    "OBJECT ENCODING k",
    "RESTORE k x $p",
    "RESTORE k x $p REPLACE",
    "RESTORE k -1 $p REPLACE",
    "RESTORE k 0 $d REPLACE",
    "RESTORE k 0 short REPLACE",
    "RESTORE k 0 $p NONSENSE",
    "RESTORE k 0 $p REPLACE IDLETIME",
    "RESTORE k 0 $p REPLACE IDLETIME -1",
    "RESTORE k 0 $p REPLACE IDLETIME x",
    "RESTORE k 0 $p REPLACE FREQ 256",
    "RESTORE k 0 $p REPLACE FREQ -1",
    "RESTORE k 0 $p REPLACE IDLETIME 5 FREQ 5",
    "RESTORE k 0 $p REPLACE IDLETIME 1000",
    "OBJECT IDLETIME k",
    "RESTORE k 0 $p REPLACE FREQ 255",
    "RESTORE k 4102444800123 $p REPLACE ABSTTL",
    "PEXPIRETIME k",
    "RESTORE k 1000 $p REPLACE ABSTTL",
    "EXISTS k",
    "RESTORE k 1000 $p ABSTTL REPLACE ABSTTL",
    "RESTORE k 9223372036854775807 $p REPLACE ABSTTL",
    "PTTL k",
    "CONFIG SET maxmemory-policy allkeys-lfu",
    "RESTORE f 0 $p REPLACE FREQ 200",
    "OBJECT FREQ f",
    "CONFIG SET maxmemory-policy noeviction",
    "XADD x 1-1 a b",
    "RESTORE x 0 $p",
    "TYPE x",
];

#[test]
fn options_and_errors_are_those_of_redis() {
    let servers = [redis(), graven()];
    let payloads = servers.each_ref().map(|server| {
        let mut client = server.client();
        client.line("SET string hello");
        client.line("HSET hash f v g 5");
        let string = client.line("DUMP string").as_bytes().unwrap().to_vec();
        let hash = client.line("DUMP hash").as_bytes().unwrap().to_vec();
        client.line("FLUSHALL");
        let mut damaged = string.clone();
        damaged[2] ^= 1;
        [string, hash, damaged]
    });
    // Each gets the other's.
    let mut clients = servers.each_ref().map(Server::client);
    for line in REPLIES {
        let mut replies = (0..2).map(|n| {
            let [string, hash, damaged] = &payloads[1 - n];
            let args = line.split(' ').map(|word| match word {
                "$p" => string.as_slice(),
                "$h" => hash,
                "$d" => damaged,
                word => word.as_bytes(),
            });
            clients[n].call(&args.collect::<Vec<_>>())
        });
        let (expected, found): (Value, Value) = (replies.next().unwrap(), replies.next().unwrap());
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn what_was_restored_is_there_after_a_crash_with_the_deadline_of_its_first_day() {
    let mut server = graven();
    let mut client = server.client();
    write_every_type(&mut client);
    for key in keys(&mut client) {
        let payload = client.call(&[b"DUMP", key.as_slice()]);
        let copy = [b"copy:", key.as_slice()].concat();
        assert!(client.call(&[b"RESTORE", copy.as_slice(), b"600000", payload.as_bytes().unwrap()]).is_ok());
        assert!(client.call(&[b"RESTORE", key.as_slice(), b"0", payload.as_bytes().unwrap(), b"REPLACE"]).is_ok());
    }
    let before = dump(&server);
    server.crash_and_restart().unwrap();
    if let Some(diff) = before.diff(&dump(&server), 0) {
        panic!("{diff}");
    }
}

#[test]
fn deadlines_of_fields_travel() {
    let (from, to) = (graven(), graven());
    let mut client = from.client();
    client.line("HSET hash a 1 b 2 c 3");
    client.line("HPEXPIREAT hash 4102444800123 FIELDS 2 a c");
    carry(&from, &to);
    let times = "HPEXPIRETIME hash FIELDS 3 a b c";
    assert_eq!(to.client().line(times), client.line(times));
    assert!(dump(&from).diff(&dump(&to), 0).is_none());
}

#[test]
fn a_payload_that_somebody_made_up_gets_an_error_and_the_server_goes_on() {
    let server = graven();
    let mut client = server.client();
    write_every_type(&mut client);
    let mut random = graven_testkit::Rng::new(7);
    let mut refused = 0;
    for key in keys(&mut client) {
        let payload = client.call(&[b"DUMP", key.as_slice()]).as_bytes().unwrap().to_vec();
        let value = &payload[..payload.len() - FOOTER_BYTES];
        for _ in 0..40 {
            let mut made_up = value.to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(value.len() as u64) as usize;
                made_up[at] = random.below(256) as u8;
            }
            // With a checksum that is right, so that the value itself is looked at.
            let made_up = seal(made_up, Version::Redis7_4);
            let reply = client.call(&[b"RESTORE", b"made-up".as_slice(), b"0", made_up.as_slice(), b"REPLACE"]);
            if reply.is_ok() {
                // What got in is whole: it can be read, given away and taken again.
                let again = client.line("DUMP made-up").as_bytes().unwrap().to_vec();
                assert!(client.call(&[b"RESTORE", b"again".as_slice(), b"0", again.as_slice(), b"REPLACE"]).is_ok());
            } else {
                assert_eq!(reply, Value::error("ERR Bad data format"));
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "only {refused} were refused");
    dump(&server);
}
