//! The large list.

/// A list of many parts.
#[derive(Clone, Default)]
pub struct List {}

impl List {
    /// Bytes held, including what the allocator rounds up.
    pub fn memory_usage(&self) -> usize {
        0
    }

    /// Allocations held, roughly.
    pub fn cost(&self) -> usize {
        0
    }
}
