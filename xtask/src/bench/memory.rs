//! What collections cost in memory, small ones by the million and large ones by the element.

use anyhow::Result;
use graven_testkit::Server;

use super::data::fill;
use super::report::{head, median, row};
use super::{Arguments, Contender};

/// Keys of small collections, and elements of a large one.
const COUNT: u64 = 1_000_000;

type Command = fn(u64) -> Vec<String>;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// What is written, what the bytes are divided by, and the command for each of [`COUNT`] numbers.
const SHAPES: &[(&str, &str, Command)] = &[
    ("string of 10 bytes", "key", |n| words(&format!("SET key:{n:010} {n:010}x"))),
    ("hash of 4 fields", "key", |n| {
        words(&format!("HSET hash:{n:010} name user:{n} age {} city city:{} mail {n}@example.org", n % 90, n % 500))
    }),
    ("sorted set of 5 members", "key", |n| words(&format!("ZADD zset:{n:010} 1 one 2.5 two {n} three 4 four 50 five"))),
    ("list of 10 items", "key", |n| words(&format!("RPUSH list:{n:010} a b c d {n} e f g h item:{n}"))),
    ("set of 5 integers", "key", |n| words(&format!("SADD ints:{n:010} {n} {} {} {} 7", n + 1, n + 2, n * 3))),
    ("set of 5 words", "key", |n| words(&format!("SADD words:{n:010} red green blue word:{n} black"))),
    ("stream of 10 entries (100,000 streams)", "entry", |n| {
        words(&format!("XADD stream:{:010} * temperature {} sensor {n}", n / 10, n % 40))
    }),
    ("one hash", "field", |n| words(&format!("HSET hash field:{n:010} value:{n}"))),
    ("one sorted set", "member", |n| words(&format!("ZADD zset {} member:{n:010}", n.wrapping_mul(0x9e37_79b9) % 10_000_000))),
    ("one list", "item", |n| words(&format!("RPUSH list item:{n:010}"))),
    ("one set of integers", "member", |n| words(&format!("SADD ints {}", n.wrapping_mul(7919)))),
    ("one set of words", "member", |n| words(&format!("SADD words member:{n:010}"))),
    ("one stream", "entry", |n| words(&format!("XADD stream * temperature {} sensor {n}", n % 40))),
];

/// Bytes for each key or element: anonymous memory, which is data, and not the pages of the program that were touched meanwhile.
pub fn run(arguments: &Arguments, contenders: &[Contender; 2]) -> Result<()> {
    if !arguments.wants("memory") {
        return Ok(());
    }
    let count = COUNT / arguments.divide;
    head(&["1 M of", "Redis", "Graven", "ratio"]);
    for (shape, unit, command) in SHAPES {
        let mut measured: [Vec<f64>; 2] = [vec![], vec![]];
        for _ in 0..arguments.rounds.min(2) {
            for (contender, results) in contenders.iter().zip(&mut measured) {
                results.push(measure(contender, count, *command)?);
            }
        }
        let [redis, graven] = measured.map(median);
        let what = if shape.starts_with("one ") { format!("{shape}, per {unit}") } else { (*shape).to_owned() };
        row(&[what, bytes(redis, unit), bytes(graven, unit), format!("**{:.2}×**", graven / redis)]);
    }
    Ok(())
}

/// With a decimal where whole bytes would hide the difference.
fn bytes(count: f64, unit: &str) -> String {
    if count < 20.0 { format!("{count:.1} B/{unit}") } else { format!("{count:.0} B/{unit}") }
}

fn measure(contender: &Contender, count: u64, command: Command) -> Result<f64> {
    let server = Server::builder(&contender.program).option("appendonly", "no").option("save", "").start()?;
    let empty = server.anonymous_bytes();
    fill(&server, count, command)?;
    // Buffers of the connections are given back.
    std::thread::sleep(std::time::Duration::from_secs(2));
    Ok((server.anonymous_bytes() - empty) as f64 / count as f64)
}
