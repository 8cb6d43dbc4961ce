//! `HRANDFIELD`.
//!
//! A small hash, or one with due fields, is read as a whole. Of a large one as many fields as are wanted are picked by
//! their place in the table, unless that is a good part of all: then one walk decides for each field whether it is taken, with
//! the chance that makes all choices equally likely.

use super::read_hash;
use crate::commands::random_count;
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::Error;
use crate::random::Random;
use graven_resp::{Protocol, Reply};
use graven_store::{Field, HashRef};
use std::collections::HashSet;

/// Picking is worth it if at most one in so many fields is wanted.
const SPARSE: usize = 3;

/// `HRANDFIELD key [count [WITHVALUES]]`
pub fn hrandfield(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() > 2 {
        return several(cx);
    }
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let mut random = Random::new(cx.engine.random.next_u64());
    match read_hash(cx.engine, cx.session, key)?.and_then(|hash| Fields::of(hash, before).one(&mut random)) {
        None => cx.reply.null(),
        Some(field) => reply_string(&mut cx.reply, field.name),
    }
    Ok(())
}

fn several(cx: &mut Context<'_>) -> Result<(), Error> {
    let (count, values) = random_count::parse(cx, "withvalues")?;
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let mut random = Random::new(cx.engine.random.next_u64());
    let Some(hash) = read_hash(cx.engine, cx.session, key)?.filter(|_| count != 0) else {
        cx.reply.array(0);
        return Ok(());
    };
    let mut out = Out { reply: cx.reply.reborrow(), values };
    if count > 0 {
        distinct(hash, before, usize::try_from(count).unwrap_or(usize::MAX), &mut random, &mut out);
        return Ok(());
    }
    let fields = Fields::of(hash, before);
    // Either there is a field each time, or never.
    let wanted = if fields.is_empty() { 0 } else { random_count::repeated(count.unsigned_abs())? };
    out.header(wanted);
    let start = out.reply.position();
    for _ in 0..wanted {
        random_count::check_repeated_bytes(out.reply.position() - start)?;
        out.field(fields.one(&mut random).expect("there are fields"));
    }
    Ok(())
}

/// Replies `count` different fields, or all if there are fewer.
fn distinct(hash: HashRef<'_>, before: u64, count: usize, random: &mut Random, out: &mut Out<'_>) {
    let len = hash.live_len(before);
    let count = count.min(len);
    out.header(count);
    if !hash.is_small() && !hash.may_have_due(before) && count.saturating_mul(SPARSE) <= len {
        let mut seen = HashSet::with_capacity(count);
        while seen.len() < count {
            let field = hash.random(random.next_u64()).expect("a large hash is not empty");
            if seen.insert(field.name.to_bytes(&mut [0; 20]).as_ptr()) {
                out.field(field);
            }
        }
        return;
    }
    let (mut left, mut wanted) = (len as u64, count as u64);
    for field in hash.iter().filter(|field| !field.is_due(before)) {
        if wanted == 0 {
            break;
        }
        if random.below(left) < wanted {
            out.field(field);
            wanted -= 1;
        }
        left -= 1;
    }
}

/// Fields to choose from, again and again.
enum Fields<'a> {
    Table(HashRef<'a>),
    All(Vec<Field<'a>>),
}

impl<'a> Fields<'a> {
    fn of(hash: HashRef<'a>, before: u64) -> Fields<'a> {
        if hash.is_small() || hash.may_have_due(before) {
            Fields::All(hash.iter().filter(|field| !field.is_due(before)).collect())
        } else {
            Fields::Table(hash)
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Fields::All(fields) if fields.is_empty())
    }

    fn one(&self, random: &mut Random) -> Option<Field<'a>> {
        match self {
            Fields::Table(hash) => hash.random(random.next_u64()),
            Fields::All(fields) if fields.is_empty() => None,
            Fields::All(fields) => Some(fields[random.below(fields.len() as u64) as usize]),
        }
    }
}

/// Where fields go: names, or pairs, which are arrays of their own in RESP3.
struct Out<'r> {
    reply: Reply<'r>,
    values: bool,
}

impl Out<'_> {
    fn nested(&self) -> bool {
        self.values && self.reply.protocol() == Protocol::Resp3
    }

    fn header(&mut self, fields: usize) {
        let flat_pairs = self.values && !self.nested();
        self.reply.array(if flat_pairs { fields * 2 } else { fields });
    }

    fn field(&mut self, field: Field<'_>) {
        if self.nested() {
            self.reply.array(2);
        }
        reply_string(&mut self.reply, field.name);
        if self.values {
            reply_string(&mut self.reply, field.value);
        }
    }
}
