//! `XCLAIM` and `XAUTOCLAIM`: pending entries move to another consumer.
//!
//! While the log is replayed, the time that `XCLAIM … TIME` names is the present: it is when the claim was made (see
//! [`super::effects`]).

use super::effects::{Delivery, Party};
use super::ids::{find_id, interval_start, strict_id};
use super::{no_group, reply_entry, reply_id};
use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE, quoting};
use graven_resp::Reply;
use graven_resp::number::parse_i64;
use graven_store::{Group, Pending, Slot, Stream, StreamEntry, StreamId};

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
}

impl Options {
    fn parse(cx: &Context<'_>, min_idle_ms: i64) -> Result<Options, Error> {
        let args = cx.args;
        let now_ms = cx.engine.now_ms();
        let ids: Vec<StreamId> = args.skip(5).map_while(find_id).collect();
        let mut i = 5 + ids.len();
        let mut options =
            Options { ids, min_idle_ms, time_ms: None, now_ms, retry_count: None, force: false, just_id: false, last_id: StreamId::MIN };
        let mut time = -1;
        while let Some(word) = args.get(i) {
            let has_value = i + 1 < args.len();
            let number = |text: &'static str| parse_i64(args.at(i + 1)).ok_or(text);
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

/// Looks whether the key in argument 1 has the group in argument 2.
fn check_group(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, group) = (cx.key(1), cx.args.at(2));
    let entry = cx.engine.read(cx.session, key);
    let stream = entry.map(|entry| entry.stream().ok_or(WRONG_TYPE)).transpose()?;
    match stream.and_then(|stream| stream.group(group)) {
        Some(_) => Ok(()),
        None => Err(no_group(key.bytes, group, "")),
    }
}

/// `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-time-ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
pub fn xclaim(cx: &mut Context<'_>) -> Result<(), Error> {
    check_group(cx)?;
    let min_idle_ms = parse_i64(cx.args.at(4)).ok_or("ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let options = Options::parse(cx, min_idle_ms)?;
    let party = Party { key: cx.args.at(1), group: cx.args.at(2), consumer: cx.args.at(3) };
    let is_new = cx.ensure_consumer(party, options.now_ms);
    let key = cx.key(1);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Err(no_group(key.bytes, party.group, "")) };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    let start = cx.reply.position();
    let outcome = claim(&mut cx.reply, stream, party, &options);
    cx.reply.array_since(start, outcome.shown);
    let group = stream.group(party.group).ok_or_else(|| no_group(party.key, party.group, ""))?;
    let position = (group.last_id, group.entries_read);
    let advanced = options.last_id != StreamId::MIN && position.0 == options.last_id;
    let delivered_at = options.time_ms.unwrap_or(options.now_ms);
    log(cx, party, is_new, &outcome, position.0, options.now_ms);
    if delivered_at != options.now_ms && !outcome.claimed.is_empty() {
        cx.log_seen(party, options.now_ms, true);
    }
    if advanced {
        cx.log_group_position(party.key, party.group, position.0, position.1);
        cx.engine.dirty += 1;
    }
    Ok(())
}

fn claim(reply: &mut Reply<'_>, stream: &mut Stream, party: Party<'_>, options: &Options) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(group) = stream.group_mut(party.group) else { return outcome };
    let Some(consumer) = group.find_consumer(party.consumer) else { return outcome };
    group.last_id = group.last_id.max(options.last_id);
    group.consumer_mut(consumer).seen_ms = options.now_ms;
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
        let count = options.retry_count.unwrap_or(deliveries.wrapping_add(u64::from(!options.just_id)));
        let time_ms = options.time_ms.unwrap_or(options.now_ms);
        if let Some(group) = stream.group_mut(party.group) {
            group.deliver(id, Pending { delivered_ms: time_ms, deliveries: count, consumer });
            group.consumer_mut(consumer).active_ms = Some(options.now_ms);
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
    outcome
}

/// Logs what a claim did, and nothing if that is nothing.
fn log(cx: &mut Context<'_>, party: Party<'_>, is_new: bool, outcome: &Outcome, last_id: StreamId, now_ms: u64) {
    if is_new {
        cx.log_new_consumer(party);
    }
    cx.log_deliveries(party, &outcome.claimed, last_id);
    cx.log_acknowledged(party.key, party.group, &outcome.gone);
    if is_new && outcome.claimed.is_empty() {
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
    check_group(cx)?;
    let (now_ms, party) = (cx.engine.now_ms(), Party { key: args.at(1), group: args.at(2), consumer: args.at(3) });
    let is_new = cx.ensure_consumer(party, now_ms);
    let key = cx.key(1);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else { return Err(no_group(key.bytes, party.group, "")) };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    let group = stream.group(party.group).ok_or_else(|| no_group(key.bytes, party.group, ""))?;
    let scan = scan(group, stream, start, count, min_idle_ms, now_ms);
    cx.reply.array(3);
    reply_id(&mut cx.reply, scan.cursor);
    cx.reply.array(scan.claimed.len());
    for entry in scan.claimed.iter().filter_map(|id| stream.get(*id)) {
        show(&mut cx.reply, &entry, just_id);
    }
    cx.reply.array(scan.gone.len());
    scan.gone.iter().for_each(|id| reply_id(&mut cx.reply, *id));
    let mut outcome = Outcome { gone: scan.gone, ..Outcome::default() };
    let mut last_id = StreamId::MIN;
    if let Some(group) = stream.group_mut(party.group)
        && let Some(consumer) = group.find_consumer(party.consumer)
    {
        last_id = group.last_id;
        group.consumer_mut(consumer).seen_ms = now_ms;
        for id in scan.claimed {
            let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries).wrapping_add(u64::from(!just_id));
            group.deliver(id, Pending { delivered_ms: now_ms, deliveries, consumer });
            group.consumer_mut(consumer).active_ms = Some(now_ms);
            outcome.claimed.push(Delivery { id, time_ms: now_ms, count: deliveries });
        }
        outcome.gone.iter().for_each(|id| {
            group.acknowledge(*id);
        });
    }
    log(cx, party, is_new, &outcome, last_id, now_ms);
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
