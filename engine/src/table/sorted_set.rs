//! The commands of sorted sets.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
