//! Pushing and popping.

use super::{limits, list_of, parse_side, pop_command, pop_event, push_event, reply_item};
use crate::context::Context;
use crate::error::{Error, NOT_POSITIVE, SYNTAX, WRONG_TYPE, wrong_arity};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;
use graven_store::{Key, Side, Slot};

/// `LPUSH key element [element …]`
pub fn lpush(cx: &mut Context<'_>) -> Result<(), Error> {
    push(cx, Side::Left, true)
}

/// `RPUSH key element [element …]`
pub fn rpush(cx: &mut Context<'_>) -> Result<(), Error> {
    push(cx, Side::Right, true)
}

/// `LPUSHX key element [element …]`
pub fn lpushx(cx: &mut Context<'_>) -> Result<(), Error> {
    push(cx, Side::Left, false)
}

/// `RPUSHX key element [element …]`
pub fn rpushx(cx: &mut Context<'_>) -> Result<(), Error> {
    push(cx, Side::Right, false)
}

#[inline]
fn push(cx: &mut Context<'_>, side: Side, create: bool) -> Result<(), Error> {
    let (key, limits, access) = (cx.key(1), limits(cx), cx.engine.fresh_access());
    let strings = cx.args.skip(2);
    let pushed = strings.len();
    let mut is_new = false;
    let len = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => {
            list_of(place.entry())?;
            place.list_push(side, strings, limits)
        }
        Slot::Vacant(place) if create => {
            place.insert_list(side, strings, limits, access);
            is_new = true;
            pushed
        }
        Slot::Vacant(_) => {
            cx.reply.int(0);
            return Ok(());
        }
    };
    cx.reply.int(len as i64);
    if is_new {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.changed_by(key.bytes, pushed as u64);
    cx.notify(EventClass::LIST, push_event(side), key.bytes);
    Ok(())
}

/// `LPOP key [count]`
pub fn lpop(cx: &mut Context<'_>) -> Result<(), Error> {
    pop(cx, Side::Left)
}

/// `RPOP key [count]`
pub fn rpop(cx: &mut Context<'_>) -> Result<(), Error> {
    pop(cx, Side::Right)
}

fn pop(cx: &mut Context<'_>, side: Side) -> Result<(), Error> {
    if cx.args.len() > 3 {
        return Err(wrong_arity(cx.spec.name));
    }
    let count = match cx.args.get(2) {
        Some(count) => Some(parse_count(count)?),
        None => None,
    };
    let key = cx.key(1);
    match take(cx, key, side, count.unwrap_or(1), |reply, taken| {
        if count.is_some() {
            reply.array(taken);
        }
    })? {
        Some(_) => {}
        None if count.is_some() => cx.reply.null_array(),
        None => cx.reply.null(),
    }
    Ok(())
}

fn parse_count(text: &[u8]) -> Result<usize, Error> {
    let count = parse_i64(text).ok_or(NOT_POSITIVE)?;
    usize::try_from(count).map_err(|_| NOT_POSITIVE.into())
}

/// Pops up to `count` items into the reply, after `head` has been told how many they will be. `None`, without a reply, if there is
/// no such key.
pub(super) fn take(
    cx: &mut Context<'_>,
    key: Key<'_>,
    side: Side,
    count: usize,
    head: impl FnOnce(&mut graven_resp::Reply<'_>, usize),
) -> Result<Option<usize>, Error> {
    let limits = limits(cx);
    let reply = &mut cx.reply;
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Ok(None) };
    let len = list_of(place.entry())?.len();
    let taken = count.min(len);
    head(reply, taken);
    if taken == 0 {
        return Ok(Some(0));
    }
    let is_last = taken == len;
    if is_last {
        let entry = place.remove();
        let list = list_of(&entry)?;
        let _ = list.walk(if side == Side::Left { 0 } else { len - 1 }, side, |item| {
            reply_item(reply, item);
            std::ops::ControlFlow::Continue(())
        });
        cx.engine.drop_entry(entry, false);
    } else {
        place.list_pop(side, taken, limits, |item| reply_item(reply, item));
    }
    cx.changed_by(key.bytes, taken as u64);
    cx.notify(EventClass::LIST, pop_event(side), key.bytes);
    if is_last {
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
    Ok(Some(taken))
}

/// What `LMPOP` and `BLMPOP` are told after the timeout.
pub(super) struct ManyKeys {
    /// The argument that is the first key.
    pub(super) first: usize,
    pub(super) keys: usize,
    side: Side,
    count: usize,
}

impl ManyKeys {
    /// Parses `numkeys key [key …] LEFT|RIGHT [COUNT count]`, of which `numkeys` is argument `i`.
    pub(super) fn parse(cx: &Context<'_>, i: usize) -> Result<ManyKeys, Error> {
        let positive = |text: &[u8], error: &'static str| match parse_i64(text) {
            Some(number @ 1..) => Ok(number as usize),
            _ => Err(Error::from(error)),
        };
        let keys = positive(cx.args.at(i), "ERR numkeys should be greater than 0")?;
        let options = (i + 1).saturating_add(keys);
        let side = parse_side(cx.args.get(options).ok_or(SYNTAX)?)?;
        let mut count = None;
        let mut at = options + 1;
        while let Some(word) = cx.args.get(at) {
            let Some(number) = cx.args.get(at + 1).filter(|_| count.is_none() && word.eq_ignore_ascii_case(b"count")) else {
                return Err(SYNTAX.into());
            };
            count = Some(positive(number, "ERR count should be greater than 0")?);
            at += 2;
        }
        Ok(ManyKeys { first: i + 1, keys, side, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that holds a list; false, without a reply, if none does.
    pub(super) fn pop(&self, cx: &mut Context<'_>) -> Result<bool, Error> {
        for i in self.first..self.first + self.keys {
            let key = cx.key(i);
            let taken = take(cx, key, self.side, self.count, |reply, taken| {
                reply.array(2);
                reply.bulk(key.bytes);
                reply.array(taken);
            })?;
            if let Some(taken) = taken {
                let mut digits = itoa::Buffer::new();
                cx.log(&[pop_command(self.side), key.bytes, digits.format(taken).as_bytes()]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `LMPOP numkeys key [key …] LEFT|RIGHT [COUNT count]`
pub fn lmpop(cx: &mut Context<'_>) -> Result<(), Error> {
    if !ManyKeys::parse(cx, 1)?.pop(cx)? {
        cx.reply.null_array();
    }
    Ok(())
}

/// Whether a key holds a list, for commands that look at several: another type is an error.
pub(super) fn is_list(cx: &mut Context<'_>, key: Key<'_>) -> Result<bool, Error> {
    match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(place) if place.entry().list().is_none() => Err(WRONG_TYPE.into()),
        Slot::Occupied(_) => Ok(true),
        Slot::Vacant(_) => Ok(false),
    }
}
