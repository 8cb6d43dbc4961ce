//! The compact forms of small collections, of which only the listpack is kept as it is.

pub(crate) mod intset;
pub(crate) mod listpack;
pub(crate) mod ziplist;
pub(crate) mod zipmap;
