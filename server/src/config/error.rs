//! What can be wrong with a configuration, as sentences for the operator.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::REDIS_VERSION;

/// Why a configuration cannot be loaded. The server must not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A line is wrong.
    #[error("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\nReading {origin}, at line {line}\n>>> '{text}'\n{reason}")]
    Line {
        /// Where the line stands.
        origin: Origin,
        /// Counted from 1.
        line: usize,
        /// The line itself.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    #[error("Fatal error, can't open config file '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input cannot be read.
    #[error("Fatal error, can't read the configuration from standard input: {0}")]
    ReadStdin(io::Error),
    /// A command cannot be renamed.
    #[error(
        "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n>>> 'rename-command {from} {to}'\nNo such command in rename-command, or the target command name already exists"
    )]
    Rename {
        /// The command.
        from: String,
        /// What it was to be called.
        to: String,
    },
    /// An argument before the first option is not one.
    #[error("Fatal error, '{0}' stands before the first option: write the configuration file first, then options as '--name value'")]
    StrayArgument(String),
}

impl ConfigError {
    /// For whoever knows the commands: a `rename-command` that cannot be done.
    pub fn rename(from: &str, to: &str) -> Self {
        ConfigError::Rename { from: from.to_owned(), to: to.to_owned() }
    }
}

/// Where a configuration line comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The command line.
    CommandLine,
    /// A text handed in.
    Text,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "the configuration file '{}'", path.display()),
            Origin::Stdin => f.write_str("the configuration from standard input"),
            Origin::CommandLine => f.write_str("the options of the command line"),
            Origin::Text => f.write_str("the configuration"),
        }
    }
}

/// Why `CONFIG SET` changed nothing. The text is that of the reply without its leading `ERR `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No such parameter.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A parameter's value is refused, or could not be applied.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The parameter as the client named it.
        name: String,
        /// Why.
        reason: String,
    },
}

impl SetError {
    /// For whoever applies a change and cannot: names the parameter and the reason.
    pub fn failed(name: impl Into<String>, reason: impl Into<String>) -> Self {
        SetError::Failed { name: name.into(), reason: reason.into() }
    }
}

/// Why `CONFIG REWRITE` failed; the file is as it was. The text is that of the reply without its leading `ERR `.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// There is no file to write.
    #[error("The server is running without a config file")]
    NoFile,
    /// It cannot be read or written.
    #[error("Rewriting config file: {0}")]
    Io(io::Error),
}
