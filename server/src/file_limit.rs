//! The limit on open files: every client takes one, and the server itself needs some for its log, listeners and snapshots.
//!
//! Invariant: `maxclients` promises no more clients than there are files for. Otherwise the client that is one too many
//! would wait for ever instead of being refused, and the log might be unable to open its next segment.

use crate::config::{Config, SetError};
use crate::logging::log;
use crate::server::ServerError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Files that are not clients.
const RESERVED_FILES: u64 = 64;

/// The configuration with `maxclients` lowered to what the limit allows, after raising that as far as needed and possible.
pub(crate) fn fit(config: Config) -> Result<Config, ServerError> {
    let (wanted, possible) = (config.maxclients, possible_clients(config.maxclients));
    if possible >= wanted {
        return Ok(config);
    }
    let (needed, limit) = (u64::from(wanted) + RESERVED_FILES, u64::from(possible) + RESERVED_FILES);
    if possible == 0 {
        let least = RESERVED_FILES + 1;
        let reason = io::Error::other(format!("the limit on open files is too low; let 'ulimit -n' be {least} at least, better {needed}"));
        return Err(ServerError::system("Not enough open files for the server to start")(reason));
    }
    log!(Warning, "You requested maxclients of {wanted} requiring at least {needed} max file descriptors.");
    log!(
        Warning,
        "Current maximum open files is {limit}. maxclients has been reduced to {possible} to compensate for low ulimit. \
         If you need higher maxclients increase 'ulimit -n'."
    );
    let change = config.prepare(&[(b"maxclients", possible.to_string().as_bytes())], true);
    Ok(change.expect("a lower number of clients is in the parameter's range").config)
}

/// Raises the limit for this many clients, or says how many there can be.
pub(crate) fn make_room(maxclients: u32) -> Result<(), SetError> {
    let possible = possible_clients(maxclients);
    if possible >= maxclients {
        return Ok(());
    }
    let reason = format!("The operating system is not able to handle the specified number of clients, try with {possible}");
    Err(SetError::failed("maxclients", reason))
}

/// How many clients there are files for, after raising the limit if `maxclients` needs more.
fn possible_clients(maxclients: u32) -> u32 {
    let files = raise(u64::from(maxclients) + RESERVED_FILES);
    u32::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(u32::MAX)
}

/// Raises the limit to `wanted`, or as far as it goes; what it is then.
fn raise(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|&current| current < wanted) else {
        return limit.current.unwrap_or(u64::MAX);
    };
    // Only a privileged process may raise the maximum.
    let full = Rlimit { current: Some(wanted), maximum: limit.maximum.map(|maximum| maximum.max(wanted)) };
    let permitted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let reached = [full, permitted].into_iter().find(|limit| setrlimit(Resource::Nofile, *limit).is_ok());
    reached.map_or(current, |limit| limit.current.unwrap_or(u64::MAX))
}
