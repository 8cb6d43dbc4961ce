//! `XACK` and `XPENDING`: what was delivered and not acknowledged.

use super::ids::{interval_end, interval_start, strict_id};
use super::{no_group, reply_id};
use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE};
use graven_resp::Reply;
use graven_store::{Group, Slot, StreamId};

/// `XACK key group id [id …]`
pub fn xack(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, args) = (cx.key(1), cx.args);
    let mut acknowledged = 0;
    if let Slot::Occupied(mut place) = cx.engine.counted_slot(cx.session.db, key)
        && let Some(group) = place.stream_mut().ok_or(WRONG_TYPE)?.group_mut(args.at(2))
    {
        let ids = args.skip(3).map(strict_id).collect::<Result<Vec<_>, _>>()?;
        acknowledged = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
    }
    cx.reply.int(acknowledged as i64);
    cx.engine.dirty += acknowledged as u64;
    Ok(())
}

/// A part of what is pending.
struct Selection<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Selection<'a> {
    fn parse(cx: &Context<'a>) -> Result<Option<Selection<'a>>, Error> {
        let args = cx.args;
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(SYNTAX.into()),
        }
        let (mut at, mut min_idle_ms) = (3, 0);
        if cx.is(3, "idle") {
            min_idle_ms = cx.int(4)?;
            if args.len() < 8 {
                return Err(SYNTAX.into());
            }
            at = 5;
        }
        let count = usize::try_from(cx.int(at + 2)?).unwrap_or(0);
        let start = interval_start(args.at(at))?;
        let end = interval_end(args.at(at + 1))?;
        Ok(Some(Selection { min_idle_ms, start, end, count, consumer: args.get(at + 3) }))
    }
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
pub fn xpending(cx: &mut Context<'_>) -> Result<(), Error> {
    let selection = Selection::parse(cx)?;
    let (key, group, now_ms) = (cx.key(1), cx.args.at(2), cx.engine.now_ms());
    let entry = cx.engine.read(cx.session, key);
    let stream = entry.map(|entry| entry.stream().ok_or(WRONG_TYPE)).transpose()?;
    let group = stream.and_then(|stream| stream.group(group)).ok_or_else(|| no_group(key.bytes, group, ""))?;
    match selection {
        None => summarise(&mut cx.reply, group),
        Some(selection) => list(&mut cx.reply, group, &selection, now_ms),
    }
    Ok(())
}

fn summarise(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let Some((first, last)) = group.pending_bounds() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let (start, mut busy) = (reply.position(), 0);
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending_len() as i64);
        busy += 1;
    }
    reply.array_since(start, busy);
}

fn list(reply: &mut Reply<'_>, group: &Group, selection: &Selection<'_>, now_ms: u64) {
    let consumer = selection.consumer.map(|name| group.find_consumer(name));
    let start = reply.position();
    let shown = match consumer {
        Some(None) => 0,
        Some(Some(id)) => {
            let ids = group.consumer(id).pending_from(selection.start);
            list_ids(reply, group, selection, now_ms, ids)
        }
        None => list_ids(reply, group, selection, now_ms, group.pending_from(selection.start).map(|(id, _)| id)),
    };
    reply.array_since(start, shown);
}

fn list_ids(reply: &mut Reply<'_>, group: &Group, selection: &Selection<'_>, now_ms: u64, ids: impl Iterator<Item = StreamId>) -> usize {
    let pending = ids.take_while(|id| *id <= selection.end).filter_map(|id| Some((id, group.pending(id)?)));
    let idle = |delivered_ms: u64| now_ms as i64 - delivered_ms as i64;
    let wanted = pending.filter(|(_, pending)| selection.min_idle_ms == 0 || idle(pending.delivered_ms) >= selection.min_idle_ms);
    let mut shown = 0;
    for (id, pending) in wanted.take(selection.count) {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).name());
        reply.int(idle(pending.delivered_ms).max(0));
        reply.int(pending.deliveries as i64);
        shown += 1;
    }
    shown
}
