//! Dense registers: six bits each, from the lowest bit of the first byte on.

use super::REGISTERS;

const BITS: usize = 6;
const MAX: u16 = (1 << BITS) - 1;

/// The two bytes that hold a register, as one number, and by how much it is shifted there. The last register needs no second
/// byte.
fn window(bytes: &[u8], index: usize) -> (usize, u32, u16) {
    let at = index * BITS / 8;
    let shift = (index * BITS % 8) as u32;
    (at, shift, u16::from_le_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)]))
}

/// All registers.
pub(super) fn registers(bytes: &[u8]) -> impl Iterator<Item = u8> {
    // Three bytes are four registers.
    bytes.as_chunks::<3>().0.iter().flat_map(|&[a, b, c]| {
        let four = u32::from_le_bytes([a, b, c, 0]);
        [0, 6, 12, 18].map(|shift| (four >> shift) as u8 & MAX as u8)
    })
}

/// What to overwrite from which byte on so that a register is `count`; `None` if it is that already, or more.
pub(super) fn raised(bytes: &[u8], index: usize, count: u8) -> Option<(usize, [u8; 2])> {
    let (at, shift, both) = window(bytes, index);
    if both >> shift & MAX >= u16::from(count) {
        return None;
    }
    let new = both & !(MAX << shift) | u16::from(count) << shift;
    Some((at, new.to_le_bytes()))
}

/// Appends all registers.
pub(super) fn push(out: &mut Vec<u8>, registers: &[u8; REGISTERS]) {
    for four in registers.as_chunks::<4>().0 {
        let packed = four.iter().rev().fold(0u32, |packed, register| packed << BITS | u32::from(*register));
        out.extend_from_slice(&packed.to_le_bytes()[..3]);
    }
}
