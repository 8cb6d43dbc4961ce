//! The commands that need more than data: clients, configuration, the log, the process.

mod client;
mod config;
mod monitor;
mod persistence;
mod wait;

use crate::outside::Outside;
use graven_aof::Failure;
use graven_engine::{Context, Error, Host, HostCommand, Session, WriteStatus};
use graven_resp::Args;

impl Host for Outside {
    fn run(&mut self, command: HostCommand, cx: &mut Context<'_>) -> Result<(), Error> {
        match command {
            HostCommand::ClientUnblock => client::unblock(self, cx),
            HostCommand::ConfigGet => config::get(self, cx),
            HostCommand::ConfigResetStat => config::reset_stat(self, cx),
            HostCommand::ConfigRewrite => config::rewrite(self, cx),
            HostCommand::ConfigSet => config::set(self, cx),
            HostCommand::LastSave => persistence::last_save(self, cx),
            HostCommand::Monitor => monitor::monitor(self, cx),
            HostCommand::Role => persistence::role(self, cx),
            HostCommand::Save => persistence::save(self, cx),
            HostCommand::Shutdown => persistence::shutdown(self, cx),
            HostCommand::Wait => wait::wait(self, cx),
            HostCommand::WaitAof => wait::wait_aof(self, cx),
            _ => Err("ERR not available".into()),
        }
    }

    fn write_status(&self) -> WriteStatus {
        match self.log.as_ref().map(|log| log.status()) {
            Some(Err(failure)) => WriteStatus::Failing(log_failure_text(failure)),
            _ => WriteStatus::Available,
        }
    }

    fn monitor(&mut self, session: &Session, args: Args<'_>, now_us: u64, lsn: u64) {
        self.feed_monitors(session, args, now_us, lsn);
    }
}

/// The error that writes get while the log fails.
pub(crate) fn log_failure_text(failure: &Failure) -> String {
    format!("MISCONF Errors writing to the AOF file: {}", failure.message)
}
