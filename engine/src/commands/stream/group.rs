//! `XGROUP`.
//!
//! Its subcommands check in one order what they have in common: options first, then the type, the key, the group, and the
//! identifier last.

use super::effects::{Party, find_or_create};
use super::ids::{any_id, strict_id};
use super::no_group_in_key;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE, wrong_subcommand};
use crate::notify::EventClass;
use graven_store::{Group, Slot, Stream};

const KEY_REQUIRED: &str = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
                            MKSTREAM option to create an empty stream automatically.";

#[derive(Default)]
struct Options {
    mkstream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(cx: &Context<'_>, creating: bool) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut i = 5;
        while i < cx.args.len() {
            if creating && cx.is(i, "mkstream") {
                options.mkstream = true;
            } else if cx.is(i, "entriesread") && i + 1 < cx.args.len() {
                options.entries_read = match cx.count(i + 1)? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| "ERR value for ENTRIESREAD must be positive or -1")?),
                };
                i += 1;
            } else {
                return Err(wrong_subcommand(cx.args));
            }
            i += 1;
        }
        Ok(options)
    }
}

/// Has `change` change the stream in argument 2.
fn with_stream<R>(cx: &mut Context<'_>, change: impl FnOnce(&mut Stream) -> Result<R, Error>) -> Result<R, Error> {
    let key = cx.key(2);
    match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(_) => Err(KEY_REQUIRED.into()),
        Slot::Occupied(mut place) => change(place.stream_mut().ok_or(WRONG_TYPE)?),
    }
}

/// `XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]`
pub fn create(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx, true)?;
    let (key, name, id) = (cx.key(2), cx.args.at(3), cx.args.at(4));
    let too_many = cx.args.len() > 8;
    let access = cx.engine.fresh_access();
    let mut created = false;
    let mut place = match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(place) => place,
        Slot::Vacant(_) if !options.mkstream => return Err(KEY_REQUIRED.into()),
        Slot::Vacant(_) if too_many => return Err(wrong_subcommand(cx.args)),
        Slot::Vacant(place) => {
            if id != b"$" {
                strict_id(id)?;
            }
            created = true;
            place.insert_stream(Stream::default(), access)
        }
    };
    let stream = place.stream_mut().ok_or(WRONG_TYPE)?;
    if too_many {
        return Err(wrong_subcommand(cx.args));
    }
    let id = if id == b"$" { stream.last_id() } else { strict_id(id)? };
    if stream.create_group(name, Group::new(id, options.entries_read)).is_none() {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    cx.reply.ok();
    if created {
        cx.notify(EventClass::NEW, "new", key.bytes);
        cx.engine.signal(cx.session.db, key.bytes);
    }
    cx.group_changed("xgroup-create", key.bytes);
    Ok(())
}

/// `XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]`
pub fn set_id(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = Options::parse(cx, false)?;
    let (args, key) = (cx.args, cx.args.at(2));
    with_stream(cx, |stream| {
        let last_id = stream.last_id();
        let group = stream.group_mut(args.at(3)).ok_or_else(|| no_group_in_key(args.at(3), key))?;
        if args.len() != 5 && args.len() != 7 {
            return Err(wrong_subcommand(args));
        }
        group.last_id = if args.at(4) == b"$" { last_id } else { any_id(args.at(4), 0)? };
        group.entries_read = options.entries_read;
        Ok(())
    })?;
    cx.reply.ok();
    cx.group_changed("xgroup-setid", key);
    Ok(())
}

/// `XGROUP DESTROY key group`. Who waits to read for it is told that it is gone.
pub fn destroy(cx: &mut Context<'_>) -> Result<(), Error> {
    let (args, key) = (cx.args, cx.args.at(2));
    let destroyed = with_stream(cx, |stream| Ok(stream.remove_group(args.at(3)).is_some()))?;
    cx.reply.int(destroyed as i64);
    if destroyed {
        cx.group_changed("xgroup-destroy", key);
        if !cx.engine.waits.is_empty() {
            cx.engine.waits.signal(cx.session.db, key);
        }
    }
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`
pub fn create_consumer(cx: &mut Context<'_>) -> Result<(), Error> {
    let (args, now_ms) = (cx.args, cx.engine.now_ms());
    let party = Party { key: args.at(2), group: args.at(3), consumer: args.at(4) };
    let created = with_stream(cx, |stream| {
        let group = stream.group_mut(party.group).ok_or_else(|| no_group_in_key(party.group, party.key))?;
        Ok(find_or_create(group, party.consumer, now_ms).1)
    })?;
    cx.reply.int(created as i64);
    if created {
        cx.consumer_created(party);
        cx.log_seen(party, now_ms, false);
    }
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`
pub fn delete_consumer(cx: &mut Context<'_>) -> Result<(), Error> {
    let (args, key) = (cx.args, cx.args.at(2));
    let deleted = with_stream(cx, |stream| {
        let group = stream.group_mut(args.at(3)).ok_or_else(|| no_group_in_key(args.at(3), key))?;
        Ok(group.delete_consumer(args.at(4)))
    })?;
    cx.reply.int(deleted.unwrap_or(0) as i64);
    if deleted.is_some() {
        cx.group_changed("xgroup-delconsumer", key);
    }
    Ok(())
}
