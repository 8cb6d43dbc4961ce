//! Strings that are numbers.

use crate::context::Context;
use crate::error::{Error, NOT_FLOAT, NOT_INTEGER, WRONG_TYPE};
use crate::long_double::LongDouble;
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Slot, StringRef};

/// `INCR key`
pub fn incr(cx: &mut Context<'_>) -> Result<(), Error> {
    add(cx, 1)
}

/// `DECR key`
pub fn decr(cx: &mut Context<'_>) -> Result<(), Error> {
    add(cx, -1)
}

/// `INCRBY key increment`
pub fn incrby(cx: &mut Context<'_>) -> Result<(), Error> {
    let increment = cx.int(2)?;
    add(cx, increment)
}

/// `DECRBY key decrement`
pub fn decrby(cx: &mut Context<'_>) -> Result<(), Error> {
    let Some(increment) = cx.int(2)?.checked_neg() else {
        return Err("ERR decrement would overflow".into());
    };
    add(cx, increment)
}

fn add(cx: &mut Context<'_>, increment: i64) -> Result<(), Error> {
    let key = cx.key(1);
    let access = cx.engine.fresh_access();
    let sum = match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(place) => {
            place.insert_int(increment, None, access);
            cx.notify(EventClass::NEW, "new", key.bytes);
            increment
        }
        Slot::Occupied(mut place) => {
            let number = match place.entry().string() {
                Some(StringRef::Int(number)) => number,
                Some(StringRef::Bytes(bytes)) => parse_i64(bytes).ok_or(NOT_INTEGER)?,
                None => return Err(WRONG_TYPE.into()),
            };
            let sum = number.checked_add(increment).ok_or("ERR increment or decrement would overflow")?;
            place.set_int(sum);
            sum
        }
    };
    cx.changed(key.bytes);
    cx.notify(EventClass::STRING, "incrby", key.bytes);
    cx.reply.int(sum);
    Ok(())
}

/// `INCRBYFLOAT key increment`, in the arithmetic of [`crate::long_double`].
pub fn incrbyfloat(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let increment = cx.args.at(2);
    let access = cx.engine.fresh_access();
    let slot = cx.engine.slot(cx.session.db, key);
    let mut scratch = [0; 20];
    let value: &[u8] = match &slot {
        Slot::Vacant(_) => b"0",
        Slot::Occupied(place) => super::string_of(place.entry())?.to_bytes(&mut scratch),
    };
    let (value, increment) = LongDouble::parse(value).zip(LongDouble::parse(increment)).ok_or(NOT_FLOAT)?;
    let sum = value.checked_add(increment).ok_or("ERR increment would produce NaN or Infinity")?.to_text();
    match slot {
        // Stored as bytes even if it looks like an integer, as Redis does.
        Slot::Vacant(place) => {
            place.insert_bytes(sum.as_bytes(), None, access);
            cx.notify(EventClass::NEW, "new", key.bytes);
        }
        Slot::Occupied(mut place) => place.set_bytes(sum.as_bytes()),
    }
    cx.log(&[b"SET", key.bytes, sum.as_bytes(), b"KEEPTTL"]);
    cx.changed(key.bytes);
    cx.notify(EventClass::STRING, "incrbyfloat", key.bytes);
    cx.reply.bulk(sum.as_bytes());
    Ok(())
}
