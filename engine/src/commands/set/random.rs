//! `SPOP` and `SRANDMEMBER`: members chosen at random.
//!
//! A pop is logged as the removal of what it took, in commands of bounded length, or as the deletion of the key if it took all.

use super::{reply_all, set_of};
use crate::commands::random_count;
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, NOT_POSITIVE, SYNTAX, WRONG_TYPE};
use crate::notify::EventClass;
use crate::random::Random;
use graven_resp::Reply;
use graven_resp::number::parse_i64;
use graven_store::{SetRef, Slot};
use std::collections::HashSet;

/// Members that one logged `SREM` takes out.
const MEMBERS_PER_EFFECT: usize = 1024;

/// `SPOP key [count]`
pub fn spop(cx: &mut Context<'_>) -> Result<(), Error> {
    match cx.args.get(2) {
        None => pop_one(cx),
        Some(_) if cx.args.len() > 3 => Err(SYNTAX.into()),
        Some(count) => {
            let count = parse_i64(count).and_then(|count| usize::try_from(count).ok()).ok_or(NOT_POSITIVE)?;
            pop_several(cx, count)
        }
    }
}

fn pop_one(cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(1);
    let mut random = Random::new(cx.engine.random.next_u64());
    let mut popped = Popped::default();
    let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key) else {
        cx.reply.null();
        return Ok(());
    };
    let mut set = place.set_mut().ok_or(WRONG_TYPE)?;
    let reply = &mut cx.reply;
    set.take_random(1, &mut || random.next_u64(), &mut |member| {
        reply_string(reply, member);
        popped.push(member.to_bytes(&mut [0; 20]));
    });
    let emptied = set.as_ref().is_empty();
    if emptied {
        drop(place.remove());
    }
    cx.changed(key.bytes);
    popped.log(cx, key.bytes);
    cx.notify(EventClass::SET, "spop", key.bytes);
    if emptied {
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    }
    Ok(())
}

fn pop_several(cx: &mut Context<'_>, count: usize) -> Result<(), Error> {
    let (key, db) = (cx.key(1), cx.session.db);
    let mut random = Random::new(cx.engine.random.next_u64());
    let mut popped = Popped::default();
    let Slot::Occupied(mut place) = cx.engine.slot(db, key) else {
        cx.reply.set(0);
        return Ok(());
    };
    let len = set_of(place.entry())?.len();
    let taken = count.min(len);
    cx.reply.set(taken);
    if taken == 0 {
        return Ok(());
    }
    let reply = &mut cx.reply;
    if taken == len {
        let entry = place.remove();
        // Redis counts what SMEMBERS would.
        cx.engine.stats.hits += 1;
        reply_all(reply, set_of(&entry)?);
        let lazily = cx.engine.settings.lazy_server_del;
        cx.engine.drop_entry(entry, lazily);
        cx.changed_by(key.bytes, taken as u64);
        let verb: &[u8] = if lazily { b"UNLINK" } else { b"DEL" };
        cx.log(&[verb, key.bytes]);
        cx.notify(EventClass::SET, "spop", key.bytes);
        cx.notify(EventClass::GENERIC, "del", key.bytes);
    } else {
        let mut set = place.set_mut().expect("its type was checked");
        set.take_random(taken, &mut || random.next_u64(), &mut |member| {
            reply_string(reply, member);
            popped.push(member.to_bytes(&mut [0; 20]));
        });
        cx.changed_by(key.bytes, taken as u64);
        popped.log(cx, key.bytes);
        cx.notify(EventClass::SET, "spop", key.bytes);
    }
    Ok(())
}

/// Members that are gone, one after the other.
#[derive(Default)]
struct Popped {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Popped {
    fn push(&mut self, member: &[u8]) {
        self.bytes.extend_from_slice(member);
        self.ends.push(self.bytes.len());
    }

    /// Records their removal.
    fn log(&self, cx: &mut Context<'_>, key: &[u8]) {
        if let [_] = self.ends[..] {
            return cx.log(&[b"SREM", key, &self.bytes]);
        }
        let mut start = 0;
        for ends in self.ends.chunks(MEMBERS_PER_EFFECT) {
            let mut parts: Vec<&[u8]> = Vec::with_capacity(2 + ends.len());
            parts.extend([b"SREM", key]);
            for &end in ends {
                parts.push(&self.bytes[start..end]);
                start = end;
            }
            cx.log(&parts);
        }
    }
}

/// `SRANDMEMBER key [count]`
pub fn srandmember(cx: &mut Context<'_>) -> Result<(), Error> {
    match cx.args.len() {
        2 => {
            let key = cx.key(1);
            let random = cx.engine.random.next_u64();
            match cx.engine.read(cx.session, key) {
                None => cx.reply.null(),
                Some(entry) => {
                    let member = set_of(entry)?.random(random).expect("a key's set is not empty");
                    reply_string(&mut cx.reply, member);
                }
            }
            Ok(())
        }
        3 => reply_several(cx),
        _ => Err(SYNTAX.into()),
    }
}

fn reply_several(cx: &mut Context<'_>) -> Result<(), Error> {
    let count = cx.symmetric_int(2)?;
    let key = cx.key(1);
    let mut random = Random::new(cx.engine.random.next_u64());
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.array(0);
        return Ok(());
    };
    let set = set_of(entry)?;
    let (len, wanted) = (set.len(), count.unsigned_abs());
    if count < 0 {
        cx.reply.array(random_count::repeated(wanted)?);
        let start = cx.reply.position();
        for _ in 0..wanted {
            random_count::check_repeated_bytes(cx.reply.position() - start)?;
            let member = set.random(random.next_u64()).expect("a key's set is not empty");
            reply_string(&mut cx.reply, member);
        }
    } else if wanted >= len as u64 {
        cx.reply.array(len);
        reply_all(&mut cx.reply, set);
    } else {
        cx.reply.array(wanted as usize);
        reply_different(&mut cx.reply, set, wanted as usize, &mut random);
    }
    Ok(())
}

/// Replies `wanted` different members, fewer than there are.
fn reply_different(reply: &mut Reply<'_>, set: SetRef<'_>, wanted: usize, random: &mut Random) {
    let len = set.len();
    // Drawing again what was drawn already takes ever longer; from a third on, each member is asked in turn.
    if wanted < len / 3 {
        let mut drawn = HashSet::with_capacity(wanted);
        while drawn.len() < wanted {
            let member = set.random(random.next_u64()).expect("a key's set is not empty");
            if drawn.insert(member) {
                reply_string(reply, member);
            }
        }
        return;
    }
    let mut missing = wanted as u64;
    for (passed, member) in set.iter().enumerate() {
        if random.below((len - passed) as u64) < missing {
            missing -= 1;
            reply_string(reply, member);
        }
    }
}
