//! `MEMORY USAGE`. The other subcommands are about the process, and so the host's.

use crate::context::Context;
use crate::error::{Error, SYNTAX};

/// `MEMORY USAGE key [SAMPLES count]`. Sizes are known exactly, so that nothing is sampled.
pub fn usage(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut i = 3;
    while i < cx.args.len() {
        if !cx.is(i, "SAMPLES") || i + 1 >= cx.args.len() || cx.int(i + 1)? < 0 {
            return Err(SYNTAX.into());
        }
        i += 2;
    }
    let key = cx.key(2);
    match cx.engine.peek(cx.session.db, key).map(|entry| entry.memory_usage()) {
        Some(bytes) => cx.reply.int(bytes as i64),
        None => cx.reply.null(),
    }
    Ok(())
}
