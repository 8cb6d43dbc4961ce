//! `HELP` of every command that contains others: written from the command table, so that it cannot be out of date.

use crate::command::{Arg, ArgType, CommandSpec};
use crate::context::Context;
use crate::error::Error;

/// `… HELP`
pub fn help(cx: &mut Context<'_>) -> Result<(), Error> {
    let parent = cx.engine.registry.get(cx.id).parent.expect("HELP is a subcommand");
    let container = cx.engine.registry.get(parent).spec;
    cx.reply.lines(&lines(container));
    Ok(())
}

fn lines(container: &CommandSpec) -> Vec<String> {
    let mut lines = vec![format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container.name.to_ascii_uppercase())];
    if !container.summary.is_empty() && !matches!(container.run, crate::Run::Container) {
        lines.extend(["(no subcommand)".to_owned(), format!("    {}", container.summary)]);
    }
    for sub in container.subcommands.iter().filter(|sub| sub.name != "help") {
        let mut line = sub.name.to_ascii_uppercase();
        for arg in sub.args {
            line += " ";
            line += &syntax(arg);
        }
        lines.extend([line, format!("    {}", sub.summary)]);
    }
    lines.extend(["HELP".to_owned(), "    Prints this help.".to_owned()]);
    lines
}

/// `[TYPE <type>]`, `(ON|OFF)`, `<key> [<key> ...]`
fn syntax(arg: &Arg) -> String {
    let value = match arg.kind {
        ArgType::PureToken => String::new(),
        ArgType::OneOf(choices) => {
            let choices = choices.iter().map(syntax).collect::<Vec<_>>().join("|");
            if arg.optional && arg.token.is_empty() { choices } else { format!("({choices})") }
        }
        ArgType::Block(parts) => parts.iter().map(syntax).collect::<Vec<_>>().join(" "),
        _ => format!("<{}>", arg.name),
    };
    let mut once = [arg.token, &value].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if arg.multiple {
        let again = if arg.multiple_token { &once } else { &value };
        once = format!("{once} [{again} ...]");
    }
    if arg.optional { format!("[{once}]") } else { once }
}
