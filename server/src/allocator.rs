//! What the program's allocator can do beyond allocating. The binary chooses the allocator, so it tells.

use std::sync::OnceLock;

struct Allocator {
    used_bytes: fn() -> u64,
    give_back: fn(),
}

static ALLOCATOR: OnceLock<Allocator> = OnceLock::new();

/// Tells how many bytes are in use, and how free memory is given back to the operating system. To be called once, before the
/// server starts; without it, `used_memory` is what the operating system says.
pub fn set_allocator(used_bytes: fn() -> u64, give_back: fn()) {
    // A second call would come from a second server in one process, with the same allocator.
    let _ = ALLOCATOR.set(Allocator { used_bytes, give_back });
}

/// Bytes in use, if the allocator counts them.
pub(crate) fn used_bytes() -> Option<u64> {
    ALLOCATOR.get().map(|allocator| (allocator.used_bytes)())
}

/// Gives free memory back to the operating system, as far as the allocator can.
pub(crate) fn give_back() {
    if let Some(allocator) = ALLOCATOR.get() {
        (allocator.give_back)();
    }
}
