//! The command table at run time: names to commands, with `rename-command` applied.
//!
//! A new name is for clients only. The log is written and read with the names of the table, so that it means the same
//! under any configuration, and to other programs.

use crate::command::CommandSpec;
use crate::error::{Error, quotable, wrong_arity};
use crate::table;
use graven_resp::Args;
use hashbrown::HashTable;

/// A command's place in the [`Registry`]; dense, so that statistics can be a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u16);

impl CommandId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A command or subcommand, with what follows from its place in the table.
#[derive(Clone)]
pub struct Command {
    /// The line of the table.
    pub spec: &'static CommandSpec,
    /// `get`, or `client|list`.
    pub full_name: String,
    /// Its subcommands.
    pub children: Vec<CommandId>,
    /// The command it is a subcommand of.
    pub parent: Option<CommandId>,
    /// Clients know it by another name than the table, or not at all.
    pub renamed: bool,
    /// The only key is argument 1, or the first of several is: what can be fetched early.
    pub first_key_is_1: bool,
}

/// All commands.
#[derive(Clone)]
pub struct Registry {
    commands: Vec<Command>,
    /// The names that clients use.
    names: HashTable<(Box<[u8]>, CommandId)>,
    /// The names of the table.
    original_names: HashTable<CommandId>,
}

impl Default for Registry {
    fn default() -> Self {
        let mut registry = Registry { commands: Vec::new(), names: HashTable::new(), original_names: HashTable::new() };
        for spec in table::all() {
            let id = registry.add(spec, None);
            registry.name(spec.name.as_bytes(), id);
            let Registry { commands, original_names, .. } = &mut registry;
            original_names.insert_unique(hash(spec.name.as_bytes()), id, |id| hash(commands[id.index()].spec.name.as_bytes()));
        }
        registry
    }
}

impl Registry {
    fn add(&mut self, spec: &'static CommandSpec, parent: Option<CommandId>) -> CommandId {
        let id = CommandId(self.commands.len() as u16);
        let full_name = match parent {
            Some(parent) => format!("{}|{}", self.get(parent).full_name, spec.name),
            None => spec.name.to_owned(),
        };
        let first_key_is_1 = spec.keys.first().is_some_and(|k| matches!(k.begin, crate::BeginSearch::Index(1)))
            && matches!(spec.keys[0].find, crate::FindKeys::Range { .. });
        self.commands.push(Command { spec, full_name, children: Vec::new(), parent, renamed: false, first_key_is_1 });
        let children = spec.subcommands.iter().map(|sub| self.add(sub, Some(id))).collect();
        self.commands[id.index()].children = children;
        id
    }

    fn name(&mut self, name: &[u8], id: CommandId) {
        self.names.insert_unique(hash(name), (name.to_ascii_lowercase().into(), id), |(name, _)| hash(name));
    }

    /// A command by its place.
    pub fn get(&self, id: CommandId) -> &Command {
        &self.commands[id.index()]
    }

    /// How many commands and subcommands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// All commands and subcommands.
    pub fn iter(&self) -> impl Iterator<Item = (CommandId, &Command)> {
        self.commands.iter().enumerate().map(|(i, c)| (CommandId(i as u16), c))
    }

    /// A command (not a subcommand) by the name it goes by, in any case.
    #[inline]
    pub fn by_name(&self, name: &[u8]) -> Option<CommandId> {
        self.names.find(hash(name), |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, id)| *id)
    }

    /// A command (not a subcommand) by its name in the table, in any case.
    #[inline]
    fn by_original_name(&self, name: &[u8]) -> Option<CommandId> {
        let is_it = |id: &CommandId| self.get(*id).spec.name.as_bytes().eq_ignore_ascii_case(name);
        self.original_names.find(hash(name), is_it).copied()
    }

    /// A command or subcommand by its full name (`get`, `config|set`).
    pub fn by_full_name(&self, name: &[u8]) -> Option<CommandId> {
        let mut parts = name.splitn(2, |b| *b == b'|');
        let id = self.by_name(parts.next()?)?;
        match parts.next() {
            None => Some(id),
            Some(sub) => self.child(id, sub),
        }
    }

    /// A subcommand by name, in any case.
    pub fn child(&self, id: CommandId, name: &[u8]) -> Option<CommandId> {
        self.get(id).children.iter().copied().find(|&c| self.get(c).spec.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The command that `args` calls. Its number of arguments is not checked.
    #[inline]
    pub fn find(&self, args: Args<'_>) -> Option<CommandId> {
        self.called(self.by_name(args.at(0))?, args)
    }

    /// The command that `args` means in a log: by its name in the table, or else, for logs of servers that write the new
    /// names, by the name that clients use.
    #[inline]
    pub fn find_logged(&self, args: Args<'_>) -> Option<CommandId> {
        let name = args.at(0);
        self.called(self.by_original_name(name).or_else(|| self.by_name(name))?, args)
    }

    /// The command itself, or the subcommand that `args` call.
    #[inline]
    fn called(&self, id: CommandId, args: Args<'_>) -> Option<CommandId> {
        if self.get(id).children.is_empty() {
            return Some(id);
        }
        match args.get(1) {
            None => Some(id),
            Some(name) => self.child(id, name),
        }
    }

    /// Checks what [`Registry::find`] found: that it is a command, and takes so many arguments.
    #[inline]
    pub fn check(&self, found: Option<CommandId>, args: Args<'_>) -> Result<CommandId, Error> {
        let id = found.ok_or_else(|| self.unknown(args))?;
        let command = self.get(id);
        let container_alone = matches!(command.spec.run, crate::Run::Container);
        if container_alone || !command.spec.accepts(args.len()) {
            return Err(wrong_arity(&command.full_name));
        }
        Ok(id)
    }

    #[cold]
    fn unknown(&self, args: Args<'_>) -> Error {
        const MOST: usize = 128;
        let name = quotable(args.at(0), MOST);
        if self.by_name(args.at(0)).is_some() {
            let sub = quotable(args.at(1), MOST);
            let container = name.to_ascii_uppercase();
            return [b"ERR unknown subcommand '", sub, b"'. Try ", &container, b" HELP."].concat().into();
        }
        let mut shown = Vec::new();
        for arg in args.skip(1) {
            if shown.len() >= MOST {
                break;
            }
            let arg = quotable(arg, MOST - shown.len());
            shown.extend_from_slice(&[b"'", arg, b"' "].concat());
        }
        [b"ERR unknown command '", name, b"', with args beginning with: ", &shown].concat().into()
    }

    /// `rename-command`: for clients, `old` goes by `new` from now on, or by no name if `new` is empty.
    /// False if `old` is no command or `new` is one.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> bool {
        let Some(id) = self.by_name(old) else { return false };
        if !new.is_empty() && self.by_name(new).is_some() {
            return false;
        }
        self.commands[id.index()].renamed = !self.get(id).spec.name.as_bytes().eq_ignore_ascii_case(new);
        if let Ok(entry) = self.names.find_entry(hash(old), |(known, _)| known.eq_ignore_ascii_case(old)) {
            entry.remove();
        }
        if !new.is_empty() {
            self.name(new, id);
        }
        true
    }

    /// The names commands go by now, sorted.
    pub fn names(&self) -> Vec<(&[u8], CommandId)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, id)| (&**name, *id)).collect();
        names.sort_unstable();
        names
    }
}

/// Equal for names that differ in case only.
#[inline]
fn hash(name: &[u8]) -> u64 {
    let folded = name.iter().fold(name.len() as u64, |h, b| (h ^ (b | 0x20) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    folded ^ folded >> 32
}
