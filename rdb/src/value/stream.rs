//! Streams with their groups.

use std::io::Read;

use crate::format::value_type;
use crate::source::Source;
use crate::{Error, Result, ValueDamage};

/// An entry's identifier: milliseconds, then the number within them, big-endian, so that the order of bytes is that of
/// entries.
pub type Id = [u8; 16];

/// A stream. What is in its nodes, and whether the numbers agree with that, is not checked by the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Each node's identifier and its listpack.
    pub nodes: Vec<(Id, Vec<u8>)>,
    /// Living entries.
    pub length: u64,
    /// The last identifier given out.
    pub last_id: Id,
    /// The first living entry; the first layout does not say it.
    pub first_id: Option<Id>,
    /// The greatest identifier deleted.
    pub max_deleted_id: Id,
    /// Entries ever added; the first layout does not say it.
    pub entries_added: Option<u64>,
    /// The groups.
    pub groups: Vec<Group>,
}

/// A group of consumers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// The last entry delivered to anybody.
    pub last_id: Id,
    /// How many entries were read up to there, `None` if that is not known. The first layout does not say it either:
    /// [`Stream::entries_added`] tells whether it was that.
    pub entries_read: Option<u64>,
    /// The consumers, whose names may be there twice.
    pub consumers: Vec<Consumer>,
    /// What was delivered and not acknowledged, in ascending order.
    pub pending: Vec<Pending>,
}

/// A consumer of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it last asked for something, milliseconds since 1970.
    pub seen_ms: u64,
    /// When it was last given something, milliseconds since 1970; `None` if never. Only the third layout says it: in the others
    /// it is when it last asked.
    pub active_ms: Option<u64>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The entry.
    pub id: Id,
    /// When it was delivered last, milliseconds since 1970.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// To which of the group's consumers.
    pub consumer: usize,
}

/// The number of entries read that says that it is not known.
pub(crate) const ENTRIES_READ_UNKNOWN: u64 = u64::MAX;

const EXPECTED: &str = "a stream";

impl Stream {
    pub(super) fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<Stream> {
        Self::read_with(code, source, |_, _| true)
    }

    /// Reads a stream; one of which `is_node` does not let a node through is damaged.
    pub(crate) fn read_with<R: Read>(code: u8, source: &mut Source<R>, is_node: impl Fn(&Id, &[u8]) -> bool) -> Result<Stream> {
        let mut stream = Stream::default();
        for _ in 0..source.length(EXPECTED)? {
            let offset = source.offset();
            let id = source.string(EXPECTED)?;
            let id = id.try_into().map_err(|_| Error::BadValue { offset, damage: ValueDamage::StreamNode })?;
            let node = source.string(EXPECTED)?;
            if !is_node(&id, &node) {
                return Err(Error::BadValue { offset, damage: ValueDamage::StreamEntries });
            }
            stream.nodes.push((id, node));
        }
        stream.length = source.length(EXPECTED)?;
        stream.last_id = read_id(source)?;
        if code != value_type::STREAM {
            stream.first_id = Some(read_id(source)?);
            stream.max_deleted_id = read_id(source)?;
            stream.entries_added = Some(source.length(EXPECTED)?);
        }
        for _ in 0..source.length(EXPECTED)? {
            stream.groups.push(Group::read(code, source)?);
        }
        Ok(stream)
    }
}

impl Group {
    fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<Group> {
        let mut group = Group { name: source.string(EXPECTED)?, last_id: read_id(source)?, ..Group::default() };
        if code != value_type::STREAM {
            group.entries_read = Some(source.length(EXPECTED)?).filter(|read| *read != ENTRIES_READ_UNKNOWN);
        }
        // Entries belong to nobody until their consumer is read.
        const NOBODY: usize = usize::MAX;
        for _ in 0..source.length(EXPECTED)? {
            let offset = source.offset();
            let id = source.array(EXPECTED)?;
            if group.pending.last().is_some_and(|before: &Pending| before.id >= id) {
                return Err(Error::BadValue { offset, damage: ValueDamage::Pending });
            }
            let delivered_ms = read_time(source)?.unwrap_or(0);
            group.pending.push(Pending { id, delivered_ms, deliveries: source.length(EXPECTED)?, consumer: NOBODY });
        }
        for index in 0..source.length(EXPECTED)? {
            let name = source.string(EXPECTED)?;
            let seen_ms = read_time(source)?.unwrap_or(0);
            let active_ms = if code == value_type::STREAM_3 { read_time(source)? } else { Some(seen_ms) };
            group.consumers.push(Consumer { name, seen_ms, active_ms });
            for _ in 0..source.length(EXPECTED)? {
                let offset = source.offset();
                let id: Id = source.array(EXPECTED)?;
                let pending = group.pending.binary_search_by_key(&id, |pending| pending.id).ok();
                match pending.map(|place| &mut group.pending[place]) {
                    Some(pending) if pending.consumer == NOBODY => pending.consumer = index as usize,
                    _ => return Err(Error::BadValue { offset, damage: ValueDamage::Pending }),
                }
            }
        }
        if group.pending.iter().any(|pending| pending.consumer == NOBODY) {
            return Err(Error::BadValue { offset: source.offset(), damage: ValueDamage::Pending });
        }
        Ok(group)
    }
}

/// An identifier as two numbers.
fn read_id<R: Read>(source: &mut Source<R>) -> Result<Id> {
    let mut id = [0; 16];
    let (ms, seq) = id.split_at_mut(8);
    ms.copy_from_slice(&source.length(EXPECTED)?.to_be_bytes());
    seq.copy_from_slice(&source.length(EXPECTED)?.to_be_bytes());
    Ok(id)
}

/// A moment; `None` for the one before 1970 that stands for never.
fn read_time<R: Read>(source: &mut Source<R>) -> Result<Option<u64>> {
    Ok(u64::try_from(i64::from_le_bytes(source.array(EXPECTED)?)).ok())
}
