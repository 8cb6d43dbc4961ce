//! Values, decoded by their type's number.

use std::io::Read;

use crate::Result;
use crate::format::TYPE_STRING;
use crate::source::Source;

/// The value of a key. Types are added as the store learns them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A string, decoded: integers are in decimal, compression is undone.
    String(Vec<u8>),
}

/// Decodes the value of type `code` that comes next. `None` when the type is not known: nothing was read then, and
/// nothing after it can be read either, since only a value's decoder knows where it ends.
pub(crate) fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<Option<Value>> {
    match code {
        TYPE_STRING => Ok(Some(Value::String(source.string("a string value")?))),
        _ => Ok(None),
    }
}
