//! Publish and subscribe: who listens to what, and messages on their way to them.
//! <https://redis.io/docs/latest/develop/pubsub/>
//!
//! A message is put into the outbox when it is published, and leaves it at the end of the command that published it: by then
//! that command's effects are recorded, and a message that tells of an effect can be held until the log is where the
//! effect needs it. It is encoded once for all who listen to a channel (and once more for each pattern that matches), and
//! handed to the host for each client; RESP2 and RESP3 differ in the first byte only. The messages of a transaction stay in the outbox until
//! it is over, since none may leave before all of it is kept; if its client begins or ends to listen meanwhile, it is settled before who
//! gets those published so far.
//!
//! Invariants:
//! * A client is in the list of exactly the channels and patterns that its session names.
//! * A channel or pattern without listeners has no list.
//! * What a client publishes to itself follows the reply to the command (or transaction) that published it.

use crate::engine::Engine;
use crate::glob;
use crate::host::Host;
use crate::session::Session;
use graven_resp::{Protocol, number, push_bulk};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A channel by its name.
    Channel,
    /// All channels whose names match a pattern.
    Pattern,
    /// A shard channel. Without a cluster they are channels of a kind of their own.
    ShardChannel,
}

const TOPICS: [Topic; 3] = [Topic::Channel, Topic::Pattern, Topic::ShardChannel];

type Names = HashSet<Arc<[u8]>, RandomState>;

/// What one client has subscribed to.
#[derive(Default)]
pub struct Subscriptions {
    names: [Names; 3],
}

impl Subscriptions {
    /// How many of a kind.
    pub fn len(&self, topic: Topic) -> usize {
        self.names[topic as usize].len()
    }

    /// Bytes held, without the names, which others may share.
    pub fn memory_usage(&self) -> usize {
        size_of::<Subscriptions>() + self.names.iter().map(HashSet::allocation_size).sum::<usize>()
    }

    /// Whether there is none of any kind.
    pub fn is_empty(&self) -> bool {
        self.names.iter().all(HashSet::is_empty)
    }
}

#[derive(Clone, Copy)]
struct Message {
    topic: Topic,
    /// Length of the channel's name, which the text follows.
    channel_len: usize,
    /// Where it ends in the outbox.
    end: usize,
    /// Position of the log that it waits for; `None` for wherever the log is when the command is over.
    needs: Option<u64>,
}

/// Who listens, and what is on its way.
#[derive(Default)]
pub(crate) struct PubSub {
    listeners: [HashMap<Arc<[u8]>, BTreeSet<u64>, RandomState>; 3],
    /// Channels and texts of the messages to be delivered, one after the other.
    bytes: Vec<u8>,
    messages: Vec<Message>,
    /// A message as it is sent.
    encoded: Vec<u8>,
    /// Messages to clients whose commands are being executed, and those of the transaction that is of which that is settled: for whom, the
    /// message, and what it needs.
    returning: Vec<(u64, Arc<[u8]>, u64)>,
}

/// What a message of a transaction needs, until the transaction is over.
const END_OF_TRANSACTION: u64 = u64::MAX;

impl PubSub {
    fn of(&self, topic: Topic, name: &[u8]) -> usize {
        self.listeners[topic as usize].get(name).map_or(0, BTreeSet::len)
    }

    /// Publishes a message that tells of an effect of the running command. The channel's name is given in parts.
    pub(crate) fn announce(&mut self, channel: &[&[u8]], text: &[u8]) {
        self.post(Topic::Channel, channel, text, None);
    }

    /// Whether nobody listens to any channel.
    pub(crate) fn is_silent(&self) -> bool {
        self.listeners.iter().all(HashMap::is_empty)
    }

    /// How many clients a message on a channel reaches; one with several subscriptions counts for each.
    fn reach(&self, topic: Topic, channel: &[u8]) -> usize {
        let patterns = &self.listeners[Topic::Pattern as usize];
        let matching = match topic {
            Topic::Channel => patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, false)).map(|(_, who)| who.len()).sum(),
            _ => 0,
        };
        self.of(topic, channel) + matching
    }

    fn post(&mut self, topic: Topic, channel: &[&[u8]], text: &[u8], needs: Option<u64>) {
        let start = self.bytes.len();
        channel.iter().for_each(|part| self.bytes.extend_from_slice(part));
        let channel_len = self.bytes.len() - start;
        self.bytes.extend_from_slice(text);
        self.messages.push(Message { topic, channel_len, end: self.bytes.len(), needs });
    }

    /// Whether messages wait to be delivered.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Whether messages wait for clients whose commands are being executed.
    #[inline]
    pub(crate) fn any_returning(&self) -> bool {
        !self.returning.is_empty()
    }

    /// Appends the messages to a client whose command is over to its output; returns the position of the log they need.
    pub(crate) fn append_returning(&mut self, session: &Session, out: &mut Vec<u8>) -> u64 {
        let mut needed = 0;
        self.returning.retain(|(client, message, needs)| {
            if *client != session.id {
                return true;
            }
            needed = needed.max(*needs);
            out.push(push_byte(session.protocol));
            out.extend_from_slice(&message[1..]);
            false
        });
        needed
    }

    /// Hands all messages to those who listen; what `hand` does not take is returning. What has been logged goes up to `lsn`.
    fn deliver(&mut self, lsn: u64, hand: &mut dyn FnMut(u64, &[u8], u64) -> bool) {
        let PubSub { listeners, bytes, messages, encoded, returning } = self;
        let mut start = 0;
        for message in messages.drain(..) {
            let (channel, text) = bytes[start..message.end].split_at(message.channel_len);
            start = message.end;
            let needs = message.needs.unwrap_or(lsn);
            let mut send = |listening: &BTreeSet<u64>, parts: &[&[u8]]| {
                encoded.clear();
                number::push_prefixed(encoded, b'>', parts.len() as i64);
                parts.iter().for_each(|part| push_bulk(encoded, part));
                let mut shared: Option<Arc<[u8]>> = None;
                for &client in listening {
                    if !hand(client, encoded, needs) {
                        let message = shared.get_or_insert_with(|| Arc::from(encoded.as_slice()));
                        returning.push((client, message.clone(), needs));
                    }
                }
            };
            if let Some(listening) = listeners[message.topic as usize].get(channel) {
                let kind: &[u8] = if message.topic == Topic::ShardChannel { b"smessage" } else { b"message" };
                send(listening, &[kind, channel, text]);
            }
            if message.topic == Topic::Channel {
                for (pattern, listening) in &listeners[Topic::Pattern as usize] {
                    if glob::matches(pattern, channel, false) {
                        send(listening, &[b"pmessage", pattern, channel, text]);
                    }
                }
            }
        }
        bytes.clear();
    }
}

/// What an out-of-band message begins with.
pub fn push_byte(protocol: Protocol) -> u8 {
    if protocol == Protocol::Resp3 { b'>' } else { b'*' }
}

impl Engine {
    /// Has a client listen.
    pub(crate) fn subscribe(&mut self, session: &mut Session, topic: Topic, name: &[u8]) {
        self.settle_listeners(session);
        let names = &mut session.subscriptions.get_or_insert_default().names[topic as usize];
        if names.contains(name) {
            return;
        }
        let listeners = &mut self.pubsub.listeners[topic as usize];
        let shared = listeners.get_key_value(name).map_or_else(|| Arc::from(name), |(shared, _)| shared.clone());
        names.insert(shared.clone());
        listeners.entry(shared).or_default().insert(session.id);
    }

    /// Has a client listen no more.
    pub(crate) fn unsubscribe(&mut self, session: &mut Session, topic: Topic, name: &[u8]) {
        let Some(subscriptions) = &mut session.subscriptions else { return };
        if !subscriptions.names[topic as usize].remove(name) {
            return;
        }
        if subscriptions.is_empty() {
            session.subscriptions = None;
        }
        self.settle_listeners(session);
        let listeners = &mut self.pubsub.listeners[topic as usize];
        if let Some(who) = listeners.get_mut(name) {
            who.remove(&session.id);
            if who.is_empty() {
                listeners.remove(name);
            }
        }
    }

    /// Has a client listen to nothing of a kind any more; calls `each` after each subscription ended.
    pub(crate) fn unsubscribe_all(&mut self, session: &mut Session, topic: Topic, mut each: impl FnMut(&Session, &[u8])) {
        let Some(subscriptions) = &session.subscriptions else { return };
        for name in subscriptions.names[topic as usize].iter().cloned().collect::<Vec<_>>() {
            self.unsubscribe(session, topic, &name);
            each(session, &name);
        }
    }

    /// Has a client listen to nothing any more, without a word.
    pub(crate) fn silence(&mut self, session: &mut Session) {
        for topic in TOPICS {
            self.unsubscribe_all(session, topic, |_, _| {});
        }
    }

    /// Publishes a message for a client; how many it reaches. It leaves when what the client wrote before is kept.
    pub(crate) fn publish(&mut self, session: &Session, topic: Topic, channel: &[u8], text: &[u8]) -> usize {
        let reach = self.pubsub.reach(topic, channel);
        if reach > 0 {
            // A transaction is one unit: all of it must be kept, and more of it may follow.
            let needs = if session.in_exec { None } else { Some(session.last_write_lsn) };
            self.pubsub.post(topic, &[channel], text, needs);
        }
        reach
    }

    /// Delivers what was published and not yet delivered: at the end of each command, and to be called between commands, when
    /// keys may have expired or been evicted by themselves.
    #[inline]
    pub fn deliver_messages(&mut self, host: &mut dyn Host) {
        if self.pubsub.has_messages() {
            self.pubsub.deliver(self.effects.lsn(), &mut |client, message, needs| host.deliver(client, message, needs));
        }
    }

    /// Before a client begins or ends to listen: what its transaction has published so far is for those who listened then.
    fn settle_listeners(&mut self, session: &Session) {
        if session.in_exec && self.pubsub.has_messages() {
            self.pubsub.deliver(END_OF_TRANSACTION, &mut |_, _, _| false);
        }
    }

    /// Delivers the messages of a transaction that is over, in their order.
    pub(crate) fn deliver_transaction(&mut self, host: &mut dyn Host) {
        if self.pubsub.any_returning() {
            let lsn = self.effects.lsn();
            self.pubsub.returning.iter_mut().for_each(|(.., needs)| *needs = lsn.min(*needs));
            self.deliver_returning(host);
        }
        self.deliver_messages(host);
    }

    /// Delivers also what was to follow the reply to a command that was then refused. What is for a client whose command is being
    /// executed stays.
    pub fn deliver_returning(&mut self, host: &mut dyn Host) {
        self.pubsub.returning.retain(|(client, message, needs)| !host.deliver(*client, message, *needs));
    }

    /// How many channels, patterns or shard channels somebody listens to.
    pub fn topic_count(&self, topic: Topic) -> usize {
        self.pubsub.listeners[topic as usize].len()
    }

    /// How many clients have subscribed to exactly this.
    pub(crate) fn subscriber_count(&self, topic: Topic, name: &[u8]) -> usize {
        self.pubsub.of(topic, name)
    }

    /// The names that somebody listens to, if they match a pattern.
    pub(crate) fn topics(&self, topic: Topic, pattern: Option<&[u8]>) -> Vec<Arc<[u8]>> {
        let names = self.pubsub.listeners[topic as usize].keys();
        names.filter(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name, false))).cloned().collect()
    }
}
