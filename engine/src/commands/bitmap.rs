//! Commands of bitmaps.
