//! RESP2 and RESP3, the Redis serialization protocol.
//!
//! Owns: finding commands in a stream of bytes ([`Parser`]), handing out their arguments without copying
//! them ([`Args`]), and writing replies straight into an output buffer ([`Reply`]).
//!
//! Does not know: sockets, what a command means, who is asking.
//!
//! Invariants:
//! * A parser reads any bytes without panicking and allocates in proportion to what it was given, never to
//!   what a length field claims.
//! * However the bytes are cut into pieces, the frames are the same.
//! * [`Args::canonical`] is the exact form in which a command may be appended to the log.
//!
//! The protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

mod args;
mod inline;
pub mod number;
mod parser;
mod reply;

pub use args::{Args, OwnedArgs, Span};
pub use inline::split as split_line;
pub use parser::{Batch, Frame, Limits, Parser, ProtocolError};
pub use reply::{Protocol, Reply};

/// Appends `parts` to `out` as a RESP array of bulk strings: the form of commands on the wire and in the log.
pub fn encode_command<P: AsRef<[u8]>>(out: &mut Vec<u8>, parts: &[P]) {
    number::push_prefixed(out, b'*', parts.len() as i64);
    for part in parts {
        push_bulk(out, part.as_ref());
    }
}

/// Appends one bulk string (`$len\r\n…\r\n`).
pub fn push_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 32);
    number::push_prefixed(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
