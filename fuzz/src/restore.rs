//! Payloads that clients make up: `RESTORE` takes them or refuses them, what it takes can be read and changed by every command of its
//! type, and `DUMP` gives it back as the same value.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use graven_aof::sim::SimStorage;
use graven_engine::Clock;
use graven_rdb::{Event, Reader, Version, payload};
use graven_resp::encode_command;
use graven_server::simulation::{Item, SimulatedClient, SimulatedServer};

use crate::compact::{items, listpack_of, ziplist_of, zipmap_of};
use crate::rdb;

/// A clock that goes on by itself.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn unix_us(&self) -> u64 {
        1_700_000_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        1_000 * self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A server in memory and a client of it.
struct Played {
    server: SimulatedServer,
    client: SimulatedClient,
}

impl Played {
    fn new() -> Played {
        let options = ["--appendonly", "no", "--save", ""].map(str::to_owned);
        let clock = Arc::new(Ticking(AtomicU64::new(0)));
        let mut server = SimulatedServer::start(&options, SimStorage::new(), clock, 1, 1).expect("these options are valid");
        let client = server.connect();
        Played { server, client }
    }

    fn call(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let mut request = Vec::new();
        encode_command(&mut request, parts);
        self.client.send(&request);
        for _ in 0..100 {
            self.server.turn().expect("the server goes on");
            let reply = self.client.receive();
            if !reply.is_empty() {
                return reply;
            }
        }
        panic!("no reply to {:?}", parts[0].escape_ascii().to_string());
    }

    /// The commands of a line, with `k` as the key.
    fn line(&mut self, line: &str) -> Vec<u8> {
        self.call(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// A payload, if there is such a key.
    fn dump(&mut self, line: &str) -> Option<Vec<u8>> {
        let reply = self.line(line);
        if reply == b"$-1\r\n" {
            return None;
        }
        let head = reply.iter().position(|byte| *byte == b'\n').expect("replies have lines") + 1;
        assert_eq!(reply[0], b'$', "{line}: {}", reply.escape_ascii());
        Some(reply[head..reply.len() - 2].to_vec())
    }

    /// What is known of a key, without its name.
    fn fingerprints(&self, key: &[u8]) -> Vec<Item> {
        let items = self.server.items().into_iter().filter(|item| item.key == key);
        items.map(|item| Item { key: Vec::new(), ..item }).collect()
    }
}

thread_local! {
    static PLAYED: RefCell<Option<Played>> = const { RefCell::new(None) };
}

/// What is asked of a value of each type, and then done to it.
fn commands(kind: &[u8]) -> &'static [&'static str] {
    match kind {
        b"+string\r\n" => &["GET k", "STRLEN k", "GETRANGE k 1 5", "BITCOUNT k", "PFCOUNT k", "APPEND k x", "INCR k"],
        b"+list\r\n" => &[
            "LRANGE k 0 -1",
            "LLEN k",
            "LINDEX k -1",
            "LPOS k a",
            "LINSERT k BEFORE a b",
            "LSET k 0 new",
            "LREM k -1 a",
            "RPUSH k 12",
            "LTRIM k 1 -2",
            "LPOP k",
            "SORT k ALPHA",
        ],
        b"+set\r\n" => &["SMEMBERS k", "SCARD k", "SISMEMBER k a", "SRANDMEMBER k 5", "SSCAN k 0", "SADD k 12 b", "SREM k a 12", "SPOP k"],
        b"+zset\r\n" => &[
            "ZRANGE k 0 -1 WITHSCORES",
            "ZREVRANGE k 0 -1",
            "ZRANGEBYSCORE k -inf +inf",
            "ZRANGE k - + BYLEX",
            "ZRANK k a",
            "ZSCAN k 0",
            "ZADD k 1.5 a 7 12",
            "ZINCRBY k inf b",
            "ZREM k a",
            "ZPOPMIN k",
            "ZREMRANGEBYRANK k 1 2",
        ],
        b"+hash\r\n" => &[
            "HGETALL k",
            "HLEN k",
            "HGET k a",
            "HSCAN k 0",
            "HRANDFIELD k 5 WITHVALUES",
            "HPEXPIRETIME k FIELDS 1 a",
            "HSET k a 12 b x",
            "HINCRBY k a 3",
            "HPERSIST k FIELDS 1 a",
            "HDEL k a",
        ],
        b"+stream\r\n" => &[
            "XRANGE k - +",
            "XREVRANGE k + -",
            "XLEN k",
            "XINFO STREAM k FULL COUNT 0",
            "XPENDING k g",
            "XREADGROUP GROUP g al STREAMS k 0",
            "XCLAIM k g bo 0 5-0",
            "XADD k * a b",
            "XDEL k 5-0",
            "XACK k g 5-0",
            "XTRIM k MAXLEN 1",
        ],
        other => panic!("a value of the type {}", other.escape_ascii()),
    }
}

/// Types and values.
pub fn seeds() -> Vec<Vec<u8>> {
    let bodies = rdb::seeds().into_iter();
    // Without the key, which has one letter in all of them.
    bodies.map(|body| [&body[..1], &body[3..]].concat()).chain([b"\x00\xc2\x00\x00\x00\x80".to_vec()]).collect()
}

/// A value that is whole: its form by the first byte, its elements by what stands between commas behind it.
fn made(input: &[u8]) -> Vec<u8> {
    let (form, rest) = input.split_first().unwrap_or((&0, &[]));
    let elements = items(rest);
    let pairs = &elements[..elements.len() / 2 * 2];
    let string = |bytes: &[u8]| [&[0x80][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let strings =
        |count: usize, elements: &[&[u8]]| [vec![count as u8 & 0x3f], elements.iter().flat_map(|it| string(it)).collect()].concat();
    let few = &elements[..elements.len().min(60)];
    let few_pairs = &few[..few.len() / 2 * 2];
    // A score that is a number, behind each member.
    let scores: Vec<Vec<u8>> = elements.iter().map(|it| (it.len() as i64 - 3).to_string().into_bytes()).collect();
    let scored: Vec<&[u8]> = elements.iter().zip(&scores).flat_map(|(member, score)| [*member, &score[..]]).collect();
    let binary = |member: &&[u8]| [string(member), (1.0 / member.len() as f64).to_le_bytes().to_vec()].concat();
    let (code, value) = match form % 13 {
        0 => (0, string(rest)),
        1 => (1, strings(few.len(), few)),
        2 => (2, strings(few.len(), few)),
        3 => (4, strings(few_pairs.len() / 2, few_pairs)),
        4 => (5, [vec![few.len() as u8], few.iter().flat_map(binary).collect()].concat()),
        5 => (9, string(&zipmap_of(pairs))),
        6 => (10, string(&ziplist_of(&elements))),
        7 => (13, string(&ziplist_of(pairs))),
        8 => (16, string(&listpack_of(pairs))),
        9 => (17, string(&listpack_of(&scored))),
        10 => (20, string(&listpack_of(&elements))),
        11 => (14, strings(2, &[&ziplist_of(&elements), &ziplist_of(few)])),
        _ => (18, [&[2, 2][..], &string(&listpack_of(&elements)), &[1], &string(rest)].concat()),
    };
    [&[code][..], &value].concat()
}

/// As much of a type and a value as is one.
fn first_value(input: &[u8]) -> &[u8] {
    const HEAD: &[u8] = b"REDIS0012";
    let Some((code, value)) = input.split_first() else { return input };
    let file = [HEAD, &[*code], b"\x01k", value].concat();
    match Reader::new(&file[..]).and_then(|mut reader| Ok((reader.next_event()?, reader.bytes_consumed() as usize))) {
        Ok((Some(Event::Entry { .. }), end)) => &input[..end - HEAD.len() - 2],
        _ => input,
    }
}

/// A type and a value; also as a payload with whatever is behind them, and as the elements of a value that is whole.
pub fn run(input: &[u8]) {
    PLAYED.with_borrow_mut(|slot| {
        // After a panic the server is not used again.
        let mut played = slot.take().unwrap_or_else(Played::new);
        played.call(&[b"RESTORE", b"k", b"0", input, b"REPLACE"]);
        for value in [first_value(input).to_vec(), made(input)] {
            let sealed = payload::seal(value, Version::Redis7_4);
            let reply = played.call(&[b"RESTORE", b"k", b"0", &sealed, b"REPLACE"]);
            match &reply[..] {
                b"+OK\r\n" => take_apart(&mut played),
                b"-ERR Bad data format\r\n" => {}
                other => panic!("{}", other.escape_ascii()),
            }
            played.line("FLUSHALL");
        }
        *slot = Some(played);
    });
}

fn take_apart(played: &mut Played) {
    let Some(given_back) = played.dump("DUMP k") else {
        // All its fields have had their time.
        assert_eq!(played.line("TYPE k"), b"+none\r\n");
        return;
    };
    assert_eq!(played.call(&[b"RESTORE", b"again", b"0", &given_back]), b"+OK\r\n");
    assert_eq!(played.fingerprints(b"again"), played.fingerprints(b"k"));
    let kind = played.line("TYPE k");
    for command in ["OBJECT ENCODING k", "MEMORY USAGE k", "COPY k copy"] {
        played.line(command);
    }
    for command in commands(&kind) {
        played.line(command);
    }
    // What has become of it is a value too.
    if let Some(given_back) = played.dump("DUMP k") {
        assert_eq!(played.call(&[b"RESTORE", b"again", b"0", &given_back, b"REPLACE"]), b"+OK\r\n");
        assert_eq!(played.fingerprints(b"again"), played.fingerprints(b"k"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_taken() {
        for seed in seeds() {
            run(&seed);
        }
        let is_taken = |value: Vec<u8>| payload::open(&payload::seal(value, Version::Redis7_4)).is_ok();
        assert!(seeds().iter().all(|seed| is_taken(first_value(seed).to_vec())));
        assert!((0..13).all(|form| is_taken(made(&[&[form][..], b"b,12,a,-5"].concat()))));
    }
}
