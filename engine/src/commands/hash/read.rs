//! Looking at fields.

use super::read_hash;
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::Error;
use graven_store::Field;

/// A field of the hash at argument 1, unless it is missing or due.
#[inline]
fn read_field<'e>(cx: &'e mut Context<'_>, i: usize) -> Result<Option<Field<'e>>, Error> {
    let (key, name) = (cx.key(1), cx.args.at(i));
    let before = cx.engine.due_before();
    let field = read_hash(cx.engine, cx.session, key)?.and_then(|hash| hash.get(name));
    Ok(field.filter(|field| !field.is_due(before)))
}

/// `HGET key field`
pub fn hget(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, name) = (cx.key(1), cx.args.at(2));
    let before = cx.engine.due_before();
    let field = read_hash(cx.engine, cx.session, key)?.and_then(|hash| hash.get(name));
    match field.filter(|field| !field.is_due(before)) {
        None => cx.reply.null(),
        Some(field) => reply_string(&mut cx.reply, field.value),
    }
    Ok(())
}

/// `HMGET key field [field …]`
pub fn hmget(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let hash = read_hash(cx.engine, cx.session, key)?;
    cx.reply.array(cx.args.len() - 2);
    for name in cx.args.skip(2) {
        match hash.and_then(|hash| hash.get(name)).filter(|field| !field.is_due(before)) {
            None => cx.reply.null(),
            Some(field) => reply_string(&mut cx.reply, field.value),
        }
    }
    Ok(())
}

/// `HSTRLEN key field`
pub fn hstrlen(cx: &mut Context<'_>) -> Result<(), Error> {
    let len = read_field(cx, 2)?.map_or(0, |field| field.value.len());
    cx.reply.int(len as i64);
    Ok(())
}

/// `HEXISTS key field`
pub fn hexists(cx: &mut Context<'_>) -> Result<(), Error> {
    let exists = read_field(cx, 2)?.is_some();
    cx.reply.int(exists as i64);
    Ok(())
}

/// `HLEN key`
pub fn hlen(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let len = read_hash(cx.engine, cx.session, key)?.map_or(0, |hash| hash.live_len(before));
    cx.reply.int(len as i64);
    Ok(())
}

/// `HGETALL key`
pub fn hgetall(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let Some(hash) = read_hash(cx.engine, cx.session, key)? else {
        cx.reply.map(0);
        return Ok(());
    };
    cx.reply.map(hash.live_len(before));
    for field in hash.iter().filter(|field| !field.is_due(before)) {
        reply_string(&mut cx.reply, field.name);
        reply_string(&mut cx.reply, field.value);
    }
    Ok(())
}

/// `HKEYS key`
pub fn hkeys(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_part(cx, |field| field.name)
}

/// `HVALS key`
pub fn hvals(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_part(cx, |field| field.value)
}

fn reply_part(cx: &mut Context<'_>, part: for<'f> fn(Field<'f>) -> graven_store::StringRef<'f>) -> Result<(), Error> {
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let Some(hash) = read_hash(cx.engine, cx.session, key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    cx.reply.array(hash.live_len(before));
    hash.iter().filter(|field| !field.is_due(before)).for_each(|field| reply_string(&mut cx.reply, part(field)));
    Ok(())
}
