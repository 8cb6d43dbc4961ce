//! The commands of bitmaps.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
