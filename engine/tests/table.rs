//! The lines of the command table that describe strings and keys agree with themselves.

use graven_engine::{Arg, ArgType, Command, Flags, KeyFlags, Registry};

fn string_and_key_commands(registry: &Registry) -> impl Iterator<Item = &Command> {
    let wanted = |command: &&Command| matches!(command.spec.group, "string" | "generic") && command.children.is_empty();
    registry.iter().map(|(_, command)| command).filter(wanted)
}

/// Words that an argument takes at least.
fn least(arg: &Arg) -> usize {
    let value = match arg.kind {
        ArgType::PureToken => 1,
        ArgType::OneOf(choices) => choices.iter().map(least).min().expect("there is a choice"),
        ArgType::Block(parts) => parts.iter().map(least).sum(),
        _ => 1 + usize::from(!arg.token.is_empty()),
    };
    if arg.optional { 0 } else { value }
}

#[test]
fn the_arity_is_what_the_arguments_add_up_to() {
    let registry = Registry::default();
    for command in string_and_key_commands(&registry) {
        let spec = command.spec;
        let words = 1 + usize::from(command.parent.is_some());
        let least = words + spec.args.iter().map(least).sum::<usize>();
        let open = spec.args.iter().any(|arg| arg.optional || arg.multiple);
        let arity = if open { -(least as i32) } else { least as i32 };
        assert_eq!(spec.arity, arity, "{}", command.full_name);
    }
}

#[test]
fn keys_are_written_by_commands_that_write_and_only_by_them() {
    let registry = Registry::default();
    for command in string_and_key_commands(&registry) {
        let written = KeyFlags::RW | KeyFlags::OW | KeyFlags::RM;
        let writes = command.spec.keys.iter().any(|key| key.flags.intersects(written));
        assert_eq!(writes, command.spec.flags.contains(Flags::WRITE), "{}", command.full_name);
    }
}

#[test]
fn every_command_is_described() {
    let registry = Registry::default();
    assert!(string_and_key_commands(&registry).count() >= 50);
    for command in string_and_key_commands(&registry) {
        let spec = command.spec;
        let texts = [spec.summary, spec.complexity, spec.since];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", command.full_name);
        assert!(spec.summary.ends_with('.'), "{}", command.full_name);
    }
}
