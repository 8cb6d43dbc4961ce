//! The commands of sets.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
