//! `DEBUG DIGEST`: a fingerprint of the data set that does not depend on the order of keys, equal to the one that
//! `redis-server` computes of the same data.
//!
//! Each key has a digest of its own, in which its parts are mixed in order. The digests are hashed once more and
//! combined by exclusive or, so that their order does not matter. Within a value it is the same: items of a list and entries of
//! a stream are mixed in order; members and fields are combined, each with a digest of its own if a score or value belongs to it.

use graven_engine::Engine;
use graven_store::{Entry, ObjectType, StringRef};
use sha1::{Digest as _, Sha1};

/// A SHA-1 fingerprint in the making.
#[derive(Clone, Copy, Default)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    /// Adds something whose order among other additions does not matter.
    fn add(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds something whose order matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_string(&mut self, string: StringRef<'_>) {
        self.mix(string.to_bytes(&mut [0; 20]));
    }

    /// Adds an element that consists of parts; their order matters, that of elements does not.
    fn add_parts(&mut self, parts: impl FnOnce(&mut Digest)) {
        let mut element = Digest::default();
        parts(&mut element);
        self.add(&element.0);
    }

    /// Type, value and deadline.
    fn mix_value(&mut self, entry: &Entry) {
        let kind: u32 = match entry.object_type() {
            ObjectType::String => 0,
            ObjectType::List => 1,
            ObjectType::Set => 2,
            ObjectType::SortedSet => 3,
            ObjectType::Hash => 4,
            ObjectType::Stream => 6,
        };
        self.mix(&kind.to_be_bytes());
        if let Some(string) = entry.string() {
            self.mix_string(string);
        } else if let Some(list) = entry.list() {
            list.for_each(|item| self.mix(item.to_bytes(&mut [0; 20])));
        } else if let Some(set) = entry.set() {
            set.iter().for_each(|member| self.add(member.to_bytes(&mut [0; 20])));
        } else if let Some(set) = entry.sorted_set() {
            for (member, score) in set.iter() {
                self.add_parts(|element| {
                    element.mix_string(member);
                    element.mix(seventeen_digits(score).as_bytes());
                });
            }
        } else if let Some(hash) = entry.hash() {
            for field in hash.iter() {
                self.add_parts(|element| {
                    element.mix_string(field.name);
                    element.mix_string(field.value);
                    if field.deadline.is_some() {
                        element.add(b"!!hexpire!!");
                    }
                });
            }
        } else if let Some(stream) = entry.stream() {
            stream.digest_parts(&mut |part| self.mix(part));
        }
        if entry.deadline().is_some() {
            self.add(b"!!expire!!");
        }
    }

    pub(super) fn of_value(entry: &Entry) -> Digest {
        let mut digest = Digest::default();
        digest.mix_value(entry);
        digest
    }

    pub(super) fn of_everything(engine: &Engine) -> Digest {
        let mut all = Digest::default();
        for index in 0..engine.keyspace.databases() {
            let db = engine.keyspace.db(index);
            if db.is_empty() {
                continue;
            }
            all.mix(&(index as u32).to_be_bytes());
            for entry in db.iter() {
                let mut digest = Digest::default();
                digest.mix(entry.key());
                digest.mix_value(entry);
                all.add(&digest.0);
            }
        }
        all
    }

    pub(super) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A number with 17 digits as C prints it (`%.17g`): without zeros at the end, and with an exponent only if that is below -4 or
/// above 16.
fn seventeen_digits(number: f64) -> String {
    const DIGITS: i32 = 17;
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let without_zeros =
        |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
    let scientific = format!("{number:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("it was asked for");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..DIGITS).contains(&exponent) {
        return without_zeros(&format!("{number:.*}", (DIGITS - 1 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use graven_store::{Stream, StreamId, Thresholds};

    #[test]
    fn numbers_are_printed_as_c_does() {
        for (number, text) in [
            (0.1, "0.10000000000000001"),
            (3.5, "3.5"),
            (-0.0, "-0"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (-1e-7, "-9.9999999999999995e-08"),
            (1e300, "1.0000000000000001e+300"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(seventeen_digits(number), text);
        }
    }

    #[test]
    fn a_value_has_the_digest_that_redis_computes() {
        let entry = Entry::new_string(b"a", b"b", None, 0);
        assert_eq!(Digest::of_value(&entry).hex(), "b78559cd22bce6e6df712eb99ce7f3b08e8f8f1f");
    }

    #[test]
    fn a_stream_has_the_digest_that_redis_computes() {
        let mut stream = Stream::default();
        let mut add = |ms, seq, pairs: &[&[u8]]| stream.append(StreamId { ms, seq }, pairs.iter().copied(), &Thresholds::default());
        add(5, 1, &[b"f", b"v"]);
        add(6, 0, &[b"f", b"7"]);
        add(6, 1, &[b"g", b"x", b"h", b"300"]);
        stream.delete([StreamId { ms: 6, seq: 0 }].into_iter());
        let entry = Entry::new_stream(b"z", stream, None, 0);
        assert_eq!(Digest::of_value(&entry).hex(), "5202643a2257ca505dbd8cd8a36ab7888b5a1018");
    }

    #[test]
    fn an_expiry_changes_the_digest_and_its_time_does_not() {
        let of = |deadline| Digest::of_value(&Entry::new_string(b"a", b"b", deadline, 0)).hex();
        assert_ne!(of(None), of(Some(1)));
        assert_eq!(of(Some(2)), of(Some(1)));
    }
}
