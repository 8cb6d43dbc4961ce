//! The configuration: `redis.conf`, the command line, and `CONFIG`.
//!
//! Owns the table of parameters ([`table`]), the values, and their ways in and out: files and options in, `CONFIG GET`,
//! `CONFIG SET` and `CONFIG REWRITE` at run time. Does not know how a value takes effect: a change is data ([`Change`]) that
//! the server applies and then keeps, or drops.
//!
//! Invariants:
//! * A value is in the table's range, or it never entered. So reading [`Options`] cannot fail.
//! * A change is whole: `CONFIG SET` of many pairs is validated before any is visible.
//! * What [`Config::get`] prints, a configuration line takes, and the value is the same.

mod command_line;
mod error;
mod file;
mod grammar;
mod include;
mod options;
mod parameter;
mod reference;
mod rewrite;
pub mod table;
mod user;
mod value;

use std::collections::HashSet;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};

pub use error::{ConfigError, Origin, RewriteError, SetError};
pub use options::{Locality, Options, OutputLimit, SavePoint, ShutdownFlags};
pub use parameter::{Grammar, IntForm, Kind, Parameter};
pub use reference::reference;
pub use value::Value;

use graven_engine::glob;

use file::Reader;

/// The values of all parameters. The typed ones are reached directly: `config.maxclients`.
#[derive(Clone, Debug)]
pub struct Config {
    values: Vec<Value>,
    options: Options,
    file: Option<PathBuf>,
}

impl Deref for Config {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.options
    }
}

impl Default for Config {
    fn default() -> Self {
        Config::from_reader(Reader::new(false), None)
    }
}

/// A valid change that nobody has seen yet.
#[derive(Clone, Debug)]
pub struct Change {
    /// The configuration as it would be. Replace the old one by it when everything is applied.
    pub config: Config,
    /// The names (not aliases) of the parameters whose values differ.
    pub changed: Vec<&'static str>,
}

impl Config {
    /// Reads the file (`-`: standard input), then the options of the command line (`["--port", "7000"]`), which win.
    /// A `-` as the last of the options stands for standard input too.
    pub fn load(file: Option<&str>, overrides: &[String]) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(true);
        let mut absolute = None;
        let (overrides, stdin) = match overrides.split_last() {
            Some((last, options)) if last == "-" => (options, true),
            _ => (overrides, file == Some("-")),
        };
        if let Some(name) = file.filter(|name| *name != "-") {
            let path = Path::new(name);
            reader.read_file(path)?;
            absolute = Some(path.canonicalize().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?);
        }
        if stdin {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text).map_err(ConfigError::ReadStdin)?;
            reader.read_text(&text, &Origin::Stdin)?;
        }
        let lines = command_line::to_lines(overrides)?;
        reader.read_text(&lines, &Origin::CommandLine)?;
        reader.finish()?;
        Ok(Config::from_reader(reader, absolute))
    }

    /// Reads a text without touching the disk: no file is included, no directory looked for. For tests and fuzzing.
    pub fn parse_text(text: &[u8]) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(false);
        reader.read_text(text, &Origin::Text)?;
        reader.finish()?;
        Ok(Config::from_reader(reader, None))
    }

    fn from_reader(reader: Reader, file: Option<PathBuf>) -> Config {
        let options = Options::read(&reader.values, &reader.renamed_commands);
        Config { values: reader.values, options, file }
    }

    /// The file it was read from, absolute.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The value of one parameter as it is printed; nothing for an unknown name.
    pub fn get_one(&self, name: &str) -> Option<String> {
        let index = table::find(name)?;
        Some(self.values[index].print(&table::all()[index].kind))
    }

    /// The parameters that are set to something else than their defaults although nothing acts on them yet: worth a line
    /// in the log, so that nobody relies on them.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let set =
            table::all().iter().zip(&self.values).filter(|(parameter, value)| parameter.inert && **value != parameter.default_value());
        set.map(|(parameter, _)| parameter.name).collect()
    }

    /// `CONFIG GET`: every name that a pattern matches, once, and its value. A pattern without wildcards is a name and
    /// comes back as it was written.
    pub fn get<'p>(&self, patterns: impl IntoIterator<Item = &'p [u8]>) -> Vec<(String, String)> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for pattern in patterns {
            let pattern = String::from_utf8_lossy(pattern);
            if !pattern.contains(['*', '?', '[']) {
                if let Some(value) = self.get_one(&pattern)
                    && seen.insert(pattern.to_ascii_lowercase())
                {
                    found.push((pattern.into_owned(), value));
                }
                continue;
            }
            for (parameter, value) in table::all().iter().zip(&self.values).filter(|(parameter, _)| !parameter.hidden) {
                for name in [Some(parameter.name), parameter.alias].into_iter().flatten() {
                    if glob::matches(pattern.as_bytes(), name.as_bytes(), true) && seen.insert(name.to_owned()) {
                        found.push((name.to_owned(), value.print(&parameter.kind)));
                    }
                }
            }
        }
        found
    }

    /// `CONFIG SET`: validates all pairs. `local` tells that the client is on this machine (see
    /// `enable-protected-configs`). No name may come twice; of a name and its alias the last wins. Nothing of `self` changes.
    pub fn prepare(&self, pairs: &[(&[u8], &[u8])], local: bool) -> Result<Change, SetError> {
        let mut indices = Vec::with_capacity(pairs.len());
        for (i, (name, _)) in pairs.iter().enumerate() {
            let is_repeated = pairs[..i].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name));
            let name = String::from_utf8_lossy(name);
            let failed = |reason: &str| Err(SetError::failed(name.clone(), reason));
            let Some(index) = table::find(&name) else { return Err(SetError::Unknown(name.into_owned())) };
            let parameter = table::all()[index];
            match () {
                () if parameter.immutable => return failed("can't set immutable config"),
                () if parameter.protected && !self.enable_protected_configs.allows(local) => return failed("can't set protected config"),
                () if is_repeated => return failed("duplicate parameter"),
                () => indices.push(index),
            }
        }
        let mut values = self.values.clone();
        for (&index, (name, value)) in indices.iter().zip(pairs) {
            let failed = |reason: String| SetError::failed(String::from_utf8_lossy(name), reason);
            let value = std::str::from_utf8(value).map_err(|_| failed("argument must be valid UTF-8".to_owned()))?;
            values[index] = file::accept(index, &[value], &values, false, true).map_err(failed)?;
            file::unavailable(index, &values[index]).map_or(Ok(()), |reason| Err(failed(reason.to_owned())))?;
        }
        let all = table::all().iter().zip(values.iter().zip(&self.values));
        let changed = all.filter(|(_, (new, old))| new != old).map(|(parameter, _)| parameter.name).collect();
        let options = Options::read(&values, &self.options.renamed_commands);
        Ok(Change { config: Config { values, options, file: self.file.clone() }, changed })
    }

    /// `CONFIG REWRITE`: brings the file up to these values; see [`rewrite`] for what becomes of each line.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let path = self.file.as_deref().ok_or(RewriteError::NoFile)?;
        rewrite::rewrite_file(path, &self.values).map_err(RewriteError::Io)
    }
}
