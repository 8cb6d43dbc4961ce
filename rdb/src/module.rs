//! The data that modules leave beside the keys, which only the module understands but anyone can skip.

use std::io::Read;

use crate::source::Source;
use crate::{Error, Result};

const EXPECTED: &str = "module data";

/// The kinds of a field. A field is a kind, written as a length, and a payload.
mod kind {
    pub const END: u64 = 0;
    pub const SIGNED: u64 = 1;
    pub const UNSIGNED: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

/// Skips a module's data and says which module and which of its own format versions it belongs to.
pub(crate) fn skip_aux<R: Read>(source: &mut Source<R>) -> Result<(String, u64)> {
    let id = source.length(EXPECTED)?;
    loop {
        let offset = source.offset();
        match source.length(EXPECTED)? {
            kind::END => return Ok((name(id), id & 0x3ff)),
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
