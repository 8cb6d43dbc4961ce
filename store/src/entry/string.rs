//! Strings: bytes beside the key, an integer, or a vector of their own when they are long.

use super::shape::{Kind, RAW, size_class};
use super::{EMBEDDED_MAX_BYTES, Entry};
use crate::large::Large;
use crate::value::StringRef;
use graven_listpack::parse_canonical;
use std::sync::atomic::Ordering::Relaxed;

impl Entry {
    /// A string; canonical integers are recognised.
    pub fn new_string(key: &[u8], value: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        match parse_canonical(value) {
            Some(number) => Self::new_int(key, number, deadline, access),
            None => Self::new_bytes(key, value, deadline, access),
        }
    }

    /// A string that is the decimal form of `number`.
    pub fn new_int(key: &[u8], number: i64, deadline: Option<u64>, access: u32) -> Entry {
        let mut entry = Self::allocate(Kind::Int, false, key, deadline, access, size_of::<i64>());
        entry.write_int(number);
        entry
    }

    /// A string whose bytes are stored as they are, also if they look like an integer.
    pub fn new_bytes(key: &[u8], value: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        if value.len() > EMBEDDED_MAX_BYTES {
            return Self::new_large(key, Large::String(value.to_vec()), deadline, access);
        }
        let mut entry = Self::allocate(Kind::Bytes, false, key, deadline, access, value.len());
        entry.write_payload(0, value);
        entry
    }

    /// A string stored as bytes, whose encoding is `raw`.
    pub fn new_raw(key: &[u8], value: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        let mut entry = Self::new_bytes(key, value, deadline, access);
        entry.mark_raw();
        entry
    }

    /// The value, if it is a string.
    #[inline]
    pub fn string(&self) -> Option<StringRef<'_>> {
        match self.kind() {
            Kind::Bytes => Some(StringRef::Bytes(self.payload())),
            Kind::Int => {
                let number = self.payload().try_into().expect("an integer's payload is 8 bytes");
                Some(StringRef::Int(i64::from_ne_bytes(number)))
            }
            Kind::Large => match self.large() {
                Some(Large::String(bytes)) => Some(StringRef::Bytes(bytes)),
                Some(Large::SharedString(bytes)) => Some(StringRef::Bytes(bytes)),
                _ => None,
            },
            Kind::Packed(_) => None,
        }
    }

    fn write_int(&mut self, number: i64) {
        debug_assert_eq!(self.kind(), Kind::Int);
        self.write_payload(0, &number.to_ne_bytes());
    }

    /// Makes the value this string, recognising integers.
    pub(crate) fn set_string(&mut self, value: &[u8]) {
        match parse_canonical(value) {
            Some(number) => self.set_int(number),
            None => self.set_bytes(value),
        }
    }

    /// Makes the value this string, as bytes.
    pub(crate) fn set_bytes(&mut self, value: &[u8]) {
        if self.kind() == Kind::Bytes {
            let payload = self.payload_mut();
            if payload.len() == value.len() {
                payload.copy_from_slice(value);
                self.clear_raw();
                return;
            }
        }
        if value.len() > EMBEDDED_MAX_BYTES {
            if let Some(bytes) = self.large_mut().and_then(Large::string_mut)
                && bytes.capacity() >= value.len()
                && bytes.capacity() / 2 <= value.len()
            {
                bytes.clear();
                bytes.extend_from_slice(value);
                self.clear_raw();
                return;
            }
        } else if self.reshape(Kind::Bytes, false, value.len()) {
            self.write_payload(0, value);
            return;
        }
        self.become_entry(Self::new_bytes(self.key(), value, self.deadline(), self.access()));
    }

    /// Makes the value this number.
    pub(crate) fn set_int(&mut self, number: i64) {
        if self.kind() == Kind::Int || self.reshape(Kind::Int, false, size_of::<i64>()) {
            self.write_int(number);
        } else {
            self.become_entry(Self::new_int(self.key(), number, self.deadline(), self.access()));
        }
    }

    /// Adds `tail` to the end of the string; returns the new length.
    pub(crate) fn append(&mut self, tail: &[u8]) -> usize {
        let len = self.string().map_or(0, StringRef::len);
        self.set_range(len, tail)
    }

    /// Overwrites the string from `offset` on, filling a gap with zeros; returns the new length. Nothing happens if
    /// `bytes` is empty, except that the string becomes raw.
    pub(crate) fn set_range(&mut self, offset: usize, bytes: &[u8]) -> usize {
        if let Some(string) = self.large_mut().and_then(Large::string_mut) {
            write_range(string, offset, bytes);
            let len = string.len();
            self.mark_raw();
            return len;
        }
        let mut scratch = [0; 20];
        let old_len = self.string().map_or(0, StringRef::len);
        let len = if bytes.is_empty() { old_len } else { old_len.max(offset + bytes.len()) };
        if len > EMBEDDED_MAX_BYTES {
            let old = self.string().expect("a small entry is a string").to_bytes(&mut scratch);
            let mut string = Vec::with_capacity(size_class(len));
            string.extend_from_slice(old);
            write_range(&mut string, offset, bytes);
            let new = Self::new_boxed(self.key(), Box::new(Large::String(string)), true, self.deadline(), self.access());
            self.become_entry(new);
            return len;
        }
        if self.kind() != Kind::Bytes || !self.reshape(Kind::Bytes, true, len) {
            let old = self.string().expect("a small entry is a string").to_bytes(&mut scratch);
            let mut new = Self::allocate(Kind::Bytes, true, self.key(), self.deadline(), self.access(), len);
            new.write_payload(0, old);
            self.become_entry(new);
        }
        let zeros = [0; EMBEDDED_MAX_BYTES];
        self.write_payload(old_len, &zeros[..offset.clamp(old_len, len) - old_len]);
        if !bytes.is_empty() {
            self.write_payload(offset, bytes);
        }
        len
    }

    fn clear_raw(&mut self) {
        let header = self.flags();
        self.header().store(header & !RAW, Relaxed);
    }

    /// Makes the encoding of a byte string `raw`.
    pub(crate) fn mark_raw(&mut self) {
        let header = self.flags();
        self.header().store(header | RAW, Relaxed);
    }
}

fn write_range(string: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if offset == string.len() {
        string.extend_from_slice(bytes);
        return;
    }
    if string.len() < offset + bytes.len() {
        string.resize(offset + bytes.len(), 0);
    }
    string[offset..offset + bytes.len()].copy_from_slice(bytes);
}
