//! Places on the earth: members of sorted sets whose scores are geohashes of 52 bits (`hash`).
//!
//! `shape` has the arithmetic of circles, boxes and distances, `search` the commands that look for what is near, and this file
//! those that write and show places. `GEOADD` is a `ZADD` with computed scores, and is logged as one.

mod hash;
mod search;
mod shape;

pub use search::{georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore};

use crate::commands::sorted_set::zadd;
use crate::context::Context;
use crate::error::{Error, NOT_FLOAT, SYNTAX, WRONG_TYPE};
use graven_resp::number::parse_f64;
use graven_resp::{OwnedArgs, Protocol, Reply};
use graven_store::{Entry, SortedSetRef};
use hash::Place;

const BAD_UNIT: &str = "ERR unsupported unit provided. please use M, KM, FT, MI";

/// The sorted set of an entry.
fn places_of(entry: &Entry) -> Result<SortedSetRef<'_>, Error> {
    entry.sorted_set().ok_or(Error::from(WRONG_TYPE))
}

/// Longitude and latitude in arguments `i` and `i + 1`.
fn place_at(cx: &Context<'_>, i: usize) -> Result<Place, Error> {
    let number = |i: usize| parse_f64(cx.args.at(i)).ok_or(NOT_FLOAT);
    let place = Place { longitude: number(i)?, latitude: number(i + 1)? };
    if place.is_valid() {
        Ok(place)
    } else {
        Err(format!("ERR invalid longitude,latitude pair {:.6},{:.6}", place.longitude, place.latitude).into())
    }
}

/// Metres in the unit of argument `i`.
fn unit_at(cx: &Context<'_>, i: usize) -> Result<f64, Error> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    UNITS.iter().find(|(name, _)| cx.is(i, name)).map(|(_, metres)| *metres).ok_or(BAD_UNIT.into())
}

/// Replies a distance with four digits after the point.
fn reply_distance(reply: &mut Reply<'_>, distance: f64) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}

/// Replies longitude and latitude, with 17 digits after the point as far as they are not zeros.
fn reply_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if reply.protocol() == Protocol::Resp3 {
            reply.raw(format!(",{text}\r\n").as_bytes());
        } else {
            reply.bulk(text.as_bytes());
        }
    }
}

/// `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member …]`
pub fn geoadd(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut first = 2;
    let (mut missing, mut existing) = (false, false);
    while first < cx.args.len() {
        match () {
            () if cx.is(first, "nx") => missing = true,
            () if cx.is(first, "xx") => existing = true,
            () if cx.is(first, "ch") => {}
            () => break,
        }
        first += 1;
    }
    if !(cx.args.len() - first).is_multiple_of(3) || missing && existing {
        return Err(SYNTAX.into());
    }
    let mut parts: Vec<Vec<u8>> = vec![b"ZADD".to_vec()];
    parts.extend((1..first).map(|i| cx.args.at(i).to_vec()));
    for i in (first..cx.args.len()).step_by(3) {
        parts.push(place_at(cx, i)?.score().to_string().into_bytes());
        parts.push(cx.args.at(i + 2).to_vec());
    }
    let rewritten = OwnedArgs::from_parts(parts.iter().map(Vec::as_slice));
    let before = cx.engine.dirty;
    let mut as_zadd = Context {
        engine: cx.engine,
        session: cx.session,
        args: rewritten.as_args(),
        reply: cx.reply.reborrow(),
        spec: cx.spec,
        id: cx.id,
        key_hash: cx.key_hash,
    };
    zadd(&mut as_zadd)?;
    if cx.engine.dirty != before {
        cx.log(&parts);
    }
    Ok(())
}

/// Replies something of each of the members from argument 2 on, `missing` for those that are not there.
fn reply_members(cx: &mut Context<'_>, missing: fn(&mut Reply<'_>), show: fn(&mut Reply<'_>, Place)) -> Result<(), Error> {
    let (key, args) = (cx.key(1), cx.args);
    let places = match cx.engine.read(cx.session, key) {
        None => None,
        Some(entry) => Some(places_of(entry)?),
    };
    cx.reply.array(args.len() - 2);
    for member in args.skip(2) {
        match places.and_then(|places| places.score(member)) {
            None => missing(&mut cx.reply),
            Some(score) => show(&mut cx.reply, Place::of_score(score)),
        }
    }
    Ok(())
}

/// `GEOHASH key [member …]`
pub fn geohash(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_members(cx, |reply| reply.null(), |reply, place| reply.bulk(&place.text()))
}

/// `GEOPOS key [member …]`
pub fn geopos(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_members(cx, |reply| reply.null_array(), reply_place)
}

/// `GEODIST key member1 member2 [M | KM | FT | MI]`
pub fn geodist(cx: &mut Context<'_>) -> Result<(), Error> {
    let metres = match cx.args.len() {
        4 => 1.0,
        5 => unit_at(cx, 4)?,
        _ => return Err(SYNTAX.into()),
    };
    let (key, args) = (cx.key(1), cx.args);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.null();
        return Ok(());
    };
    let places = places_of(entry)?;
    let place = |i: usize| places.score(args.at(i)).map(Place::of_score);
    match (place(2), place(3)) {
        (Some(one), Some(other)) => reply_distance(&mut cx.reply, shape::distance(one, other) / metres),
        _ => cx.reply.null(),
    }
    Ok(())
}
