//! Where things are in an entry's allocation: header, lengths, deadline, key, payload, as the drawing in the parent module has them.

use crate::value::Packed;
use std::alloc::Layout;

pub(super) const HEADER_BYTES: usize = size_of::<u32>();
const ALIGN: usize = 8;
pub(super) const KIND_SHIFT: u32 = 24;
pub(super) const RAW: u32 = 1 << 28;
pub(super) const WIDE_KEY: u32 = 1 << 29;
pub(super) const WIDE_PAYLOAD: u32 = 1 << 30;
pub(super) const HAS_DEADLINE: u32 = 1 << 31;

/// How the payload is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bytes of a string.
    Bytes,
    /// An `i64`, the string being its decimal form.
    Int,
    /// A pointer to a [`Large`](crate::large::Large).
    Large,
    /// The compact bytes of a small collection.
    Packed(Packed),
}

impl Kind {
    const FIRST_PACKED: u32 = 3;

    #[inline(always)]
    pub(super) fn code(self) -> u32 {
        match self {
            Kind::Bytes => 0,
            Kind::Int => 1,
            Kind::Large => 2,
            Kind::Packed(packed) => Self::FIRST_PACKED + packed as u32,
        }
    }

    #[inline(always)]
    pub(super) fn of_code(code: u32) -> Kind {
        match code {
            0 => Kind::Bytes,
            1 => Kind::Int,
            2 => Kind::Large,
            code => Kind::Packed(Packed::ALL[(code - Self::FIRST_PACKED) as usize]),
        }
    }
}

/// Where things are in an allocation, as the header and the lengths say.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) header: u32,
    pub(super) key_len: usize,
    pub(super) payload_len: usize,
}

impl Shape {
    pub(super) fn new(kind: Kind, raw: bool, key_len: usize, payload_len: usize, has_deadline: bool) -> Shape {
        let mut header = kind.code() << KIND_SHIFT;
        for (flag, on) in [(RAW, raw), (WIDE_KEY, key_len > 255), (WIDE_PAYLOAD, payload_len > 255), (HAS_DEADLINE, has_deadline)] {
            header |= if on { flag } else { 0 };
        }
        Shape { header, key_len, payload_len }
    }

    #[inline(always)]
    pub(super) fn payload_len_at(header: u32) -> usize {
        HEADER_BYTES + if header & WIDE_KEY == 0 { 1 } else { 4 }
    }

    #[inline(always)]
    pub(super) fn deadline_at(header: u32) -> usize {
        Self::payload_len_at(header) + if header & WIDE_PAYLOAD == 0 { 1 } else { 4 }
    }

    #[inline(always)]
    pub(super) fn key_at(header: u32) -> usize {
        Self::deadline_at(header) + if header & HAS_DEADLINE == 0 { 0 } else { 8 }
    }

    #[inline(always)]
    pub(super) fn payload_at(self) -> usize {
        Self::key_at(self.header) + self.key_len
    }

    pub(super) fn layout(self) -> Layout {
        let size = size_class(self.payload_at() + self.payload_len);
        Layout::from_size_align(size, ALIGN).expect("key and payload are shorter than isize::MAX together")
    }
}

/// `bytes` rounded up to what an allocator would reserve for it: multiples of 16 up to 128, then four steps per doubling.
pub(crate) fn size_class(bytes: usize) -> usize {
    if bytes <= 128 {
        bytes.next_multiple_of(16).max(16)
    } else {
        bytes.next_multiple_of(1 << (usize::BITS - (bytes - 1).leading_zeros() - 3))
    }
}

/// Reads a length of one byte, or of four if `wide`.
///
/// # Safety
/// That many initialised bytes are at `at`.
#[inline(always)]
pub(super) unsafe fn read_len(at: *const u8, wide: bool) -> usize {
    // SAFETY: the caller promises it.
    unsafe { if wide { at.cast::<u32>().read_unaligned() as usize } else { usize::from(*at) } }
}

/// Writes a length of one byte, or of four if `wide`.
///
/// # Safety
/// That many bytes at `at` may be written.
pub(super) unsafe fn write_len(at: *mut u8, len: usize, wide: bool) {
    // SAFETY: the caller promises it.
    unsafe {
        if wide {
            let len = u32::try_from(len).expect("keys and embedded values are shorter than 4 GiB");
            at.cast::<u32>().write_unaligned(len);
        } else {
            *at = u8::try_from(len).expect("a narrow length is below 256");
        }
    }
}
