//! `XREAD`, and what it shares with `XREADGROUP`: the arguments, and how waiting begins.

use super::ids::strict_id;
use super::{limit, reply_entries, stream_of};
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use crate::session::TimeoutReply;
use graven_resp::{OwnedArgs, Protocol, Reply};
use graven_store::StreamId;

/// The arguments of `XREAD` and `XREADGROUP`.
pub(super) struct ReadArgs<'a> {
    /// The moment at which waiting ends, 0 for never; `None` without `BLOCK`.
    pub(super) deadline_ms: Option<u64>,
    /// Entries of each stream at most; 0 for all.
    pub(super) count: u64,
    /// Group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    pub(super) noack: bool,
    /// Index of the first key.
    pub(super) first: usize,
    /// Number of keys.
    pub(super) streams: usize,
}

impl<'a> ReadArgs<'a> {
    pub(super) fn parse(cx: &Context<'a>, for_group: bool) -> Result<ReadArgs<'a>, Error> {
        let args = cx.args;
        let mut read = ReadArgs { deadline_ms: None, count: 0, group: None, noack: false, first: 0, streams: 0 };
        let mut i = 1;
        while i < args.len() {
            let more = args.len() - 1 - i;
            if more > 0 && cx.is(i, "block") {
                i += 1;
                read.deadline_ms = Some(cx.timeout_ms(i)?);
            } else if more > 0 && cx.is(i, "count") {
                i += 1;
                read.count = cx.int(i)?.max(0) as u64;
            } else if more > 0 && cx.is(i, "streams") {
                if !more.is_multiple_of(2) {
                    let (name, symbol) = if for_group { ("xreadgroup", '>') } else { ("xread", '$') };
                    let text =
                        format!("ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be specified.");
                    return Err(text.into());
                }
                (read.first, read.streams) = (i + 1, more / 2);
                break;
            } else if more > 1 && cx.is(i, "group") {
                if !for_group {
                    return Err("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.".into());
                }
                read.group = Some((args.at(i + 1), args.at(i + 2)));
                i += 2;
            } else if cx.is(i, "noack") {
                if !for_group {
                    return Err("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.".into());
                }
                read.noack = true;
            } else {
                return Err(SYNTAX.into());
            }
            i += 1;
        }
        if read.first == 0 {
            return Err(SYNTAX.into());
        }
        Ok(read)
    }

    /// Index of the identifier that belongs to a key.
    pub(super) fn id_of(&self, key: usize) -> usize {
        key + self.streams
    }

    /// Indexes of the keys.
    pub(super) fn keys(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.streams
    }

    /// Ends a reply that began at `start` and shows `served` streams: if there are none, the client waits or is told so.
    /// `again` is what is executed when it has waited.
    pub(super) fn finish(&self, cx: &mut Context<'a>, start: usize, served: usize, again: Option<OwnedArgs>) {
        if served > 0 {
            match cx.reply.protocol() {
                Protocol::Resp2 => cx.reply.array_since(start, served),
                Protocol::Resp3 => cx.reply.map_since(start, served),
            }
            return;
        }
        match self.deadline_ms {
            Some(deadline_ms) if cx.may_block() => {
                let args = cx.args;
                cx.block(self.keys().map(|i| args.at(i)), deadline_ms, TimeoutReply::NullArray, again);
            }
            _ => cx.reply.null_array(),
        }
    }
}

/// Begins a stream's part of the reply: its key, then its entries.
pub(super) fn begin_stream(reply: &mut Reply<'_>, key: &[u8]) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// What comes after an identifier that says from where on to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    After(StreamId),
    /// `$`: what comes from now on.
    Now,
    /// `+`: the last entry, or what comes from now on.
    Last,
}

impl From {
    fn parse(arg: &[u8]) -> Result<From, Error> {
        match arg {
            b"$" => Ok(From::Now),
            b"+" => Ok(From::Last),
            b">" => Err("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.".into()),
            id => Ok(From::After(strict_id(id)?)),
        }
    }
}

/// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key …] id [id …]`
pub fn xread(cx: &mut Context<'_>) -> Result<(), Error> {
    let read = ReadArgs::parse(cx, false)?;
    // The identifiers that stand for `$` and `+`, in case the client waits.
    let mut resolved: Vec<(usize, StreamId)> = Vec::new();
    let mut wanted: Vec<(usize, From, StreamId)> = Vec::with_capacity(read.streams);
    for i in read.keys() {
        let key = cx.key(i);
        let id_at = read.id_of(i);
        let stream = cx.engine.read(cx.session, key).map(stream_of).transpose()?;
        let last_id = stream.map_or(StreamId::MIN, |stream| stream.last_id());
        let from = From::parse(cx.args.at(id_at))?;
        let after = match from {
            From::After(id) => id,
            From::Now | From::Last => last_id,
        };
        if let From::Now | From::Last = from {
            resolved.push((id_at, after));
        }
        wanted.push((i, from, after));
    }
    let (start, mut served) = (cx.reply.position(), 0);
    for (i, from, after) in wanted {
        let key = cx.key(i);
        // Looked up once more, as Redis does it, who tells of a missing key twice.
        let stream = cx.engine.read(cx.session, key).map(stream_of).transpose()?;
        let Some(stream) = stream.filter(|stream| stream.len() > 0) else { continue };
        let last_id = stream.last_id();
        let first = match (from, after.next()) {
            (From::Last, _) => stream.last_entry().map(|entry| entry.id),
            // Nothing can be greater than the last identifier.
            (_, next) => next.filter(|_| after < last_id),
        };
        let Some(first) = first else { continue };
        let mut entries = stream.range(first, StreamId::MAX).take(limit(read.count)).peekable();
        if entries.peek().is_none() {
            continue;
        }
        begin_stream(&mut cx.reply, key.bytes);
        reply_entries(&mut cx.reply, entries);
        served += 1;
    }
    let again = (served == 0 && read.deadline_ms.is_some() && !resolved.is_empty()).then(|| rewritten(cx, &resolved));
    read.finish(cx, start, served, again);
    Ok(())
}

/// The running command with identifiers in place of `$` and `+`, which would mean something else later.
fn rewritten(cx: &Context<'_>, resolved: &[(usize, StreamId)]) -> OwnedArgs {
    let texts: Vec<(usize, Vec<u8>)> = resolved.iter().map(|(i, id)| (*i, id.to_vec())).collect();
    let mut parts: Vec<&[u8]> = cx.args.iter().collect();
    for (i, text) in &texts {
        parts[*i] = text;
    }
    OwnedArgs::from_parts(parts.into_iter())
}
