//! A server that does nothing: it takes what arrives, appends it to a file, syncs the file if asked, and answers `+OK` for each
//! command. No server that keeps a log can do less, so what `redis-benchmark` measures with it is what a machine, its disk and the
//! load generator allow.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// The sub-command of `xtask` that is this server; the test kit gives options as to `redis-server`.
pub const SUBCOMMAND: &str = "answer";
const LISTENER: Token = Token(usize::MAX);
const READ_BYTES: usize = 64 << 10;

/// Serves until it is killed.
pub fn serve(options: &[String]) -> Result<()> {
    let option = |name: &str| options.iter().rposition(|word| word == name).and_then(|at| options.get(at + 1)).map(String::as_str);
    let port: u16 = option("--port").context("--port is missing")?.parse()?;
    let path = PathBuf::from(option("--dir").unwrap_or(".")).join("answerer.log");
    let syncs = option("--appendfsync") == Some("always");
    let mut log = match option("--appendonly") {
        Some("yes") => Some(OpenOptions::new().create(true).append(true).open(path)?),
        _ => None,
    };
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut clients = HashMap::new();
    let mut next = 0;
    let (mut input, mut answers) = (Vec::new(), Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != LISTENER {
                receive(&mut clients, event.token(), &mut input, &mut answers)?;
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true)?;
                poll.registry().register(&mut stream, Token(next), Interest::READABLE)?;
                clients.insert(Token(next), stream);
                next += 1;
            }
        }
        if let Some(log) = &mut log {
            append(log, &input, syncs)?;
        }
        input.clear();
        for (token, answer) in answers.drain(..) {
            if clients.get_mut(&token).is_some_and(|stream: &mut TcpStream| stream.write_all(&answer).is_err()) {
                clients.remove(&token);
            }
        }
    }
}

/// Reads what there is from a client, and notes what to answer.
fn receive(clients: &mut HashMap<Token, TcpStream>, token: Token, input: &mut Vec<u8>, answers: &mut Vec<(Token, Vec<u8>)>) -> Result<()> {
    let Some(stream) = clients.get_mut(&token) else { return Ok(()) };
    loop {
        let from = input.len();
        input.resize(from + READ_BYTES, 0);
        let result = stream.read(&mut input[from..]);
        input.truncate(from + *result.as_ref().unwrap_or(&0));
        match result {
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) | Ok(0) => {
                clients.remove(&token);
                return Ok(());
            }
            Ok(bytes) => {
                let received = &input[from..];
                let is_ping = received.ends_with(b"PING\r\n");
                let commands = received.iter().filter(|byte| **byte == b'*').count();
                answers.push((token, if is_ping { b"+PONG\r\n".to_vec() } else { b"+OK\r\n".repeat(commands) }));
                if bytes < READ_BYTES {
                    return Ok(());
                }
            }
        }
    }
}

fn append(log: &mut File, input: &[u8], syncs: bool) -> Result<()> {
    if !input.is_empty() {
        log.write_all(input)?;
        if syncs {
            log.sync_data()?;
        }
    }
    Ok(())
}
