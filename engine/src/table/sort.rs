//! The commands of sorting.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
