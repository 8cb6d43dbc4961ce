//! From one list to another.

use super::ends::is_list;
use super::{limits, parse_side, pop_event, push_event, reply_item};
use crate::context::Context;
use crate::error::Error;
use crate::notify::EventClass;
use graven_store::{Item, Key, Side, Slot};

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
pub fn lmove(cx: &mut Context<'_>) -> Result<(), Error> {
    let (from, to) = (parse_side(cx.args.at(3))?, parse_side(cx.args.at(4))?);
    if !transfer(cx, from, to)? {
        cx.reply.null();
    }
    Ok(())
}

/// `RPOPLPUSH source destination`
pub fn rpoplpush(cx: &mut Context<'_>) -> Result<(), Error> {
    if !transfer(cx, Side::Right, Side::Left)? {
        cx.reply.null();
    }
    Ok(())
}

/// Moves an item from the list at argument 1 to that at argument 2 and replies it; false, without a reply, if there is none.
pub(super) fn transfer(cx: &mut Context<'_>, from: Side, to: Side) -> Result<bool, Error> {
    let (source, target) = (cx.key(1), cx.key(2));
    if !is_list(cx, source)? {
        return Ok(false);
    }
    let is_new = if source.bytes == target.bytes {
        rotate(cx, source, from, to);
        false
    } else {
        let is_new = !is_list(cx, target)?;
        relay(cx, source, target, from, to);
        is_new
    };
    if is_new {
        cx.notify(EventClass::NEW, "new", target.bytes);
    }
    // The move counts as one change, of the source.
    cx.engine.signal(cx.session.db, target.bytes);
    cx.notify(EventClass::LIST, push_event(to), target.bytes);
    cx.notify(EventClass::LIST, pop_event(from), source.bytes);
    if cx.engine.peek(cx.session.db, source).is_none() {
        cx.notify(EventClass::GENERIC, "del", source.bytes);
    }
    cx.changed(source.bytes);
    Ok(true)
}

/// Within one list.
fn rotate(cx: &mut Context<'_>, key: Key<'_>, from: Side, to: Side) {
    let limits = limits(cx);
    let reply = &mut cx.reply;
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { unreachable!("it is a list") };
    let list = place.entry().list().expect("it is a list");
    list.get(if from == Side::Left { 0 } else { list.len() - 1 }, |item| reply_item(reply, item));
    if from != to {
        place.list_rotate(from, limits);
    }
}

/// From one key to another.
fn relay(cx: &mut Context<'_>, source: Key<'_>, target: Key<'_>, from: Side, to: Side) {
    let (limits, access) = (limits(cx), cx.engine.fresh_access());
    let mut moved = Vec::new();
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, source) else { unreachable!("it is a list") };
    let list = place.entry().list().expect("it is a list");
    if list.len() == 1 {
        list.get(0, |item| copy_item(&mut moved, item));
        let entry = place.remove();
        cx.engine.drop_entry(entry, false);
    } else {
        place.list_pop(from, 1, limits, |item| copy_item(&mut moved, item));
    }
    let strings = std::iter::once(&moved[..]);
    match cx.engine.slot(cx.session.db, target) {
        Slot::Occupied(mut place) => {
            place.list_push(to, strings, limits);
        }
        Slot::Vacant(place) => {
            place.insert_list(to, strings, limits, access);
        }
    }
    cx.reply.bulk(&moved);
}

fn copy_item(out: &mut Vec<u8>, item: Item<'_>) {
    out.extend_from_slice(item.to_bytes(&mut [0; 20]));
}
