//! `BITOP`: strings combined bit by bit; shorter ones go on with zeros.

use crate::commands::destination;
use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use crate::notify::EventClass;
use graven_store::Entry;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

/// `BITOP AND | OR | XOR | NOT destination key [key …]`
pub fn bitop(cx: &mut Context<'_>) -> Result<(), Error> {
    let operation = match cx.args.at(1).to_ascii_lowercase().as_slice() {
        b"and" => Operation::And,
        b"or" => Operation::Or,
        b"xor" => Operation::Xor,
        b"not" => Operation::Not,
        _ => return Err(SYNTAX.into()),
    };
    if operation == Operation::Not && cx.args.len() != 4 {
        return Err("ERR BITOP NOT must be called with a single source key.".into());
    }
    let mut result: Option<Vec<u8>> = None;
    for i in 3..cx.args.len() {
        let key = cx.key(i);
        let mut scratch = [0; 20];
        let bytes = match cx.engine.read(cx.session, key) {
            None => &[],
            Some(entry) => string_of(entry)?.to_bytes(&mut scratch),
        };
        match &mut result {
            None => result = Some(bytes.to_vec()),
            Some(result) => combine(operation, result, bytes),
        }
    }
    let mut result = result.expect("the arity asks for a source");
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let key = cx.key(2);
    let entry = (!result.is_empty()).then(|| Entry::new_raw(key.bytes, &result, None, cx.engine.fresh_access()));
    destination::store(cx, key, entry, EventClass::STRING, "set");
    cx.reply.int(result.len() as i64);
    Ok(())
}

/// Combines `result` with `bytes`; both go on with zeros.
fn combine(operation: Operation, result: &mut Vec<u8>, bytes: &[u8]) {
    if result.len() < bytes.len() {
        result.resize(bytes.len(), 0);
    }
    let (both, beyond) = result.split_at_mut(bytes.len());
    // Plain loops over slices of one length: the compiler makes vectors of them.
    match operation {
        Operation::And => {
            both.iter_mut().zip(bytes).for_each(|(a, b)| *a &= b);
            beyond.fill(0);
        }
        Operation::Or => both.iter_mut().zip(bytes).for_each(|(a, b)| *a |= b),
        Operation::Xor => both.iter_mut().zip(bytes).for_each(|(a, b)| *a ^= b),
        Operation::Not => unreachable!("it has a single source"),
    }
}
