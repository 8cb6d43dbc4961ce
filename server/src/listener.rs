//! Where clients connect: TCP addresses and a unix socket.

use crate::logging::log;
use crate::simulation::Pipe;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// A place that accepts connections.
pub(crate) enum Listener {
    Tcp(TcpListener, TcpAddress),
    Unix(UnixListener),
}

/// Where a TCP socket listens, as the configuration has it, without the `-` of an address that may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TcpAddress {
    name: String,
    port: u16,
}

/// A connection.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// In memory, for simulation.
    Memory(Pipe),
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("Could not create server {kind} listening socket {address}: {source}")]
pub struct ListenError {
    kind: &'static str,
    address: String,
    source: io::Error,
}

impl Listener {
    /// Listens on each address of `bind` (`*`: all IPv4, `::*`: all IPv6; a leading `-`: it may be missing).
    pub(crate) fn bind_tcp(bind: &[String], port: u16, backlog: i32) -> Result<Vec<Listener>, ListenError> {
        let bound = bind.iter().map(|name| Listener::bind_one(name, port, backlog));
        bound.filter_map(Result::transpose).collect()
    }

    /// Listens on one address of `bind`; nothing if it may be missing and is.
    fn bind_one(name: &str, port: u16, backlog: i32) -> Result<Option<Listener>, ListenError> {
        let address = TcpAddress::new(name, port);
        match address.resolve().and_then(|resolved| listen(resolved, backlog)) {
            Ok(listener) => Ok(Some(Listener::Tcp(listener, address))),
            Err(e) if name.starts_with('-') && is_unavailable(&e) => Ok(None),
            Err(source) => Err(ListenError { kind: "TCP", address: format!("{}:{port}", address.name), source }),
        }
    }

    /// Listens on a path, replacing a socket that a dead server left there. One at which somebody answers is not touched.
    pub(crate) fn bind_unix(path: &str, permissions: u32, backlog: i32) -> Result<Listener, ListenError> {
        let bind = || {
            let address = SockAddr::unix(path)?;
            refuse_if_served(&address)?;
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&address)?;
            socket.listen(backlog)?;
            socket.set_nonblocking(true)?;
            if permissions != 0 {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
            }
            Ok(Listener::Unix(UnixListener::from_std(socket.into())))
        };
        bind().map_err(|source| ListenError { kind: "Unix", address: path.to_owned(), source })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let again = match self {
            Listener::Tcp(l, _) => registry.register(l, token, Interest::READABLE),
            Listener::Unix(l) => registry.register(l, token, Interest::READABLE),
        };
        match (again, self) {
            (Err(e), Listener::Tcp(l, _)) if e.kind() == io::ErrorKind::AlreadyExists => registry.reregister(l, token, Interest::READABLE),
            (Err(e), Listener::Unix(l)) if e.kind() == io::ErrorKind::AlreadyExists => registry.reregister(l, token, Interest::READABLE),
            (result, _) => result,
        }
    }

    /// The TCP address; nothing for a unix socket.
    fn address(&self) -> Option<&TcpAddress> {
        match self {
            Listener::Tcp(_, address) => Some(address),
            Listener::Unix(_) => None,
        }
    }

    /// Whether this socket must be closed before another one can listen there.
    fn overlaps(&self, other: SocketAddr) -> bool {
        let Listener::Tcp(listener, _) = self else { return false };
        listener.local_addr().is_ok_and(|own| {
            let same_ip = own.ip() == other.ip() || own.ip().is_unspecified() || other.ip().is_unspecified();
            own.port() == other.port() && own.is_ipv4() == other.is_ipv4() && same_ip
        })
    }

    /// The next connection that waits, and whether it comes from this machine.
    pub(crate) fn accept(&self) -> io::Result<(Stream, bool)> {
        match self {
            Listener::Tcp(l, _) => l.accept().map(|(stream, peer)| (Stream::Tcp(stream), peer.ip().to_canonical().is_loopback())),
            Listener::Unix(l) => l.accept().map(|(stream, _)| (Stream::Unix(stream), true)),
        }
    }
}

impl TcpAddress {
    fn new(name: &str, port: u16) -> TcpAddress {
        TcpAddress { name: name.strip_prefix('-').unwrap_or(name).to_owned(), port }
    }

    fn resolve(&self) -> io::Result<SocketAddr> {
        match self.name.as_str() {
            "*" => Ok((IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.port).into()),
            "::*" => Ok((IpAddr::V6(Ipv6Addr::UNSPECIFIED), self.port).into()),
            name => (name, self.port).to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Fails if somebody listens at the address of a unix socket: its path can be removed while they do, and nobody would reach them any more.
fn refuse_if_served(address: &SockAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // One whose queue is full lets others wait.
    socket.set_nonblocking(true)?;
    match socket.connect(address) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(()),
        Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
        _ => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "a server that runs answers there. Stop it, or give this one another 'unixsocket'",
        )),
    }
}

/// A change of the TCP addresses that can still be taken back.
///
/// An address that stays keeps its socket, and with it the connections that wait there. The sockets of addresses that go
/// stay open until the change is final, which it is when this is dropped. Only those that overlap a new address
/// (`127.0.0.1` after `*`) must be closed first; taking the change back opens them again.
pub(crate) struct Rebinding {
    /// What was listened on; nothing stands for the unix socket.
    before: Vec<Option<TcpAddress>>,
    retired: Vec<Listener>,
    backlog: i32,
}

impl Rebinding {
    pub(crate) fn new(listeners: &[Listener], backlog: i32) -> Rebinding {
        Rebinding { before: listeners.iter().map(|l| l.address().cloned()).collect(), retired: Vec::new(), backlog }
    }

    /// Makes `listeners` listen on `bind` instead. If it fails, they are to be [restored](Rebinding::take_back).
    pub(crate) fn bind(&mut self, listeners: &mut Vec<Listener>, bind: &[String], port: u16) -> Result<(), ListenError> {
        self.retired = std::mem::take(listeners);
        let wanted = if port == 0 { &[] } else { bind };
        // Whoever stays is set apart before anyone is closed for a new address.
        let kept: Vec<Option<Listener>> =
            wanted.iter().map(|name| take_out(&mut self.retired, Some(&TcpAddress::new(name, port)))).collect();
        let mut failure = None;
        for (name, kept) in wanted.iter().zip(kept) {
            match kept {
                Some(listener) => listeners.push(listener),
                None if failure.is_some() => {}
                None => match self.bind_new(name, port) {
                    Ok(listener) => listeners.extend(listener),
                    Err(e) => failure = Some(e),
                },
            }
        }
        listeners.extend(take_out(&mut self.retired, None));
        failure.map_or(Ok(()), Err)
    }

    fn bind_new(&mut self, name: &str, port: u16) -> Result<Option<Listener>, ListenError> {
        let bound = Listener::bind_one(name, port, self.backlog);
        match &bound {
            Err(e) if e.source.kind() == io::ErrorKind::AddrInUse => {}
            _ => return bound,
        }
        let Ok(address) = TcpAddress::new(name, port).resolve() else { return bound };
        let open = self.retired.len();
        self.retired.retain(|listener| !listener.overlaps(address));
        if self.retired.len() == open { bound } else { Listener::bind_one(name, port, self.backlog) }
    }

    /// Makes `listeners` what they were.
    pub(crate) fn take_back(self, listeners: &mut Vec<Listener>) {
        let mut open: Vec<Listener> = listeners.drain(..).chain(self.retired).collect();
        let still_open: Vec<Option<Listener>> = self.before.iter().map(|address| take_out(&mut open, address.as_ref())).collect();
        // What is new may stand where one of the old ones is opened again.
        drop(open);
        for (address, listener) in self.before.into_iter().zip(still_open) {
            match (listener, address) {
                (Some(listener), _) => listeners.push(listener),
                (None, Some(TcpAddress { name, port })) => match Listener::bind_one(&name, port, self.backlog) {
                    Ok(listener) => listeners.extend(listener),
                    Err(e) => log!(Warning, "{e}"),
                },
                (None, None) => unreachable!("a unix socket is never closed"),
            }
        }
    }
}

/// Takes the listener of an address (nothing: the unix socket) out of a list.
fn take_out(listeners: &mut Vec<Listener>, address: Option<&TcpAddress>) -> Option<Listener> {
    let index = listeners.iter().position(|listener| listener.address() == address)?;
    Some(listeners.remove(index))
}

fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// What makes an address with a leading `-` be left out.
fn is_unavailable(e: &io::Error) -> bool {
    use rustix::io::Errno;
    let absent = [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::PFNOSUPPORT, Errno::NOPROTOOPT, Errno::OPNOTSUPP];
    e.raw_os_error().is_some_and(|code| absent.iter().any(|errno| errno.raw_os_error() == code))
}

/// The longest time that Linux takes for `TCP_KEEPIDLE` (its `MAX_TCP_KEEPIDLE`); it refuses more.
const KEEPALIVE_MAX_S: u64 = 32_767;

impl Stream {
    /// No delay for small replies, and probes for peers that vanished. Without probes a client is served all the same, as by Redis.
    pub(crate) fn prepare(&self, keepalive_s: u64) -> io::Result<()> {
        if let Stream::Tcp(stream) = self {
            stream.set_nodelay(true)?;
            if keepalive_s > 0 {
                let time = keepalive_s.min(KEEPALIVE_MAX_S);
                let interval = (time / 3).max(1);
                let keepalive =
                    TcpKeepalive::new().with_time(Duration::from_secs(time)).with_interval(Duration::from_secs(interval)).with_retries(3);
                let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
            }
        }
        Ok(())
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(s) => registry.register(s, token, interest),
            Stream::Unix(s) => registry.register(s, token, interest),
            Stream::Memory(_) => Ok(()),
        }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // A socket that is closed right after leaves the poll anyway.
        let _ = match self {
            Stream::Tcp(s) => registry.deregister(s),
            Stream::Unix(s) => registry.deregister(s),
            Stream::Memory(pipe) => {
                pipe.close();
                Ok(())
            }
        };
    }

    /// Appends what has arrived to the spare capacity of `buffer`.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self.socket() {
            Ok(socket) => Ok(rustix::io::read(socket, rustix::buffer::spare_capacity(buffer))?),
            Err(pipe) => pipe.read(buffer),
        }
    }

    /// Whether the peer has closed its side, and all it has sent was read.
    pub(crate) fn is_at_end(&self) -> bool {
        match self.socket() {
            Ok(socket) => match rustix::net::recv(socket, &mut [0], rustix::net::RecvFlags::PEEK) {
                Ok((_, count)) => count == 0,
                Err(e) => e != rustix::io::Errno::AGAIN && e != rustix::io::Errno::INTR,
            },
            Err(pipe) => pipe.is_at_end(),
        }
    }

    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self.socket(), slices) {
            (Ok(socket), [one]) => Ok(rustix::net::send(socket, one, rustix::net::SendFlags::NOSIGNAL)?),
            (Ok(socket), many) => Ok(rustix::io::writev(socket, many)?),
            (Err(pipe), slices) => pipe.write(slices),
        }
    }

    /// The peer's and our address, as `CLIENT LIST` shows them.
    pub(crate) fn addresses(&self, socket_path: &str) -> (String, String) {
        match self {
            Stream::Tcp(s) => {
                let show = |a: io::Result<SocketAddr>| a.map_or_else(|_| "?:0".to_owned(), show_address);
                (show(s.peer_addr()), show(s.local_addr()))
            }
            Stream::Unix(_) => {
                let path = format!("{socket_path}:0");
                (path.clone(), path)
            }
            Stream::Memory(_) => ("127.0.0.1:1".to_owned(), "127.0.0.1:0".to_owned()),
        }
    }

    /// The socket, or what stands for one.
    fn socket(&self) -> Result<BorrowedFd<'_>, &Pipe> {
        match self {
            Stream::Tcp(s) => Ok(s.as_fd()),
            Stream::Unix(s) => Ok(s.as_fd()),
            Stream::Memory(pipe) => Err(pipe),
        }
    }

    pub(crate) fn fd(&self) -> i32 {
        self.socket().map_or(-1, |socket| socket.as_raw_fd())
    }
}

/// `1.2.3.4:5`, `[::1]:5`.
fn show_address(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}
