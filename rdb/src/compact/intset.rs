//! Sorted integers of one width.
//!
//! ```text
//! u32               u32      integer …
//! width: 2, 4 or 8  number   ascending, little-endian
//! ```

const HEADER_BYTES: usize = 8;

fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    Some((number(0)?, number(4)?))
}

/// Whether bytes are what they should be: whole, of a width that exists, in order, without duplicates.
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    let Some((width, number)) = header(bytes) else { return false };
    matches!(width, 2 | 4 | 8)
        && number.checked_mul(width).and_then(|content| content.checked_add(HEADER_BYTES)) == Some(bytes.len())
        && integers(bytes).is_sorted_by(|one, other| one < other)
}

/// The integers, of bytes that are valid.
pub(crate) fn integers(bytes: &[u8]) -> impl Iterator<Item = i64> {
    let width = header(bytes).map_or(8, |(width, _)| width).clamp(2, 8);
    bytes.get(HEADER_BYTES..).unwrap_or_default().chunks_exact(width).map(move |integer| {
        // The bytes go to the upper end, so that the shift back extends the sign.
        let mut raw = [0; 8];
        raw[8 - width..].copy_from_slice(integer);
        i64::from_le_bytes(raw) >> (64 - 8 * width)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_each_width_are_read_and_disorder_is_not() {
        let of = |width: u32, integers: &[i64]| {
            let mut bytes = [width.to_le_bytes(), (integers.len() as u32).to_le_bytes()].concat();
            integers.iter().for_each(|integer| bytes.extend_from_slice(&integer.to_le_bytes()[..width as usize]));
            bytes
        };
        for width in [2, 4, 8] {
            let bytes = of(width, &[-32768, -1, 0, 32767]);
            assert!(is_valid(&bytes));
            assert_eq!(integers(&bytes).collect::<Vec<_>>(), [-32768, -1, 0, 32767]);
            for wrong in [of(width, &[1, 1]), of(width, &[2, 1]), bytes[..bytes.len() - 1].to_vec(), [&bytes[..], b"x"].concat()] {
                assert!(!is_valid(&wrong), "{wrong:?}");
            }
        }
        assert!(!is_valid(&of(3, &[])) && !is_valid(&[]) && !is_valid(&[2, 0, 0, 0]));
    }
}
