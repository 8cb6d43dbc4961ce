//! Editing the compact bytes of small collections.
//!
//! Bytes beside the key are edited in a scratch buffer and written back: a few hundred bytes at most are copied twice, and
//! the entry is only allocated anew when its size class changes. Bytes in an allocation of their own are edited there.

use crate::entry::{EMBEDDED_MAX_BYTES, Entry};
use crate::large::Large;
use crate::value::Packed;
use std::cell::RefCell;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Entry {
    /// Lets `edit` change the compact bytes of a small collection, and their number; `None` if the value is none. `edit` must
    /// leave bytes that are valid for the same [`Packed`], and must not edit another entry.
    pub(crate) fn edit_packed<R>(&mut self, edit: impl FnOnce(Packed, &mut Vec<u8>) -> R) -> Option<R> {
        if let Some(Large::Packed(packed, bytes)) = self.large_mut() {
            let packed = *packed;
            let result = edit(packed, bytes);
            // Half of the limit, so that a value that swings around it does not move each time.
            if bytes.len() <= EMBEDDED_MAX_BYTES / 2 {
                let bytes = std::mem::take(bytes);
                self.set_packed(packed, &bytes);
            }
            return Some(result);
        }
        let (packed, _) = self.packed()?;
        Some(SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.extend_from_slice(self.packed().expect("it was packed above").1);
            let result = edit(packed, scratch);
            self.set_packed(packed, scratch);
            result
        }))
    }
}
