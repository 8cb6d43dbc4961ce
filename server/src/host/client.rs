//! `CLIENT` subcommands that concern other clients.

use crate::outside::Outside;
use graven_engine::{Blocked, Context, Error};

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`
pub(super) fn unblock(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let with_error = match cx.args.len() {
        3 => false,
        _ if cx.is(3, "TIMEOUT") => false,
        _ if cx.is(3, "ERROR") => true,
        _ => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let id = cx.int(2)?;
    let slot = outside.slot_of(id as u64).filter(|&slot| {
        let blocked = outside.clients[slot].session.as_ref().and_then(|s| s.blocked.as_ref());
        matches!(blocked, Some(Blocked::Wait { .. }))
    });
    if let Some(slot) = slot {
        outside.end_wait(slot, with_error.then_some("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
    }
    cx.reply.int(slot.is_some() as i64);
    Ok(())
}
