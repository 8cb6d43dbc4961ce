//! The oracle: the same commands on a real `redis-server` and on the server under test, every reply compared, then
//! everything both hold.
//!
//! A sequence starts from empty databases and fresh connections, so that it can be cut down: a mismatch is reported with
//! the shortest sequence that still shows it.

mod compare;
mod deviations;
mod shrink;

use anyhow::{Context, Result};

use crate::client::{Address, Client};
use crate::dump::Dump;
use crate::generator::{CONNECTIONS, Generator, Mix, Step};
use crate::process::{Program, Server};
use crate::value::Value;

pub use deviations::{DEVIATIONS, Deviation};

/// Milliseconds by which deadlines may differ: the two servers are given relative times one after the other.
const DEADLINE_TOLERANCE_MS: i64 = 5_000;

/// Two servers that must agree.
#[derive(Debug)]
pub struct Oracle {
    redis: Side,
    tested: Side,
    protocol: u8,
}

#[derive(Debug)]
struct Side {
    name: &'static str,
    address: Address,
    connections: Vec<Option<Client>>,
    /// Commands queued by an open `MULTI`, per connection.
    queued: Vec<Vec<Vec<Vec<u8>>>>,
}

/// Where two servers did not agree.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The index of the step, or the number of steps if only the data sets differ.
    pub at: usize,
    /// What differs, for people.
    pub text: String,
}

impl Oracle {
    /// Options that both servers must have for sequences to be comparable.
    pub fn options(builder: crate::process::Builder) -> crate::process::Builder {
        builder.option("enable-debug-command", "yes").option("appendfsync", "no").option("loglevel", "warning")
    }

    /// An oracle over two running servers; connections speak RESP2 or RESP3 from their start.
    pub fn new(redis: &Server, tested: &Server, protocol: u8) -> Oracle {
        Oracle { redis: Side::new("redis", redis), tested: Side::new("tested", tested), protocol }
    }

    /// Runs `count` random steps from `seed` and fails with the shortest sequence that shows a mismatch.
    ///
    /// # Errors
    /// If the servers disagree, or one of them cannot be reached.
    pub fn check_seed(&mut self, seed: u64, count: usize) -> Result<()> {
        let steps = Generator::new(seed, Mix::Everything).steps(count);
        self.check_steps(&steps).with_context(|| format!("seed {seed}, {count} steps, RESP{}", self.protocol))
    }

    /// Starts both servers and compares one 500-step sequence of a group's commands for each seed.
    ///
    /// # Errors
    /// If the servers disagree, or one of them cannot be started.
    pub fn check_group(tested: &Program, group: &'static str, protocol: u8, seeds: std::ops::Range<u64>) -> Result<()> {
        const STEPS: usize = 500;
        let redis = Oracle::options(Server::builder(&Program::redis())).start()?;
        let tested = Oracle::options(Server::builder(tested)).start()?;
        let mut oracle = Oracle::new(&redis, &tested, protocol);
        for seed in seeds {
            let steps = Generator::new(seed, Mix::Group(group)).steps(STEPS);
            let told = || format!("{group}, seed {seed}, RESP{protocol}; the server's log:\n{}", tested.log());
            oracle.check_steps(&steps).with_context(told)?;
        }
        Ok(())
    }

    /// Runs these steps and fails with the shortest sequence that shows a mismatch.
    ///
    /// # Errors
    /// If the servers disagree, or one of them cannot be reached.
    pub fn check_steps(&mut self, steps: &[Step]) -> Result<()> {
        let Some(mismatch) = self.run(steps)? else { return Ok(()) };
        let upto = &steps[..steps.len().min(mismatch.at + 1)];
        let (steps, mismatch) = shrink::shortest(upto, mismatch, |candidate| self.run(candidate))?;
        let listing: Vec<String> = steps.iter().map(Step::to_string).collect();
        anyhow::bail!("{}\nafter the {} steps\n{}", mismatch.text, steps.len(), listing.join("\n"))
    }

    /// Runs steps from empty databases; the first disagreement ends the run.
    ///
    /// # Errors
    /// If a server cannot be reached.
    pub fn run(&mut self, steps: &[Step]) -> Result<Option<Mismatch>> {
        self.redis.reset(self.protocol)?;
        self.tested.reset(self.protocol)?;
        for (at, step) in steps.iter().enumerate() {
            let queued = self.redis.queued[step.connection].clone();
            let expected = self.redis.send(step, self.protocol)?;
            let found = self.tested.send(step, self.protocol)?;
            if !compare::agree(&step.args, &queued, &expected, &found) {
                let (expected, found) = (shown(&expected), shown(&found));
                let text = format!("{step}\n  redis:  {expected}\n  tested: {found}");
                return Ok(Some(Mismatch { at, text }));
            }
        }
        let expected = Dump::take(&mut Client::connect(&self.redis.address)?)?;
        let found = Dump::take(&mut Client::connect(&self.tested.address)?)?;
        let differs = expected.diff(&found, DEADLINE_TOLERANCE_MS);
        Ok(differs.map(|text| Mismatch { at: steps.len(), text: format!("the data sets differ: {text}") }))
    }
}

impl Side {
    fn new(name: &'static str, server: &Server) -> Side {
        Side { name, address: server.address(), connections: vec![], queued: vec![] }
    }

    fn reset(&mut self, protocol: u8) -> Result<()> {
        self.connections.clear();
        self.queued = vec![vec![]; CONNECTIONS];
        let mut admin = Client::connect(&self.address).with_context(|| format!("connecting to {}", self.name))?;
        admin.cmd(&["FLUSHALL"])?;
        self.connections = (0..CONNECTIONS).map(|_| self.connect(protocol).map(Some)).collect::<Result<_>>()?;
        Ok(())
    }

    fn connect(&self, protocol: u8) -> Result<Client> {
        let mut client = Client::connect(&self.address).with_context(|| format!("connecting to {}", self.name))?;
        if protocol == 3 {
            client.cmd(&["HELLO", "3"])?;
        }
        Ok(client)
    }

    fn send(&mut self, step: &Step, protocol: u8) -> Result<Value> {
        if self.connections[step.connection].is_none() {
            self.connections[step.connection] = Some(self.connect(protocol)?);
        }
        let client = self.connections[step.connection].as_mut().expect("connected above");
        let reply = client.exchange(&step.args).with_context(|| format!("{}: {step}", self.name))?;
        let queued = &mut self.queued[step.connection];
        if reply == Value::Simple(b"QUEUED".to_vec()) {
            queued.push(step.args.clone());
        } else if ends_transaction(&step.args) {
            queued.clear();
        }
        if reply == Value::Closed || step.args[0].eq_ignore_ascii_case(b"QUIT") && reply.is_ok() {
            self.connections[step.connection] = None;
            queued.clear();
        }
        Ok(reply)
    }
}

/// A reply for people; the longest ones would hide the sequence that led to them.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 1_500;
    let text = format!("{value:?}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.len()),
        None => text,
    }
}

fn ends_transaction(args: &[Vec<u8>]) -> bool {
    [&b"EXEC"[..], b"DISCARD", b"RESET"].iter().any(|name| args[0].eq_ignore_ascii_case(name))
}
