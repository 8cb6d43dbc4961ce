//! The commands of publish and subscribe.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
