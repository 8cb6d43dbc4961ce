//! What a command is: everything that is known of it before it runs.
//!
//! A [`CommandSpec`] is data, written once in `table/`. Dispatch, arity checks, flags, key extraction,
//! `COMMAND …` and its documentation all read the same line.
//! Names and meanings: <https://redis.io/docs/latest/commands/command/>.

use crate::context::Context;
use crate::error::Error;
use crate::host::HostCommand;

bitflags::bitflags! {
    /// How a command behaves, as `COMMAND INFO` lists it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change the data set.
        const WRITE = 1 << 0;
        /// Reads keys and changes nothing.
        const READONLY = 1 << 1;
        /// Refused when memory is short.
        const DENYOOM = 1 << 2;
        /// For administrators.
        const ADMIN = 1 << 3;
        /// Publish and subscribe.
        const PUBSUB = 1 << 4;
        /// Not from scripts.
        const NOSCRIPT = 1 << 5;
        /// May wait.
        const BLOCKING = 1 << 6;
        /// Allowed while the data set is loading.
        const LOADING = 1 << 7;
        /// Allowed on a replica with stale data.
        const STALE = 1 << 8;
        /// Not shown to `MONITOR`.
        const SKIP_MONITOR = 1 << 9;
        /// Not kept in `SLOWLOG`.
        const SKIP_SLOWLOG = 1 << 10;
        /// Constant or logarithmic time.
        const FAST = 1 << 11;
        /// Allowed before `AUTH`.
        const NO_AUTH = 1 << 12;
        /// May reach replicas (`CLIENT PAUSE WRITE` holds it back).
        const MAY_REPLICATE = 1 << 13;
        /// Not inside `MULTI`.
        const NO_MULTI = 1 << 14;
        /// Its keys cannot be told from its arguments alone.
        const MOVABLE_KEYS = 1 << 15;
        /// Touches keys it was not named.
        const TOUCHES_ARBITRARY_KEYS = 1 << 16;
        /// May run while a script is overdue.
        const ALLOW_BUSY = 1 << 17;
        /// May run where only asynchronous code may not (kept for `COMMAND INFO`).
        const NO_ASYNC_LOADING = 1 << 18;
        /// Not from access control lists (`AUTH`, `HELLO`, …).
        const SENTINEL = 1 << 19;
        /// Runs at once inside `MULTI` (`EXEC`, `DISCARD`, `WATCH`, …).
        const NOT_QUEUED = 1 << 20;
        /// For the server and its tests rather than for users; the documentation says so.
        const SYSTEM = 1 << 21;
        /// May be called without any key.
        const NO_MANDATORY_KEYS = 1 << 22;
    }

    /// The access-control categories that do not follow from [`Flags`]; see [`CommandSpec::categories`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Categories: u32 {
        /// `@keyspace`
        const KEYSPACE = 1 << 0;
        /// `@read`
        const READ = 1 << 1;
        /// `@write`
        const WRITE = 1 << 2;
        /// `@set`
        const SET = 1 << 3;
        /// `@sortedset`
        const SORTEDSET = 1 << 4;
        /// `@list`
        const LIST = 1 << 5;
        /// `@hash`
        const HASH = 1 << 6;
        /// `@string`
        const STRING = 1 << 7;
        /// `@bitmap`
        const BITMAP = 1 << 8;
        /// `@hyperloglog`
        const HYPERLOGLOG = 1 << 9;
        /// `@geo`
        const GEO = 1 << 10;
        /// `@stream`
        const STREAM = 1 << 11;
        /// `@pubsub`
        const PUBSUB = 1 << 12;
        /// `@admin`
        const ADMIN = 1 << 13;
        /// `@fast`
        const FAST = 1 << 14;
        /// `@slow`
        const SLOW = 1 << 15;
        /// `@blocking`
        const BLOCKING = 1 << 16;
        /// `@dangerous`
        const DANGEROUS = 1 << 17;
        /// `@connection`
        const CONNECTION = 1 << 18;
        /// `@transaction`
        const TRANSACTION = 1 << 19;
        /// `@scripting`
        const SCRIPTING = 1 << 20;
    }

    /// What a command does with the keys of one [`KeySpec`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// Reads.
        const RO = 1 << 0;
        /// Reads and writes.
        const RW = 1 << 1;
        /// Overwrites without reading.
        const OW = 1 << 2;
        /// Removes.
        const RM = 1 << 3;
        /// Returns or copies the value.
        const ACCESS = 1 << 4;
        /// Changes the value depending on what it was.
        const UPDATE = 1 << 5;
        /// Adds without changing what is there.
        const INSERT = 1 << 6;
        /// Deletes content or the key.
        const DELETE = 1 << 7;
        /// Not a key though it looks like one.
        const NOT_KEY = 1 << 8;
        /// More keys may hide elsewhere.
        const INCOMPLETE = 1 << 9;
        /// The flags depend on the other arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// Where the search for a command's keys begins.
#[derive(Clone, Copy, Debug)]
pub enum BeginSearch {
    /// At this argument.
    Index(i32),
    /// After this word, looked for from an argument on (from the end if negative).
    Keyword(&'static str, i32),
    /// Anywhere, or nowhere among the arguments.
    Unknown,
}

/// How keys are found from there.
#[derive(Clone, Copy, Debug)]
pub enum FindKeys {
    /// Up to `last` (relative to the beginning; negative: from the end), each `step`; `limit` 2 means half of the rest, and so on.
    Range {
        /// Last key.
        last: i32,
        /// Distance between keys.
        step: i32,
        /// Fraction of the arguments, 0 or 1 for all.
        limit: i32,
    },
    /// A number of keys is given.
    KeyNum {
        /// Where the number stands, relative to the beginning.
        number: i32,
        /// Where the first key stands.
        first: i32,
        /// Distance between keys.
        step: i32,
    },
    /// Cannot be told.
    Unknown,
}

/// A group of keys among a command's arguments.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What happens to them.
    pub flags: KeyFlags,
    /// Where to begin.
    pub begin: BeginSearch,
    /// How to go on.
    pub find: FindKeys,
    /// A remark for `COMMAND INFO`, or empty.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key at argument `index`.
    pub const fn one(index: i32, flags: KeyFlags) -> KeySpec {
        KeySpec::range(index, 0, 1, flags)
    }

    /// Keys from argument `first` to `last` (relative to `first`, or from the end if negative), every `step`.
    pub const fn range(first: i32, last: i32, step: i32, flags: KeyFlags) -> KeySpec {
        KeySpec { flags, begin: BeginSearch::Index(first), find: FindKeys::Range { last, step, limit: 0 }, notes: "" }
    }
}

impl KeySpec {
    /// Keys that the key specification cannot lead to.
    pub const fn unknown(flags: KeyFlags, notes: &'static str) -> KeySpec {
        KeySpec { flags, begin: BeginSearch::Unknown, find: FindKeys::Unknown, notes }
    }
}

/// The type of an argument in the documentation.
#[derive(Clone, Copy, Debug)]
pub enum ArgType {
    /// Any bytes.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating-point number.
    Double,
    /// The name of a key; the number is the index of its key specification.
    Key(u8),
    /// A pattern.
    Pattern,
    /// A pattern of keys, which the key specification with this index finds.
    KeyPattern(u8),
    /// Seconds or milliseconds since the epoch.
    UnixTime,
    /// A word without a value; its `token` says which.
    PureToken,
    /// One of the arguments below it.
    OneOf(&'static [Arg]),
    /// All of the arguments below it, together.
    Block(&'static [Arg]),
}

/// One argument, as `COMMAND DOCS` describes it.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ArgType,
    /// The word before it, or empty.
    pub token: &'static str,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The token is repeated too.
    pub multiple_token: bool,
    /// Version it came with, if later than the command.
    pub since: &'static str,
    /// Version it was deprecated in, or empty.
    pub deprecated_since: &'static str,
}

impl Arg {
    /// An argument with a name and a type.
    pub const fn new(name: &'static str, kind: ArgType) -> Arg {
        Arg { name, kind, token: "", optional: false, multiple: false, multiple_token: false, since: "", deprecated_since: "" }
    }
    /// A word without a value.
    pub const fn word(name: &'static str, token: &'static str) -> Arg {
        Arg::new(name, ArgType::PureToken).token(token)
    }
    /// The first key specification's key, named `key`.
    pub const fn key() -> Arg {
        Arg::new("key", ArgType::Key(0))
    }
    /// Preceded by a word.
    pub const fn token(mut self, token: &'static str) -> Arg {
        self.token = token;
        self
    }
    /// May be left out.
    pub const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }
    /// May be repeated.
    pub const fn multiple(mut self) -> Arg {
        self.multiple = true;
        self
    }
    /// May be repeated together with its token.
    pub const fn multiple_token(mut self) -> Arg {
        self.multiple = true;
        self.multiple_token = true;
        self
    }
    /// Version it was deprecated in.
    pub const fn deprecated_since(mut self, version: &'static str) -> Arg {
        self.deprecated_since = version;
        self
    }
    /// Version it came with.
    pub const fn since(mut self, version: &'static str) -> Arg {
        self.since = version;
        self
    }
}

/// Who executes a command.
#[derive(Clone, Copy)]
pub enum Run {
    /// The engine: on data, session and settings alone.
    Engine(fn(&mut Context<'_>) -> Result<(), Error>),
    /// The server around it: sockets, configuration, the log.
    Host(HostCommand),
    /// The dispatcher itself (`EXEC`).
    Exec,
    /// Nobody: the command only contains others.
    Container,
}

/// Which arguments are members, or fields, of the first key.
#[derive(Clone, Copy, Debug)]
pub struct MemberSpec {
    /// The first.
    pub first: u8,
    /// From one to the next.
    pub step: u8,
    /// So many are fetched early.
    pub most: u8,
}

/// One command, or one subcommand.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// In lower case; a subcommand without its container's name.
    pub name: &'static str,
    /// Arguments with the name (and the container's); negative: at least that many.
    pub arity: i32,
    /// How it behaves.
    pub flags: Flags,
    /// Categories beyond those that follow from the flags.
    pub extra_categories: Categories,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Where the members, or fields, of its key are among its arguments.
    pub members: Option<MemberSpec>,
    /// Who executes it.
    pub run: Run,
    /// Its subcommands.
    pub subcommands: &'static [CommandSpec],
    /// Group in the documentation: `string`, `generic`, `connection`, `server`, `transactions`, …
    pub group: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Version of Redis it came with.
    pub since: &'static str,
    /// Time it takes.
    pub complexity: &'static str,
    /// Version and what changed.
    pub history: &'static [(&'static str, &'static str)],
    /// Its arguments.
    pub args: &'static [Arg],
    /// Hints for clients and proxies (`nondeterministic_output`, `request_policy:all_shards`, …).
    pub tips: &'static [&'static str],
    /// If deprecated: since when, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
}

impl CommandSpec {
    /// A command with a name, an arity and somebody to run it.
    pub const fn new(name: &'static str, arity: i32, run: Run) -> CommandSpec {
        CommandSpec {
            name,
            arity,
            flags: Flags::empty(),
            extra_categories: Categories::empty(),
            keys: &[],
            members: None,
            run,
            subcommands: &[],
            group: "",
            summary: "",
            since: "1.0.0",
            complexity: "",
            history: &[],
            args: &[],
            tips: &[],
            deprecated: None,
        }
    }
    /// A command that the engine runs.
    pub const fn engine(name: &'static str, arity: i32, run: fn(&mut Context<'_>) -> Result<(), Error>) -> CommandSpec {
        CommandSpec::new(name, arity, Run::Engine(run))
    }
    /// A command that the server around the engine runs.
    pub const fn host(name: &'static str, arity: i32, run: HostCommand) -> CommandSpec {
        CommandSpec::new(name, arity, Run::Host(run))
    }
    /// A command that only contains others.
    pub const fn container(name: &'static str, subcommands: &'static [CommandSpec]) -> CommandSpec {
        let mut spec = CommandSpec::new(name, -2, Run::Container);
        spec.subcommands = subcommands;
        spec
    }
    /// How it behaves; give all flags at once.
    pub const fn flags(mut self, flags: Flags) -> CommandSpec {
        self.flags = flags;
        self
    }
    /// Categories that do not follow from the flags.
    pub const fn categories_too(mut self, categories: Categories) -> CommandSpec {
        self.extra_categories = categories;
        self
    }
    /// Where its keys are.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> CommandSpec {
        self.keys = keys;
        self
    }
    /// The members, or fields, that it looks up in its key: from argument `first` on each `step`-th, at most `most`. Only what can
    /// be fetched early; with options before them they are others, which does no harm.
    pub const fn members(mut self, first: u8, step: u8, most: u8) -> CommandSpec {
        self.members = Some(MemberSpec { first, step, most });
        self
    }
    /// Subcommands of a command that also runs on its own (`COMMAND`).
    pub const fn subcommands(mut self, subcommands: &'static [CommandSpec]) -> CommandSpec {
        self.subcommands = subcommands;
        self
    }
    /// Group, version, complexity and summary for the documentation.
    pub const fn docs(mut self, group: &'static str, since: &'static str, complexity: &'static str, summary: &'static str) -> CommandSpec {
        (self.group, self.since, self.complexity, self.summary) = (group, since, complexity, summary);
        self
    }
    /// What changed in which version.
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> CommandSpec {
        self.history = history;
        self
    }
    /// Its arguments.
    pub const fn args(mut self, args: &'static [Arg]) -> CommandSpec {
        self.args = args;
        self
    }
    /// Hints for clients and proxies.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> CommandSpec {
        self.tips = tips;
        self
    }
    /// Deprecated since a version, in favour of something.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> CommandSpec {
        self.deprecated = Some((since, replaced_by));
        self
    }

    /// All categories: those named, and those that follow from the flags as in Redis.
    pub fn categories(&self) -> Categories {
        let mut categories = self.extra_categories;
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::ADMIN, Categories::ADMIN.union(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::FAST, Categories::FAST),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        for (flag, category) in implied {
            if self.flags.contains(flag) {
                categories |= category;
            }
        }
        if self.flags.contains(Flags::READONLY) && !self.extra_categories.contains(Categories::SCRIPTING) {
            categories |= Categories::READ;
        }
        if !self.flags.contains(Flags::FAST) {
            categories |= Categories::SLOW;
        }
        categories
    }

    /// Whether `count` arguments (the name included) are acceptable.
    #[inline]
    pub fn accepts(&self, count: usize) -> bool {
        if self.arity >= 0 { count == self.arity as usize } else { count >= -self.arity as usize }
    }
}
