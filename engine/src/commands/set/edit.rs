//! `SADD`, `SREM` and `SMOVE`.

use super::set_of;
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE};
use crate::notify::EventClass;
use graven_store::{SetBuilder, Slot};

/// `SADD key member [member …]`
pub fn sadd(cx: &mut Context<'_>) -> Result<(), Error> {
    let (key, access, thresholds) = (cx.key(1), cx.engine.fresh_access(), cx.engine.settings.thresholds);
    let members = cx.args.skip(2);
    let (mut added, mut is_new) = (0, false);
    match cx.engine.slot(cx.session.db, key) {
        Slot::Occupied(mut place) => {
            let mut set = place.set_mut().ok_or(WRONG_TYPE)?;
            set.expect_members(members.len(), &thresholds);
            added = set.add_all(members, &thresholds) as u64;
        }
        Slot::Vacant(place) => {
            let mut set = SetBuilder::for_members(cx.args.at(2), members.len(), place.hasher(), &thresholds);
            members.for_each(|member| added += u64::from(set.add(member)));
            place.insert_entry(set.into_entry(key.bytes, None, access));
            is_new = true;
        }
    }
    cx.reply.int(added as i64);
    if is_new {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    if added > 0 {
        cx.changed_by(key.bytes, added);
        cx.notify(EventClass::SET, "sadd", key.bytes);
    }
    Ok(())
}

/// `SREM key member [member …]`
pub fn srem(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let (mut removed, mut emptied) = (0, false);
    if let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) {
        let mut set = place.set_mut().ok_or(WRONG_TYPE)?;
        removed = set.remove_all(cx.args.skip(2)) as u64;
        emptied = set.as_ref().is_empty();
        if emptied {
            drop(place.remove());
        }
    }
    cx.reply.int(removed as i64);
    if removed > 0 {
        cx.changed_by(key.bytes, removed);
        cx.notify(EventClass::SET, "srem", key.bytes);
        if emptied {
            cx.notify(EventClass::GENERIC, "del", key.bytes);
        }
    }
    Ok(())
}

/// `SMOVE source destination member`
pub fn smove(cx: &mut Context<'_>) -> Result<(), Error> {
    let (source, destination, member) = (cx.key(1), cx.key(2), cx.args.at(3));
    let (db, access, thresholds) = (cx.session.db, cx.engine.fresh_access(), cx.engine.settings.thresholds);
    let found = match cx.engine.slot(db, source) {
        Slot::Vacant(_) => {
            cx.reply.int(0);
            return Ok(());
        }
        Slot::Occupied(place) => set_of(place.entry())?.contains(member),
    };
    if let Slot::Occupied(place) = cx.engine.slot(db, destination) {
        set_of(place.entry())?;
    }
    cx.reply.int(found.into());
    if !found || source.bytes == destination.bytes {
        return Ok(());
    }

    let Slot::Occupied(mut place) = cx.engine.slot(db, source) else { unreachable!("the member was found in it") };
    let mut set = place.set_mut().expect("it was a set above");
    set.remove(member);
    let emptied = set.as_ref().is_empty();
    if emptied {
        drop(place.remove());
    }
    cx.notify(EventClass::SET, "srem", source.bytes);
    if emptied {
        cx.notify(EventClass::GENERIC, "del", source.bytes);
    }
    let (mut added, mut is_new) = (true, false);
    match cx.engine.slot(db, destination) {
        Slot::Occupied(mut place) => added = place.set_mut().expect("it was a set above").add(member, &thresholds),
        Slot::Vacant(place) => {
            let mut set = SetBuilder::for_members(member, 1, place.hasher(), &thresholds);
            set.add(member);
            place.insert_entry(set.into_entry(destination.bytes, None, access));
            is_new = true;
        }
    }
    if is_new {
        cx.notify(EventClass::NEW, "new", destination.bytes);
    }
    cx.changed(source.bytes);
    if added {
        cx.changed(destination.bytes);
        cx.notify(EventClass::SET, "sadd", destination.bytes);
    } else {
        cx.engine.signal(db, destination.bytes);
    }
    Ok(())
}
