//! `WAIT` and `WAITAOF`: until what this client wrote has arrived.
//!
//! A log in the making promises nothing: what was written before it began is nowhere but in its base. Who waits for it waits for that.

use crate::outside::Outside;
use graven_engine::{Blocked, Context, Error};

const NO_LOG: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// `WAIT numreplicas timeout`. There are no replicas, so it waits in vain unless it asks for none.
pub(super) fn wait(_outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let replicas = cx.int(1)?;
    let deadline_ms = cx.timeout_ms(2)?;
    if replicas <= 0 || cx.session.in_exec {
        cx.reply.int(0);
        return Ok(());
    }
    let lsn = cx.session.last_write_lsn;
    cx.session.blocked = Some(Blocked::Wait { lsn, deadline_ms, local: false, replicas, aof: false });
    Ok(())
}

/// `WAITAOF numlocal numreplicas timeout`
pub(super) fn wait_aof(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let local = cx.int(1)?;
    if !(0..=1).contains(&local) {
        return Err("ERR value is out of range, value must between 0 and 1".into());
    }
    let replicas = cx.int(2)?;
    if replicas < 0 {
        return Err(graven_engine::error::NOT_POSITIVE.into());
    }
    let deadline_ms = cx.timeout_ms(3)?;
    if local > 0 && !outside.config.appendonly {
        return Err(NO_LOG.into());
    }
    let lsn = cx.session.last_write_lsn;
    let arrived = outside.has_arrived(lsn);
    if (arrived as i64 >= local && replicas == 0) || cx.session.in_exec {
        cx.reply.array(2);
        cx.reply.int(arrived as i64);
        cx.reply.int(0);
        return Ok(());
    }
    cx.session.blocked = Some(Blocked::Wait { lsn, deadline_ms, local: local > 0, replicas, aof: true });
    Ok(())
}

impl Outside {
    /// Replies to a waiting client if what it waits for has happened or its time is up.
    pub(crate) fn try_finish_wait(&mut self, slot: usize, now_ms: u64) {
        let Some(&Blocked::Wait { lsn, deadline_ms, local, replicas, .. }) = self.blocked(slot) else { return };
        if local && !self.config.appendonly {
            return self.end_wait(slot, Some(NO_LOG));
        }
        if local {
            self.hurry(lsn);
        }
        let satisfied = (self.has_arrived(lsn) || !local) && replicas <= 0;
        let late = deadline_ms > 0 && now_ms >= deadline_ms;
        if satisfied || late {
            self.end_wait(slot, None);
        }
    }

    /// Whether a loss of power takes nothing away of what was written up to a position.
    fn has_arrived(&self, lsn: u64) -> bool {
        self.durable().is_some_and(|durable| durable >= lsn)
    }

    /// Somebody waits for durability: the fsync need not wait for its second. One serves all who wait by then.
    fn hurry(&mut self, lsn: u64) {
        let now_us = self.now_us();
        if let Some(log) = &mut self.log
            && log.watermarks().durable < lsn
        {
            log.want_durable(lsn, now_us);
        }
    }

    /// Ends a wait: with what has been reached by now, or with an error.
    pub(crate) fn end_wait(&mut self, slot: usize, error: Option<&str>) {
        let Some(&Blocked::Wait { lsn, aof, .. }) = self.blocked(slot) else { return };
        let arrived = self.has_arrived(lsn);
        let reply = match error {
            Some(error) => format!("-{error}\r\n"),
            None if aof => format!("*2\r\n:{}\r\n:0\r\n", arrived as u8),
            None => ":0\r\n".to_owned(),
        };
        self.unblock(slot, reply.as_bytes());
    }
}
