//! Every parameter, in one place. Reading files, `CONFIG GET`, `CONFIG SET`, `CONFIG REWRITE` and the reference in
//! `docs/configuration.md` all read this table and nothing else.
//!
//! Names, ranges and defaults are those of Redis 7.2 (its `redis.conf`), so that a file written for it works here. What
//! differs on purpose: `appendonly yes`, `bind 127.0.0.1 -::1`, and the `aof-block-checksums`, `aof-fill-ahead` and
//! `aof-load-corrupt-tail-max-size` parameters.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::grammar;
use super::parameter::{IntForm, Kind, Parameter};

mod data;
mod network;
mod persistence;
mod process;
mod unavailable;

/// A chapter of the table.
pub struct Chapter {
    /// Its title in the reference.
    pub title: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
}

/// The whole table.
pub static CHAPTERS: &[Chapter] = &[
    Chapter { title: "Network and clients", parameters: network::PARAMETERS },
    Chapter { title: "Persistence", parameters: persistence::PARAMETERS },
    Chapter { title: "Memory and data", parameters: data::PARAMETERS },
    Chapter { title: "Process, logging and monitoring", parameters: process::PARAMETERS },
    Chapter { title: "Replication, cluster, TLS and modules", parameters: unavailable::PARAMETERS },
];

static ALL: LazyLock<Vec<&'static Parameter>> = LazyLock::new(|| CHAPTERS.iter().flat_map(|c| c.parameters).collect());

static BY_NAME: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let both = |(i, p): (usize, &&'static Parameter)| [Some(p.name), p.alias].into_iter().flatten().map(move |name| (name, i));
    ALL.iter().enumerate().flat_map(both).collect()
});

/// All parameters in order; the index is the parameter's identity.
pub fn all() -> &'static [&'static Parameter] {
    &ALL
}

/// Finds a parameter by its name or alias, in any case.
pub fn find(name: &str) -> Option<usize> {
    BY_NAME.get(name.to_ascii_lowercase().as_str()).copied()
}

const I32_MAX: i128 = i32::MAX as i128;
const I64_MAX: i128 = i64::MAX as i128;
const U32_MAX: i128 = u32::MAX as i128;
const U64_MAX: i128 = u64::MAX as i128;

const fn int(min: i128, max: i128) -> Kind {
    Kind::Int { min, max, form: IntForm::Plain }
}

const fn memory(min: i128, max: i128) -> Kind {
    Kind::Int { min, max, form: IntForm::Memory }
}

const TEXT: Kind = Kind::Text(|_, _| Ok(()));
const PORT: Kind = int(0, 65535);
const COUNT: Kind = int(0, I32_MAX);
const LONG: Kind = int(0, I64_MAX);
const SIZE: Kind = memory(0, I64_MAX);
const LOCALITY: Kind = Kind::Enum(&[("no", 0), ("yes", 1), ("local", 2)]);

/// A name of a file within a directory, not a path.
fn file_name(parameter: &str, text: &str) -> Result<(), String> {
    let what = if parameter == "appenddirname" { "dirname" } else { "filename" };
    match text {
        "" => Err(format!("{parameter} can't be empty")),
        "." | ".." => Err(format!("{parameter} can't be a path, just a {what}")),
        text if text.contains('/') => Err(format!("{parameter} can't be a path, just a {what}")),
        text if text.chars().any(char::is_control) => Err(format!("{parameter} can't contain control characters")),
        _ => Ok(()),
    }
}
