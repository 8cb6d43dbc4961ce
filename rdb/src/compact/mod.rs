//! The compact forms of small collections: the listpack, which is kept, and those before it, which become one.

pub(crate) mod listpack;
pub(crate) mod ziplist;
pub(crate) mod zipmap;
