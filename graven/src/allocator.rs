//! The allocator. mimalloc: with the small entries of a keyspace it took 3 % less memory than jemalloc, and 10 % less than
//! glibc's, at the same speed.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives free memory back to the operating system.
pub fn give_back() {
    // SAFETY: mi_collect takes no pointers and may be called from any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
