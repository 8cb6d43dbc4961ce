//! A load generator that does little: where `redis-benchmark` is slower than the servers, it shows what they could do.
//!
//! For each request, `redis-benchmark` also changes five times for what it waits (`epoll_ctl`). This one waits for all
//! its clients all the time: a request is one read and one write. It takes the options and prints the lines of `redis-benchmark` that
//! the benchmarks need, so that it can take its place.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// The sub-command of `xtask` that is this generator.
pub const SUBCOMMAND: &str = "ask";
const READ_BYTES: usize = 64 << 10;
const KEY_DIGITS: usize = 12;

/// As `redis-benchmark` has them.
#[derive(clap::Args)]
pub struct Options {
    #[arg(short)]
    port: u16,
    /// `set` or `get`.
    #[arg(short)]
    test: String,
    #[arg(short, default_value_t = 50)]
    clients: usize,
    /// Bytes of a value.
    #[arg(short, default_value_t = 3)]
    data_bytes: usize,
    /// Keys are random among so many.
    #[arg(short, default_value_t = 1)]
    random: u64,
    /// Requests of all clients together.
    #[arg(short = 'n', default_value_t = 100_000)]
    requests: usize,
    #[arg(short = 'P', default_value_t = 1)]
    pipeline: usize,
    /// Always so.
    #[arg(long)]
    csv: bool,
}

/// Asks, and prints what came of it.
pub fn run(options: &Options) -> Result<()> {
    let counts = [options.clients, options.pipeline, options.requests];
    ensure!(counts.iter().all(|count| *count > 0) && options.random > 0, "-c, -P, -n and -r must be at least 1");
    let mut poll = Poll::new()?;
    let mut clients = (0..options.clients).map(|slot| Client::connect(options.port, &poll, slot)).collect::<Result<Vec<_>>>()?;
    let mut requests = Requests::new(options)?;
    let start = Instant::now();
    for client in &mut clients {
        client.ask(&mut requests, start)?;
    }
    let mut events = Events::with_capacity(1024);
    let mut input = vec![0; READ_BYTES];
    let mut waits = Vec::with_capacity(options.requests);
    while waits.len() < options.requests {
        poll.poll(&mut events, None)?;
        for event in &events {
            let client = &mut clients[event.token().0];
            let came = client.receive(&mut input)?;
            if came == 0 {
                continue;
            }
            let now = Instant::now();
            waits.extend(std::iter::repeat_n(now - client.asked_at, came));
            if client.awaited == 0 {
                client.ask(&mut requests, now)?;
            }
        }
    }
    report(&options.test, start.elapsed(), waits);
    Ok(())
}

fn report(test: &str, took: Duration, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let ms = |wait: Duration| format!("\"{:.3}\"", wait.as_secs_f64() * 1e3);
    let part = |part: f64| ms(waits[((waits.len() - 1) as f64 * part) as usize]);
    let average = waits.iter().sum::<Duration>() / waits.len() as u32;
    let per_second = waits.len() as f64 / took.as_secs_f64();
    let figures = [ms(average), part(0.0), part(0.5), part(0.95), part(0.99), part(1.0)].join(",");
    println!("\"{}\",\"{per_second:.2}\",{figures}", test.to_uppercase());
}

/// What is sent: as many commands as the pipeline is long, each with another key every time.
struct Requests {
    bytes: Vec<u8>,
    keys_at: Vec<usize>,
    keys: u64,
    left: usize,
    random: u64,
}

impl Requests {
    fn new(options: &Options) -> Result<Self> {
        let value = "x".repeat(options.data_bytes);
        let zeros = "0".repeat(KEY_DIGITS);
        let key_bytes = "key:".len() + KEY_DIGITS;
        let command = match options.test.as_str() {
            "set" => format!("*3\r\n$3\r\nSET\r\n${key_bytes}\r\nkey:{zeros}\r\n${}\r\n{value}\r\n", value.len()),
            "get" => format!("*2\r\n$3\r\nGET\r\n${key_bytes}\r\nkey:{zeros}\r\n"),
            other => bail!("no test {other}"),
        };
        let key_at = command.find(&zeros).context("the key's place")?;
        Ok(Requests {
            keys_at: (0..options.pipeline).map(|n| n * command.len() + key_at).collect(),
            bytes: command.repeat(options.pipeline).into_bytes(),
            keys: options.random,
            left: options.requests,
            random: 0x2545_f491_4f6c_dd1d,
        })
    }

    /// The next ones, and how many they are.
    fn next(&mut self) -> (&[u8], usize) {
        let count = self.keys_at.len().min(self.left);
        self.left -= count;
        for at in &self.keys_at[..count] {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let mut rest = self.random % self.keys;
            for digit in self.bytes[*at..*at + KEY_DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        (&self.bytes[..self.bytes.len() / self.keys_at.len() * count], count)
    }
}

struct Client {
    stream: TcpStream,
    /// Of a reply that has not come wholly.
    rest: Vec<u8>,
    awaited: usize,
    asked_at: Instant,
}

impl Client {
    fn connect(port: u16, poll: &Poll, slot: usize) -> Result<Self> {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(slot), Interest::READABLE)?;
        Ok(Client { stream, rest: Vec::new(), awaited: 0, asked_at: Instant::now() })
    }

    fn ask(&mut self, requests: &mut Requests, now: Instant) -> Result<()> {
        let (bytes, count) = requests.next();
        self.awaited = count;
        self.asked_at = now;
        self.stream.write_all(bytes).context("the server does not take what is sent")
    }

    /// How many replies have come.
    fn receive(&mut self, input: &mut [u8]) -> Result<usize> {
        loop {
            let read = match self.stream.read(input) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                result => result?,
            };
            ensure!(read > 0, "the server closed a connection");
            self.rest.extend_from_slice(&input[..read]);
            // More than that is announced only once.
            if read < input.len() {
                break;
            }
        }
        let mut used = 0;
        let mut replies = 0;
        while let Some(bytes) = whole_reply(&self.rest[used..])? {
            used += bytes;
            replies += 1;
        }
        self.rest.drain(..used);
        self.awaited = self.awaited.checked_sub(replies).context("more replies than commands")?;
        Ok(replies)
    }
}

/// How long the reply at the front is, if it is there wholly.
fn whole_reply(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(line_end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = std::str::from_utf8(&bytes[..line_end])?;
    let whole = match line.split_at_checked(1) {
        Some(("+" | ":", _)) | Some(("$", "-1")) => line_end + 2,
        Some(("$", length)) => line_end + 2 + length.parse::<usize>()? + 2,
        _ => bail!("the server replied {line}"),
    };
    Ok((whole <= bytes.len()).then_some(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_when_they_are_whole() {
        assert_eq!(whole_reply(b"+OK\r\n+OK\r\n").unwrap(), Some(5));
        assert_eq!(whole_reply(b"$3\r\nabc\r\n").unwrap(), Some(9));
        assert_eq!(whole_reply(b"$3\r\nabc\r").unwrap(), None);
        assert_eq!(whole_reply(b"$-1\r\n").unwrap(), Some(5));
        assert_eq!(whole_reply(b"+O").unwrap(), None);
        assert!(whole_reply(b"-ERR no\r\n").is_err());
        assert!(whole_reply(b"\r\n").is_err());
    }

    #[test]
    fn each_command_has_another_key_and_the_last_batch_is_shorter() {
        let options =
            Options { port: 0, test: "get".into(), clients: 1, data_bytes: 3, random: 1_000, requests: 5, pipeline: 3, csv: true };
        let mut requests = Requests::new(&options).unwrap();
        let (bytes, count) = requests.next();
        let keys: Vec<_> = std::str::from_utf8(bytes).unwrap().split("key:").skip(1).map(|part| &part[..KEY_DIGITS]).collect();
        assert_eq!((count, keys.len()), (3, 3));
        assert!(keys.iter().all(|key| key.starts_with("000000000")) && keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
        let whole = bytes.len();
        let (bytes, count) = requests.next();
        assert_eq!((bytes.len(), count), (whole / 3 * 2, 2));
    }
}
