//! Asking the processor for a cache line ahead of its use.

use crate::entry::Entry;
use crate::large::Large;
use crate::table::Table;

/// Starts loading the cache line at `address` into all cache levels; never faults.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint; it does not access memory architecturally and is defined for
    // every address, valid or not.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Collections with fewer members are taken to be in the cache.
const LARGE_MEMBERS: usize = 8 << 10;

/// Where a member, or a field, is or would be in a large collection.
#[derive(Clone, Copy)]
pub struct MemberPlace<'a> {
    table: &'a Table,
    hash: u64,
}

impl Entry {
    /// Where a member would be, if the value is a hash, a set or a sorted set of many, and asks for its bucket.
    #[inline]
    pub fn prefetch_member(&self, member: &[u8]) -> Option<MemberPlace<'_>> {
        let table = match self.large()? {
            Large::Hash(table) | Large::Set(table) => table,
            Large::SortedSet(set) => set.scores(),
            _ => return None,
        };
        if table.len() < LARGE_MEMBERS {
            return None;
        }
        let hash = table.key(member).hash;
        table.prefetch_bucket(hash);
        Some(MemberPlace { table, hash })
    }
}

impl MemberPlace<'_> {
    /// The second step: asks for the member that the bucket points to.
    #[inline]
    pub fn prefetch(self) {
        self.table.prefetch_entry(self.hash);
    }
}
