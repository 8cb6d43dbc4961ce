//! What several clients of one server see, step by step: for commands whose effects show on other connections than their own.
//!
//! A script is lines of `<client> <command>`, with clients numbered from 0 and the command as in `redis-cli`. Beside commands there
//! are `sleep <ms>`, `<client> close`, `<client> resp3` (whose greeting is not shown), and `#` for a note. After each step
//! everything that the server has sent to anybody is read and written down, so two servers that do the same have the same
//! transcript.
//!
//! A step that ends with ` &` is not followed by a look: what comes of it is written down at the next step without one. So a
//! reply that time brings belongs to the `sleep` that waits for it, however slow the machine.
//!
//! The clients connect by a unix socket: what the server writes there has arrived when its call returns, so replies to several
//! clients arrive in the order in which they were written. Over TCP, a busy kernel may deliver one connection's bytes late.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::client::encode;
use crate::process::Builder;
use crate::{Client, Server};

/// Commands of another client between a step and the look at what came of it: the server has finished the step, and the
/// turn of its loop after that.
const ROUND_TRIPS: usize = 3;

/// Plays a script on both servers, and returns the transcript if they have the same.
#[track_caller]
pub fn compare(redis: Builder, tested: Builder, script: &str) -> String {
    let (expected, seen) = (play(redis, script), play(tested, script));
    for (expected, seen) in expected.lines().zip(seen.lines()) {
        assert_eq!(expected, seen, "left is what redis-server does; all of it:\n{expected}");
    }
    assert_eq!(expected, seen);
    seen
}

/// Starts a server, plays a script and returns what was seen. The server has no log: replies must not wait for anything.
pub fn play(server: Builder, script: &str) -> String {
    let server = &server.option("appendonly", "no").with_unix_socket().start().expect("the server starts");
    let mut control = Client::unix(&server.unix_socket()).expect("the server listens");
    let mut clients: Vec<Option<UnixStream>> = Vec::new();
    let mut seen = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        seen += &format!("{line}\n");
        let (step, look) = line.strip_suffix(" &").map_or((line, true), |step| (step, false));
        let (who, command) = step.split_once(' ').expect("a client and a command");
        if who == "sleep" {
            std::thread::sleep(Duration::from_millis(command.parse().expect("milliseconds")));
        } else {
            let who: usize = who.parse().expect("a client's number");
            clients.resize_with(clients.len().max(who + 1), || None);
            let client = clients[who].get_or_insert_with(|| connect(server));
            if command == "close" {
                clients[who] = None;
            } else {
                let command = if command == "resp3" { "HELLO 3" } else { command };
                let mut bytes = Vec::new();
                encode(&mut bytes, &command.split_whitespace().collect::<Vec<_>>());
                client.write_all(&bytes).expect("the server listens");
            }
        }
        settle(&mut control);
        if !look {
            continue;
        }
        for (who, client) in clients.iter_mut().enumerate() {
            let Some(stream) = client else { continue };
            let (bytes, open) = arrived(stream);
            if !bytes.is_empty() && command != "resp3" {
                seen += &format!("    {who}: {}\n", bytes.escape_ascii());
            }
            if !open {
                seen += &format!("    {who}: closed\n");
                *client = None;
            }
        }
    }
    seen
}

fn connect(server: &Server) -> UnixStream {
    let stream = UnixStream::connect(server.unix_socket()).expect("the server listens");
    stream.set_nonblocking(true).expect("a socket");
    stream
}

fn settle(control: &mut Client) {
    for _ in 0..ROUND_TRIPS {
        control.call(&["PING"]);
    }
}

/// Everything that has arrived, and whether the connection is still open.
fn arrived(stream: &mut UnixStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, false),
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return (bytes, true),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (bytes, false),
        }
    }
}
