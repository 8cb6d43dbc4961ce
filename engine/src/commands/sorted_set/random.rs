//! `ZRANDMEMBER`: members chosen at random.

use crate::commands::random_count;
use crate::commands::sorted_set::{begin_pairs, reply_members, reply_pair, sorted_set_of};
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::Error;
use crate::random::Random;
use graven_resp::Reply;
use graven_store::SortedSetRef;
use std::collections::HashSet;

/// `ZRANDMEMBER key [count [WITHSCORES]]`
pub fn zrandmember(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() > 2 {
        return reply_several(cx);
    }
    let key = cx.key(1);
    let random = cx.engine.random.next_u64();
    match cx.engine.read(cx.session, key) {
        None => cx.reply.null(),
        Some(entry) => {
            let set = sorted_set_of(entry)?;
            let rank = Random::new(random).below(set.len() as u64) as usize;
            set.range(rank..rank + 1, false).for_each(|(member, _)| reply_string(&mut cx.reply, member));
        }
    }
    Ok(())
}

fn reply_several(cx: &mut Context<'_>) -> Result<(), Error> {
    let (count, with_scores) = random_count::parse(cx, "withscores")?;
    let key = cx.key(1);
    let mut random = Random::new(cx.engine.random.next_u64());
    let Some(entry) = cx.engine.read(cx.session, key) else {
        cx.reply.array(0);
        return Ok(());
    };
    let set = sorted_set_of(entry)?;
    let (len, wanted) = (set.len(), count.unsigned_abs());
    if count < 0 {
        begin(&mut cx.reply, random_count::repeated(wanted)?, with_scores);
        let start = cx.reply.position();
        for _ in 0..wanted {
            random_count::check_repeated_bytes(cx.reply.position() - start)?;
            reply_rank(&mut cx.reply, set, random.below(len as u64) as usize, with_scores);
        }
    } else if wanted >= len as u64 {
        reply_members(&mut cx.reply, set.iter(), with_scores);
    } else {
        begin(&mut cx.reply, wanted as usize, with_scores);
        reply_different(&mut cx.reply, set, wanted as usize, &mut random, with_scores);
    }
    Ok(())
}

/// Replies `wanted` different members, fewer than there are.
fn reply_different(reply: &mut Reply<'_>, set: SortedSetRef<'_>, wanted: usize, random: &mut Random, with_scores: bool) {
    let len = set.len();
    // Drawing again what was drawn already takes ever longer; from a third on, each member is asked in turn.
    if wanted < len / 3 {
        let mut drawn = HashSet::with_capacity(wanted);
        while drawn.len() < wanted {
            let rank = random.below(len as u64) as usize;
            if drawn.insert(rank) {
                reply_rank(reply, set, rank, with_scores);
            }
        }
        return;
    }
    let mut missing = wanted as u64;
    for (passed, (member, score)) in set.iter().enumerate() {
        if random.below((len - passed) as u64) < missing {
            missing -= 1;
            match with_scores {
                true => reply_pair(reply, member, score),
                false => reply_string(reply, member),
            }
        }
    }
}

fn begin(reply: &mut Reply<'_>, count: usize, with_scores: bool) {
    if with_scores { begin_pairs(reply, count) } else { reply.array(count) }
}

fn reply_rank(reply: &mut Reply<'_>, set: SortedSetRef<'_>, rank: usize, with_scores: bool) {
    for (member, score) in set.range(rank..rank + 1, false) {
        match with_scores {
            true => reply_pair(reply, member, score),
            false => reply_string(reply, member),
        }
    }
}
