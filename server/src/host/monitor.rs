//! `MONITOR`: every command, as it is executed, for whoever watches.

use crate::outside::Outside;
use graven_engine::secrets::{REDACTED, is_secret};
use graven_engine::{Context, Error, Session, SessionFlags};
use graven_resp::Args;

/// `MONITOR`
pub(super) fn monitor(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.session.in_exec {
        return Err("ERR MONITOR isn't allowed for DENY BLOCKING client".into());
    }
    if !cx.session.flags.contains(SessionFlags::MONITOR)
        && let Some(slot) = outside.slot_of(cx.session.id)
    {
        cx.session.flags.insert(SessionFlags::MONITOR);
        // A client that ended its watch with RESET is still in the list.
        if !outside.monitors.contains(&slot) {
            outside.monitors.push(slot);
        }
        cx.engine.monitored = true;
    }
    cx.reply.ok();
    Ok(())
}

impl Outside {
    /// Tells those who watch.
    pub(super) fn feed_monitors(&mut self, session: &Session, command: &str, args: Args<'_>, now_us: u64, needs: u64) {
        let Outside { monitors, clients, .. } = self;
        // RESET ends a watch. The one whose command this is has its session elsewhere for now.
        monitors.retain(|&slot| clients.get(slot).is_some_and(|c| c.session.is_none() || c.has_flag(SessionFlags::MONITOR)));
        if monitors.is_empty() {
            return;
        }
        let line = line(session, command, args, now_us);
        for slot in self.monitors.clone() {
            // The one whose command this is has its output elsewhere for now, and may have ended its watch.
            if self.clients.get(slot).is_some_and(|c| c.has_flag(SessionFlags::MONITOR)) {
                self.push(slot, needs, |out| out.extend_from_slice(line.as_bytes()));
            }
        }
    }
}

fn line(session: &Session, command: &str, args: Args<'_>, now_us: u64) -> String {
    let from = if session.flags.contains(SessionFlags::UNIX_SOCKET) {
        format!("unix:{}", session.peer.trim_end_matches(":0"))
    } else {
        session.peer.clone()
    };
    let mut line = format!("+{}.{:06} [{} {from}]", now_us / 1_000_000, now_us % 1_000_000, session.db);
    for (i, arg) in args.iter().enumerate() {
        line.push(' ');
        if is_secret(command, args, i) {
            quote(&mut line, REDACTED.as_bytes());
        } else {
            quote(&mut line, arg);
        }
    }
    line.push_str("\r\n");
    line
}

/// As `sdscatrepr` does: printable bytes as they are, others escaped.
fn quote(line: &mut String, bytes: &[u8]) {
    line.push('"');
    for &b in bytes {
        match b {
            b'\\' | b'"' => line.extend(['\\', b as char]),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            7 => line.push_str("\\a"),
            8 => line.push_str("\\b"),
            0x20..=0x7e => line.push(b as char),
            other => line.push_str(&format!("\\x{other:02x}")),
        }
    }
    line.push('"');
}
