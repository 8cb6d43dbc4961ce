//! A disk that loses power: what was written, what of it would be there afterwards, and a real file system that shows it
//! to a real server.
//!
//! * [`File`] and [`Names`] are one file and one directory: what a reader sees, what a sync has made durable, and the
//!   changes between the two, any part of which a loss of power may keep.
//! * [`Media`] is the tree of both. It is a plain structure: no files, no threads, no clock; its tests need no privileges.
//! * [`LossyDisk`] mounts such a tree through FUSE. A server writes to it as to any directory; then the power goes out
//!   under it, and what survived is mounted again at the same path.
//!
//! The rule is what POSIX promises and no more: `fsync` and `fdatasync` of a file make its bytes and its size durable,
//! `fsync` of a directory the names in it, a rename within a directory is whole or absent; whatever else survives is
//! chance. [`Order::Journaled`] is the milder world of today's usual file systems, where names survive in the order in
//! which they changed and any fsync makes all earlier names durable.

mod disk;
mod file;
mod media;
mod names;

pub use disk::{Counts, Ignored, LossyDisk, Unavailable};
pub use file::File;
pub use media::{Attributes, Fault, Media, NodeId, Order};
pub use names::Names;

/// A place in the sequence of changes of a file or directory: what was done before it, a sync that began there covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub(crate) u64);
