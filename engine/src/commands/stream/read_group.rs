//! `XREADGROUP`.

use super::effects::{Delivery, Party, find_or_create};
use super::ids::strict_id;
use super::read::{ReadArgs, begin_stream};
use super::{limit, no_group, reply_entry, reply_id};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, WRONG_TYPE};
use graven_resp::Reply;
use graven_store::{ConsumerId, Group, Key, Pending, Slot, Stream, StreamId};

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
            // The greatest identifier is how Redis writes `>` down.
            id => Ok(match strict_id(id)? {
                StreamId::MAX => From::New,
                id => From::History(id),
            }),
        }
    }
}

/// The stream at a key that was found to be one before.
fn stream_at<'e>(engine: &'e mut Engine, db: usize, key: Key<'e>) -> Option<&'e mut Stream> {
    match engine.counted_slot(db, key) {
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

/// What a stream had for a consumer.
#[derive(Default)]
struct Delivered {
    /// Something was replied, be it an empty history.
    served: bool,
    deliveries: Vec<Delivery>,
    /// How far the group has read, if that has changed.
    position: Option<(StreamId, Option<u64>)>,
}

/// Replies what one stream has for the consumer, and notes that it was delivered. False if there is nothing to reply.
fn read_stream(cx: &mut Context<'_>, party: Party<'_>, key: Key<'_>, from: From, read: &ReadArgs<'_>) -> bool {
    let now_ms = cx.engine.now_ms();
    let Some(stream) = stream_at(cx.engine, cx.session.db, key) else { return false };
    let Some(group) = stream.group_mut(party.group) else { return false };
    let (consumer, is_new) = find_or_create(group, party.consumer, now_ms);
    group.consumer_mut(consumer).seen_ms = now_ms;
    let last_id = group.last_id;
    let reader = Reader { party, consumer, now_ms, most: limit(read.count) };
    let delivered = match from {
        From::New => reader.read_new(&mut cx.reply, stream, last_id, read.noack),
        From::History(after) => reader.read_history(&mut cx.reply, stream, after),
    };
    if is_new {
        cx.consumer_created(party);
        // A delivery tells the log when it was.
        if delivered.deliveries.is_empty() {
            cx.log_seen(party, now_ms, false);
        }
    }
    cx.log_deliveries(party, &delivered.deliveries, delivered.position.map(|(last_id, _)| last_id));
    if let Some((last_id, entries_read)) = delivered.position {
        cx.log_group_position(party.key, party.group, last_id, entries_read);
    }
    cx.engine.dirty += u64::from(delivered.position.is_some() || !delivered.deliveries.is_empty());
    delivered.served
}

/// Who reads, and when.
struct Reader<'a> {
    party: Party<'a>,
    consumer: ConsumerId,
    now_ms: u64,
    /// Entries at most.
    most: usize,
}

impl Reader<'_> {
    /// `>`: what comes after the group's last entry.
    fn read_new(&self, reply: &mut Reply<'_>, stream: &mut Stream, last_id: StreamId, noack: bool) -> Delivered {
        let name = self.party.group;
        let Some(first) = last_id.next() else { return Delivered::default() };
        let mut entries = stream.range(first, StreamId::MAX).take(self.most).peekable();
        if entries.peek().is_none() {
            return Delivered::default();
        }
        begin_stream(reply, self.party.key);
        let (start, mut ids) = (reply.position(), Vec::new());
        for entry in entries {
            reply_entry(reply, &entry);
            ids.push(entry.id);
        }
        reply.array_since(start, ids.len());
        ids.iter().for_each(|id| stream.advance(name, *id));
        let Some(group) = stream.group_mut(name) else { return Delivered::default() };
        let position = Some((group.last_id, group.entries_read));
        if noack {
            return Delivered { served: true, deliveries: Vec::new(), position };
        }
        group.consumer_mut(self.consumer).active_ms = Some(self.now_ms);
        let deliveries = ids.into_iter().map(|id| self.deliver(group, id, 1)).collect();
        Delivered { served: true, deliveries, position }
    }

    /// The consumer's pending entries after an identifier. Deleted ones are shown without content, and not delivered again.
    fn read_history(&self, reply: &mut Reply<'_>, stream: &mut Stream, after: StreamId) -> Delivered {
        begin_stream(reply, self.party.key);
        let start = reply.position();
        let (mut shown, mut delivered) = (0, Vec::new());
        if let (Some(group), Some(first)) = (stream.group(self.party.group), after.next()) {
            for id in group.consumer(self.consumer).pending_from(first).take(self.most) {
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
        let Some(group) = stream.group_mut(self.party.group) else { return Delivered::default() };
        let again = |id: StreamId| {
            let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries);
            self.deliver(group, id, (deliveries + 1).min(Stream::COUNT_MAX))
        };
        Delivered { served: true, deliveries: delivered.into_iter().map(again).collect(), position: None }
    }

    fn deliver(&self, group: &mut Group, id: StreamId, count: u64) -> Delivery {
        group.deliver(id, Pending { delivered_ms: self.now_ms, deliveries: count, consumer: self.consumer });
        Delivery { id, time_ms: self.now_ms, count }
    }
}
