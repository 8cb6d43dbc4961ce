//! Values of RDB files, as the store keeps them. Compact bytes stay as they are if the limits allow such a collection to be
//! small; what the reader of files could not check is checked here, where it costs nothing: each member or field is there once,
//! and streams are what they say.

use graven_listpack::{Intset, Listpack};
use graven_rdb::{Group as GroupParts, Hash, Id, List, ListNode, Set, SortedSet, Stream as StreamValue, Value};
use graven_store::{
    Entry, Group, HashBuilder, Hasher, ListLimits, Packed, Pending, SetBuilder, SortedSetBuilder, Stream, StreamDamage, StreamId,
    StreamParts, StringRef, Thresholds,
};

/// Why a value cannot be loaded that is well-formed by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    #[error("there is no such type here")]
    Type,
    #[error("it has a member, a field, a group or a consumer twice")]
    Duplicate,
    #[error(transparent)]
    Stream(#[from] StreamDamage),
}

/// What a value becomes an entry with.
pub(super) struct Loader<'a> {
    pub(super) key: &'a [u8],
    pub(super) deadline: Option<u64>,
    pub(super) access: u32,
    pub(super) hasher: Hasher,
    pub(super) thresholds: Thresholds,
}

impl Loader<'_> {
    /// The entry of a value.
    pub(super) fn entry(&self, value: Value) -> Result<Entry, Damage> {
        Ok(match value {
            Value::String(string) => self.string(&string),
            Value::List(list) => self.list(&list),
            Value::Set(set) => self.set(&set)?,
            Value::SortedSet(set) => self.sorted_set(&set)?,
            Value::Hash(hash) => self.hash(&hash)?,
            Value::Stream(stream) => Entry::new_stream(self.key, self.stream(stream)?, self.deadline, self.access),
            _ => return Err(Damage::Type),
        })
    }

    /// The entry of a string.
    #[inline]
    pub(super) fn string(&self, string: &[u8]) -> Entry {
        Entry::new_string(self.key, string, self.deadline, self.access)
    }

    fn packed(&self, packed: Packed, bytes: &[u8]) -> Entry {
        Entry::new_packed(self.key, packed, bytes, self.deadline, self.access)
    }

    fn list(&self, list: &List) -> Entry {
        let limits = ListLimits::of(&self.thresholds);
        let as_it_is = match list {
            List::Nodes(nodes) => match nodes.as_slice() {
                [ListNode::Packed(bytes)] => Entry::new_packed_list(self.key, bytes, limits, self.deadline, self.access),
                _ => None,
            },
            List::Items(_) => None,
        };
        as_it_is.unwrap_or_else(|| Entry::new_list_with(self.key, |push| list.for_each(push), limits, self.deadline, self.access))
    }

    fn set(&self, set: &Set) -> Result<Entry, Damage> {
        let mut builder = SetBuilder::new(self.hasher, &self.thresholds);
        let mut is_unique = true;
        match set {
            Set::Packed(bytes) if items(bytes) <= self.thresholds.set_max_listpack_entries => return Ok(self.packed(Packed::Set, bytes)),
            Set::Intset(bytes) if Intset::new(bytes).len() <= self.thresholds.set_max_intset_entries => {
                return Ok(self.packed(Packed::Intset, bytes));
            }
            Set::Packed(bytes) => Listpack::new(bytes).iter().for_each(|item| is_unique &= builder.add(item.to_bytes(&mut [0; 20]))),
            Set::Intset(bytes) => Intset::new(bytes).iter().for_each(|number| is_unique &= builder.add_member(StringRef::Int(number))),
            Set::Members(members) => members.iter().for_each(|member| is_unique &= builder.add(member)),
        }
        if is_unique { Ok(builder.into_entry(self.key, self.deadline, self.access)) } else { Err(Damage::Duplicate) }
    }

    fn sorted_set(&self, set: &SortedSet) -> Result<Entry, Damage> {
        let (count, mut builder);
        let mut is_unique = true;
        match set {
            SortedSet::Packed(bytes) => {
                count = items(bytes) / 2;
                if count <= self.thresholds.zset_max_listpack_entries {
                    return Ok(self.packed(Packed::SortedSet, bytes));
                }
                builder = SortedSetBuilder::new(count, &self.thresholds, self.hasher);
                let entry = self.packed(Packed::SortedSet, bytes);
                for (member, score) in entry.sorted_set().expect("it is one").iter() {
                    is_unique &= builder.insert(member.to_bytes(&mut [0; 20]), score).is_none();
                }
            }
            SortedSet::Members { members, scores } => {
                builder = SortedSetBuilder::new(members.len(), &self.thresholds, self.hasher);
                for (member, score) in members.iter().zip(scores) {
                    is_unique &= builder.insert(member, *score).is_none();
                }
            }
        }
        if is_unique { Ok(builder.into_entry(self.key, self.deadline, self.access)) } else { Err(Damage::Duplicate) }
    }

    fn hash(&self, hash: &Hash) -> Result<Entry, Damage> {
        let mut builder = HashBuilder::new(self.hasher, &self.thresholds);
        let most = self.thresholds.hash_max_listpack_entries;
        let mut is_unique = true;
        match hash {
            Hash::Packed(bytes) if items(bytes) / 2 <= most => return Ok(self.packed(Packed::Hash, bytes)),
            Hash::Packed(bytes) | Hash::PackedWithDeadlines(bytes) => {
                let packed = if matches!(hash, Hash::Packed(_)) { Packed::Hash } else { Packed::HashWithDeadlines };
                let entry = self.packed(packed, bytes);
                let hash = entry.hash().expect("it is one");
                if hash.len() <= most && hash.is_in_order() {
                    return Ok(entry);
                }
                for field in hash.iter() {
                    is_unique &= builder.set(field.name.to_bytes(&mut [0; 20]), field.value.to_bytes(&mut [0; 20]), field.deadline);
                }
            }
            Hash::Fields { pairs, deadlines } => {
                let mut deadlines = deadlines.iter().map(|deadline| Some(*deadline).filter(|deadline| *deadline > 0));
                let mut strings = pairs.iter();
                while let (Some(field), Some(value)) = (strings.next(), strings.next()) {
                    is_unique &= builder.set(field, value, deadlines.next().flatten());
                }
            }
        }
        if is_unique { Ok(builder.finish(self.key, self.deadline, self.access)) } else { Err(Damage::Duplicate) }
    }

    fn stream(&self, value: StreamValue) -> Result<Stream, Damage> {
        let mut stream = Stream::from_parts(StreamParts {
            nodes: value.nodes.into_iter().map(|(id, listpack)| (StreamId::from_bytes(id), listpack)).collect(),
            length: value.length,
            last_id: StreamId::from_bytes(value.last_id),
            // It is found quickly, and a file could be wrong about it.
            first_id: None,
            max_deleted_id: StreamId::from_bytes(value.max_deleted_id),
            entries_added: value.entries_added,
        })?;
        for parts in value.groups {
            let last_id = StreamId::from_bytes(parts.last_id);
            let entries_read = if value.entries_added.is_some() { parts.entries_read } else { stream.entries_up_to(last_id) };
            let group = group(&parts, Group::new(last_id, entries_read))?;
            stream.create_group(&parts.name, group).ok_or(Damage::Duplicate)?;
        }
        Ok(stream)
    }
}

fn group(parts: &GroupParts, mut group: Group) -> Result<Group, Damage> {
    let mut consumers = Vec::with_capacity(parts.consumers.len());
    for consumer in &parts.consumers {
        if group.find_consumer(&consumer.name).is_some() {
            return Err(Damage::Duplicate);
        }
        let id = group.create_consumer(&consumer.name, consumer.seen_ms.min(Stream::COUNT_MAX));
        group.consumer_mut(id).active_ms = consumer.active_ms.map(|ms| ms.min(Stream::COUNT_MAX));
        consumers.push(id);
    }
    // Redis 6 and older let a client claim what no stream ever had. 0-0 can't be logged, and the first to claim it would find it gone.
    for pending in parts.pending.iter().filter(|pending| id_of(pending.id) != StreamId::MIN) {
        let to = Pending { delivered_ms: pending.delivered_ms, deliveries: pending.deliveries, consumer: consumers[pending.consumer] };
        group.deliver(id_of(pending.id), to);
    }
    Ok(group)
}

fn id_of(id: Id) -> StreamId {
    StreamId::from_bytes(id)
}

/// Items of a listpack.
fn items(bytes: &[u8]) -> usize {
    Listpack::new(bytes).len()
}
