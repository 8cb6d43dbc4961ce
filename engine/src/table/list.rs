//! The commands of lists.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
