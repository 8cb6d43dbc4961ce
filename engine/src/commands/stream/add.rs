//! `XADD` and `XTRIM`.
//!
//! The log is told the identifier that an entry got, and of trimming to whole nodes how many entries it left: how full
//! nodes are depends on the configuration, and may differ when the log is replayed.

use super::ids::{NewId, new_id, strict_id};
use super::reply_id;
use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE, wrong_arity};
use crate::notify::EventClass;
use graven_store::{Slot, Stream, StreamId, Thresholds, Trim, TrimTo};

const ID_NOT_GREATER: &str = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
const ID_ZERO: &str = "ERR The ID specified in XADD must be greater than 0-0";
const EXHAUSTED: &str = "ERR The stream has exhausted the last possible ID, unable to add more items";
const TOO_LARGE: &str = "ERR Elements are too large to be stored";

/// What comes before the fields.
struct Options {
    id: NewId,
    no_mkstream: bool,
    trim: Option<Trim>,
    /// Index of the argument after the identifier.
    end: usize,
}

impl Options {
    fn parse(cx: &Context<'_>, adding: bool) -> Result<Options, Error> {
        let args = cx.args;
        let mut options = Options { id: NewId::Any, no_mkstream: false, trim: None, end: args.len() + 1 };
        let mut limit = None;
        let mut i = 2;
        while let Some(word) = args.get(i) {
            let more = args.len() - 1 - i;
            if adding && word == b"*" {
                options.end = i + 1;
                break;
            } else if more > 0 && (cx.is(i, "maxlen") || cx.is(i, "minid")) {
                if options.trim.is_some() {
                    return Err("ERR syntax error, MAXLEN and MINID options at the same time are not compatible".into());
                }
                let approximate = more > 1 && args.at(i + 1) == b"~";
                let skipped = usize::from(approximate || more > 1 && args.at(i + 1) == b"=");
                let to = if cx.is(i, "maxlen") {
                    let most = u64::try_from(cx.int(i + 1 + skipped)?);
                    TrimTo::Length(most.map_err(|_| "ERR The MAXLEN argument must be >= 0.")?)
                } else {
                    TrimTo::MinId(strict_id(args.at(i + 1 + skipped))?)
                };
                options.trim = Some(Trim { to, approximate, limit: 0 });
                i += 1 + skipped;
            } else if more > 0 && cx.is(i, "limit") {
                let most = u64::try_from(cx.int(i + 1)?);
                limit = Some(most.map_err(|_| "ERR The LIMIT argument must be >= 0.")?);
                i += 1;
            } else if adding && cx.is(i, "nomkstream") {
                options.no_mkstream = true;
            } else if adding {
                options.id = new_id(word)?;
                options.end = i + 1;
                break;
            } else {
                return Err(SYNTAX.into());
            }
            i += 1;
        }
        options.set_limit(cx, limit, adding)?;
        Ok(options)
    }

    fn set_limit(&mut self, cx: &Context<'_>, limit: Option<u64>, adding: bool) -> Result<(), Error> {
        // Redis logs exact trimming with the limit that the client gave.
        if cx.session.is_replay() && self.trim.is_some() {
            return Ok(());
        }
        let Some(trim) = &mut self.trim else {
            return match limit {
                Some(1..) => Err("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy".into()),
                // A limit of 0 is none.
                _ if adding && limit.is_none() => Ok(()),
                _ if !adding => Err("ERR syntax error, XTRIM must be called with a trimming strategy".into()),
                _ => Err("ERR syntax error, LIMIT cannot be used without the special ~ option".into()),
            };
        };
        trim.limit = match limit {
            Some(_) if !trim.approximate => {
                return Err("ERR syntax error, LIMIT cannot be used without the special ~ option".into());
            }
            Some(limit) => limit,
            None if trim.approximate => default_limit(&cx.engine.settings.thresholds),
            None => 0,
        };
        Ok(())
    }
}

/// What trimming to whole nodes removes at most, so that it does not take long.
fn default_limit(thresholds: &Thresholds) -> u64 {
    match (thresholds.stream_node_max_entries as u64).saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

/// The identifier of the next entry.
fn resolve(id: NewId, last: StreamId, now_ms: u64) -> Result<StreamId, Error> {
    if last == StreamId::MAX {
        return Err(EXHAUSTED.into());
    }
    let id = match id {
        NewId::Given(id) => Some(id),
        // The text is Redis's, though nothing is large here.
        NewId::Within(ms) if ms == last.ms => Some(StreamId { ms, seq: last.seq.checked_add(1).ok_or(TOO_LARGE)? }),
        NewId::Within(ms) => Some(StreamId { ms, seq: 0 }),
        NewId::Any if now_ms > last.ms => Some(StreamId { ms: now_ms, seq: 0 }),
        NewId::Any => last.next(),
    };
    id.filter(|id| *id > last).ok_or(ID_NOT_GREATER.into())
}

/// `XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value …]`
pub fn xadd(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx, true)?;
    let fields = cx.args.len().saturating_sub(options.end);
    if fields < 2 || !fields.is_multiple_of(2) {
        return Err(wrong_arity("xadd"));
    }
    if options.id == NewId::Given(StreamId::MIN) {
        return Err(ID_ZERO.into());
    }
    let key = cx.key(1);
    let pairs = cx.args.skip(options.end);
    let too_large = || pairs.clone().map(<[u8]>::len).sum::<usize>() > Stream::ENTRY_MAX_BYTES;
    let (now_ms, access, limits) = (cx.engine.now_ms(), cx.engine.fresh_access(), cx.engine.settings.thresholds);
    let mut created = false;
    let mut place = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(place) => place,
        Slot::Vacant(_) if options.no_mkstream => {
            cx.reply.null();
            return Ok(());
        }
        Slot::Vacant(_) if too_large() => return Err(TOO_LARGE.into()),
        Slot::Vacant(place) => {
            resolve(options.id, StreamId::MIN, now_ms)?;
            created = true;
            place.insert_stream(Stream::default(), access)
        }
    };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    let id = resolve(options.id, stream.last_id(), now_ms)?;
    if too_large() {
        return Err(TOO_LARGE.into());
    }
    stream.append(id, pairs.clone(), &limits);
    let removed = options.trim.map_or(0, |trim| stream.trim(&trim));
    let left = stream.len();
    reply_id(&mut cx.reply, id);
    if created {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.changed(key.bytes);
    cx.notify(EventClass::STREAM, "xadd", key.bytes);
    if removed > 0 {
        cx.notify(EventClass::STREAM, "xtrim", key.bytes);
    }
    let to_whole_nodes = options.trim.is_some_and(|trim| trim.approximate);
    if to_whole_nodes || !matches!(options.id, NewId::Given(_)) {
        log_addition(cx, options.end, id, (removed > 0).then_some(left));
    }
    Ok(())
}

/// Logs an `XADD` with the identifier that was given, and with as many entries as there are now.
fn log_addition(cx: &mut Context<'_>, fields_at: usize, id: StreamId, trimmed_to: Option<u64>) {
    let (args, mut text, mut digits) = (cx.args, [0; StreamId::TEXT_MAX_BYTES], itoa::Buffer::new());
    let mut parts: Vec<&[u8]> = Vec::with_capacity(args.len() + 4);
    parts.extend([b"XADD", args.at(1)]);
    if let Some(left) = trimmed_to {
        parts.extend([&b"MAXLEN"[..], b"=", digits.format(left).as_bytes()]);
    }
    parts.push(id.text(&mut text));
    parts.extend(args.skip(fields_at));
    cx.log(&parts);
}

/// `XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]`
pub fn xtrim(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx, false)?;
    let Some(trim) = options.trim else { return Err(SYNTAX.into()) };
    let key = cx.key(1);
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    let removed = stream.trim(&trim);
    let left = stream.len();
    cx.reply.int(removed as i64);
    if removed > 0 {
        cx.changed_by(key.bytes, removed);
        cx.notify(EventClass::STREAM, "xtrim", key.bytes);
        if trim.approximate {
            cx.log(&[b"XTRIM", key.bytes, b"MAXLEN", b"=", itoa::Buffer::new().format(left).as_bytes()]);
        }
    }
    Ok(())
}
