//! `maxmemory-clients`: what all connections hold together is bounded; the largest is closed first.
//!
//! With a limit, a client is counted anew whenever it has been served or sent something, so the sum is right at the end of each
//! turn but for what shrank; before anybody is closed all are counted. Without a limit nothing is counted.

use crate::client::Client;
use crate::logging::log;
use crate::outside::Outside;
use graven_engine::SessionFlags;

/// `CLIENT NO-EVICT`: neither counted nor closed.
fn is_safe(client: &Client) -> bool {
    client.has_flag(SessionFlags::NO_EVICT)
}

impl Outside {
    /// What a client holds may have changed.
    #[inline]
    pub(crate) fn recount(&mut self, slot: usize) {
        if self.config.maxmemory_clients != 0
            && let Some(client) = self.clients.get_mut(slot)
        {
            let bytes = if is_safe(client) { 0 } else { client.memory_usage() as u64 };
            self.clients_bytes = (self.clients_bytes + bytes).saturating_sub(client.counted_bytes);
            client.counted_bytes = bytes;
        }
    }

    /// Counts all clients, so that a limit that is new knows of those who were there before.
    pub(crate) fn recount_all(&mut self) {
        if self.config.maxmemory_clients != 0 {
            let slots: Vec<usize> = self.clients.iter().map(|(slot, _)| slot).collect();
            slots.into_iter().for_each(|slot| self.recount(slot));
        }
    }

    /// Closes clients until the rest is within the limit.
    pub(crate) fn evict_clients(&mut self) {
        let limit = self.config.maxmemory_clients_bytes();
        if limit == 0 || self.clients_bytes <= limit {
            return;
        }
        let mut sizes = Vec::new();
        self.clients_bytes = 0;
        for (slot, client) in &mut self.clients {
            client.counted_bytes = 0;
            if is_safe(client) || client.doomed {
                continue;
            }
            client.counted_bytes = client.memory_usage() as u64;
            self.clients_bytes += client.counted_bytes;
            sizes.push((client.counted_bytes, slot));
        }
        sizes.sort_unstable();
        while self.clients_bytes > limit
            && let Some((bytes, slot)) = sizes.pop()
        {
            let client = &self.clients[slot];
            log!(Notice, "Evicting client: id={} addr={} tot-mem={bytes}", client.id, client.address);
            self.clients_bytes -= bytes;
            self.stats.evicted_clients += 1;
            self.doom(slot);
        }
    }
}
