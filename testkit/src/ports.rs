//! Port numbers for test servers.
//!
//! They are taken below the kernel's ephemeral range: a port above 32767 that was free a moment ago may be the source
//! port of some other test's client by the time the server binds it, and then a restart on the same port fails for a
//! reason that is no bug of the server.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

static NEXT: AtomicU32 = AtomicU32::new(u32::MAX);

/// A TCP port on which nothing listened a moment ago; two calls in one process never give the same one.
pub fn free_port() -> u16 {
    let start = std::process::id().wrapping_mul(2_654_435_761) % COUNT;
    let _ = NEXT.compare_exchange(u32::MAX, start, Ordering::Relaxed, Ordering::Relaxed);
    for _ in 0..COUNT {
        let port = (FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free TCP port between {FIRST} and {}", FIRST + COUNT);
}
