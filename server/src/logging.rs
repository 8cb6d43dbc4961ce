//! The server's own log lines, in the form that tools know:
//!
//! ```text
//! 4711:M 21 Nov 2026 09:15:02.137 * Ready to accept connections
//! ```
//!
//! process id, role, local time, a character for the level, the message. Bytes of a client or a file may stand in a message, so
//! control characters are escaped: nobody can end a line, begin one, or colour the terminal. One process has one log, so it is global: set up
//! once, its level changeable at any time. A line below the level costs one relaxed load. Each line is one `write`, so that
//! lines of several threads never mix, and a log file is opened anew for each line, so that a rotated file is left alone.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::Zoned;

use crate::config::Config;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// For developers.
    Debug,
    /// Rarely of interest.
    Verbose,
    /// What an operator wants to see.
    Notice,
    /// What an operator must see.
    Warning,
    /// As a threshold: no line at all.
    Nothing,
}

const NAMES: [(&str, Level); 5] = [
    ("debug", Level::Debug),
    ("verbose", Level::Verbose),
    ("notice", Level::Notice),
    ("warning", Level::Warning),
    ("nothing", Level::Nothing),
];

impl Level {
    /// The name as it stands in the configuration.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].0
    }

    fn mark(self) -> char {
        ['.', '-', '*', '#', '#'][self as usize]
    }
}

/// The text is not the name of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the level must be one of debug, verbose, notice, warning, nothing")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, level)| *level).ok_or(UnknownLevel)
    }
}

/// What the process is while it writes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Not serving yet.
    Starting = b'C',
    /// Serving, and nobody's replica.
    Master = b'M',
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static ROLE: AtomicU8 = AtomicU8::new(Role::Starting as u8);
/// Where lines go: a file, or standard error. The lock also keeps lines of several threads apart.
static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Sends the lines to a file (which is created if need be) or to standard error, from this level on. Fails if the file
/// cannot be written.
pub fn set_up(level: Level, file: Option<&Path>) -> io::Result<()> {
    if let Some(path) = file {
        OpenOptions::new().create(true).append(true).open(path)?;
    }
    *FILE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = file.map(Path::to_owned);
    set_level(level);
    Ok(())
}

/// [`set_up`] as the configuration says.
pub fn init(config: &Config) -> io::Result<()> {
    let file = (!config.logfile.is_empty()).then(|| config.dir.join(&config.logfile));
    set_up(config.loglevel, file.as_deref())
}

/// Changes the level.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Changes the role.
pub fn set_role(role: Role) {
    ROLE.store(role as u8, Ordering::Relaxed);
}

/// Whether lines of this level are written.
#[inline]
pub fn enabled(level: Level) -> bool {
    level < Level::Nothing && level as u8 >= LEVEL.load(Ordering::Relaxed)
}

/// Writes a line; `log!` asks [`enabled`] first. A log that cannot be written is not worth a crash: the line is lost.
pub fn write(level: Level, message: fmt::Arguments<'_>) {
    let role = ROLE.load(Ordering::Relaxed);
    let line = line(std::process::id(), role, &Zoned::now(), level, message);
    let file = FILE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let _ = match &*file {
        Some(path) => OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes())),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

fn line(pid: u32, role: u8, now: &Zoned, level: Level, message: fmt::Arguments<'_>) -> String {
    let time = now.strftime("%d %b %Y %H:%M:%S");
    let milliseconds = now.millisecond();
    let message = escape_controls(&message.to_string());
    format!("{pid}:{} {time}.{milliseconds:03} {} {message}\n", char::from(role), level.mark())
}

/// A newline as `\n`, other control characters as `\x1b`; anything else stays.
fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escaped.extend(byte.escape_ascii().map(char::from))),
            false => escaped.push(character),
        }
    }
    escaped
}

/// `log!(Notice, "DB loaded from {}", file)`: writes a line of the server's log if its level is enabled.
macro_rules! log {
    ($level:ident, $($message:tt)+) => {
        if $crate::logging::enabled($crate::logging::Level::$level) {
            $crate::logging::write($crate::logging::Level::$level, format_args!($($message)+));
        }
    };
}
pub(crate) use log;

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;

    #[test]
    fn lines_have_the_form_that_tools_parse() {
        let now = "2026-11-01T09:05:02.007Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let text = line(4711, b'M', &now, Level::Notice, format_args!("Ready to accept {}", "connections"));
        assert_eq!(text, "4711:M 01 Nov 2026 09:05:02.007 * Ready to accept connections\n");
        let marks: String = NAMES[..4].iter().map(|(_, level)| level.mark()).collect();
        assert_eq!(marks, ".-*#");
    }

    #[test]
    fn a_message_is_one_line_whatever_stands_in_it() {
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        let text = line(1, b'M', &now, Level::Warning, format_args!("'{}'", "a\r\nb\t\u{1b}[31m\0\u{9b}\u{7f} ü \\ \"'"));
        assert_eq!(text, "1:M 01 Jan 1970 00:00:00.000 # 'a\\r\\nb\\t\\x1b[31m\\x00\\xc2\\x9b\\x7f ü \\ \"''\n");
    }

    #[test]
    fn every_level_is_found_by_its_name_and_orders_by_importance() {
        for (name, level) in NAMES {
            assert_eq!(name.to_uppercase().parse(), Ok(level));
            assert_eq!(level.name(), name);
        }
        assert!(NAMES.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert_eq!("loud".parse::<Level>(), Err(UnknownLevel));
    }

    #[test]
    fn a_rotated_file_is_left_alone_and_levels_below_the_threshold_write_nothing() {
        let dir = std::env::temp_dir().join(format!("logging-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (path, rotated) = (dir.join("server.log"), dir.join("server.log.1"));
        set_up(Level::Notice, Some(&path)).unwrap();
        log!(Warning, "first {}", 1);
        log!(Verbose, "unseen");
        std::fs::rename(&path, &rotated).unwrap();
        log!(Notice, "second");
        set_up(Level::Nothing, Some(&path)).unwrap();
        log!(Warning, "unseen");
        set_up(Level::Notice, None).unwrap();
        let first = std::fs::read_to_string(&rotated).unwrap();
        let second = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(first.contains(" # first 1\n") && !first.contains("second"), "{first}");
        assert!(second.contains(" * second\n") && !second.contains("first"), "{second}");
        assert!(!first.contains("unseen") && !second.contains("unseen"), "{first}{second}");
        assert!(set_up(Level::Notice, Some(Path::new("/nonexistent/server.log"))).is_err());
    }
}
