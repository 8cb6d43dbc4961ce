//! The keyspace of Graven: databases of keys, each key one small allocation.
//!
//! What it owns: the hash tables, the memory layout of keys and values, deadlines and
//! their reclaiming, and iteration in hash order. What it does not know: commands, the
//! protocol, files, the log, the clock and randomness (the last two are handed in).
//!
//! # Invariants
//!
//! * A key is in exactly one segment, the one that the top bits of its hash lead to; within
//!   the segment it is found by walking from its home bucket while buckets are marked as
//!   overflowed (`segment.rs`).
//! * Buckets are in hash order, so a position in hash space is a cursor that no resize can
//!   invalidate.
//! * `next_deadline` of a segment is never later than the earliest deadline in it, those of fields of hashes included.
//!
//! # Where `unsafe` is
//!
//! In `entry/`, whose one allocation per key needs it, and in `prefetch.rs`, one instruction.
//!
//! # Layout
//!
//! ```text
//! Keyspace ─ Table ─ directory (u32 per hash prefix) ─► Segment ─► [Bucket; n] ─► Entry
//!                                                               64 bytes      one allocation:
//!                                                               7 tags, 7     header, lengths,
//!                                                               pointers      deadline, key, value
//! ```
//!
//! A segment grows without reading its entries, splits when it has some hundreds to a thousand of them, and nothing ever
//! touches more than one segment's entries at a time, so that no operation takes long at any size.
//!
//! A lookup touches two cold cache lines: the bucket and the entry. [`Table::prefetch_bucket`] and
//! [`Table::prefetch_entry`] ask for them early when several commands are known in advance.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the keyspace keeps hash bits in the upper 16 bits of pointers and needs a 64-bit target");

mod bucket;
mod bulk;
mod capture;
mod clue;
mod entry;
mod expire;
mod hash;
mod hasher;
pub mod hyperloglog;
mod keyspace;
mod large;
mod list;
mod packed;
mod prefetch;
mod sample;
mod scan;
mod segment;
mod set;
mod slot;
mod sorted_set;
mod stream;
mod table;
mod thresholds;
mod value;

pub use bulk::Incoming;
pub use capture::{Capture, DatabaseFacts, Opened, Part};
pub use entry::{EMBEDDED_MAX_BYTES, Entry};
pub use expire::Expired;
pub use graven_listpack::{Item, parse_canonical};
pub use hash::{Field, FieldDeadline, HashBuilder, HashMut, HashRef};
pub use hasher::{Hasher, Key};
pub use keyspace::Keyspace;
pub use list::{List, ListLimits, ListRef, Side};
pub use prefetch::MemberPlace;
pub use set::{Probe, SetBuilder, SetMut, SetRef};
pub use slot::{Occupied, Slot, Vacant};
pub use sorted_set::{LexBound, LexRange, Members, ScoreRange, SortedPairs, SortedSet, SortedSetBuilder, SortedSetMut, SortedSetRef};
pub use stream::{
    Consumer, ConsumerId, Fields, Group, NodeFacts, Pending, Stream, StreamDamage, StreamEntry, StreamId, StreamNodes, StreamParts,
    StreamRange, Trim, TrimTo, check_node,
};
pub use table::{Table, TableStats};
pub use thresholds::Thresholds;
pub use value::{Encoding, ObjectType, Packed, StringRef};
