//! The commands of places on the earth.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
