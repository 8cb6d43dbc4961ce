//! The commands of HyperLogLogs.

use crate::command::CommandSpec;

pub(super) const COMMANDS: &[CommandSpec] = &[];
