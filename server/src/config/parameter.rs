//! One parameter: its name, what values it takes, and what may be done with it.

use super::value::Value;

/// Everything known about one parameter, as it stands in the table.
#[derive(Debug)]
pub struct Parameter {
    /// The name in files, in `CONFIG` and on the command line.
    pub name: &'static str,
    /// An older or other name for the same parameter.
    pub alias: Option<&'static str>,
    /// The values it takes.
    pub kind: Kind,
    /// The value it has when nobody sets it, written as in a file.
    pub default: &'static str,
    /// Cannot change while the server runs.
    pub immutable: bool,
    /// `CONFIG SET` needs `enable-protected-configs`.
    pub protected: bool,
    /// Left out of `CONFIG GET` patterns; found by its exact name.
    pub hidden: bool,
    /// Accepted and shown, but nothing acts on it yet.
    pub inert: bool,
    /// Only the default is possible here; the reason tells why.
    pub only_default: Option<&'static str>,
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// The values that a parameter takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A number within `min..=max`.
    Int {
        /// The smallest value.
        min: i128,
        /// The greatest value.
        max: i128,
        /// How it is written.
        form: IntForm,
    },
    /// One of several words. Two words may mean the same; then the first is printed.
    Enum(&'static [(&'static str, u32)]),
    /// Several of several words; the words are bits, and the check refuses combinations.
    Flags(&'static [(&'static str, u32)], fn(u32) -> Result<(), &'static str>),
    /// Any text that the check accepts; it is handed the parameter's name and the text.
    Text(fn(&str, &str) -> Result<(), String>),
    /// Any text; the empty one means that it is not set.
    Optional,
    /// Several words with a grammar of their own.
    Words(&'static Grammar),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntForm {
    /// `42`
    Plain,
    /// `64mb`
    Memory,
    /// `64mb` or `5%`; a percentage is held as a negative number.
    MemoryOrPercent,
    /// `700`
    Octal,
}

/// The grammar of a parameter made of words.
#[derive(Debug)]
pub struct Grammar {
    /// Whether the words are arguments of their own; else there is one.
    pub is_multi: bool,
    /// Turns words into the canonical list of words; the second argument is the list so far.
    pub parse: ParseWords,
    /// What `CONFIG REWRITE` writes after the name.
    pub lines: PrintLines,
}

/// Words as they were written, the canonical words before, and whether this adds to an earlier line of the same file.
pub type ParseWords = fn(&[&str], &[String], bool) -> Result<Vec<String>, String>;

/// From the words and the default's words to lines, each with whether it must stand in the file.
pub type PrintLines = fn(&[String], &[String]) -> Vec<(String, bool)>;

impl Parameter {
    /// A row of the table.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Self {
        Parameter {
            name,
            alias: None,
            kind,
            default,
            immutable: false,
            protected: false,
            hidden: false,
            inert: false,
            only_default: None,
            doc,
        }
    }

    /// Gives it a second name.
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Forbids changes at run time.
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Lets changes at run time depend on `enable-protected-configs`.
    pub const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Leaves it out of patterns.
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Marks it as accepted without effect.
    pub const fn inert(mut self) -> Self {
        self.inert = true;
        self
    }

    /// Refuses everything but the default, with a reason.
    pub const fn only_default(mut self, reason: &'static str) -> Self {
        self.only_default = Some(reason);
        self
    }

    /// Whether several arguments belong to it.
    pub fn is_multi(&self) -> bool {
        match self.kind {
            Kind::Words(grammar) => grammar.is_multi,
            Kind::Flags(..) => true,
            _ => false,
        }
    }

    /// The default as a value.
    pub fn default_value(&self) -> Value {
        Value::parse(self, &[self.default], None, false).expect("the table's defaults are valid")
    }
}
