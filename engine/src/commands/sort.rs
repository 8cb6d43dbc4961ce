//! Commands of sorting.
