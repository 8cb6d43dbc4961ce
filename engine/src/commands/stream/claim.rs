//! `XCLAIM` and `XAUTOCLAIM`: pending entries move to another consumer.
//!
//! While the log is replayed, the time that `XCLAIM … TIME` names is the present: it is when the claim was made (see
//! [`super::effects`]).

use super::effects::{Delivery, Party, find_or_create};
use super::ids::{find_id, interval_start, strict_id};
use super::{no_group, reply_entry, reply_id};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, SYNTAX, WRONG_TYPE, quoting};
use graven_resp::Reply;
use graven_resp::number::parse_i64;
use graven_store::{Group, Key, Pending, Slot, Stream, StreamEntry, StreamId};

struct Options {
    ids: Vec<StreamId>,
    min_idle_ms: i64,
    /// `IDLE` or `TIME`, as a time.
    time_ms: Option<u64>,
    /// What the consumer's own times become.
    now_ms: u64,
    retry_count: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
    /// The consumer is being given something, not only read its history when the log was written.
    makes_active: bool,
}

impl Options {
    fn parse(cx: &Context<'_>) -> Result<Options, Error> {
        let args = cx.args;
        let min_idle_ms = parse_i64(args.at(4)).ok_or("ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
        let now_ms = cx.engine.now_ms();
        let ids: Vec<StreamId> = args.skip(5).map_while(find_id).collect();
        let mut i = 5 + ids.len();
        let mut options = Options {
            ids,
            min_idle_ms,
            time_ms: None,
            now_ms,
            retry_count: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
            makes_active: !cx.session.is_replay(),
        };
        let mut time = -1;
        while let Some(word) = args.get(i) {
            let has_value = i + 1 < args.len();
            let number = |text: &'static str| cx.count(i + 1).map_err(|_| text);
            let mut takes_value = true;
            if has_value && cx.is(i, "idle") {
                time = (now_ms as i64).saturating_sub(number("ERR Invalid IDLE option argument for XCLAIM")?);
            } else if has_value && cx.is(i, "time") {
                time = number("ERR Invalid TIME option argument for XCLAIM")?;
            } else if has_value && cx.is(i, "retrycount") {
                let count = number("ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                options.retry_count = u64::try_from(count).ok();
            } else if has_value && cx.is(i, "lastid") {
                options.last_id = strict_id(args.at(i + 1))?;
                options.makes_active = true;
            } else {
                takes_value = false;
                if cx.is(i, "force") {
                    options.force = true;
                } else if cx.is(i, "justid") {
                    options.just_id = true;
                } else {
                    return Err(quoting("ERR Unrecognized XCLAIM option '", word, "'"));
                }
            }
            i += 1 + usize::from(takes_value);
        }
        // A time in the future, or before the epoch, is taken to be a mistake.
        options.time_ms = match time {
            -1 => None,
            time => Some(u64::try_from(time).ok().filter(|time| cx.session.is_replay() || *time <= now_ms).unwrap_or(now_ms)),
        };
        if let Some(time) = options.time_ms.filter(|_| cx.session.is_replay()) {
            options.now_ms = time;
        }
        Ok(options)
    }
}

/// What a claim did.
#[derive(Default)]
struct Outcome {
    /// The consumer had to be made.
    is_new: bool,
    /// `LASTID` moved the group on.
    advanced: bool,
    last_id: StreamId,
    entries_read: Option<u64>,
    claimed: Vec<Delivery>,
    /// Pending entries that the stream has no longer.
    gone: Vec<StreamId>,
    shown: usize,
}

fn show(reply: &mut Reply<'_>, entry: &StreamEntry<'_>, just_id: bool) {
    if just_id { reply_id(reply, entry.id) } else { reply_entry(reply, entry) }
}

fn is_idle(pending: &Pending, min_idle_ms: i64, now_ms: u64) -> bool {
    min_idle_ms == 0 || now_ms as i64 - pending.delivered_ms as i64 >= min_idle_ms
}

/// The stream of a party, which has the party's group.
fn stream_of<'e>(engine: &'e mut Engine, db: usize, key: Key<'e>, group: &[u8]) -> Result<&'e mut Stream, Error> {
    let Slot::Occupied(place) = engine.counted_slot(db, key) else { return Err(no_group(key.bytes, group, "")) };
    let stream = place.into_stream_mut().ok_or(WRONG_TYPE)?;
    if stream.group(group).is_none() {
        return Err(no_group(key.bytes, group, ""));
    }
    Ok(stream)
}

/// `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-time-ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
pub fn xclaim(cx: &mut Context<'_>) -> Result<(), Error> {
    // The group is looked for before the options are.
    let options = Options::parse(cx);
    let (key, party) = (cx.key(1), Party { key: cx.args.at(1), group: cx.args.at(2), consumer: cx.args.at(3) });
    let stream = stream_of(cx.engine, cx.session.db, key, party.group)?;
    let options = options?;
    let start = cx.reply.position();
    let Some(outcome) = claim(&mut cx.reply, stream, party, &options) else { return Err(no_group(party.key, party.group, "")) };
    cx.reply.array_since(start, outcome.shown);
    let delivered_at = options.time_ms.unwrap_or(options.now_ms);
    log(cx, party, &outcome, options.now_ms);
    if delivered_at != options.now_ms && !outcome.claimed.is_empty() {
        cx.log_seen(party, options.now_ms, true);
    }
    if outcome.advanced {
        cx.log_group_position(party.key, party.group, outcome.last_id, outcome.entries_read);
        // What is claimed takes the position along.
        cx.engine.dirty += u64::from(outcome.claimed.is_empty());
    }
    Ok(())
}

/// Claims what is asked for; `None` if there is no group.
fn claim(reply: &mut Reply<'_>, stream: &mut Stream, party: Party<'_>, options: &Options) -> Option<Outcome> {
    let group = stream.group_mut(party.group)?;
    let advanced = options.last_id > group.last_id;
    group.last_id = group.last_id.max(options.last_id);
    let (consumer, is_new) = find_or_create(group, party.consumer, options.now_ms);
    group.consumer_mut(consumer).seen_ms = options.now_ms;
    let mut outcome = Outcome { is_new, advanced, last_id: group.last_id, entries_read: group.entries_read, ..Outcome::default() };
    for id in options.ids.iter().copied() {
        let pending = stream.group(party.group).and_then(|group| group.pending(id)).copied();
        let Some(entry) = stream.get(id) else {
            if pending.is_some() && stream.group_mut(party.group).is_some_and(|group| group.acknowledge(id)) {
                outcome.gone.push(id);
            }
            continue;
        };
        let deliveries = match pending {
            Some(pending) if !is_idle(&pending, options.min_idle_ms, options.now_ms) => continue,
            Some(pending) => pending.deliveries,
            // It counts as delivered once already.
            None if options.force => 1,
            None => continue,
        };
        show(reply, &entry, options.just_id);
        outcome.shown += 1;
        let count = options.retry_count.unwrap_or((deliveries + u64::from(!options.just_id)).min(Stream::COUNT_MAX));
        let time_ms = options.time_ms.unwrap_or(options.now_ms);
        if let Some(group) = stream.group_mut(party.group) {
            group.deliver(id, Pending { delivered_ms: time_ms, deliveries: count, consumer });
            if options.makes_active {
                group.consumer_mut(consumer).active_ms = Some(options.now_ms);
            }
        }
        outcome.claimed.push(Delivery { id, time_ms, count });
    }
    // How the log says when a consumer was last given something.
    if options.force
        && options.ids == [StreamId::MIN]
        && let Some(group) = stream.group_mut(party.group)
    {
        group.consumer_mut(consumer).active_ms = Some(options.now_ms);
    }
    Some(outcome)
}

/// Logs what a claim did, and nothing if that is nothing.
fn log(cx: &mut Context<'_>, party: Party<'_>, outcome: &Outcome, now_ms: u64) {
    if outcome.is_new {
        cx.consumer_created(party);
    }
    cx.log_deliveries(party, &outcome.claimed, Some(outcome.last_id));
    cx.log_acknowledged(party.key, party.group, &outcome.gone);
    if outcome.is_new && outcome.claimed.is_empty() {
        cx.log_seen(party, now_ms, false);
    }
    cx.engine.dirty += (outcome.claimed.len() + outcome.gone.len()) as u64;
}

/// Pending entries that `XAUTOCLAIM` looks at for each that it may claim.
const ATTEMPTS_PER_ENTRY: usize = 10;
/// What Redis accepts as `COUNT`.
const COUNT_MAX: i64 = i64::MAX / 16;

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
pub fn xautoclaim(cx: &mut Context<'_>) -> Result<(), Error> {
    let args = cx.args;
    let min_idle_ms = parse_i64(args.at(4)).ok_or("ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = interval_start(args.at(5))?;
    let (mut count, mut just_id) = (100, false);
    let mut i = 6;
    while i < args.len() {
        if cx.is(i, "count") && i + 1 < args.len() {
            i += 1;
            let given = parse_i64(args.at(i)).filter(|count| (1..=COUNT_MAX).contains(count));
            count = given.ok_or("ERR COUNT must be > 0")? as usize;
        } else if cx.is(i, "justid") {
            just_id = true;
        } else {
            return Err(SYNTAX.into());
        }
        i += 1;
    }
    let (now_ms, key) = (cx.engine.now_ms(), cx.key(1));
    let party = Party { key: args.at(1), group: args.at(2), consumer: args.at(3) };
    let stream = stream_of(cx.engine, cx.session.db, key, party.group)?;
    let Some(group) = stream.group(party.group) else { return Err(no_group(key.bytes, party.group, "")) };
    let scan = scan(group, stream, start, count, min_idle_ms, now_ms);
    cx.reply.array(3);
    reply_id(&mut cx.reply, scan.cursor);
    cx.reply.array(scan.claimed.len());
    for entry in scan.claimed.iter().filter_map(|id| stream.get(*id)) {
        show(&mut cx.reply, &entry, just_id);
    }
    cx.reply.array(scan.gone.len());
    scan.gone.iter().for_each(|id| reply_id(&mut cx.reply, *id));
    let Some(group) = stream.group_mut(party.group) else { return Err(no_group(key.bytes, party.group, "")) };
    let (consumer, is_new) = find_or_create(group, party.consumer, now_ms);
    group.consumer_mut(consumer).seen_ms = now_ms;
    let mut outcome = Outcome { is_new, last_id: group.last_id, ..Outcome::default() };
    for id in scan.claimed {
        let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries) + u64::from(!just_id);
        let deliveries = deliveries.min(Stream::COUNT_MAX);
        group.deliver(id, Pending { delivered_ms: now_ms, deliveries, consumer });
        group.consumer_mut(consumer).active_ms = Some(now_ms);
        outcome.claimed.push(Delivery { id, time_ms: now_ms, count: deliveries });
    }
    for id in scan.gone {
        group.acknowledge(id);
        outcome.gone.push(id);
    }
    log(cx, party, &outcome, now_ms);
    Ok(())
}

/// What `XAUTOCLAIM` found.
struct Scan {
    claimed: Vec<StreamId>,
    gone: Vec<StreamId>,
    /// Where the next call goes on; `0-0` at the end.
    cursor: StreamId,
}

fn scan(group: &Group, stream: &Stream, start: StreamId, count: usize, min_idle_ms: i64, now_ms: u64) -> Scan {
    let mut scan = Scan { claimed: Vec::new(), gone: Vec::new(), cursor: StreamId::MIN };
    let attempts = count.saturating_mul(ATTEMPTS_PER_ENTRY);
    for (looked_at, (id, pending)) in group.pending_from(start).enumerate() {
        if looked_at == attempts || scan.claimed.len() + scan.gone.len() == count {
            scan.cursor = id;
            break;
        }
        if stream.get(id).is_none() {
            scan.gone.push(id);
        } else if is_idle(pending, min_idle_ms, now_ms) {
            scan.claimed.push(id);
        }
    }
    scan
}
