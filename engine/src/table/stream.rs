//! The commands of streams.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
