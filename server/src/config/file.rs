//! Reading configuration text: one parameter a line, Redis's grammar.
//!
//! A line is trimmed, `#` starts a comment only at its beginning, the rest is split as the shell would
//! ([`graven_resp::split_line`]). Names are known in any case. `include PATTERN` reads other files in its place. Nothing is
//! skipped silently: a line that cannot be honoured stops the start, unless a later one, or an option, takes it back.

use std::path::{Path, PathBuf};

use graven_engine::Registry;

use super::error::{ConfigError, Origin};
use super::table;
use super::user::DefaultUser;
use super::value::Value;

/// How deep `include` may nest, so that a file which includes itself ends.
const INCLUDE_DEPTH_MAX: usize = 16;
/// How many files one `include` may name.
const INCLUDE_FILES_MAX: usize = 1000;

/// The longest path, as the operating system has it.
const PATH_BYTES_MAX: usize = 4096;

/// What a smaller `repl-backlog-size` becomes.
const BACKLOG_BYTES_MIN: i128 = 16 << 10;

/// Parameters of older versions that do nothing any more; each took one value.
const FORGOTTEN: [&str; 3] = ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// What has been read so far.
pub(super) struct Reader {
    pub values: Vec<Value>,
    pub renamed_commands: Vec<(String, String)>,
    /// Whether `dir` and `include` look at the disk.
    disk: bool,
    /// A `save` line has been read: further ones add to it.
    save_seen: bool,
    depth: usize,
    /// The commands as renamed so far; made when the first is.
    registry: Option<Registry>,
    /// Parameters that ask for what is not there, unless a later line takes that back: by index, with what to say then.
    unavailable: Vec<(usize, ConfigError)>,
    user: Option<(DefaultUser, Place)>,
}

/// A line, and where it stands.
struct Place {
    origin: Origin,
    line: usize,
    text: String,
}

impl Place {
    /// Says what is wrong with the line.
    fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Line { origin: self.origin.clone(), line: self.line, text: self.text.clone(), reason: reason.into() }
    }
}

impl Reader {
    pub fn new(disk: bool) -> Self {
        let mut values: Vec<Value> = table::all().iter().map(|parameter| parameter.default_value()).collect();
        let dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        values[dir_index()] = Value::Text(dir.to_string_lossy().into_owned());
        Reader {
            values,
            renamed_commands: Vec::new(),
            disk,
            save_seen: false,
            depth: 0,
            registry: None,
            unavailable: Vec::new(),
            user: None,
        }
    }

    /// Reads a file and what it includes.
    pub fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        self.read_text(&bytes, &Origin::File(path.to_owned()))
    }

    /// Reads lines.
    pub fn read_text(&mut self, text: &[u8], origin: &Origin) -> Result<(), ConfigError> {
        for (i, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"\0") {
                continue;
            }
            let place = Place { origin: origin.clone(), line: i + 1, text: String::from_utf8_lossy(line).into_owned() };
            self.read_line(line, place)?;
        }
        Ok(())
    }

    /// Judges what depends on all lines together. To be called when everything has been read.
    pub fn finish(&mut self) -> Result<(), ConfigError> {
        if let Some((_, error)) = self.unavailable.drain(..).next() {
            return Err(error);
        }
        if let Some((user, place)) = self.user.take() {
            let Value::Text(password) = &mut self.values[requirepass_index()] else { unreachable!("requirepass is a text") };
            *password = user.password(password).map_err(|reason| place.error(reason))?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8], place: Place) -> Result<(), ConfigError> {
        let refuse = |reason: &str| Err(place.error(reason));
        let words = split(line).map_err(|reason| place.error(reason))?;
        let Some((name, args)) = words.split_first() else { return Ok(()) };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let name = name.to_ascii_lowercase();
        match (name.as_str(), args.as_slice()) {
            (name, [_]) if FORGOTTEN.contains(&name) => Ok(()),
            (_, args) if let Some(index) = table::find(&name) => self.assign(index, args, &place),
            ("include", [pattern]) => self.include(pattern, &place),
            ("rename-command", [from, to]) => self.rename(from, to).map_err(|reason| place.error(reason)),
            ("user", [_, ..]) if self.user.is_some() => refuse("a user can only be defined once: remove the line"),
            ("user", args @ [_, ..]) => {
                let user = DefaultUser::parse(args).map_err(|reason| place.error(reason))?;
                self.user = Some((user, place));
                Ok(())
            }
            ("loadmodule", [_, ..]) => refuse("modules cannot be loaded: remove the line"),
            ("sentinel", [_, ..]) => refuse("sentinel mode is not available: remove the line"),
            _ => refuse("Bad directive or wrong number of arguments"),
        }
    }

    fn assign(&mut self, index: usize, args: &[&str], place: &Place) -> Result<(), ConfigError> {
        let name = table::all()[index].name;
        let args = match args {
            [] if name == "bind" => &[""],
            [] => return Err(place.error("wrong number of arguments")),
            args => args,
        };
        let adds = name == "save" && self.save_seen;
        self.values[index] = accept(index, args, &self.values, adds, self.disk).map_err(|reason| place.error(reason))?;
        self.save_seen |= name == "save";
        self.unavailable.retain(|(other, _)| *other != index);
        if let Some(reason) = unavailable(index, &self.values[index]) {
            self.unavailable.push((index, place.error(reason)));
        }
        Ok(())
    }

    /// Notes a renaming after doing it on a table of commands of our own, so that an impossible one is found here.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), &'static str> {
        let registry = self.registry.get_or_insert_default();
        match () {
            () if registry.by_name(from.as_bytes()).is_none() => return Err("No such command in rename-command"),
            () if !registry.rename(from.as_bytes(), to.as_bytes()) => return Err("Target command name already exists"),
            () => self.renamed_commands.push((from.to_owned(), to.to_owned())),
        }
        Ok(())
    }

    fn include(&mut self, pattern: &str, place: &Place) -> Result<(), ConfigError> {
        if !self.disk {
            return Ok(());
        }
        if self.depth >= INCLUDE_DEPTH_MAX {
            return Err(place.error("files include each other too deeply: does one include itself?"));
        }
        let dir = current_dir(&self.values);
        let files = super::include::matching(&dir, pattern, INCLUDE_FILES_MAX).map_err(|reason| place.error(reason))?;
        self.depth += 1;
        for file in files {
            self.read_file(&file)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Splits a line into words.
pub(super) fn split(line: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    graven_resp::split_line(line, |word| words.push(word.to_vec())).ok_or("Unbalanced quotes in configuration line")?;
    words.into_iter().map(|word| String::from_utf8(word).map_err(|_| "the line is not valid UTF-8")).collect()
}

/// Whether the name is that of a line which is not a parameter but has its place in a file.
pub(super) fn is_directive(name: &str) -> bool {
    ["include", "rename-command", "loadmodule"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn dir_index() -> usize {
    table::find("dir").expect("the table has dir")
}

pub(super) fn requirepass_index() -> usize {
    table::find("requirepass").expect("the table has requirepass")
}

fn current_dir(values: &[Value]) -> PathBuf {
    match &values[dir_index()] {
        Value::Text(dir) => PathBuf::from(dir),
        _ => unreachable!("dir is a text"),
    }
}

/// Why a value cannot be had here, if it cannot.
pub(super) fn unavailable(index: usize, value: &Value) -> Option<&'static str> {
    let parameter = table::all()[index];
    parameter.only_default.filter(|_| *value != parameter.default_value())
}

/// Parses a value: what a line of a file and `CONFIG SET` have in common. With `disk`, a directory must exist.
pub(super) fn accept(index: usize, args: &[&str], values: &[Value], adds: bool, disk: bool) -> Result<Value, String> {
    let parameter = table::all()[index];
    let value = Value::parse(parameter, args, Some(&values[index]), adds)?;
    match (parameter.name, value) {
        ("dir", Value::Text(dir)) => {
            let path = current_dir(values).join(&dir);
            if path.as_os_str().len() > PATH_BYTES_MAX {
                return Err(format!("the path of the directory is longer than {PATH_BYTES_MAX} bytes"));
            }
            let resolved = if disk { existing_dir(&path)? } else { path };
            resolved.into_os_string().into_string().map(Value::Text).map_err(|_| format!("the path of '{dir}' is not valid UTF-8"))
        }
        ("hz", Value::Int(hz)) => Ok(Value::Int(hz.clamp(1, 500))),
        ("repl-backlog-size", Value::Int(bytes)) => Ok(Value::Int(bytes.max(BACKLOG_BYTES_MIN))),
        (_, value) => Ok(value),
    }
}

/// The directory without symbolic links and dots.
fn existing_dir(path: &Path) -> Result<PathBuf, String> {
    let name = path.display();
    match path.canonicalize() {
        Ok(dir) if dir.is_dir() => Ok(dir),
        Ok(_) => Err(format!("'{name}' is not a directory")),
        Err(error) => Err(format!("can't use the directory '{name}': {error}")),
    }
}
