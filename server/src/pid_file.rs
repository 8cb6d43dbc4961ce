//! The pid file: it names the process that serves, and nobody else removes it.

use crate::logging::log;
use crate::outside::Outside;
use std::process;

impl Outside {
    /// Writes it. To be called when it is certain that this process will serve: a start that is refused because another one has the
    /// log must leave that one's alone.
    pub(crate) fn write_pid_file(&self) {
        let path = &self.config.pidfile;
        if !path.is_empty()
            && let Err(e) = std::fs::write(path, format!("{}\n", process::id()))
        {
            log!(Warning, "Can't write the pid file '{path}': {e}");
        }
    }

    /// Removes it, unless it names another process meanwhile.
    pub(crate) fn remove_pid_file(&self) {
        let path = &self.config.pidfile;
        let is_own = |text: String| text.trim().parse() == Ok(process::id());
        if !path.is_empty() && std::fs::read_to_string(path).is_ok_and(is_own) {
            // Left behind, it does no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}
