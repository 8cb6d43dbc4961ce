//! The data of modules, beside the keys or as a key's value: only the module understands it, but anyone can pass over it, since
//! every field of it says what it is.

use std::io::Read;

use crate::source::Source;
use crate::{Error, Result};

const EXPECTED: &str = "module data";

/// The kinds of a field. A field is a kind, written as a length, and a payload.
pub(crate) mod kind {
    pub const END: u64 = 0;
    pub const SIGNED: u64 = 1;
    pub const UNSIGNED: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

/// Whose data comes next, and in which version of the module's own format.
pub(crate) fn identity<R: Read>(source: &mut Source<R>) -> Result<(String, u64)> {
    let id = source.length(EXPECTED)?;
    Ok((name(id), id & 0x3ff))
}

/// Passes over the fields of a module's data, up to their end.
pub(crate) fn skip_fields<R: Read>(source: &mut Source<R>) -> Result<()> {
    loop {
        let offset = source.offset();
        match source.length(EXPECTED)? {
            kind::END => return Ok(()),
            kind::SIGNED | kind::UNSIGNED => drop(source.length(EXPECTED)?),
            kind::FLOAT => drop(source.array::<4>(EXPECTED)?),
            kind::DOUBLE => drop(source.array::<8>(EXPECTED)?),
            kind::STRING => drop(source.string(EXPECTED)?),
            kind => return Err(Error::BadModuleData { kind, offset }),
        }
    }
}

/// A module's name from its identity: nine characters of six bits, above ten bits of version.
fn name(id: u64) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|index| char::from(CHARACTERS[(id >> (58 - 6 * index)) as usize & 0x3f])).collect()
}
