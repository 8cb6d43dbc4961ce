//! `XREADGROUP`.

use super::effects::{Delivery, Party};
use super::ids::strict_id;
use super::read::{ReadArgs, begin_stream};
use super::{limit, no_group, reply_entry, reply_id};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, WRONG_TYPE};
use graven_store::{Key, Pending, Slot, Stream, StreamId};

const IN_READ_GROUP: &str = " in XREADGROUP with GROUP option";

fn meaningless(symbol: char) -> Error {
    let text = format!(
        "ERR The {symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {symbol} ID would just return an empty result set."
    );
    text.into()
}

/// What is asked for of one stream.
#[derive(Clone, Copy)]
enum From {
    /// `>`: what nobody in the group was given.
    New,
    /// What is pending for the consumer, after an identifier.
    History(StreamId),
}

impl From {
    fn parse(arg: &[u8]) -> Result<From, Error> {
        match arg {
            b">" => Ok(From::New),
            b"$" => Err(meaningless('$')),
            b"+" => Err(meaningless('+')),
            id => Ok(From::History(strict_id(id)?)),
        }
    }
}

/// The stream at a key that was found to be one before.
fn stream_at<'e>(engine: &'e mut Engine, db: usize, key: Key<'e>) -> Option<&'e mut Stream> {
    match engine.slot(db, key) {
        Slot::Occupied(place) => place.into_stream_mut(),
        Slot::Vacant(_) => None,
    }
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key …] id [id …]`
pub fn xreadgroup(cx: &mut Context<'_>) -> Result<(), Error> {
    let read = ReadArgs::parse(cx, true)?;
    let (group, consumer) = read.group.ok_or("ERR Missing GROUP option for XREADGROUP")?;
    // Everything is checked before the first delivery.
    let mut asked = Vec::with_capacity(read.streams);
    for i in read.keys() {
        let key = cx.key(i);
        let entry = cx.engine.read(cx.session, key);
        let stream = entry.map(|entry| entry.stream().ok_or(WRONG_TYPE)).transpose()?;
        if stream.and_then(|stream| stream.group(group)).is_none() {
            return Err(no_group(key.bytes, group, IN_READ_GROUP));
        }
        asked.push((key, From::parse(cx.args.at(read.id_of(i)))?));
    }
    let (start, mut served) = (cx.reply.position(), 0);
    for (key, from) in asked {
        let party = Party { key: key.bytes, group, consumer };
        served += usize::from(read_stream(cx, party, key, from, &read));
    }
    read.finish(cx, start, served, None);
    Ok(())
}

/// Replies what one stream has for the consumer, and notes that it was delivered. False if there is nothing to reply.
fn read_stream(cx: &mut Context<'_>, party: Party<'_>, key: Key<'_>, from: From, read: &ReadArgs<'_>) -> bool {
    let now_ms = cx.engine.now_ms();
    let is_new = cx.ensure_consumer(party, now_ms);
    if is_new {
        cx.log_new_consumer(party);
    }
    let served = match from {
        From::New => read_new(cx, party, key, read),
        From::History(after) => Some(read_history(cx, party, key, after, read.count)),
    };
    // A delivery tells the log when it was; without one, a new consumer's time has to be told.
    if is_new && served != Some(true) {
        cx.log_seen(party, now_ms, false);
    }
    served.is_some()
}

/// `>`. The answer is whether deliveries were logged, or `None` if there is nothing new.
fn read_new(cx: &mut Context<'_>, party: Party<'_>, key: Key<'_>, read: &ReadArgs<'_>) -> Option<bool> {
    let now_ms = cx.engine.now_ms();
    let stream = stream_at(cx.engine, cx.session.db, key)?;
    let group = stream.group_mut(party.group)?;
    let consumer = group.find_consumer(party.consumer)?;
    group.consumer_mut(consumer).seen_ms = now_ms;
    let first = group.last_id.next()?;
    let mut entries = stream.range(first, StreamId::MAX).take(limit(read.count)).peekable();
    entries.peek()?;
    begin_stream(&mut cx.reply, party.key);
    let (start, mut ids) = (cx.reply.position(), Vec::new());
    for entry in entries {
        reply_entry(&mut cx.reply, &entry);
        ids.push(entry.id);
    }
    cx.reply.array_since(start, ids.len());
    for id in &ids {
        stream.advance(party.group, *id);
    }
    let group = stream.group_mut(party.group)?;
    let (last_id, entries_read) = (group.last_id, group.entries_read);
    if !read.noack {
        ids.iter().for_each(|id| group.deliver(*id, Pending { delivered_ms: now_ms, deliveries: 1, consumer }));
        group.consumer_mut(consumer).active_ms = Some(now_ms);
        let deliveries: Vec<Delivery> = ids.iter().map(|id| Delivery { id: *id, time_ms: now_ms, count: 1 }).collect();
        cx.log_deliveries(party, &deliveries, last_id);
    }
    cx.log_group_position(party.key, party.group, last_id, entries_read);
    cx.engine.dirty += 1;
    Some(!read.noack)
}

/// The consumer's pending entries after an identifier; deleted ones are shown without content. Whether deliveries were logged.
fn read_history(cx: &mut Context<'_>, party: Party<'_>, key: Key<'_>, after: StreamId, count: u64) -> bool {
    let now_ms = cx.engine.now_ms();
    begin_stream(&mut cx.reply, party.key);
    let start = cx.reply.position();
    let reply = &mut cx.reply;
    let found = stream_at(cx.engine, cx.session.db, key).and_then(|stream| {
        let consumer = stream.group(party.group)?.find_consumer(party.consumer)?;
        Some((stream, consumer))
    });
    let Some((stream, consumer)) = found else {
        reply.array(0);
        return false;
    };
    let (mut shown, mut delivered) = (0, Vec::new());
    if let (Some(group), Some(first)) = (stream.group(party.group), after.next()) {
        for id in group.consumer(consumer).pending_from(first).take(limit(count)) {
            match stream.get(id) {
                Some(entry) => {
                    reply_entry(reply, &entry);
                    delivered.push(id);
                }
                None => {
                    reply.array(2);
                    reply_id(reply, id);
                    reply.null_array();
                }
            }
            shown += 1;
        }
    }
    reply.array_since(start, shown);
    let Some(group) = stream.group_mut(party.group) else { return false };
    group.consumer_mut(consumer).seen_ms = now_ms;
    let mut deliveries = Vec::with_capacity(delivered.len());
    for id in delivered {
        let deliveries_so_far = group.pending(id).map_or(0, |pending| pending.deliveries);
        let count = deliveries_so_far.wrapping_add(1);
        group.deliver(id, Pending { delivered_ms: now_ms, deliveries: count, consumer });
        deliveries.push(Delivery { id, time_ms: now_ms, count });
    }
    let last_id = group.last_id;
    if deliveries.is_empty() {
        return false;
    }
    cx.log_deliveries(party, &deliveries, last_id);
    cx.engine.dirty += 1;
    true
}
