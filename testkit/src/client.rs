//! A small blocking client that shows what came over the wire.
//!
//! It never retries, reconnects or interprets: a closed connection is an error (or [`Value::Closed`] from
//! [`Client::exchange`]), so that a test sees exactly what the server did.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::value::Value;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP port on 127.0.0.1.
    Port(u16),
    /// A unix socket.
    Unix(PathBuf),
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    input: Vec<u8>,
    taken: usize,
    /// Push messages (RESP3) that arrived between replies, oldest first.
    pub pushes: Vec<Value>,
}

/// Longest a read waits before the test is told that the server hangs.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A command in the form clients send it: an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

impl Client {
    /// Connects, with a read timeout of a minute.
    pub fn connect(address: &Address) -> io::Result<Client> {
        match address {
            Address::Port(port) => Client::tcp(*port),
            Address::Unix(path) => Client::unix(path),
        }
    }

    /// Connects to a TCP port of this machine.
    pub fn tcp(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Client::over(Stream::Tcp(stream))
    }

    /// Connects to a TCP port at another address of this machine (`::1`, another interface).
    pub fn tcp_at(host: &str, port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect((host, port))?;
        stream.set_nodelay(true)?;
        Client::over(Stream::Tcp(stream))
    }

    /// Connects to a unix socket.
    pub fn unix(path: &Path) -> io::Result<Client> {
        Client::over(Stream::Unix(UnixStream::connect(path)?))
    }

    fn over(stream: Stream) -> io::Result<Client> {
        let mut client = Client { stream, input: Vec::new(), taken: 0, pushes: Vec::new() };
        client.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(client)
    }

    /// How long a read may wait; `None` is for ever.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(timeout),
            Stream::Unix(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// How long a write may wait; `None` is for ever.
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_write_timeout(timeout),
            Stream::Unix(stream) => stream.set_write_timeout(timeout),
        }
    }

    /// Sends one command and reads its reply; pushes that come first are kept in [`Client::pushes`].
    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        self.send(args)?;
        self.reply()
    }

    /// Like [`Client::cmd`], for a test that has no use for a broken connection: it panics with the command.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        match self.cmd(args) {
            Ok(value) => value,
            Err(error) => {
                let shown: Vec<String> = args.iter().map(|a| crate::value::printable(a.as_ref())).collect();
                panic!("{}: {error}", shown.join(" "))
            }
        }
    }

    /// [`Client::call`] with the words of a line, for commands without blanks in their arguments.
    pub fn line(&mut self, line: &str) -> Value {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Sends one command and reads its reply; a connection that the server closed is [`Value::Closed`].
    pub fn exchange<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        match self.cmd(args) {
            Err(error) if is_closed(&error) => Ok(Value::Closed),
            other => other,
        }
    }

    /// Sends one command without reading its reply.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        let mut out = Vec::new();
        encode(&mut out, args);
        self.send_raw(&out)
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Sends all commands in one piece, then reads as many replies.
    pub fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> io::Result<Vec<Value>> {
        let mut out = Vec::new();
        for command in commands {
            encode(&mut out, command);
        }
        self.send_raw(&out)?;
        commands.iter().map(|_| self.reply()).collect()
    }

    /// The next value that is not a push.
    pub fn reply(&mut self) -> io::Result<Value> {
        loop {
            match self.read()? {
                push @ Value::Push(_) => self.pushes.push(push),
                value => return Ok(value),
            }
        }
    }

    /// The next value, pushes included.
    pub fn read(&mut self) -> io::Result<Value> {
        let line = self.read_line()?;
        let (kind, rest) = line.split_first().ok_or_else(|| malformed("an empty line", &line))?;
        Ok(match kind {
            b'+' => Value::Simple(rest.to_vec()),
            b'-' => Value::Error(rest.to_vec()),
            b':' => Value::Int(number(rest)?),
            b',' => Value::Double(rest.to_vec()),
            b'(' => Value::BigNumber(rest.to_vec()),
            b'_' => Value::Null,
            b'#' => Value::Bool(rest == b"t"),
            b'$' if rest == b"-1" => Value::NullBulk,
            b'$' => Value::Bulk(self.read_bulk(number(rest)?)?),
            b'!' => Value::BulkError(self.read_bulk(number(rest)?)?),
            b'=' => Value::Verbatim(self.read_bulk(number(rest)?)?),
            b'*' if rest == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.read_items(number(rest)?)?),
            b'~' => Value::Set(self.read_items(number(rest)?)?),
            b'>' => Value::Push(self.read_items(number(rest)?)?),
            b'%' => Value::Map(self.read_pairs(number(rest)?)?),
            b'|' => {
                let pairs = self.read_pairs(number(rest)?)?;
                Value::Attribute(pairs, Box::new(self.read()?))
            }
            _ => return Err(malformed("an unknown type", &line)),
        })
    }

    /// Everything the server still sends until it closes the connection, as raw bytes.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(error) if is_closed(&error) => return Ok(self.input.split_off(self.taken)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the server closes this connection within `wait`; whatever it sends before is dropped.
    pub fn closes_within(&mut self, wait: Duration) -> bool {
        let until = std::time::Instant::now() + wait;
        self.set_read_timeout(Some(Duration::from_millis(20))).expect("a read timeout above 0 is accepted");
        while std::time::Instant::now() < until {
            match self.fill() {
                Ok(()) => self.taken = self.input.len(),
                Err(error) if is_closed(&error) => return true,
                Err(_) => {}
            }
        }
        self.set_read_timeout(Some(READ_TIMEOUT)).expect("a read timeout above 0 is accepted");
        false
    }

    fn read_items(&mut self, count: i64) -> io::Result<Vec<Value>> {
        (0..count).map(|_| self.read()).collect()
    }

    fn read_pairs(&mut self, count: i64) -> io::Result<Vec<(Value, Value)>> {
        (0..count).map(|_| Ok((self.read()?, self.read()?))).collect()
    }

    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let unread = &self.input[self.taken..];
            if let Some(at) = unread[searched..].windows(2).position(|pair| pair == b"\r\n") {
                let line = unread[..searched + at].to_vec();
                self.taken += line.len() + 2;
                return Ok(line);
            }
            searched = unread.len().saturating_sub(1);
            self.fill()?;
        }
    }

    fn read_bulk(&mut self, len: i64) -> io::Result<Vec<u8>> {
        let len = usize::try_from(len).map_err(|_| malformed("a negative length", b""))?;
        while self.input.len() - self.taken < len + 2 {
            self.fill()?;
        }
        let bytes = self.input[self.taken..self.taken + len].to_vec();
        let end = &self.input[self.taken + len..self.taken + len + 2];
        if end != b"\r\n" {
            return Err(malformed("a bulk string without its line end", end));
        }
        self.taken += len + 2;
        Ok(bytes)
    }

    /// Reads once. Sets nothing aside but complete bytes, so a timeout may be retried.
    fn fill(&mut self) -> io::Result<()> {
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        } else if self.taken > 1 << 20 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        let mut chunk = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut chunk)?,
            Stream::Unix(stream) => stream.read(&mut chunk)?,
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        self.input.extend_from_slice(&chunk[..count]);
        Ok(())
    }
}

/// Whether an error says that the other side is gone.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn number(text: &[u8]) -> io::Result<i64> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| malformed("a bad number", text))
}

fn malformed(what: &str, line: &[u8]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the reply has {what}: {}", crate::value::printable(line)))
}
