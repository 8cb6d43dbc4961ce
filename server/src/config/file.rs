//! Reading configuration text: one parameter a line, Redis's grammar.
//!
//! A line is trimmed, `#` starts a comment only at its beginning, the rest is split as the shell would
//! ([`graven_resp::split_line`]). Names are known in any case. `include PATTERN` reads other files in its place. Nothing is
//! skipped silently: a line that cannot be honoured stops the start.

use std::path::{Path, PathBuf};

use graven_engine::Registry;

use super::error::{ConfigError, Origin};
use super::table;
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
}

impl Reader {
    pub fn new(disk: bool) -> Self {
        let mut values: Vec<Value> = table::all().iter().map(|parameter| parameter.default_value()).collect();
        let dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        values[dir_index()] = Value::Text(dir.to_string_lossy().into_owned());
        Reader { values, renamed_commands: Vec::new(), disk, save_seen: false, depth: 0, registry: None }
    }

    /// Reads a file and what it includes.
    pub fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        self.read_text(&bytes, &Origin::File(path.to_owned()))
    }

    /// Reads lines.
    pub fn read_text(&mut self, text: &[u8], origin: &Origin) -> Result<(), ConfigError> {
        for (i, line) in text.split(|b| *b == b'\n').enumerate() {
            self.read_line(line).map_err(|failure| match failure {
                Failure::Elsewhere(error) => error,
                Failure::Here(reason) => ConfigError::Line {
                    origin: origin.clone(),
                    line: i + 1,
                    text: String::from_utf8_lossy(line.trim_ascii()).into_owned(),
                    reason,
                },
            })?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"\0") {
            return Ok(());
        }
        let words = split(line).map_err(here)?;
        let Some((name, args)) = words.split_first() else { return Ok(()) };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let name = name.to_ascii_lowercase();
        match (name.as_str(), args.as_slice()) {
            (name, [_]) if FORGOTTEN.contains(&name) => Ok(()),
            (_, args) if let Some(index) = table::find(&name) => self.assign(index, args).map_err(Failure::Here),
            ("include", [pattern]) => self.include(pattern),
            ("rename-command", [from, to]) => self.rename(from, to).map_err(here),
            ("user", [_, ..]) => Err(here("access control lists are not available yet: remove the line and use 'requirepass'")),
            ("loadmodule", [_, ..]) => Err(here("modules cannot be loaded: remove the line")),
            ("sentinel", [_, ..]) => Err(here("sentinel mode is not available: remove the line")),
            _ => Err(here("Bad directive or wrong number of arguments")),
        }
    }

    fn assign(&mut self, index: usize, args: &[&str]) -> Result<(), String> {
        if args.is_empty() {
            return Err("wrong number of arguments".to_owned());
        }
        let name = table::all()[index].name;
        let adds = name == "save" && self.save_seen;
        self.values[index] = accept(index, args, &self.values, adds, self.disk)?;
        self.save_seen |= name == "save";
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

    fn include(&mut self, pattern: &str) -> Result<(), Failure> {
        if !self.disk {
            return Ok(());
        }
        if self.depth >= INCLUDE_DEPTH_MAX {
            return Err(here("files include each other too deeply: does one include itself?"));
        }
        let dir = current_dir(&self.values);
        let files = super::include::matching(&dir, pattern, INCLUDE_FILES_MAX).map_err(Failure::Here)?;
        self.depth += 1;
        for file in files {
            self.read_file(&file).map_err(Failure::Elsewhere)?;
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
    ["include", "rename-command", "user", "loadmodule"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What is wrong: this line, or a line of a file that it includes.
enum Failure {
    Here(String),
    Elsewhere(ConfigError),
}

fn here(reason: &str) -> Failure {
    Failure::Here(reason.to_owned())
}

fn dir_index() -> usize {
    table::find("dir").expect("the table has dir")
}

fn current_dir(values: &[Value]) -> PathBuf {
    match &values[dir_index()] {
        Value::Text(dir) => PathBuf::from(dir),
        _ => unreachable!("dir is a text"),
    }
}

/// Parses a value and checks that it is possible here: what a line of a file and `CONFIG SET` have in common.
/// With `disk`, a directory must exist.
pub(super) fn accept(index: usize, args: &[&str], values: &[Value], adds: bool, disk: bool) -> Result<Value, String> {
    let parameter = table::all()[index];
    let value = Value::parse(parameter, args, Some(&values[index]), adds)?;
    if let Some(reason) = parameter.only_default
        && value != parameter.default_value()
    {
        return Err(reason.to_owned());
    }
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
