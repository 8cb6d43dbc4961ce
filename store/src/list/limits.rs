//! How large a list, and a node of a large one, may become: `list-max-listpack-size` and `list-compress-depth`.

use crate::thresholds::Thresholds;

/// Bytes of a node for `list-max-listpack-size` -1, -2, …
const NODE_BYTES: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// Bytes of a node whose limit is a number of items.
const SAFE_NODE_BYTES: usize = 8 << 10;

/// The limits of one list. A large list keeps those that it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    fill: i32,
    compress_depth: u32,
}

impl ListLimits {
    /// The configured limits.
    #[inline]
    pub fn of(thresholds: &Thresholds) -> ListLimits {
        ListLimits {
            fill: thresholds.list_max_listpack_size.clamp(-(NODE_BYTES.len() as i64), i64::from(i16::MAX)) as i32,
            compress_depth: u32::try_from(thresholds.list_compress_depth).unwrap_or(u32::MAX),
        }
    }

    /// Nodes at each end that are not compressed; 0: none is compressed.
    pub(super) fn compress_depth(self) -> usize {
        self.compress_depth as usize
    }

    /// The most bytes that the buffer of a node needs, unless a single item is longer.
    #[inline]
    pub(super) fn node_bytes(self) -> usize {
        if self.fill < 0 { NODE_BYTES[(-self.fill - 1) as usize] } else { SAFE_NODE_BYTES }
    }

    fn node_items(self) -> usize {
        self.fill.max(1) as usize
    }

    /// Whether a listpack of so many bytes and items would be too large.
    #[inline]
    pub(super) fn exceeded(self, bytes: usize, items: usize) -> bool {
        bytes > self.node_bytes() || self.fill >= 0 && items > self.node_items()
    }

    /// Whether a list has shrunk so far that it becomes a listpack again: to half of the limit.
    #[inline]
    pub(super) fn undershot(self, bytes: usize, items: usize) -> bool {
        match self.fill {
            ..0 => bytes <= self.node_bytes() / 2,
            _ => items <= self.node_items() / 2,
        }
    }
}
