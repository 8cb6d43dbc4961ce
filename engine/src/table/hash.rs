//! The commands of hashes.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
