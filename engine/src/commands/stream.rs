//! Commands of streams.
