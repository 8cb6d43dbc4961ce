//! Errors as clients see them: Redis's texts, code first.

use graven_resp::Args;
use std::borrow::Cow;

/// An error reply, without the leading `-`. Bytes, since some texts quote what the client sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(.0))]
pub struct Error(Cow<'static, [u8]>);

impl From<&'static str> for Error {
    fn from(text: &'static str) -> Self {
        Error(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error(Cow::Owned(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Error {
    fn from(text: Vec<u8>) -> Self {
        Error(Cow::Owned(text))
    }
}

impl Error {
    /// The whole text.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The code: the first word (`ERR`, `WRONGTYPE`, …).
    pub fn code(&self) -> &str {
        let word = self.0.split(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(word).unwrap_or_default()
    }
}

/// What an error text shows of an argument: C's idea of a string, which ends at a zero byte, and no more than
/// `most` bytes.
pub fn quotable(argument: &[u8], most: usize) -> &[u8] {
    let end = argument.iter().position(|byte| *byte == 0).unwrap_or(argument.len());
    &argument[..end.min(most)]
}

/// An error that quotes an argument between its beginning and its end.
pub fn quoting(start: &str, argument: &[u8], end: &str) -> Error {
    [start.as_bytes(), quotable(argument, usize::MAX), end.as_bytes()].concat().into()
}

/// Options that do not go together, or a word that is none.
pub const SYNTAX: &str = "ERR syntax error";
/// A number that is none, or does not fit.
pub const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
/// A floating-point number that is none.
pub const NOT_FLOAT: &str = "ERR value is not a valid float";
/// A key holds another type.
pub const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
/// `RENAME` and others of a missing key.
pub const NO_SUCH_KEY: &str = "ERR no such key";
/// Must not be negative.
pub const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";
/// An offset or index outside of the value.
pub const OUT_OF_RANGE: &str = "ERR index out of range";
/// A value longer than `proto-max-bulk-len`.
pub const STRING_TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
/// A database that does not exist.
pub const INVALID_DB: &str = "ERR DB index is out of range";
/// A cursor that is no number.
pub const INVALID_CURSOR: &str = "ERR invalid cursor";

/// `wrong number of arguments` for a command, named in full (`client|kill`).
pub fn wrong_arity(full_name: &str) -> Error {
    format!("ERR wrong number of arguments for '{full_name}' command").into()
}

/// An expiry time that is not positive or overflows, for a command named in lower case.
pub fn invalid_expire(command: &str) -> Error {
    format!("ERR invalid expire time in '{command}' command").into()
}

/// A subcommand with a number of arguments that it does not take, though its container might.
pub fn wrong_subcommand(args: Args<'_>) -> Error {
    let container = quotable(args.at(0), 128).to_ascii_uppercase();
    let subcommand = quotable(args.get(1).unwrap_or_default(), 128);
    let start = b"ERR unknown subcommand or wrong number of arguments for '";
    [&start[..], subcommand, b"'. Try ", &container, b" HELP."].concat().into()
}
