//! `XINFO`.

use super::{no_group_in_key, reply_entries, reply_entry, reply_id, stream_of};
use crate::context::Context;
use crate::error::{Error, NO_SUCH_KEY, wrong_subcommand};
use graven_resp::Reply;
use graven_store::{Consumer, Group, Stream, StreamEntry, StreamId};

/// Entries and pending entries that `FULL` shows.
const FULL_COUNT: u64 = 10;

fn name(reply: &mut Reply<'_>, text: &str) {
    reply.bulk(text.as_bytes());
}

fn named_int(reply: &mut Reply<'_>, text: &str, value: i64) {
    name(reply, text);
    reply.int(value);
}

fn named_id(reply: &mut Reply<'_>, text: &str, id: StreamId) {
    name(reply, text);
    reply_id(reply, id);
}

fn named_count(reply: &mut Reply<'_>, text: &str, value: Option<i64>) {
    name(reply, text);
    match value {
        Some(value) => reply.int(value),
        None => reply.null(),
    }
}

/// `XINFO STREAM key [FULL [COUNT count]]`
pub fn stream(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, args) = (cx.key(2), cx.args);
    let options = |cx: &Context<'_>| {
        let fits = matches!(args.len(), 4 | 6) && cx.is(3, "full") && (args.len() == 4 || cx.is(4, "count"));
        if !fits {
            return Err(wrong_subcommand(args));
        }
        let count = if args.len() == 6 { cx.int(5)? } else { FULL_COUNT as i64 };
        Ok(u64::try_from(count).unwrap_or(FULL_COUNT))
    };
    let full = (args.len() > 3).then(|| options(cx));
    let entry = cx.engine.read(cx.session, key).ok_or(NO_SUCH_KEY)?;
    let stream = stream_of(entry)?;
    match full.transpose()? {
        None => summary(&mut cx.reply, stream),
        Some(count) => everything(&mut cx.reply, stream, count),
    }
    Ok(())
}

fn head(reply: &mut Reply<'_>, stream: &Stream) {
    named_int(reply, "length", stream.len() as i64);
    named_int(reply, "radix-tree-keys", stream.nodes_len() as i64);
    // There is no tree: its nodes are those that hold entries, and the queue that they stand in.
    named_int(reply, "radix-tree-nodes", stream.nodes_len() as i64 + 1);
    named_id(reply, "last-generated-id", stream.last_id());
    named_id(reply, "max-deleted-entry-id", stream.max_deleted_id());
    named_int(reply, "entries-added", stream.entries_added() as i64);
    named_id(reply, "recorded-first-entry-id", stream.first_id());
}

fn summary(reply: &mut Reply<'_>, stream: &Stream) {
    reply.map(10);
    head(reply, stream);
    named_int(reply, "groups", stream.groups_len() as i64);
    let mut entry = |text: &str, entry: Option<StreamEntry<'_>>| {
        name(reply, text);
        match entry {
            Some(entry) => reply_entry(reply, &entry),
            None => reply.null(),
        }
    };
    entry("first-entry", stream.range(StreamId::MIN, StreamId::MAX).next());
    entry("last-entry", stream.last_entry());
}

fn everything(reply: &mut Reply<'_>, stream: &Stream, count: u64) {
    let most = super::limit(count);
    reply.map(9);
    head(reply, stream);
    name(reply, "entries");
    reply_entries(reply, stream.range(StreamId::MIN, StreamId::MAX).take(most));
    name(reply, "groups");
    reply.array(stream.groups_len());
    for (group_name, group) in stream.groups() {
        reply.map(7);
        name(reply, "name");
        reply.bulk(group_name);
        position(reply, stream, group);
        named_int(reply, "pel-count", group.pending_len() as i64);
        name(reply, "pending");
        reply.array(group.pending_len().min(most));
        for (id, pending) in group.pending_from(StreamId::MIN).take(most) {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.int(pending.delivered_ms as i64);
            reply.int(pending.deliveries as i64);
        }
        name(reply, "consumers");
        reply.array(group.consumers_len());
        group.consumers().for_each(|consumer| one_consumer(reply, group, consumer, most));
    }
}

fn one_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, most: usize) {
    reply.map(5);
    name(reply, "name");
    reply.bulk(consumer.name());
    named_int(reply, "seen-time", consumer.seen_ms as i64);
    named_int(reply, "active-time", consumer.active_ms.map_or(-1, |ms| ms as i64));
    named_int(reply, "pel-count", consumer.pending_len() as i64);
    name(reply, "pending");
    reply.array(consumer.pending_len().min(most));
    for id in consumer.pending_from(StreamId::MIN).take(most) {
        let pending = group.pending(id).expect("what is pending for a consumer is pending in its group");
        reply.array(3);
        reply_id(reply, id);
        reply.int(pending.delivered_ms as i64);
        reply.int(pending.deliveries as i64);
    }
}

/// How far a group has read.
fn position(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    named_id(reply, "last-delivered-id", group.last_id);
    named_count(reply, "entries-read", group.entries_read.map(|read| read as i64));
    named_count(reply, "lag", stream.lag(group));
}

/// `XINFO GROUPS key`
pub fn groups(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(2);
    let entry = cx.engine.read(cx.session, key).ok_or(NO_SUCH_KEY)?;
    let stream = stream_of(entry)?;
    let reply = &mut cx.reply;
    reply.array(stream.groups_len());
    for (group_name, group) in stream.groups() {
        reply.map(6);
        name(reply, "name");
        reply.bulk(group_name);
        named_int(reply, "consumers", group.consumers_len() as i64);
        named_int(reply, "pending", group.pending_len() as i64);
        position(reply, stream, group);
    }
    Ok(())
}

/// `XINFO CONSUMERS key group`
pub fn consumers(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, group, now_ms) = (cx.key(2), cx.args.at(3), cx.engine.now_ms());
    let entry = cx.engine.read(cx.session, key).ok_or(NO_SUCH_KEY)?;
    let group = stream_of(entry)?.group(group).ok_or_else(|| no_group_in_key(group, key.bytes))?;
    let reply = &mut cx.reply;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        let since = |ms: u64| now_ms.saturating_sub(ms) as i64;
        reply.map(4);
        name(reply, "name");
        reply.bulk(consumer.name());
        named_int(reply, "pending", consumer.pending_len() as i64);
        named_int(reply, "idle", since(consumer.seen_ms));
        named_int(reply, "inactive", consumer.active_ms.map_or(-1, since));
    }
    Ok(())
}
