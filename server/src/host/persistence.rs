//! `SHUTDOWN`, `SAVE`, `FLUSHALL`, `BGSAVE`, `BGREWRITEAOF`, `LASTSAVE`, `ROLE`.

use crate::logging::log;
use crate::outside::{Outside, ShutdownRequest};
use crate::shutdown::SHUTDOWN_FAILED;
use graven_engine::commands::database::flushall;
use graven_engine::{Blocked, Context, Error, error};

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`
pub(super) fn shutdown(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let (mut save, mut now, mut force, mut abort) = (None, false, false, false);
    for i in 1..cx.args.len() {
        match () {
            () if cx.is(i, "NOSAVE") && save != Some(true) => save = Some(false),
            () if cx.is(i, "SAVE") && save != Some(false) => save = Some(true),
            () if cx.is(i, "NOW") => now = true,
            () if cx.is(i, "FORCE") => force = true,
            () if cx.is(i, "ABORT") => abort = true,
            () => return Err(error::SYNTAX.into()),
        }
    }
    if abort && (save.is_some() || now || force) {
        return Err(error::SYNTAX.into());
    }
    if abort {
        // A shutdown waits for no replicas here: it is over at the end of the turn that it was asked for in.
        return match outside.shutdown.take() {
            Some(_) => {
                outside.unblock_all(&Blocked::Shutdown, SHUTDOWN_FAILED);
                cx.reply.ok();
                Ok(())
            }
            None => Err("ERR No shutdown in progress.".into()),
        };
    }
    if cx.session.in_exec {
        return Err("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client".into());
    }
    log!(Warning, "User requested shutdown...");
    cx.session.blocked = Some(Blocked::Shutdown);
    outside.shutdown = Some(ShutdownRequest { save, force });
    Ok(())
}

/// `SAVE`
pub(super) fn save(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    if outside.persistence.saving.is_some() {
        return Err("ERR Background save already in progress".into());
    }
    match outside.save_now(cx.engine) {
        Ok(bytes) => {
            log!(Notice, "DB saved on disk ({bytes} bytes)");
            let dirty = cx.engine.dirty;
            outside.persistence.saved(cx.engine, dirty);
            outside.persistence.saves.done += 1;
            outside.persistence.saves.last_ok = true;
            cx.engine.depends_on_everything();
            cx.reply.ok();
            Ok(())
        }
        Err(e) => {
            // `rdb_last_bgsave_status` is about snapshots in the background: whoever called this is told, and writes go on.
            log!(Warning, "Error trying to save the DB: {e}");
            Err(format!("ERR Error trying to save the DB: {e}").into())
        }
    }
}

/// `FLUSHALL`: with save points and no log, the RDB file is all that a start has, and must not bring back what was removed.
pub(super) fn flush_all(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    flushall(cx)?;
    if cx.session.is_replay() || outside.promising_log().is_some() || outside.config.save.is_empty() {
        return Ok(());
    }
    match outside.save_now(cx.engine) {
        Ok(bytes) => {
            log!(Notice, "DB saved on disk ({bytes} bytes)");
            let dirty = cx.engine.dirty;
            outside.persistence.saved(cx.engine, dirty);
            outside.persistence.saves.last_ok = true;
        }
        // The keys are gone from memory all the same; as in Redis, the next save point tries again.
        Err(e) => log!(Warning, "Error trying to save the DB after FLUSHALL: {e}"),
    }
    Ok(())
}

/// `BGSAVE [SCHEDULE]`
pub(super) fn background_save(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let is_schedule = match cx.args.len() {
        1 => false,
        2 if cx.is(1, "SCHEDULE") => true,
        _ => return Err(error::SYNTAX.into()),
    };
    if outside.persistence.saving.is_some() {
        return Err("ERR Background save already in progress".into());
    }
    // Within a transaction it would not be a moment between two units of the log.
    if outside.is_capturing() || cx.session.in_exec {
        if !is_schedule && !cx.session.in_exec {
            return Err("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.".into());
        }
        outside.persistence.save_scheduled = true;
        cx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    outside.start_save(cx.engine);
    cx.reply.simple("Background saving started");
    Ok(())
}

/// `BGREWRITEAOF`
pub(super) fn background_rewrite(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    if outside.log.is_none() {
        return Err("ERR There is no append only file to rewrite: CONFIG SET appendonly yes begins one".into());
    }
    if outside.persistence.rewriting.is_some() {
        return Err("ERR Background append only file rewriting already in progress".into());
    }
    if outside.is_capturing() || cx.session.in_exec {
        outside.persistence.rewrite_scheduled = true;
        // The next failure is the first one again.
        outside.persistence.rewrites.failures_in_a_row = 0;
        cx.reply.simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    outside
        .start_rewrite(cx.engine.now_ms())
        .map_err(|_| "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.")?;
    cx.reply.simple("Background append only file rewriting started");
    Ok(())
}

/// `LASTSAVE`
pub(super) fn last_save(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(outside.persistence.last_save_s as i64);
    Ok(())
}

/// `ROLE`
pub(super) fn role(_outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.array(3);
    cx.reply.bulk(b"master");
    cx.reply.int(cx.engine.effects.lsn() as i64);
    cx.reply.array(0);
    Ok(())
}
