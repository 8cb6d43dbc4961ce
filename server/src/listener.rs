//! Where clients connect: TCP addresses and a unix socket.

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// A place that accepts connections.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
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
        let mut listeners = Vec::new();
        for address in bind {
            let (optional, address) = match address.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, address.as_str()),
            };
            match listen(address, port, backlog) {
                Ok(listener) => listeners.push(Listener::Tcp(listener)),
                Err(e) if optional && is_unavailable(&e) => {}
                Err(source) => return Err(ListenError { kind: "TCP", address: format!("{address}:{port}"), source }),
            }
        }
        Ok(listeners)
    }

    /// Listens on a path, replacing a socket that a dead server left there.
    pub(crate) fn bind_unix(path: &str, permissions: u32, backlog: i32) -> Result<Listener, ListenError> {
        let bind = || {
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&socket2::SockAddr::unix(path)?)?;
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
            Listener::Tcp(l) => registry.register(l, token, Interest::READABLE),
            Listener::Unix(l) => registry.register(l, token, Interest::READABLE),
        };
        match (again, self) {
            (Err(e), Listener::Tcp(l)) if e.kind() == io::ErrorKind::AlreadyExists => registry.reregister(l, token, Interest::READABLE),
            (Err(e), Listener::Unix(l)) if e.kind() == io::ErrorKind::AlreadyExists => registry.reregister(l, token, Interest::READABLE),
            (result, _) => result,
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self, Listener::Unix(_))
    }

    /// The next connection that waits, and whether it comes from this machine.
    pub(crate) fn accept(&self) -> io::Result<(Stream, bool)> {
        match self {
            Listener::Tcp(l) => l.accept().map(|(stream, peer)| (Stream::Tcp(stream), peer.ip().to_canonical().is_loopback())),
            Listener::Unix(l) => l.accept().map(|(stream, _)| (Stream::Unix(stream), true)),
        }
    }
}

fn listen(address: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    let address: SocketAddr = match address {
        "*" => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), port).into(),
        "::*" => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), port).into(),
        name => (name, port).to_socket_addrs()?.next().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?,
    };
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

impl Stream {
    /// No delay for small replies, and probes for peers that vanished.
    pub(crate) fn prepare(&self, keepalive_s: u64) -> io::Result<()> {
        if let Stream::Tcp(stream) = self {
            stream.set_nodelay(true)?;
            if keepalive_s > 0 {
                let interval = (keepalive_s / 3).max(1);
                let keepalive = TcpKeepalive::new()
                    .with_time(Duration::from_secs(keepalive_s))
                    .with_interval(Duration::from_secs(interval))
                    .with_retries(3);
                SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
            }
        }
        Ok(())
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(s) => registry.register(s, token, interest),
            Stream::Unix(s) => registry.register(s, token, interest),
        }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // A socket that is closed right after leaves the poll anyway.
        let _ = match self {
            Stream::Tcp(s) => registry.deregister(s),
            Stream::Unix(s) => registry.deregister(s),
        };
    }

    /// Appends what has arrived to the spare capacity of `buffer`.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(rustix::io::read(self, rustix::buffer::spare_capacity(buffer))?)
    }

    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => Ok(rustix::net::send(self, one, rustix::net::SendFlags::NOSIGNAL)?),
            many => Ok(rustix::io::writev(self, many)?),
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
        }
    }

    pub(crate) fn fd(&self) -> i32 {
        self.as_fd().as_raw_fd()
    }
}

/// `1.2.3.4:5`, `[::1]:5`.
fn show_address(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(s) => s.as_fd(),
            Stream::Unix(s) => s.as_fd(),
        }
    }
}
