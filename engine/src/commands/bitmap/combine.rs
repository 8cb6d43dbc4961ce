//! `BITOP`: strings combined bit by bit; shorter ones go on with zeros.

use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use crate::notify::EventClass;
use graven_store::{Entry, Slot};

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
    store(cx, &result);
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

/// Makes the destination this raw string without a deadline, or removes it if the string is empty.
fn store(cx: &mut Context<'_>, result: &[u8]) {
    let key = cx.key(2);
    let lazily = cx.engine.settings.lazy_server_del;
    if result.is_empty() {
        if let Some(old) = cx.engine.remove(cx.session.db, key) {
            cx.engine.drop_entry(old, lazily);
            cx.changed(key.bytes);
            cx.notify(EventClass::GENERIC, "del", key.bytes);
        }
        return;
    }
    let access = cx.engine.fresh_access();
    let entry = Entry::new_bytes(key.bytes, result, None, access);
    let (old, mut place) = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => (Some(place.replace(entry)), place),
        Slot::Vacant(place) => (None, place.insert_entry(entry)),
    };
    place.mark_raw();
    let is_new = old.is_none();
    if let Some(old) = old {
        cx.engine.drop_entry(old, lazily);
    }
    if is_new {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.changed(key.bytes);
    cx.notify(EventClass::STRING, "set", key.bytes);
}
