//! Publish and subscribe.
//!
//! Confirmations are messages, not replies: one for each channel, also to a client that wants no replies
//! (`CLIENT REPLY OFF`).

use crate::context::Context;
use crate::error::{Error, wrong_subcommand};
use crate::pubsub::Topic;
use crate::session::Session;
use graven_resp::Reply;

/// `SUBSCRIBE channel [channel …]`
pub fn subscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    begin(cx, Topic::Channel, "subscribe")
}

/// `PSUBSCRIBE pattern [pattern …]`
pub fn psubscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    begin(cx, Topic::Pattern, "psubscribe")
}

/// `SSUBSCRIBE shardchannel [shardchannel …]`
pub fn ssubscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    begin(cx, Topic::ShardChannel, "ssubscribe")
}

/// `UNSUBSCRIBE [channel …]`
pub fn unsubscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    end(cx, Topic::Channel, "unsubscribe")
}

/// `PUNSUBSCRIBE [pattern …]`
pub fn punsubscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    end(cx, Topic::Pattern, "punsubscribe")
}

/// `SUNSUBSCRIBE [shardchannel …]`
pub fn sunsubscribe(cx: &mut Context<'_>) -> Result<(), Error> {
    end(cx, Topic::ShardChannel, "sunsubscribe")
}

fn begin(cx: &mut Context<'_>, topic: Topic, kind: &str) -> Result<(), Error> {
    cx.reply.set_muted(false);
    for i in 1..cx.args.len() {
        let name = cx.args.at(i);
        cx.engine.subscribe(cx.session, topic, name);
        confirm(&mut cx.reply, cx.session, topic, kind, Some(name));
    }
    Ok(())
}

fn end(cx: &mut Context<'_>, topic: Topic, kind: &str) -> Result<(), Error> {
    cx.reply.set_muted(false);
    if cx.args.len() > 1 {
        for i in 1..cx.args.len() {
            let name = cx.args.at(i);
            cx.engine.unsubscribe(cx.session, topic, name);
            confirm(&mut cx.reply, cx.session, topic, kind, Some(name));
        }
        return Ok(());
    }
    if cx.session.subscribed(topic) == 0 {
        confirm(&mut cx.reply, cx.session, topic, kind, None);
        return Ok(());
    }
    let Context { engine, session, reply, .. } = cx;
    engine.unsubscribe_all(session, topic, |session, name| confirm(reply, session, topic, kind, Some(name)));
    Ok(())
}

/// What happened, to which name, and how many subscriptions there are now: of channels and patterns together, or of
/// shard channels.
fn confirm(reply: &mut Reply<'_>, session: &Session, topic: Topic, kind: &str, name: Option<&[u8]>) {
    let count = match topic {
        Topic::ShardChannel => session.subscribed(topic),
        _ => session.subscribed(Topic::Channel) + session.subscribed(Topic::Pattern),
    };
    reply.push(3);
    reply.bulk(kind.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.int(count as i64);
}

/// `PUBLISH channel message`
pub fn publish(cx: &mut Context<'_>) -> Result<(), Error> {
    publish_to(cx, Topic::Channel)
}

/// `SPUBLISH shardchannel message`
pub fn spublish(cx: &mut Context<'_>) -> Result<(), Error> {
    publish_to(cx, Topic::ShardChannel)
}

fn publish_to(cx: &mut Context<'_>, topic: Topic) -> Result<(), Error> {
    let reached = cx.engine.publish(cx.session, topic, cx.args.at(1), cx.args.at(2));
    cx.reply.int(reached as i64);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`
pub fn channels(cx: &mut Context<'_>) -> Result<(), Error> {
    names(cx, Topic::Channel)
}

/// `PUBSUB SHARDCHANNELS [pattern]`
pub fn shard_channels(cx: &mut Context<'_>) -> Result<(), Error> {
    names(cx, Topic::ShardChannel)
}

fn names(cx: &mut Context<'_>, topic: Topic) -> Result<(), Error> {
    if cx.args.len() > 3 {
        return Err(wrong_subcommand(cx.args));
    }
    let names = cx.engine.topics(topic, cx.args.get(2));
    cx.reply.bulks(&names);
    Ok(())
}

/// `PUBSUB NUMSUB [channel …]`
pub fn numsub(cx: &mut Context<'_>) -> Result<(), Error> {
    counts(cx, Topic::Channel)
}

/// `PUBSUB SHARDNUMSUB [shardchannel …]`
pub fn shard_numsub(cx: &mut Context<'_>) -> Result<(), Error> {
    counts(cx, Topic::ShardChannel)
}

fn counts(cx: &mut Context<'_>, topic: Topic) -> Result<(), Error> {
    cx.reply.array((cx.args.len() - 2) * 2);
    for name in cx.args.skip(2) {
        cx.reply.bulk(name);
        cx.reply.int(cx.engine.subscriber_count(topic, name) as i64);
    }
    Ok(())
}

/// `PUBSUB NUMPAT`
pub fn numpat(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(cx.engine.topic_count(Topic::Pattern) as i64);
    Ok(())
}
