//! Places on the earth: members of sorted sets whose scores are geohashes of 52 bits (`hash`).
//!
//! `shape` has the arithmetic of circles, boxes and distances, `search` the commands that look for what is near, and this file
//! those that write and show places, `text` how they are written. `GEOADD` is a `ZADD` with computed scores, and is logged as one.

mod hash;
mod search;
mod shape;
mod text;

pub use search::{georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore};

use crate::commands::sorted_set::{AddOptions, add_pairs};
use crate::context::Context;
use crate::error::{Error, NOT_FLOAT, SYNTAX, WRONG_TYPE};
use graven_resp::Reply;
use graven_resp::number::parse_f64;
use graven_store::{Entry, SortedSetRef};
use hash::Place;
use text::{reply_degrees, reply_distance};

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

/// Replies longitude and latitude.
fn reply_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    reply_degrees(reply, place.longitude);
    reply_degrees(reply, place.latitude);
}

/// `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member …]`
pub fn geoadd(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut first = 2;
    let (mut missing, mut existing, mut count_changed) = (false, false, false);
    while first < cx.args.len() {
        match () {
            () if cx.is(first, "nx") => missing = true,
            () if cx.is(first, "xx") => existing = true,
            () if cx.is(first, "ch") => count_changed = true,
            () => break,
        }
        first += 1;
    }
    let (rest, args) = (cx.args.len() - first, cx.args);
    if rest == 0 || !rest.is_multiple_of(3) || missing && existing {
        return Err(SYNTAX.into());
    }
    let scores = (first..args.len()).step_by(3).map(|i| Ok(place_at(cx, i)?.score())).collect::<Result<Vec<_>, Error>>()?;
    let options = AddOptions::of_places(missing, existing, count_changed);
    let pair = |i: usize| (scores[i] as f64, args.at(first + 3 * i + 2));
    if add_pairs(cx, options, scores.len(), pair)? && cx.engine.effects.is_enabled() {
        let mut digits = vec![itoa::Buffer::new(); scores.len()];
        let mut parts: Vec<&[u8]> = Vec::with_capacity(first + 2 * scores.len());
        parts.push(b"ZADD");
        parts.extend((1..first).map(|i| args.at(i)));
        for (i, (score, digits)) in scores.iter().zip(&mut digits).enumerate() {
            parts.extend([digits.format(*score).as_bytes(), args.at(first + 3 * i + 2)]);
        }
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
