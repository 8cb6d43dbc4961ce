//! The commands that need more than data: clients, configuration, the log, the process.

mod client;
mod config;
mod debug;
mod digest;
mod dump;
mod info;
mod memory;
mod monitor;
mod persistence;
mod wait;

use crate::memory::ProcessMemory;
use crate::outside::Outside;
use crate::persistence::SNAPSHOTS_FAIL;
use graven_aof::Failure;
use graven_engine::{Context, Error, Host, HostCommand, Resumed, Session, WriteStatus};
use graven_resp::Args;

impl Host for Outside {
    fn run(&mut self, command: HostCommand, cx: &mut Context<'_>) -> Result<(), Error> {
        match command {
            HostCommand::BackgroundRewrite => persistence::background_rewrite(self, cx),
            HostCommand::BackgroundSave => persistence::background_save(self, cx),
            HostCommand::ClientInfo => client::info(self, cx),
            HostCommand::ClientKill => client::kill(self, cx),
            HostCommand::ClientList => client::list(self, cx),
            HostCommand::ClientPause => client::pause(self, cx),
            HostCommand::ClientUnblock => client::unblock(self, cx),
            HostCommand::ClientUnpause => client::unpause(self, cx),
            HostCommand::ConfigGet => config::get(self, cx),
            HostCommand::ConfigResetStat => config::reset_stat(self, cx),
            HostCommand::ConfigRewrite => config::rewrite(self, cx),
            HostCommand::ConfigSet => config::set(self, cx),
            HostCommand::Debug => debug::debug(self, cx),
            HostCommand::Dump => dump::dump(self, cx),
            HostCommand::FlushAll => persistence::flush_all(self, cx),
            HostCommand::Info => info::info(self, cx),
            HostCommand::LastSave => persistence::last_save(self, cx),
            HostCommand::MemoryDoctor => memory::doctor(self, cx),
            HostCommand::MemoryMallocStats => memory::malloc_stats(self, cx),
            HostCommand::MemoryPurge => memory::purge(self, cx),
            HostCommand::MemoryStats => memory::stats(self, cx),
            HostCommand::Monitor => monitor::monitor(self, cx),
            HostCommand::Restore => dump::restore(cx),
            HostCommand::Role => persistence::role(self, cx),
            HostCommand::Save => persistence::save(self, cx),
            HostCommand::Shutdown => persistence::shutdown(self, cx),
            HostCommand::Wait => wait::wait(self, cx),
            HostCommand::WaitAof => wait::wait_aof(self, cx),
        }
    }

    fn memory_used(&self) -> u64 {
        let used = crate::allocator::used_bytes().unwrap_or_else(|| ProcessMemory::now().used);
        let log_buffer = self.log.as_ref().map_or(0, |log| log.held_bytes());
        // What is evicted while a snapshot is made may have to be written before it is gone: evicting more would not help.
        used.saturating_sub(log_buffer + self.reclaimer.pending_bytes() + self.capture_held_bytes())
    }

    fn write_status(&self) -> WriteStatus {
        match self.promising_log().map(|log| log.status()) {
            Some(Err(failure)) => WriteStatus::Failing(log_failure_text(failure)),
            _ if self.persistence.denies_writes(&self.config) => WriteStatus::Failing(SNAPSHOTS_FAIL.to_owned()),
            _ => WriteStatus::Available,
        }
    }

    fn monitor(&mut self, session: &Session, command: &str, args: Args<'_>, now_us: u64, lsn: u64) {
        self.feed_monitors(session, command, args, now_us, lsn);
    }

    fn deliver(&mut self, client: u64, message: &[u8], needs: u64) -> bool {
        self.send_message(client, message, needs)
    }

    fn resume(&mut self, client: u64, run: &mut Resumed<'_>) -> bool {
        self.resume_client(client, run)
    }
}

/// The error that writes get while the log fails.
pub(crate) fn log_failure_text(failure: &Failure) -> String {
    format!("MISCONF Errors writing to the AOF file: {}", failure.message)
}
