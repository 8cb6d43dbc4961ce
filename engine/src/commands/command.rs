//! `COMMAND`: the command table, told to clients.

use crate::command::{Categories, Flags, KeyFlags};
use crate::command_reply;
use crate::context::Context;
use crate::error::{Error, SYNTAX};
use crate::glob;
use crate::key_extraction::{self, FoundKey};
use crate::registry::{CommandId, Registry};

/// `COMMAND`
pub fn all(cx: &mut Context<'_>) -> Result<(), Error> {
    let registry = &cx.engine.registry;
    let names = registry.names();
    cx.reply.array(names.len());
    for (_, id) in names {
        command_reply::info(&mut cx.reply, registry, id);
    }
    Ok(())
}

/// `COMMAND COUNT`
pub fn count(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(cx.engine.registry.names().len() as i64);
    Ok(())
}

/// `COMMAND INFO [name …]`
pub fn info(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.args.len() == 2 {
        return all(cx);
    }
    let registry = &cx.engine.registry;
    cx.reply.array(cx.args.len() - 2);
    for name in cx.args.skip(2) {
        match registry.by_full_name(name) {
            Some(id) => command_reply::info(&mut cx.reply, registry, id),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name …]`
pub fn docs(cx: &mut Context<'_>) -> Result<(), Error> {
    let registry = &cx.engine.registry;
    let ids: Vec<CommandId> = match cx.args.len() {
        2 => registry.names().into_iter().map(|(_, id)| id).collect(),
        _ => cx.args.skip(2).filter_map(|name| registry.by_full_name(name)).collect(),
    };
    cx.reply.map(ids.len());
    for id in ids {
        cx.reply.bulk(registry.get(id).full_name.as_bytes());
        command_reply::docs(&mut cx.reply, registry, id);
    }
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`
pub fn list(cx: &mut Context<'_>) -> Result<(), Error> {
    let args = cx.args;
    let registry = &cx.engine.registry;
    let names = match (args.len(), args.get(4)) {
        (2, _) => named(registry, |_| true),
        (5, Some(_)) if cx.is(2, "FILTERBY") && cx.is(3, "MODULE") => Vec::new(),
        (5, Some(category)) if cx.is(2, "FILTERBY") && cx.is(3, "ACLCAT") => {
            let wanted = category_named(category);
            named(registry, |id| wanted.is_some_and(|wanted| registry.get(id).spec.categories().contains(wanted)))
        }
        (5, Some(pattern)) if cx.is(2, "FILTERBY") && cx.is(3, "PATTERN") => {
            named(registry, |id| glob::matches(pattern, registry.get(id).full_name.as_bytes(), true))
        }
        _ => return Err(SYNTAX.into()),
    };
    cx.reply.bulks(&names);
    Ok(())
}

/// The full names of commands and their subcommands.
fn named(registry: &Registry, wanted: impl Fn(CommandId) -> bool) -> Vec<&str> {
    let commands = registry.names().into_iter().flat_map(|(_, id)| [id].into_iter().chain(registry.get(id).children.iter().copied()));
    commands.filter(|id| wanted(*id)).map(|id| registry.get(id).full_name.as_str()).collect()
}

fn category_named(name: &[u8]) -> Option<Categories> {
    Categories::all().iter_names().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(_, category)| category)
}

/// `COMMAND GETKEYS command …`
pub fn getkeys(cx: &mut Context<'_>) -> Result<(), Error> {
    let keys = keys_of_argument(cx)?;
    cx.reply.array(keys.len());
    for key in keys {
        cx.reply.bulk(cx.args.at(key.index + 2));
    }
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS command …`
pub fn getkeysandflags(cx: &mut Context<'_>) -> Result<(), Error> {
    let keys = keys_of_argument(cx)?;
    cx.reply.array(keys.len());
    for key in keys {
        cx.reply.array(2);
        cx.reply.bulk(cx.args.at(key.index + 2));
        command_reply::key_flags(&mut cx.reply, key.flags);
    }
    Ok(())
}

fn keys_of_argument(cx: &Context<'_>) -> Result<Vec<FoundKey>, Error> {
    let args = cx.args.tail(2);
    let registry = &cx.engine.registry;
    let spec = registry.find(args).map(|id| registry.get(id).spec).ok_or("ERR Invalid command specified")?;
    if spec.keys.iter().all(|keys| keys.flags.contains(KeyFlags::NOT_KEY)) {
        return Err("ERR The command has no key arguments".into());
    }
    if !spec.accepts(args.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    match key_extraction::keys(spec, args) {
        Some(keys) if !keys.is_empty() || spec.flags.contains(Flags::NO_MANDATORY_KEYS) => Ok(keys),
        None if spec.flags.contains(Flags::NO_MANDATORY_KEYS) => Ok(Vec::new()),
        _ => Err("ERR Invalid arguments specified for command".into()),
    }
}
