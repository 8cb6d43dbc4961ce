//! HyperLogLogs: strings that count different elements (`graven_store::hyperloglog`).
//!
//! A sparse one is edited in a copy of at most some kilobytes, which takes the string's place when all elements were added; a
//! dense one in place, register by register, since nothing can go wrong there.

use crate::command::Flags;
use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::{Error, quotable};
use crate::notify::EventClass;
use graven_store::hyperloglog::{self as hll, Corrupt, REGISTERS, Representation};
use graven_store::{Entry, Key, Occupied, Slot};

const INVALID: &str = "WRONGTYPE Key is not a valid HyperLogLog string value.";
const CORRUPTED: &str = "INVALIDOBJ Corrupted HLL object detected";

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Error {
        CORRUPTED.into()
    }
}

/// The bytes of a HyperLogLog and how its registers are written.
fn hll_of(entry: &Entry) -> Result<(&[u8], Representation), Error> {
    match string_of(entry)? {
        graven_store::StringRef::Bytes(bytes) => match hll::representation(bytes) {
            Some(representation) => Ok((bytes, representation)),
            None => Err(INVALID.into()),
        },
        graven_store::StringRef::Int(_) => Err(INVALID.into()),
    }
}

/// Bytes of a place that was checked before.
fn bytes_of<'p>(place: &'p Occupied<'_>) -> &'p [u8] {
    hll_of(place.entry()).expect("it was checked when the place was found").0
}

/// The place of a HyperLogLog, made if it is missing; whether it was. It is raw bytes from now on, as in Redis.
fn place_of<'c>(cx: &'c mut Context<'_>, key: Key<'c>) -> Result<(Occupied<'c>, bool), Error> {
    let access = cx.engine.fresh_access();
    match cx.engine.slot(cx.session.db, key) {
        Slot::Vacant(place) => {
            let mut place = place.insert_bytes(&hll::empty(), None, access);
            place.mark_raw();
            Ok((place, true))
        }
        Slot::Occupied(mut place) => {
            hll_of(place.entry())?;
            place.mark_raw();
            Ok((place, false))
        }
    }
}

fn make_stale(place: &mut Occupied<'_>) {
    let (at, bytes) = hll::stale_edit(bytes_of(place));
    place.set_range(at, &bytes);
}

/// Adds the elements of the running command from argument 2 on; how many changed a register.
fn add_elements(place: &mut Occupied<'_>, args: graven_resp::Args<'_>, sparse_max_bytes: usize) -> Result<u64, Error> {
    let mut elements = args.skip(2);
    let mut changes = 0;
    if hll_of(place.entry())?.1 == Representation::Sparse {
        let mut copy = bytes_of(place).to_vec();
        for element in elements.by_ref() {
            let (index, count) = hll::register_of(element);
            changes += u64::from(hll::raise(&mut copy, index, count, sparse_max_bytes)?);
            if hll::representation(&copy) == Some(Representation::Dense) {
                break;
            }
        }
        if changes > 0 {
            place.set_bytes(&copy);
            place.mark_raw();
        }
    }
    for element in elements {
        if let Some((at, bytes)) = hll::dense_edit(bytes_of(place), element) {
            // The last register has no byte after it.
            let len = bytes.len().min(hll::DENSE_BYTES - at);
            place.set_range(at, &bytes[..len]);
            changes += 1;
        }
    }
    Ok(changes)
}

/// `PFADD key [element …]`
pub fn pfadd(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, args) = (cx.key(1), cx.args);
    let sparse_max_bytes = cx.engine.settings.thresholds.hll_sparse_max_bytes;
    let (mut place, created) = place_of(cx, key)?;
    let changes = add_elements(&mut place, args, sparse_max_bytes)? + u64::from(created);
    if changes > 0 {
        make_stale(&mut place);
        if created {
            cx.notify(EventClass::NEW, "new", key.bytes);
        }
        cx.changed_by(key.bytes, changes);
        cx.notify(EventClass::STRING, "pfadd", key.bytes);
    }
    cx.reply.int((changes > 0).into());
    Ok(())
}

/// Raises `registers` to those of a key; whether it is there, and how its registers are written.
fn merge_key(cx: &mut Context<'_>, i: usize, registers: &mut [u8; REGISTERS]) -> Result<Option<Representation>, Error> {
    let key = cx.key(i);
    let Some(entry) = cx.engine.read(cx.session, key) else { return Ok(None) };
    let (bytes, representation) = hll_of(entry)?;
    hll::merge(bytes, registers)?;
    Ok(Some(representation))
}

/// `PFCOUNT key [key …]`. The count of a single key is remembered in it, and that is logged.
pub fn pfcount(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() > 2 {
        let mut registers = [0; REGISTERS];
        for i in 1..cx.args.len() {
            merge_key(cx, i, &mut registers)?;
        }
        cx.reply.int(hll::count_registers(&registers) as i64);
        return Ok(());
    }
    let key = cx.key(1);
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.int(0);
        return Ok(());
    };
    let bytes = hll_of(entry)?.0;
    let cardinality = match hll::cached(bytes) {
        Some(cardinality) => cardinality,
        None => {
            let cardinality = hll::count(bytes)?;
            let (at, edit) = hll::cache_edit(cardinality);
            let (mut place, _) = place_of(cx, key)?;
            place.set_range(at, &edit);
            cx.changed(key.bytes);
            cardinality
        }
    };
    cx.reply.int(cardinality as i64);
    Ok(())
}

/// `PFMERGE destination [source …]`
pub fn pfmerge(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut registers = [0; REGISTERS];
    let mut dense = false;
    for i in 1..cx.args.len() {
        dense |= merge_key(cx, i, &mut registers)? == Some(Representation::Dense);
    }
    let key = cx.key(1);
    let sparse_max_bytes = cx.engine.settings.thresholds.hll_sparse_max_bytes;
    let (mut place, created) = place_of(cx, key)?;
    let mut merged = bytes_of(&place).to_vec();
    if dense {
        hll::make_dense(&mut merged)?;
    }
    for (index, count) in registers.iter().enumerate().filter(|(_, count)| **count > 0) {
        hll::raise(&mut merged, index, *count, sparse_max_bytes)?;
    }
    place.set_bytes(&merged);
    place.mark_raw();
    make_stale(&mut place);
    if created {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    cx.changed(key.bytes);
    cx.notify(EventClass::STRING, "pfadd", key.bytes);
    cx.reply.ok();
    Ok(())
}

/// `PFDEBUG GETREG | DECODE | ENCODING | TODENSE key`
pub fn pfdebug(cx: &mut Context<'_>) -> Result<(), Error> {
    debug_assert!(cx.spec.flags.contains(Flags::ADMIN));
    let key = cx.key(2);
    if cx.engine.peek(cx.session.db, key).is_none() {
        return Err("ERR The specified key does not exist".into());
    }
    let subcommand = cx.args.at(1).to_ascii_lowercase();
    let entry = cx.engine.peek(cx.session.db, key).expect("the key was seen just now");
    let (bytes, representation) = hll_of(entry)?;
    match (subcommand.as_slice(), representation) {
        (b"getreg" | b"todense", _) => {
            let converted = representation == Representation::Sparse;
            let mut dense = bytes.to_vec();
            hll::make_dense(&mut dense)?;
            if converted {
                let (mut place, _) = place_of(cx, key)?;
                place.set_bytes(&dense);
                place.mark_raw();
                cx.changed(key.bytes);
            }
            if subcommand == b"getreg" {
                cx.reply.array(REGISTERS);
                hll::dense_registers(&dense).for_each(|register| cx.reply.int(register.into()));
            } else {
                cx.reply.int(converted as i64);
            }
        }
        (b"decode", Representation::Dense) => return Err("ERR HLL encoding is not sparse".into()),
        (b"decode", Representation::Sparse) => {
            let text = hll::describe(bytes);
            cx.reply.bulk(text.as_bytes());
        }
        (b"encoding", representation) => cx.reply.simple(if representation == Representation::Dense { "dense" } else { "sparse" }),
        _ => return Err([b"ERR Unknown PFDEBUG subcommand '", quotable(cx.args.at(1), usize::MAX), b"'"].concat().into()),
    }
    Ok(())
}

/// `PFSELFTEST`: counts known numbers of elements in both representations.
pub fn pfselftest(cx: &mut Context<'_>) -> Result<(), Error> {
    const ELEMENTS: u64 = 100_000;
    let (mut sparse, mut dense) = (hll::empty(), hll::empty());
    hll::make_dense(&mut dense)?;
    for n in 1..=ELEMENTS {
        let (index, count) = hll::register_of(&n.to_le_bytes());
        let changed = hll::raise(&mut dense, index, count, 0)?;
        if hll::raise(&mut sparse, index, count, usize::MAX)? != changed {
            return Err(format!("TESTFAILED the representations differ at element {n}").into());
        }
        if n.is_power_of_two() || n == ELEMENTS {
            let (one, other) = (hll::count(&sparse)?, hll::count(&dense)?);
            // Six times the standard error of 1.04 / sqrt(16384), and at least one.
            let tolerated = (n as f64 * 6.0 * 0.008_125).ceil() as u64 + 1;
            if one != other || one.abs_diff(n) > tolerated {
                return Err(format!("TESTFAILED {n} elements are counted as {one} and {other}").into());
            }
        }
    }
    cx.reply.ok();
    Ok(())
}
