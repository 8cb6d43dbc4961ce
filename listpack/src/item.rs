//! One item: how it is encoded and decoded.

use crate::integer::parse_canonical;

/// An item of a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An integer: the string is its decimal form.
    Int(i64),
    /// A string that is no integer.
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The item that a string is stored as.
    #[inline]
    pub fn of(string: &'a [u8]) -> Item<'a> {
        match parse_canonical(string) {
            Some(number) => Item::Int(number),
            None => Item::Bytes(string),
        }
    }

    /// Length of the string in bytes.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        match self {
            Item::Int(number) => {
                let digits = number.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
                digits + usize::from(number < 0)
            }
            Item::Bytes(bytes) => bytes.len(),
        }
    }

    /// The string; an integer is printed into `scratch`.
    #[inline]
    pub fn to_bytes<'s>(self, scratch: &'s mut [u8; 20]) -> &'s [u8]
    where
        'a: 's,
    {
        match self {
            Item::Bytes(bytes) => bytes,
            Item::Int(number) => {
                let mut digits = itoa::Buffer::new();
                let text = digits.format(number).as_bytes();
                scratch[..text.len()].copy_from_slice(text);
                &scratch[..text.len()]
            }
        }
    }

    /// An owned copy of the string.
    pub fn to_vec(self) -> Vec<u8> {
        self.to_bytes(&mut [0; 20]).to_vec()
    }

    /// Bytes that encoding and content take, without the back-length.
    #[inline]
    pub(crate) fn encoded_len(self) -> usize {
        match self {
            Item::Int(number) => match number {
                0..=127 => 1,
                -4096..=4095 => 2,
                -0x8000..=0x7fff => 3,
                -0x80_0000..=0x7f_ffff => 4,
                -0x8000_0000..=0x7fff_ffff => 5,
                _ => 9,
            },
            Item::Bytes(bytes) => match bytes.len() {
                len @ 0..=63 => 1 + len,
                len @ 64..=4095 => 2 + len,
                len => 5 + len,
            },
        }
    }

    /// Bytes that the item takes in a listpack.
    #[inline]
    pub fn stored_len(self) -> usize {
        let len = self.encoded_len();
        len + back_len(len)
    }

    /// Writes the item to the start of `out`, which is [`Item::stored_len`] bytes long.
    pub fn write(self, out: &mut [u8]) {
        let len = self.encoded_len();
        let (content, back) = out.split_at_mut(len);
        match self {
            Item::Int(number) => match len {
                1 => content[0] = number as u8,
                2 => content.copy_from_slice(&(0xc000 | number as u16 & 0x1fff).to_be_bytes()),
                _ => {
                    content[0] = match len {
                        3 => 0xf1,
                        4 => 0xf2,
                        5 => 0xf3,
                        _ => 0xf4,
                    };
                    content[1..].copy_from_slice(&number.to_le_bytes()[..len - 1]);
                }
            },
            Item::Bytes(bytes) => {
                let header = len - bytes.len();
                match header {
                    1 => content[0] = 0x80 | bytes.len() as u8,
                    2 => content[..2].copy_from_slice(&(0xe000 | bytes.len() as u16).to_be_bytes()),
                    _ => {
                        content[0] = 0xf0;
                        let len = u32::try_from(bytes.len()).expect("an item is shorter than 4 GiB");
                        content[1..5].copy_from_slice(&len.to_le_bytes());
                    }
                }
                content[header..].copy_from_slice(bytes);
            }
        }
        write_back_len(back, len);
    }

    /// Decodes the item at `at`; returns it and the length of encoding and content. The bytes are a listpack's.
    #[inline]
    pub(crate) fn read(bytes: &'a [u8], at: usize) -> (Item<'a>, usize) {
        let first = bytes[at];
        let string = |header: usize, len: usize| (Item::Bytes(&bytes[at + header..at + header + len]), header + len);
        let int = |len: usize| {
            // The number's bytes go to the upper end, so that the shift back extends the sign.
            let mut raw = [0; 8];
            raw[8 - len..].copy_from_slice(&bytes[at + 1..at + 1 + len]);
            (Item::Int(i64::from_le_bytes(raw) >> (64 - 8 * len)), 1 + len)
        };
        match first {
            0..0x80 => (Item::Int(i64::from(first)), 1),
            0x80..0xc0 => string(1, usize::from(first & 0x3f)),
            0xc0..0xe0 => {
                let raw = u16::from_be_bytes([first, bytes[at + 1]]);
                (Item::Int(i64::from((raw << 3) as i16 >> 3)), 2)
            }
            0xe0..0xf0 => string(2, usize::from(first & 0x0f) << 8 | usize::from(bytes[at + 1])),
            0xf0 => string(5, read_u32(bytes, at + 1)),
            0xf1 => int(2),
            0xf2 => int(3),
            0xf3 => int(4),
            _ => int(8),
        }
    }

    /// The length of encoding and content of the item at `at`.
    #[inline]
    pub(crate) fn len_at(bytes: &[u8], at: usize) -> usize {
        let first = bytes[at];
        match first {
            0..0x80 => 1,
            0x80..0xc0 => 1 + usize::from(first & 0x3f),
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[at + 1])),
            0xf0 => 5 + read_u32(bytes, at + 1),
            0xf1 => 3,
            0xf2 => 4,
            0xf3 => 5,
            _ => 9,
        }
    }
}

pub(crate) fn read_u32(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes")) as usize
}

/// Bytes of a back-length. The limits are Redis's, one below what the groups could hold.
#[inline]
pub(crate) fn back_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

fn write_back_len(out: &mut [u8], mut len: usize) {
    let groups = out.len();
    for (i, byte) in out.iter_mut().rev().enumerate() {
        *byte = (len & 0x7f) as u8 | if i + 1 < groups { 0x80 } else { 0 };
        len >>= 7;
    }
}

/// The back-length that ends before `end`, and how many bytes it is; `None` if it is longer than five.
pub(crate) fn read_back_len(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let mut len = 0;
    for i in 0..5 {
        let byte = *bytes.get(end.checked_sub(i + 1)?)?;
        len |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((len, i + 1));
        }
    }
    None
}
