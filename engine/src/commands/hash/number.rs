//! Fields that are numbers. They keep their deadlines.

use super::write::set_one;
use crate::context::Context;
use crate::error::{Error, NOT_FLOAT, WRONG_TYPE};
use crate::long_double::LongDouble;
use graven_resp::number::parse_i64;
use graven_store::{FieldDeadline, Slot, StringRef};

/// `HINCRBY key field increment`
pub fn hincrby(cx: &mut Context<'_>) -> Result<(), Error> {
    let increment = cx.int(3)?;
    let (key, field, db) = (cx.key(1), cx.args.at(2), cx.session.db);
    cx.engine.expire_named_fields(db, key, std::iter::once(field));
    let number = match cx.engine.slot(db, key) {
        Slot::Vacant(_) => 0,
        Slot::Occupied(place) => match place.entry().hash().ok_or(WRONG_TYPE)?.get(field).map(|field| field.value) {
            None => 0,
            Some(StringRef::Int(number)) => number,
            Some(StringRef::Bytes(bytes)) => parse_i64(bytes).ok_or("ERR hash value is not an integer")?,
        },
    };
    let sum = number.checked_add(increment).ok_or("ERR increment or decrement would overflow")?;
    let mut digits = itoa::Buffer::new();
    set_one(cx, key, field, digits.format(sum).as_bytes(), FieldDeadline::Keep, "hincrby")?;
    cx.reply.int(sum);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`, in the arithmetic of [`crate::long_double`].
pub fn hincrbyfloat(cx: &mut Context<'_>) -> Result<(), Error> {
    let increment = LongDouble::parse(cx.args.at(3)).ok_or(NOT_FLOAT)?;
    if increment.is_infinite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let (key, field, db) = (cx.key(1), cx.args.at(2), cx.session.db);
    cx.engine.expire_named_fields(db, key, std::iter::once(field));
    let old = match cx.engine.slot(db, key) {
        Slot::Vacant(_) => None,
        Slot::Occupied(place) => {
            let hash = place.entry().hash().ok_or(WRONG_TYPE)?;
            hash.get(field).map(|field| (LongDouble::parse(field.value.to_bytes(&mut [0; 20])), field.deadline.is_some()))
        }
    };
    let (old, expiring) = old.unwrap_or((LongDouble::parse(b"0"), false));
    let old = old.ok_or("ERR hash value is not a float")?;
    let sum = old.checked_add(increment).ok_or("ERR increment would produce NaN or Infinity")?.to_text();
    set_one(cx, key, field, sum.as_bytes(), FieldDeadline::Keep, "hincrbyfloat")?;
    if expiring {
        // HSET would take the deadline away.
        cx.log(&[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", b"1", field, sum.as_bytes()]);
    } else {
        cx.log(&[b"HSET", key.bytes, field, sum.as_bytes()]);
    }
    cx.reply.bulk(sum.as_bytes());
    Ok(())
}
