//! What the program's allocator can do beyond allocating. The binary chooses the allocator, so it tells.

use std::sync::OnceLock;

static GIVE_BACK: OnceLock<fn()> = OnceLock::new();

/// Tells how free memory is given back to the operating system. To be called once, before the server starts.
pub fn set_give_back(give_back: fn()) {
    // A second call would come from a second server in one process, with the same allocator.
    let _ = GIVE_BACK.set(give_back);
}

/// Gives free memory back to the operating system, as far as the allocator can.
pub(crate) fn give_back() {
    if let Some(give_back) = GIVE_BACK.get() {
        give_back();
    }
}
