//! A value by itself, as `DUMP` gives it away and `RESTORE` takes it.
//!
//! ```text
//! type  value …  version (2 bytes, little endian)  CRC-64 of all before (8 bytes, little endian)
//! ```
//!
//! Type and value are as in a file. <https://redis.io/docs/latest/commands/dump/>

use crc_fast::{CrcAlgorithm, checksum};

use crate::format::is_known_version;
use crate::source::Source;
use crate::writer::Version;
use crate::{Error, Value, value};

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
const FOOTER_BYTES: usize = VERSION_BYTES + CHECKSUM_BYTES;

/// Why a payload is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It was written by a newer server, or is not what was written.
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    /// The value is damaged, or of a type that cannot be loaded.
    #[error("Bad data format")]
    Value(#[source] Option<Error>),
}

/// Makes a payload of a type and a value.
pub fn seal(mut bytes: Vec<u8>, version: Version) -> Vec<u8> {
    let version = u16::try_from(version.number()).expect("versions are small");
    bytes.extend_from_slice(&version.to_le_bytes());
    let crc = checksum(CrcAlgorithm::Crc64Redis, &bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The value of a payload: whole, checked, and with nothing behind it.
///
/// # Errors
///
/// [`PayloadError`]; never a panic, and never more memory than a constant factor of the payload.
pub fn open(payload: &[u8]) -> Result<Value, PayloadError> {
    let Some(end) = payload.len().checked_sub(FOOTER_BYTES) else { return Err(PayloadError::Footer) };
    let (content, footer) = payload.split_at(end);
    let (version, stored) = footer.split_at(VERSION_BYTES);
    let version = u32::from(u16::from_le_bytes(version.try_into().expect("split there")));
    let stored = u64::from_le_bytes(stored.try_into().expect("split there"));
    if !is_known_version(version) || checksum(CrcAlgorithm::Crc64Redis, &payload[..end + VERSION_BYTES]) != stored {
        return Err(PayloadError::Footer);
    }
    let Some((&code, body)) = content.split_first() else { return Err(PayloadError::Value(None)) };
    let mut source = Source::new(body);
    match value::read(code, version, &mut source) {
        Ok(Some(value)) if !value.is_empty() && source.offset() == body.len() as u64 => Ok(value),
        Ok(_) => Err(PayloadError::Value(None)),
        Err(e) => Err(PayloadError::Value(Some(e))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_payload_is_refused_and_never_panics() {
        let payload = seal(b"\x00\x05hello".to_vec(), Version::Redis7);
        assert_eq!(open(&payload).unwrap(), Value::String(b"hello".to_vec()));
        for at in 0..payload.len() {
            for bit in 0..8 {
                let mut damaged = payload.clone();
                damaged[at] ^= 1 << bit;
                assert!(matches!(open(&damaged), Err(PayloadError::Footer)));
            }
        }
        for len in 0..payload.len() {
            assert!(open(&payload[..len]).is_err());
        }
    }

    #[test]
    fn a_value_with_something_behind_it_is_refused() {
        let payload = seal(b"\x00\x05hello!".to_vec(), Version::Redis7);
        assert!(matches!(open(&payload), Err(PayloadError::Value(None))));
    }
}
