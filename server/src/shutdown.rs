//! `SHUTDOWN` and termination signals: the log is made durable, a snapshot saved if asked for, then the process ends.

use crate::log_switch::MAX_FLUSH;
use crate::logging::log;
use crate::outside::ShutdownRequest;
use crate::server::Server;
use graven_engine::Blocked;

/// What a client is told whose `SHUTDOWN` failed or was aborted.
pub(crate) const SHUTDOWN_FAILED: &[u8] = b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n";

impl Server {
    /// Does what was requested. True if the process may end; if not, whoever asked has been told.
    pub(crate) fn shut_down(&mut self) -> bool {
        let Some(request) = self.outside.shutdown.take() else { return false };
        let ShutdownRequest { save, force } = request;
        let mut failed = None;
        self.outside.cancel_save();
        self.outside.cancel_rewrite("the server shuts down");
        // One in the making promises nothing.
        if let Some(log) = self.outside.log.as_mut().filter(|log| !log.is_pending()) {
            log!(Notice, "Calling fsync() on the AOF file.");
            if let Err(e) = log.flush(MAX_FLUSH.as_micros() as u64) {
                log!(Warning, "{e}");
                failed = Some(e.to_string());
            }
        }
        // While loading, memory holds only a part of what the file to be replaced may hold.
        if !self.engine.loading && save.unwrap_or(!self.outside.config.save.is_empty()) {
            log!(Notice, "Saving the final RDB snapshot before exiting.");
            if let Err(e) = self.outside.save_now(&self.engine) {
                log!(Warning, "Error trying to save the DB: {e}");
                failed = Some(e.to_string());
            }
        }
        if failed.is_some() && !force {
            log!(Warning, "Errors trying to shut down the server. Check the logs for more information.");
            self.outside.unblock_all(&Blocked::Shutdown, SHUTDOWN_FAILED);
            return false;
        }
        self.outside.remove_pid_file();
        let socket = &self.outside.config.unixsocket;
        if !socket.is_empty() {
            // Left behind, it does no harm.
            let _ = std::fs::remove_file(socket);
        }
        log!(Warning, "Graven is now ready to exit, bye bye...");
        true
    }
}
