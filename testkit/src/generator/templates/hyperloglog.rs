//! Templates of the group `hyperloglog`.

use super::Table;

/// Every form, the invalid ones included.
pub const ALL: Table = &[
    "PFADD {k:hll}",
    "PFADD {k:hll} {v}",
    "PFADD {k:hll} {v} {v} {v} {v} {v}",
    "PFADD {k:hll} {element} {element} {element} {element} {element} {element} {element} {element} {element} {element}",
    "PFADD {k:hll} {element} {element} {element} {element} {element} {element} {element} {element} {element} {element}",
    "PFCOUNT {k:hll}",
    "PFCOUNT {k:hll}",
    "PFCOUNT {k:hll} {k:hll} {k:hll}",
    "PFMERGE {k:hll}",
    "PFMERGE {k:hll} {k:hll}",
    "PFMERGE {k:hll} {k:hll} {k:hll}",
    "PFDEBUG ENCODING {k:hll}",
    "PFDEBUG DECODE {k:hll}",
    "PFDEBUG TODENSE {k:hll}",
    "PFDEBUG GETREG {k:hll}",
    "PFDEBUG {junk} {k:hll}",
    "GET {k:hll}",
    "OBJECT ENCODING {k:hll}",
    "SETRANGE {k:hll} {smalloffset} x",
    "SET {k:hll} {v}",
    "DEL {k:hll}",
    "CONFIG SET hll-sparse-max-bytes {sparse}",
];

/// Valid commands that change data, for the tests of what is kept.
pub const WRITES: Table = &[
    "PFADD {k:hll} {v} {v} {v}",
    "PFADD {k:hll} {element} {element} {element} {element} {element} {element} {element} {element} {element} {element}",
    "PFADD {k:hll} {element} {element} {element} {element} {element} {element} {element} {element} {element} {element}",
    "PFCOUNT {k:hll}",
    "PFMERGE {k:hll} {k:hll} {k:hll}",
];
