//! `SORT` and `SORT_RO`: the elements of a list, set or sorted set, in the order of weights of their own or found elsewhere.
//! <https://redis.io/docs/latest/commands/sort/>
//!
//! The elements are copied first, then weighed, then sorted, as far as the limit asks; then each is replied or stored, or what
//! the patterns make of it. All values are looked up as they are before the first change, so a destination may be a source.
//!
//! What is stored does not depend on the order in which a set happens to hold its members: replay must give the same list.

mod elements;
mod options;
mod pattern;

use crate::commands::destination;
use crate::context::Context;
use crate::error::Error;
use crate::notify::EventClass;
use elements::{Elements, Texts};
use graven_resp::Reply;
use graven_store::{Entry, ListLimits, StringRef};
use options::Options;
use pattern::{Lookup, Pattern};

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE destination]`
pub fn sort(cx: &mut Context<'_>) -> Result<(), Error> {
    run(cx, true)
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA]`
pub fn sort_ro(cx: &mut Context<'_>) -> Result<(), Error> {
    run(cx, false)
}

fn run(cx: &mut Context<'_>, may_store: bool) -> Result<(), Error> {
    let mut options = Options::parse(cx.args, may_store)?;
    let mut elements = Elements::load(cx, &mut options)?;
    let mut lookup = Lookup::new(cx, options.destination.is_some());
    if !options.unsorted {
        elements.sort(&options, &mut lookup)?;
    }
    match options.destination {
        Some(destination) => {
            let result = collect(&elements, &options, &mut lookup);
            store(cx, destination, &result);
        }
        None => {
            let patterns = options.get.len().max(1);
            cx.reply.array(elements.len().saturating_mul(patterns));
            let mut lookup = Lookup { engine: cx.engine, session: cx.session, key: Vec::new(), stores: false };
            for element in elements.iter() {
                reply_element(&mut cx.reply, element, &options.get, &mut lookup);
            }
        }
    }
    Ok(())
}

fn reply_element(reply: &mut Reply<'_>, element: &[u8], get: &[Pattern<'_>], lookup: &mut Lookup<'_>) {
    if get.is_empty() {
        reply.bulk(element);
    }
    for pattern in get {
        let found = lookup.find(pattern, element, |value| match value {
            StringRef::Int(number) => reply.bulk_int(number),
            StringRef::Bytes(bytes) => reply.bulk(bytes),
        });
        if found.is_none() {
            reply.null();
        }
    }
}

/// What is stored: the elements, or the values found for them, empty strings where there are none.
fn collect(elements: &Elements, options: &Options<'_>, lookup: &mut Lookup<'_>) -> Texts {
    let mut result = Texts::default();
    for element in elements.iter() {
        if options.get.is_empty() {
            result.push(element);
        }
        for pattern in &options.get {
            if lookup.find(pattern, element, |value| result.push(value.to_bytes(&mut [0; 20]))).is_none() {
                result.push(b"");
            }
        }
    }
    result
}

/// Makes a list of the texts, or removes the key if there are none.
fn store(cx: &mut Context<'_>, name: &[u8], texts: &Texts) {
    let key = cx.engine.keyspace.key(name);
    let limits = ListLimits::of(&cx.engine.settings.thresholds);
    let entry = (texts.len() > 0).then(|| Entry::new_list(name, texts.iter(), limits, None, cx.engine.fresh_access()));
    destination::store(cx, key, entry, EventClass::LIST, "sortstore");
    cx.engine.dirty += (texts.len() as u64).saturating_sub(1);
    cx.reply.int(texts.len() as i64);
}
