//! The reference in `docs/configuration.md`, written from the table.

use std::fmt::Write;

use super::parameter::{IntForm, Kind, Parameter};
use super::table::CHAPTERS;
use super::value::print_memory;

/// A chapter of Markdown for each chapter of the table. Hidden parameters are left out.
pub fn reference() -> String {
    let mut text = String::new();
    for chapter in CHAPTERS {
        text.push_str(&format!("## {}\n\n| parameter | takes | default | |\n|---|---|---|---|\n", chapter.title));
        for parameter in chapter.parameters.iter().filter(|parameter| !parameter.hidden) {
            row(&mut text, parameter).expect("writing to a string succeeds");
        }
        text.push('\n');
    }
    text
}

fn row(text: &mut String, parameter: &Parameter) -> std::fmt::Result {
    let alias = parameter.alias.map(|alias| format!(" (also `{alias}`)")).unwrap_or_default();
    let default = match parameter.default {
        "" => "none".to_owned(),
        default => format!("`{default}`"),
    };
    write!(text, "| `{}`{alias} | {} | {default} | ", parameter.name, takes(parameter.kind))?;
    let doc = match parameter.only_default {
        Some(reason) => format!("{} **Only the default:** {reason}.", parameter.doc),
        None => parameter.doc.to_owned(),
    };
    let marks = [(parameter.inert, "No effect yet."), (parameter.immutable, "Fixed at start."), (parameter.protected, "Protected.")];
    let marks: String = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| format!(" *{mark}*")).collect();
    writeln!(text, "{}{marks} |", doc.replace('|', "\\|"))
}

fn takes(kind: Kind) -> String {
    let names = |names: &[(&str, u32)], between: &str| {
        let names: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(between)
    };
    match kind {
        Kind::Bool => "`yes` or `no`".to_owned(),
        Kind::Int { form: IntForm::Octal, .. } => "a mode".to_owned(),
        Kind::Int { form: IntForm::MemoryOrPercent, .. } => "a size or a percentage".to_owned(),
        Kind::Int { min, form: IntForm::Memory, .. } if min > 1 => format!("a size from {}", print_memory(min)),
        Kind::Int { max, form: IntForm::Memory, .. } if max < i64::MAX.into() => format!("a size up to {}", print_memory(max)),
        Kind::Int { form: IntForm::Memory, .. } => "a size".to_owned(),
        Kind::Int { min, max, .. } if max >= i32::MAX.into() => format!("a number from {min}"),
        Kind::Int { min, max, .. } => format!("{min} to {max}"),
        Kind::Enum(all) => names(all, ", "),
        Kind::Flags(all, _) => format!("some of {}", names(all, ", ")),
        Kind::Text(_) | Kind::Optional => "text".to_owned(),
        Kind::Words(grammar) if grammar.is_multi => "several words".to_owned(),
        Kind::Words(_) => "letters".to_owned(),
    }
}
