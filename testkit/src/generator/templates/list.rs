//! Templates of the group `list`.

use super::Table;

/// Every form, the invalid ones included.
pub const ALL: Table = &[];

/// Valid commands that change data, for the tests of what is kept.
pub const WRITES: Table = &[];
