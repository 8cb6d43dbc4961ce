//! What simulated clients say.

use graven_aof::FsyncPolicy;
use graven_testkit::generator::{Generator, Mix, Step};
use graven_testkit::{Rng, client};

/// How many keys of each type there are: few, so that they meet.
const KEYS: u64 = 4;

/// A command, and what its reply will mean.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    /// The keys that it reads or changes; nothing: all of them.
    pub(crate) keys: Option<Vec<Vec<u8>>>,
    /// If it succeeds, it has changed something.
    pub(crate) is_effective: bool,
    /// It sets `appendfsync`.
    pub(crate) policy: Option<FsyncPolicy>,
    /// It waits for what its client wrote to be durable.
    pub(crate) waits_for_disk: bool,
}

fn encode(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    client::encode(&mut bytes, args);
    bytes
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A command whose reply means nothing for the data.
pub(crate) fn aside(line: &str) -> Sent {
    Sent { bytes: encode(&words(line)), keys: Some(Vec::new()), is_effective: false, policy: None, waits_for_disk: false }
}

/// Makes commands; each value is written once only, so that a change is always one.
pub(crate) struct Workload {
    counter: u64,
    generator: Generator,
}

impl Workload {
    pub(crate) fn new(seed: u64) -> Workload {
        Workload { counter: 0, generator: Generator::new(seed, Mix::Writes) }
    }

    /// A command of any kind and form, and which of the generator's clients sends it.
    pub(crate) fn anything(&mut self) -> (usize, Sent) {
        let Step { connection, args } = self.generator.step();
        (connection, Sent { bytes: encode(&args), ..aside("") })
    }

    /// What a client sends at once: a few commands, or a transaction. `one`: not more than one command.
    pub(crate) fn some(&mut self, rng: &mut Rng, now_ms: u64, one: bool) -> Vec<Sent> {
        if rng.chance(15) {
            let inside: Vec<Sent> = (0..1 + rng.below(4)).map(|_| self.command(rng, now_ms)).collect();
            let mut keys = Some(Vec::new());
            for sent in &inside {
                keys = keys.zip(sent.keys.clone()).map(|(mut all, more)| {
                    all.extend(more);
                    all
                });
            }
            let queued = |sent: &Sent| Sent {
                bytes: sent.bytes.clone(),
                keys: Some(Vec::new()),
                is_effective: false,
                policy: None,
                waits_for_disk: false,
            };
            let mut all = vec![aside("MULTI")];
            all.extend(inside.iter().map(queued));
            all.push(Sent { keys, ..aside("EXEC") });
            return all;
        }
        (0..if one { 1 } else { 1 + rng.below(3) }).map(|_| self.command(rng, now_ms)).collect()
    }

    fn unique(&mut self) -> String {
        self.counter += 1;
        format!("v{}", self.counter)
    }

    /// One command on data.
    pub(crate) fn command(&mut self, rng: &mut Rng, now_ms: u64) -> Sent {
        let key = |kind: &str, rng: &mut Rng| format!("{kind}{}", rng.below(KEYS));
        let value = self.unique();
        let small = rng.below(12);
        let s = key("s", rng);
        let (line, effective) = match rng.below(44) {
            0..4 => (format!("SET {s} {value}"), true),
            4 => (format!("SET {s} {value} PX {}", 1 + rng.below(3_000)), true),
            5 => {
                // Longer than a few sectors, with no two alike.
                let long: String = (0..100 + rng.below(600)).map(|n| format!("{value}.{n}.")).collect();
                (format!("SET {s} {long}"), true)
            }
            6 => (format!("APPEND {s} {value}"), true),
            7 => (format!("GETDEL {s}"), false),
            8 => (format!("SETNX {s} {value}"), false),
            9..11 => (format!("GET {s}"), false),
            11 => (format!("INCR {}", key("n", rng)), true),
            12 => (format!("INCRBYFLOAT {} 1.5", key("f", rng)), true),
            13 => (format!("RPUSH {} {value} {value}b", key("l", rng)), true),
            14 => (format!("LPUSH {} {value}", key("l", rng)), true),
            15 => (format!("LPOP {} 2", key("l", rng)), false),
            16 => (format!("LTRIM {} 0 {}", key("l", rng), 4 + small), false),
            17 => {
                let (from, to) = (key("l", rng), key("l", rng));
                (format!("LMOVE {from} {to} LEFT RIGHT"), false)
            }
            18 => (format!("SADD {} m{small} {value}", key("t", rng)), true),
            19 => (format!("SREM {} m{small}", key("t", rng)), false),
            20 => (format!("SPOP {} {}", key("t", rng), 1 + small), false),
            21 => {
                let (to, a, b) = (key("t", rng), key("t", rng), key("t", rng));
                (format!("SUNIONSTORE {to} {a} {b}"), false)
            }
            22 => (format!("HSET {} f{small} {value}", key("h", rng)), true),
            23 => (format!("HDEL {} f{small}", key("h", rng)), false),
            24 => (format!("HINCRBY {} count 3", key("h", rng)), true),
            25 => (format!("HPEXPIRE {} {} FIELDS 1 f{small}", key("h", rng), 1 + rng.below(3_000)), false),
            26 => (format!("ZADD {} {small} {value}", key("z", rng)), true),
            27 => (format!("ZINCRBY {} 1 m{small}", key("z", rng)), true),
            28 => (format!("ZPOPMIN {} 2", key("z", rng)), false),
            29 => (format!("ZREMRANGEBYRANK {} {small} -1", key("z", rng)), false),
            30 => (format!("XADD {} * field {value}", key("x", rng)), true),
            31 => (format!("XTRIM {} MAXLEN {small}", key("x", rng)), false),
            32 => (format!("XGROUP CREATE {} g{small} 0 MKSTREAM", key("x", rng)), true),
            33 => (format!("PFADD {} {value}", key("p", rng)), false),
            34 => (format!("SETBIT {} {} 1", key("b", rng), rng.below(2_000)), false),
            35 => (format!("PEXPIRE {s} {}", 1 + rng.below(2_000)), false),
            36 => (format!("PERSIST {s}"), false),
            37 => (format!("PEXPIREAT {} {}", key("h", rng), now_ms + rng.below(4_000)), false),
            38 => {
                let victims = [key("l", rng), key("t", rng), key("h", rng), key("z", rng), key("x", rng)];
                (format!("DEL {}", victims[rng.below(5) as usize]), false)
            }
            39 => {
                let (from, to) = (key("s", rng), key("s", rng));
                (format!("RENAME {from} {to}"), false)
            }
            40 => {
                let from = rng.below(KEYS);
                let (from, to) = (format!("h{from}"), format!("h{}", (from + 1 + rng.below(KEYS - 1)) % KEYS));
                (format!("COPY {from} {to} REPLACE"), false)
            }
            41 => (format!("EXISTS {s}"), false),
            42 if rng.chance(12) => {
                return Sent { bytes: encode(&words("FLUSHALL")), keys: None, is_effective: false, policy: None, waits_for_disk: false };
            }
            43 if rng.chance(30) => {
                return Sent { bytes: encode(&words("SWAPDB 0 1")), keys: None, is_effective: false, policy: None, waits_for_disk: false };
            }
            _ => (format!("MSET {s} {value} {} {value}", key("s", rng)), true),
        };
        let args = words(&line);
        let is_key = |arg: &&Vec<u8>| arg.len() == 2 && b"snlthzxpbf".contains(&arg[0]) && arg[1].is_ascii_digit();
        let shown = match args[0].as_slice() {
            // Without a source they do not look at the destination.
            b"COPY" | b"LMOVE" | b"RENAME" => &args[1..2],
            b"SUNIONSTORE" => &args[2..],
            // Fields are named like keys of floats.
            b"HSET" | b"HDEL" | b"HINCRBY" | b"HPEXPIRE" => &args[1..2],
            _ => &args[1..],
        };
        let keys: Vec<Vec<u8>> = shown.iter().filter(is_key).cloned().collect();
        Sent { bytes: encode(&args), keys: Some(keys), is_effective: effective, policy: None, waits_for_disk: false }
    }
}
