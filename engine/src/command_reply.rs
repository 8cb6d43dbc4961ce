//! The replies of `COMMAND INFO` and `COMMAND DOCS`, one command each, written from the command table.
//!
//! Names and order are those of <https://redis.io/docs/latest/commands/command-info/> and
//! <https://redis.io/docs/latest/commands/command-docs/>.

use crate::command::{Arg, ArgType, BeginSearch, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::key_extraction::legacy_range;
use crate::registry::{CommandId, Registry};
use graven_resp::Reply;

/// The names of flags that clients are told.
const FLAGS: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLE_KEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

const KEY_FLAGS: &[(KeyFlags, &str)] = &[
    (KeyFlags::RO, "RO"),
    (KeyFlags::RW, "RW"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE_FLAGS, "variable_flags"),
];

/// What `COMMAND INFO` tells of one command.
pub(crate) fn info(reply: &mut Reply<'_>, registry: &Registry, id: CommandId) {
    let command = registry.get(id);
    let spec = command.spec;
    let (first, last, step, movable) = legacy_range(spec);
    let flags = if movable { spec.flags | Flags::MOVABLE_KEYS } else { spec.flags };
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.int(spec.arity as i64);
    statuses(reply, FLAGS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect());
    reply.int(first);
    reply.int(last);
    reply.int(step);
    let categories: Vec<String> = spec.categories().iter_names().map(|(name, _)| format!("@{}", name.to_ascii_lowercase())).collect();
    statuses(reply, categories.iter().map(String::as_str).collect());
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|group| key_spec(reply, group));
    match command.children.as_slice() {
        [] => reply.set(0),
        children => {
            reply.array(children.len());
            children.iter().for_each(|child| info(reply, registry, *child));
        }
    }
}

fn statuses(reply: &mut Reply<'_>, names: Vec<&str>) {
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name));
}

/// What a command does with a key, as a set of words.
pub(crate) fn key_flags(reply: &mut Reply<'_>, flags: KeyFlags) {
    statuses(reply, KEY_FLAGS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect());
}

fn key_spec(reply: &mut Reply<'_>, group: &KeySpec) {
    reply.map(3 + !group.notes.is_empty() as usize);
    if !group.notes.is_empty() {
        text(reply, "notes", group.notes);
    }
    reply.bulk(b"flags");
    key_flags(reply, group.flags);
    reply.bulk(b"begin_search");
    reply.map(2);
    match group.begin {
        BeginSearch::Index(index) => {
            text(reply, "type", "index");
            numbers(reply, &[("index", index)]);
        }
        BeginSearch::Keyword(word, from) => {
            text(reply, "type", "keyword");
            reply.bulk(b"spec");
            reply.map(2);
            text(reply, "keyword", word);
            reply.bulk(b"startfrom");
            reply.int(from as i64);
        }
        BeginSearch::Unknown => {
            text(reply, "type", "unknown");
            numbers(reply, &[]);
        }
    }
    reply.bulk(b"find_keys");
    reply.map(2);
    match group.find {
        FindKeys::Range { last, step, limit } => {
            text(reply, "type", "range");
            numbers(reply, &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        FindKeys::KeyNum { number, first, step } => {
            text(reply, "type", "keynum");
            numbers(reply, &[("keynumidx", number), ("firstkey", first), ("keystep", step)]);
        }
        FindKeys::Unknown => {
            text(reply, "type", "unknown");
            numbers(reply, &[]);
        }
    }
}

fn text(reply: &mut Reply<'_>, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}

fn numbers(reply: &mut Reply<'_>, pairs: &[(&str, i32)]) {
    reply.bulk(b"spec");
    reply.map(pairs.len());
    for (name, value) in pairs {
        reply.bulk(name.as_bytes());
        reply.int(*value as i64);
    }
}

/// What `COMMAND DOCS` tells of one command.
pub(crate) fn docs(reply: &mut Reply<'_>, registry: &Registry, id: CommandId) {
    let command = registry.get(id);
    let CommandSpec { group, since, complexity, summary, history, args, deprecated, .. } = *command.spec;
    let replaced_by = deprecated.map_or("", |(_, replaced_by)| replaced_by);
    let deprecated_since = deprecated.map_or("", |(since, _)| since);
    let words = [("summary", summary), ("since", since), ("group", group), ("complexity", complexity)];
    let doc_flags: Vec<&str> = [("syscmd", command.spec.flags.contains(Flags::SYSTEM)), ("deprecated", deprecated.is_some())]
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
        .collect();
    let more = [("deprecated_since", deprecated_since), ("replaced_by", replaced_by)];
    let present = |(_, value): &&(&str, &str)| !value.is_empty();
    let lists = [!doc_flags.is_empty(), !history.is_empty(), !args.is_empty(), !command.children.is_empty()];
    let lists = lists.into_iter().filter(|there| *there).count();
    reply.map(words.iter().filter(present).count() + more.iter().filter(present).count() + lists);
    words.iter().filter(present).for_each(|(name, value)| text(reply, name, value));
    if !doc_flags.is_empty() {
        reply.bulk(b"doc_flags");
        statuses(reply, doc_flags);
    }
    more.iter().filter(present).for_each(|(name, value)| text(reply, name, value));
    if !history.is_empty() {
        reply.bulk(b"history");
        reply.set(history.len());
        history.iter().for_each(|(version, change)| reply.bulks(&[version, change]));
    }
    if !args.is_empty() {
        reply.bulk(b"arguments");
        reply.array(args.len());
        args.iter().for_each(|arg| argument(reply, arg));
    }
    if !command.children.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(command.children.len());
        for &child in &command.children {
            reply.bulk(registry.get(child).full_name.as_bytes());
            docs(reply, registry, child);
        }
    }
}

fn argument(reply: &mut Reply<'_>, arg: &Arg) {
    let (kind, parts): (&str, &[Arg]) = match arg.kind {
        ArgType::String => ("string", &[]),
        ArgType::Integer => ("integer", &[]),
        ArgType::Double => ("double", &[]),
        ArgType::Key(_) => ("key", &[]),
        ArgType::Pattern | ArgType::KeyPattern(_) => ("pattern", &[]),
        ArgType::UnixTime => ("unix-time", &[]),
        ArgType::PureToken => ("pure-token", &[]),
        ArgType::OneOf(parts) => ("oneof", parts),
        ArgType::Block(parts) => ("block", parts),
    };
    let flags: Vec<&str> = [("optional", arg.optional), ("multiple", arg.multiple), ("multiple_token", arg.multiple_token)]
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
        .collect();
    let words = [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)];
    let present = |(_, value): &&(&str, &str)| !value.is_empty();
    let key_index = if let ArgType::Key(index) | ArgType::KeyPattern(index) = arg.kind { Some(index) } else { None };
    let more = key_index.is_some() as usize + !flags.is_empty() as usize + !parts.is_empty() as usize;
    reply.map(2 + words.iter().filter(present).count() + more);
    text(reply, "name", arg.name);
    text(reply, "type", kind);
    if let Some(index) = key_index {
        reply.bulk(b"key_spec_index");
        reply.int(index as i64);
    }
    words.iter().filter(present).for_each(|(name, value)| text(reply, name, value));
    if !flags.is_empty() {
        reply.bulk(b"flags");
        statuses(reply, flags);
    }
    if !parts.is_empty() {
        reply.bulk(b"arguments");
        reply.array(parts.len());
        parts.iter().for_each(|part| argument(reply, part));
    }
}
