//! A reply as it stood on the wire.
//!
//! Nothing is converted: a RESP2 null bulk, a RESP2 null array and a RESP3 null are three different values, a double is
//! its text. Two servers agree only if a client could not tell them apart.

use std::fmt;

/// One RESP2 or RESP3 value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-text`
    Error(Vec<u8>),
    /// `:n`
    Int(i64),
    /// `$n bytes`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `*n …`
    Array(Vec<Value>),
    /// `_`
    Null,
    /// `,text`
    Double(Vec<u8>),
    /// `#t` or `#f`
    Bool(bool),
    /// `(digits`
    BigNumber(Vec<u8>),
    /// `!n bytes`
    BulkError(Vec<u8>),
    /// `=n fmt:bytes`
    Verbatim(Vec<u8>),
    /// `%n …`
    Map(Vec<(Value, Value)>),
    /// `~n …`
    Set(Vec<Value>),
    /// `>n …`
    Push(Vec<Value>),
    /// `|n …` and the value it describes.
    Attribute(Vec<(Value, Value)>, Box<Value>),
    /// The server closed the connection instead of replying.
    Closed,
}

impl Value {
    /// `+OK`
    pub fn ok() -> Value {
        Value::Simple(b"OK".to_vec())
    }

    /// A bulk string.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Value {
        Value::Bulk(bytes.as_ref().to_vec())
    }

    /// An error with this text, without the leading dash.
    pub fn error(text: &str) -> Value {
        Value::Error(text.as_bytes().to_vec())
    }

    /// Whether this is `+OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Value::Simple(text) if text == b"OK")
    }

    /// Whether this is any of the three nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::NullBulk | Value::NullArray | Value::Null)
    }

    /// The text of an error reply.
    pub fn error_text(&self) -> Option<String> {
        match self {
            Value::Error(text) | Value::BulkError(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    /// The bytes of a string-like reply (simple, bulk, verbatim without its format).
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes) | Value::Bulk(bytes) => Some(bytes),
            Value::Verbatim(bytes) => Some(bytes.get(4..).unwrap_or_default()),
            _ => None,
        }
    }

    /// A string-like reply as text, or the debug form of anything else.
    pub fn text(&self) -> String {
        match self.as_bytes() {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => format!("{self:?}"),
        }
    }

    /// An integer reply, or a string-like reply that holds one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            other => std::str::from_utf8(other.as_bytes()?).ok()?.parse().ok(),
        }
    }

    /// The elements of an array, set or push.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            _ => None,
        }
    }

    /// Pairs of a RESP3 map, or of a flat RESP2 array of even length.
    pub fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        match self {
            Value::Map(pairs) => Some(pairs.clone()),
            Value::Array(items) if items.len() % 2 == 0 => Some(items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()),
            _ => None,
        }
    }

    /// The value under a text key of [`Value::pairs`].
    pub fn get(&self, key: &str) -> Option<Value> {
        let found = self.pairs()?.into_iter().find(|(k, _)| k.as_bytes() == Some(key.as_bytes()));
        found.map(|(_, value)| value)
    }
}

/// Bytes as readable text: printable ASCII as it is, everything else escaped, long strings cut with their length.
pub fn printable(bytes: &[u8]) -> String {
    const SHOWN: usize = 120;
    let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    if bytes.len() > SHOWN { format!("{shown}… ({} bytes)", bytes.len()) } else { shown.to_string() }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
            write!(f, "{open}")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    write!(f, ", ")?;
                }
                write!(f, "{item:?}")?;
            }
            write!(f, "{close}")
        }
        fn map(f: &mut fmt::Formatter<'_>, open: &str, pairs: &[(Value, Value)]) -> fmt::Result {
            write!(f, "{open}")?;
            for (i, (key, value)) in pairs.iter().enumerate() {
                if i > 0 {
                    write!(f, ", ")?;
                }
                write!(f, "{key:?}: {value:?}")?;
            }
            write!(f, "}}")
        }
        match self {
            Value::Simple(text) => write!(f, "+{}", printable(text)),
            Value::Error(text) => write!(f, "-{}", printable(text)),
            Value::Int(n) => write!(f, ":{n}"),
            Value::Bulk(bytes) => write!(f, "\"{}\"", printable(bytes)),
            Value::NullBulk => write!(f, "$-1"),
            Value::NullArray => write!(f, "*-1"),
            Value::Array(items) => list(f, "[", items, "]"),
            Value::Null => write!(f, "_"),
            Value::Double(text) => write!(f, ",{}", printable(text)),
            Value::Bool(b) => write!(f, "#{}", if *b { 't' } else { 'f' }),
            Value::BigNumber(text) => write!(f, "({}", printable(text)),
            Value::BulkError(text) => write!(f, "!{}", printable(text)),
            Value::Verbatim(text) => write!(f, "={}", printable(text)),
            Value::Map(pairs) => map(f, "%{", pairs),
            Value::Set(items) => list(f, "~[", items, "]"),
            Value::Push(items) => list(f, ">[", items, "]"),
            Value::Attribute(pairs, value) => {
                map(f, "|{", pairs)?;
                write!(f, " {value:?}")
            }
            Value::Closed => write!(f, "<connection closed>"),
        }
    }
}
