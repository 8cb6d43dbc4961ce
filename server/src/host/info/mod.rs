//! `INFO`: sections of `name:value` lines, with Redis's names. A field that Redis has and that has no meaning here
//! shows what is true: nothing was forked, nobody replicates.

mod memory;
mod persistence;
mod process;
mod stats;

use crate::outside::Outside;
use graven_engine::{Context, Engine, Error};
use std::fmt::{Display, Write};

pub(super) use memory::{Usage, human};

/// Writes one section.
type Section = fn(&mut Text, &Outside, &Engine);

/// All sections in the order in which they are shown; whether a bare `INFO` shows them.
const SECTIONS: &[(&str, bool, Section)] = &[
    ("Server", true, process::server),
    ("Clients", true, process::clients),
    ("Memory", true, memory::section),
    ("Persistence", true, persistence::section),
    ("Stats", true, stats::section),
    ("Replication", true, process::replication),
    ("CPU", true, process::cpu),
    ("Modules", true, |_, _, _| {}),
    ("Commandstats", false, stats::commands),
    ("Errorstats", true, stats::errors),
    ("Latencystats", false, stats::latency),
    ("Cluster", true, |text, _, _| text.field("cluster_enabled", 0)),
    ("Keyspace", true, stats::keyspace),
];

/// The text of a reply.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    fn field(&mut self, name: &str, value: impl Display) {
        // Writing into a string cannot fail.
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.field(name, value as u8);
    }

    fn status(&mut self, name: &str, ok: bool) {
        self.field(name, if ok { "ok" } else { "err" });
    }

    /// A duration, or -1.
    fn seconds(&mut self, name: &str, seconds: Option<u64>) {
        match seconds {
            Some(seconds) => self.field(name, seconds),
            None => self.field(name, -1),
        }
    }

    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, 0));
    }
}

/// `INFO [section …]`
pub(super) fn info(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let asked: Vec<Vec<u8>> = cx.args.skip(1).map(<[u8]>::to_ascii_lowercase).collect();
    let asks = |name: &str| asked.iter().any(|word| word == name.as_bytes());
    let all = asks("all") || asks("everything");
    let default = asked.is_empty() || asks("default");
    let mut text = Text::default();
    for (name, by_default, write) in SECTIONS {
        if all || default && *by_default || asks(&name.to_ascii_lowercase()) {
            if !text.0.is_empty() {
                text.0 += "\r\n";
            }
            text.0 += &format!("# {name}\r\n");
            write(&mut text, outside, cx.engine);
            // How many keys there are shows what was written. The other sections can be had while the disk stalls.
            if *name == "Keyspace" {
                cx.engine.depends_on_everything();
            }
        }
    }
    cx.reply.verbatim("txt", &text.0);
    Ok(())
}
