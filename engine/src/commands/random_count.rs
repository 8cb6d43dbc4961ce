//! The count of `SRANDMEMBER`, `HRANDFIELD` and `ZRANDMEMBER`.
//!
//! A negative one asks for so many with repetitions, so what is stored does not bound the reply. Redis tries to make any reply; here the
//! number of elements and their bytes are bounded, so that no short command takes all memory.

use crate::context::Context;
use crate::error::{Error, SYNTAX};

/// The most elements that are replied with repetitions.
const MOST_REPEATED: u64 = 1 << 24;

/// The longest such reply, in bytes: an element may be long.
const MOST_REPEATED_BYTES: usize = 512 << 20;

const OUT_OF_RANGE: &str = "ERR value is out of range";

/// The count in argument 2, and whether argument 3 is the word that asks for pairs.
pub fn parse(cx: &Context<'_>, pairs_word: &str) -> Result<(i64, bool), Error> {
    let count = cx.symmetric_int(2)?;
    let pairs = match cx.args.len() {
        3 => false,
        4 if cx.is(3, pairs_word) => true,
        _ => return Err(SYNTAX.into()),
    };
    if pairs && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE.into());
    }
    Ok((count, pairs))
}

/// A number of repeated elements, if it is bearable.
pub fn repeated(wanted: u64) -> Result<usize, Error> {
    if wanted > MOST_REPEATED { Err(OUT_OF_RANGE.into()) } else { Ok(wanted as usize) }
}

/// Whether a reply of repeated elements may go on, of which there are so many bytes.
pub fn check_repeated_bytes(bytes: usize) -> Result<(), Error> {
    if bytes > MOST_REPEATED_BYTES { Err(OUT_OF_RANGE.into()) } else { Ok(()) }
}
